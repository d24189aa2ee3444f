/**
 * Channels: items from some tasks to others. An item goes straight to a receiver who waits; else
 * into the buffer if there is room; else its sender waits, or something is dropped, as the channel
 * was told.
 *
 * @module
 */

import { atOnce } from "./kernel/budget.ts";
import { checkCount, show } from "./kernel/check.ts";
import { currentScope } from "./kernel/context.ts";
import { ClosedError } from "./kernel/errors.ts";
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
import { Sending } from "./sending.ts";

/** What a full channel does with one item too many. */
export type Overflow = "wait" | "drop-oldest" | "drop-newest";

/** What a channel can be told. */
export interface ChannelOptions extends NamedOptions {
  /**
   * What happens to an item for which there is no room: its sender waits ("wait", the default), the
   * oldest in the buffer makes room ("drop-oldest"), or it is dropped itself ("drop-newest").
   */
  overflow?: Overflow;
}

/** How a channel is doing. */
export interface ChannelStats {
  /** How many items are in the buffer. */
  readonly size: number;
  /** How many have room in it. */
  readonly capacity: number;
  /** How many were in it at most. */
  readonly peakSize: number;
  /** How many tasks wait to send. */
  readonly senders: number;
  /** How many tasks wait to receive. */
  readonly receivers: number;
  /** How many items were dropped. */
  readonly dropped: number;
  /** Whether it is closed. */
  readonly closed: boolean;
}

/** What sending resolves to, kept: an item that is taken at once allocates nothing. */
const SENT = Promise.resolve();

/**
 * A pipe of items between tasks: any number send, any number receive, each item arrives once, in
 * order. With a capacity of 0 sender and receiver meet; with a larger one the sender may be so many
 * items ahead; with `Infinity` it never waits.
 *
 * In a `select` the channel stands for receiving, and `channel.sending(item)` for sending.
 *
 * @typeParam T What is sent. One that is a thenable is awaited by `receive()`, as by every `async`
 * function; the loop gives it as it is.
 *
 * @example
 * ```ts
 * import { Channel, taskGroup } from "@grove/grove";
 *
 * const lines = new Channel<string>(16);
 * await taskGroup((group) => {
 *   group.spawn(async () => {
 *     for (const line of ["one", "two"]) await lines.send(line);
 *     lines.close();
 *   });
 *   group.spawn(async () => {
 *     for await (const line of lines) console.log(line);
 *   });
 * });
 * ```
 */
export class Channel<T> implements Waitable<T>, WaitTarget, AsyncIterable<T> {
  /** What errors and `inspect()` call it: the `name` option, or "". */
  readonly name: string;
  /** How many items may wait in it to be received. */
  readonly capacity: number;
  readonly #overflow: Overflow;
  readonly #buffer: Deque<T> = new Deque<T>();
  readonly #receivers: WaitQueue<T> = new WaitQueue<T>(this);
  readonly #senders: WaitQueue<void> = new WaitQueue<void>(this);
  #closed = false;
  #peak = 0;
  #dropped = 0;

  /**
   * Makes an open channel.
   *
   * @param capacity How many items may wait in it: a whole number from 0 up, or `Infinity`.
   * @param options `overflow` and `name`.
   * @throws {TypeError | RangeError} When an argument makes no sense.
   */
  constructor(capacity: number, options: ChannelOptions = {}) {
    checkCount(capacity, "make a channel", "the capacity", 0);
    this.name = checkNamed(options, "make a channel");
    this.#overflow = checkOverflow(options, capacity);
    this.capacity = capacity;
  }

  /** What a wait for it is shown as. */
  get kind(): "channel" {
    return "channel";
  }

  /** How many items are in its buffer. */
  get size(): number {
    return this.#buffer.size;
  }

