/**
 * A lock that threads share: one task at a time, of all tasks in all threads that have it. It is what
 * `Lock` is within a thread, and of the same strictness: it knows its owner, a release hands it to the
 * first who waits, and an owner that ends without giving it back breaks it, be it a task or a whole
 * thread.
 *
 * @module
 */

import { atOnce } from "../kernel/budget.ts";
import { checkFunction } from "../kernel/check.ts";
import { type CallSite, lockSite } from "../kernel/call_site.ts";
import { currentScope, followsAwait } from "../kernel/context.ts";
import { DeadlockError, heldBy, HoldWaiter, suspendFor } from "../kernel/deadlock.ts";
import { BrokenResourceError } from "../kernel/errors.ts";
import { abandonedBy, Hold, type Holder } from "../kernel/hold.ts";
import { pass, type Passed } from "../kernel/passing.ts";
import { labelOf, type Parked, type WaitTarget } from "../kernel/queue.ts";
import type { Scope } from "../kernel/scope.ts";
import { type Task, taskAround, taskOf } from "../kernel/task.ts";
import { enqueue, entry, notReady, poll, type Waitable, type WaitOptions } from "../kernel/wait.ts";
import { Guard, guarded } from "../guard.ts";
import { checkNamed, type NamedOptions } from "../named.ts";
import { BlockedThread, blocking, type BlockingOptions, NO_OPTIONS } from "./blocking.ts";
import { STATE } from "./layout.ts";
import { type Counter, Line } from "./line.ts";
import { Room } from "./room.ts";
import { type Posted, SharedKind, type SharedMemory } from "./shared_memory.ts";

/** How a shared lock is doing. */
export interface SharedLockStats {
  /** Whether a task has it, in whichever thread. */
  readonly locked: boolean;
  /** The name of that task, "another thread" where it is none of this one, `null` when it is free. */
  readonly owner: string | null;
  /** How many wait for it, in all threads. */
  readonly waiters: number;
  /** How many waited for it at most. */
  readonly peakWaiters: number;
  /** Whether an owner has ended without giving it back. */
  readonly broken: boolean;
}

/** The thread that has it, counted from 1. */
const OWNER = STATE;
/** Whether that thread has taken note of it. */
const TAKEN = STATE + 1;
/** Why it is broken. */
const BROKEN = STATE + 2;

const ENDED_TASK = 1;
const DEAD_THREAD = 2;

/**
 * Mutual exclusion between tasks of several threads: one has it, the others wait in the order in
 * which they came, whichever thread they are in.
 *
 * It is the same lock in every worker that it is posted to: a pool gives it to jobs as an argument;
 * a worker of your own makes it with {@linkcode SharedLock.from} of what it has received.
 *
 * A worker that dies while it has the lock breaks it, as a task does that ends: what it protects may
 * be half done. That is noticed within 100 ms by whoever waits for it; a thread that is blocked looks
 * less and less often, once a second at last. Deadlocks are noticed among
 * the tasks of one thread; a circle that leads through two threads is not seen.
 *
 * @example
 * ```ts
 * import { SharedLock } from "@grove/grove";
 *
 * const lock = new SharedLock({ name: "counter" });
 * const counter = new Int32Array(new SharedArrayBuffer(4));
 *
 * // In a worker it would be the same: const lock = SharedLock.from(event.data);
 * await lock.withLock(() => counter[0] = counter[0] + 1);
 * console.log(counter[0], lock.locked); // 1 false
 * ```
 */
export class SharedLock implements Waitable<Guard>, WaitTarget {
  /** What it is made of: all that is left of it when it is posted. See {@linkcode SharedLock.from}. */
  readonly shared: SharedMemory;
  readonly #hold: Hold = new Hold(this, (owner) => this.#abandoned(owner));
  readonly #room: Room;
  readonly #queue: Line<Guard, SharedLock>;
  readonly #giveBack = (): boolean => {
    if (!this.#isOwn()) return false;
    this.#giveUp();
    return true;
  };
  /** The name of the task that has broken it, where it was one of this thread. */
  #brokenBy: string | null = null;

