/**
 * What all pools have in common for those who use them: one function, run on the event loop or on
 * a worker thread, is called in the same way.
 *
 * @module
 */

import type { MapOptions } from "../primitives/map.ts";
import type { TreeNode } from "../primitives/inspect.ts";
import type { Future } from "./future.ts";
import type { JobOrder } from "./job_queue.ts";

/** What a job can be told. */
export interface JobOptions {
  /** What errors, `inspect()` and the future call it. Default: the function's name. */
  name?: string;
  /** In a pool of order "priority": the lower, the earlier. Default: 0. */
  priority?: number;
  /**
   * How long it may run, in milliseconds: after that it is cancelled, and fails with a
   * `TimeoutError`. Time in the queue does not count. On a worker, synchronous code is interrupted
   * too, up to the first `await` of a function, and at each item of a generator. Default: `Infinity`.
   */
  timeout?: number;
  /** Cancels the job when it aborts; `run` then throws the signal's reason. */
  signal?: AbortSignal;
}

/** What every pool can be told. */
export interface PoolOptions {
  /** What errors and `inspect()` call it. Default: "pool". */
  name?: string;
  /** Which of the jobs that wait is next. Default: "fifo". */
  order?: JobOrder;
  /**
   * How many jobs may wait: beyond that `submit` throws an `OverloadedError`; `run`, `map` and
   * `stream` wait, as they have somebody who does. Default: `Infinity`.
   */
  maxQueue?: number;
}

/** What `shutdown()` can be told. */
export interface PoolShutdownOptions {
  /** Waits until all jobs have ended. Default: `true`. */
  wait?: boolean;
  /** Cancels the jobs that have not started. Default: `false`. */
  cancelPending?: boolean;
}

/** How a pool is doing. */
export interface PoolStats {
  /** How many jobs have not started. */
  readonly queued: number;
  /** How many jobs run. */
  readonly running: number;
  /** How many jobs have succeeded. */
  readonly succeeded: number;
  /** How many jobs have failed. */
  readonly failed: number;
  /** How many jobs were cancelled. */
  readonly cancelled: number;
  /** Whether it was shut down. */
  readonly isShutDown: boolean;
}

/** How a `ProcessPool` is doing. */
export interface ProcessPoolStats extends PoolStats {
  /** How many workers there are. */
  readonly workers: number;
  /** How many of them have nothing to do. */
  readonly idle: number;
  /** How many have died by themselves so far, or were given up. */
  readonly crashed: number;
}

/** How a `WorkerPool` is doing. */
export interface WorkerPoolStats extends ProcessPoolStats {
  /** How many were given up, and run on. */
  readonly abandoned: number;
}

/** The tasks of one worker. */
export interface WorkerTree {
  /** What the worker is called. */
  readonly worker: string;
  /** Its tree of tasks; `undefined` for one that runs synchronous code, and cannot answer. */
  readonly tree: TreeNode | undefined;
}

/** A function that can be handed to a pool, `async` or not. */
export type JobFunction<A extends readonly unknown[], R> = (...args: A) => R | PromiseLike<R>;

/**
 * Something that runs functions.
 *
 * @example The same call, wherever it runs
 * ```ts
 * import { type Executor, TaskPool } from "@grove/grove";
 *
 * async function total(executor: Executor, numbers: number[]): Promise<number> {
 *   let sum = 0;
 *   for await (const square of executor.map((n: number) => n * n, numbers)) sum += square;
 *   return sum;
 * }
 *
 * await using pool = new TaskPool(2);
 * console.log(await total(pool, [1, 2, 3])); // 14
 * ```
 */
export interface Executor extends AsyncDisposable {
  /**
   * Hands a job to the pool, to which it belongs from then on.
   *
   * @param fn What to call.
   * @param args What to call it with.
   * @returns The outcome to come.
   * @throws {NotPortableError} When the function or an argument cannot get to where it is to run.
   * @throws {OverloadedError} When the pool has no room for it.
   * @throws {ClosedError} When the pool was shut down.
   */
  submit<A extends readonly unknown[], R>(fn: JobFunction<A, R>, ...args: A): Future<R>;

  /**
   * Runs a job for the calling task: a cancellation of the task cancels the job, and is thrown when
   * the job has ended.
   *
   * @param fn What to call.
   * @param args What to call it with.
   * @returns Resolves to what the function resolves to.
   * @throws What the function throws.
   * @throws {Cancelled} When the calling task is cancelled.
   * @throws {NotPortableError} When the function or an argument cannot get to where it is to run.
   * @throws {ClosedError} When the pool was shut down.
   */
  run<A extends readonly unknown[], R>(fn: JobFunction<A, R>, ...args: A): Promise<R>;

  /**
   * Runs a job for each of many items. Leaving the loop early cancels those that run.
   *
   * @param fn What to call with each item.
   * @param items The items; they are asked for as there is room.
   * @param options `concurrency`, how many are handed to the pool at a time, by default enough to
   * keep it busy; `ordered`, by default `true`.
   * @returns The results.
   * @throws In the loop, what the function throws.
   */
  map<T, R>(
    fn: JobFunction<[item: T], R>,
    items: Iterable<T> | AsyncIterable<T>,
    options?: Partial<MapOptions>,
  ): AsyncIterable<R>;

  /**
   * Runs a generator as a job, and gives what it yields. It goes on only so far ahead as somebody
   * takes what it yields; leaving the loop early ends it.
   *
   * @param fn The generator, `async` or not.
   * @param args What to call it with.
   * @returns What it yields.
   * @throws In the loop, what the generator throws.
   */
  stream<A extends readonly unknown[], T>(
    fn: (...args: A) => AsyncIterable<T> | Iterable<T>,
    ...args: A
  ): AsyncIterable<T>;

  /**
   * The same pool, for jobs with options: to shut it down is to shut the pool down.
   *
   * @param options What each job handed over by it is told.
   */
  with(options: JobOptions): Executor;

  /** How it is doing: a frozen snapshot. */
  stats(): PoolStats;

  /**
   * Takes no more jobs, and ends when those that it has have ended. Leaving the block of an
   * `await using` does the same.
   *
   * @param options `wait`, `cancelPending`.
   * @returns Resolves to nothing, when all jobs have ended; at once without `wait`.
   * @throws What jobs threw that were handed in by `submit`, where nobody has looked at their
   * futures, and what call-backs of futures threw: the first one, the others as its
   * `suppressedErrors`. Not without `wait`.
   */
  shutdown(options?: PoolShutdownOptions): Promise<void>;
}
