/**
 * Queues that threads and processes have in common.
 *
 * @module
 */

import { checkCount, checkOptions, show } from "../primitives/kernel/check.ts";
import { mayFloat } from "../primitives/kernel/floating.ts";
import { pass, type Passed, receive } from "../primitives/kernel/passing.ts";
import type { WaitOptions } from "../primitives/kernel/wait.ts";
import { checkNamed, type NamedOptions } from "../primitives/named.ts";
import type { QueueShutdownOptions } from "../primitives/queue.ts";
import { QueueShutDown } from "../primitives/queue_errors.ts";
import { Remote } from "./link/calls.ts";
import type { HostedObject, Parcel } from "./link/host.ts";
import { contentOf, ItemQueue, type ProcessQueueStats } from "./link/item_queue.ts";
import type { Reference } from "./link/message.ts";
import { currentNode, type Node } from "./link/node.ts";
import { packCopy, packValues } from "./passing.ts";

/** What stands for a queue on its way. */
interface QueueData extends Reference {
  readonly maxsize: number;
}

/** A queue as it is used, here or from elsewhere. */
interface Side {
  put(item: unknown, options?: WaitOptions): Promise<void>;
  putNowait(item: unknown): Promise<void>;
  get(options?: WaitOptions): Promise<unknown>;
  getNowait(): Promise<unknown>;
  taskDone(): Promise<void>;
  join(options?: WaitOptions): Promise<void>;
  shutdown(immediate: boolean): Promise<void>;
  stats(): Promise<ProcessQueueStats>;
  data(): QueueData;
  dispose(): void;
}

/**
 * A queue between producers and consumers on different threads and in different processes: first in,
 * first out. It is sent to them as an argument, a result or an item, and is the same queue
 * everywhere. With a `maxsize` it is bounded, and producers wait while it is full, wherever they
 * are.
 *
 * The items are copied, or moved by `transfer()`, as the arguments of a job are. They are kept where
 * the queue was made, and are gone with that thread or process; who uses the queue elsewhere gets a
 * `BrokenResourceError` then.
 *
 * What one producer puts is got in that order. A producer or consumer that dies holds nobody up: its
 * calls are withdrawn, and an item that was on its way to it is the next again. What it had got is
 * gone with it, and `join()` waits for the `taskDone()` that it owed.
 *
 * Once it was sent elsewhere a queue is kept until it is disposed of, or the program ends.
 *
 * @typeParam T What is put. It can be cloned.
 *
 * @example
 * ```ts
 * import { ProcessQueue } from "@grove/grove";
 *
 * using queue = new ProcessQueue<{ page: number }>(10, { name: "pages" });
 * await queue.put({ page: 1 });
 * await queue.put({ page: 2 });
 * await queue.shutdown(); // Nothing more will come.
 * for await (const { page } of queue) {
 *   console.log("page", page);
 *   await queue.taskDone();
 * }
 * ```
 */
export class ProcessQueue<T> implements AsyncIterable<T>, Disposable {
  /** What errors and `inspect()` call it: the `name` option, or "". */
  readonly name: string;
  /** How many items have room in it; 0 when there is no bound. */
  readonly maxsize: number;
  #side: Side;

  /**
   * Makes an empty queue.
   *
   * @param maxsize How many items have room in it: a whole number, or `Infinity`. Default: 0, which
   * stands for no bound.
   * @param options `name`.
   * @throws {TypeError | RangeError} When an argument makes no sense.
   */
  constructor(maxsize = 0, options: NamedOptions = {}) {
    checkCount(maxsize, "make a process queue", "'maxsize'", 0);
    this.name = checkNamed(options, "make a process queue");
    this.maxsize = maxsize;
    this.#side = new Home(this as ProcessQueue<unknown>, currentNode());
  }

  /**
   * Puts an item into the queue, and waits until there is room for it.
   *
   * @param item What to put.
   * @param options `signal` and `timeout` in milliseconds, which end the wait.
   * @returns Resolves to nothing, when it is certain to come into the queue, ahead of whatever is put
   * by somebody who is told so.
   * @throws {NotPortableError} When the item cannot be cloned.
   * @throws {QueueShutDown} When the queue was shut down, now or while it waits.
   * @throws {TimeoutError} When the time is up. Nothing was put.
   * @throws {Cancelled} When the scope is cancelled. Nothing was put.
   * @throws {BrokenResourceError} When the process that has the queue is gone.
   */
  put(item: T, options?: WaitOptions): Promise<void> {
    return this.#side.put(item, options);
  }

