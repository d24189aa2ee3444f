/**
 * The pools of others, in Deno, behind one interface: each with so many workers that it keeps.
 *
 * @module
 */

import { Piscina } from "./peers/piscina.ts";
import { FixedThreadPool } from "./peers/poolifier.ts";
import { Tinypool } from "./peers/tinypool.ts";
import { workerpool } from "./peers/workerpool.ts";
import type * as jobs from "./pool_jobs.ts";

/** What a row needs of a pool. */
export interface PeerPool {
  run(job: keyof typeof jobs, argument: unknown, moved?: Transferable[]): PromiseLike<unknown>;
  end(): Promise<unknown>;
}

const jobsFile = new URL("./pool_jobs.ts", import.meta.url);
const poolifierFile = new URL("./peers/poolifier_worker.ts", import.meta.url);
const workerpoolFile = new URL("./peers/workerpool_worker.ts", import.meta.url);

export function poolifier(workers: number): PeerPool {
  const pool = new FixedThreadPool(workers, poolifierFile);
  return {
    run: (job, argument, moved) => pool.execute(argument, job, undefined, moved),
    end: () => pool.destroy(),
  };
}

function piscina(workers: number): PeerPool {
  const pool = new Piscina({ filename: jobsFile.href, minThreads: workers, maxThreads: workers });
  return {
    run: (name, argument) => pool.run(argument, { name }),
    end: () => pool.destroy(),
  };
}

function tinypool(workers: number): PeerPool {
  const pool = new Tinypool({
    filename: jobsFile.href,
    runtime: "worker_threads",
    minThreads: workers,
    maxThreads: workers,
    // With them, a job that comes while its worker falls asleep is never done in Deno.
    useAtomics: false,
  });
  return {
    run: (name, argument) => pool.run(argument, { name }),
    end: () => pool.destroy(),
  };
}

function workerpools(workers: number): PeerPool {
  const pool = workerpool.pool(workerpoolFile.pathname, {
    minWorkers: workers,
    maxWorkers: workers,
    workerType: "thread",
  });
  return {
    run: (job, argument) => pool.exec(job, [argument]),
    // Its own kind of promise.
    end: async () => await pool.terminate(),
  };
}

export const peerPools: Readonly<Record<string, (workers: number) => PeerPool>> = {
  "poolifier-web-worker": poolifier,
  "piscina": piscina,
  "tinypool": tinypool,
  "workerpool": workerpools,
};
