/**
 * Queues, with the methods of Python's `queue` module: first in first out, and the base of those
 * with another order.
 *
 * @module
 */

import { atOnce } from "./kernel/budget.ts";
import { checkCount, checkOptions, show } from "./kernel/check.ts";
import { currentScope } from "./kernel/context.ts";
import { labelOf, type Parked, WaitQueue, type WaitTarget } from "./kernel/queue.ts";
import { keepShape } from "./kernel/shapes.ts";
import {
  enqueue,
  entry,
  notReady,
  poll,
  suspend,
  type Waitable,
  Waiter,
  type WaitOptions,
} from "./kernel/wait.ts";
import { Arrivals } from "./arrivals.ts";
import { Deque } from "./deque.ts";
import { checkNamed, type NamedOptions } from "./named.ts";
import { QueueEmpty, QueueFull, QueueShutDown } from "./queue_errors.ts";
import { Sending } from "./sending.ts";

/** What `shutdown()` can be told. */
export interface QueueShutdownOptions {
  /** Throws away what is in the queue. Default: `false`. */
  immediate?: boolean;
}

/** How a queue is doing. */
export interface QueueStats {
  /** How many items are in it. */
  readonly size: number;
  /** How many have room in it, 0 when there is no bound. */
  readonly maxsize: number;
  /** How many were in it at most. */
  readonly peakSize: number;
  /** How many tasks wait to put an item. */
  readonly putters: number;
  /** How many tasks wait to get one. */
  readonly getters: number;
  /** How many items were put for which `taskDone()` was not called yet. */
  readonly unfinished: number;
  /** Whether it was shut down. */
  readonly isShutDown: boolean;
}

/** Where a queue keeps its items, and which of them is next. */
export interface Store<T> {
  /** How many there are. */
  readonly size: number;
  /** Throws when it cannot be told where an item belongs, whatever else there is. */
  check?(item: T): void;
  /** Adds one. May throw, and has not changed then. */
  push(item: T): void;
  /** Takes the next. There must be one. */
  shift(): T;
  /** Throws all away. */
  clear(): void;
}

/** Has a queue keep its items elsewhere. To be called before it is used. */
export let useStore: <T>(queue: Queue<T>, store: Store<T>) => void;

const DONE = Promise.resolve();

/**
 * A queue between producers and consumers: first in, first out. With a `maxsize` it is bounded, and
 * producers wait while it is full.
 *
 * A consumer calls `taskDone()` when it has dealt with an item, and `join()` waits until all have
 * been dealt with. In a `select` the queue stands for getting, and `queue.putting(item)` for
 * putting.
 *
 * @typeParam T What is put. One that is a thenable is awaited by `get()`, as by every `async`
 * function; the loop gives it as it is.
 *
 * @example
 * ```ts
 * import { Queue, taskGroup } from "@grove/grove";
 *
 * const jobs = new Queue<number>(10);
 * await taskGroup(async (group) => {
 *   group.spawn(async () => {
 *     for await (const job of jobs) {
 *       console.log("job", job);
 *       jobs.taskDone();
 *     }
 *   });
 *   for (let job = 1; job <= 3; job++) await jobs.put(job);
 *   await jobs.join();
 *   jobs.shutdown();
 * });
 * ```
 */
export class Queue<T> implements Waitable<T>, WaitTarget, AsyncIterable<T> {
  /** What errors and `inspect()` call it: the `name` option, or "". */
  readonly name: string;
  /** How many items have room in it; 0 when there is no bound. */
  readonly maxsize: number;
  readonly #bound: number;
  readonly #getters: WaitQueue<T> = new WaitQueue<T>(this);
  readonly #putters: WaitQueue<void> = new WaitQueue<void>(this);
  readonly #joiners: WaitQueue<void>;
  #store: Store<T> = new Deque<T>();
  // How many were put and are not dealt with.
  #unfinished = 0;
  #peak = 0;
  #isShutDown = false;

