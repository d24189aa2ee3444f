/**
 * HTTP requests as tasks. A fetch handler, the function from a `Request` to a `Response` that
 * `Deno.serve`, `deno serve` and every edge runtime take, gets a group in which each request is a
 * task: with its own name in the tree, a time limit, and an end when its client goes away.
 *
 * @module
 */

import {
  type FetchHandlerOptions,
  handlerOf,
  openRequests,
  type RequestFunction,
} from "./request_group.ts";

/** What {@linkcode fetchHandler} gives: a function for `Deno.serve`, or the `fetch` of an edge module. */
export type FetchHandler<Info extends unknown[]> = (
  request: Request,
  ...info: Info
) => Promise<Response>;

/**
 * Makes every request a task: `fn` runs in it, `currentTask()` is it, and all that it started ends
 * with it, however it ends. The tasks belong to the scope that `fetchHandler` is called in; at the
 * top level of a module each request is a tree of its own.
 *
 * - A client that goes away cancels its request, within some 50 milliseconds.
 * - After `timeout` the request is cancelled, and the client gets a 504 at once. (Not a 503: that
 *   one says the server is overloaded, and invites to try again.)
 * - Over `maxConcurrent` the answer is a 503 with Retry-After, and `fn` is not called.
 * - When `fn` fails, `onError` is told, and the client gets a 500 without details. (Of a `TypeError`
 *   for a URL that is none, as the client gave a host that makes no sense, it gets a 400.)
 * - When the scope around is cancelled, the client gets a 503.
 *
 * The task ends when `fn` has returned its response, or has sent what it made by `streamBody`. Any
 * other body that is a stream is sent by the server, outside all tasks; its source learns by
 * `cancel()` that the client went away. What is to go on after the response is started by
 * `currentTask().background(fn)`, a WebSocket by `upgradeWebSocket`.
 *
 * Under Deno, run with `--unstable-no-legacy-abort`, if you can: without it, Deno prints a line about
 * `request.signal` when the first request that was watched is answered.
 *
 * @typeParam Info What the platform passes besides the request.
 * @param fn What answers a request; called with all that the platform passes.
 * @param options Name, time limit, bound, and what to do with errors.
 * @returns The handler. It never throws.
 * @throws {TypeError | RangeError} When an argument makes no sense.
 *
 * @example
 * ```ts
 * import { currentTask, fetchHandler } from "@grove/grove";
 *
 * const handler = fetchHandler((request) => {
 *   return new Response(`${currentTask().name}, from ${new URL(request.url).search}`);
 * }, { timeout: 10_000, maxConcurrent: 500 });
 *
 * const response = await handler(new Request("http://localhost/where?there"));
 * console.log(await response.text()); // GET /where, from ?there
 * ```
 *
 * @example On an edge runtime, and under `deno serve`
 * ```ts
 * import { fetchHandler } from "@grove/grove";
 *
 * export default { fetch: fetchHandler(() => new Response("hello")) };
 * ```
 */
export function fetchHandler<Info extends unknown[] = unknown[]>(
  fn: RequestFunction<Info>,
  options: FetchHandlerOptions = {},
): FetchHandler<Info> {
  return handlerOf(openRequests(fn, options));
}
