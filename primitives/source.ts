/**
 * Items from an iterable or an async iterable, for several tasks that take them one at a time.
 * `next()` of an async iterator must not be called again before it has answered, so those who ask
 * meanwhile wait in line.
 *
 * @module
 */

import { cancellable } from "./cancellable.ts";
import { show } from "./kernel/check.ts";
import { currentScope } from "./kernel/context.ts";
import { drained, hasChildren, pendingIn } from "./kernel/scope.ts";
import { keepShape } from "./kernel/shapes.ts";
import { nextTurn } from "./kernel/turn.ts";

/** Where items come from. */
export interface Source<T> {
  /** Whether `next()` answers at once, and not with a promise. */
  readonly synchronous: boolean;
  /**
   * The next item; a promise of it where the source is asynchronous. Who has to wait in line for it
   * is asked again, when its turn has come, whether it is still wanted.
   */
  next(isWanted?: () => boolean): IteratorResult<T> | Promise<IteratorResult<T>>;
  /** To be awaited by a task that was cancelled while it waited for an item. */
  abandon(): Promise<void>;
  /** Tells the source that no more items are wanted. */
  close(): unknown;
}

/** Opens an iterable, or says what it is instead. */
export function openSource<T>(items: Iterable<T> | AsyncIterable<T>, action: string): Source<T> {
  if (typeof (items as AsyncIterable<T>)?.[Symbol.asyncIterator] === "function") {
    return new AsyncSource(() => (items as AsyncIterable<T>)[Symbol.asyncIterator]());
  }
  if (typeof (items as Iterable<T>)?.[Symbol.iterator] === "function") {
    return new SyncSource(() => (items as Iterable<T>)[Symbol.iterator]());
  }
  throw new TypeError(
    `Cannot ${action} as the items must be an iterable or async iterable: received ${show(items)}`,
  );
}

class SyncSource<T> implements Source<T> {
  readonly synchronous = true;
  readonly #open: () => Iterator<T>;
  #iterator: Iterator<T> | undefined;
  #done = false;

  constructor(open: () => Iterator<T>) {
    this.#open = open;
  }

  next(): IteratorResult<T> {
    if (this.#done) return { done: true, value: undefined };
    // Until it has answered: an iterator that threw is over, and not to be closed.
    this.#done = true;
    const result = (this.#iterator ??= this.#open()).next();
    this.#done = result.done === true;
    return result;
  }

  async abandon(): Promise<void> {}

  close(): void {
    if (this.#done) return;
    this.#done = true;
    this.#iterator?.return?.();
  }
}

class AsyncSource<T> implements Source<T> {
  readonly synchronous = false;
  readonly #open: () => AsyncIterator<T>;
  #iterator: AsyncIterator<T> | undefined;
  #done = false;
  #line: Promise<unknown> = Promise.resolve();
  #answering = false;
  #failure: { error: unknown } | undefined;

  constructor(open: () => AsyncIterator<T>) {
    this.#open = open;
  }

  next(isWanted: () => boolean = always): Promise<IteratorResult<T>> {
    const answer = this.#line.then(() => this.#ask(isWanted));
    this.#line = answer.catch(() => {});
    return answer;
  }

  async #ask(isWanted: () => boolean): Promise<IteratorResult<T>> {
    if (this.#done || !isWanted()) return { done: true, value: undefined };
    const iterator = this.#iterator ??= this.#open();
    this.#answering = true;
    try {
      const result = await iterator.next();
      if (result.done) this.#done = true;
      return result;
    } catch (error) {
      this.#done = true; // An iterator that threw is over, and not to be closed.
      this.#failure = { error };
      throw error;
    } finally {
      this.#answering = false;
    }
  }

  async abandon(): Promise<void> {
    // What the iterator waits for in Grove was cancelled with the task that asked, in whose scope
    // it runs: it answers within a turn of the loop, or when the shield in its clean-up ends.
    const scope = currentScope();
    await new Promise<void>(nextTurn);
    while (this.#answering && hasChildren(scope)) {
      await drained(scope);
      await new Promise<void>(nextTurn);
    }
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async close(): Promise<void> {
    if (this.#done) return;
    this.#done = true;
    const closed = this.#iterator?.return?.();
    // A generator that is stuck in a foreign await answers `return()` only after that. It is told,
    // but not waited for.
    if (this.#answering) Promise.resolve(closed).catch(() => {});
    else await closed;
  }
}

function always(): boolean {
  return true;
}

/** Waits for the next item of a source, and does not leave it alone when the wait is cancelled. */
export async function nextOf<T>(
  source: Source<T>,
  asked: Promise<IteratorResult<T>>,
): Promise<IteratorResult<T>> {
  try {
    return await cancellable(asked);
  } catch (error) {
    if (pendingIn(currentScope()) !== null) await source.abandon();
    throw error;
  }
}

keepShape(new SyncSource(() => [].values()));
