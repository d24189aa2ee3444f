/**
 * A lock for many readers or one writer, phase-fair: phases of readers and of writers take turns. A
 * reader who comes while a writer waits waits for that one writer and no more; a writer waits for
 * the readers of the moment and no later ones. So neither side can starve the other. The algorithm
 * is the one of B. Brandenburg and J. Anderson, "Spin-Based Reader-Writer Synchronization for
 * Multiprocessor Real-Time Systems" (2010), with queues in place of spinning.
 *
 * @module
 */

import { type CallSite, lockSite } from "./kernel/call_site.ts";
import { checkFunction } from "./kernel/check.ts";
import { currentScope, followsAwait } from "./kernel/context.ts";
import { type Blocker, heldBy, suspendFor } from "./kernel/deadlock.ts";
import { BrokenResourceError } from "./kernel/errors.ts";
import { held, Hold, type Holder } from "./kernel/hold.ts";
import { type Parked, WaitQueue, type WaitTarget } from "./kernel/queue.ts";
import { currentTask, type Task, taskAround, taskOf } from "./kernel/task.ts";
import {
  enqueue,
  entry,
  notReady,
  poll,
  type Waitable,
  Waiter,
  type WaitOptions,
} from "./kernel/wait.ts";
import { Guard, guarded } from "./guard.ts";
import { checkNamed, type NamedOptions } from "./named.ts";

/** How a readers-writer lock is doing. */
export interface RWLockStats {
  /** How many read at the moment. */
  readonly readers: number;
  /** The name of the task that writes, `null` when none does. */
  readonly writer: string | null;
  /** How many wait to read. */
  readonly waitingReaders: number;
  /** How many wait to write. */
  readonly waitingWriters: number;
  /** How many waited to read at most. */
  readonly peakWaitingReaders: number;
  /** How many waited to write at most. */
  readonly peakWaitingWriters: number;
  /** Whether an owner has ended without giving it back. */
  readonly broken: boolean;
}

