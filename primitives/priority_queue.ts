/**
 * A queue that gives back the smallest.
 *
 * @module
 */

import { checkFunction } from "./kernel/check.ts";
import { checkComparable, compareItems } from "./compare.ts";
import type { NamedOptions } from "./named.ts";
import { Queue, type Store, useStore } from "./queue.ts";
import { SortedList } from "./sorted_list.ts";

/** What a priority queue can be told. */
export interface PriorityQueueOptions<T> extends NamedOptions {
  /**
   * Which of two items comes first: negative for the first, positive for the second, 0 when they
   * are equal. Default: numbers, strings, booleans and dates by their value, arrays element by
   * element.
   */
  compare?: (a: T, b: T) => number;
}

/**
 * A {@linkcode Queue} in which the smallest item is next, and of equal ones the one that came
 * first. Without a `compare` of your own the order is Python's: arrays are compared element by
 * element, so `[priority, job]` is the simplest item; where two priorities are equal the jobs are
 * compared, and must be of a kind that can be.
 *
 * All comparing is done when an item is put: what cannot be compared with an item that is there is
 * refused with a `TypeError`, and the queue stays as it was. A get cannot fail for that reason.
 * Producers who wait for room get it in the order in which they came.
 *
 * @typeParam T What is put.
 *
 * @example
 * ```ts
 * import { PriorityQueue } from "@grove/grove";
 *
 * const letters = new PriorityQueue<[priority: number, text: string]>();
 * letters.putNowait([2, "some day"]);
 * letters.putNowait([1, "at once"]);
 * console.log(letters.getNowait()); // [1, "at once"]
 *
 * const byDate = new PriorityQueue<{ due: Date }>(0, {
 *   compare: (a, b) => Number(a.due) - Number(b.due),
 * });
 * byDate.putNowait({ due: new Date() });
 * ```
 */
export class PriorityQueue<T> extends Queue<T> {
  /**
   * Makes an empty queue.
   *
   * @param maxsize How many items have room in it: a whole number, or `Infinity`. Default: 0, which
   * stands for no bound.
   * @param options `compare` and `name`.
   * @throws {TypeError | RangeError} When an argument makes no sense.
   */
  constructor(maxsize = 0, options: PriorityQueueOptions<T> = {}) {
    super(maxsize, options);
    const { compare } = options;
    if (compare === undefined) {
      useStore(this, new Ordered<T>(compareItems));
    } else {
      checkFunction(compare, "make a priority queue", "'compare'");
      useStore(this, new Sorted<T>(compare));
    }
  }
}

/** A sorted list, as a queue sees it. */
class Sorted<T> extends SortedList<T> implements Store<T> {
  push(item: T): void {
    this.insert(item);
  }
}

/** The same with the order that needs no `compare`. */
class Ordered<T> extends Sorted<T> {
  check(item: T): void {
    checkComparable(item);
  }
}
