/**
 * Tasks, and the futures of jobs, in the order of their ends.
 *
 * @module
 */

import { checkEndings, type End, type Ending, Ends, rest } from "./ends.ts";
import { currentClock } from "./kernel/clock.ts";
import { TimeoutError } from "./kernel/errors.ts";
import { checkWaitOptions, waitFor, type WaitOptions } from "./kernel/wait.ts";

/**
 * Gives tasks or futures as they end, whichever way: await each to get its value or its error. They
 * belong to their groups and pools: leaving the loop early does not cancel them.
 *
 * @typeParam E What is waited for: a `Task` or `Future` of some type.
 * @param endings The tasks or futures; one that is named twice is given once.
 * @param options `timeout` in milliseconds, for the whole loop, and `signal`.
 * @returns The tasks or futures, each in a box, those that have ended already first.
 * @throws {TypeError | RangeError} At the call, when an argument makes no sense.
 * @throws {TimeoutError} In the loop, when the time is up before the last has ended.
 *
 * @example
 * ```ts
 * import { asCompleted, sleep, taskGroup } from "@grove/grove";
 *
 * await taskGroup(async (group) => {
 *   const tasks = [20, 1, 10].map((ms) =>
 *     group.spawn(async () => {
 *       await sleep(ms);
 *       return ms;
 *     })
 *   );
 *   for await (const { ended } of asCompleted(tasks)) console.log(await ended); // 1, 10, 20
 * });
 * ```
 */
export function asCompleted<E extends Ending>(
  endings: Iterable<E>,
  options: WaitOptions = {},
): AsyncIterable<End<E>> {
  const all = checkEndings(endings, "wait");
  checkWaitOptions(options);
  return { [Symbol.asyncIterator]: () => new InOrderOfEnds(new Set(all), options) };
}

class InOrderOfEnds<E extends Ending> implements AsyncIterator<End<E>> {
  readonly #left: Set<E>;
  readonly #signal: AbortSignal | undefined;
  readonly #timeout: number;
  readonly #due: number;
  #ends: Ends<E> | null = null;
  #asking = 0;

  constructor(endings: Set<E>, { timeout = Infinity, signal }: WaitOptions) {
    this.#left = endings;
    this.#signal = signal;
    this.#timeout = timeout;
    this.#due = currentClock().now() + timeout;
  }

  async next(): Promise<IteratorResult<End<E>>> {
    if (this.#left.size <= this.#asking) return { done: true, value: undefined };
    this.#asking++;
    const ends = this.#ends ??= new Ends(this.#left);
    try {
      const end = await waitFor(ends, { signal: this.#signal, timeout: rest(this.#due) });
      this.#left.delete(end.ended);
      return { done: false, value: end };
    } catch (error) {
      // A loop that ends by an error does not call `return()`. Who asks again all the same gets
      // what has ended meanwhile.
      if (this.#asking === 1) this.#forget();
      if (error instanceof TimeoutError && error !== this.#signal?.reason) {
        throw new TimeoutError(
          `Cannot give the next that ends as the time is up: ${this.#timeout} ms. Give them more, or go on without`,
        );
      }
      throw error;
    } finally {
      this.#asking--;
    }
  }

  // deno-lint-ignore require-await
  async return(): Promise<IteratorResult<End<E>>> {
    this.#left.clear();
    this.#forget();
    return { done: true, value: undefined };
  }

  #forget(): void {
    this.#ends?.forget();
    this.#ends = null;
  }
}
