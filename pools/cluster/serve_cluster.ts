/**
 * The other side of a `ClusterPool`: runs its jobs, on this machine.
 *
 * @module
 */

import {
  checkCount,
  checkFunction,
  checkOptions,
  checkTime,
} from "../../primitives/kernel/check.ts";
import { nuid } from "@nats-io/nats-core";
import { cancellable } from "../../primitives/cancellable.ts";
import { checkNamed } from "../../primitives/named.ts";
import type { Executor } from "../executor.ts";
import type { ClusterWorker } from "./cluster_worker.ts";
import { JobServer, type WorkerSettings } from "./job_server.ts";
import { type ClusterModules, ModuleList } from "./modules.ts";
import { type ClusterOptions, Session } from "./session.ts";

/** What {@linkcode serveCluster} can be told. */
export interface ServeClusterOptions extends ClusterOptions {
  /**
   * The modules whose portable functions it runs, and no others, by the names that those who hand
   * in jobs have them under.
   */
  modules: ClusterModules;
  /** How many jobs it runs at a time. Default: as many as the machine has processors. */
  concurrency?: number;
  /**
   * Where it runs them: a `WorkerPool` for what computes, a `ProcessPool` for what is not to be
   * trusted. It stays its owner's, and should have room for `concurrency` jobs. Default: in tasks
   * of this thread.
   */
  executor?: Executor;
  /** What errors and results call it. Default: a random name. */
  name?: string;
  /**
   * After how many milliseconds without a word of a worker its jobs are given to another; the
   * latest to start decides for all workers of the cluster. A thread that computes for so long
   * cannot say a word: then take an `executor`. From 100 up. Default: 10,000.
   */
  ackWait?: number;
  /**
   * How many times a job is given to a worker. One that has taken so many with it is put aside, and
   * fails. Default: 5.
   */
  maxDeliver?: number;
  /**
   * Milliseconds that running jobs have to end after the worker was asked to stop; then they are
   * cancelled, and given to another. Default: 3000.
   */
  drain?: number;
  /** Called once it takes jobs: with the `started` of `nursery.start`, it hands out the worker. */
  started?: (worker: ClusterWorker) => void;
}

// In less time a word of a worker may not get through.
const LEAST_ACK_WAIT = 100;

/**
 * Runs the jobs of a cluster, until it is cancelled or asked to stop. Run it as a child of a
 * nursery, or as all that a program does.
 *
 * Each job runs in a task of its own. What is run is decided here, by the list of modules: a job
 * names a module of the list and a portable function of it, and a job that names anything else
 * fails.
 *
 * When the worker is asked to stop it takes no more jobs, and those that run have `drain`
 * milliseconds to end. What has not ended then, or when the worker is cancelled, is cancelled and
 * given to another worker. As every group it waits for that: a job that goes on though it was
 * cancelled holds it up, and `inspect()` shows which one. Meanwhile no other worker has the job.
 *
 * @param options Where the servers are, which modules there are, and limits.
 * @returns Resolves to nothing, when it was asked to stop and its jobs have ended.
 * @throws {TypeError | RangeError} At the call, when an option makes no sense.
 * @throws What a module throws while it is loaded.
 * @throws When no server can be reached.
 * @throws {ClosedError} When the server has closed the connection for good.
 *
 * @example A program that is a worker
 * ```ts ignore
 * import { main } from "@grove/grove";
 * import { serveCluster } from "@grove/grove/cluster";
 *
 * await main(() =>
 *   serveCluster({
 *     servers: "nats://127.0.0.1:4222",
 *     modules: { jobs: import.meta.resolve("./jobs.ts") },
 *     concurrency: 8,
 *   })
 * );
 * ```
 */
export function serveCluster(options: ServeClusterOptions): Promise<void> {
  const action = "serve a cluster";
  checkOptions(options, action);
  const {
    concurrency = navigator.hardwareConcurrency,
    executor,
    ackWait = 10_000,
    maxDeliver = 5,
    drain = 3000,
    started,
  } = options;
  checkCount(concurrency, action, "'concurrency'", 1, false);
  checkTime(ackWait, action, "'ackWait'", false);
  if (ackWait < LEAST_ACK_WAIT) {
    throw new RangeError(
      `Cannot ${action} as 'ackWait' must be ${LEAST_ACK_WAIT} ms or more: received ${ackWait}`,
    );
  }
  checkCount(maxDeliver, action, "'maxDeliver'", 1);
  checkTime(drain, action, "'drain'");
  if (started !== undefined) checkFunction(started, action, "'started'");
  const name = checkNamed(options, action) || `worker-${nuid.next()}`;
  const modules = new ModuleList(options.modules, action);
  const settings = { name, concurrency, executor, ackWait, maxDeliver, drain, started };
  return serve(options, modules, settings);
}

async function serve(
  options: ServeClusterOptions,
  modules: ModuleList,
  settings: WorkerSettings,
): Promise<void> {
  await cancellable(modules.load());
  const session = await Session.open(options, "serve a cluster");
  try {
    await new JobServer(session, modules, settings).run();
  } finally {
    await session.close();
  }
}
