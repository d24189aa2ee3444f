/**
 * What a queue is that processes have in common, or one way of a pipe, where it was made: items,
 * those who wait to put and to get, and what is on its way.
 *
 * Nothing is ever in two places. A place is kept for who puts from elsewhere, and the item is in
 * the queue when the other side has heard that it has the place; an item that is handed over is out
 * of the queue, and comes back to where it was if the other side has left before it came. As long as
 * something is on its way, a queue that was shut down is not at its end.
 *
 * @module
 */

import { atOnce } from "../../primitives/kernel/budget.ts";
import { currentScope } from "../../primitives/kernel/context.ts";
import { WaitQueue, type WaitTarget } from "../../primitives/kernel/queue.ts";
import { entry, suspend, Waiter, type WaitOptions } from "../../primitives/kernel/wait.ts";
import { Deque } from "../../primitives/deque.ts";
import { QueueEmpty, QueueFull } from "../../primitives/queue_errors.ts";
import { dropPassed, unpackValues } from "../passing.ts";
import { NOTHING, type Parcel, Shipment } from "./host.ts";

/** How a queue is doing that processes have in common. */
export interface ProcessQueueStats {
  /** How many items are in it. */
  readonly size: number;
  /** How many have room in it, 0 when there is no bound. */
  readonly maxsize: number;
  /** How many were in it at most. */
  readonly peakSize: number;
  /** How many wait to put an item, here and elsewhere. */
  readonly putters: number;
  /** How many wait to get one, here and elsewhere. */
  readonly getters: number;
  /** How many items are on their way: to it, with a place kept for them, or from it. */
  readonly inTransit: number;
  /** How many items were put for which `taskDone()` was not called yet. */
  readonly unfinished: number;
  /** Whether it was shut down. */
  readonly isShutDown: boolean;
}

/** An item, and its number in the order in which they came. */
export interface Item {
  readonly number: number;
  readonly parcel: Parcel;
}

const DONE = Promise.resolve();

/** What those wait for who put from elsewhere: a place for what is in the parcel. */
class Place {
  readonly parcel: Parcel;

  constructor(parcel: Parcel) {
    this.parcel = parcel;
  }
}

// What those bring along who wait to get for somebody elsewhere.
const LENT = Symbol("lent");

/** A suspended `get()`, which resolves to what the item is. */
class Getter extends Waiter<Item> {
  override wake(item: Item): void {
    try {
      super.wake(contentOf(item) as Item);
    } catch (error) {
      this.fail(error);
    }
  }
}

/** A suspended `put()`. */
class Putter extends Waiter<void> {
  protected override left(): void {
    const item = this.item as Parcel | Place;
    dropPassed((item instanceof Place ? item.parcel : item).passed);
  }
}

/** What an item is. A promise of it, where a module has to be loaded first. */
export function contentOf({ parcel: { values, passed } }: Item): unknown {
  const content = unpackValues(values, passed);
  return content instanceof Promise ? content.then(([item]) => item) : content[0];
}

/** Says why nothing can be put any more, or got. */
export type Closed = (action: "put" | "get") => Error;

/** See above. */
export class ItemQueue {
  readonly #target: WaitTarget;
  readonly #bound: number;
  readonly #closed: Closed;
  readonly #items: Deque<Item> = new Deque<Item>();
  // Those that came back: they were ahead of all that are still here, in the order of their numbers.
  readonly #returned: Item[] = [];
  readonly #getters: WaitQueue<Item>;
  readonly #putters: WaitQueue<void>;
  readonly #joiners: WaitQueue<void>;
  #last = 0;
  #places = 0;
  #lent = 0;
  #unfinished = 0;
  #peak = 0;
  #isShutDown = false;
  // What is put from now on by those who had a place is thrown away too.
  #isCleared = false;

  /**
   * @param bound How many items have room in it.
   * @param target What waits for it are shown as.
   * @param closed What is thrown when it was shut down.
   */
  constructor(bound: number, target: WaitTarget, closed: Closed) {
    this.#bound = bound;
    this.#target = target;
    this.#closed = closed;
    this.#getters = new WaitQueue<Item>(target);
    this.#putters = new WaitQueue<void>(target);
    const { kind, name } = target;
    this.#joiners = new WaitQueue<void>({ kind: `end of the work in ${kind}`, name });
  }

