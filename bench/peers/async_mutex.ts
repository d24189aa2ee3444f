/**
 * async-mutex, pinned: a mutex and a semaphore with priorities and weights.
 *
 * @module
 */

export { Mutex } from "npm:async-mutex@0.5.0";
