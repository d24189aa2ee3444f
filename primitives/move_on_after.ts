/**
 * Time limits that are no errors.
 *
 * @module
 */

import { CancelScope, timeoutOf } from "./cancel_scope.ts";
import { checkFunction, checkTime } from "./kernel/check.ts";
import { mayFloat } from "./kernel/floating.ts";

/** How a piece of work with a time limit ended. */
export type MoveOnResult<T> =
  | { readonly timedOut: false; readonly value: T }
  | { readonly timedOut: true; readonly value: undefined };

/**
 * Runs a function for at most `ms` milliseconds, and goes on.
 *
 * What the limit ends are Grove's waits. A foreign promise goes on and is waited for: wait for it
 * by `cancellable(promise)`, or give its API the signal of `currentTask()`.
 *
 * @typeParam T What the function resolves to.
 * @param ms The time limit in milliseconds. With 0 the function runs to its first checkpoint;
 * `Infinity` is no limit.
 * @param fn What to run; it is called with its scope.
 * @returns Whether the limit cut the function short, and the function's value where it did not: also
 * one that came later, in spite of the limit.
 * @throws {TypeError | RangeError} At the call, when an argument makes no sense.
 * @throws What the function throws; the scope's `Cancelled` when the function cancelled it itself;
 * a `Cancelled` of a scope outside, whose cancellation, come first, never counts as a time-out.
 *
 * @example
 * ```ts
 * import { moveOnAfter, sleep } from "@grove/grove";
 *
 * const result = await moveOnAfter(10, async () => {
 *   await sleep(1000);
 *   return "done";
 * });
 * console.log(result); // { timedOut: true, value: undefined }
 * ```
 */
export function moveOnAfter<T>(
  ms: number,
  fn: (scope: CancelScope) => T | PromiseLike<T>,
): Promise<MoveOnResult<T>> {
  checkTime(ms, "run with a time limit", "the limit");
  checkFunction(fn, "run with a time limit", "the second argument");
  return mayFloat(run(new CancelScope({ name: "moveOnAfter", timeout: ms }), fn));
}

async function run<T>(
  scope: CancelScope,
  fn: (scope: CancelScope) => T | PromiseLike<T>,
): Promise<MoveOnResult<T>> {
  const value = await scope.enter(fn) as T;
  if (!scope.cancelledCaught) return { timedOut: false, value };
  if (timeoutOf(scope) === undefined) throw scope.cancelled;
  return { timedOut: true, value: undefined };
}
