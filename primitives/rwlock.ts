/**
 * A lock for many readers or one writer, phase-fair: phases of readers and of writers take turns. A
 * reader who comes while a writer waits waits for that one writer and no more; a writer waits for
 * the readers of the moment and no later ones. So neither side can starve the other. The algorithm
 * is the one of B. Brandenburg and J. Anderson, "Spin-Based Reader-Writer Synchronization for
 * Multiprocessor Real-Time Systems" (2010), with queues in place of spinning.
 *
 * @module
 */

import type { CallSite } from "./kernel/call_site.ts";
import { followsAwait } from "./kernel/context.ts";
import type { Blocker } from "./kernel/deadlock.ts";
import { abandonedBy, held, Hold, type Holder } from "./kernel/hold.ts";
import { type Parked, WaitQueue } from "./kernel/queue.ts";
import { currentTask, type Task, taskOf } from "./kernel/task.ts";
import { Guard } from "./guard.ts";
import { LockSide, rule, type Rules } from "./lock_side.ts";
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
      if (reading.owner !== null && !isCurrent(reading.owner)) return false;
      if (reading.owner !== null) this.endReading(reading);
      return true;
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
      if (this.#turn !== turn || this.writing.owner === null) return true;
      if (!isCurrent(this.writing.owner)) return false;
      this.endWriting();
      return true;
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
    while (this.readers.failFirst(abandonedBy(this.brokenBy, this.#read)));
    while (this.writers.failFirst(abandonedBy(this.brokenBy, this.#write)));
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

/** Whether a task is the calling one, as far as the platform tells. */
function isCurrent(task: Holder): boolean {
  return task === currentTask() || !followsAwait;
}

function siteOf(node: Parked<Guard>): CallSite | undefined {
  return node.item as CallSite | undefined;
}
