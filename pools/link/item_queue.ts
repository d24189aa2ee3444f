/**
 * What a queue is that processes have in common, in the process that it was made in: items, those
 * who wait to put and to get, and what is on its way.
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
import { QueueEmpty, QueueFull, QueueShutDown } from "../../primitives/queue_errors.ts";
import { unpackValues } from "../passing.ts";
import type { Parcel } from "./host.ts";

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

// What those bring along who wait to put from elsewhere: their item comes when they have a place.
const PLACE = Symbol("place");

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

/** What an item is. A promise of it, where a module has to be loaded first. */
export function contentOf({ parcel: { values, passed } }: Item): unknown {
  const content = unpackValues(values, passed);
  return content instanceof Promise ? content.then(([item]) => item) : content[0];
}

/** See above. */
export class ItemQueue implements WaitTarget {
  readonly name: string;
  readonly maxsize: number;
  readonly #bound: number;
  readonly #items: Deque<Item> = new Deque<Item>();
  // Those that came back: they were ahead of all that are still here, in the order of their numbers.
  readonly #returned: Item[] = [];
  readonly #getters: WaitQueue<Item> = new WaitQueue<Item>(this);
  readonly #putters: WaitQueue<void> = new WaitQueue<void>(this);
  readonly #joiners: WaitQueue<void>;
  #last = 0;
  #places = 0;
  #lent = 0;
  #unfinished = 0;
  #peak = 0;
  #isShutDown = false;
  // What is put from now on by those who had a place is thrown away too.
  #isCleared = false;

  constructor(maxsize: number, name: string) {
    this.maxsize = maxsize;
    this.name = name;
    this.#bound = maxsize === 0 ? Infinity : maxsize;
    this.#joiners = new WaitQueue<void>({ kind: "end of the work in queue", name });
  }

  get kind(): "queue" {
    return "queue";
  }

  get size(): number {
    return this.#returned.length + this.#items.size;
  }

  /** Puts an item, and waits until there is room. */
  put(parcel: () => Parcel, options: WaitOptions | undefined): Promise<void> {
    return this.#enter(parcel, options);
  }

  /** Waits for a place, for one who puts from elsewhere. */
  reserve(): Promise<void> {
    return this.#enter(undefined, undefined);
  }

  /** Puts an item now. */
  putNowait(parcel: () => Parcel): void {
    this.#checkRoom();
    this.#keep(parcel());
  }

  /** Keeps a place now. */
  reserveNowait(): void {
    this.#checkRoom();
    this.#places++;
  }

