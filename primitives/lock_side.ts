/**
 * One side of a readers-writer lock, as a task sees it: something to acquire and to release. What
 * the two sides do differently is said by the lock.
 *
 * @module
 */

import { atOnce } from "./kernel/budget.ts";
import { type CallSite, lockSite } from "./kernel/call_site.ts";
import { checkFunction } from "./kernel/check.ts";
import { currentScope } from "./kernel/context.ts";
import { type Blocker, heldBy, HoldWaiter, suspendFor } from "./kernel/deadlock.ts";
import { abandonedBy, type Hold } from "./kernel/hold.ts";
import { labelOf, type Parked, type WaitQueue, type WaitTarget } from "./kernel/queue.ts";
import { currentTask, type Task, taskAround } from "./kernel/task.ts";
import { enqueue, entry, notReady, poll, type Waitable, type WaitOptions } from "./kernel/wait.ts";
import { type Guard, guarded } from "./guard.ts";

/** What sets one side apart from the other. */
export interface Rules {
  readonly queue: WaitQueue<Guard, LockSide>;
  readonly locked: boolean;
  readonly brokenBy: string | null;
  take(task: Task, site: CallSite | undefined): Guard | null;
  /** What a task has of this side. */
  find(task: Task): Hold | null;
  give(hold: Hold): void;
  /** What keeps others from taking this side. */
  blockers(): Blocker | readonly Blocker[] | null;
}

/** Gives a side its rules. */
export let rule: (side: LockSide, rules: Rules) => void;

/**
 * One side of an `RWLock`: acquired and released like a `Lock`, and in a `select` too.
 *
 * @example
 * ```ts
 * import { RWLock } from "@grove/grove";
 *
 * const { read } = new RWLock();
 * await read.acquire();
 * console.log(read.locked); // true
 * read.release();
 * ```
 */
export class LockSide implements Waitable<Guard>, WaitTarget {
  /** What errors and `inspect()` call it: the name of the lock. */
  readonly name: string;
  /** What a wait for it is shown as. */
  readonly kind: "read lock" | "write lock";
  #rules!: Rules;

  /**
   * Sides are made by their lock.
   *
   * @param kind Which side it is.
   * @param name What to call it.
   */
  constructor(kind: "read lock" | "write lock", name: string) {
    this.kind = kind;
    this.name = name;
  }

  /** Whether somebody has it. */
  get locked(): boolean {
    return this.#rules.locked;
  }

  /**
   * Takes this side, and waits for its turn where that cannot be at once.
   *
   * @param options `signal` and `timeout` in milliseconds, which end the wait.
   * @returns Resolves to a guard: `using guard = await lock.read.acquire()` gives it back when the
   * block is left.
   * @throws {DeadlockError} When one who has to give it back first waits, over however many others,
   * for the calling task, or is the calling task.
   * @throws {BrokenResourceError} When an owner has ended without giving it back.
   * @throws {TimeoutError} When the time is up.
   * @throws {Cancelled} When the scope is cancelled. Nothing is taken then.
   */
  acquire(options?: WaitOptions): Promise<Guard> {
    const scope = currentScope();
    const barred = entry(scope, options);
    if (barred !== undefined) return barred;
    if (this.#rules.brokenBy !== null) {
      return Promise.reject(abandonedBy(this.#rules.brokenBy, this));
    }
    const task = taskAround(scope)!;
    const site = lockSite();
    const guard = this.#rules.take(task, site);
    if (guard !== null) return atOnce(Promise.resolve(guard));
    const waiter = new HoldWaiter<Guard>(site);
    return suspendFor(scope, task, this.#rules.queue, waiter, options);
  }

  /**
   * Takes this side if that can be at once.
   *
   * @returns Whether it was taken.
   * @throws {BrokenResourceError} When an owner has ended without giving it back.
   */
  tryAcquire(): boolean {
    return this[poll]() !== notReady;
  }

  /**
   * Gives it back.
   *
   * @throws {TypeError} When the calling task does not have it. The lock stays as it is.
   */
  release(): void {
    const hold = this.#rules.find(currentTask());
    if (hold === null) {
      throw new TypeError(
        `Cannot release ${
          labelOf(this)
        } as the calling task does not hold it. Let the task that acquired it release it, once`,
      );
    }
    this.#rules.give(hold);
  }

  /**
   * Calls a function with this side held, and gives it back when the function has ended.
   *
   * @typeParam R What the function resolves to.
   * @param fn What to call.
   * @param options `signal` and `timeout` in milliseconds, which end the wait for the lock.
   * @returns What the function resolves to.
   * @throws What `acquire` throws, and what the function throws.
   */
  withLock<R>(fn: () => R | PromiseLike<R>, options?: WaitOptions): Promise<R> {
    checkFunction(fn, `use ${labelOf(this)}`, "the argument");
    return guarded(this.acquire(options), fn);
  }

  /** @ignore */
  [poll](): Guard | typeof notReady {
    if (this.#rules.brokenBy !== null) throw abandonedBy(this.#rules.brokenBy, this);
    return this.#rules.take(currentTask(), lockSite()) ?? notReady;
  }

  /** @ignore */
  [enqueue](node: Parked<Guard>): void {
    this.#rules.queue.add(node);
  }

  /** @ignore */
  [heldBy](): Blocker | readonly Blocker[] | null {
    return this.#rules.blockers();
  }

  static {
    rule = (side, rules) => {
      side.#rules = rules;
    };
  }
}
