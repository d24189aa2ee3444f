/**
 * Gives the kernel its `AsyncLocalStorage` in a worker. By itself it would ask `process` for it, as
 * it has to load where there is no such module; and for `process` Deno loads all of Node's
 * compatibility layer: 12 of the 30 milliseconds that a worker took to start.
 *
 * @module
 */

import { AsyncLocalStorage } from "node:async_hooks";

Object.defineProperty(globalThis, "AsyncLocalStorage", {
  value: AsyncLocalStorage,
  configurable: true,
});
