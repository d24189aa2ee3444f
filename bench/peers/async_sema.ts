/**
 * async-sema, pinned: a semaphore for async functions.
 *
 * @module
 */

export { Sema } from "npm:async-sema@3.1.1";
