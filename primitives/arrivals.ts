/**
 * The loop over what arrives somewhere: `for await` over a channel, a queue, a subscription.
 * Written by hand and not as an async generator, which would add promises of its own to each item;
 * an item that is there is handed over without a wait.
 *
 * @module
 */

import { atOnce } from "./kernel/budget.ts";
import { currentScope } from "./kernel/context.ts";
import { keepShape } from "./kernel/shapes.ts";
import { enqueue, entry, notReady, poll, suspend, type Waitable, Waiter } from "./kernel/wait.ts";

/** An error that is no failure here, but the end of what arrives. */
type EndError = new (message: string) => Error;

/** A suspended `next()`: it resolves to an item in an iterator's wrapping. */
class NextWaiter<T> extends Waiter<T> {
  readonly #end: EndError;
  /** The one asked for before this, if it waits too. */
  readonly before: NextWaiter<T> | null;

  constructor(end: EndError, before: NextWaiter<T> | null) {
    super();
    this.#end = end;
    this.before = before;
  }

  override wake(value: T): void {
    super.wake(result(value) as T);
  }

  override fail(error: unknown): void {
    if (error instanceof this.#end) this.finish();
    else super.fail(error);
  }

  /** Resolves it as the end of the loop. */
  finish(): void {
    super.wake(ended() as T);
  }
}

/** See above. */
export class Arrivals<T> implements AsyncIterableIterator<T> {
  readonly #source: Waitable<T>;
  readonly #end: EndError;
  #left = false;
  #last: NextWaiter<T> | null = null;

  /**
   * @param source What things arrive at.
   * @param end What it throws when no more arrives.
   */
  constructor(source: Waitable<T>, end: EndError) {
    this.#source = source;
    this.#end = end;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<T>> {
    const scope = currentScope();
    const barred = entry(scope);
    if (barred !== undefined) return barred;
    if (this.#left) return Promise.resolve(ended());
    try {
      const value = this.#source[poll]();
      if (value !== notReady) return atOnce(Promise.resolve(result(value)));
    } catch (error) {
      return error instanceof this.#end ? Promise.resolve(ended()) : Promise.reject(error);
    }
    const before = this.#last !== null && this.#last.scope !== null ? this.#last : null;
    const waiter = this.#last = new NextWaiter<T>(this.#end, before);
    this.#source[enqueue](waiter);
    return suspend(scope, waiter, undefined) as Promise<unknown> as Promise<IteratorResult<T>>;
  }

  return(): Promise<IteratorResult<T>> {
    this.#left = true;
    // Nobody is to wait in vain, and take an item that is for others.
    for (let waiter = this.#last; waiter !== null; waiter = waiter.before) {
      if (waiter.scope !== null) waiter.finish();
    }
    this.#last = null;
    return Promise.resolve(ended());
  }
}

function result<T>(value: T): IteratorYieldResult<T> {
  return { done: false, value };
}

function ended(): IteratorReturnResult<undefined> {
  return { done: true, value: undefined };
}

keepShape(new NextWaiter(Error, null));
