/**
 * Ticks at a steady pace.
 *
 * @module
 */

import { checkTime } from "./kernel/check.ts";
import { currentClock } from "./kernel/clock.ts";
import { currentScope } from "./kernel/context.ts";
import { checkWaitOptions, type WaitOptions } from "./kernel/wait.ts";
import { sleep } from "./sleep.ts";

/**
 * Ticks every `ms` milliseconds, the first time after `ms`. The pace is kept from the start: the
 * work between two ticks does not add to it. Ticks that came while nobody waited are not made up
 * for.
 *
 * @param ms The time between two ticks, in milliseconds; more than 0.
 * @param options `signal`; with `endOnStop` the loop ends when the scope is asked to stop.
 * `timeout` limits each wait.
 * @returns The ticks: how many intervals have passed since the start (1, 2, …; a number is left out
 * for a missed tick).
 * @throws {TypeError | RangeError} At the call, when `ms` makes no sense.
 *
 * @example
 * ```ts
 * import { interval } from "@grove/grove";
 *
 * for await (const tick of interval(5)) {
 *   console.log(tick); // 1, 2, 3
 *   if (tick >= 3) break;
 * }
 * ```
 */
export function interval(ms: number, options?: WaitOptions): AsyncIterable<number> {
  checkTime(ms, "make an interval", "the time", false);
  if (options !== undefined) checkWaitOptions(options, "make an interval");
  if (ms === 0) {
    throw new RangeError(
      "Cannot make an interval as the time must be more than 0. To let others run in a loop, use yieldNow()",
    );
  }
  return { [Symbol.asyncIterator]: () => ticks(ms, options) };
}

async function* ticks(ms: number, options: WaitOptions | undefined): AsyncGenerator<number> {
  const start = currentClock().now();
  for (let tick = 1;; tick++) {
    const now = currentClock().now();
    tick = Math.max(tick, Math.ceil((now - start) / ms));
    await sleep(Math.max(0, start + tick * ms - now), options);
    if (options?.endOnStop && currentScope().stopping) return;
    yield tick;
  }
}
