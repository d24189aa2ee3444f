/**
 * What a manager makes by itself: plain collections, of which each method is one step for all who
 * use them.
 *
 * @module
 */

import { show } from "../../primitives/kernel/check.ts";

/** A key by which a value is found again when it has come from elsewhere. */
export type DictKey = string | number | bigint | boolean | null | undefined;

/** A dictionary. */
export class Dict<K extends DictKey, V> {
  readonly #entries: Map<K, V> = new Map();

  constructor(entries: Iterable<readonly [K, V]>) {
    this.update([...entries]);
  }

  get(key: K): V | undefined {
    return this.#entries.get(key);
  }

  set(key: K, value: V): void {
    this.#entries.set(checkKey(key), value);
  }

  has(key: K): boolean {
    return this.#entries.has(key);
  }

  delete(key: K): boolean {
    return this.#entries.delete(key);
  }

  pop(key: K): V | undefined {
    const value = this.#entries.get(key);
    this.#entries.delete(key);
    return value;
  }

  setDefault(key: K, value: V): V {
    const there = this.#entries.get(checkKey(key));
    if (there !== undefined || this.#entries.has(key)) return there as V;
    this.#entries.set(key, value);
    return value;
  }

  replace(key: K, expected: V | undefined, value: V): boolean {
    if (!Object.is(this.#entries.get(key), expected)) return false;
    this.#entries.set(checkKey(key), value);
    return true;
  }

  add(key: K, amount = 1): number {
    const sum = checkNumber(this.#entries.get(checkKey(key)) ?? 0, "the value there") +
      checkNumber(amount, "the amount");
    this.#entries.set(key, sum as V);
    return sum;
  }

  update(entries: readonly (readonly [K, V])[]): void {
    for (const [key] of entries) checkKey(key);
    for (const [key, value] of entries) this.#entries.set(key, value);
  }

  keys(): K[] {
    return [...this.#entries.keys()];
  }

  values(): V[] {
    return [...this.#entries.values()];
  }

  entries(): [K, V][] {
    return [...this.#entries];
  }

  size(): number {
    return this.#entries.size;
  }

  clear(): void {
    this.#entries.clear();
  }
}

/** A list. */
export class List<T> {
  readonly #items: T[];

  constructor(items: Iterable<T>) {
    this.#items = [...items];
  }

  at(index: number): T | undefined {
    return this.#items.at(index);
  }

  set(index: number, item: T): void {
    if (!Number.isInteger(index) || index < 0 || index >= this.#items.length) {
      throw new RangeError(
        `Cannot set an item of a list of ${this.#items.length} at ${
          show(index)
        }. Add one by push() or insert()`,
      );
    }
    this.#items[index] = item;
  }

  push(...items: T[]): number {
    return this.#items.push(...items);
  }

  pop(): T | undefined {
    return this.#items.pop();
  }

  shift(): T | undefined {
    return this.#items.shift();
  }

  unshift(...items: T[]): number {
    return this.#items.unshift(...items);
  }

  insert(index: number, item: T): void {
    this.#items.splice(index, 0, item);
  }

  remove(index: number): T | undefined {
    return this.#items.splice(index, 1)[0];
  }

  slice(start?: number, end?: number): T[] {
    return this.#items.slice(start, end);
  }

  size(): number {
    return this.#items.length;
  }

  clear(): void {
    this.#items.length = 0;
  }
}

/** A number. */
export class Counter {
  #value: number;

  constructor(value: number) {
    this.#value = checkNumber(value, "the value");
  }

  value(): number {
    return this.#value;
  }

  set(value: number): void {
    this.#value = checkNumber(value, "the value");
  }

  add(amount = 1): number {
    return this.#value += checkNumber(amount, "the amount");
  }
}

function checkKey<K>(key: K): K {
  if (
    (typeof key !== "object" && typeof key !== "symbol" && typeof key !== "function") ||
    key === null
  ) return key;
  throw new TypeError(
    `Cannot use ${
      show(key)
    } as a key of a dict as it would be another one each time that it comes. Use a string or a number`,
  );
}

function checkNumber(value: unknown, what: string): number {
  if (typeof value === "number") return value;
  throw new TypeError(`Cannot add as ${what} must be a number: received ${show(value)}`);
}
