/**
 * So many of something in a time: a token bucket, kept as the one time at which it would be full
 * again (the generic cell rate algorithm of ATM networks, ITU-T I.371), so that nothing has to be
 * topped up meanwhile. Who has to wait is woken by a timer set for the first; nobody polls.
 *
 * @module
 */

import { atOnce } from "./kernel/budget.ts";
import { checkCount, show } from "./kernel/check.ts";
import { currentClock } from "./kernel/clock.ts";
import { currentScope } from "./kernel/context.ts";
import { labelOf, WaitQueue, type WaitTarget } from "./kernel/queue.ts";
import { Alarm } from "./kernel/timers.ts";
import { entry, suspend, Waiter, type WaitOptions } from "./kernel/wait.ts";
import { checkNamed, type NamedOptions } from "./named.ts";

/** What a rate limiter can be told. */
export interface RateLimiterOptions extends NamedOptions {
  /** The time, in milliseconds, in which the rate is counted. Default: 1000. */
  per?: number;
  /** How many can be had at once after a pause. A whole number from 1 up. Default: 1. */
  burst?: number;
}

/** How a rate limiter is doing. */
export interface RateLimiterStats {
  /** How many can be had at once: a whole number up to the burst, 0 while somebody waits. */
  readonly available: number;
  /** How many wait. */
  readonly waiters: number;
  /** How many waited at most. */
  readonly peakWaiters: number;
}

// Timers come a little late. As long as somebody waits, what they are late by is made up for, up to
// so many milliseconds; else a hundred a second would become ninety.
const MAKE_UP = 10;

// Milliseconds that may get lost in the sums, so that nobody waits for what is due.
const ROUNDING = 1e-6;

/** One who waits; when it gives up, the next may need fewer, and have to wait less. */
class Applicant extends Waiter<void> {
  readonly #left: () => void;

  constructor(count: number, left: () => void) {
    super(count);
    this.#left = left;
  }

  protected override left(): void {
    this.#left();
  }
}

/**
 * A limit on how often something is done. Tasks that come too early wait, in the order in which
 * they came.
 *
 * @example Ten requests a second, and up to five at once after a pause
 * ```ts
 * import { RateLimiter } from "@grove/grove";
 *
 * const requests = new RateLimiter(10, { burst: 5 });
 * for (let i = 0; i < 3; i++) {
 *   await requests.acquire();
 *   console.log("request", i);
 * }
 * ```
 */
export class RateLimiter implements WaitTarget {
  /** What errors and `inspect()` call it: the `name` option, or "". */
  readonly name: string;
  readonly #queue: WaitQueue<void> = new WaitQueue<void>(this);
  // Milliseconds for one.
  readonly #interval: number;
  readonly #burst: number;
  // When the bucket is full again, on the current clock.
  #full = -Infinity;
  #alarm: Alarm | undefined;

  /**
   * Makes a rate limiter.
   *
   * @param rate How many in the time of `per`: a finite number above 0, which need not be whole.
   * @param options `per`, `burst` and `name`.
   * @throws {TypeError | RangeError} When an argument makes no sense.
   */
  constructor(rate: number, options: RateLimiterOptions = {}) {
    this.name = checkNamed(options, "make a rate limiter");
    const { per = 1000, burst = 1 } = options;
    checkPositive(rate, "the rate");
    checkPositive(per, "'per'");
    checkCount(burst, "make a rate limiter", "'burst'", 1, false);
    this.#interval = per / rate;
    this.#burst = burst;
  }

  /** What a wait for it is shown as. */
  get kind(): "rate limiter" {
    return "rate limiter";
  }

  /** How many can be had at once: 0 while somebody waits. */
  get available(): number {
    if (this.#queue.size > 0) return 0;
    const missing = Math.max(0, this.#full - currentClock().now() - ROUNDING);
    return Math.max(0, Math.floor(this.#burst - missing / this.#interval));
  }

  /**
   * Waits until it is allowed.
   *
   * @param count How many at once: a whole number from 1 up to the burst. Default: 1.
   * @param options `signal` and `timeout` in milliseconds, which end the wait.
   * @returns Resolves to nothing, when it is allowed.
   * @throws {TypeError | RangeError} At the call, when the number makes no sense.
   * @throws {TimeoutError} When the time is up.
   * @throws {Cancelled} When the scope is cancelled. Nothing is used up then.
   */
  acquire(count = 1, options: WaitOptions = {}): Promise<void> {
    this.#check(count);
    const scope = currentScope();
    const barred = entry(scope, options);
    if (barred !== undefined) return barred;
    if (this.tryAcquire(count)) return atOnce(Promise.resolve());
    const applicant = new Applicant(count, () => this.#schedule());
    this.#queue.add(applicant);
    if (this.#queue.size === 1) this.#schedule();
    return suspend(scope, applicant, options);
  }

  /**
   * Takes what is allowed at once, if nobody waits for it.
   *
   * @param count How many: a whole number from 1 up to the burst. Default: 1.
   * @returns Whether it was allowed.
   * @throws {TypeError | RangeError} When the number makes no sense.
   */
  tryAcquire(count = 1): boolean {
    this.#check(count);
    if (this.available < count) return false;
    this.#full = Math.max(this.#full, currentClock().now()) + count * this.#interval;
    return true;
  }

  /**
   * How it is doing.
   *
   * @returns A frozen snapshot.
   */
  stats(): RateLimiterStats {
    return Object.freeze({
      available: this.available,
      waiters: this.#queue.size,
      peakWaiters: this.#queue.peak,
    });
  }

  #check(count: number): void {
    checkCount(count, `acquire from ${labelOf(this)}`, "the number", 1, false);
    if (count <= this.#burst) return;
    throw new RangeError(
      `Cannot acquire from ${
        labelOf(this)
      } as no more than its burst of ${this.#burst} can be had at once: received ${count}. Ask for fewer, or give it a larger 'burst'`,
    );
  }

  /** When so many can be had. */
  #dueFor(count: number): number {
    return this.#full - (this.#burst - count) * this.#interval;
  }

  #schedule(): void {
    this.#alarm?.lift();
    this.#alarm = undefined;
    const first = this.#queue.first;
    if (first === null) return;
    this.#alarm = new Alarm(this.#dueFor(first.item as number), () => this.#admit());
  }

  #admit(): void {
    this.#alarm = undefined;
    const now = currentClock().now();
    for (let first = this.#queue.first; first !== null; first = this.#queue.first) {
      const count = first.item as number;
      if (this.#dueFor(count) > now) break;
      const from = Math.max(this.#full, now - MAKE_UP);
      this.#full = from + count * this.#interval;
      this.#queue.wakeFirst();
    }
    this.#schedule();
  }
}

function checkPositive(value: unknown, what: string): void {
  if (typeof value !== "number") {
    throw new TypeError(
      `Cannot make a rate limiter as ${what} must be a number: received ${show(value)}`,
    );
  }
  if (!(value > 0) || value === Infinity) {
    throw new RangeError(
      `Cannot make a rate limiter as ${what} must be above 0 and finite: received ${value}`,
    );
  }
}
