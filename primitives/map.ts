/**
 * A function over many items, some at a time. A few long-lived tasks, "slots", take one item after
 * the other, so that an item costs no task, nor a chain of promises of its own.
 *
 * @module
 */

import { GroupIterator, type Outlet } from "./group_iterator.ts";
import { checkCount, checkFunction, checkOptions, show } from "./kernel/check.ts";
import { cancelledIn } from "./kernel/errors.ts";
import { keepShape } from "./kernel/shapes.ts";
import { nextOf, openSource, type Source } from "./source.ts";
import type { TaskGroup } from "./task_group.ts";

/** What {@linkcode map} can be told. */
export interface MapOptions {
  /** How many items are worked on at once: a whole number from 1 up, or `Infinity`. Default: 8. */
  concurrency?: number;
  /** Whether results come in the order of the items, or as they are ready. Default: `true`. */
  ordered?: boolean;
}

/**
 * Calls a function for each item, several at a time, and gives the results as they can be had.
 * Items are taken from the source only as fast as results are taken from this: at most twice
 * `concurrency` are on the way.
 *
 * The work begins with the loop over the results. Leaving the loop early cancels what runs and
 * waits for it; a failure cancels the rest and is thrown in the loop, after the results that were
 * ready before it.
 *
 * @typeParam T An item.
 * @typeParam R What the function resolves to.
 * @param source The items: an iterable or async iterable, endless ones included.
 * @param fn What to call with an item and its index, from 0.
 * @param options How many at once, and in which order.
 * @returns The results, to be iterated over once.
 * @throws {TypeError | RangeError} At the call, when an argument makes no sense.
 *
 * @example
 * ```ts
 * import { map, sleep } from "@grove/grove";
 *
 * const lengths: number[] = [];
 * for await (
 *   const length of map(["a", "bb", "ccc"], async (word) => {
 *     await sleep(1);
 *     return word.length;
 *   }, { concurrency: 2 })
 * ) lengths.push(length);
 * console.log(lengths); // [1, 2, 3]
 * ```
 */
export function map<T, R>(
  source: Iterable<T> | AsyncIterable<T>,
  fn: (item: T, index: number) => R | PromiseLike<R>,
  options: MapOptions = {},
): AsyncIterableIterator<R> {
  checkOptions(options, "map");
  const { concurrency = 8, ordered = true } = options;
  checkFunction(fn, "map", "the second argument");
  checkCount(concurrency, "map", "'concurrency'", 1);
  if (typeof ordered !== "boolean") {
    throw new TypeError(`Cannot map as 'ordered' must be a boolean: received ${show(ordered)}`);
  }
  const input = openSource(source, "map");
  return new GroupIterator<R>("map", concurrency, (group, outlet) => {
    const results = ordered ? new Ordered(outlet, concurrency) : outlet;
    feed(group, input, fn, results, concurrency);
  });
}

/** Where a slot puts the result of the item `index`. */
interface Results<R> {
  put(result: R, index: number): void;
  readonly full: boolean;
  readonly closed: boolean;
  drained(): Promise<void>;
}

/** Holds back what came too early. */
class Ordered<R> implements Results<R> {
  readonly #outlet: Outlet<R>;
  readonly #capacity: number;
  readonly #early = new Map<number, R>();
  #next = 0;

  constructor(outlet: Outlet<R>, capacity: number) {
    this.#outlet = outlet;
    this.#capacity = capacity;
  }

  get full(): boolean {
    return this.#outlet.size + this.#early.size >= this.#capacity;
  }

  get closed(): boolean {
    return this.#outlet.closed;
  }

  put(result: R, index: number): void {
    if (index !== this.#next) {
      this.#early.set(index, result);
      return;
    }
    this.#outlet.put(result);
    this.#next++;
    while (this.#early.size > 0 && this.#early.has(this.#next)) {
      this.#outlet.put(this.#early.get(this.#next)!);
      this.#early.delete(this.#next++);
    }
  }

  drained(): Promise<void> {
    return this.#outlet.drained();
  }
}

function feed<T, R>(
  group: TaskGroup,
  source: Source<T>,
  fn: (item: T, index: number) => R | PromiseLike<R>,
  results: Results<R>,
  concurrency: number,
): void {
  let count = 0;
  let slots = 0;
  let asking = 0;
  let exhausted = false;

  const isWanted = () => !exhausted && !results.closed;

  async function slot(): Promise<void> {
    try {
      while (isWanted()) {
        while (results.full) await results.drained();
        let next = source.next(isWanted);
        if (next instanceof Promise) {
          asking++;
          next = await nextOf(source, next);
          asking--;
          // One slot at most asks while the others work: an item that is slow to come costs no idle
          // slots.
          if (asking === 0 && !next.done && slots < concurrency) openSlot();
        }
        if (next.done) break;
        const index = count++;
        const result = fn(next.value, index);
        results.put(isPromiseLike(result) ? await result : result, index);
      }
    } catch (error) {
      const cancelled = cancelledIn(error);
      // A call that cancelled its own task, and not the loop: the results would end without a word.
      if (cancelled !== undefined && !results.closed) {
        throw new Error("Cannot map all items as a call cancelled its own task", { cause: error });
      }
      throw error;
    } finally {
      exhausted = true;
      if (--slots === 0) await source.close();
    }
  }

  function openSlot(): void {
    slots++;
    group.spawn(slot, { name: "map" });
  }

  openSlot();
  // A synchronous source gives each slot its first item while the slot is being opened, and ends
  // here if there are few.
  while (source.synchronous && slots < concurrency && !exhausted) openSlot();
}

function isPromiseLike<R>(value: R | PromiseLike<R>): value is PromiseLike<R> {
  return typeof value === "object" && value !== null &&
    typeof (value as PromiseLike<R>).then === "function";
}

keepShape(new Ordered(new GroupIterator("", 1, () => {}), 1));
