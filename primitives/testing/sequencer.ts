/**
 * Putting the steps of several tasks into one order: Trio's `Sequencer`.
 *
 * @module
 */

import { checkCount, checkFunction } from "../kernel/check.ts";
import { type Parked, WaitQueue } from "../kernel/queue.ts";
import { enqueue, notReady, poll, type Waitable, waitFor } from "../kernel/wait.ts";

/**
 * Lets pieces of several tasks run one after the other, by their numbers.
 *
 * @example
 * ```ts
 * import { taskGroup } from "@grove/grove";
 * import { Sequencer } from "@grove/grove/testing";
 *
 * const sequencer = new Sequencer();
 * await taskGroup((group) => {
 *   group.spawn(async () => {
 *     await sequencer.at(1, () => console.log("second"));
 *   });
 *   group.spawn(async () => {
 *     await sequencer.at(0, () => console.log("first"));
 *     await sequencer.at(2, () => console.log("third"));
 *   });
 * });
 * ```
 */
export class Sequencer {
  readonly #places: Place[] = [];
  #next = 0;

  /**
   * Waits until the pieces with lower numbers have run, and runs this one.
   *
   * @typeParam T What the function resolves to.
   * @param position The number: 0, 1, 2 …, each once.
   * @param fn What to run.
   * @returns What it returned.
   * @throws {TypeError | RangeError} At the call, when an argument makes no sense or the number was
   * given before.
   * @throws What `fn` throws; the sequence goes on.
   */
  at<T>(position: number, fn: () => T | PromiseLike<T>): Promise<T> {
    checkCount(position, "take a place in a sequence", "it", 0);
    if (position === Infinity) {
      throw new RangeError(
        "Cannot take place Infinity in a sequence as it never comes. Count from 0",
      );
    }
    checkFunction(fn, "take a place in a sequence", "the second argument");
    if (position < this.#next || this.#places[position] !== undefined) {
      throw new RangeError(
        `Cannot take place ${position} in a sequence as it is taken. Use each number once`,
      );
    }
    const place = this.#places[position] = new Place(position);
    if (position === this.#next) place.come();
    return this.#run(place, fn);
  }

  async #run<T>(place: Place, fn: () => T | PromiseLike<T>): Promise<T> {
    try {
      await waitFor(place);
      return await fn();
    } finally {
      place.passed = true;
      // On to the next that has not been given up before its turn.
      while (this.#places[this.#next]?.passed) this.#next++;
      this.#places[this.#next]?.come();
    }
  }
}

/** A place in the sequence, which comes once. */
class Place implements Waitable<void> {
  readonly #waiting: WaitQueue<void>;
  #hasCome = false;
  passed = false;

  constructor(position: number) {
    this.#waiting = new WaitQueue({ kind: "place", name: String(position) });
  }

  come(): void {
    this.#hasCome = true;
    this.#waiting.wakeAll();
  }

  [poll](): void | typeof notReady {
    if (!this.#hasCome) return notReady;
  }

  [enqueue](node: Parked<void>): void {
    this.#waiting.add(node);
  }
}
