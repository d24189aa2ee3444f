/**
 * One to many: what is published comes to every subscriber. Each has a buffer of its own, and says
 * what is to happen when it is slow and the buffer full; so one of them can only hold up the others
 * if it was told to.
 *
 * An item comes to all subscribers of the moment, or to none: who publishes waits until those that
 * are to be waited for have room, and then all get it in the same step.
 *
 * @module
 */

import { checkCount, checkOptions, show } from "./kernel/check.ts";
import { currentScope } from "./kernel/context.ts";
import { BrokenResourceError, ClosedError } from "./kernel/errors.ts";
import { type Parked, WaitQueue, type WaitTarget } from "./kernel/queue.ts";
import {
  enqueue,
  entry,
  notReady,
  poll,
  suspend,
  type Waitable,
  Waiter,
  waitFor,
  type WaitOptions,
} from "./kernel/wait.ts";
import { Arrivals } from "./arrivals.ts";
import { Deque } from "./deque.ts";
import { checkNamed, type NamedOptions } from "./named.ts";

/** What a subscription can be told. */
export interface SubscribeOptions extends NamedOptions {
  /** How many items may wait in it: a whole number from 1 up, or `Infinity`. Default: 16. */
  capacity?: number;
  /**
   * What happens when one more is published than it has room for: the publisher waits ("wait", the
   * default), the oldest item is dropped ("drop-oldest"), or the subscription fails with a
   * `BrokenResourceError` and what waits in it is thrown away ("fail").
   */
  slow?: "wait" | "drop-oldest" | "fail";
}

/** How a broadcast is doing. */
export interface BroadcastStats {
  /** How many subscribe to it. */
  readonly subscribers: number;
  /** How many tasks wait to publish. */
  readonly publishers: number;
  /** How many items were published. */
  readonly published: number;
  /** How many subscriptions have failed as they were slow. */
  readonly failed: number;
  /** Whether it is closed. */
  readonly closed: boolean;
}

/** How a subscription is doing. */
export interface SubscriptionStats {
  /** How many items wait in it. */
  readonly size: number;
  /** How many have room. */
  readonly capacity: number;
  /** How many waited in it at most. */
  readonly peakSize: number;
  /** How many tasks wait for an item. */
  readonly receivers: number;
  /** How many items were dropped as it was slow. */
  readonly dropped: number;
  /** Whether it is closed, or has failed. */
  readonly closed: boolean;
}

const PUBLISHED = Promise.resolve();

let accept: <T>(subscription: Subscription<T>, item: T) => void;
let isHoldingUp: <T>(subscription: Subscription<T>) => boolean;
let finish: <T>(subscription: Subscription<T>) => void;
let open: <T>(
  subscription: Subscription<T>,
  options: Required<SubscribeOptions>,
  changed: (subscription: Subscription<T>) => void,
) => void;

/**
 * A place where items are published, and come to all who subscribe.
 *
 * @typeParam T What is published.
 *
 * @example
 * ```ts
 * import { Broadcast, taskGroup } from "@grove/grove";
 *
 * const news = new Broadcast<string>();
 * await taskGroup(async (group) => {
 *   for (const reader of ["a", "b"]) {
 *     const subscription = news.subscribe({ capacity: 4 });
 *     group.spawn(async () => {
 *       for await (const item of subscription) console.log(reader, "reads", item);
 *     });
 *   }
 *   await news.publish("hello");
 *   news.close();
 * });
 * ```
 */
export class Broadcast<T> implements WaitTarget {
  /** What errors and `inspect()` call it: the `name` option, or "". */
  readonly name: string;
  readonly #subscriptions: Set<Subscription<T>> = new Set();
  readonly #publishers: WaitQueue<void> = new WaitQueue<void>(this);
  // Those that are full, and are to be waited for.
  readonly #holdingUp: Set<Subscription<T>> = new Set();
  #published = 0;
  #failed = 0;
  #closed = false;

  /**
   * Makes one without subscribers.
   *
   * @param options `name`.
   * @throws {TypeError} When the name is no string.
   */
  constructor(options?: NamedOptions) {
    this.name = checkNamed(options, "make a broadcast");
  }

  /** What a wait for it is shown as. */
  get kind(): "broadcast" {
    return "broadcast";
  }

