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

import { atOnce } from "./kernel/budget.ts";
import { checkCount, checkOptions, show } from "./kernel/check.ts";
import { currentScope } from "./kernel/context.ts";
import { ClosedError } from "./kernel/errors.ts";
import { labelOf, WaitQueue, type WaitTarget } from "./kernel/queue.ts";
import { entry, suspend, Waiter, type WaitOptions } from "./kernel/wait.ts";
import { checkNamed, type NamedOptions } from "./named.ts";
import {
  accept,
  finish,
  isHoldingUp,
  open,
  type Source,
  type SubscribeOptions,
  Subscription,
} from "./subscription.ts";

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

const PUBLISHED = Promise.resolve();

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
  readonly #source: Source<T> = {
    changed: (subscription) => this.#update(subscription),
  };
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
      return atOnce(PUBLISHED);
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
    open(subscription, { name, capacity, slow }, this.#source);
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
      `Cannot ${action} ${labelOf(this)} as it is closed. Close it when all has been published`,
    );
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
