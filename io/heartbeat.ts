/**
 * Notices that a thread has fallen silent which gives a sign of life at intervals.
 *
 * Silence is counted, not measured: so many looks in a row between which nothing was heard. Of a
 * process that was suspended for an hour, or whose own loop was blocked for a minute, every timer is
 * overdue, and what the thread has said meanwhile may not be heard yet; that is one look too many, and
 * no more than one, while a clock would tell of an hour of silence.
 *
 * @module
 */

import { LONGEST_DELAY } from "../primitives/kernel/clock.ts";

/** How many looks in a row are silence. */
const LOOKS = 4;

/** The interval of signs of life, where so many milliseconds of silence are too many. */
export function beatOf(limit: number): number {
  return limit === Infinity ? Infinity : Math.min(limit / LOOKS, LONGEST_DELAY);
}

/** See above. */
export class Heartbeat {
  readonly #beat: number;
  readonly #fallenSilent: () => void;
  #silentLooks = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * Listens from now on.
   *
   * @param beat The interval of the signs of life, in milliseconds.
   * @param fallenSilent Called once, when there were none for some four intervals.
   */
  constructor(beat: number, fallenSilent: () => void) {
    this.#beat = beat;
    this.#fallenSilent = fallenSilent;
    this.#lookLater();
  }

  /** There was a sign of life. */
  heard(): void {
    this.#silentLooks = 0;
  }

  /** Listens no more. */
  end(): void {
    clearTimeout(this.#timer);
  }

  // One by one: the looks of an interval that are overdue could all come at once.
  #lookLater(): void {
    this.#timer = setTimeout(() => {
      if (++this.#silentLooks > LOOKS) this.#fallenSilent();
      else this.#lookLater();
    }, this.#beat);
  }
}
