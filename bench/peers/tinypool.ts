/**
 * tinypool, pinned: what became of piscina where test runners need it small. It runs in Deno, on `node:worker_threads`.
 *
 * @module
 */

export { Tinypool } from "npm:tinypool@2.2.0";
