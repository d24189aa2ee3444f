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

/** The calls of `next()` of one loop that wait: a list, of which this is the youngest. */
interface Asked<T> {
  last: NextWaiter<T> | null;
}

/** A suspended `next()`: it resolves to an item in an iterator's wrapping. */
class NextWaiter<T> extends Waiter<T> {
  readonly #end: EndError;
  readonly #asked: Asked<T>;
  #before: NextWaiter<T> | null = null;
  #after: NextWaiter<T> | null = null;

  constructor(end: EndError, asked: Asked<T>) {
    super();
    this.#end = end;
    this.#asked = asked;
  }

  /** It is in its queue, and will wait. */
  join(): void {
    this.#before = this.#asked.last;
    if (this.#before !== null) this.#before.#after = this;
    this.#asked.last = this;
  }

  override wake(value: T): void {
    this.left();
    super.wake(result(value) as T);
  }

  override fail(error: unknown): void {
    if (error instanceof this.#end) this.finish();
    else super.fail(error);
  }

  /** Resolves it as the end of the loop. */
  finish(): void {
    this.left();
    super.wake(ended() as T);
  }

  // At once, in whatever order they end: one that stayed would keep those before it in memory.
  protected override left(): void {
    if (this.#before !== null) this.#before.#after = this.#after;
    if (this.#after !== null) this.#after.#before = this.#before;
    else this.#asked.last = this.#before;
  }
}

/** See above. */
export class Arrivals<T> implements AsyncIterableIterator<T> {
  readonly #source: Waitable<T>;
  readonly #end: EndError;
  readonly #asked: Asked<T> = { last: null };
  #left = false;

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
    const waiter = new NextWaiter<T>(this.#end, this.#asked);
    this.#source[enqueue](waiter);
    waiter.join();
    return suspend(scope, waiter, undefined) as Promise<unknown> as Promise<IteratorResult<T>>;
  }

  return(): Promise<IteratorResult<T>> {
    this.#left = true;
    // Nobody is to wait in vain, and take an item that is for others.
    while (this.#asked.last !== null) this.#asked.last.finish();
    return Promise.resolve(ended());
  }
}

function result<T>(value: T): IteratorYieldResult<T> {
  return { done: false, value };
}

function ended(): IteratorReturnResult<undefined> {
  return { done: true, value: undefined };
}

keepShape(new NextWaiter(Error, { last: null }));