  /** Whether it is closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Publishes an item to all who subscribe now. When nobody has to be waited for they have it when
   * this returns, and nothing needs to be awaited.
   *
   * @param item What to publish.
   * @param options `signal` and `timeout` in milliseconds, which end the wait for room.
   * @returns Resolves to nothing, when all subscribers have it.
   * @throws {ClosedError} When it is closed, now or while this waits. Nobody gets the item.
   * @throws {TimeoutError} When the time is up. Nobody gets the item.
   * @throws {Cancelled} When the scope is cancelled. Nobody gets the item.
   */
  publish(item: T, options?: WaitOptions): Promise<void> {
    const scope = currentScope();
    const barred = entry(scope, options);
    if (barred !== undefined) return barred;
    if (this.#closed) return Promise.reject(this.#closedTo("publish in"));
    if (this.#holdingUp.size === 0 && this.#publishers.size === 0) {
      this.#deliver(item);
      return PUBLISHED;
    }
    const waiter = new Waiter<void>(item);
    this.#publishers.add(waiter);
    return suspend(scope, waiter, options);
  }

  /**
   * Subscribes to what is published from now on.
   *
   * @param options `capacity`, `slow` and `name`.
   * @returns The subscription: to loop over, or to `receive()` from. It lasts until it is closed.
   * @throws {TypeError | RangeError} When an option makes no sense.
   * @throws {ClosedError} When the broadcast is closed.
   */
  subscribe(options: SubscribeOptions = {}): Subscription<T> {
    const { name = this.name, capacity = 16, slow = "wait" } = checkSubscribe(options);
    if (this.#closed) throw this.#closedTo("subscribe to");
    const subscription = new Subscription<T>(name);
    open(subscription, { name, capacity, slow }, (changed) => this.#update(changed));
    this.#subscriptions.add(subscription);
    return subscription;
  }

  /**
   * Closes it: nothing more can be published, and who waits to publish gets a `ClosedError`.
   * Subscribers still receive what is in their buffers, and then their loops end. Does nothing when
   * it is closed already.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    while (this.#publishers.size > 0) this.#publishers.failFirst(this.#closedTo("publish in"));
    for (const subscription of this.#subscriptions) finish(subscription);
    this.#subscriptions.clear();
    this.#holdingUp.clear();
  }

  /**
   * How it is doing.
   *
   * @returns A frozen snapshot.
   */
  stats(): BroadcastStats {
    return Object.freeze({
      subscribers: this.#subscriptions.size,
      publishers: this.#publishers.size,
      published: this.#published,
      failed: this.#failed,
      closed: this.#closed,
    });
  }

  #deliver(item: T): void {
    this.#published++;
    for (const subscription of this.#subscriptions) {
      accept(subscription, item);
      this.#note(subscription);
    }
  }

  /** A subscription has got room, or was closed: publishers may go on. */
  #update(subscription: Subscription<T>): void {
    this.#note(subscription);
    for (let node = this.#publishers.first; node !== null; node = this.#publishers.first) {
      if (this.#holdingUp.size > 0) return;
      this.#deliver(node.item as T);
      this.#publishers.wakeFirst();
    }
  }

  #note(subscription: Subscription<T>): void {
    if (this.#closed) return;
    if (subscription.closed) {
      if (this.#subscriptions.delete(subscription) && subscription.failed) this.#failed++;
      this.#holdingUp.delete(subscription);
    } else if (isHoldingUp(subscription)) this.#holdingUp.add(subscription);
    else this.#holdingUp.delete(subscription);
  }

  #closedTo(action: string): ClosedError {
    return new ClosedError(
      `Cannot ${action} broadcast "${this.name}" as it is closed. Close it when all has been published`,
    );
  }
}

/**
 * What one subscriber has of a {@linkcode Broadcast}: its items, in order, from the moment of
 * `subscribe()` on. In a `select` it stands for receiving.
 *
 * @typeParam T What is published.
 */
export class Subscription<T> implements Waitable<T>, WaitTarget, AsyncIterable<T>, Disposable {
  /** What errors and `inspect()` call it: the `name` option, or that of the broadcast. */
  readonly name: string;
  readonly #buffer: Deque<T> = new Deque<T>();
  readonly #receivers: WaitQueue<T> = new WaitQueue<T>(this);
  #capacity = 0;
  #slow: Required<SubscribeOptions>["slow"] = "wait";
  #changed: (subscription: Subscription<T>) => void = () => {};
  #state: "open" | "closed" | "failed" = "open";
  #peak = 0;
  #dropped = 0;

  /**
   * Subscriptions are made by `broadcast.subscribe()`.
   *
   * @param name What to call it.
   */
  constructor(name: string) {
    this.name = name;
  }

  /** What a wait for it is shown as. */
  get kind(): "subscription" {
    return "subscription";
  }

  /** How many items wait in it. */
  get size(): number {
    return this.#buffer.size;
  }

  /** Whether nothing more comes into it: it was closed, or has failed. */
  get closed(): boolean {
    return this.#state !== "open";
  }

  /** Whether it has failed, as it was slow. */
  get failed(): boolean {
    return this.#state === "failed";
  }

  /**
   * Receives the next item, and waits until there is one.
   *
   * @param options `signal` and `timeout` in milliseconds, which end the wait.
   * @returns Resolves to the item.
   * @throws {ClosedError} When the subscription or its broadcast is closed, and no item is left.
   * @throws {BrokenResourceError} When it was slow, and was to fail then.
   * @throws {TimeoutError} When the time is up.
   * @throws {Cancelled} When the scope is cancelled. No item is taken then.
   */
  receive(options?: WaitOptions): Promise<T> {
    return waitFor(this, options);
  }

  /**
   * Receives an item if there is one.
   *
   * @returns The item, in an object as it may be `undefined` itself; `undefined` when there is none.
   * @throws {ClosedError} When the subscription or its broadcast is closed, and no item is left.
   * @throws {BrokenResourceError} When it was slow, and was to fail then.
   */
  tryReceive(): { readonly value: T } | undefined {
    const value = this[poll]();
    return value === notReady ? undefined : { value };
  }

  /** Ends it, and throws away what is in it. Does nothing the second time. */
  close(): void {
    this.#buffer.clear();
    if (this.#state !== "open") return;
    this.#end("closed");
    this.#changed(this);
  }

  /** The same as {@linkcode Subscription.close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /**
   * The items, until the broadcast is closed. Leaving the loop early leaves the subscription as it
   * is: close it when it is not needed any more, or declare it with `using`.
   *
   * @returns An iterator, which shares the items with all others of this subscription.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<T> {
    return new Arrivals(this, ClosedError);
  }

  /**
   * How it is doing.
   *
   * @returns A frozen snapshot.
   */
  stats(): SubscriptionStats {
    return Object.freeze({
      size: this.#buffer.size,
      capacity: this.#capacity,
      peakSize: this.#peak,
      receivers: this.#receivers.size,
      dropped: this.#dropped,
      closed: this.closed,
    });
  }

  /** @ignore */
  [poll](): T | typeof notReady {
    if (this.#buffer.size > 0) {
      const item = this.#buffer.shift();
      this.#changed(this);
      return item;
    }
    if (this.#state === "open") return notReady;
    throw this.#over();
  }

  /** @ignore */
  [enqueue](node: Parked<T>): void {
    this.#receivers.add(node);
  }

  #end(state: "closed" | "failed"): void {
    this.#state = state;
    while (this.#receivers.size > 0) this.#receivers.failFirst(this.#over());
  }

  #over(): Error {
    return this.#state === "failed"
      ? new BrokenResourceError(
        `Cannot receive from subscription "${this.name}" as it fell behind by more than ${this.#capacity} items. Receive faster, give it more room, or let it drop the oldest`,
      )
      : new ClosedError(
        `Cannot receive from subscription "${this.name}" as it is closed. Loop over it with 'for await', which ends then`,
      );
  }

  static {
    open = (subscription, { capacity, slow }, changed) => {
      subscription.#capacity = capacity;
      subscription.#slow = slow;
      subscription.#changed = changed;
    };

    accept = (subscription, item) => {
      if (subscription.#receivers.wakeFirst(item)) return;
      const buffer = subscription.#buffer;
      if (buffer.size === subscription.#capacity) {
        if (subscription.#slow === "fail") {
          buffer.clear();
          subscription.#end("failed");
          return;
        }
        subscription.#dropped++;
        buffer.shift();
      }
      buffer.push(item);
      if (buffer.size > subscription.#peak) subscription.#peak = buffer.size;
    };

    isHoldingUp = (subscription) =>
      subscription.#slow === "wait" && subscription.#buffer.size === subscription.#capacity;

    finish = (subscription) => subscription.#end("closed");
  }
}

function checkSubscribe(options: SubscribeOptions): SubscribeOptions {
  const action = "subscribe";
  checkOptions(options, action);
  checkNamed(options, action);
  const { capacity, slow } = options;
  if (capacity !== undefined) checkCount(capacity, action, "'capacity'", 1);
  if (slow !== undefined && slow !== "wait" && slow !== "drop-oldest" && slow !== "fail") {
    throw new TypeError(
      `Cannot subscribe as 'slow' must be "wait", "drop-oldest" or "fail": received ${show(slow)}`,
    );
  }
  return options;
}
