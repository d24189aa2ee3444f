/**
 * Sleeping. All sleeps that end in the same millisecond share one place in one heap under one
 * native timer: see `kernel/timers.ts`.
 *
 * @module
 */

import { yieldNow } from "./checkpoint.ts";
import { checkDate, checkTime } from "./kernel/check.ts";
import { currentClock } from "./kernel/clock.ts";
import { currentScope } from "./kernel/context.ts";
import { ClosedError } from "./kernel/errors.ts";
import { mayFloat } from "./kernel/floating.ts";
import { WaitQueue } from "./kernel/queue.ts";
import { momentAt } from "./kernel/timers.ts";
import { entry, suspend, Waiter, type WaitOptions } from "./kernel/wait.ts";

const forever = new WaitQueue<void>({ kind: "sleep", name: "forever" });

/**
 * Suspends the task for some time. It never ends early, and at most a millisecond late as far as
 * Grove is concerned; what the event loop adds comes on top.
 *
 * @param ms How long, in milliseconds. 0 lets the event loop turn once; `Infinity` sleeps until it
 * is cancelled.
 * @param options `signal` and `timeout`; with `endOnStop` it resolves early when the scope is asked
 * to stop.
 * @returns Resolves to nothing, when the time has passed.
 * @throws {TypeError | RangeError} At the call, when `ms` is negative or no number.
 * @throws {Cancelled} When the scope is cancelled.
 *
 * @example
 * ```ts
 * import { sleep } from "@grove/grove";
 *
 * await sleep(10);
 * ```
 */
export function sleep(ms: number, options?: WaitOptions): Promise<void> {
  checkTime(ms, "sleep", "the time");
  return sleepUntilDue(currentClock().now() + ms, options);
}

/**
 * Suspends the task until a date.
 *
 * @param date A `Date`, or milliseconds since 1970. One that has passed lets the event loop turn
 * once.
 * @param options As for {@linkcode sleep}.
 * @returns Resolves to nothing, when the date has come.
 * @throws {TypeError | RangeError} At the call, when it is no valid date.
 * @throws {Cancelled} When the scope is cancelled.
 *
 * @example
 * ```ts
 * import { sleepUntil } from "@grove/grove";
 *
 * await sleepUntil(Date.now() + 10);
 * ```
 */
export function sleepUntil(date: Date | number, options?: WaitOptions): Promise<void> {
  const time = checkDate(date, "sleep", "the date");
  const clock = currentClock();
  return sleepUntilDue(clock.now() + Math.max(0, time - clock.wall()), options);
}

function sleepUntilDue(due: number, options: WaitOptions | undefined): Promise<void> {
  const scope = currentScope();
  const barred = entry(scope, options);
  if (barred !== undefined) return barred;
  const waiter = new Waiter<void>();
  (due === Infinity ? forever : momentAt(due)).add(waiter);
  const slept = suspend(scope, waiter, options);
  return options?.endOnStop ? mayFloat(slept.catch(endEarly)) : slept;
}

// In the next turn: a loop of marked sleeps would otherwise spin, and keep out the end of the
// grace.
function endEarly(error: unknown): Promise<void> {
  if (!(error instanceof ClosedError)) throw error;
  return yieldNow();
}
