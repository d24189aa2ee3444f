/**
 * Conditions: waiting, with a lock in the hands, for something that others will change under the
 * same lock.
 *
 * A notified task is moved from the queue of the condition to the queue of the lock, and is
 * suspended once: nobody who comes later can get in between.
 *
 * @module
 */

import { checkCount, checkFunction, show } from "./kernel/check.ts";
import { currentClock } from "./kernel/clock.ts";
import { currentScope } from "./kernel/context.ts";
import { HoldWaiter } from "./kernel/deadlock.ts";
import { suppress, TimeoutError } from "./kernel/errors.ts";
import { mayFloat } from "./kernel/floating.ts";
import { labelOf, WaitQueue, type WaitTarget } from "./kernel/queue.ts";
import { taskAround } from "./kernel/task.ts";
import { checkWaitOptions, enqueue, entry, suspend, type WaitOptions } from "./kernel/wait.ts";
import type { Guard } from "./guard.ts";
import { dependents, isOwnLock, Lock } from "./lock.ts";
import { checkNamed, type NamedOptions } from "./named.ts";
import { restoreDepth, yieldLock } from "./rlock.ts";
import { shield } from "./shield.ts";

/** How a condition is doing. */
export interface ConditionStats {
  /** How many wait to be notified. */
  readonly waiters: number;
  /** How many waited at most. */
  readonly peakWaiters: number;
}

/** A wait for a condition: in its queue until it is notified, in the queue of the lock after. */
class ConditionWaiter extends HoldWaiter<Guard> {
  notified = false;
}

/** Those who wait to be notified. When the lock is broken nobody can do that, and they are told. */
class Sleepers extends WaitQueue<Guard, Condition> {
  override add(waiter: ConditionWaiter): void {
    if (this.size === 0) dependents(this.target.lock).add(this);
    super.add(waiter);
  }

  /** @ignore */
  override emptied(): void {
    dependents(this.target.lock).delete(this);
  }
}

/**
 * A condition to wait for, and the lock under which it changes.
 *
 * @example
 * ```ts
 * import { Condition, taskGroup } from "@grove/grove";
 *
 * const changed = new Condition();
 * let stock = 0;
 * await taskGroup((group) => {
 *   group.spawn(async () => {
 *     using _ = await changed.lock.acquire();
 *     await changed.waitFor(() => stock >= 2);
 *     stock -= 2;
 *   });
 *   group.spawn(async () => {
 *     using _ = await changed.lock.acquire();
 *     stock += 3;
 *     changed.notifyAll();
 *   });
 * });
 * console.log(stock); // 1
 * ```
 */
export class Condition implements WaitTarget {
  /** What errors and `inspect()` call it: the `name` option, or "". */
  readonly name: string;
  /** The lock under which the condition changes. */
  readonly lock: Lock;
  readonly #queue: Sleepers;

  /**
   * Makes a condition.
   *
   * @param lock A `Lock` or `RLock`, which several conditions may share. Default: a new `Lock`.
   * @param options `name`.
   * @throws {TypeError} When an argument makes no sense.
   */
  constructor(lock?: Lock, options?: NamedOptions) {
    this.name = checkNamed(options, "make a condition");
    if (lock !== undefined && !(lock instanceof Lock)) {
      throw new TypeError(
        `Cannot make a condition as its lock must be a Lock or an RLock: received ${
          show(lock)
        }. For a lock of its own, with options: new Condition(undefined, { name })`,
      );
    }
    this.lock = lock ?? new Lock({ name: this.name });
    this.#queue = new Sleepers(this);
  }

  /** What a wait for it is shown as. */
  get kind(): "condition" {
    return "condition";
  }