/** What sets one side apart from the other. */
interface Rules {
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

let rule: (side: LockSide, rules: Rules) => void;

/**
 * One side of an {@linkcode RWLock}: acquired and released like a `Lock`, and in a `select` too.
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
      return Promise.reject(broken(this, this.#rules.brokenBy));
    }
    const task = taskAround(scope)!;
    const site = lockSite();
    const guard = this.#rules.take(task, site);
    if (guard !== null) return Promise.resolve(guard);
    const waiter = new Waiter<Guard>(site);
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
        `Cannot release ${this.kind} "${this.name}" as the calling task does not hold it. Let the task that acquired it release it, once`,
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
    checkFunction(fn, `use ${this.kind} "${this.name}"`, "the argument");
    return guarded(this.acquire(options), fn);
  }

  /** @ignore */
  [poll](): Guard | typeof notReady {
    if (this.#rules.brokenBy !== null) throw broken(this, this.#rules.brokenBy);
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

/**
 * Many readers or one writer. `read` and `write` are its two sides, each of which is acquired and
 * released like a `Lock`.
 *
 * A task that reads and then asks to write would wait for itself, as would one that writes and then
 * asks to read: both get a `DeadlockError`. One that reads may ask to read again, unless a writer
 * waits: that is a `DeadlockError` too.
 *
 * @example
 * ```ts
 * import { all, RWLock, sleep } from "@grove/grove";
 *
 * const lock = new RWLock();
 * let price = 1;
 * await all([
 *   async () => {
 *     using _ = await lock.read.acquire();
 *     await sleep(1);
 *     console.log("read", price); // 1
 *   },
 *   async () => {
 *     using _ = await lock.write.acquire();
 *     price = 2;
 *   },
 *   () => lock.read.withLock(() => console.log("read", price)), // 2
 * ]);
 * ```
 */
export class RWLock {
  /** What errors and `inspect()` call it: the `name` option, or "". */
  readonly name: string;
  /** The side of the readers: many at once. */
  readonly read: LockSide;
  /** The side of the writers: one at a time, and nobody reads meanwhile. */
  readonly write: LockSide;
  readonly #phases: Phases;

  /**
   * Makes a free lock.
   *
   * @param options `name`.
   * @throws {TypeError} When the name is no string.
   */
  constructor(options?: NamedOptions) {
    this.name = checkNamed(options, "make a readers-writer lock");
    this.read = new LockSide("read lock", this.name);
    this.write = new LockSide("write lock", this.name);
    this.#phases = new Phases(this.read, this.write);
  }

  /**
   * How it is doing.
   *
   * @returns A frozen snapshot.
   */
  stats(): RWLockStats {
    const { readers, writers, reading, writing, brokenBy } = this.#phases;
    return Object.freeze({
      readers: reading.size,
      writer: writing.owner?.name ?? null,
      waitingReaders: readers.size,
      waitingWriters: writers.size,
      peakWaitingReaders: readers.peak,
      peakWaitingWriters: writers.peak,
      broken: brokenBy !== null,
    });
  }
}

/** Who reads, who writes, who waits; and the rules by which the phases change. */
class Phases {
  readonly readers: WaitQueue<Guard, LockSide>;
  readonly writers: Writers;
  readonly reading: Set<Hold> = new Set();
  readonly writing: Hold;
  readonly #read: LockSide;
  readonly #write: LockSide;
  #turn = 0;
  brokenBy: string | null = null;

  constructor(read: LockSide, write: LockSide) {
    this.#read = read;
    this.#write = write;
    this.readers = new WaitQueue<Guard, LockSide>(read);
    this.writers = new Writers(write, this);
    this.writing = new Hold(write, (owner) => this.break(owner));
    rule(read, new ReadRules(this));
    rule(write, new WriteRules(this));
  }

  beginReading(task: Task, site: CallSite | undefined): Guard {
    const reading = new Hold(this.#read, (owner) => {
      this.reading.delete(reading);
      this.break(owner);
    });
    reading.take(task, site);
    this.reading.add(reading);
    return new Guard(() => {
      if (reading.owner !== null) this.endReading(reading);
    });
  }

  endReading(reading: Hold): void {
    reading.release();
    this.reading.delete(reading);
    if (this.reading.size === 0) this.#admitWriter();
  }

  beginWriting(task: Task, site: CallSite | undefined): Guard {
    this.writing.take(task, site);
    const turn = ++this.#turn;
    return new Guard(() => {
      if (this.#turn === turn && this.writing.owner !== null) this.endWriting();
    });
  }

  endWriting(): void {
    this.writing.release();
    if (this.readers.size > 0) this.admitReaders();
    else this.#admitWriter();
  }

  /** A whole phase: all who wait now. */
  admitReaders(): void {
    for (let node = this.readers.first; node !== null; node = this.readers.first) {
      this.readers.wakeFirst(this.beginReading(taskOf(node), siteOf(node)));
    }
  }

  break(owner: Holder): void {
    this.brokenBy ??= owner.name;
    while (this.readers.failFirst(broken(this.#read, this.brokenBy)));
    while (this.writers.failFirst(broken(this.#write, this.brokenBy)));
  }

  #admitWriter(): void {
    const node = this.writers.first;
    if (node === null) return;
    // Before it leaves the queue: with nobody writing, a queue that is empty lets the readers in.
    const guard = this.beginWriting(taskOf(node), siteOf(node));
    this.writers.wakeFirst(guard);
  }
}

/** Those who wait to write. When the last gives up, nothing keeps the readers out any more. */
class Writers extends WaitQueue<Guard, LockSide> {
  readonly #phases: Phases;

  constructor(write: LockSide, phases: Phases) {
    super(write);
    this.#phases = phases;
  }

  override emptied(): void {
    const { writing, brokenBy } = this.#phases;
    if (writing.owner === null && brokenBy === null) this.#phases.admitReaders();
  }
}

class ReadRules implements Rules {
  readonly #phases: Phases;

  constructor(phases: Phases) {
    this.#phases = phases;
  }

  get queue(): WaitQueue<Guard, LockSide> {
    return this.#phases.readers;
  }

  get locked(): boolean {
    return this.#phases.reading.size > 0;
  }

  get brokenBy(): string | null {
    return this.#phases.brokenBy;
  }

  take(task: Task, site: CallSite | undefined): Guard | null {
    const { writing, writers } = this.#phases;
    if (writing.owner !== null || writers.size > 0) return null;
    return this.#phases.beginReading(task, site);
  }

  find(task: Task): Hold | null {
    const { reading } = this.#phases;
    if (!followsAwait) return reading.values().next().value ?? null;
    for (let hold = task[held]; hold !== null; hold = hold.next) {
      if (reading.has(hold)) return hold;
    }
    return null;
  }

  give(hold: Hold): void {
    this.#phases.endReading(hold);
  }

  blockers(): Blocker | null {
    const { writing, writers } = this.#phases;
    if (writing.owner !== null) return writing;
    // Where nobody writes, it is the writer who is next that keeps the readers out.
    return writers.first && taskOf(writers.first);
  }
}

class WriteRules implements Rules {
  readonly #phases: Phases;

  constructor(phases: Phases) {
    this.#phases = phases;
  }

  get queue(): WaitQueue<Guard, LockSide> {
    return this.#phases.writers;
  }

  get locked(): boolean {
    return this.#phases.writing.owner !== null;
  }

  get brokenBy(): string | null {
    return this.#phases.brokenBy;
  }

  take(task: Task, site: CallSite | undefined): Guard | null {
    const { writing, reading } = this.#phases;
    if (writing.owner !== null || reading.size > 0) return null;
    return this.#phases.beginWriting(task, site);
  }

  find(task: Task): Hold | null {
    const { writing } = this.#phases;
    return writing.owner !== null && (writing.owner === task || !followsAwait) ? writing : null;
  }

  give(): void {
    this.#phases.endWriting();
  }

  blockers(): Blocker | readonly Blocker[] {
    const { writing, reading } = this.#phases;
    return writing.owner !== null ? writing : [...reading];
  }
}

function siteOf(node: Parked<Guard>): CallSite | undefined {
  return node.item as CallSite | undefined;
}

function broken(side: LockSide, owner: string): BrokenResourceError {
  return new BrokenResourceError(
    `Cannot acquire ${side.kind} "${side.name}" as task "${owner}" has ended without releasing it, and what it protects may be half done. Acquire it with 'using', and make a new one`,
  );
}
