/**
 * A flag that threads share, to wait for: one sets it, all who wait go on, in every thread.
 *
 * @module
 */

import type { EventStats } from "../event.ts";
import { atOnce } from "../kernel/budget.ts";
import { currentScope } from "../kernel/context.ts";
import { pass, type Passed } from "../kernel/passing.ts";
import { type Parked, WaitQueue, type WaitTarget } from "../kernel/queue.ts";
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
import { checkNamed, type NamedOptions } from "../named.ts";
import { BlockedThread, blocking, type BlockingOptions, NO_OPTIONS } from "./blocking.ts";
import { HELD, MOST_THREADS, STATE } from "./layout.ts";
import { entryOf, Room, type Waiting } from "./room.ts";
import { type Posted, SharedKind, type SharedMemory } from "./shared_memory.ts";

const DONE = Promise.resolve();

const SET = STATE;
/** How often it was set: who waits since before goes on, also when it has been cleared meanwhile. */
const TIMES = STATE + 1;
const WAITERS = STATE + 2;
const PEAK = STATE + 3;

/**
 * Those in this thread who wait for it. They need no places in the shared memory, as there is no
 * order in which they go on; only how many they are is noted there.
 */
class Crowd extends WaitQueue<void> implements Waiting {
  readonly #room: Room;

  constructor(target: WaitTarget, room: Room) {
    super(target);
    this.#room = room;
    room.add(this);
  }

  override add(node: Parked<void>): void {
    const { words, entry, thread } = this.#room;
    this.#room.enter();
    super.add(node);
    words[entry + HELD]++;
    if (++words[WAITERS] > words[PEAK]) words[PEAK] = words[WAITERS];
    node.item = words[TIMES];
    // Since it was looked at.
    if (words[SET] !== 0) this.#room.wake(thread);
    this.#room.exit();
    this.#room.attend();
  }

  override unlink(node: Parked<void>): void {
    super.unlink(node);
    if (this.#room.tryEnter()) {
      this.#room.words[this.#room.entry + HELD]--;
      this.#room.words[WAITERS]--;
      this.#room.exit();
    }
    if (this.size === 0) this.#room.attend();
  }

  serve(): void {
    const isSet = Atomics.load(this.#room.words, SET) !== 0;
    const times = Atomics.load(this.#room.words, TIMES);
    while (this.first !== null && (isSet || this.first.item !== times)) this.wakeFirst();
  }

  abandon(error: unknown): void {
    this.failAll(error);
  }
}

/**
 * A flag that is set and cleared, and waited for by any number of tasks in any number of threads.
 *
 * It is the same event in every worker that it is posted to: a pool gives it to jobs as an argument;
 * a worker of your own makes it with {@linkcode SharedEvent.from} of what it has received. Whoever
 * waits and dies is missed by nobody.
 *
 * @example
 * ```ts
 * import { SharedEvent, taskGroup } from "@grove/grove";
 *
 * const green = new SharedEvent({ name: "green" });
 * await taskGroup((group) => {
 *   // In a worker it would be the same: const green = SharedEvent.from(event.data);
 *   group.spawn(async () => {
 *     await green.wait();
 *     console.log("go");
 *   });
 *   green.set();
 * });
 * ```
 */
export class SharedEvent implements Waitable<void>, WaitTarget {
  /** What it is made of: all that is left of it when it is posted. See {@linkcode SharedEvent.from}. */
  readonly shared: SharedMemory;
  readonly #room: Room;
  readonly #crowd: Crowd;

  /**
   * Makes an event that is not set.
   *
   * @param options `name`.
   * @throws {TypeError} When the name is no string, or the platform has no `SharedArrayBuffer`.
   */
  constructor(options?: NamedOptions) {
    this.shared = kind.memoryFor(this, checkNamed(options, "make a shared event")).shared;
    this.#room = new Room(this.shared.memory, this, (thread) => {
      this.#room.words[WAITERS] -= this.#room.words[entryOf(thread) + HELD];
    });
    this.#crowd = new Crowd(this, this.#room);
  }

  /**
   * The event that was posted to this thread.
   *
   * @param posted What has arrived of it.
   * @returns The same event: one object in a thread, however often it arrives.
   * @throws {TypeError} When it was no shared event.
   */
  static from(posted: Posted): SharedEvent {
    return kind.from(posted);
  }

  /** What errors and `inspect()` call it: the `name` option, or "". */
  get name(): string {
    return this.shared.name;
  }

  /** What a wait for it is shown as. */
  get kind(): "shared event" {
    return "shared event";
  }

  /** Whether it is set. */
  get isSet(): boolean {
    return Atomics.load(this.#room.words, SET) !== 0;
  }

  /** Sets it: all who wait go on, and whoever waits later does so at once, until it is cleared. */
  set(): void {
    const { words } = this.#room;
    if (this.isSet) return;
    this.#room.enter();
    words[SET] = 1;
    words[TIMES]++;
    for (let thread = 0; thread < MOST_THREADS; thread++) {
      if (words[entryOf(thread) + HELD] > 0) this.#room.wake(thread);
    }
    this.#room.exit();
    this.#room.collectNow();
  }

  /** Clears it. Those whom `set()` has let go on do go on. */
  clear(): void {
    this.#room.enter();
    this.#room.words[SET] = 0;
    this.#room.exit();
  }

  /**
   * Waits until it is set.
   *
   * @param options `signal` and `timeout` in milliseconds, which end the wait.
   * @returns Resolves to nothing, when it is set; at once when it is set already.
   * @throws {TimeoutError} When the time is up.
   * @throws {Cancelled} When the scope is cancelled.
   */
  wait(options?: WaitOptions): Promise<void> {
    const scope = currentScope();
    const barred = entry(scope, options);
    if (barred !== undefined) return barred;
    if (this.isSet) return atOnce(DONE);
    const waiter = new Waiter<void>();
    try {
      this.#crowd.add(waiter);
    } catch (error) {
      return Promise.reject(error);
    }
    return suspend(scope, waiter, options);
  }

  /**
   * Blocks the thread until it is set. For workers: no other task of the thread runs meanwhile, and
   * only a job of a pool hears of a cancellation.
   *
   * @param options `timeout` in milliseconds, which ends the wait.
   * @throws {TimeoutError} When the time is up.
   * @throws {TypeError} When the thread may not block.
   * @throws {Cancelled} When the scope is cancelled.
   */
  waitSync(options: BlockingOptions = NO_OPTIONS): void {
    blocking(this.#room, options, "wait for", (call) => {
      if (this.isSet) return;
      const thread = new BlockedThread<void>();
      this.#crowd.add(thread);
      call.until(thread);
    });
  }

  /**
   * How it is doing, in all threads.
   *
   * @returns A frozen snapshot.
   */
  stats(): EventStats {
    return Object.freeze({
      isSet: this.isSet,
      waiters: Atomics.load(this.#room.words, WAITERS),
      peakWaiters: Atomics.load(this.#room.words, PEAK),
    });
  }

  /** @ignore */
  [pass](): Passed {
    return kind.passed(this.shared);
  }

  /** @ignore */
  [poll](): void | typeof notReady {
    if (!this.isSet) return notReady;
  }

  /** @ignore */
  [enqueue](node: Parked<void>): void {
    this.#crowd.add(node);
  }
}

const kind = new SharedKind("SharedEvent", 3, () => new SharedEvent());