  /**
   * Makes a free lock.
   *
   * @param options `name`.
   * @throws {TypeError} When the name is no string, or the platform has no `SharedArrayBuffer`.
   */
  constructor(options?: NamedOptions) {
    this.shared = kind.memoryFor(this, checkNamed(options, "make a shared lock")).shared;
    this.#room = new Room(this.shared.memory, this, (thread) => this.#threadDied(thread));
    const counter: Counter<Guard> = {
      joined: () => this.#handOver(),
      take: (node) => {
        this.#room.words[TAKEN] = 1;
        this.#hold.take(taskOf(node), node.item as CallSite | undefined);
      },
      valueOf: () => this.#guard(),
      giveBack: () => this.#free(),
      left: () => {},
      needOf: () => 0,
      failure: () => this.#broken(),
    };
    this.#queue = new Line<Guard, SharedLock>(this, this.#room, 0, counter);
  }

  /**
   * The lock that was posted to this thread.
   *
   * @param posted What has arrived of it.
   * @returns The same lock: one object in a thread, however often it arrives.
   * @throws {TypeError} When it was no shared lock.
   *
   * @example
   * ```ts
   * import { SharedLock } from "@grove/grove";
   *
   * const lock = new SharedLock({ name: "door" });
   * const arrived = structuredClone(lock); // As postMessage() does it.
   * console.log(SharedLock.from(arrived).name); // door
   * ```
   */
  static from(posted: Posted): SharedLock {
    return kind.from(posted);
  }

  /** What errors and `inspect()` call it: the `name` option, or "". */
  get name(): string {
    return this.shared.name;
  }

  /** What a wait for it is shown as. */
  get kind(): "shared lock" {
    return "shared lock";
  }

