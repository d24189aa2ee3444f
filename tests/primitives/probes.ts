/**
 * What the tests of the combinators look through: sources that count how they are used, how many watch a task, and whether
 * two types are the same.
 *
 * @module
 */

import type { Task } from "../../mod.ts";
import { Parked } from "../../primitives/kernel/queue.ts";
import { enqueue } from "../../primitives/kernel/wait.ts";

/** How a source was used. */
export class Usage {
  /** How often an iterator was asked for. */
  opened = 0;
  /** How many items were taken. */
  taken = 0;
  /** How often the iterator was told that no more are wanted. */
  closed = 0;
  /** Whether it has said that there are no more, or has thrown: it is over then. */
  ended = false;

  /** Whether it was left as the protocol has it: closed once, unless it was never opened or has ended by itself. */
  get leftProperly(): boolean {
    return this.opened === 0
      ? this.closed === 0
      : this.ended
      ? this.closed <= 1
      : this.closed === 1;
  }
}

/** The numbers from 0 up to, but not including, `end`. */
export class Numbers extends Usage implements Iterable<number> {
  readonly #end: number;

  constructor(end: number = Infinity) {
    super();
    this.#end = end;
  }

  [Symbol.iterator](): Iterator<number> {
    this.opened++;
    return {
      next: () => {
        if (this.taken < this.#end) return { done: false, value: this.taken++ };
        this.ended = true;
        return { done: true, value: undefined };
      },
      return: () => {
        this.closed++;
        return { done: true, value: undefined };
      },
    };
  }
}

/** The same, each after a wait; it counts how many `next()` were unanswered at once. */
export class NumberStream extends Usage implements AsyncIterable<number> {
  /** How many calls of `next()` wait for their answers. */
  asked = 0;
  /** The most there have been. */
  mostAsked = 0;
  readonly #end: number;
  readonly #before: (n: number) => unknown;

  constructor(end: number = Infinity, before: (n: number) => unknown = () => {}) {
    super();
    this.#end = end;
    this.#before = before;
  }

  [Symbol.asyncIterator](): AsyncIterator<number> {
    this.opened++;
    return {
      next: async () => {
        this.mostAsked = Math.max(this.mostAsked, ++this.asked);
        try {
          await this.#before(this.taken);
        } catch (error) {
          this.ended = true;
          throw error;
        } finally {
          this.asked--;
        }
        if (this.taken < this.#end) return { done: false, value: this.taken++ };
        this.ended = true;
        return { done: true, value: undefined };
      },
      return: async () => {
        this.closed++;
        return { done: true, value: undefined };
      },
    };
  }
}

/** Everything an iterable gives. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

/** A promise that the test itself keeps or breaks: foreign to Grove, so no cancellation ends the wait for it. */
export function foreign<T = void>(): PromiseWithResolvers<T> {
  return Promise.withResolvers<T>();
}

/**
 * A call with arguments that its types would not allow. Where it does not throw, as it ought to, the promise it returns ends
 * here: the test is to fail by its assertion, and not by a rejection that nobody handles.
 */
export function calling(fn: unknown, ...args: unknown[]): () => void {
  return () => {
    const returned = (fn as (...args: unknown[]) => unknown)(...args);
    if (returned instanceof Promise) returned.catch(() => {});
  };
}

/** A list of three with nothing in the middle. */
export function withHole<T>(element: T): T[] {
  const list = [element, element, element];
  delete list[1];
  return list;
}

class Peephole extends Parked<unknown> {
  override wake(): void {}
}

/** How many wait for a task, call-backs included. */
export function observers(task: Task<unknown>): number {
  if (!task.isAlive) return 0;
  const peephole = new Peephole();
  task[enqueue](peephole);
  const queue = peephole.queue!;
  queue.remove(peephole);
  return queue.size;
}

/** Whether two types are the same, and not only assignable. */
export type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2)
  ? true
  : false;

/** Compiles only when its type argument is `true`. */
export function assertType<_ extends true>(): void {}
