/**
 * A queue that gives back what came last.
 *
 * @module
 */

import { Deque } from "./deque.ts";
import type { NamedOptions } from "./named.ts";
import { Queue, type Store, useStore } from "./queue.ts";

/**
 * A {@linkcode Queue} with the order of a stack: last in, first out.
 *
 * @typeParam T What is put.
 *
 * @example
 * ```ts
 * import { LifoQueue } from "@grove/grove";
 *
 * const plates = new LifoQueue<string>();
 * for (const plate of ["lower", "upper"]) plates.putNowait(plate);
 * console.log(plates.getNowait()); // upper
 * ```
 */
export class LifoQueue<T> extends Queue<T> {
  /**
   * Makes an empty queue.
   *
   * @param maxsize How many items have room in it: a whole number, or `Infinity`. Default: 0, which
   * stands for no bound.
   * @param options `name`.
   * @throws {TypeError | RangeError} When an argument makes no sense.
   */
  constructor(maxsize = 0, options: NamedOptions = {}) {
    super(maxsize, options);
    useStore(this, new Stack<T>());
  }
}

/** A deque that is used at one end. */
class Stack<T> implements Store<T> {
  readonly #deque: Deque<T> = new Deque<T>();

  get size(): number {
    return this.#deque.size;
  }

  push(item: T): void {
    this.#deque.push(item);
  }

  shift(): T {
    return this.#deque.pop();
  }

  clear(): void {
    this.#deque.clear();
  }
}
