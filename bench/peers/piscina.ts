/**
 * piscina, pinned: the usual worker pool of Node. It runs in Deno, on `node:worker_threads`.
 *
 * @module
 */

export { Piscina } from "npm:piscina@5.3.2";
