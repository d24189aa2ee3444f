/**
 * Semaphores: a number of permits, given out in the order in which they were asked for. A release
 * with somebody waiting hands the permit over; it is never free in between.
 *
 * @module
 */

import { atOnce } from "./kernel/budget.ts";
import { checkCount, checkFunction } from "./kernel/check.ts";
import { currentScope } from "./kernel/context.ts";
import { labelOf, type Parked, WaitQueue, type WaitTarget } from "./kernel/queue.ts";
import { keepShape } from "./kernel/shapes.ts";
import {
  enqueue,
  entry,
  notReady,
  poll,
  suspend,
  type Waitable,
  Waiter,
  type WaitOptions,
} from "./kernel/wait.ts";
import { Guard, guarded } from "./guard.ts";
import { checkNamed, type NamedOptions } from "./named.ts";

/** How a semaphore is doing. */
export interface SemaphoreStats {
  /** How many permits can be had at once. */
  readonly available: number;
  /** How many wait for one. */
  readonly waiters: number;
  /** How many waited for one at most. */
  readonly peakWaiters: number;
}

/**
 * A number of permits, for at most so many at a time of something. Unlike a lock it knows no owner:
 * whoever likes may release, so it also serves to count things that one task makes and another one
 * uses up.
 *
 * A permit goes back by its guard or by `release()`, not by both: that would be one more than was
 * taken. A `BoundedSemaphore` notices.
 *
 * In a `select` the semaphore stands for acquiring a permit, and gives the guard.
 *
 * @example At most two at a time
 * ```ts
 * import { Semaphore, sleep, taskGroup } from "@grove/grove";
 *
 * const doors = new Semaphore(2);
 * await taskGroup((group) => {
 *   for (const visitor of ["a", "b", "c"]) {
 *     group.spawn(async () => {
 *       using _ = await doors.acquire();
 *       console.log(visitor, "is in");
 *       await sleep(1);
 *     });
 *   }
 * });
 * ```
 */
export class Semaphore implements Waitable<Guard>, WaitTarget {
  /** What errors and `inspect()` call it: the `name` option, or "". */
  readonly name: string;
  readonly #queue: WaitQueue<Guard> = new WaitQueue<Guard>(this);
  readonly #giveBack = (): void => this.release();
  #available: number;

  /**
   * Makes a semaphore.
   *
   * @param permits How many permits there are: a whole number from 0 up, or `Infinity`.
   * @param options `name`.
   * @throws {TypeError | RangeError} When an argument makes no sense.
   */
  constructor(permits: number, options?: NamedOptions) {
    checkCount(permits, "make a semaphore", "the number of permits", 0);
    this.name = checkNamed(options, "make a semaphore");
    this.#available = permits;
  }

  /** What a wait for it is shown as. */
  get kind(): "semaphore" {
    return "semaphore";
  }

  /** How many permits can be had at once. */
  get available(): number {
    return this.#available;
  }

  /** Whether no permit can be had at once. */
  get locked(): boolean {
    return this.#available === 0;
  }

  /**
   * Takes a permit, and waits for its turn where there is none.
   *
   * @param options `signal` and `timeout` in milliseconds, which end the wait.
   * @returns Resolves to a guard: `using guard = await semaphore.acquire()` gives the permit back
   * when the block is left.
   * @throws {TimeoutError} When the time is up.
   * @throws {Cancelled} When the scope is cancelled. No permit is taken then.
   */
  acquire(options?: WaitOptions): Promise<Guard> {
    const scope = currentScope();
    const barred = entry(scope, options);
    if (barred !== undefined) return barred;
    if (this.tryAcquire()) return atOnce(Promise.resolve(new Guard(this.#giveBack)));
    const waiter = new Waiter<Guard>();
    this.#queue.add(waiter);
    return suspend(scope, waiter, options);
  }

  /**
   * Takes a permit if there is one and nobody waits for it.
   *
   * @returns Whether it was taken.
   */
  tryAcquire(): boolean {
    if (this.#available === 0) return false;
    this.#available--;
    return true;
  }

  /**
   * Gives permits back, or adds some: first to those who wait.
   *
   * @param count How many. Default: 1.
   * @throws {TypeError | RangeError} When it is no whole number from 1 up.
   */
  release(count = 1): void {
    checkCount(count, `release ${labelOf(this)}`, "the number of permits", 1, false);
    while (count > 0 && this.#queue.size > 0) {
      count--;
      this.#queue.wakeFirst(new Guard(this.#giveBack));
    }
    this.#available += count;
  }

  /**
   * Calls a function with a permit, and gives it back when the function has ended.
   *
   * @typeParam R What the function resolves to.
   * @param fn What to call.
   * @param options `signal` and `timeout` in milliseconds, which end the wait for the permit.
   * @returns What the function resolves to.
   * @throws What `acquire` throws, and what the function throws.
   */
  withLock<R>(fn: () => R | PromiseLike<R>, options?: WaitOptions): Promise<R> {
    checkFunction(fn, `use ${labelOf(this)}`, "the argument");
    return guarded(this.acquire(options), fn);
  }

  /**
   * How it is doing.
   *
   * @returns A frozen snapshot.
   */
  stats(): SemaphoreStats {
    return Object.freeze({
      available: this.#available,
      waiters: this.#queue.size,
      peakWaiters: this.#queue.peak,
    });
  }

  /** @ignore */
  [poll](): Guard | typeof notReady {
    return this.tryAcquire() ? new Guard(this.#giveBack) : notReady;
  }

  /** @ignore */
  [enqueue](node: Parked<Guard>): void {
    this.#queue.add(node);
  }
}

keepShape(new Semaphore(0));