  /** Whether a task has it, in whichever thread. */
  get locked(): boolean {
    return Atomics.load(this.#room.words, OWNER) !== 0;
  }

  /** The task of this thread that has it; `null` when it is free or in another thread. */
  get owner(): Task | null {
    return this.#hold.owner as Task | null;
  }

  /**
   * Takes the lock, and waits for its turn where others have it or wait for it.
   *
   * @param options `signal` and `timeout` in milliseconds, which end the wait.
   * @returns Resolves to a guard: `using guard = await lock.acquire()` gives the lock back when the
   * block is left.
   * @throws {DeadlockError} When the calling task has it already, or when its owner is in this thread
   * and waits, over however many others, for the calling task.
   * @throws {BrokenResourceError} When an owner has ended without giving it back.
   * @throws {TimeoutError} When the time is up.
   * @throws {Cancelled} When the scope is cancelled. The lock is not taken then.
   */
  acquire(options?: WaitOptions): Promise<Guard> {
    const scope = currentScope();
    const barred = entry(scope, options);
    if (barred !== undefined) return barred;
    const task = taskAround(scope)!;
    try {
      if (this.#take(task)) return atOnce(Promise.resolve(this.#guard()));
      return suspendFor(scope, task, this.#queue, new HoldWaiter<Guard>(lockSite()), options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Takes the lock, and blocks the thread until it has it. For workers: no other task of the thread
   * runs meanwhile, and only a job of a pool hears of a cancellation.
   *
   * @param options `timeout` in milliseconds, which ends the wait.
   * @returns A guard: `using guard = lock.acquireSync()`.
   * @throws {DeadlockError} When a task of this thread has it, which could not give it back.
   * @throws {BrokenResourceError} When an owner has ended without giving it back.
   * @throws {TimeoutError} When the time is up.
   * @throws {TypeError} When the thread may not block.
   * @throws {Cancelled} When the scope is cancelled.
   */
  acquireSync(options: BlockingOptions = NO_OPTIONS): Guard {
    return blocking(this.#room, options, "acquire", (call) => {
      if (this.#take(taskAround(currentScope())!)) return this.#guard();
      if (this.#hold.owner !== null) throw this.#deadlock();
      const thread = new BlockedThread<Guard>(lockSite());
      // First of those here: a lock for a task of a thread that is blocked would be of no use.
      this.#queue.addFirst(thread);
      return call.until(thread);
    });
  }

  /**
   * Takes the lock if it is free and nobody waits for it.
   *
   * @returns Whether it was taken.
   * @throws {BrokenResourceError} When an owner has ended without giving it back.
   */
  tryAcquire(): boolean {
    return this.#take(taskAround(currentScope())!);
  }

  /**
   * Gives the lock back: to the first who waits for it.
   *
   * @throws {TypeError} When the calling task does not have it. The lock stays as it is.
   */
  release(): void {
    if (!this.#isOwn()) throw this.#notOwn();
    this.#giveUp();
  }

  /**
   * Calls a function with the lock held, and gives it back when the function has ended.
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

  /**
   * How it is doing.
   *
   * @returns A frozen snapshot.
   */
  stats(): SharedLockStats {
    return Object.freeze({
      locked: this.locked,
      owner: this.#hold.owner?.name ?? (this.locked ? "another thread" : null),
      waiters: this.#queue.waiting,
      peakWaiters: this.#queue.peakWaiting,
      broken: Atomics.load(this.#room.words, BROKEN) !== 0,
    });
  }

  /** @ignore */
  [pass](): Passed {
    return kind.passed(this.shared);
  }

  /** @ignore */
  [poll](): Guard | typeof notReady {
    return this.tryAcquire() ? this.#guard() : notReady;
  }

  /** @ignore */
  [enqueue](node: Parked<Guard>): void {
    this.#queue.add(node);
  }

  /** @ignore */
  [heldBy](): Hold | null {
    return this.#hold.owner === null ? null : this.#hold;
  }

  #take(task: Task): boolean {
    const { words } = this.#room;
    if (this.locked) return false;
    // First: who is interrupted when the thread has it, and no task of it, would have it for ever.
    this.#hold.take(task, lockSite());
    let isFree = false;
    let isBroken = false;
    try {
      this.#room.enter();
      isBroken = words[BROKEN] !== 0;
      isFree = words[OWNER] === 0 && !isBroken;
      if (isFree) {
        words[OWNER] = this.#room.thread + 1;
        words[TAKEN] = 1;
      }
      this.#room.exit();
    } finally {
      if (!isFree) this.#hold.release();
    }
    if (isBroken) throw this.#broken();
    return isFree;
  }

  #giveUp(): void {
    this.#room.enter();
    this.#free();
    this.#room.exit();
    // Only now: whoever is interrupted before has it, and breaks it as his task ends.
    this.#hold.release();
    this.#room.collectNow();
  }

  /** In a change. */
  #free(): void {
    this.#room.words[OWNER] = 0;
    this.#handOver();
  }

  /** In a change. */
  #handOver(): void {
    const { words } = this.#room;
    if (words[BROKEN] !== 0) this.#queue.dismiss();
    else if (words[OWNER] === 0) {
      words[OWNER] = this.#queue.grant() + 1;
      words[TAKEN] = 0;
    }
  }

  #abandoned(owner: Holder): void {
    if (!this.#room.tryEnter()) return; // Nobody can get it any more anyway.
    // Else he was interrupted when he was about to take it, or had just given it back.
    if (this.#room.words[OWNER] === this.#room.thread + 1) {
      this.#brokenBy = owner.name;
      this.#break(ENDED_TASK);
    }
    this.#room.exit();
    this.#room.collectNow();
  }

  /** In a change. */
  #threadDied(thread: number): void {
    this.#queue.bury(thread);
    if (this.#room.words[OWNER] !== thread + 1) return;
    // What it was handed and has not taken note of was not used.
    if (this.#room.words[TAKEN] === 0) this.#free();
    else this.#break(DEAD_THREAD);
  }

  /** In a change. */
  #break(why: number): void {
    this.#room.words[OWNER] = 0;
    this.#room.words[BROKEN] = why;
    this.#queue.dismiss();
  }

  #guard(): Guard {
    return new Guard(this.#giveBack);
  }

  /** As `Lock` does it. */
  #isOwn(): boolean {
    const { owner } = this.#hold;
    if (owner === null) return false;
    const scope = currentScope();
    return owner === scope as Scope | Holder || owner === taskAround(scope) || !followsAwait;
  }

  #notOwn(): TypeError {
    const { owner } = this.stats();
    return new TypeError(
      `Cannot release ${labelOf(this)} as ${
        owner === null
          ? "nobody holds it"
          : `${this.owner === null ? owner : `task "${owner}"`} holds it, and not the caller`
      }. Let the task that acquired it release it, once`,
    );
  }

  #deadlock(): DeadlockError {
    return new DeadlockError(
      `Cannot wait for ${labelOf(this)} with this thread blocked as task "${
        this.#hold.owner!.name
      }" of the same thread holds it, and could not release it. Await acquire() instead`,
    );
  }

  #broken(): BrokenResourceError {
    if (this.#brokenBy !== null) return abandonedBy(this.#brokenBy, this);
    const who = this.#room.words[BROKEN] === DEAD_THREAD
      ? "a thread has died"
      : "a task of another thread has ended";
    return new BrokenResourceError(
      `Cannot acquire ${
        labelOf(this)
      } as ${who} without releasing it, and what it protects may be half done. Acquire it with 'using', and make a new one`,
    );
  }
}

const kind = new SharedKind("SharedLock", 1, () => new SharedLock());
