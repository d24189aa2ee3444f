/**
 * Futures: what a pool gives for a job that it was handed. A future can be waited for by any number
 * of tasks, or by none: the job belongs to the pool, and goes on.
 *
 * @module
 */

import { Channel } from "../primitives/channel.ts";
import { checkFunction } from "../primitives/kernel/check.ts";
import { currentScope } from "../primitives/kernel/context.ts";
import { Cancelled, type CancelSource } from "../primitives/kernel/errors.ts";
import { mayFloat } from "../primitives/kernel/floating.ts";
import { type Account, inspected } from "../primitives/kernel/inspected.ts";
import { Parked, WaitQueue, type WaitTarget } from "../primitives/kernel/queue.ts";
import { pendingIn } from "../primitives/kernel/scope.ts";
import type { TaskState } from "../primitives/kernel/task.ts";
import {
  enqueue,
  notReady,
  poll,
  type Waitable,
  waitFor,
  type WaitOptions,
} from "../primitives/kernel/wait.ts";

/** The job that a future tells of. */
export interface Told {
  /** Whether it has started. Asked only while it may not have. */
  readonly hasStarted: boolean;
  /** The worker that runs it, once there is one. */
  readonly place?: string | undefined;
  /** Ends it as soon as can be. */
  cancel(reason: unknown): void;
  /** Somebody has taken notice of how it has ended. */
  noticed(): void;
  /** A call-back has thrown. */
  callbackFailed(error: unknown): void;
}

/** How a job can end. */
export type JobEnd = "succeeded" | "failed" | "cancelled";

/** Ends a future: tells those who wait, and whether there were any. */
export let settleFuture: (future: Future<unknown>, state: JobEnd, outcome: unknown) => boolean;

/** Hands on what a job has reported. */
export let reportProgress: (future: Future<unknown>, value: unknown) => void;

// Who looks at it seldom sees the latest so many.
const PROGRESS = 1024;

/**
 * The outcome of a job to come.
 *
 * @typeParam T What the job resolves to.
 *
 * @example
 * ```ts
 * import { TaskPool } from "@grove/grove";
 *
 * await using pool = new TaskPool(4);
 * const future = pool.submit((a: number, b: number) => a + b, 1, 2);
 * future.onDone((future) => console.log(future.state)); // succeeded
 * console.log(await future); // 3
 * ```
 */
export class Future<T> implements PromiseLike<T>, Waitable<T>, WaitTarget {
  /** What it is shown as: the name of the job. */
  readonly name: string;
  readonly #job: Told;
  #end: JobEnd | undefined;
  #outcome: unknown = undefined;
  #observers: WaitQueue<T> | null = null;
  #progress: Channel<unknown> | null = null;

  /**
   * Futures are made by pools.
   *
   * @param name What to call it.
   * @param job The job.
   */
  constructor(name: string, job: Told) {
    this.name = name;
    this.#job = job;
  }

  /** What a wait for it is shown as. */
  get kind(): "job" {
    return "job";
  }

  /** @ignore */
  [inspected](): Account {
    const { state } = this;
    const { place } = this.#job;
    return state === "running" && place !== undefined
      ? { state, details: { worker: place } }
      : { state };
  }

  /** How far the job has come. */
  get state(): TaskState {
    return this.#end ?? (this.#job.hasStarted ? "running" : "queued");
  }

  /** Whether the job has not ended: queued or running. */
  get isAlive(): boolean {
    return this.#end === undefined;
  }

  /** Whether the job has ended, in whatever way. */
  get done(): boolean {
    return this.#end !== undefined;
  }

  /** Whether the job runs. */
  get running(): boolean {
    return this.state === "running";
  }

  /** Whether the job was cancelled. */
  get cancelled(): boolean {
    return this.#end === "cancelled";
  }

  /**
   * What the job reports on its way, by `progress(value)`: the values from the first time this is
   * asked for, until the job ends. Of more than 1024 that nobody has taken the oldest are dropped.
   */
  get progress(): AsyncIterable<unknown> {
    if (this.#progress === null) {
      this.#progress = new Channel(PROGRESS, { overflow: "drop-oldest", name: this.name });
      if (this.done) this.#progress.close();
    }
    return this.#progress;
  }

