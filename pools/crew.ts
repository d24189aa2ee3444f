/**
 * What does the work of a pool: it takes jobs in, keeps those that have to wait in order, counts how
 * they end, and goes when it is told to. Where the jobs run is the matter of each kind of crew.
 *
 * @module
 */

import { checkCount, show } from "../primitives/kernel/check.ts";
import { currentScope } from "../primitives/kernel/context.ts";
import { ClosedError, suppress } from "../primitives/kernel/errors.ts";
import {
  hasEnded,
  link,
  localsOf,
  onReached,
  parentOf,
  pendingIn,
  unlink,
} from "../primitives/kernel/scope.ts";
import type { Account } from "../primitives/kernel/inspected.ts";
import { DeadlockError } from "../primitives/kernel/deadlock.ts";
import { currentTask, type Task } from "../primitives/kernel/task.ts";
import { entry } from "../primitives/kernel/wait.ts";
import { checkNamed } from "../primitives/named.ts";
import { OverloadedError } from "./errors.ts";
import type { JobOptions, PoolOptions, PoolShutdownOptions, PoolStats } from "./executor.ts";
import { cancelledJob, type JobEnd } from "./future.ts";
import type { AnyFunction, Job, JobPool } from "./job.ts";
import { type JobHost, JobScope, type JobTask } from "./job_task.ts";
import { type JobQueue, jobQueue } from "./job_queue.ts";

// Failures that nobody has looked at are kept for `shutdown()`, but not for ever more of them.
const MOST_FAILURES = 100;

/**
 * Takes what a stream yields, as it comes, and calls `grant` when there is room for as many again.
 */
export type Sink = (items: readonly unknown[], grant: () => void) => void;

/** See above. It is part of the tree, in the scope that it was made in. */
export abstract class Crew<J extends Job = Job> implements JobPool, JobHost {
  /** What errors and `inspect()` call it. */
  readonly name: string;
  /** The jobs that wait for a place. */
  protected readonly queue: JobQueue<J>;
  /** The scope that the pool stands for in the tree. */
  protected readonly scope: JobScope;
  readonly #maxQueue: number;
  readonly #ended: Record<JobEnd, number> = { succeeded: 0, failed: 0, cancelled: 0 };
  readonly #unnoticed: Set<Job> = new Set();
  readonly #thrown: unknown[] = [];
  #alive = 0;
  #isShutDown = false;
  #closing: Promise<void> | undefined;
  #allEnded: (() => void) | undefined;

