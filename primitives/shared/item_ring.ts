/**
 * A ring of items in shared memory, as bytes: each has a word that says how many, and stands on a
 * whole number of words. One that comes to the end of the memory goes on at its beginning.
 *
 * All of it is called in a change, see `latch.ts`; what is made of the bytes is made outside.
 *
 * @module
 */

import { WORDS } from "./layout.ts";

/** Copying so few bytes one by one is quicker than asking the platform to. */
const FEW = 48;

/** Room for an item of so many bytes is kept for the next one. */
const KEPT = 65_536;

/** What a ring has of the words of a primitive: which of them begin at `at`. */
const READ = 0;
const WRITE = 1;
const COUNT = 2;
const USED = 3;
/** How many those are. */
export const RING_WORDS = 4;

/** See above. */
export class ItemRing {
  /** How many bytes have room in it. */
  readonly capacity: number;
  readonly #words: Int32Array;
  readonly #at: number;
  readonly #lengths: Int32Array;
  readonly #bytes: Uint8Array;
  // Where an item is copied to: what is read is made a value before the next is read.
  #taken: Uint8Array = new Uint8Array(1024);

  /**
   * @param memory The shared memory: the ring is what is behind the words.
   * @param at Where its own words begin.
   */
  constructor(memory: SharedArrayBuffer, at: number) {
    this.capacity = memory.byteLength - 4 * WORDS;
    this.#words = new Int32Array(memory);
    this.#at = at;
    this.#lengths = new Int32Array(memory, 4 * WORDS);
    this.#bytes = new Uint8Array(memory, 4 * WORDS);
  }

  /** How many items are in it. */
  get size(): number {
    return Atomics.load(this.#words, this.#at + COUNT);
  }

  /** How many bytes they take. */
  get used(): number {
    return Atomics.load(this.#words, this.#at + USED);
  }

  /** Adds an item. There must be room for it. */
  push(item: Uint8Array): void {
    const words = this.#words;
    const at = this.#at;
    const { length } = item;
    const start = words[at + WRITE];
    const bytes = this.#bytes;
    this.#lengths[start >> 2] = length;
    const from = this.#wrapped(start + 4);
    if (from + length > this.capacity) {
      const first = this.capacity - from;
      bytes.set(item.subarray(0, first), from);
      bytes.set(item.subarray(first), 0);
    } else if (length > FEW) bytes.set(item, from);
    else for (let i = 0; i < length; i++) bytes[from + i] = item[i];
    const size = spaceOf(length);
    words[at + WRITE] = this.#wrapped(start + size);
    words[at + COUNT]++;
    words[at + USED] += size;
  }

  /** Takes the first item. There must be one. The bytes are good until the next is taken. */
  shift(): Uint8Array {
    const words = this.#words;
    const at = this.#at;
    const start = words[at + READ];
    const length = this.#lengths[start >> 2];
    const from = this.#wrapped(start + 4);
    const bytes = this.#bytes;
    const item = this.#roomFor(length);
    if (from + length > this.capacity) {
      const first = this.capacity - from;
      item.set(bytes.subarray(from), 0);
      item.set(bytes.subarray(0, length - first), first);
    } else if (length > FEW) item.set(bytes.subarray(from, from + length));
    else for (let i = 0; i < length; i++) item[i] = bytes[from + i];
    const size = spaceOf(length);
    words[at + READ] = this.#wrapped(start + size);
    words[at + COUNT]--;
    words[at + USED] -= size;
    return item;
  }

  #roomFor(length: number): Uint8Array {
    if (length > KEPT) return new Uint8Array(length);
    if (length > this.#taken.length) this.#taken = new Uint8Array(Math.min(2 * length, KEPT));
    return this.#taken.subarray(0, length);
  }

  /** Throws all away. */
  clear(): void {
    for (let word = 0; word < RING_WORDS; word++) this.#words[this.#at + word] = 0;
  }

  #wrapped(position: number): number {
    return position >= this.capacity ? position - this.capacity : position;
  }
}

/** How many bytes an item of so many takes. */
export function spaceOf(length: number): number {
  return 4 + ((length + 3) & ~3);
}
