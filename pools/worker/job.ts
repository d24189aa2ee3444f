/**
 * A job that runs on a worker.
 *
 * @module
 */

import type { Sink } from "../crew.ts";
import { cancelledJob } from "../future.ts";
import { type AnyFunction, Job, type JobPool } from "../job.ts";
import type { JobOptions } from "../executor.ts";
import type { FunctionReference } from "../portable.ts";
import type { JobExtras } from "./protocol.ts";

/** What carries jobs to where they run, and knows how far they have come. */
export interface Carrier {
  /** Whether it has started a job that has not ended. */
  hasStarted(seq: number): boolean;
  /** Takes a job back, if it has not started; `false` when it has. */
  takeBack(job: WorkerJob): boolean;
  /** Asks a job that has started to end. */
  cancel(job: WorkerJob): void;
}

/** A function that jobs call, as a pool knows it. */
export interface Callee {
  /** Its number, the same for all workers of the pool. */
  readonly number: number;
  readonly reference: FunctionReference;
  /** How long it takes, in milliseconds: a running mean. `undefined` as long as nobody knows. */
  mean: number | undefined;
}

/** What a job sends besides its arguments. */
export interface Travel {
  readonly callee: Callee;
  /** Whether it can be sent as text. */
  readonly isText: boolean;
  /** Its arguments as text, where they could be changed before it is sent. */
  readonly text: string | undefined;
  /** What is moved with it, and is gone here once it was sent. */
  readonly moved: readonly Transferable[];
  readonly extras: JobExtras | undefined;
  /** Takes what a stream yields. */
  readonly sink: Sink | undefined;
}

/** See above. */
export class WorkerJob extends Job {
  readonly travel: Travel;
  /** The worker that it was sent to, and its number there. */
  thread: Carrier | undefined;
  seq = 0;
  /** Why it was asked to end, if it was. */
  cancelled: { readonly reason: unknown; readonly at: number } | undefined;
  /** When it was first seen to run, where it has a limit. */
  seenAt: number | undefined;

  constructor(
    pool: JobPool,
    fn: AnyFunction,
    args: readonly unknown[],
    options: JobOptions,
    travel: Travel,
  ) {
    super(pool, fn, args, options, null);
    this.travel = travel;
  }

  override get hasStarted(): boolean {
    return this.thread !== undefined && this.thread.hasStarted(this.seq);
  }

  /** Whether it can be sent again: what was moved with it is gone. */
  get isRepeatable(): boolean {
    return this.travel.moved.length === 0;
  }

  /** It has ended as it was asked to, or because of something in it. */
  ended(reason: unknown): void {
    const why = this.cancelled === undefined ? reason : this.cancelled.reason;
    this.settle("cancelled", cancelledJob(this.name, why));
  }
}