  constructor(options: PoolOptions) {
    const { order = "fifo", maxQueue = Infinity } = options;
    this.name = checkNamed(options, "make a pool") || "pool";
    if (order !== "fifo" && order !== "lifo" && order !== "priority") {
      throw new TypeError(
        `Cannot make "${this.name}" as 'order' must be "fifo", "lifo" or "priority": received ${
          show(order)
        }`,
      );
    }
    checkCount(maxQueue, `make "${this.name}"`, "'maxQueue'", 0);
    this.#maxQueue = maxQueue;
    this.queue = jobQueue<J>(order, { kind: "place in", name: this.name });
    this.scope = new JobScope(this);
    link(this.scope, currentScope(), localsOf(currentScope()));
    onReached(this.scope, () => this.#scopeCancelled());
  }

  /** How many jobs it can run at a time. */
  protected abstract get places(): number;

  /** How many jobs `map` keeps it supplied with. */
  abstract get appetite(): number;

  /** Makes a job of a function, or says why it cannot be one. */
  protected abstract prepare(
    fn: AnyFunction,
    args: readonly unknown[],
    options: JobOptions,
    sink?: Sink,
  ): J;

  /** Takes a job in: starts it, or puts it into the queue. */
  protected abstract admit(job: J): void;

  /** Ends a job that is not in the queue any more. */
  protected abstract cancelPlaced(job: J, reason: unknown): void;

  /** Cancels the jobs that have left the queue; `true` for those alone that have not started. */
  protected abstract cancelAllPlaced(reason: unknown, onlyUnstarted: boolean): void;

  /** No job is left, and none will come. */
  protected abstract close(): void | Promise<void>;

  /** Runs a generator for the calling task. */
  abstract stream<T>(
    options: JobOptions,
    fn: AnyFunction,
    args: readonly unknown[],
  ): AsyncIterable<T>;

  /** Takes a job in. One that somebody waits for need not find room. */
  handIn(
    options: JobOptions,
    fn: AnyFunction,
    args: readonly unknown[],
    isAwaited: boolean,
    sink?: Sink,
  ): J {
    options.signal?.throwIfAborted();
    if (this.#isShutDown) {
      throw new ClosedError(
        `Cannot hand a job to "${this.name}" as it was shut down. Make another pool, or shut this one down later`,
      );
    }
    if (!isAwaited && this.#alive >= this.places + this.#maxQueue) {
      throw new OverloadedError(
        `Cannot hand a job to "${this.name}" as ${this.#maxQueue} wait already, its 'maxQueue'. Wait for some of them, or use run(), which waits`,
      );
    }
    const job = this.prepare(fn, args, options, sink);
    this.#alive++;
    this.admit(job);
    return job;
  }

  /** Runs a job for the calling task. */
  run(
    options: JobOptions,
    fn: AnyFunction,
    args: readonly unknown[],
    sink?: Sink,
  ): Promise<unknown> {
    const scope = currentScope();
    const barred = entry(scope);
    if (barred !== undefined) return barred;
    try {
      return this.handIn(options, fn, args, true, sink).wait(scope);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  abstract jobEnded(task: JobTask, outcome: unknown): void;

  /** Whether it was shut down. */
  protected get isShutDown(): boolean {
    return this.#isShutDown;
  }

  /** How many jobs have been handed in and have not ended. */
  protected get alive(): number {
    return this.#alive;
  }

  /** The numbers for `stats()`. */
  counts(): PoolStats {
    const running = this.running;
    return {
      queued: this.#alive - running,
      running,
      ...this.#ended,
      isShutDown: this.#isShutDown,
    };
  }

  /** How many jobs run. */
  protected abstract get running(): number;

  account(): Account {
    return { kind: "pool", details: { ...this.counts() } };
  }

  /** Takes no more jobs; see `Executor`. */
  async shutdown({ wait = true, cancelPending = false }: PoolShutdownOptions): Promise<void> {
    if (wait && this.#isAround(currentTask())) {
      throw new DeadlockError(
        `Cannot shut "${this.name}" down and wait for its jobs in one of them, "${currentTask().name}". Do it outside, or with { wait: false }`,
      );
    }
    this.#isShutDown = true;
    if (cancelPending) this.#cancelAll(`"${this.name}" is shut down`, true);
    const closing = this.#closing ??= this.#close();
    if (!wait) return;
    await closing;
    this.#throwFailures();
  }

  // Whether one of its jobs runs the code at hand. Those of workers are not tasks of this thread.
  #isAround(task: Task | null): boolean {
    for (; task !== null; task = task.parent) {
      if (parentOf(task) === this.scope) return true;
    }
    return false;
  }

  cancelJob(job: Job, reason: unknown): void {
    if (job.queue === null) this.cancelPlaced(job as J, reason);
    else {
      this.queue.remove(job as J);
      job.settle("cancelled", cancelledJob(job.name, reason));
    }
  }

  jobSettled(job: Job, state: JobEnd, noticed: boolean): void {
    this.#ended[state]++;
    if (state === "failed" && !noticed && this.#unnoticed.size < MOST_FAILURES) {
      this.#unnoticed.add(job);
    }
    if (--this.#alive === 0) this.#allEnded?.();
  }

  failureNoticed(job: Job): void {
    this.#unnoticed.delete(job);
  }

  callbackFailed(error: unknown): void {
    if (this.#thrown.length < MOST_FAILURES) this.#thrown.push(error);
  }

  abandoned(): void {
    // A failure is thrown where nobody catches it: that is loud, but the error is not lost.
    this.shutdown({ cancelPending: true });
  }

  async #close(): Promise<void> {
    if (this.#alive > 0) await new Promise<void>((resolve) => this.#allEnded = resolve);
    await this.close();
    if (!hasEnded(this.scope)) unlink(this.scope);
  }

  #throwFailures(): void {
    const failures = [...[...this.#unnoticed].map((job) => job.outcome), ...this.#thrown];
    this.#unnoticed.clear();
    this.#thrown.length = 0;
    if (failures.length === 0) return;
    const [first, ...others] = failures;
    for (const other of others) suppress(first, other);
    throw first;
  }

  #scopeCancelled(): void {
    this.#isShutDown = true;
    // It stays in the tree until it is disposed of, or the scope around it ends: somebody is to hear
    // of failures.
    this.#cancelAll(pendingIn(this.scope)!.reason, false);
  }

  #cancelAll(reason: unknown, onlyUnstarted: boolean): void {
    for (let job = this.queue.shift(); job !== undefined; job = this.queue.shift()) {
      job.settle("cancelled", cancelledJob(job.name, reason));
    }
    this.cancelAllPlaced(reason, onlyUnstarted);
  }
}