  /**
   * Waits for the outcome.
   *
   * @param options `signal` and `timeout` in milliseconds, which end the wait; the job goes on.
   * @returns Resolves to what the job returned.
   * @throws What the job threw; a `Cancelled` when it was cancelled.
   * @throws {TimeoutError} When the time is up.
   * @throws {Cancelled} When the scope that waits is cancelled.
   */
  result(options?: WaitOptions): Promise<T> {
    return mayFloat(waitFor(this, options));
  }

  /**
   * Waits for the end, and gives the error.
   *
   * @param options `signal` and `timeout` in milliseconds, which end the wait; the job goes on.
   * @returns Resolves to what the job threw; to `undefined` when it succeeded.
   * @throws {TimeoutError} When the time is up.
   * @throws {Cancelled} When the scope that waits is cancelled.
   */
  error(options?: WaitOptions): Promise<unknown> {
    const scope = currentScope(); // Now: without an AsyncLocalStorage nobody knows it later.
    return mayFloat(
      waitFor(this, options).then(() => undefined, (error) => {
        // A cancellation of the one who waits is thrown, even where it ended the job too.
        const pending = pendingIn(scope);
        const isOurs = pending !== null && error === pending;
        if (this.isAlive || error !== this.#outcome || isOurs) throw error;
        return error;
      }),
    );
  }

  /**
   * Cancels the job: one that is queued does not run, one that runs is asked to end.
   *
   * @param reason Why; becomes the `reason` of the `Cancelled`.
   * @returns Whether it had not ended.
   */
  cancel(reason?: unknown): boolean {
    if (this.done) return false;
    this.#job.cancel(reason);
    return true;
  }

  /**
   * Calls `fn` with the future when the job has ended; at once when it has ended already.
   * Call-backs run in the order in which they were given.
   *
   * @param fn What to call. What it throws stops nobody, and is thrown by the pool's `shutdown()`.
   */
  onDone(fn: (future: Future<T>) => void): void {
    checkFunction(fn, `add a call-back to job "${this.name}"`, "it");
    const callback = new Callback(this, fn, this.#job);
    if (this.isAlive) this.#queue().add(callback);
    else {
      this.#job.noticed();
      callback.wake();
    }
  }

  /**
   * Waits for the outcome: what `await future` calls. A checkpoint.
   *
   * @param onfulfilled Called with what the job returned.
   * @param onrejected Called with what it threw; with a `Cancelled` when the job, or the task that
   * waits, was cancelled.
   * @returns A promise of what the call-back returns.
   */
  then<A = T, B = never>(
    onfulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onrejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    const ended = waitFor(this).then(onfulfilled, onrejected);
    return onrejected ? ended : mayFloat(ended);
  }

  /** @ignore */
  [poll](): T | typeof notReady {
    if (this.isAlive) return notReady;
    this.#job.noticed();
    if (this.#end === "succeeded") return this.#outcome as T;
    throw this.#outcome;
  }

  /** @ignore */
  [enqueue](node: Parked<T>): void {
    this.#queue().add(node);
  }

  #queue(): WaitQueue<T> {
    return this.#observers ??= new WaitQueue<T>(this);
  }

  // What follows is for the pools alone.

  static {
    settleFuture = (future, state, outcome) => {
      future.#end = state;
      future.#outcome = outcome;
      future.#progress?.close();
      const observers = future.#observers;
      if (observers === null || observers.size === 0) return false;
      future.#observers = null;
      if (state === "succeeded") observers.wakeAll(outcome);
      else observers.failAll(outcome);
      return true;
    };

    reportProgress = (future, value) => {
      if (future.isAlive) future.#progress?.trySend(value);
    };
  }
}

/** An `onDone` call-back, in line with those who await the future. */
class Callback<T> extends Parked<T> {
  readonly #future: Future<T>;
  readonly #fn: (future: Future<T>) => void;
  readonly #job: Told;

  constructor(future: Future<T>, fn: (future: Future<T>) => void, job: Told) {
    super();
    this.#future = future;
    this.#fn = fn;
    this.#job = job;
  }

  override wake(): void {
    try {
      this.#fn(this.#future);
    } catch (error) {
      this.#job.callbackFailed(error);
    }
  }

  override fail(): void {
    this.wake();
  }
}

/** The cancellation of a job that was cancelled by itself, and not with a scope. */
export function cancelledJob(name: string, reason: unknown): Cancelled {
  const source: { name: string; cancelled: Cancelled | undefined } = { name, cancelled: undefined };
  return source.cancelled = new Cancelled(source satisfies CancelSource, reason);
}