  /**
   * Puts an item into the queue if there is room for it at once.
   *
   * @param item What to put.
   * @returns Resolves to nothing, when it is certain to come into the queue.
   * @throws {QueueFull} When there is no room for it.
   * @throws {QueueShutDown} When the queue was shut down.
   */
  putNowait(item: T): Promise<void> {
    return this.#side.putNowait(item);
  }

  /**
   * Gets the next item, and waits until there is one.
   *
   * @param options `signal` and `timeout` in milliseconds, which end the wait.
   * @returns Resolves to the item.
   * @throws {QueueShutDown} When the queue was shut down and is empty, now or while it waits.
   * @throws {TimeoutError} When the time is up. No item is taken then.
   * @throws {Cancelled} When the scope is cancelled. No item is taken then.
   * @throws {BrokenResourceError} When the process that has the queue is gone.
   */
  get(options?: WaitOptions): Promise<T> {
    return this.#side.get(options) as Promise<T>;
  }

  /**
   * Gets the next item if there is one.
   *
   * @returns Resolves to the item.
   * @throws {QueueEmpty} When there is none.
   * @throws {QueueShutDown} When the queue was shut down and is empty.
   */
  getNowait(): Promise<T> {
    return this.#side.getNowait() as Promise<T>;
  }

  /**
   * Says that an item is dealt with.
   *
   * @returns Resolves to nothing.
   * @throws {RangeError} When it was said of every item already.
   */
  taskDone(): Promise<void> {
    return this.#side.taskDone();
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
    return this.#side.join(options);
  }

  /**
   * Shuts the queue down, for all: nothing more can be put, and who waits to put gets a
   * `QueueShutDown`. What is in it can still be got; after that, loops end and `get()` throws.
   *
   * @param options With `immediate` what is in the queue is thrown away, and counts as dealt with.
   * @returns Resolves to nothing, when it is.
   */
  shutdown(options: QueueShutdownOptions = {}): Promise<void> {
    const action = `shut down process queue "${this.name}"`;
    checkOptions(options, action);
    const { immediate = false } = options;
    if (typeof immediate !== "boolean") {
      throw new TypeError(
        `Cannot ${action} as 'immediate' must be a boolean: received ${show(immediate)}`,
      );
    }
    return this.#side.shutdown(immediate);
  }

  /**
   * How it is doing, and how many items are in it: it may be otherwise by the time this is known.
   *
   * @returns Resolves to a frozen snapshot.
   */
  stats(): Promise<ProcessQueueStats> {
    return this.#side.stats();
  }

  /**
   * The items, until the queue was shut down and is empty. Leaving the loop early leaves the queue
   * as it is. `taskDone()` is for the body of the loop to call.
   *
   * @returns An iterator, which shares the items with all others, here and elsewhere.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<T> {
    return new Items(this);
  }

  /**
   * Ends the queue, where it was made: what is in it is thrown away, and it cannot be used any more
   * from anywhere. Elsewhere this does nothing.
   */
  [Symbol.dispose](): void {
    this.#side.dispose();
  }

  /** @ignore */
  [pass](): Passed {
    return { kind: "ProcessQueue", data: this.#side.data() };
  }

  static {
    receive("ProcessQueue", (data: QueueData) => {
      const node = currentNode();
      const home = node.hosted(data);
      if (home instanceof Home) return home.queue; // It has come home.
      const queue = new ProcessQueue(data.maxsize, { name: data.name });
      queue.#side = new Away(data, node);
      return queue;
    });
  }
}

/** A queue where it was made. */
class Home implements Side, HostedObject {
  readonly kind = "queue";
  readonly name: string;
  readonly queue: ProcessQueue<unknown>;
  readonly #node: Node;
  readonly #items: ItemQueue;
  #object: number | undefined;

  constructor(queue: ProcessQueue<unknown>, node: Node) {
    this.queue = queue;
    this.name = queue.name;
    this.#node = node;
    const { name, maxsize } = queue;
    this.#items = new ItemQueue(
      maxsize === 0 ? Infinity : maxsize,
      { kind: "queue", name },
      (action) =>
        new QueueShutDown(
          action === "put"
            ? `Cannot put into queue "${name}" as it was shut down. Shut it down when all has been put`
            : `Cannot get from queue "${name}" as it was shut down. Loop over it with 'for await', which ends then`,
        ),
    );
  }

