/**
 * A barrier that threads share: a number of tasks wait for each other, whichever threads they are in,
 * and go on together.
 *
 * @module
 */

import type { BarrierStats } from "../barrier.ts";
import { atOnce } from "../kernel/budget.ts";
import { checkCount } from "../kernel/check.ts";
import { currentScope } from "../kernel/context.ts";
import { BrokenResourceError } from "../kernel/errors.ts";
import { pass, type Passed } from "../kernel/passing.ts";
import { labelOf, type Parked, type WaitTarget } from "../kernel/queue.ts";
import { entry, suspend, Waiter, type WaitOptions } from "../kernel/wait.ts";
import { checkNamed, type NamedOptions } from "../named.ts";
import { BlockedThread, blocking, type BlockingOptions, NO_OPTIONS } from "./blocking.ts";
import { MOST_PLACES, STATE } from "./layout.ts";
import { type Counter, Line } from "./line.ts";
import { Room } from "./room.ts";
import { type Posted, SharedKind, type SharedMemory } from "./shared_memory.ts";

const PARTIES = STATE;
const BROKEN = STATE + 1;
/** Why those have failed who failed last. */
const REASON = STATE + 2;
/** How many have arrived since the last time that all went on. */
const ARRIVED = STATE + 3;

const REASONS = [
  "it is broken",
  "another task has left it",
  "a thread has died that waited at it",
  "it was aborted",
  "it was reset",
];
const IS_BROKEN = 0;
const HAS_LEFT = 1;
const HAS_DIED = 2;
const ABORTED = 3;
const RESET = 4;

/** All of them are to have a place in line. */
const MOST_PARTIES = MOST_PLACES;

/**
 * A place where a number of tasks wait for each other, in whichever threads they are: when the last
 * has arrived all go on, and the barrier can be used again. When one of those who wait is cancelled,
 * runs out of time, or dies with its thread, the others would wait for ever: the barrier is broken,
 * and they get a `BrokenResourceError`.
 *
 * One that dies before it arrives is not missed: a barrier does not know who is to come. Wait with a
 * `timeout` where that may be.
 *
 * It is the same barrier in every worker that it is posted to: a pool gives it to jobs as an
 * argument; a worker of your own makes it with {@linkcode SharedBarrier.from} of what it has received.
 *
 * @example
 * ```ts
 * import { SharedBarrier, taskGroup } from "@grove/grove";
 *
 * const start = new SharedBarrier(2, { name: "start" });
 * await taskGroup((group) => {
 *   for (const runner of ["a", "b"]) {
 *     // In a worker it would be the same: const start = SharedBarrier.from(event.data);
 *     group.spawn(async () => {
 *       await start.wait();
 *       console.log(runner, "runs");
 *     });
 *   }
 * });
 * ```
 */
export class SharedBarrier implements WaitTarget {
  /** What it is made of: all that is left of it when it is posted. See {@linkcode SharedBarrier.from}. */
  readonly shared: SharedMemory;
  readonly #room: Room;
  readonly #queue: Line<number>;

  /**
   * Makes a barrier.
   *
   * @param parties How many tasks it takes: a whole number from 1 to 1024.
   * @param options `name`.
   * @throws {TypeError | RangeError} When an argument makes no sense, or the platform has no
   * `SharedArrayBuffer`.
   */
  constructor(parties: number, options?: NamedOptions) {
    checkCount(parties, "make a shared barrier", "the number of parties", 1, false);
    if (parties > MOST_PARTIES) {
      throw new RangeError(
        `Cannot make a shared barrier as the number of parties must be ${MOST_PARTIES} at most: received ${parties}`,
      );
    }
    const { shared, isNew } = kind.memoryFor(this, checkNamed(options, "make a shared barrier"));
    this.shared = shared;
    this.#room = new Room(shared.memory, this, (thread) => this.#threadDied(thread));
    const { words } = this.#room;
    if (isNew) words[PARTIES] = parties;
    const counter: Counter<number> = {
      joined: () => {},
      take: () => {},
      valueOf: (_, { item }) => item as number,
      // The others have gone on.
      giveBack: () => {},
      left: () => this.#break(HAS_LEFT),
      needOf: () => 0,
      failure: () => this.#breach(words[REASON]),
    };
    this.#queue = new Line<number>(this, this.#room, 0, counter);
  }

  /**
   * The barrier that was posted to this thread.
   *
   * @param posted What has arrived of it.
   * @returns The same barrier: one object in a thread, however often it arrives.
   * @throws {TypeError} When it was no shared barrier.
   */
  static from(posted: Posted): SharedBarrier {
    return kind.from(posted);
  }

  /** What errors and `inspect()` call it: the `name` option, or "". */
  get name(): string {
    return this.shared.name;
  }

