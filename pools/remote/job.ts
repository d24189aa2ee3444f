/**
 * A job that runs on a worker.
 *
 * @module
 */

import { cancelledJob, type JobEnd } from "../future.ts";
import { type AnyFunction, Job, type JobPool, keepShapesOf, NO_POOL } from "../job.ts";
import type { JobOptions } from "../executor.ts";
import { dropPassed } from "../passing.ts";
import type { Travel } from "./travel.ts";

/** What carries jobs to where they run, and knows how far they have come. */
export interface Carrier {
  /** What it is called. */
  readonly name: string;
  /** Whether it has started a job that has not ended. */
  hasStarted(seq: number): boolean;
  /** Takes a job back, if it has not started; `false` when it has. */
  takeBack(job: RemoteJob): boolean;
  /** Asks a job that has started to end. */
  cancel(job: RemoteJob): void;
}

/** See above. */
export class RemoteJob extends Job {
  readonly travel: Travel;
  /** The worker that it was sent to, and its number there. */
  worker: Carrier | undefined;
  seq = 0;
  /** Why it was asked to end, if it was. */
  cancelled: { readonly reason: unknown; readonly at: number } | undefined;
  /** Whether a worker has answered, which has all that was passed on in its arguments. */
  hasArrived = false;
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
    return this.worker !== undefined && this.worker.hasStarted(this.seq);
  }

  get place(): string | undefined {
    return this.worker?.name;
  }

  /** Whether it can be sent again: what was moved with it is gone. */
  get isRepeatable(): boolean {
    return this.travel.moved.length === 0;
  }

  override settle(state: JobEnd, outcome: unknown): void {
    // Nobody else can tell whether it has taken them: what has been taken is not dropped.
    if (!this.isOver && !this.hasArrived) dropPassed(this.travel.extras?.passed);
    super.settle(state, outcome);
  }

  /** It has ended as it was asked to, or because of something in it. */
  ended(reason: unknown): void {
    const why = this.cancelled === undefined ? reason : this.cancelled.reason;
    this.settle("cancelled", cancelledJob(this.name, why));
  }
}

const nothing = () => {};
const callee = { number: 0, reference: { source: "", name: "" }, mean: undefined };
const travel: Travel = {
  callee,
  isText: true,
  text: undefined,
  values: [],
  moved: [],
  extras: undefined,
  sink: undefined,
};
keepShapesOf(new RemoteJob(NO_POOL, nothing, [], {}, travel));
