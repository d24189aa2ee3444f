/**
 * What managers give: the types of objects that are used from other threads and processes.
 *
 * @module
 */

import type { DictKey } from "./link/collections.ts";

/**
 * An object of a `Manager`, as it is used everywhere: each of its methods gives a promise,
 * and a property is a method without arguments. What begins with "_" is not there.
 *
 * @typeParam T The object.
 *
 * @example
 * ```ts
 * import { Manager } from "@grove/grove";
 *
 * class Account {
 *   balance = 0;
 *   deposit(amount: number): number {
 *     return this.balance += amount;
 *   }
 * }
 *
 * await using manager = new Manager();
 * const account = manager.host(new Account());
 * await account.deposit(5);
 * console.log(await account.balance()); // 5
 * ```
 */
export type Remote<T> = {
  readonly [K in RemoteKey<T>]: T[K] extends (...args: infer A) => infer R
    ? (...args: A) => Promise<RemoteResult<T, R>>
    : () => Promise<T[K]>;
};

/** The names of what an object has that can be used from elsewhere. */
export type RemoteKey<T> = Exclude<
  keyof T & string,
  | `_${string}`
  | "then"
  | "constructor"
  | "hasOwnProperty"
  | "isPrototypeOf"
  | "propertyIsEnumerable"
  | "toLocaleString"
  | "toString"
  | "valueOf"
>;

/** What a method resolves to: what stands for the object, where it returns the object itself. */
export type RemoteResult<T, R> = 0 extends 1 & R ? R
  : [T, Awaited<R>] extends [Awaited<R>, T] ? Remote<T>
  : Awaited<R>;

/**
 * A dictionary that threads and processes have in common. Each call is one step: nobody else's comes
 * in between.
 */
export interface RemoteDict<K extends DictKey, V> {
  /** The value of a key; `undefined` when there is none. */
  get(key: K): Promise<V | undefined>;
  /** Sets the value of a key. */
  set(key: K, value: V): Promise<void>;
  /** Whether there is a value of a key. */
  has(key: K): Promise<boolean>;
  /** Removes a key; resolves to whether it was there. */
  delete(key: K): Promise<boolean>;
  /** Removes a key, and resolves to its value; to `undefined` when there was none. */
  pop(key: K): Promise<V | undefined>;
  /** The value of a key, which is set to `value` before if there was none. */
  setDefault(key: K, value: V): Promise<V>;
  /**
   * Sets the value of a key if it is still the one expected, a primitive or `undefined` for none;
   * resolves to whether it was.
   */
  replace(key: K, expected: V | undefined, value: V): Promise<boolean>;
  /** Adds to the number of a key, which is 0 at first, and resolves to the sum. Default: 1. */
  add(key: K, amount?: number): Promise<number>;
  /** Sets the values of several keys. */
  update(entries: readonly (readonly [K, V])[]): Promise<void>;
  /** The keys, in the order in which they were set first. */
  keys(): Promise<K[]>;
  /** The values, in the order of their keys. */
  values(): Promise<V[]>;
  /** The keys with their values. */
  entries(): Promise<[K, V][]>;
  /** How many keys there are. */
  size(): Promise<number>;
  /** Removes all. */
  clear(): Promise<void>;
}

/**
 * A list that threads and processes have in common. Each call is one step: nobody else's comes in
 * between.
 */
export interface RemoteList<T> {
  /** The item at a place; from the end where it is negative; `undefined` when there is none. */
  at(index: number): Promise<T | undefined>;
  /** Replaces the item at a place, which must be there. */
  set(index: number, item: T): Promise<void>;
  /** Adds items at the end, and resolves to how many there are then. */
  push(...items: T[]): Promise<number>;
  /** Removes the last item, and resolves to it. */
  pop(): Promise<T | undefined>;
  /** Removes the first item, and resolves to it. */
  shift(): Promise<T | undefined>;
  /** Adds items at the front, and resolves to how many there are then. */
  unshift(...items: T[]): Promise<number>;
  /** Adds an item at a place, before the one that is there. */
  insert(index: number, item: T): Promise<void>;
  /** Removes the item at a place, and resolves to it. */
  remove(index: number): Promise<T | undefined>;
  /** A copy of a part of it, or of all. */
  slice(start?: number, end?: number): Promise<T[]>;
  /** How many items there are. */
  size(): Promise<number>;
  /** Removes all. */
  clear(): Promise<void>;
}

/** A number that threads and processes have in common. */
export interface RemoteCounter {
  /** The number. */
  value(): Promise<number>;
  /** Sets it. */
  set(value: number): Promise<void>;
  /** Adds to it, and resolves to the sum; 1 where nothing is given. */
  add(amount?: number): Promise<number>;
}