  /** Whether it was closed. Items may still be in its buffer. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Sends an item, and waits until a receiver has it or the buffer has room for it.
   *
   * @param item What to send.
   * @param options `signal` and `timeout` in milliseconds, which end the wait.
   * @returns Resolves to nothing, when the item is on its way.
   * @throws {ClosedError} When the channel is closed, now or while it waits. The item is not sent.
   * @throws {TimeoutError} When the time is up. The item is not sent.
   * @throws {Cancelled} When the scope is cancelled. The item is not sent.
   */
  send(item: T, options?: WaitOptions): Promise<void> {
    const scope = currentScope();
    const barred = entry(scope, options);
    if (barred !== undefined) return barred;
    if (this.#closed) return Promise.reject(this.#closedTo("send to"));
    if (this.#deliver(item)) return atOnce(SENT);
    const waiter = new Waiter<void>(item);
    this.#senders.add(waiter);
    return suspend(scope, waiter, options);
  }

  /**
   * Sends an item if that can be at once.
   *
   * @param item What to send.
   * @returns Whether it is on its way; `false` also when it was dropped, being the newest.
   * @throws {ClosedError} When the channel is closed.
   */
  trySend(item: T): boolean {
    if (this.#closed) throw this.#closedTo("send to");
    const dropped = this.#dropped;
    return this.#deliver(item) && (this.#overflow !== "drop-newest" || this.#dropped === dropped);
  }

  /**
   * Receives the next item, and waits until there is one.
   *
   * @param options `signal` and `timeout` in milliseconds, which end the wait.
   * @returns Resolves to the item.
   * @throws {ClosedError} When the channel is closed and its buffer empty, now or while it waits.
   * @throws {TimeoutError} When the time is up.
   * @throws {Cancelled} When the scope is cancelled. No item is taken then.
   */
  receive(options?: WaitOptions): Promise<T> {
    const scope = currentScope();
    const barred = entry(scope, options);
    if (barred !== undefined) return barred;
    if (this.#buffer.size > 0 || this.#senders.size > 0) {
      return atOnce(Promise.resolve(this.#take()));
    }
    if (this.#closed) return Promise.reject(this.#closedTo("receive from"));
    const waiter = new Waiter<T>();
    this.#receivers.add(waiter);
    return suspend(scope, waiter, options);
  }

  /**
   * Receives an item if there is one.
   *
   * @returns The item, in an object as it may be `undefined` itself; `undefined` when there is none.
   * @throws {ClosedError} When the channel is closed and its buffer empty.
   */
  tryReceive(): { readonly value: T } | undefined {
    const value = this[poll]();
    return value === notReady ? undefined : { value };
  }

  /**
   * Sending as something to wait for: the sending arm of a `select`.
   *
   * @param item What to send.
   * @returns An arm, which sends the item when it wins, and else has no effect.
   */
  sending(item: T): Waitable<void> {
    return new Sending(
      () => {
        if (this.#closed) throw this.#closedTo("send to");
        return this.#deliver(item);
      },
      this.#senders,
      item,
    );
  }

  /**
   * Closes it: nothing more can be sent, and who waits to send gets a `ClosedError`. What is in the
   * buffer can still be received; after that, loops end and `receive()` throws. Does nothing when it
   * is closed already.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    while (this.#senders.size > 0) this.#senders.failFirst(this.#closedTo("send to"));
    while (this.#receivers.size > 0) this.#receivers.failFirst(this.#closedTo("receive from"));
  }

  /**
   * The items, until the channel is closed. Leaving the loop early leaves the channel as it is.
   *
   * @returns An iterator, which shares the items with all others.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<T> {
    return new Arrivals(this, ClosedError);
  }

  /**
   * How it is doing.
   *
   * @returns A frozen snapshot.
   */
  stats(): ChannelStats {
    return Object.freeze({
      size: this.#buffer.size,
      capacity: this.capacity,
      peakSize: this.#peak,
      senders: this.#senders.size,
      receivers: this.#receivers.size,
      dropped: this.#dropped,
      closed: this.#closed,
    });
  }

  /** @ignore */
  [poll](): T | typeof notReady {
    if (this.#buffer.size > 0 || this.#senders.size > 0) return this.#take();
    if (this.#closed) throw this.#closedTo("receive from");
    return notReady;
  }

  /** @ignore */
  [enqueue](node: Parked<T>): void {
    this.#receivers.add(node);
  }

  /** `false` when its sender has to wait. */
  #deliver(item: T): boolean {
    if (this.#receivers.wakeFirst(item)) return true;
    if (this.#buffer.size < this.capacity) {
      this.#store(item);
      return true;
    }
    if (this.#overflow === "wait") return false;
    this.#dropped++;
    if (this.#overflow === "drop-oldest") {
      this.#buffer.shift();
      this.#store(item);
    }
    return true;
  }

  #store(item: T): void {
    this.#buffer.push(item);
    if (this.#buffer.size > this.#peak) this.#peak = this.#buffer.size;
  }

  /** The next item, which there must be; the first of the senders who wait moves up. */
  #take(): T {
    const sender = this.#senders.first;
    if (this.#buffer.size === 0) {
      const item = sender!.item as T;
      this.#senders.wakeFirst();
      return item;
    }
    const item = this.#buffer.shift();
    if (sender !== null) {
      this.#store(sender.item as T);
      this.#senders.wakeFirst();
    }
    return item;
  }

  #closedTo(action: string): ClosedError {
    return new ClosedError(
      `Cannot ${action} ${labelOf(this)} as it is closed. ${
        action === "send to"
          ? "Close it when all has been sent"
          : "Loop over it with 'for await', which ends then"
      }`,
    );
  }
}

function checkOverflow({ overflow = "wait" }: ChannelOptions, capacity: number): Overflow {
  if (overflow !== "wait" && overflow !== "drop-oldest" && overflow !== "drop-newest") {
    throw new TypeError(
      `Cannot make a channel as 'overflow' must be "wait", "drop-oldest" or "drop-newest": received ${
        show(overflow)
      }`,
    );
  }
  if (overflow === "drop-oldest" && capacity === 0) {
    throw new RangeError(
      `Cannot make a channel that drops its oldest item as it never has one: received a capacity of 0. Give it room for one, or drop the newest`,
    );
  }
  return overflow;
}

keepShape(new Channel(0));
