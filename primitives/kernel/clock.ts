/**
 * Where time comes from. The real clock keeps at most one native timer, however many tasks sleep; a
 * test can put another clock in its place, under which time jumps.
 *
 * @module
 */

import { nextTurn } from "./turn.ts";

/** What the timers need of a clock. All times are in milliseconds. */
export interface Clock {
  /** The time since some fixed moment; it never goes back. */
  now(): number;
  /** The time since 1970, for dates. */
  wall(): number;
  /**
   * Asks for one call of `ring` at `due`, in place of what was asked for before; `Infinity` asks
   * for none.
   */
  ringAt(due: number, ring: () => void): void;
}

/** The longest delay that `setTimeout` takes; longer ones fire at once. */
export const LONGEST_DELAY: number = 2 ** 31 - 1;

class RealClock implements Clock {
  #native: ReturnType<typeof setTimeout> | undefined;
  #nativeDue = Infinity;
  #sweeping = false;
  #due = Infinity;
  #ring: () => void = () => {};

  now(): number {
    return performance.now();
  }

  wall(): number {
    return Date.now();
  }

  ringAt(due: number, ring: () => void): void {
    this.#due = due;
    this.#ring = ring;
    if (due === Infinity) this.#sweepSoon();
    else if (due < this.#nativeDue) this.#arm();
    // A later time than the armed one needs nothing: the timer fires early, finds nothing to do and
    // is set anew. To set it here would cost two calls into the platform for each time-out that
    // does not happen, which is nearly all.
  }

  #arm(): void {
    clearTimeout(this.#native);
    this.#nativeDue = this.#due;
    const delay = Math.max(0, Math.ceil(this.#due - performance.now()));
    this.#native = setTimeout(this.#fired, Math.min(delay, LONGEST_DELAY));
  }

  readonly #fired = (): void => {
    this.#native = undefined;
    this.#nativeDue = Infinity;
    if (this.#due === Infinity) return;
    if (this.#due <= performance.now()) {
      this.#due = Infinity;
      this.#ring();
    } else {
      this.#arm();
    }
  };

  /**
   * An armed timer that nobody needs keeps the process alive, so it has to go, but not at once: a
   * server that sets and lifts a time limit for each request would pay for a native timer each
   * time. One sweep a turn of the loop does.
   */
  #sweepSoon(): void {
    if (this.#sweeping || this.#native === undefined) return;
    this.#sweeping = true;
    nextTurn(this.#sweep);
  }

  readonly #sweep = (): void => {
    this.#sweeping = false;
    if (this.#due !== Infinity) return;
    clearTimeout(this.#native);
    this.#native = undefined;
    this.#nativeDue = Infinity;
  };
}

let clock: Clock = new RealClock();

/** The clock in force. */
export function currentClock(): Clock {
  return clock;
}

/**
 * Puts another clock in force and returns the one it replaces. Only while nothing is due on the old
 * one.
 */
export function replaceClock(next: Clock): Clock {
  const before = clock;
  clock = next;
  return before;
}
