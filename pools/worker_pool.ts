/**
 * A pool of worker threads: for what computes, and would keep the event loop from everything else.
 *
 * @module
 */

import { checkCount, checkOptions, checkTime, show } from "../primitives/kernel/check.ts";
import type { PoolOptions, WorkerPoolStats, WorkerTree } from "./executor.ts";
import { Pool } from "./pool.ts";
import { referenceTo } from "./portable.ts";
import { RemoteCrew } from "./remote/crew.ts";
import { look } from "./worker/liveness.ts";
import { Thread } from "./worker/thread.ts";

/** What a {@linkcode WorkerPool} can be told. */
export interface WorkerPoolOptions extends PoolOptions {
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
  /**
   * How many workers may have been given up that run on all the same: Deno cannot stop a thread
   * that runs synchronous code. At that number the pool takes no more jobs. Default: 4.
   */
  maxAbandoned?: number;
  /**
   * What the workers may do, as for a `Worker`; "none" is possible. It needs Deno's
   * `--unstable-worker-options`: without that flag, Deno ends the process. Default: what the program
   * may do.
   */
  permissions?: Deno.PermissionOptions;
}

/**
 * Runs functions on worker threads. They are called like functions of this thread, with the same
 * cancellation, errors and types; what they are called with and what they return is copied, or
 * moved by `transfer`. What is more than plain data is copied when the job is sent: it is not to be
 * changed before that.
 *
 * A function that stands in a module is made `portable`; a plain function that needs nothing of the
 * place where it was written is taken as it is. A worker runs one job at a time.
 *
 * A job that is cancelled ends at its next checkpoint. Synchronous code has none: it ends at the
 * job's `timeout`, if it has one; else its worker is given up after `grace`, and its thread goes on
 * in vain, as Deno cannot stop it. Such threads are counted and limited, see `maxAbandoned`.
 *
 * @example
 * ```ts
 * import { WorkerPool } from "@grove/grove";
 *
 * function count(upTo: number): number {
 *   let primes = 0;
 *   next: for (let n = 2; n <= upTo; n++) {
 *     for (let d = 2; d * d <= n; d++) if (n % d === 0) continue next;
 *     primes++;
 *   }
 *   return primes;
 * }
 *
 * await using pool = new WorkerPool({ size: 2 });
 * const counts = await Promise.all([10, 100, 1000].map((n) => pool.run(count, n)));
 * console.log(counts); // [4, 25, 168]
 * ```
 */
export class WorkerPool extends Pool {
  /** @ignore */
  protected readonly crew: RemoteCrew;

  /**
   * Makes a pool, in the scope of the running task: it is shut down with it at the latest.
   *
   * @param options Sizes, orders and limits.
   * @throws {TypeError | RangeError} When an option makes no sense.
   * @throws {NotPortableError} When `onStart` is not portable.
   */
  constructor(options: WorkerPoolOptions = {}) {
    const action = "make a WorkerPool";
    checkOptions(options, action);
    if (typeof Worker === "undefined") {
      throw new TypeError(`Cannot ${action} as there is no Worker here. Use defaultPool()`);
    }
    const {
      idleTimeout = 10_000,
      maxJobsPerWorker = Infinity,
      startTimeout = 10_000,
      grace = 1000,
      maxAbandoned = 4,
      permissions,
    } = options;
    const { min, max } = sizeOf(options, action);
    checkTime(idleTimeout, action, "'idleTimeout'");
    checkCount(maxJobsPerWorker, action, "'maxJobsPerWorker'", 1);
    checkTime(startTimeout, action, "'startTimeout'");
    checkTime(grace, action, "'grace'");
    checkCount(maxAbandoned, action, "'maxAbandoned'", 1);
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
      kind: { look, start: (host, options) => new Thread(host, options, permissions) },
    });
  }

  /** How it is doing: a frozen snapshot. */
  override stats(): WorkerPoolStats {
    return Object.freeze(this.crew.counts());
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
  { size = {} }: WorkerPoolOptions,
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
