/**
 * A pool of processes: for what computes and is not to be trusted, or may never end.
 *
 * @module
 */

import { checkOptions } from "../primitives/kernel/check.ts";
import type { ProcessPoolStats } from "./executor.ts";
import { Child } from "./process/child.ts";
import { environmentOf, type ProcessEnvironment } from "./process/environment.ts";
import { PROCESS_WIRE } from "./process/wire.ts";
import type { WorkerKind } from "./remote/workforce.ts";
import { RemotePool, type RemotePoolOptions } from "./remote_pool.ts";

/** What a {@linkcode ProcessPool} can be told. */
export interface ProcessPoolOptions extends RemotePoolOptions, ProcessEnvironment {}

/**
 * Runs functions in processes of their own. They are called as in a `WorkerPool`; and what they may
 * do is what `permissions` says, by default nothing but to compute. A process that does not end a
 * job is killed, really: after `grace`, when its job was cancelled or its time is up.
 *
 * What jobs are called with and return is copied, with all that the structured clone algorithm
 * keeps. Shared memory stays where it is, and nothing is moved: `transfer` copies too.
 *
 * A process that dies takes its job with it, which fails with a `WorkerCrashedError`; and those that
 * had come with it in one message, and had ended within the last millisecond. When the program ends,
 * even by force, its processes do.
 *
 * The program needs `--allow-run`, and `--allow-read`, `--allow-write` and `--allow-net` for the
 * folder for temporary files and sockets in it. There are no processes on Windows, and in programs
 * that `deno compile` has made.
 *
 * @example
 * ```ts
 * import { ProcessPool } from "@grove/grove";
 *
 * await using pool = new ProcessPool({ size: 1 });
 * const text = await pool.run((text: string) => text.toUpperCase(), "elsewhere");
 * console.log(text); // ELSEWHERE
 * ```
 */
export class ProcessPool extends RemotePool {
  /**
   * Makes a pool, in the scope of the running task: it is shut down with it at the latest.
   *
   * @param options Sizes, orders, limits, and what the processes may do.
   * @throws {TypeError | RangeError} When an option makes no sense, or there can be no processes.
   * @throws {NotPortableError} When `onStart` is not portable.
   */
  constructor(options: ProcessPoolOptions = {}) {
    const action = "make a ProcessPool";
    checkOptions(options, action);
    const environment = environmentOf(options, action);
    const kind: WorkerKind = {
      wire: PROCESS_WIRE,
      start: (host, worker) => new Child(host, worker, environment),
    };
    super(options, action, kind, Infinity);
  }

  /** How it is doing: a frozen snapshot. */
  override stats(): ProcessPoolStats {
    const { abandoned: _, ...counts } = this.crew.counts();
    return Object.freeze(counts);
  }
}
