/**
 * Tasks in the order of their ends.
 *
 * @module
 */

import { show } from "./kernel/check.ts";
import { currentClock } from "./kernel/clock.ts";
import { TimeoutError } from "./kernel/errors.ts";
import { Parked, WaitQueue } from "./kernel/queue.ts";
import { Task } from "./kernel/task.ts";
import {
  checkWaitOptions,
  enqueue,
  notReady,
  poll,
  type Waitable,
  waitFor,
  type WaitOptions,
} from "./kernel/wait.ts";

/**
 * Gives tasks as they end, whichever way: await each to get its value or its error. The tasks
 * belong to their groups: leaving the loop early does not cancel them.
 *
 * @typeParam T What the tasks resolve to.
 * @param tasks The tasks; one that is named twice is given once.
 * @param options `timeout` in milliseconds, for the whole loop, and `signal`.
 * @returns The tasks, each in a box, those that have ended already first.
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
 *   for await (const { task } of asCompleted(tasks)) console.log(await task); // 1, 10, 20
 * });
 * ```
 */
export function asCompleted<T>(
  tasks: Iterable<Task<T>>,
  options: WaitOptions = {},
): AsyncIterable<End<T>> {
  const all = checkTasks(tasks, "wait");
  checkWaitOptions(options);
  return { [Symbol.asyncIterator]: () => new InOrderOfEnds(new Set(all), options) };
}

class InOrderOfEnds<T> implements AsyncIterator<End<T>> {
  readonly #left: Set<Task<T>>;
  readonly #signal: AbortSignal | undefined;
  readonly #timeout: number;
  readonly #due: number;
  #ends: Ends<T> | null = null;
  #asking = 0;

  constructor(tasks: Set<Task<T>>, { timeout = Infinity, signal }: WaitOptions) {
    this.#left = tasks;
    this.#signal = signal;
    this.#timeout = timeout;
    this.#due = currentClock().now() + timeout;
  }

  async next(): Promise<IteratorResult<End<T>>> {
    if (this.#left.size <= this.#asking) return { done: true, value: undefined };
    this.#asking++;
    const ends = this.#ends ??= new Ends(this.#left);
    try {
      const end = await waitFor(ends, { signal: this.#signal, timeout: rest(this.#due) });
      this.#left.delete(end.task);
      return { done: false, value: end };
    } catch (error) {
      // A loop that ends by an error does not call `return()`. Who asks again all the same gets
      // what has ended meanwhile.
      if (this.#asking === 1) this.#forget();
      if (error instanceof TimeoutError && error !== this.#signal?.reason) {
        throw new TimeoutError(
          `Cannot give the next of the tasks as the time is up: ${this.#timeout} ms. Give them more, or go on without`,
        );
      }
      throw error;
    } finally {
      this.#asking--;
    }
  }

  // deno-lint-ignore require-await
  async return(): Promise<IteratorResult<End<T>>> {
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
 * A task in a box. Out of it, a promise that is resolved with it would wait for it, as a task has a
 * `then`; and TypeScript takes what `for await` gives for awaited.
 */
export interface End<T> {
  /** The task that has ended. */
  readonly task: Task<T>;
}

/** The ends of some tasks, as a thing to wait for: each wait gives the next that has ended. */
export class Ends<T> implements Waitable<End<T>> {
  readonly #ended: End<T>[] = [];
  #next = 0;
  readonly #waiting: WaitQueue<End<T>> = new WaitQueue({ kind: "end of", name: "a task" });
  readonly #watches: Watch<T>[] = [];

  constructor(tasks: Iterable<Task<T>>) {
    for (const task of tasks) {
      if (task.isAlive) this.#watches.push(new Watch(task, this));
      else this.#ended.push({ task });
    }
  }

  /** A task has ended. */
  add(task: Task<T>): void {
    const end = { task };
    if (!this.#waiting.wakeFirst(end)) this.#ended.push(end);
  }

  /** Takes the call-backs off the tasks again. */
  forget(): void {
    for (const watch of this.#watches) watch.queue?.remove(watch);
  }

  [poll](): End<T> | typeof notReady {
    return this.#next < this.#ended.length ? this.#ended[this.#next++] : notReady;
  }

  [enqueue](node: Parked<End<T>>): void {
    this.#waiting.add(node);
  }
}

/** Sees a task end. */
class Watch<T> extends Parked<T> {
  readonly #task: Task<T>;
  readonly #ends: Ends<T>;

  constructor(task: Task<T>, ends: Ends<T>) {
    super();
    this.#task = task;
    this.#ends = ends;
    task[enqueue](this);
  }

  override wake(): void {
    this.#ends.add(this.#task);
  }

  override fail(): void {
    this.#ends.add(this.#task);
  }
}

/** Asks for tasks. */
export function checkTasks<T>(tasks: Iterable<Task<T>>, action: string): Set<Task<T>> {
  if (typeof tasks?.[Symbol.iterator] !== "function") {
    throw new TypeError(
      `Cannot ${action} as the argument must be an iterable of tasks: received ${show(tasks)}`,
    );
  }
  const all = new Set(tasks);
  for (const task of all) {
    if (!(task instanceof Task)) {
      throw new TypeError(
        `Cannot ${action} as each element must be a task: received ${show(task)}`,
      );
    }
  }
  return all;
}
