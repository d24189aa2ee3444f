/**
 * What pools of threads and of processes have in common for those who use them.
 *
 * @module
 */

import { checkCount, checkOptions, checkTime, show } from "../primitives/kernel/check.ts";
import type { PoolOptions, WorkerTree } from "./executor.ts";
import { Pool } from "./pool.ts";
import { referenceTo } from "./portable.ts";
import { RemoteCrew } from "./remote/crew.ts";
import type { WorkerKind } from "./remote/workforce.ts";

/** What a {@linkcode RemotePool} can be told. */
export interface RemotePoolOptions extends PoolOptions {
  /**
   * How many workers there may be: the most, or both the least, which are started at once and kept,
   * and the most, which are started as there are jobs for them. Default: none at least, and as many
   * as the machine has processors at most.
   */
  size?: number | { readonly min?: number; readonly max?: number };
  /**
   * After how many milliseconds without a job a worker ends that is not one of the least. Default:
   * 10,000.
   */
  idleTimeout?: number;
  /** After how many jobs a worker is replaced by a new one. Default: `Infinity`. */
  maxJobsPerWorker?: number;
  /** A portable function that each worker calls, and awaits, before it takes jobs. Default: none. */
  onStart?: () => unknown;
  /**
   * How many milliseconds a worker may take to start, and a module to load. Default: 10,000.
   */
  startTimeout?: number;
  /**
   * How many milliseconds a job may go on after it was cancelled, or its time was up: then its
   * worker is given up, and replaced. Default: 1000.
   */
  grace?: number;
}

/**
 * A pool whose jobs run elsewhere, on workers that are threads or processes. See `WorkerPool` and
 * `ProcessPool`.
 *
 * @example
 * ```ts
 * import { RemotePool, WorkerPool } from "@grove/grove";
 *
 * await using pool = new WorkerPool({ size: 1 });
 * console.log(pool instanceof RemotePool); // true
 * ```
 */
export abstract class RemotePool extends Pool {
  /** @ignore */
  protected readonly crew: RemoteCrew;

  /** @ignore */
  protected constructor(
    options: RemotePoolOptions,
    action: string,
    kind: WorkerKind,
    maxAbandoned: number,
  ) {
    checkOptions(options, action);
    const {
      idleTimeout = 10_000,
      maxJobsPerWorker = Infinity,
      startTimeout = 10_000,
      grace = 1000,
    } = options;
    const { min, max } = sizeOf(options, action);
    checkTime(idleTimeout, action, "'idleTimeout'");
    checkCount(maxJobsPerWorker, action, "'maxJobsPerWorker'", 1);
    checkTime(startTimeout, action, "'startTimeout'");
    checkTime(grace, action, "'grace'");
    const onStart = options.onStart && referenceTo(options.onStart);
    super();
    this.crew = new RemoteCrew({
      ...options,
      min,
      max,
      idleTimeout,
      maxJobsPerWorker,
      startTimeout,
      grace,
      maxAbandoned,
      onStart,
      kind,
    });
  }

  /**
   * The tasks of the workers, as `inspect()` gives those of this thread.
   *
   * @returns A tree for each worker.
   *
   * @example
   * ```ts
   * import { WorkerPool } from "@grove/grove";
   *
   * await using pool = new WorkerPool({ size: 1 });
   * await pool.run(() => 1);
   * for (const { worker, tree } of await pool.inspect()) {
   *   console.log(worker, tree?.children.length);
   * }
   * ```
   */
  inspect(): Promise<WorkerTree[]> {
    return this.crew.inspect();
  }
}

function sizeOf(
  { size = {} }: RemotePoolOptions,
  action: string,
): { min: number; max: number } {
  const limits = typeof size === "number" ? { max: size } : size;
  if (typeof limits !== "object" || limits === null) {
    throw new TypeError(
      `Cannot ${action} as 'size' must be a number or { min, max }: received ${show(size)}`,
    );
  }
  const { min = 0, max = Math.max(min, navigator.hardwareConcurrency) } = limits as {
    min?: number;
    max?: number;
  };
  checkCount(min, action, "'size.min'", 0, false);
  checkCount(max, action, typeof size === "number" ? "'size'" : "'size.max'", 1, false);
  if (min > max) {
    throw new RangeError(
      `Cannot ${action} as 'size.min' must not be over 'size.max': received ${min} and ${max}`,
    );
  }
  return { min, max };
}
