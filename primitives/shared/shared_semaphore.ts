/**
 * A semaphore that threads share: a number of permits, given out in the order in which they were
 * asked for, whichever thread asks. A release with somebody waiting hands the permit over.
 *
 * @module
 */

import { atOnce } from "../kernel/budget.ts";
import { checkCount, checkFunction } from "../kernel/check.ts";
import { currentScope } from "../kernel/context.ts";
import { pass, type Passed } from "../kernel/passing.ts";
import { labelOf, type Parked, type WaitTarget } from "../kernel/queue.ts";
import {
  enqueue,
  entry,
  notReady,
  poll,
  suspend,
  type Waitable,
  Waiter,
  type WaitOptions,
} from "../kernel/wait.ts";
import { Guard, guarded } from "../guard.ts";
import { checkNamed, type NamedOptions } from "../named.ts";
import type { SemaphoreStats } from "../semaphore.ts";
import { BlockedThread, blocking, type BlockingOptions, NO_OPTIONS } from "./blocking.ts";
import { HELD, STATE } from "./layout.ts";
import { type Counter, Line } from "./line.ts";
import { entryOf, Room } from "./room.ts";
import { type Posted, SharedKind, type SharedMemory } from "./shared_memory.ts";

const AVAILABLE = STATE;

const MOST_PERMITS = 2 ** 31 - 1;

/** Marks a wait whose permit is to come back when its thread dies. */
const LENT = {};

/**
 * A number of permits, for at most so many at a time of something, in all threads together. As
 * `Semaphore` it knows no owner: whoever likes may release, in whichever thread.
 *
 * It is the same semaphore in every worker that it is posted to: a pool gives it to jobs as an
 * argument; a worker of your own makes it with {@linkcode SharedSemaphore.from} of what it has
 * received.
 *
 * A worker that dies within `withLock()` gives its permit back. One that it took with `acquire()` is
 * gone with it, as in Python's `multiprocessing`: nobody knows whether it was to be released here.
 *
 * @example At most two at a time, in all workers together
 * ```ts
 * import { SharedSemaphore } from "@grove/grove";
 *
 * const connections = new SharedSemaphore(2, { name: "connections" });
 *
 * // In a worker it would be the same: const connections = SharedSemaphore.from(event.data);
 * await connections.withLock(() => console.log(connections.available)); // 1
 * console.log(connections.available); // 2
 * ```
 */
export class SharedSemaphore implements Waitable<Guard>, WaitTarget {
  /** What it is made of: all that is left when it is posted. See {@linkcode SharedSemaphore.from}. */
  readonly shared: SharedMemory;
  readonly #room: Room;
  readonly #queue: Line<Guard>;
  readonly #giveBack = (): void => this.release();
  readonly #return = (): void => this.#giveBackLent();

