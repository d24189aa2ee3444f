/**
 * The bridge from promises that Grove did not make.
 *
 * @module
 */

import { show } from "./kernel/check.ts";
import { waitForPromise, type WaitOptions } from "./kernel/wait.ts";

/**
 * Makes a foreign promise a checkpoint: when the scope is cancelled, the wait ends and the promise
 * is abandoned. What it stands for goes on; if that can be stopped, give it `currentTask().signal`
 * instead, or as well. For a loop over a foreign iterable there is {@linkcode merge}.
 *
 * @typeParam T What the promise resolves to.
 * @param promise The promise, or anything with a `then`.
 * @param options `signal`, and `timeout` in milliseconds.
 * @returns What the promise resolves to.
 * @throws {TypeError} At the call, when it is no promise.
 * @throws What the promise rejects with; a `Cancelled` when the scope is cancelled first.
 *
 * @example
 * ```ts
 * import { cancellable, moveOnAfter } from "@grove/grove";
 *
 * const never = new Promise<string>(() => {});
 * const { timedOut } = await moveOnAfter(10, () => cancellable(never));
 * console.log(timedOut); // true
 * ```
 */
export function cancellable<T>(promise: PromiseLike<T>, options?: WaitOptions): Promise<T> {
  if (typeof promise?.then !== "function") {
    const hint = typeof promise === "function" ? ". Call it, and pass what it returns" : "";
    throw new TypeError(
      `Cannot wait as the argument must be a promise: received ${show(promise)}${hint}`,
    );
  }
  return waitForPromise(promise, options);
}