  get size(): number {
    return this.#returned.length + this.#items.size;
  }

  /** Puts an item, and waits until there is room. */
  put(parcel: () => Parcel, options: WaitOptions | undefined): Promise<void> {
    return this.#enter(parcel, options);
  }

  /** Puts an item now. */
  putNowait(parcel: () => Parcel): void {
    this.#checkRoom();
    this.#keep(parcel());
  }

  /**
   * Puts an item for one elsewhere, and waits until there is room. A place is kept for it until the
   * other side has heard that it has one: who is cancelled before that has put nothing.
   */
  async accept(parcel: Parcel): Promise<Shipment> {
    await this.#enter(() => new Place(parcel), undefined);
    return this.#placed(parcel);
  }

  /** Puts an item for one elsewhere now. */
  acceptNowait(parcel: Parcel): Shipment {
    try {
      this.#checkRoom();
    } catch (error) {
      dropPassed(parcel.passed);
      throw error;
    }
    this.#places++;
    return this.#placed(parcel);
  }

  /** Gets what the next item is, and waits until there is one. */
  get(options: WaitOptions | undefined): Promise<unknown> {
    return this.#leave(new Getter(), options) as Promise<unknown>;
  }

  /** Takes an item now. */
  getNowait(): Item {
    this.#checkItem();
    return this.#take();
  }

  /**
   * Hands the next item to one elsewhere, and waits until there is one. It comes back if the other
   * side has left before it came.
   */
  async lend(): Promise<Shipment> {
    return this.#lentOut(await this.#leave(new Waiter<Item>(LENT), undefined));
  }

  /** Hands an item to one elsewhere now. */
  lendNowait(): Shipment {
    this.#checkItem();
    this.#lent++;
    return this.#lentOut(this.#take());
  }

  taskDone(): void {
    if (this.#unfinished === 0) {
      throw new RangeError(
        `Cannot say that an item of ${this.#name} is done as all are: call taskDone() once for each that was got`,
      );
    }
    this.#finish(1);
  }

  join(options?: WaitOptions): Promise<void> {
    const scope = currentScope();
    const barred = entry(scope, options);
    if (barred !== undefined) return barred;
    if (this.#unfinished === 0) return atOnce(DONE);
    const waiter = new Waiter<void>();
    this.#joiners.add(waiter);
    return suspend(scope, waiter, options);
  }

  shutdown(immediate: boolean): void {
    this.#isShutDown = true;
    while (this.#putters.size > 0) this.#putters.failFirst(this.#closed("put"));
    if (immediate) {
      this.#isCleared = true;
      // Fewer are missing than there were in it when a consumer has called taskDone() too early.
      this.#finish(Math.min(this.size, this.#unfinished));
      while (this.size > 0) {
        dropPassed((this.#returned.shift() ?? this.#items.shift()).parcel.passed);
      }
    }
    this.#endIfOver();
  }

  /** Ends the waits of those who put, or who get. */
  interrupt(who: "putters" | "getters", error: Error): void {
    const waiting: WaitQueue<never> = who === "putters" ? this.#putters : this.#getters;
    waiting.failAll(error);
  }

  stats(): ProcessQueueStats {
    return Object.freeze({
      size: this.size,
      maxsize: this.#bound === Infinity ? 0 : this.#bound,
      peakSize: this.#peak,
      putters: this.#putters.size,
      getters: this.#getters.size,
      inTransit: this.#places + this.#lent,
      unfinished: this.#unfinished,
      isShutDown: this.#isShutDown,
    });
  }

  #placed(parcel: Parcel): Shipment {
    return new Shipment(NOTHING, {
      taken: () => this.#fill(parcel),
      giveBack: () => this.#release(parcel),
    });
  }

  #fill(parcel: Parcel): void {
    this.#places--;
    if (this.#isCleared) dropPassed(parcel.passed);
    else this.#keep(parcel);
    this.#admit(); // A getter may have had it, and the place is free.
    this.#endIfOver();
  }

  #release({ passed }: Parcel): void {
    this.#places--;
    dropPassed(passed);
    this.#admit();
    this.#endIfOver();
  }

  #lentOut(item: Item): Shipment {
    return new Shipment(item.parcel, {
      taken: () => this.#keptThere(),
      giveBack: () => this.#takeBack(item),
    });
  }

  #keptThere(): void {
    this.#lent--;
    this.#endIfOver();
  }

