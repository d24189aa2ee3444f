/**
 * Time limits that are errors.
 *
 * @module
 */

import { CancelScope, timeoutOf } from "./cancel_scope.ts";
import { checkFunction, checkTime } from "./kernel/check.ts";
import { thrownHere } from "./kernel/errors.ts";
import { mayFloat } from "./kernel/floating.ts";

/**
 * Runs a function, and fails when it takes longer than `ms` milliseconds. Where limits are nested,
 * the earliest counts.
 *
 * What the limit ends are Grove's waits. A foreign promise goes on and is waited for: wait for it
 * by `cancellable(promise)`, or give its API the signal of `currentTask()`.
 *
 * @typeParam T What the function resolves to.
 * @param ms The time limit in milliseconds. With 0 the function runs to its first checkpoint;
 * `Infinity` is no limit.
 * @param fn What to run; it is called with its scope.
 * @returns What the function returned, also when it did so later, in spite of the limit.
 * @throws {TypeError | RangeError} At the call, when an argument makes no sense.
 * @throws {TimeoutError} When the limit cut the function short, once that has ended.
 * @throws What the function throws; the scope's `Cancelled` when the function cancelled it itself;
 * a `Cancelled` of a scope outside.
 *
 * @example
 * ```ts
 * import { failAfter, sleep } from "@grove/grove";
 *
 * const answer = await failAfter(1000, async () => {
 *   await sleep(1);
 *   return 42;
 * });
 * console.log(answer); // 42
 * ```
 */
export function failAfter<T>(
  ms: number,
  fn: (scope: CancelScope) => T | PromiseLike<T>,
): Promise<T> {
  checkTime(ms, "run with a time limit", "the limit");
  checkFunction(fn, "run with a time limit", "the second argument");
  return runOrFail(new CancelScope({ name: "failAfter", timeout: ms }), fn);
}

/** Runs a function in a scope that owes its value: whatever cuts it short is an error. */
export function runOrFail<T>(
  scope: CancelScope,
  fn: (scope: CancelScope) => T | PromiseLike<T>,
): Promise<T> {
  return mayFloat(run(scope, fn));
}

async function run<T>(
  scope: CancelScope,
  fn: (scope: CancelScope) => T | PromiseLike<T>,
): Promise<T> {
  const value = await scope.enter(fn) as T;
  if (scope.cancelledCaught) throw thrownHere(timeoutOf(scope) ?? scope.cancelled);
  return value;
}
