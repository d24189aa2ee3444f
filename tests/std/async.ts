/**
 * `@std/async` where JSR cannot be reached: the same code, from npm, under the types that npm's copy lacks. It is taken
 * file by file: the `mod.js` of that copy does not load, as its channel imports a file that is not there.
 *
 * @module
 */

export type * from "./async.d.ts";
// @ts-types="./async.d.ts"
export { abortable } from "npm:deno-std@1.4.0/async/abortable.js";
// @ts-types="./async.d.ts"
export { allKeyed, allSettledKeyed } from "npm:deno-std@1.4.0/async/all_keyed.js";
// @ts-types="./async.d.ts"
export { deadline } from "npm:deno-std@1.4.0/async/deadline.js";
// @ts-types="./async.d.ts"
export { debounce } from "npm:deno-std@1.4.0/async/debounce.js";
// @ts-types="./async.d.ts"
export { delay } from "npm:deno-std@1.4.0/async/delay.js";
// @ts-types="./async.d.ts"
export { Lazy } from "npm:deno-std@1.4.0/async/lazy.js";
// @ts-types="./async.d.ts"
export { MuxAsyncIterator } from "npm:deno-std@1.4.0/async/mux_async_iterator.js";
// @ts-types="./async.d.ts"
export { poll } from "npm:deno-std@1.4.0/async/poll.js";
// @ts-types="./async.d.ts"
export { pooledMap } from "npm:deno-std@1.4.0/async/pool.js";
// @ts-types="./async.d.ts"
export { retry, RetryError } from "npm:deno-std@1.4.0/async/retry.js";
// @ts-types="./async.d.ts"
export { tee } from "npm:deno-std@1.4.0/async/tee.js";
