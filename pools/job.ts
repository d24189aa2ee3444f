/**
 * A job as its pool sees it: what to call, and who is to be told.
 *
 * @module
 */

import { keepShape } from "../primitives/kernel/shapes.ts";
import { floats } from "../primitives/kernel/floating.ts";
import type { Cancelled } from "../primitives/kernel/errors.ts";
import { Parked, type WaitTarget } from "../primitives/kernel/queue.ts";
import { type Locals, pendingIn, type Scope, unblock } from "../primitives/kernel/scope.ts";
import { SignalWatch } from "../primitives/kernel/signals.ts";
import { suspend, Waiter } from "../primitives/kernel/wait.ts";
import type { JobOptions } from "./executor.ts";
import { Future, type JobEnd, reportProgress, settleFuture, type Told } from "./future.ts";
import type { Reporter } from "./job_task.ts";

// deno-lint-ignore no-explicit-any -- a function of any type can be called with the arguments that came along with it
export type AnyFunction = (...args: any[]) => unknown;

/** What of a pool its jobs need. */
export interface JobPool {
  /** Ends a job as soon as can be. */
  cancelJob(job: Job, reason: unknown): void;
  /** A job has ended. */
  jobSettled(job: Job, state: JobEnd, noticed: boolean): void;
  /** Somebody has looked at the failure of a job that nobody had looked at. */
  failureNoticed(job: Job): void;
  /** A call-back of a future has thrown. */
  callbackFailed(error: unknown): void;
}

/** See above. While it waits for a place, it stands in the queue of its pool. */
export abstract class Job extends Parked<void> implements Told, Reporter {
  readonly pool: JobPool;
  readonly future: Future<unknown>;
  fn: AnyFunction;
  args: readonly unknown[];
  readonly options: JobOptions;
  /** The task-local values of the place where it was handed in. */
  locals: Locals | null;
  /** What it has ended with. */
  outcome: unknown;
  #waiter: RunWaiter | null = null;
  #watch: SignalWatch | undefined;
  #noticed = false;

  constructor(
    pool: JobPool,
    fn: AnyFunction,
    args: readonly unknown[],
    options: JobOptions,
    locals: Locals | null,
  ) {
    super();
    this.pool = pool;
    this.fn = fn;
    this.args = args;
    this.options = options;
    this.locals = locals;
    this.future = new Future(options.name ?? (fn.name || "job"), this);
    const { signal } = options;
    if (signal !== undefined) {
      this.#watch = new SignalWatch(signal, () => this.cancel(signal.reason));
    }
  }

  abstract readonly hasStarted: boolean;

  get name(): string {
    return this.future.name;
  }

  get priority(): number {
    return this.options.priority ?? 0;
  }

  /** What it may take when it runs, in milliseconds. */
  get timeout(): number {
    return this.options.timeout ?? Infinity;
  }

  /** How it has ended, `true` once it has. */
  get isOver(): boolean {
    return this.future.done;
  }

  /** Waits for its end, on behalf of the task in whose scope this is: it ends with that task. */
  wait(scope: Scope): Promise<unknown> {
    this.noticed();
    const waiter = this.#waiter = new RunWaiter(this);
    const promise = suspend(scope, waiter, undefined);
    if (this.isOver) waiter.jobEnded(this.future.state as JobEnd, this.outcome);
    else {
      // It has started already, and may have cancelled the very task that waits for it.
      const pending = pendingIn(scope);
      if (pending !== null) waiter.cancel(pending);
    }
    return promise;
  }

  cancel(reason: unknown): void {
    if (!this.isOver) this.pool.cancelJob(this, reason);
  }

  settle(state: JobEnd, outcome: unknown): void {
    if (this.isOver) return;
    this.#watch?.release();
    this.outcome = outcome;
    // First: those who are told may hand in the next job, for which there is room now.
    this.pool.jobSettled(this, state, this.#noticed);
    if (settleFuture(this.future, state, outcome)) this.noticed();
    this.#waiter?.jobEnded(state, outcome);
    // Who keeps the future is not to keep what it was made from.
    this.fn = nothing;
    this.args = [];
    this.locals = null;
  }

  noticed(): void {
    if (this.#noticed) return;
    this.#noticed = true;
    if (this.isOver) this.pool.failureNoticed(this);
  }

  report(value: unknown): void {
    reportProgress(this.future, value);
  }

  callbackFailed(error: unknown): void {
    this.pool.callbackFailed(error);
  }

  override wake(): void {}
}

/**
 * A task that has a job run for it. It is not woken by its own cancellation, but by the end of the
 * job, which that brings about: nothing that runs for a task outlives it.
 */
class RunWaiter extends Waiter<unknown> {
  readonly #job: Job;
  #cancelled: Cancelled | undefined;

  constructor(job: Job) {
    super();
    this.#job = job;
  }

  override get targets(): readonly WaitTarget[] {
    return [this.#job.future];
  }

  override cancel(error: Cancelled): void {
    unblock(this);
    this.#cancelled = error;
    this.#job.cancel(error.reason);
  }

  // Its task has ended and has not waited for it.
  override abandon(): boolean {
    this.#job.cancel("the task that it ran for has ended");
    floats(this.promise!);
    return true;
  }

  jobEnded(state: JobEnd, outcome: unknown): void {
    const { signal } = this.#job.options;
    // A clean-up that has failed too, where it was cancelled: that is not to be lost.
    if (state === "failed") this.fail(outcome);
    else if (this.#cancelled !== undefined) this.#failQuietly(this.#cancelled);
    else if (state === "succeeded") this.wake(outcome);
    else if (signal?.aborted) this.fail(signal.reason);
    else this.#failQuietly(outcome);
  }

  #failQuietly(cancelled: unknown): void {
    floats(this.promise!);
    this.fail(cancelled);
  }
}

function nothing(): void {}

/** A pool of no jobs, for the one of each kind that is kept for the sake of its shape. */
export const NO_POOL: JobPool = {
  cancelJob: nothing,
  jobSettled: nothing,
  failureNoticed: nothing,
  callbackFailed: nothing,
};

/** Keeps the shapes of what belongs to a job. */
export function keepShapesOf(job: Job): void {
  keepShape(job);
  keepShape(new RunWaiter(job));
}
