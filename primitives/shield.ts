/**
 * Protection from cancellation, for what has to be finished.
 *
 * @module
 */

import { CancelScope } from "./cancel_scope.ts";
import { runOrFail } from "./fail_after.ts";
import { checkFunction, checkOptions, checkTime } from "./kernel/check.ts";

/** What {@linkcode shield} can be told. */
export interface ShieldOptions {
  /** Milliseconds after which the function is cancelled all the same. Default: `Infinity`. */
  timeout?: number;
}

/**
 * Runs a function that cancellations from outside do not reach: the clean-up in a `finally`, say,
 * which has to wait although its task was cancelled. They are delivered at the first checkpoint
 * after it.
 *
 * Only what runs inside is protected: a group opened outside is cancelled as ever, also while its
 * body is in a shield.
 *
 * @typeParam T What the function resolves to.
 * @param fn What to run; it is called with its scope.
 * @param options `timeout` in milliseconds: how long it may take at most. Give one wherever a peer
 * could keep you waiting.
 * @returns What the function returned.
 * @throws {TypeError | RangeError} At the call, when an argument makes no sense.
 * @throws {TimeoutError} When the `timeout` was up.
 * @throws What the function throws.
 *
 * @example
 * ```ts
 * import { moveOnAfter, shield, sleep } from "@grove/grove";
 *
 * await moveOnAfter(5, async () => {
 *   try {
 *     await sleep(1000);
 *   } finally {
 *     await shield(() => sleep(5), { timeout: 100 }); // say good-bye to the peer
 *     console.log("cleaned up");
 *   }
 * });
 * ```
 */
export function shield<T>(
  fn: (scope: CancelScope) => T | PromiseLike<T>,
  options: ShieldOptions = {},
): Promise<T> {
  checkFunction(fn, "shield", "the first argument");
  checkOptions(options, "shield");
  const { timeout } = options;
  if (timeout !== undefined) checkTime(timeout, "shield", "'timeout'");
  return runOrFail(new CancelScope({ name: "shield", shield: true, timeout }), fn);
}
