/**
 * An async iterator that a group of tasks feeds: what `map` and `merge` return. The group is opened
 * by the first `next()`, in the scope of the caller; it is cancelled and awaited when the loop is
 * left early, and its failure is thrown in the loop.
 *
 * Written by hand and not as an async generator, which would add promises of its own to each item.
 * An item that is there is handed over without a wait; only who finds nothing is suspended.
 *
 * @module
 */

import { currentScope } from "./kernel/context.ts";
import { WaitQueue } from "./kernel/queue.ts";
import { pendingIn } from "./kernel/scope.ts";
import { keepShape } from "./kernel/shapes.ts";
import { entry, suspend, Waiter } from "./kernel/wait.ts";
import { conduct, openGroup, TaskGroup } from "./task_group.ts";

/** What the tasks of a group hand their results to. */
export interface Outlet<T> {
  /** Hands over a result, which is kept until somebody takes it. */
  put(item: T): void;
  /** Hands over a result, and waits until somebody takes it. */
  offer(item: T): Promise<void>;
  /** How many results were put and not taken. */
  readonly size: number;
  /** Whether the loop over the results has ended, so that no more are wanted. */
  readonly closed: boolean;
  /** Whether so many results wait to be taken that the tasks should pause. */
  readonly full: boolean;
  /** Waits until half of the results that wait have been taken. */
  drained(): Promise<void>;
}

/** See above. */
export class GroupIterator<T> implements AsyncIterableIterator<T>, Outlet<T> {
  readonly #name: string;
  readonly #capacity: number;
  readonly #feed: (group: TaskGroup, outlet: Outlet<T>) => void;
  readonly #takers: WaitQueue<IteratorResult<T>>;
  readonly #paused: WaitQueue<void>;
  readonly #givers: WaitQueue<void>;
  #room: Promise<void> | undefined;
  // Items between #head and the end are waiting; the rest is cut off now and then.
  #items: T[] = [];
  #head = 0;
  #group: TaskGroup | undefined;
  #ended: Promise<void> | undefined;
  #state: "new" | "open" | "ended" = "new";
  #left = false;
  #failure: { error: unknown } | undefined;

  /**
   * @param name What the group is called.
   * @param capacity How many results may wait to be taken.
   * @param feed Spawns the tasks that put the results.
   */
  constructor(
    name: string,
    capacity: number,
    feed: (group: TaskGroup, outlet: Outlet<T>) => void,
  ) {
    this.#name = name;
    this.#capacity = capacity;
    this.#feed = feed;
    this.#takers = new WaitQueue({ kind: "result of", name });
    this.#givers = new WaitQueue({ kind: "taker of", name });
    this.#paused = new WaitQueue({ kind: "demand for", name });
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
    const giver = this.#givers.first as Waiter<void> | null;
    if (giver !== null) {
      this.#givers.wakeFirst();
      return Promise.resolve({ done: false, value: giver.item as T });
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
    this.#left = true;
    this.#group?.cancel("the loop over its results was left");
    await this.#ended;
    return this.#end();
  }

  get size(): number {
    return this.#items.length - this.#head;
  }

  get full(): boolean {
    return this.size >= this.#capacity;
  }

  get closed(): boolean {
    return this.#left || pendingIn(this.#group!) !== null;
  }

  put(item: T): void {
    if (this.#left) return;
    if (this.#takers.wakeFirst({ done: false, value: item })) this.#letGo();
    else this.#items.push(item);
  }

  offer(item: T): Promise<void> {
    const scope = currentScope();
    const barred = entry(scope);
    if (barred !== undefined) return barred;
    if (this.#takers.wakeFirst({ done: false, value: item })) return Promise.resolve();
    const waiter = new Waiter<void>(item);
    this.#givers.add(waiter);
    return suspend(scope, waiter, undefined);
  }

  drained(): Promise<void> {
    const group = this.#group!;
    return this.#room ??= entry(group) ?? this.#awaitRoom(group);
  }

  // One wait for all the tasks that have to pause, not one each: they are let go on together.
  #awaitRoom(group: TaskGroup): Promise<void> {
    const waiter = new Waiter<void>();
    this.#paused.add(waiter);
    return suspend(group, waiter, undefined);
  }

  #open(): void {
    this.#state = "open";
    const group = this.#group = new TaskGroup({ name: this.#name });
    openGroup(group, {});
    this.#ended = conduct(group, () => this.#feed(group, this)).then(
      () => {
        // Ended with the scope that the first next() was in, and not because all was done: a loop
        // must not take that for the end.
        if (group.cancelled !== undefined && !this.#left) throw group.cancelled;
        this.#state = "ended";
        this.#takers.wakeAll({ done: true, value: undefined });
      },
    ).catch(
      (error) => {
        this.#state = "ended";
        if (this.#takers.size > 0) this.#takers.failAll(error);
        else this.#failure = { error };
      },
    );
  }

  // At half, and not at the first place that is free: else each task would pause and go on for
  // every single item.
  #letGo(): void {
    if (this.#room === undefined || this.size > this.#capacity / 2) return;
    this.#room = undefined;
    this.#paused.wakeFirst();
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
    this.#letGo();
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

keepShape(new GroupIterator("", 1, () => {}));
