/**
 * effection, pinned: structured concurrency on generators.
 *
 * @module
 */

export { type Operation, run, sleep, spawn, suspend, until } from "npm:effection@4.1.1";