  /**
   * Makes a semaphore.
   *
   * @param permits How many permits there are: a whole number from 0 up.
   * @param options `name`.
   * @throws {TypeError | RangeError} When an argument makes no sense, or the platform has no
   * `SharedArrayBuffer`.
   */
  constructor(permits: number, options?: NamedOptions) {
    checkPermits(permits, "make a shared semaphore", 0);
    const { shared, isNew } = kind.memoryFor(this, checkNamed(options, "make a shared semaphore"));
    this.shared = shared;
    this.#room = new Room(shared.memory, this, (thread) => this.#threadDied(thread));
    if (isNew) this.#room.words[AVAILABLE] = permits;
    const counter: Counter<Guard> = {
      joined: () => this.#handOver(),
      take: ({ item }) => void (this.#room.words[this.#room.entry + HELD] += +(item === LENT)),
      valueOf: (_, { item }) => this.#guard(item === LENT),
      giveBack: () => this.#add(1),
      left: () => {},
      needOf: () => 0,
    };
    this.#queue = new Line<Guard>(this, this.#room, 0, counter);
  }

  /**
   * The semaphore that was posted to this thread.
   *
   * @param posted What has arrived of it.
   * @returns The same semaphore: one object in a thread, however often it arrives.
   * @throws {TypeError} When it was no shared semaphore.
   */
  static from(posted: Posted): SharedSemaphore {
    return kind.from(posted);
  }

  /** What errors and `inspect()` call it: the `name` option, or "". */
  get name(): string {
    return this.shared.name;
  }

  /** What a wait for it is shown as. */
  get kind(): "shared semaphore" {
    return "shared semaphore";
  }

  /** How many permits can be had at once. */
  get available(): number {
    return Atomics.load(this.#room.words, AVAILABLE);
  }

  /** Whether no permit can be had at once. */
  get locked(): boolean {
    return this.available === 0;
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
    return this.#acquire(options, undefined);
  }

  /**
   * Takes a permit, and blocks the thread until there is one. For workers: no other task of the
   * thread runs meanwhile, and only a job of a pool hears of a cancellation.
   *
   * @param options `timeout` in milliseconds, which ends the wait.
   * @returns A guard: `using guard = semaphore.acquireSync()`.
   * @throws {TimeoutError} When the time is up.
   * @throws {TypeError} When the thread may not block.
   * @throws {Cancelled} When the scope is cancelled.
   */
  acquireSync(options: BlockingOptions = NO_OPTIONS): Guard {
    return blocking(this.#room, options, "acquire", (call) => {
      if (this.tryAcquire()) return this.#guard(false);
      const thread = new BlockedThread<Guard>();
      // First of those here: a permit for a task of a thread that is blocked would be of no use.
      this.#queue.addFirst(thread);
      return call.until(thread);
    });
  }

  /**
   * Takes a permit if there is one and nobody waits for it.
   *
   * @returns Whether it was taken.
   */
  tryAcquire(): boolean {
    return this.#take(undefined);
  }

  /**
   * Gives permits back, or adds some: first to those who wait.
   *
   * @param count How many. Default: 1.
   * @throws {TypeError | RangeError} When it is no whole number from 1 up, or there would be more
   * than 2,147,483,647.
   */
  release(count = 1): void {
    checkPermits(count, `release ${labelOf(this)}`, 1);
    this.#room.enter();
    const isTooMany = this.#room.words[AVAILABLE] > MOST_PERMITS - count;
    if (!isTooMany) this.#add(count);
    this.#room.exit();
    if (isTooMany) {
      throw new RangeError(
        `Cannot release ${
          labelOf(this)
        } as it would have more than ${MOST_PERMITS} permits: received ${count}. Release what was acquired, once`,
      );
    }
    this.#room.collectNow();
  }

  /**
   * Calls a function with a permit, and gives it back when the function has ended, or the thread has
   * died.
   *
   * @typeParam R What the function resolves to.
   * @param fn What to call.
   * @param options `signal` and `timeout` in milliseconds, which end the wait for the permit.
   * @returns What the function resolves to.
   * @throws What `acquire` throws, and what the function throws.
   */
  withLock<R>(fn: () => R | PromiseLike<R>, options?: WaitOptions): Promise<R> {
    checkFunction(fn, `use ${labelOf(this)}`, "the argument");
    return guarded(this.#acquire(options, LENT), fn);
  }

  /**
   * How it is doing, in all threads.
   *
   * @returns A frozen snapshot.
   */
  stats(): SemaphoreStats {
    return Object.freeze({
      available: this.available,
      waiters: this.#queue.waiting,
      peakWaiters: this.#queue.peakWaiting,
    });
  }

  /** @ignore */
  [pass](): Passed {
    return kind.passed(this.shared);
  }

  /** @ignore */
  [poll](): Guard | typeof notReady {
    return this.tryAcquire() ? this.#guard(false) : notReady;
  }

  /** @ignore */
  [enqueue](node: Parked<Guard>): void {
    this.#queue.add(node);
  }

  #acquire(options: WaitOptions | undefined, item: object | undefined): Promise<Guard> {
    const scope = currentScope();
    const barred = entry(scope, options);
    if (barred !== undefined) return barred;
    const waiter = new Waiter<Guard>(item);
    try {
      if (this.#take(item)) return atOnce(Promise.resolve(this.#guard(item === LENT)));
      this.#queue.add(waiter);
    } catch (error) {
      return Promise.reject(error);
    }
    return suspend(scope, waiter, options);
  }

  #take(item: object | undefined): boolean {
    const { words, entry } = this.#room;
    this.#room.enter();
    const isTaken = words[AVAILABLE] > 0;
    if (isTaken) {
      words[AVAILABLE]--;
      if (item === LENT) words[entry + HELD]++;
    }
    this.#room.exit();
    return isTaken;
  }

  #giveBackLent(): void {
    this.#room.enter();
    this.#room.words[this.#room.entry + HELD]--;
    this.#add(1);
    this.#room.exit();
    this.#room.collectNow();
  }

  /** In a change. */
  #add(count: number): void {
    this.#room.words[AVAILABLE] += count;
    this.#handOver();
  }

  /** In a change. */
  #handOver(): void {
    const { words } = this.#room;
    while (words[AVAILABLE] > 0 && this.#queue.grant() !== -1) words[AVAILABLE]--;
  }

  /** In a change. */
  #threadDied(thread: number): void {
    const { granted } = this.#queue.bury(thread);
    this.#add(granted + this.#room.words[entryOf(thread) + HELD]);
  }

  #guard(isLent: boolean): Guard {
    return new Guard(isLent ? this.#return : this.#giveBack);
  }
}

function checkPermits(count: number, action: string, least: number): void {
  checkCount(count, action, "the number of permits", least, false);
  if (count <= MOST_PERMITS) return;
  throw new RangeError(
    `Cannot ${action} as the number of permits must be ${MOST_PERMITS} at most: received ${count}`,
  );
}

const kind = new SharedKind("SharedSemaphore", 2, () => new SharedSemaphore(0));
