/**
 * A lock: one task at a time. It knows its owner, so that a release by anybody else, a second
 * acquire, a circle of tasks that wait for each other, and an owner that ends without giving it
 * back are errors and not hangs.
 *
 * A release hands the lock to the first who waits; it is never free in between, so nobody can slip
 * in.
 *
 * @module
 */

import { atOnce } from "./kernel/budget.ts";
import { checkFunction } from "./kernel/check.ts";
import { type CallSite, lockSite } from "./kernel/call_site.ts";
import { currentScope, followsAwait } from "./kernel/context.ts";
import { heldBy, HoldWaiter, suspendFor } from "./kernel/deadlock.ts";
import type { BrokenResourceError } from "./kernel/errors.ts";
import { abandonedBy, Hold, type Holder } from "./kernel/hold.ts";
import { labelOf, type Parked, WaitQueue, type WaitTarget } from "./kernel/queue.ts";
import type { Scope } from "./kernel/scope.ts";
import { keepShape } from "./kernel/shapes.ts";
import { type Task, taskAround, taskOf } from "./kernel/task.ts";
import { enqueue, entry, notReady, poll, type Waitable, type WaitOptions } from "./kernel/wait.ts";
import { Guard, guarded } from "./guard.ts";
import { checkNamed, type NamedOptions } from "./named.ts";

/** How a lock is doing. */
export interface LockStats {
  /** Whether a task has it. */
  readonly locked: boolean;
  /** The name of that task, `null` when it is free. */
  readonly owner: string | null;
  /** How many wait for it. */
  readonly waiters: number;
  /** How many waited for it at most. */
  readonly peakWaiters: number;
  /** Whether an owner has ended without giving it back. */
  readonly broken: boolean;
}

/** Other queues of those who wait for a lock in the end, and are to hear when it is broken. */
export let dependents: (lock: Lock) => Set<WaitQueue<Guard>>;

/** Whether the calling task has a lock. */
export let isOwnLock: (lock: Lock) => boolean;

/**
 * Mutual exclusion between tasks: one has it, the others wait in the order in which they came.
 *
 * The owner is a task, not a flow of control: code outside any task counts as one, and so do the
 * functions that one task runs under `Promise.all`. What is to exclude each other needs a task
 * each: `all([…])`, `taskGroup`, a request of `fetchHandler`.
 *
 * Disposing of a guard releases the lock if the calling task has it, once for each guard. So where
 * the lock was released by hand and acquired again within the block of a `using`, the end of the
 * block gives it back.
 *
 * In a `select` the lock stands for acquiring it, and gives the guard.
 *
 * @example
 * ```ts
 * import { Lock, sleep, taskGroup } from "@grove/grove";
 *
 * const lock = new Lock();
 * let count = 0;
 * await taskGroup((group) => {
 *   for (let i = 0; i < 10; i++) {
 *     group.spawn(async () => {
 *       using _ = await lock.acquire();
 *       const before = count;
 *       await sleep(0);
 *       count = before + 1;
 *     });
 *   }
 * });
 * console.log(count); // 10
 * ```
 */
