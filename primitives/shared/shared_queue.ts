/**
 * A queue that threads share: a ring of items in shared memory, which every thread may put into and
 * get from. Each item goes to one of them. No message is sent for it, and no event loop has to turn,
 * where there is an item for who gets and room for who puts.
 *
 * @module
 */

import { Arrivals } from "../arrivals.ts";
import { decode } from "../codec/decode.ts";
import { Encoder } from "../codec/encoder.ts";
import { atOnce } from "../kernel/budget.ts";
import { checkCount, checkOptions, show } from "../kernel/check.ts";
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
import { checkNamed, type NamedOptions } from "../named.ts";
import type { QueueShutdownOptions } from "../queue.ts";
import { QueueEmpty, QueueFull, QueueShutDown } from "../queue_errors.ts";
import { Sending } from "../sending.ts";
import { BlockedThread, blocking, type BlockingOptions, NO_OPTIONS } from "./blocking.ts";
import { ItemRing, RING_WORDS, spaceOf } from "./item_ring.ts";
import { HELD, STATE } from "./layout.ts";
import { type Counter, gone, Line } from "./line.ts";
import { entryOf, Room } from "./room.ts";
import { type Posted, SharedKind, type SharedMemory } from "./shared_memory.ts";

/** What a shared queue can be told. */
export interface SharedQueueOptions extends NamedOptions {
  /**
   * How many bytes its items may take at a time: a whole number from 64 up. The largest item that can
   * be put is a little smaller. Default: 262,144.
   */
  capacity?: number;
}

/** How a shared queue is doing, in all threads. */
export interface SharedQueueStats {
  /** How many items are in it. */
  readonly size: number;
  /** How many have room in it, 0 when only their bytes are bounded. */
  readonly maxsize: number;
  /** How many were in it at most. */
  readonly peakSize: number;
  /** How many bytes they take. */
  readonly bytes: number;
  /** How many bytes have room in it. */
  readonly capacity: number;
  /** How many tasks wait to put an item. */
  readonly putters: number;
  /** How many tasks wait to get one. */
  readonly getters: number;
  /** Whether it was shut down. */
  readonly isShutDown: boolean;
}

const RING = STATE;
/** How many of the items are for those who were told that there is one, and have not come yet. */
const CLAIMED = STATE + RING_WORDS;
/** How many bytes and how many items have room that was promised. */
const PROMISED = CLAIMED + 1;
const EXPECTED = CLAIMED + 2;
const MAXSIZE = CLAIMED + 3;
const SHUT = CLAIMED + 4;
const PEAK = CLAIMED + 5;

const LEAST_CAPACITY = 64;
const MOST_CAPACITY = 2 ** 30;
const MOST_ITEMS = 2 ** 31 - 1;

const DONE = Promise.resolve();

/**
 * A queue between producers and consumers in any threads: first in, first out. Its items are copied,
 * as `postMessage()` copies, but for memory that is shared. It is bounded: by the bytes that its
 * items take, and by their number where a `maxsize` is given. Producers wait while it is full.
 *
 * It is the same queue in every worker that it is posted to: a pool gives it to jobs as an argument;
 * a worker of your own makes it with {@linkcode SharedQueue.from} of what it has received. An item
 * that a worker has got and that dies with it is gone. Of several threads that wait for items each
 * gets one in its turn; which of two items is taken first depends on which thread is awake first.
 *
 * In a `select` the queue stands for getting, and `queue.putting(item)` for putting.
 *
 * @typeParam T What is put.
 *
 * @example
 * ```ts
 * import { SharedQueue, taskGroup } from "@grove/grove";
 *
 * const jobs = new SharedQueue<{ id: number }>(100, { name: "jobs" });
 * await taskGroup(async (group) => {
 *   // In a worker it would be the same: const jobs = SharedQueue.from(event.data);
 *   group.spawn(async () => {
 *     for await (const { id } of jobs) console.log("job", id);
 *   });
 *   for (let id = 1; id <= 3; id++) await jobs.put({ id });
 *   jobs.shutdown();
 * });
 * ```
 */
