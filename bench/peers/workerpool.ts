/**
 * workerpool, pinned: a pool of workers for Node and browsers. It runs in Deno, on `node:worker_threads`.
 *
 * @module
 */

export { default as workerpool } from "npm:workerpool@10.0.3";