  /** What a wait for it is shown as. */
  get kind(): "shared barrier" {
    return "shared barrier";
  }

  /** How many tasks it takes. */
  get parties(): number {
    return this.#room.words[PARTIES];
  }

  /** How many of them wait, in all threads. */
  get waiting(): number {
    return this.#queue.waiting;
  }

  /** Whether it is broken: whoever waits, now or later, gets an error until it is reset. */
  get broken(): boolean {
    return Atomics.load(this.#room.words, BROKEN) !== 0;
  }

  /**
   * Waits until as many have arrived as there are parties.
   *
   * @param options `signal` and `timeout` in milliseconds, which end the wait and break the barrier.
   * @returns Resolves to the place in the order of arrival: 0 for the first. Each value comes once,
   * so it can tell who does what is to be done once.
   * @throws {BrokenResourceError} When another one has left or died, or `abort()` or `reset()` was
   * called.
   * @throws {TimeoutError} When the time is up.
   * @throws {Cancelled} When the scope is cancelled.
   */
  wait(options?: WaitOptions): Promise<number> {
    const scope = currentScope();
    const barred = entry(scope, options);
    if (barred !== undefined) return barred;
    const waiter = new Waiter<number>();
    try {
      const index = this.#arrive(waiter);
      if (index !== null) return atOnce(Promise.resolve(index));
    } catch (error) {
      return Promise.reject(error);
    }
    this.#room.attend();
    return suspend(scope, waiter, options);
  }

  /**
   * Blocks the thread until as many have arrived as there are parties. For workers: no other task of
   * the thread runs meanwhile, and only a job of a pool hears of a cancellation.
   *
   * @param options `timeout` in milliseconds, which ends the wait and breaks the barrier.
   * @returns The place in the order of arrival: 0 for the first.
   * @throws {BrokenResourceError} When another one has left or died, or `abort()` or `reset()` was
   * called.
   * @throws {TimeoutError} When the time is up.
   * @throws {TypeError} When the thread may not block.
   * @throws {Cancelled} When the scope is cancelled.
   */
  waitSync(options: BlockingOptions = NO_OPTIONS): number {
    return blocking(this.#room, options, "wait at", (call) => {
      const thread = new BlockedThread<number>();
      return this.#arrive(thread) ?? call.until(thread);
    });
  }

  /** Breaks the barrier: those who wait get a `BrokenResourceError`, and so do all who come later. */
  abort(): void {
    this.#room.enter();
    this.#break(ABORTED);
    this.#room.exit();
    this.#room.collectNow();
  }

  /** Makes it as new. Those who wait get a `BrokenResourceError`. */
  reset(): void {
    this.#room.enter();
    this.#break(RESET);
    this.#room.words[BROKEN] = 0;
    this.#room.exit();
    this.#room.collectNow();
  }

  /**
   * How it is doing, in all threads.
   *
   * @returns A frozen snapshot.
   */
  stats(): BarrierStats {
    return Object.freeze({
      parties: this.parties,
      waiters: this.waiting,
      broken: this.broken,
    });
  }

  /** @ignore */
  [pass](): Passed {
    return kind.passed(this.shared);
  }

  /** The index of the last, who need not wait; `null` for the others, who are in line then. */
  #arrive(node: Parked<number>): number | null {
    const { words } = this.#room;
    // What has become of those who came before is not to be taken for what becomes of this one.
    if (this.#room.size > 0) this.#room.serve();
    this.#room.enter();
    const isBroken = words[BROKEN] !== 0;
    const index = words[ARRIVED];
    const isLast = index === words[PARTIES] - 1;
    if (!isBroken) {
      words[ARRIVED] = isLast ? 0 : index + 1;
      node.item = index;
      if (!isLast) this.#queue.join(node);
      else while (this.#queue.grant() !== -1);
    }
    this.#room.exit();
    if (isBroken) throw this.#breach(IS_BROKEN);
    if (!isLast) return null;
    this.#room.collectNow();
    return index;
  }

  /** In a change. */
  #break(reason: number): void {
    const { words } = this.#room;
    words[BROKEN] = 1;
    words[ARRIVED] = 0;
    words[REASON] = reason;
    this.#queue.dismiss();
  }

  /** In a change. */
  #threadDied(thread: number): void {
    if (this.#queue.bury(thread).left > 0) this.#break(HAS_DIED);
  }

  #breach(reason: number): BrokenResourceError {
    return new BrokenResourceError(
      `Cannot wait at ${labelOf(this)} as ${
        REASONS[reason]
      }. Let all parties begin again after reset()`,
    );
  }
}

const kind = new SharedKind("SharedBarrier", 4, () => new SharedBarrier(1));
