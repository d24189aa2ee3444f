/**
 * A job of a cluster, and its place there. A place may have several jobs: those that were handed in
 * with the same idempotency key wait for the same result.
 *
 * @module
 */

import type { Scope } from "../../primitives/kernel/scope.ts";
import { cancelledJob, type JobEnd } from "../future.ts";
import { type AnyFunction, Job, type JobPool } from "../job.ts";
import type { JobOptions } from "../executor.ts";
import type { JobClass } from "./layout.ts";
import type { JobMessage } from "./messages.ts";
import type { StreamIn } from "./stream_in.ts";

/** What a job of a cluster can be told. */
export interface ClusterJobOptions extends JobOptions {
  /**
   * An idempotency key: of all jobs that are handed in with it, by whomever, one is run, and all
   * get its result, for as long as results are kept: so let it say what is to be done, too. Jobs of
   * one key have one priority; those of another are others. When the job is cancelled by the pool
   * that put it there, it is so for all; who uses the key again at once may still be told of that.
   * Default: none.
   */
  key?: string;
}

/** What a job takes along to its place. */
export interface Cargo {
  readonly id: string;
  readonly isKeyed: boolean;
  readonly message: JobMessage;
  readonly stream: StreamIn | undefined;
}

const NO_CARGO: Cargo = {
  id: "",
  isKeyed: false,
  message: { module: "", fn: "", name: "" },
  stream: undefined,
};

/** See above. */
export class ClusterJob extends Job {
  cargo: Cargo;
  place: Place | undefined;
  /** Whether somebody waits for it, who can wait until there is room for it. */
  isAwaited = false;
  /** Why it was asked to end, if it was. */
  cancelled: { readonly reason: unknown } | undefined;

  constructor(
    pool: JobPool,
    fn: AnyFunction,
    args: readonly unknown[],
    options: JobOptions,
    cargo: Cargo,
  ) {
    super(pool, fn, args, options, null);
    this.cargo = cargo;
  }

  override get hasStarted(): boolean {
    return this.place?.worker !== undefined;
  }

  override wait(scope: Scope): Promise<unknown> {
    this.isAwaited = true;
    return super.wait(scope);
  }

  override settle(state: JobEnd, outcome: unknown): void {
    super.settle(state, outcome);
    // Who keeps the future is not to keep what was sent.
    this.cargo = NO_CARGO;
  }

  /** It has ended as it was asked to, or because of something in it. */
  ended(reason: unknown): void {
    const why = this.cancelled === undefined ? reason : this.cancelled.reason;
    this.settle("cancelled", cancelledJob(this.name, why));
  }
}

/** The place of a job in the cluster. */
export class Place {
  readonly id: string;
  readonly jobClass: JobClass;
  readonly isKeyed: boolean;
  readonly stream: StreamIn | undefined;
  readonly jobs: Set<ClusterJob> = new Set();
  /** Whether it is in the stream of jobs. */
  isStored = false;
  /** Its number there; 0 where it is another's, who has handed it in with the same key. */
  seq = 0;
  /** Which worker has last said that it runs it. */
  worker: string | undefined;
  /** What that run of it is called: workers may share a name. */
  run = "";
  /** What its arguments are called in the store, where they are there. */
  input: string | undefined;
  /** Whether nobody wants it any more. */
  isWithdrawn = false;
  /** When it was put there. */
  readonly since: number = performance.now();
  /** Called when the worker that runs it has given it back. */
  returned: () => void = () => {};
  /** Ends what was opened for it alone. */
  close: () => void = () => {};

  constructor({ id, isKeyed, stream }: Cargo, jobClass: JobClass) {
    this.id = id;
    this.isKeyed = isKeyed;
    this.stream = stream;
    this.jobClass = jobClass;
  }
}
