/**
 * What one subscriber has of a broadcast: a buffer of its own, and what is to happen when it is
 * slow.
 *
 * @module
 */

import { BrokenResourceError, ClosedError } from "./kernel/errors.ts";
import { labelOf, type Parked, WaitQueue, type WaitTarget } from "./kernel/queue.ts";
import {
  enqueue,
  notReady,
  poll,
  type Waitable,
  waitFor,
  type WaitOptions,
} from "./kernel/wait.ts";
import { Arrivals } from "./arrivals.ts";
import { Deque } from "./deque.ts";
import type { NamedOptions } from "./named.ts";

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

/** Hands a subscription an item; what there is no room for, it deals with as it was told. */
export let accept: <T>(subscription: Subscription<T>, item: T) => void;
/** Whether publishers have to wait for a subscription. */
export let isHoldingUp: <T>(subscription: Subscription<T>) => boolean;
/** Ends a subscription, as its broadcast has. */
export let finish: <T>(subscription: Subscription<T>) => void;
/** Sets a subscription up. */
export let open: <T>(
  subscription: Subscription<T>,
  options: Required<SubscribeOptions>,
  source: Source<T>,
) => void;

/** Where a subscription comes from. */
export interface Source<T> {
  /** It has got room, or was closed. */
  changed(subscription: Subscription<T>): void;
}

/**
 * What one subscriber has of a `Broadcast`: its items, in order, from the moment of
 * `subscribe()` on. In a `select` it stands for receiving.
 *
 * @typeParam T What is published.
 *
 * @example
 * ```ts
 * import { Broadcast } from "@grove/grove";
 *
 * const news = new Broadcast<string>();
 * using subscription = news.subscribe();
 * await news.publish("hello");
 * console.log(await subscription.receive()); // hello
 * ```
 */
export class Subscription<T> implements Waitable<T>, WaitTarget, AsyncIterable<T>, Disposable {
  /** What errors and `inspect()` call it: the `name` option, or that of the broadcast. */
  readonly name: string;
  readonly #buffer: Deque<T> = new Deque<T>();
  readonly #receivers: WaitQueue<T> = new WaitQueue<T>(this);
  #capacity = 0;
  #slow: Required<SubscribeOptions>["slow"] = "wait";
  #source: Source<T> | undefined;
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
    this.#source?.changed(this);
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
      this.#source?.changed(this);
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
        `Cannot receive from ${
          labelOf(this)
        } as it fell behind by more than ${this.#capacity} items. Receive faster, give it more room, or let it drop the oldest`,
      )
      : new ClosedError(
        `Cannot receive from ${
          labelOf(this)
        } as it is closed. Loop over it with 'for await', which ends then`,
      );
  }

  static {
    open = (subscription, { capacity, slow }, source) => {
      subscription.#capacity = capacity;
      subscription.#slow = slow;
      subscription.#source = source;
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