  /** The item has come that a place was kept for. */
  fill(parcel: Parcel): void {
    this.#places--;
    if (!this.#isCleared) this.#keep(parcel);
    this.#admit(); // A getter may have had it, and the place is free.
    this.#endIfOver();
  }

  /** No item will come for a place. */
  release(): void {
    this.#places--;
    this.#admit();
    this.#endIfOver();
  }

  /** Gets what the next item is, and waits until there is one. */
  get(options: WaitOptions | undefined): Promise<unknown> {
    return this.#leave(new Getter(), options) as Promise<unknown>;
  }

  /** Takes the next item for one elsewhere, and waits until there is one. It may come back. */
  lend(): Promise<Item> {
    return this.#leave(new Waiter<Item>(LENT), undefined);
  }

  /** Takes an item now. */
  getNowait(): Item {
    this.#checkItem();
    return this.#take();
  }

  /** Takes an item for one elsewhere now. */
  lendNowait(): Item {
    this.#checkItem();
    this.#lent++;
    return this.#take();
  }

  /** An item that was lent has come to where it was wanted. */
  keptThere(): void {
    this.#lent--;
    this.#endIfOver();
  }

  /** An item that was lent comes back. */
  takeBack(item: Item): void {
    this.#lent--;
    if (this.#isCleared) this.#finish(Math.min(1, this.#unfinished));
    else if (this.#getters.size > 0) this.#hand(item);
    else {
      const place = this.#returned.findIndex(({ number }) => number > item.number);
      this.#returned.splice(place === -1 ? this.#returned.length : place, 0, item);
    }
    this.#endIfOver();
  }

  taskDone(): void {
    if (this.#unfinished === 0) {
      throw new RangeError(
        `Cannot say that an item of queue "${this.name}" is done as all are: call taskDone() once for each that was got`,
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
    while (this.#putters.size > 0) this.#putters.failFirst(this.#shutDown("put into"));
    if (immediate) {
      this.#isCleared = true;
      // Fewer are missing than there were in it when a consumer has called taskDone() too early.
      this.#finish(Math.min(this.size, this.#unfinished));
      this.#items.clear();
      this.#returned.length = 0;
    }
    this.#endIfOver();
  }

  stats(): ProcessQueueStats {
    return Object.freeze({
      size: this.size,
      maxsize: this.maxsize,
      peakSize: this.#peak,
      putters: this.#putters.size,
      getters: this.#getters.size,
      inTransit: this.#places + this.#lent,
      unfinished: this.#unfinished,
      isShutDown: this.#isShutDown,
    });
  }

  get #isOver(): boolean {
    return this.#isShutDown && this.size === 0 && this.#places === 0 && this.#lent === 0;
  }

  get #hasRoom(): boolean {
    return this.size + this.#places < this.#bound;
  }

  #checkRoom(): void {
    if (this.#isShutDown) throw this.#shutDown("put into");
    if (this.#hasRoom) return;
    throw new QueueFull(
      `Cannot put into queue "${this.name}" as it is full: it has room for ${this.maxsize}. Wait with put(), or give it more room`,
    );
  }

  #checkItem(): void {
    if (this.size > 0) return;
    if (this.#isOver) throw this.#shutDown("get from");
    throw new QueueEmpty(`Cannot get from queue "${this.name}" as it is empty. Wait with get()`);
  }

  #leave(waiter: Waiter<Item>, options: WaitOptions | undefined): Promise<Item> {
    const scope = currentScope();
    const barred = entry(scope, options);
    if (barred !== undefined) return barred;
    if (this.#isOver) return Promise.reject(this.#shutDown("get from"));
    if (this.size > 0) {
      if (waiter.item === LENT) this.#lent++;
      const item = this.#take();
      return atOnce(Promise.resolve(waiter.item === LENT ? item : contentOf(item) as Item));
    }
    this.#getters.add(waiter);
    return suspend(scope, waiter, options);
  }

  #enter(parcel: (() => Parcel) | undefined, options: WaitOptions | undefined): Promise<void> {
    const scope = currentScope();
    const barred = entry(scope, options);
    if (barred !== undefined) return barred;
    if (this.#isShutDown) return Promise.reject(this.#shutDown("put into"));
    let item: unknown = PLACE;
    try {
      if (parcel !== undefined) item = parcel();
    } catch (error) {
      return Promise.reject(error);
    }
    if (this.#hasRoom) {
      this.#let(item);
      return atOnce(DONE);
    }
    const waiter = new Waiter<void>(item);
    this.#putters.add(waiter);
    return suspend(scope, waiter, options);
  }

  #let(item: unknown): void {
    if (item === PLACE) this.#places++;
    else this.#keep(item as Parcel);
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
      this.#let(node.item);
      node.wake();
    }
  }

  #finish(count: number): void {
    this.#unfinished -= count;
    if (this.#unfinished === 0) this.#joiners.wakeAll();
  }

  #endIfOver(): void {
    if (!this.#isOver) return;
    while (this.#getters.size > 0) this.#getters.failFirst(this.#shutDown("get from"));
  }

  #shutDown(action: string): QueueShutDown {
    return new QueueShutDown(
      `Cannot ${action} queue "${this.name}" as it was shut down. ${
        action === "put into"
          ? "Shut it down when all has been put"
          : "Loop over it with 'for await', which ends then"
      }`,
    );
  }
}