export class Lock implements Waitable<Guard>, WaitTarget {
  /** What errors and `inspect()` call it: the `name` option, or "". */
  readonly name: string;
  readonly #hold: Hold = new Hold(this, (owner) => this.#break(owner));
  readonly #queue: WaitQueue<Guard, Lock> = new WaitQueue<Guard, Lock>(this);
  #dependents: Set<WaitQueue<Guard>> | null = null;
  #brokenBy: string | null = null;
  // A task that takes the lock again and again, and gives it back by hand, gets the same guard, and
  // the same promise of it: taking a free lock then allocates nothing.
  #granted: Promise<Guard> | null = null;
  #grantedTo = NaN;
  readonly #giveBack = (): boolean => {
    // It may have been given back by release() already, and taken by another task since.
    if (!this.isOwn()) return false;
    this.#granted = null;
    this.giveUp();
    return true;
  };

  /**
   * Makes a free lock.
   *
   * @param options `name`.
   * @throws {TypeError} When the name is no string.
   */
  constructor(options?: NamedOptions) {
    this.name = checkNamed(options, "make a lock");
  }

  /** What a wait for it is shown as. */
  get kind(): string {
    return "lock";
  }

  /** Whether a task has it. */
  get locked(): boolean {
    return this.#hold.owner !== null;
  }

  /** The task that has it, `null` when it is free. */
  get owner(): Task | null {
    return this.#hold.owner as Task | null;
  }

  /**
   * Takes the lock, and waits for its turn where others have it or wait for it.
   *
   * @param options `signal` and `timeout` in milliseconds, which end the wait.
   * @returns Resolves to a guard: `using guard = await lock.acquire()` gives the lock back when the
   * block is left.
   * @throws {DeadlockError} When the calling task has it already, or when its owner waits, over
   * however many others, for the calling task.
   * @throws {BrokenResourceError} When an owner has ended without giving it back.
   * @throws {TimeoutError} When the time is up.
   * @throws {Cancelled} When the scope is cancelled. The lock is not taken then.
   */
  acquire(options?: WaitOptions): Promise<Guard> {
    const scope = currentScope();
    const barred = entry(scope, options);
    if (barred !== undefined) return barred;
    const task = taskAround(scope)!;
    if (this.#hold.owner === null) {
      if (this.#brokenBy !== null) return Promise.reject(this.#broken());
      this.#take(task);
      return atOnce(
        this.#granted !== null && this.#grantedTo === task.id ? this.#granted : this.#grant(task),
      );
    }
    const waiter = new HoldWaiter<Guard>(lockSite());
    return suspendFor(scope, task, this.#queue, waiter, options);
  }

  /**
   * Takes the lock if it is free and nobody waits for it.
   *
   * @returns Whether it was taken.
   * @throws {BrokenResourceError} When an owner has ended without giving it back.
   */
  tryAcquire(): boolean {
    if (this.#brokenBy !== null) throw this.#broken();
    if (this.#hold.owner !== null) return false;
    this.#take(taskAround(currentScope())!);
    return true;
  }

  /**
   * Gives the lock back: to the first who waits for it.
   *
   * @throws {TypeError} When the calling task does not have it. The lock stays as it is.
   */
  release(): void {
    if (!this.isOwn()) throw this.#notOwn();
    this.giveUp();
  }

  /**
   * Calls a function with the lock held, and gives it back when the function has ended: the
   * quickest way to use a lock.
   *
   * @typeParam R What the function resolves to.
   * @param fn What to call.
   * @param options `signal` and `timeout` in milliseconds, which end the wait for the lock.
   * @returns What the function resolves to.
   * @throws What `acquire` throws, and what the function throws.
   *
   * @example
   * ```ts
   * import { Lock } from "@grove/grove";
   *
   * const lock = new Lock();
   * console.log(await lock.withLock(() => lock.locked), lock.locked); // true false
   * ```
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
  stats(): LockStats {
    return Object.freeze({
      locked: this.locked,
      owner: this.#hold.owner?.name ?? null,
      waiters: this.#queue.size,
      peakWaiters: this.#queue.peak,
      broken: this.#brokenBy !== null,
    });
  }

  /** @ignore */
  [poll](): Guard | typeof notReady {
    return this.tryAcquire() ? this.guard() : notReady;
  }

  /** @ignore */
  [enqueue](node: Parked<Guard>): void {
    this.#queue.add(node);
  }

  /** @ignore */
  [heldBy](): Hold | null {
    return this.#hold.owner === null ? null : this.#hold;
  }

  /**
   * Gives it back, the caller being the owner.
   *
   * @ignore
   */
  protected giveUp(): void {
    this.#hold.release();
    if (this.#queue.size > 0) this.#pass();
  }

  /** @ignore */
  protected guard(): Guard {
    return new Guard(this.#giveBack);
  }

  /**
   * Whether the calling task has it. Where the platform does not follow tasks across an `await`
   * nobody knows, and whoever asks is taken for the owner.
   *
   * @ignore
   */
  protected isOwn(): boolean {
    const { owner } = this.#hold;
    if (owner === null) return false;
    const scope = currentScope();
    return owner === scope as Scope | Holder || owner === taskAround(scope) || !followsAwait;
  }

  static {
    isOwnLock = (lock) => lock.isOwn();
    dependents = (lock) => lock.#dependents ??= new Set();
  }

  #take(task: Task): void {
    this.#hold.take(task, lockSite());
  }

  #grant(task: Task): Promise<Guard> {
    this.#grantedTo = task.id;
    return this.#granted = Promise.resolve(this.guard());
  }

  #pass(): void {
    const next = this.#queue.first!;
    this.#hold.take(taskOf(next), next.item as CallSite | undefined);
    this.#queue.wakeFirst(this.guard());
  }

  /**
   * Its owner has ended without giving it back.
   *
   * @ignore
   */
  protected abandoned(): void {}

  #break(owner: Holder): void {
    this.#brokenBy = owner.name;
    this.abandoned();
    for (const queue of [this.#queue, ...this.#dependents ?? []]) {
      while (queue.size > 0) queue.failFirst(this.#broken());
    }
  }

  #notOwn(): TypeError {
    const { owner } = this.#hold;
    return new TypeError(
      `Cannot release ${labelOf(this)} as ${
        owner === null ? "nobody holds it" : `task "${owner.name}" holds it, and not the caller`
      }. Let the task that acquired it release it, once`,
    );
  }

  #broken(): BrokenResourceError {
    return abandonedBy(this.#brokenBy!, this);
  }
}

keepShape(new Lock());
