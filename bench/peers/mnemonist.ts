/**
 * mnemonist, pinned: data structures, of which its binary heap takes part.
 *
 * @module
 */

export { Heap } from "npm:mnemonist@0.40.8";