  #takeBack(item: Item): void {
    this.#lent--;
    if (this.#isCleared) {
      this.#finish(Math.min(1, this.#unfinished));
      dropPassed(item.parcel.passed);
    } else if (this.#getters.size > 0) this.#hand(item);
    else {
      const place = this.#returned.findIndex(({ number }) => number > item.number);
      this.#returned.splice(place === -1 ? this.#returned.length : place, 0, item);
    }
    this.#endIfOver();
  }

  get #isOver(): boolean {
    return this.#isShutDown && this.size === 0 && this.#places === 0 && this.#lent === 0;
  }

  get #hasRoom(): boolean {
    return this.size + this.#places < this.#bound;
  }

  #checkRoom(): void {
    if (this.#isShutDown) throw this.#closed("put");
    if (this.#hasRoom) return;
    throw new QueueFull(
      `Cannot put into ${this.#name} as it is full: it has room for ${this.#bound}. Wait with put(), or give it more room`,
    );
  }

  #checkItem(): void {
    if (this.size > 0) return;
    if (this.#isOver) throw this.#closed("get");
    throw new QueueEmpty(`Cannot get from ${this.#name} as it is empty. Wait with get()`);
  }

  #leave(waiter: Waiter<Item>, options: WaitOptions | undefined): Promise<Item> {
    const scope = currentScope();
    const barred = entry(scope, options);
    if (barred !== undefined) return barred;
    if (this.#isOver) return Promise.reject(this.#closed("get"));
    if (this.size > 0) {
      if (waiter.item === LENT) this.#lent++;
      const item = this.#take();
      return atOnce(Promise.resolve(waiter.item === LENT ? item : contentOf(item) as Item));
    }
    this.#getters.add(waiter);
    return suspend(scope, waiter, options);
  }

  #enter(make: () => Parcel | Place, options: WaitOptions | undefined): Promise<void> {
    const scope = currentScope();
    const barred = entry(scope, options);
    if (barred !== undefined) return barred;
    let item: Parcel | Place;
    try {
      item = make();
    } catch (error) {
      return Promise.reject(error);
    }
    if (this.#isShutDown) {
      dropPassed((item instanceof Place ? item.parcel : item).passed);
      return Promise.reject(this.#closed("put"));
    }
    if (this.#hasRoom) {
      this.#let(item);
      return atOnce(DONE);
    }
    const waiter = new Putter(item);
    this.#putters.add(waiter);
    return suspend(scope, waiter, options);
  }

  #let(item: Parcel | Place): void {
    if (item instanceof Place) this.#places++;
    else this.#keep(item);
  }

  #keep(parcel: Parcel): void {
    this.#unfinished++;
    const item = { number: ++this.#last, parcel };
    if (this.#getters.size > 0) {
      this.#hand(item);
      return;
    }
    this.#items.push(item);
    if (this.size > this.#peak) this.#peak = this.size;
  }

  #hand(item: Item): void {
    if (this.#getters.first!.item === LENT) this.#lent++;
    this.#getters.wakeFirst(item);
  }

  #take(): Item {
    const item = this.#returned.shift() ?? this.#items.shift();
    this.#admit();
    return item;
  }

  /** Lets those go on who wait to put and have room. */
  #admit(): void {
    for (let node = this.#putters.first; node !== null; node = this.#putters.first) {
      if (!this.#hasRoom) return;
      this.#putters.remove(node);
      this.#let(node.item as Parcel | Place);
      node.wake();
    }
  }

  #finish(count: number): void {
    this.#unfinished -= count;
    if (this.#unfinished === 0) this.#joiners.wakeAll();
  }

  #endIfOver(): void {
    if (!this.#isOver) return;
    while (this.#getters.size > 0) this.#getters.failFirst(this.#closed("get"));
  }

  get #name(): string {
    const { kind, name } = this.#target;
    return `${kind} "${name}"`;
  }
}
