/**
 * How jobs are handed to a pool: the same calls for all pools.
 *
 * @module
 */

import {
  checkFunction,
  checkOptions,
  checkSignal,
  checkTime,
  show,
} from "../primitives/kernel/check.ts";
import { map, type MapOptions } from "../primitives/map.ts";
import { checkNamed } from "../primitives/named.ts";
import type { Crew } from "./crew.ts";
import type {
  Executor,
  JobFunction,
  JobOptions,
  PoolShutdownOptions,
  PoolStats,
} from "./executor.ts";
import type { Future } from "./future.ts";
import type { AnyFunction } from "./job.ts";

const NO_OPTIONS: JobOptions = {};

/**
 * What the pools have in common: the ways to hand jobs to them. See `TaskPool` and `WorkerPool`.
 *
 * @example
 * ```ts
 * import { Pool, TaskPool } from "@grove/grove";
 *
 * await using pool = new TaskPool(1);
 * console.log(pool instanceof Pool); // true
 * ```
 */
export abstract class Pool implements Executor {
  /** @ignore */
  protected abstract readonly crew: Crew;

  /** @ignore */
  protected readonly options: JobOptions = NO_OPTIONS;

  /** What errors and `inspect()` call it. */
  get name(): string {
    return this.crew.name;
  }

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
  submit<A extends readonly unknown[], R>(fn: JobFunction<A, R>, ...args: A): Future<R> {
    this.#checkFunction(fn);
    return this.crew.handIn(this.options, fn as AnyFunction, args, false).future as Future<
      R
    >;
  }

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
  run<A extends readonly unknown[], R>(fn: JobFunction<A, R>, ...args: A): Promise<R> {
    this.#checkFunction(fn);
    return this.crew.run(this.options, fn as AnyFunction, args) as Promise<R>;
  }

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
    options: MapOptions = {},
  ): AsyncIterable<R> {
    checkFunction(fn, `map in "${this.name}"`, "the first argument");
    checkOptions(options, `map in "${this.name}"`);
    const { concurrency = this.crew.appetite, ordered } = options;
    return map(items, (item) => this.run(fn, item), { concurrency, ordered });
  }

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
  ): AsyncIterable<T> {
    checkFunction(fn, `stream in "${this.name}"`, "the first argument");
    return this.crew.stream<T>(this.options, fn as AnyFunction, args);
  }

  /**
   * The same pool, for jobs with options: to shut it down is to shut the pool down.
   *
   * @param options What each job handed over by it is told.
   * @throws {TypeError | RangeError} When one makes no sense.
   */
  with(options: JobOptions): Executor {
    checkJobOptions(options, this.name);
    return new Configured(this.crew, { ...this.options, ...options });
  }

  /** How it is doing: a frozen snapshot. */
  stats(): PoolStats {
    return Object.freeze(this.crew.counts());
  }

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
  shutdown(options: PoolShutdownOptions = {}): Promise<void> {
    checkOptions(options, `shut "${this.name}" down`);
    return this.crew.shutdown(options);
  }

  #checkFunction(fn: unknown): void {
    checkFunction(fn, `hand a job to "${this.name}"`, "the first argument");
  }

  /** Shuts it down, and waits for its jobs. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }
}

/** A pool, as those see it whose jobs are told something. */
class Configured extends Pool {
  protected readonly crew: Crew;
  protected override readonly options: JobOptions;

  constructor(crew: Crew, options: JobOptions) {
    super();
    this.crew = crew;
    this.options = options;
  }
}

function checkJobOptions(options: JobOptions, pool: string): void {
  const action = `hand jobs to "${pool}"`;
  checkOptions(options, action);
  const { priority, timeout, signal } = options;
  checkNamed(options, action);
  if (priority !== undefined && (typeof priority !== "number" || Number.isNaN(priority))) {
    throw new TypeError(
      `Cannot ${action} as 'priority' must be a number: received ${show(priority)}`,
    );
  }
  if (timeout !== undefined) checkTime(timeout, action, "'timeout'");
  if (signal !== undefined) checkSignal(signal, action);
}