export class SharedQueue<T> implements Waitable<T>, WaitTarget, AsyncIterable<T> {
  /** What it is made of: all that is left of it when it is posted. See {@linkcode SharedQueue.from}. */
  readonly shared: SharedMemory;
  readonly #room: Room;
  readonly #ring: ItemRing;
  readonly #getters: Line<T>;
  readonly #putters: Line<void>;
  readonly #encoder: Encoder = new Encoder((value, path) => this.#refusal(value, path));

  /**
   * Makes an empty queue.
   *
   * @param maxsize How many items have room in it: a whole number. Default: 0, which stands for as
   * many as its bytes allow.
   * @param options `capacity` in bytes, `name`.
   * @throws {TypeError | RangeError} When an argument makes no sense, or the platform has no
   * `SharedArrayBuffer`.
   */
  constructor(maxsize = 0, options: SharedQueueOptions = {}) {
    checkCount(maxsize, "make a shared queue", "'maxsize'", 0);
    const name = checkNamed(options, "make a shared queue");
    const { capacity = 2 ** 18 } = options;
    checkCapacity(capacity);
    const { shared, isNew } = kind.memoryFor(this, name, (capacity + 3) & ~3);
    this.shared = shared;
    this.#room = new Room(shared.memory, this, (thread) => this.#threadDied(thread));
    this.#ring = new ItemRing(shared.memory, RING);
    if (isNew) {
      this.#room.words[MAXSIZE] = maxsize === 0 ? MOST_ITEMS : Math.min(maxsize, MOST_ITEMS);
    }
    this.#getters = new Line<T>(this, this.#room, 0, this.#getting());
    this.#putters = new Line<void>(this, this.#room, 1, this.#admitting());
  }

  /**
   * The queue that was posted to this thread.
   *
   * @typeParam T What is put into it.
   * @param posted What has arrived of it.
   * @returns The same queue: one object in a thread, however often it arrives.
   * @throws {TypeError} When it was no shared queue.
   */
  static from<T>(posted: Posted): SharedQueue<T> {
    return kind.from(posted) as SharedQueue<T>;
  }

  /** What errors and `inspect()` call it: the `name` option, or "". */
  get name(): string {
    return this.shared.name;
  }

  /** What a wait for it is shown as. */
  get kind(): "shared queue" {
    return "shared queue";
  }

  /** How many items have room in it; 0 when only their bytes are bounded. */
  get maxsize(): number {
    const maxsize = this.#room.words[MAXSIZE];
    return maxsize === MOST_ITEMS ? 0 : maxsize;
  }

  /** How many bytes its items may take. */
  get capacity(): number {
    return this.#ring.capacity;
  }

  /** How many items are in it. */
  get size(): number {
    return this.#ring.size;
  }

  /** Whether nothing is in it. */
  get empty(): boolean {
    return this.size === 0;
  }

