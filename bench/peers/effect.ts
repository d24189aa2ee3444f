/**
 * Effect, pinned: fibers with structured concurrency. Only the modules needed, its barrel file loads some 150.
 *
 * @module
 */

export * as Effect from "npm:effect@4.1.0/Effect";
export * as Fiber from "npm:effect@4.1.0/Fiber";
export * as Queue from "npm:effect@4.1.0/Queue";
export * as Semaphore from "npm:effect@4.1.0/Semaphore";
