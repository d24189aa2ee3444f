/**
 * A pool whose jobs run on other machines.
 *
 * @module
 */

import { checkCount, checkOptions, checkTime } from "../../primitives/kernel/check.ts";
import type { Executor, JobOptions, PoolOptions } from "../executor.ts";
import { Pool } from "../pool.ts";
import { ClusterCrew, type ClusterPoolStats } from "./cluster_crew.ts";
import type { ClusterJobOptions } from "./cluster_job.ts";
import type { DeadJob } from "./dead_jobs.ts";
import { keyedId } from "./layout.ts";
import { type ClusterModules, ModuleList } from "./modules.ts";
import { type ClusterOptions, Session } from "./session.ts";

/** What a {@linkcode ClusterPool} can be told. */
export interface ClusterPoolOptions extends PoolOptions, ClusterOptions {
  /**
   * The modules whose functions it may send, by the names that they have in the cluster: the same
   * names that the workers have them under.
   */
  modules: ClusterModules;
  /**
   * How many of its jobs are in the cluster at a time, waiting there or running. The others wait
   * here, see `maxQueue`. Default: 1024.
   */
  window?: number;
  /**
   * How many milliseconds a job that was cancelled has to end, before the pool goes on without it.
   * Default: 5000.
   */
  grace?: number;
}

/**
 * Runs portable functions on other machines, over NATS JetStream: those where `serveCluster` runs
 * with the same modules. They are called as in every other pool, with the same cancellation, errors
 * and types.
 *
 * A job is run at least once, whatever happens: it is done with when its result is stored. The jobs
 * of a machine that dies, or that cannot be reached, are given to others after the time that the
 * workers have set; those that were not done by then but were on their way may so be run twice.
 * What must not happen twice is given a `key`, see `ClusterJobOptions`, and is made so that to do
 * it again does no harm.
 *
 * A negative `priority` comes before all others, a positive one after them; there are these three
 * classes. A job that throws has failed, and is not run again.
 *
 * @example
 * ```ts ignore
 * import { ClusterPool } from "@grove/grove/cluster";
 * import { resize } from "./jobs.ts";
 *
 * await using pool = await ClusterPool.connect({
 *   servers: "nats://127.0.0.1:4222",
 *   modules: { jobs: import.meta.resolve("./jobs.ts") },
 * });
 * const image = await pool.run(resize, "cat.png", 100);
 * ```
 */
export class ClusterPool extends Pool {
  /** @ignore */
  protected readonly crew: ClusterCrew;

  /**
   * Connects to a cluster. The pool is part of the scope of the running task: it is shut down with
   * it at the latest.
   *
   * @param options Where the servers are, which modules there are, and limits.
   * @returns Resolves to the pool.
   * @throws {TypeError | RangeError} When an option makes no sense.
   * @throws When no server can be reached, or none has JetStream.
   */
  static async connect(options: ClusterPoolOptions): Promise<ClusterPool> {
    const action = "make a ClusterPool";
    checkOptions(options, action);
    const { modules, window = 1024, grace = 5000 } = options;
    checkCount(window, action, "'window'", 1, false);
    checkTime(grace, action, "'grace'");
    const list = new ModuleList(modules, action);
    const session = await Session.open(options, action);
    try {
      return new ClusterPool(new ClusterCrew(session, list, { ...options, window, grace }));
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  private constructor(crew: ClusterCrew) {
    super();
    this.crew = crew;
  }

  /**
   * The same pool, for jobs with options: to shut it down is to shut the pool down.
   *
   * @param options What each job handed over by it is told.
   * @throws {TypeError | RangeError} When one makes no sense.
   */
  override with(options: ClusterJobOptions): Executor {
    checkOptions(options, `hand jobs to "${this.name}"`);
    if (options.key !== undefined) keyedId(options.key, `hand jobs to "${this.name}"`);
    return super.with(options as JobOptions);
  }

  /**
   * The jobs of the cluster that no worker could end, whoever has handed them in: they have taken as
   * many workers with them as a job may, or cannot be read.
   *
   * @returns The jobs, looked up as they are asked for.
   *
   * @example
   * ```ts ignore
   * for await (const job of pool.deadJobs()) {
   *   console.error(job.name, job.error);
   *   await job.remove();
   * }
   * ```
   */
  deadJobs(): AsyncIterable<DeadJob> {
    return this.crew.dead();
  }

  /** How it is doing: a frozen snapshot. */
  override stats(): ClusterPoolStats {
    return Object.freeze(this.crew.counts());
  }
}
