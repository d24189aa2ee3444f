/**
 * heap-js, pinned: a binary heap.
 *
 * @module
 */

export { Heap } from "npm:heap-js@2.7.1";