  /**
   * Gives the lock back, waits to be notified, and takes the lock again. It is held again however
   * this ends, also when it throws, unless the lock itself cannot be had any more: see
   * `suppressedErrors(error)` then. A notification that comes to one who is cancelled before having
   * the lock goes to the next.
   *
   * @param options `signal` and `timeout` in milliseconds, which end the wait.
   * @returns Resolves to nothing, when notified and with the lock held.
   * @throws {TypeError} When the calling task does not hold the lock.
   * @throws {BrokenResourceError} When an owner of the lock has ended without releasing it.
   * @throws {TimeoutError} When the time is up.
   * @throws {Cancelled} When the scope is cancelled.
   */
  wait(options?: WaitOptions): Promise<void> {
    const scope = currentScope();
    const barred = entry(scope, options);
    if (barred !== undefined) return barred;
    if (!isOwnLock(this.lock)) return Promise.reject(this.#notHeld("wait for"));
    const waiter = new ConditionWaiter();
    this.#queue.add(waiter);
    waiter.begin(taskAround(scope)!);
    const woken = suspend(scope, waiter, options);
    return mayFloat(this.#regain(waiter, woken, yieldLock(this.lock)));
  }

  /**
   * Waits until a predicate holds: it is asked now, and after each notification, always with the
   * lock held.
   *
   * @typeParam R What the predicate returns.
   * @param predicate Whether it holds. Not `async`: nothing may change between its answer and what
   * is done then.
   * @param options `signal` and `timeout` in milliseconds, for all of it.
   * @returns Resolves to what the predicate returned, which is truthy, with the lock held.
   * @throws What `wait` throws, and what the predicate throws, with the lock held.
   */
  waitFor<R>(predicate: () => R, options?: WaitOptions): Promise<R> {
    checkFunction(predicate, `wait for ${labelOf(this)}`, "the predicate");
    if (options !== undefined) checkWaitOptions(options);
    if (!isOwnLock(this.lock)) return Promise.reject(this.#notHeld("wait for"));
    const barred = entry(currentScope(), options);
    return barred ?? mayFloat(this.#waitUntil(predicate, options));
  }

  /**
   * Lets some of those go on who wait, the first who came first, as soon as they get the lock.
   *
   * @param count How many. Default: 1.
   * @throws {TypeError} When the calling task does not hold the lock.
   * @throws {RangeError} When it is no whole number from 0 up.
   */
  notify(count = 1): void {
    checkCount(count, `notify ${labelOf(this)}`, "the number of tasks", 0);
    if (!isOwnLock(this.lock)) throw this.#notHeld("notify");
    for (let left = Math.min(count, this.#queue.size); left > 0; left--) {
      const node = this.#queue.first as ConditionWaiter;
      this.#queue.remove(node);
      node.notified = true;
      this.lock[enqueue](node);
    }
  }

  /**
   * Lets all go on who wait, one after the other, as they get the lock.
   *
   * @throws {TypeError} When the calling task does not hold the lock.
   */
  notifyAll(): void {
    this.notify(Infinity);
  }

  /**
   * How it is doing.
   *
   * @returns A frozen snapshot.
   */
  stats(): ConditionStats {
    return Object.freeze({ waiters: this.#queue.size, peakWaiters: this.#queue.peak });
  }

  async #regain(waiter: ConditionWaiter, woken: Promise<Guard>, depth: number): Promise<void> {
    try {
      await woken;
    } catch (error) {
      try {
        await shield(() => this.lock.acquire());
        restoreDepth(this.lock, depth);
        if (waiter.notified) this.notify();
      } catch (failure) {
        // The lock cannot be had any more. Why the wait has ended is what its scope waits to hear.
        suppress(error, failure);
      }
      throw error;
    }
    restoreDepth(this.lock, depth);
  }

  async #waitUntil<R>(predicate: () => R, options: WaitOptions = {}): Promise<R> {
    const { timeout = Infinity, signal } = options;
    const due = currentClock().now() + timeout;
    for (;;) {
      const holds = predicate();
      if (holds instanceof Promise) throw this.#notNow(holds);
      if (holds) return holds;
      try {
        await this.wait({ ...options, timeout: Math.max(0, due - currentClock().now()) });
      } catch (error) {
        if (!(error instanceof TimeoutError) || error === signal?.reason) throw error;
        throw new TimeoutError(
          `Cannot wait for ${
            labelOf(this)
          } any longer as the time is up: ${timeout} ms. Give it more, or go on without`,
        );
      }
    }
  }

  #notNow(answer: unknown): TypeError {
    return new TypeError(
      `Cannot wait for ${labelOf(this)} as the predicate must answer at once: received ${
        show(answer)
      }. Let it look at what is there, without await`,
    );
  }

  #notHeld(action: string): TypeError {
    return new TypeError(
      `Cannot ${action} ${
        labelOf(this)
      } as the calling task does not hold its lock. Acquire 'condition.lock' first`,
    );
  }
}