  /**
   * Makes an empty queue.
   *
   * @param maxsize How many items have room in it: a whole number, or `Infinity`. Default: 0, which
   * stands for no bound.
   * @param options `name`.
   * @throws {TypeError | RangeError} When an argument makes no sense.
   */
  constructor(maxsize = 0, options: NamedOptions = {}) {
    checkCount(maxsize, "make a queue", "'maxsize'", 0);
    this.name = checkNamed(options, "make a queue");
    this.maxsize = maxsize;
    this.#bound = maxsize === 0 ? Infinity : maxsize;
    this.#joiners = new WaitQueue<void>({ kind: "end of the work in queue", name: this.name });
  }

  /** What a wait for it is shown as. */
  get kind(): "queue" {
    return "queue";
  }

  /** How many items are in it. */
  get size(): number {
    return this.#store.size;
  }

  /** Whether nothing is in it. */
  get empty(): boolean {
    return this.#store.size === 0;
  }

  /** Whether there is no room in it. */
  get full(): boolean {
    return this.#store.size >= this.#bound;
  }

  /** Whether it was shut down. Items may still be in it. */
  get isShutDown(): boolean {
    return this.#isShutDown;
  }

  /**
   * Puts an item into the queue, and waits until there is room for it.
   *
   * @param item What to put.
   * @param options `signal` and `timeout` in milliseconds, which end the wait.
   * @returns Resolves to nothing, when it is in the queue.
   * @throws {QueueShutDown} When the queue was shut down, now or while it waits.
   * @throws {TimeoutError} When the time is up. Nothing was put.
   * @throws {Cancelled} When the scope is cancelled. Nothing was put.
   */
  put(item: T, options?: WaitOptions): Promise<void> {
    const scope = currentScope();
    const barred = entry(scope, options);
    if (barred !== undefined) return barred;
    try {
      if (this.#offer(item)) return atOnce(DONE);
    } catch (error) {
      return Promise.reject(error);
    }
    const waiter = new Waiter<void>(item);
    this.#putters.add(waiter);
    return suspend(scope, waiter, options);
  }

  /**
   * Puts an item into the queue now.
   *
   * @param item What to put.
   * @throws {QueueFull} When there is no room for it.
   * @throws {QueueShutDown} When the queue was shut down.
   */
  putNowait(item: T): void {
    if (this.#offer(item)) return;
    throw new QueueFull(
      `Cannot put into ${
        labelOf(this)
      } as it is full: ${this.size} of ${this.maxsize}. Wait with put(), or give it more room`,
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
    if (this.#store.size > 0) return atOnce(Promise.resolve(this.#take()));
    if (this.#isShutDown) return Promise.reject(this.#shutDown("get from"));
    const waiter = new Waiter<T>();
    this.#getters.add(waiter);
    return suspend(scope, waiter, options);
  }

  /**
   * Gets the next item now.
   *
   * @returns The item.
   * @throws {QueueEmpty} When there is none.
   * @throws {QueueShutDown} When the queue was shut down and is empty.
   */
  getNowait(): T {
    const item = this[poll]();
    if (item !== notReady) return item;
    throw new QueueEmpty(`Cannot get from ${labelOf(this)} as it is empty. Wait with get()`);
  }

  /**
   * Putting as something to wait for: an arm of a `select`.
   *
   * @param item What to put.
   * @returns An arm, which puts the item when it wins, and else has no effect.
   */
  putting(item: T): Waitable<void> {
    return new Sending(() => this.#offer(item), this.#putters, item);
  }

  /**
   * Says that an item is dealt with.
   *
   * @throws {RangeError} When it was said of every item already.
   */
  taskDone(): void {
    if (this.#unfinished === 0) {
      throw new RangeError(
        `Cannot say that an item of ${
          labelOf(this)
        } is done as all are: call taskDone() once for each that was got`,
      );
    }
    this.#finish(1);
  }

  /**
   * Waits until `taskDone()` was called for every item that was put.
   *
   * @param options `signal` and `timeout` in milliseconds, which end the wait.
   * @returns Resolves to nothing, when all are dealt with.
   * @throws {TimeoutError} When the time is up.
   * @throws {Cancelled} When the scope is cancelled.
   */
  join(options?: WaitOptions): Promise<void> {
    const scope = currentScope();
    const barred = entry(scope, options);
    if (barred !== undefined) return barred;
    if (this.#unfinished === 0) return atOnce(DONE);
    const waiter = new Waiter<void>();
    this.#joiners.add(waiter);
    return suspend(scope, waiter, options);
  }

  /**
   * Shuts the queue down: nothing more can be put, and who waits to put gets a `QueueShutDown`.
   * What is in it can still be got; after that, loops end and `get()` throws.
   *
   * @param options With `immediate` what is in the queue is thrown away, and counts as dealt with.
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
    this.#isShutDown = true;
    while (this.#putters.size > 0) this.#putters.failFirst(this.#shutDown("put into"));
    if (immediate) {
      // Fewer are missing than there were in it when a consumer has called taskDone() too early.
      this.#finish(Math.min(this.#store.size, this.#unfinished));
      this.#store.clear();
    }
    while (this.#getters.size > 0) this.#getters.failFirst(this.#shutDown("get from"));
  }

  /**
   * The items, until the queue was shut down and is empty. Leaving the loop early leaves the queue
   * as it is. `taskDone()` is for the body of the loop to call.
   *
   * @returns An iterator, which shares the items with all others.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<T> {
    return new Arrivals(this, QueueShutDown);
  }

  /**
   * How it is doing.
   *
   * @returns A frozen snapshot.
   */
  stats(): QueueStats {
    return Object.freeze({
      size: this.#store.size,
      maxsize: this.maxsize,
      peakSize: this.#peak,
      putters: this.#putters.size,
      getters: this.#getters.size,
      unfinished: this.#unfinished,
      isShutDown: this.#isShutDown,
    });
  }

  /** @ignore */
  [poll](): T | typeof notReady {
    if (this.#store.size > 0) return this.#take();
    if (this.#isShutDown) throw this.#shutDown("get from");
    return notReady;
  }

  /** @ignore */
  [enqueue](node: Parked<T>): void {
    this.#getters.add(node);
  }

  /** `false` when there is no room. */
  #offer(item: T): boolean {
    if (this.#isShutDown) throw this.#shutDown("put into");
    this.#store.check?.(item);
    if (this.#getters.size > 0) {
      this.#unfinished++;
      this.#getters.wakeFirst(item);
      return true;
    }
    if (this.#store.size >= this.#bound) return false;
    this.#keep(item);
    return true;
  }

  #keep(item: T): void {
    this.#store.push(item);
    this.#unfinished++;
    const { size } = this.#store;
    if (size > this.#peak) this.#peak = size;
  }

  #finish(count: number): void {
    this.#unfinished -= count;
    if (this.#unfinished === 0) this.#joiners.wakeAll();
  }

  #take(): T {
    const item = this.#store.shift();
    if (this.#putters.size > 0) this.#admit();
    return item;
  }

  /** Lets those go on who wait to put and have room. */
  #admit(): void {
    for (let node = this.#putters.first; node !== null; node = this.#putters.first) {
      if (this.#store.size >= this.#bound) return;
      this.#putters.remove(node); // First: a 'compare' that uses the queue must not find it there.
      try {
        this.#keep(node.item as T);
      } catch (error) {
        // It cannot be compared with what has come into the queue since.
        node.fail(error);
        continue;
      }
      node.wake();
    }
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

  static {
    useStore = (queue, store) => {
      queue.#store = store;
    };
  }
}

keepShape(new Queue());