  /** Whether it was shut down. Items may still be in it. */
  get isShutDown(): boolean {
    return Atomics.load(this.#room.words, SHUT) !== 0;
  }

  /**
   * Puts an item into the queue, and waits until there is room for it.
   *
   * @param item What to put. It is copied at the call.
   * @param options `signal` and `timeout` in milliseconds, which end the wait.
   * @returns Resolves to nothing, when it is in the queue.
   * @throws {TypeError} At the call, when the item cannot be copied.
   * @throws {RangeError} At the call, when the item has more bytes than the queue has room for.
   * @throws {QueueShutDown} When the queue was shut down, now or while it waits.
   * @throws {TimeoutError} When the time is up. Nothing was put.
   * @throws {Cancelled} When the scope is cancelled. Nothing was put.
   */
  put(item: T, options?: WaitOptions): Promise<void> {
    const scope = currentScope();
    const barred = entry(scope, options);
    if (barred !== undefined) return barred;
    const bytes = this.#encode(item);
    const waiter = new Waiter<void>();
    try {
      if (this.#offer(bytes)) return atOnce(DONE);
      waiter.item = bytes.slice();
      this.#putters.add(waiter);
    } catch (error) {
      return Promise.reject(error);
    }
    return suspend(scope, waiter, options);
  }

  /**
   * Puts an item into the queue, and blocks the thread until there is room for it. For workers: no
   * other task of the thread runs meanwhile, and only a job of a pool hears of a cancellation.
   *
   * @param item What to put. It is copied.
   * @param options `timeout` in milliseconds, which ends the wait.
   * @throws {TypeError} When the item cannot be copied, or the thread may not block.
   * @throws {RangeError} When the item has more bytes than the queue has room for.
   * @throws {QueueShutDown} When the queue was shut down, now or while it waits.
   * @throws {TimeoutError} When the time is up. Nothing was put.
   * @throws {Cancelled} When the scope is cancelled.
   */
  putSync(item: T, options: BlockingOptions = NO_OPTIONS): void {
    blocking(this.#room, options, "put into", (call) => {
      const bytes = this.#encode(item);
      if (this.#offer(bytes)) return;
      const thread = new BlockedThread<void>(bytes.slice());
      this.#putters.add(thread);
      call.until(thread);
    });
  }

  /**
   * Puts an item into the queue now.
   *
   * @param item What to put. It is copied.
   * @throws {QueueFull} When there is no room for it, or others wait to put.
   * @throws {TypeError} When the item cannot be copied.
   * @throws {RangeError} When the item has more bytes than the queue has room for.
   * @throws {QueueShutDown} When the queue was shut down.
   */
  putNowait(item: T): void {
    if (this.#offer(this.#encode(item))) return;
    throw new QueueFull(
      `Cannot put into ${
        labelOf(this)
      } as it is full: ${this.size} items of ${this.#ring.used} bytes, and the most is ${
        this.maxsize || "any number"
      } of ${this.capacity}. Wait with put(), or give it more room`,
    );
  }

  /**
   * Gets the next item, and waits until there is one.
   *
   * @param options `signal` and `timeout` in milliseconds, which end the wait.
   * @returns Resolves to the item.
   * @throws {QueueShutDown} When the queue was shut down and is empty, now or while it waits.
   * @throws {TimeoutError} When the time is up.
   * @throws {Cancelled} When the scope is cancelled. No item is taken then.
   */
  get(options?: WaitOptions): Promise<T> {
    const scope = currentScope();
    const barred = entry(scope, options);
    if (barred !== undefined) return barred;
    const waiter = new Waiter<T>();
    try {
      const item = this[poll]();
      if (item !== notReady) return atOnce(Promise.resolve(item));
      this.#getters.add(waiter);
    } catch (error) {
      return Promise.reject(error);
    }
    return suspend(scope, waiter, options);
  }

  /**
   * Gets the next item, and blocks the thread until there is one. For workers: no other task of the
   * thread runs meanwhile, and only a job of a pool hears of a cancellation.
   *
   * @param options `timeout` in milliseconds, which ends the wait.
   * @returns The item.
   * @throws {QueueShutDown} When the queue was shut down and is empty, now or while it waits.
   * @throws {TimeoutError} When the time is up.
   * @throws {TypeError} When the thread may not block.
   * @throws {Cancelled} When the scope is cancelled.
   */
  getSync(options: BlockingOptions = NO_OPTIONS): T {
    return blocking(this.#room, options, "get from", (call) => {
      const item = this[poll]();
      if (item !== notReady) return item;
      const thread = new BlockedThread<T>();
      this.#getters.add(thread);
      return call.until(thread);
    });
  }

  /**
   * Gets the next item now.
   *
   * @returns The item.
   * @throws {QueueEmpty} When there is none, or those that are there are for others who wait.
   * @throws {QueueShutDown} When the queue was shut down and is empty.
   */
  getNowait(): T {
    const item = this[poll]();
    if (item !== notReady) return item;
    throw new QueueEmpty(
      `Cannot get from ${labelOf(this)} as it is empty. Wait with get()`,
    );
  }

  /**
   * Putting as something to wait for: an arm of a `select`.
   *
   * @param item What to put. It is copied at the call.
   * @returns An arm, which puts the item when it wins, and else has no effect.
   * @throws {TypeError | RangeError} When the item cannot be put.
   */
  putting(item: T): Waitable<void> {
    const bytes = this.#encode(item).slice();
    return new Sending(() => this.#offer(bytes), this.#putters, bytes);
  }

  /**
   * Shuts the queue down: nothing more can be put, and who waits to put gets a `QueueShutDown`.
   * What is in it can still be got; after that, loops end and `get()` throws, in every thread.
   *
   * @param options With `immediate` what is in the queue is thrown away.
   */
  shutdown(options: QueueShutdownOptions = {}): void {
    checkOptions(options, `shut down ${labelOf(this)}`);
    const { immediate = false } = options;
    if (typeof immediate !== "boolean") {
      throw new TypeError(
        `Cannot shut down ${labelOf(this)} as 'immediate' must be a boolean: received ${
          show(immediate)
        }`,
      );
    }
    const { words } = this.#room;
    this.#room.enter();
    words[SHUT] = 1;
    this.#putters.dismiss();
    if (immediate) {
      this.#ring.clear();
      words[CLAIMED] = 0;
    }
    this.#dismissGetters();
    this.#room.exit();
    this.#room.collectNow();
  }

  /**
   * The items, until the queue was shut down and is empty. Leaving the loop early leaves the queue
   * as it is.
   *
   * @returns An iterator, which shares the items with all others, in every thread.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<T> {
    return new Arrivals(this, QueueShutDown);
  }

  /**
   * How it is doing, in all threads.
   *
   * @returns A frozen snapshot.
   */
  stats(): SharedQueueStats {
    return Object.freeze({
      size: this.size,
      maxsize: this.maxsize,
      peakSize: Atomics.load(this.#room.words, PEAK),
      bytes: this.#ring.used,
      capacity: this.capacity,
      putters: this.#putters.waiting,
      getters: this.#getters.waiting,
      isShutDown: this.isShutDown,
    });
  }

  /** @ignore */
  [pass](): Passed {
    return kind.passed(this.shared);
  }

  /** @ignore */
  [poll](): T | typeof notReady {
    const { words } = this.#room;
    this.#room.enter();
    const bytes = this.#ring.size > words[CLAIMED] ? this.#shift() : null;
    const isOver = words[SHUT] !== 0 && bytes === null && this.#ring.size === 0;
    this.#room.exit();
    if (isOver) throw this.#shutDown("get from");
    if (bytes === null) return notReady;
    try {
      return decode(bytes) as T;
    } finally {
      // After it: what is taken out next is where the bytes were.
      if (this.#putters.size > 0) this.#room.collectNow();
    }
  }

  /** @ignore */
  [enqueue](node: Parked<T>): void {
    this.#getters.add(node);
  }

  #getting(): Counter<T> {
    const { words } = this.#room;
    return {
      joined: () => {
        this.#handOver();
        this.#dismissGetters();
      },
      take: () => {
        // Thrown away since.
        if (words[CLAIMED] === 0) return gone;
        words[CLAIMED]--;
        return this.#shift();
      },
      valueOf: (bytes) => decode(bytes as Uint8Array) as T,
      giveBack: () => {
        if (words[CLAIMED] > 0) words[CLAIMED]--;
        this.#handOver();
      },
      left: () => {},
      needOf: () => 0,
      failure: () => this.#shutDown("get from"),
    };
  }

  #admitting(): Counter<void> {
    const { words, entry } = this.#room;
    const settle = ({ item }: Parked<void>) => {
      const size = spaceOf((item as Uint8Array).length);
      words[entry + HELD] -= size;
      words[PROMISED] -= size;
      words[EXPECTED]--;
    };
    return {
      joined: () => {
        this.#admit();
        if (words[SHUT] !== 0) this.#putters.dismiss();
      },
      take: (node) => {
        settle(node);
        if (words[SHUT] !== 0) return gone;
        return this.#push(node.item as Uint8Array);
      },
      valueOf: () => {},
      giveBack: (node) => {
        settle(node);
        this.#admit();
      },
      // Who was behind may need less.
      left: () => this.#admit(),
      needOf: ({ item }) => spaceOf((item as Uint8Array).length),
      failure: () => this.#shutDown("put into"),
    };
  }

  #encode(item: T): Uint8Array {
    const bytes = this.#encoder.encode(item, "the item");
    if (spaceOf(bytes.length) <= this.capacity) return bytes;
    throw new RangeError(
      `Cannot put the item into ${
        labelOf(this)
      } as it has ${bytes.length} bytes, and the queue has room for ${
        this.capacity - 4
      }. Give it more 'capacity', or put the item in parts`,
    );
  }

  /** `false` when there is no room. */
  #offer(bytes: Uint8Array): boolean {
    const { words } = this.#room;
    // Those of this thread who were granted room put first.
    if (this.#putters.size > 0) this.#room.serve();
    this.#room.enter();
    const isShut = words[SHUT] !== 0;
    const isOffered = !isShut && this.#putters.firstNeed === -1 &&
      this.#hasRoom(spaceOf(bytes.length));
    if (isOffered) this.#push(bytes);
    this.#room.exit();
    if (isShut) throw this.#shutDown("put into");
    // To one in this thread.
    if (isOffered && this.#getters.size > 0) this.#room.collectNow();
    return isOffered;
  }

  // What follows is called in a change.

  #hasRoom(size: number): boolean {
    const { words } = this.#room;
    return this.#ring.used + words[PROMISED] + size <= this.capacity &&
      this.#ring.size + words[EXPECTED] < words[MAXSIZE];
  }

  #push(bytes: Uint8Array): void {
    const { words } = this.#room;
    this.#ring.push(bytes);
    if (this.#ring.size > words[PEAK]) words[PEAK] = this.#ring.size;
    this.#handOver();
  }

  #shift(): Uint8Array {
    const bytes = this.#ring.shift();
    this.#admit();
    this.#dismissGetters();
    return bytes;
  }

  /** Nothing more will come; but an item that somebody was granted may come back, if he dies. */
  #dismissGetters(): void {
    if (this.#room.words[SHUT] !== 0 && this.#ring.size === 0) this.#getters.dismiss();
  }

  /** Gives items to those who wait for one. */
  #handOver(): void {
    const { words } = this.#room;
    while (this.#ring.size > words[CLAIMED] && this.#getters.grant() !== -1) words[CLAIMED]++;
  }

  /** Gives room to those who wait for it, in their order, whatever less others need. */
  #admit(): void {
    const { words } = this.#room;
    for (let need = this.#putters.firstNeed; need !== -1; need = this.#putters.firstNeed) {
      if (!this.#hasRoom(need)) return;
      words[entryOf(this.#putters.grant()) + HELD] += need;
      words[PROMISED] += need;
      words[EXPECTED]++;
    }
  }

  #threadDied(thread: number): void {
    const { words } = this.#room;
    words[CLAIMED] -= Math.min(words[CLAIMED], this.#getters.bury(thread).granted);
    words[EXPECTED] -= this.#putters.bury(thread).granted;
    words[PROMISED] -= words[entryOf(thread) + HELD];
    this.#handOver();
    this.#admit();
  }

  #shutDown(action: string): QueueShutDown {
    return new QueueShutDown(
      `Cannot ${action} ${labelOf(this)} as it was shut down. ${
        action === "put into"
          ? "Shut it down when all has been put"
          : "Loop over it with 'for await', which ends then"
      }`,
    );
  }

  #refusal(value: unknown, path: string): TypeError {
    return new TypeError(
      `Cannot put ${path} into ${labelOf(this)} as it is ${
        show(value)
      }, which cannot be copied. Put data`,
    );
  }
}

function checkCapacity(capacity: number): void {
  checkCount(capacity, "make a shared queue", "'capacity'", LEAST_CAPACITY, false);
  if (capacity <= MOST_CAPACITY) return;
  throw new RangeError(
    `Cannot make a shared queue as 'capacity' must be ${MOST_CAPACITY} at most: received ${capacity}`,
  );
}

const kind = new SharedKind<SharedQueue<unknown>>("SharedQueue", 5, () => new SharedQueue());