  put(item: unknown, options?: WaitOptions): Promise<void> {
    return this.#items.put(() => packCopy([item], nameOfItem), options);
  }

  async putNowait(item: unknown): Promise<void> {
    this.#items.putNowait(() => packCopy([item], nameOfItem));
  }

  get(options?: WaitOptions): Promise<unknown> {
    return this.#items.get(options);
  }

  async getNowait(): Promise<unknown> {
    return contentOf(this.#items.getNowait());
  }

  async taskDone(): Promise<void> {
    this.#items.taskDone();
  }

  join(options?: WaitOptions): Promise<void> {
    return this.#items.join(options);
  }

  async shutdown(immediate: boolean): Promise<void> {
    this.#items.shutdown(immediate);
  }

  async stats(): Promise<ProcessQueueStats> {
    return this.#items.stats();
  }

  data(): QueueData {
    this.#object ??= this.#node.host.add(this);
    this.#node.announce();
    const { name, maxsize } = this.queue;
    return { node: this.#node.id, object: this.#object, name, maxsize };
  }

  dispose(): void {
    if (this.#object !== undefined) this.#node.host.remove(this.#object, "it was disposed of");
    this.#items.shutdown(true);
  }

  call(method: string, { values, passed }: Parcel): unknown {
    switch (method) {
      case "put":
        return this.#items.accept({ values, passed });
      case "putNowait":
        return this.#items.acceptNowait({ values, passed });
      case "get":
        return this.#items.lend();
      case "getNowait":
        return this.#items.lendNowait();
      case "taskDone":
        return this.#items.taskDone();
      case "join":
        return this.#items.join();
      case "shutdown":
        return this.#items.shutdown(values[0] as boolean);
      case "stats":
        return this.#items.stats();
      default:
        throw new TypeError(`Cannot call ${method}() of a process queue as it has no such method`);
    }
  }
}

/** A queue that is elsewhere. */
class Away implements Side {
  readonly #data: QueueData;
  readonly #node: Node;
  readonly #remote: Remote;

  constructor(data: QueueData, node: Node) {
    this.#data = data;
    this.#node = node;
    this.#remote = new Remote(data.node, data.object, { kind: "queue", name: data.name });
  }

  put(item: unknown, options?: WaitOptions): Promise<void> {
    return this.#call("put", [item], options) as Promise<void>;
  }

  putNowait(item: unknown): Promise<void> {
    return this.#call("putNowait", [item]) as Promise<void>;
  }

  get(options?: WaitOptions): Promise<unknown> {
    return this.#call("get", [], options);
  }

  getNowait(): Promise<unknown> {
    return this.#call("getNowait", []);
  }

  taskDone(): Promise<void> {
    return this.#call("taskDone", []) as Promise<void>;
  }

  join(options?: WaitOptions): Promise<void> {
    return this.#call("join", [], options) as Promise<void>;
  }

  shutdown(immediate: boolean): Promise<void> {
    return this.#call("shutdown", [immediate]) as Promise<void>;
  }

  stats(): Promise<ProcessQueueStats> {
    return mayFloat(this.#call("stats", []).then((stats) => Object.freeze(stats))) as Promise<
      ProcessQueueStats
    >;
  }

  data(): QueueData {
    return this.#data;
  }

  dispose(): void {}

  #call(
    method: string,
    args: readonly unknown[],
    options?: WaitOptions,
  ): Promise<unknown> {
    const packed = () => packValues(args, nameOfItem);
    return this.#node.calls.call(this.#remote, method, packed, options);
  }
}

/** The loop over the items of a queue. */
class Items<T> implements AsyncIterableIterator<T> {
  readonly #queue: ProcessQueue<T>;
  #isOver = false;

  constructor(queue: ProcessQueue<T>) {
    this.#queue = queue;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<T>> {
    return mayFloat(this.#next());
  }

  async #next(): Promise<IteratorResult<T>> {
    if (this.#isOver) return { done: true, value: undefined };
    try {
      return { done: false, value: await this.#queue.get() };
    } catch (error) {
      if (!(error instanceof QueueShutDown)) throw error;
      this.#isOver = true;
      return { done: true, value: undefined };
    }
  }

  async return(): Promise<IteratorResult<T>> {
    this.#isOver = true;
    return { done: true, value: undefined };
  }
}

function nameOfItem(): string {
  return "the item";
}
