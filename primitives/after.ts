/**
 * A time that comes, as a thing to wait for: the time-out arm of a `select`, or a promise made now
 * and awaited later.
 *
 * @module
 */

import { checkTime } from "./kernel/check.ts";
import { currentClock } from "./kernel/clock.ts";
import { mayFloat } from "./kernel/floating.ts";
import { type Parked, WaitQueue } from "./kernel/queue.ts";
import { momentAt } from "./kernel/timers.ts";
import { enqueue, notReady, poll, type Waitable, waitFor } from "./kernel/wait.ts";

const never = new WaitQueue<void>({ kind: "sleep", name: "forever" });

/**
 * A moment to wait for, by any number of tasks, any number of times. It is made by
 * {@linkcode after}.
 *
 * @example
 * ```ts
 * import { after, all } from "@grove/grove";
 *
 * const dawn = after(5);
 * await all([() => dawn, () => dawn]); // both wait for the same moment
 * ```
 */
export class After implements Waitable<void>, PromiseLike<void> {
  readonly #due: number;

  /**
   * Moments are made by {@linkcode after}.
   *
   * @param due The time on the current clock.
   */
  constructor(due: number) {
    this.#due = due;
  }

  /**
   * Waits for the moment: what `await` calls. A checkpoint.
   *
   * @param onfulfilled Called when it has come.
   * @param onrejected Called with the `Cancelled` when the task that waits is cancelled.
   * @returns A promise of what the call-back returns.
   */
  then<A = void, B = never>(
    onfulfilled?: ((value: void) => A | PromiseLike<A>) | null,
    onrejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    const reached = waitFor(this).then(onfulfilled, onrejected);
    return onrejected ? reached : mayFloat(reached);
  }

  /** @ignore */
  [poll](): void | typeof notReady {
    if (currentClock().now() < this.#due) return notReady;
  }

  /** @ignore */
  [enqueue](node: Parked<void>): void {
    (this.#due === Infinity ? never : momentAt(this.#due)).add(node);
  }
}

/**
 * The moment in `ms` milliseconds, counted from this call. Nothing is set up until somebody waits
 * for it.
 *
 * @param ms Milliseconds from now. `Infinity` never comes.
 * @returns Something to `await`, now or later.
 * @throws {TypeError | RangeError} When `ms` is negative or no number.
 *
 * @example
 * ```ts
 * import { after, checkpoint } from "@grove/grove";
 *
 * const atLeast = after(10);
 * await checkpoint(); // whatever takes long
 * await atLeast; // waits for the rest of the ten milliseconds only
 * ```
 */
export function after(ms: number): After {
  checkTime(ms, "make a moment", "the time");
  return new After(currentClock().now() + ms);
}
