/**
 * Tasks, and the futures of jobs, in the order of their ends.
 *
 * @module
 */

import { show } from "./kernel/check.ts";
import { currentClock } from "./kernel/clock.ts";
import { TimeoutError } from "./kernel/errors.ts";
import { Parked, WaitQueue } from "./kernel/queue.ts";
import type { TaskState } from "./kernel/task.ts";
import {
  checkWaitOptions,
  enqueue,
  notReady,
  poll,
  type Waitable,
  waitFor,
  type WaitOptions,
} from "./kernel/wait.ts";

/** What ends once, and can be waited for: a task, or the future of a job. */
export interface Ending extends Waitable<unknown> {
  /** Whether it has not ended yet. */
  readonly isAlive: boolean;
  /** How far it has come. */
  readonly state: TaskState;
}

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

/** The milliseconds left until a time on the current clock. */
export function rest(due: number): number {
  return due === Infinity ? Infinity : Math.max(0, due - currentClock().now());
}

/**
 * A task or future in a box. Out of it, a promise that is resolved with it would wait for it, as it
 * has a `then`; and TypeScript takes what `for await` gives for awaited.
 */
export interface End<E extends Ending> {
  /** What has ended. */
  readonly ended: E;
}

/** The ends of some tasks, as a thing to wait for: each wait gives the next that has ended. */
export class Ends<E extends Ending> implements Waitable<End<E>> {
  readonly #ended: End<E>[] = [];
  #next = 0;
  readonly #waiting: WaitQueue<End<E>> = new WaitQueue({ kind: "end of", name: "a task" });
  readonly #watches: Watch<E>[] = [];

  constructor(endings: Iterable<E>) {
    for (const ending of endings) {
      if (ending.isAlive) this.#watches.push(new Watch(ending, this));
      else {
        look(ending);
        this.#ended.push({ ended: ending });
      }
    }
  }

  /** One has ended. */
  add(ended: E): void {
    const end = { ended };
    if (!this.#waiting.wakeFirst(end)) this.#ended.push(end);
  }

  /** Takes the call-backs off again. */
  forget(): void {
    for (const watch of this.#watches) watch.queue?.remove(watch);
  }

  [poll](): End<E> | typeof notReady {
    return this.#next < this.#ended.length ? this.#ended[this.#next++] : notReady;
  }

  [enqueue](node: Parked<End<E>>): void {
    this.#waiting.add(node);
  }
}

// Whoever watches a future has taken notice of how its job ends; so has who comes too late for that.
function look(ending: Ending): void {
  try {
    ending[poll]();
  } catch {
    // It is handed on, and whoever awaits it gets the error.
  }
}

/** Sees something end. */
class Watch<E extends Ending> extends Parked<unknown> {
  readonly #ending: E;
  readonly #ends: Ends<E>;

  constructor(ending: E, ends: Ends<E>) {
    super();
    this.#ending = ending;
    this.#ends = ends;
    ending[enqueue](this);
  }

  override wake(): void {
    this.#ends.add(this.#ending);
  }

  override fail(): void {
    this.#ends.add(this.#ending);
  }
}

/** Asks for tasks or futures. */
export function checkEndings<E extends Ending>(endings: Iterable<E>, action: string): Set<E> {
  if (typeof endings?.[Symbol.iterator] !== "function") {
    throw new TypeError(
      `Cannot ${action} as the argument must be an iterable of tasks or futures: received ${
        show(endings)
      }`,
    );
  }
  const all = new Set(endings);
  for (const ending of all) {
    if (typeof ending?.isAlive !== "boolean" || typeof ending[enqueue] !== "function") {
      throw new TypeError(
        `Cannot ${action} as each element must be a task or future: received ${show(ending)}`,
      );
    }
  }
  return all;
}
