/**
 * Time that jumps: under it, a program of days is tested in milliseconds, and always runs the same
 * way.
 *
 * @module
 */

import { checkFunction } from "../kernel/check.ts";
import { readClock } from "../kernel/ages.ts";
import { type Clock, currentClock, replaceClock } from "../kernel/clock.ts";
import { activityCount } from "../kernel/scope.ts";
import { forgetTimers, pendingTimers } from "../kernel/timers.ts";
import { nextTurn } from "../kernel/turn.ts";
import { isAwaited } from "./blocked.ts";

/** The clock that a function under {@linkcode withVirtualTime} is called with. */
export interface VirtualTime {
  /** The milliseconds that have passed since the start. */
  readonly elapsed: number;
}

class VirtualClock implements Clock, VirtualTime {
  elapsed = 0;
  readonly #epoch = Date.now();
  #due = Infinity;
  #ring: () => void = () => {};
  #watching = false;
  #closed = false;

  now(): number {
    return this.elapsed;
  }

  wall(): number {
    return this.#epoch + this.elapsed;
  }

  ringAt(due: number, ring: () => void): void {
    this.#due = due;
    this.#ring = ring;
    if (!this.#watching) this.#watch();
  }

  close(): void {
    this.#closed = true;
  }

  // Jumps to the next time as often as everybody waits, for as long as somebody waits for a time. A
  // time that has come already needs no jump, and nobody's rest.
  async #watch(): Promise<void> {
    this.#watching = true;
    let activity = activityCount();
    let quiet = 0;
    while (this.#due !== Infinity && !this.#closed) {
      await new Promise<void>(nextTurn);
      quiet = activityCount() === activity && !isAwaited() ? quiet + 1 : 0;
      activity = activityCount();
      if (this.#closed || this.#due > this.elapsed && quiet < 2) continue;
      quiet = 0;
      this.elapsed = Math.max(this.elapsed, this.#due);
      this.#due = Infinity;
      readClock();
      this.#ring();
    }
    this.#watching = false;
  }
}

/**
 * Runs a function under a clock that stands still while anybody works, and jumps to the next
 * sleep's end or deadline when all tasks wait. It governs all of Grove's times, and none of the
 * platform's (`setTimeout`, `Date.now()`). One at a time.
 *
 * A task that waits for something foreign looks as if it waited for time: keep sockets and the like
 * out of it.
 *
 * @typeParam T What the function resolves to.
 * @param fn What to run; it is called with the clock.
 * @returns What the function returned.
 * @throws {TypeError} At the call, when `fn` is no function.
 * @throws {Error} At the call, when somebody waits for a time already: that would never come.
 *
 * @example
 * ```ts
 * import { sleep } from "@grove/grove";
 * import { withVirtualTime } from "@grove/grove/testing";
 *
 * await withVirtualTime(async (time) => {
 *   await sleep(3_600_000);
 *   console.log(time.elapsed); // 3600000
 * });
 * ```
 */
export function withVirtualTime<T>(fn: (time: VirtualTime) => T | PromiseLike<T>): Promise<T> {
  checkFunction(fn, "run under virtual time", "the argument");
  if (currentClock() instanceof VirtualClock) {
    throw new Error("Cannot run under virtual time as time is virtual already. Nest nothing in it");
  }
  if (pendingTimers() > 0) {
    throw new Error(
      `Cannot run under virtual time as sleeps or deadlines are set in real time: ${pendingTimers()}. Await or cancel them before`,
    );
  }
  return underVirtualTime(fn);
}

async function underVirtualTime<T>(fn: (time: VirtualTime) => T | PromiseLike<T>): Promise<T> {
  const clock = new VirtualClock();
  const before = replaceClock(clock);
  readClock();
  try {
    const value = await fn(clock);
    if (pendingTimers() > 0) {
      throw new Error(
        `Cannot end virtual time as sleeps or deadlines are left, which would never come: ${pendingTimers()}. Await or cancel them`,
      );
    }
    return value;
  } finally {
    clock.close();
    forgetTimers();
    replaceClock(before);
    readClock();
  }
}
