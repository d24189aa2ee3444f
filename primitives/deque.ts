/**
 * A double-ended queue in linked chunks. No operation ever copies what is in it, so a step takes as
 * long a million deep as ten deep, the slowest as long as the fastest but for one allocation; and
 * memory goes back chunk by chunk as the queue drains. A growing ring has neither: it copies all it
 * holds each time it doubles, and stays as large as it ever was.
 *
 * Guarantees that nothing taken out is retained. One empty chunk is kept for a queue that hovers
 * round the border of two.
 *
 * @module
 */

import { keepShape } from "./kernel/shapes.ts";

/** The slots of the chunks of a small queue, and of a large one. */
const LEAST_SLOTS = 16;
const MOST_SLOTS = 256;

/** First in, first out, or last in, first out, as its user likes. */
export class Deque<T> {
  #head: Chunk<T> = new Chunk<T>(LEAST_SLOTS);
  #tail: Chunk<T> = this.#head;
  #spare: Chunk<T> | null = null;
  /** Where the first item is in the chunk at the head. */
  #first = 0;
  /** The slot behind the last item in the chunk at the tail. */
  #end = 0;
  #size = 0;

  /** How many items there are. */
  get size(): number {
    return this.#size;
  }

  /** Adds an item at the end. */
  push(item: T): void {
    if (this.#end === this.#tail.slots.length) this.#addChunk();
    this.#tail.slots[this.#end++] = item;
    this.#size++;
  }

  /** Takes the item at the front. There has to be one. */
  shift(): T {
    const slots = this.#head.slots;
    const first = this.#first;
    const item = slots[first] as T;
    slots[first] = undefined;
    this.#first = first + 1;
    // An empty queue starts over in the chunk that it has, so one that stays small needs no other.
    if (--this.#size === 0) this.#first = this.#end = 0;
    else if (first + 1 === slots.length) this.#dropHead();
    return item;
  }

  /** Takes the item at the end. There has to be one. */
  pop(): T {
    const slots = this.#tail.slots;
    const last = this.#end - 1;
    const item = slots[last] as T;
    slots[last] = undefined;
    this.#end = last;
    if (--this.#size === 0) this.#first = this.#end = 0;
    else if (last === 0) this.#dropTail();
    return item;
  }

  /** Forgets all items, however many, in one step. */
  clear(): void {
    if (this.#size === 0) return;
    this.#head = this.#tail = new Chunk<T>(LEAST_SLOTS);
    this.#first = this.#end = this.#size = 0;
  }

  #addChunk(): void {
    // As many slots as there are items, so that small queues stay small and large ones grow by
    // chunks that are worth their links.
    let slots = LEAST_SLOTS;
    while (slots < this.#size && slots < MOST_SLOTS) slots *= 2;
    const spare = this.#spare;
    const chunk = spare !== null && spare.slots.length >= slots ? spare : new Chunk<T>(slots);
    this.#spare = null;
    chunk.prev = this.#tail;
    this.#tail.next = chunk;
    this.#tail = chunk;
    this.#end = 0;
  }

  #dropHead(): void {
    const chunk = this.#head;
    this.#head = chunk.next!;
    this.#head.prev = chunk.next = null;
    this.#first = 0;
    this.#spare = chunk;
  }

  #dropTail(): void {
    const chunk = this.#tail;
    this.#tail = chunk.prev!;
    this.#tail.next = chunk.prev = null;
    this.#end = this.#tail.slots.length;
    this.#spare = chunk;
  }
}

/** Some consecutive slots of a queue. */
class Chunk<T> {
  readonly slots: (T | undefined)[];
  next: Chunk<T> | null = null;
  prev: Chunk<T> | null = null;

  constructor(slots: number) {
    // Filled, as an array of numbers alone would be laid out for those, and be laid out anew at the
    // first slot that is given up.
    this.slots = new Array<T | undefined>(slots).fill(undefined);
  }
}

keepShape(new Deque());
