/**
 * An async iterator that a group of tasks feeds: what `map` and `merge` return. The group is opened by the first `next()`, in
 * the scope of the caller; it is cancelled and awaited when the loop is left early, and its failure is thrown in the loop.
 *
 * Written by hand and not as an async generator, which is twice as slow an item. An item that is there is handed over without
 * a wait; only who finds nothing is suspended.
 *
 * @module
 */

import { currentScope } from "./kernel/context.ts";
import { WaitQueue } from "./kernel/queue.ts";
import { entry, suspend, Waiter } from "./kernel/wait.ts";
import { conduct, openGroup, TaskGroup } from "./task_group.ts";

/** What the tasks of a group hand their results to. */
export interface Outlet<T> {
  /** Hands over a result, which is kept until somebody takes it. */
  put(item: T): void;
  /** How many results were put and not taken. */
  readonly size: number;
  /** Waits until somebody has taken a result. */
  taken(): Promise<void>;
}

/** See above. */
export class GroupIterator<T> implements AsyncIterableIterator<T>, Outlet<T> {
  readonly #name: string;
  readonly #feed: (group: TaskGroup, outlet: Outlet<T>) => void;
  readonly #takers: WaitQueue<IteratorResult<T>>;
  readonly #givers: WaitQueue<void>;
  // Items between #head and the end are waiting; the rest is cut off now and then.
  #items: T[] = [];
  #head = 0;
  #group: TaskGroup | undefined;
  #ended: Promise<void> | undefined;
  #state: "new" | "open" | "ended" = "new";
  #failure: { error: unknown } | undefined;

  constructor(name: string, feed: (group: TaskGroup, outlet: Outlet<T>) => void) {
    this.#name = name;
    this.#feed = feed;
    this.#takers = new WaitQueue({ kind: "result of", name });
    this.#givers = new WaitQueue({ kind: "demand for", name });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<T>> {
    const scope = currentScope();
    const barred = entry(scope);
    if (barred !== undefined) return barred;
    if (this.#state === "new") this.#open();
    if (this.#head < this.#items.length) {
      return Promise.resolve({ done: false, value: this.#take() });
    }
    if (this.#state === "ended") return this.#end();
    const waiter = new Waiter<IteratorResult<T>>();
    this.#takers.add(waiter);
    return suspend(scope, waiter, undefined);
  }

  async return(): Promise<IteratorResult<T>> {
    this.#items = [];
    this.#head = 0;
    if (this.#state === "new") this.#state = "ended";
    this.#group?.cancel("the loop over its results was left");
    await this.#ended;
    return this.#end();
  }

  get size(): number {
    return this.#items.length - this.#head;
  }

  put(item: T): void {
    if (!this.#takers.wakeFirst({ done: false, value: item })) this.#items.push(item);
  }

  taken(): Promise<void> {
    const scope = currentScope();
    const barred = entry(scope);
    if (barred !== undefined) return barred;
    const waiter = new Waiter<void>();
    this.#givers.add(waiter);
    return suspend(scope, waiter, undefined);
  }

  #open(): void {
    this.#state = "open";
    const group = this.#group = new TaskGroup({ name: this.#name });
    openGroup(group, {});
    this.#ended = conduct(group, () => this.#feed(group, this)).then(
      () => {
        this.#state = "ended";
        this.#takers.wakeAll({ done: true, value: undefined });
      },
      (error) => {
        this.#state = "ended";
        if (this.#takers.size > 0) this.#takers.failAll(error);
        else this.#failure = { error };
      },
    );
  }

  #take(): T {
    const item = this.#items[this.#head];
    this.#items[this.#head++] = undefined!;
    if (this.#head === this.#items.length) {
      this.#items.length = this.#head = 0;
    } else if (this.#head === 1024) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    this.#givers.wakeFirst();
    return item;
  }

  // deno-lint-ignore require-await
  async #end(): Promise<IteratorResult<T>> {
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure.error;
    return { done: true, value: undefined };
  }
}
