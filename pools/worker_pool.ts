/**
 * A pool of worker threads: for what computes, and would keep the event loop from everything else.
 *
 * @module
 */

import { checkCount, checkOptions } from "../primitives/kernel/check.ts";
import type { WorkerPoolStats } from "./executor.ts";
import { RemotePool, type RemotePoolOptions } from "./remote_pool.ts";
import type { WorkerKind } from "./remote/workforce.ts";
import { THREAD_WIRE } from "./remote/wire.ts";
import { look } from "./worker/liveness.ts";
import type { WorkerPermissions } from "./worker/permissions.ts";
import { Thread } from "./worker/thread.ts";

/** What a {@linkcode WorkerPool} can be told. */
export interface WorkerPoolOptions extends RemotePoolOptions {
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
  permissions?: WorkerPermissions;
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
export class WorkerPool extends RemotePool {
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
    if (typeof Deno === "undefined") {
      throw new TypeError(
        `Cannot ${action} as its workers run under Deno alone. Use defaultPool()`,
      );
    }
    const { maxAbandoned = 4, permissions } = options;
    checkCount(maxAbandoned, action, "'maxAbandoned'", 1);
    const kind: WorkerKind = {
      look,
      wire: THREAD_WIRE,
      start: (host, worker) => new Thread(host, worker, permissions),
    };
    super(options, action, kind, maxAbandoned);
  }

  /** How it is doing: a frozen snapshot. */
  override stats(): WorkerPoolStats {
    return Object.freeze(this.crew.counts());
  }
}
