/**
 * A semaphore that notices when more is given back than was taken.
 *
 * @module
 */

import { checkCount } from "./kernel/check.ts";
import { labelOf } from "./kernel/queue.ts";
import type { NamedOptions } from "./named.ts";
import { Semaphore, type SemaphoreStats } from "./semaphore.ts";

/** How a bounded semaphore is doing. */
export interface BoundedSemaphoreStats extends SemaphoreStats {
  /** How many permits there are. */
  readonly bound: number;
  /** How many of them are taken. */
  readonly holders: number;
}

/**
 * A {@linkcode Semaphore} whose permits are all there are: a release beyond their number is an
 * error, as it is a mistake where permits stand for places.
 *
 * @example
 * ```ts
 * import { BoundedSemaphore } from "@grove/grove";
 *
 * const places = new BoundedSemaphore(2);
 * await places.acquire();
 * places.release();
 * try {
 *   places.release();
 * } catch (error) {
 *   console.log(error instanceof RangeError, places.available); // true 2
 * }
 * ```
 */
export class BoundedSemaphore extends Semaphore {
  readonly #bound: number;

  /**
   * Makes a bounded semaphore.
   *
   * @param permits How many permits there are: a whole number from 0 up.
   * @param options `name`.
   * @throws {TypeError | RangeError} When an argument makes no sense.
   */
  constructor(permits: number, options?: NamedOptions) {
    checkCount(permits, "make a bounded semaphore", "the number of permits", 0, false);
    super(permits, options);
    this.#bound = permits;
  }

  /**
   * Gives permits back: first to those who wait.
   *
   * @param count How many. Default: 1.
   * @throws {TypeError | RangeError} When it is no whole number from 1 up, or more than are taken.
   * The semaphore stays as it is.
   */
  override release(count = 1): void {
    checkCount(count, `release ${labelOf(this)}`, "the number of permits", 1, false);
    const taken = this.#bound - this.available;
    if (count > taken) {
      throw new RangeError(
        `Cannot release ${
          labelOf(this)
        } as no more than ${taken} of its ${this.#bound} permits are taken: received ${count}. Release what was acquired, once`,
      );
    }
    super.release(count);
  }

  /**
   * How it is doing.
   *
   * @returns A frozen snapshot.
   */
  override stats(): BoundedSemaphoreStats {
    return Object.freeze({
      ...super.stats(),
      bound: this.#bound,
      holders: this.#bound - this.available,
    });
  }
}
