/**
 * `pool-cpu`: eight times fib(32), on two workers and on one; the figure is the time of one. A pool can make at most half the time
 * of it, where the machine has two processors to spare; what the others of a row do at that time is in both figures.
 *
 * The floor is workers without a pool, each of which is asked anew when it has answered.
 *
 * @module
 */

import { WorkerPool } from "../mod.ts";
import { BareWorkers } from "./bare_workers.ts";
import { checked } from "./checked.ts";
import { Lasting } from "./lasting.ts";
import { peerPools } from "./peer_pools.ts";
import { fib } from "./pool_portable.ts";
import type { Contender, Row } from "./row.ts";

const N = 32;
const FIB_N = 2_178_309;
const JOBS = 8;

async function sum(run: () => PromiseLike<unknown>, size: number): Promise<number> {
  const results = await Promise.all(Array.from({ length: size }, run)) as number[];
  return results.reduce((sum, result) => sum + result, 0);
}

function contender(name: string, run: (size: number) => Promise<number>): Contender {
  return checked(name, { size: JOBS }, run, JOBS * FIB_N);
}

function named(name: string, workers: number): string {
  return workers === 1 ? `${name}, 1 worker` : name;
}

function bare(workers: number): Contender {
  const bare = new Lasting(() => new BareWorkers(workers), (bare) => bare.end());
  return bare.ended(
    contender(named("floor", workers), (size) => bare.thing.compute(N, size)),
  );
}

function grove(workers: number): Contender {
  const pool = new Lasting(
    () => new WorkerPool({ size: { min: workers, max: workers } }),
    (pool) => pool.shutdown(),
  );
  return pool.ended(
    contender(named("grove", workers), (size) => sum(() => pool.thing.run(fib, N), size)),
  );
}

function peers(workers: number): Contender[] {
  return Object.entries(peerPools).map(([name, make]) => {
    const pool = new Lasting(() => make(workers), (pool) => pool.end());
    return pool.ended(
      contender(named(name, workers), (size) => sum(() => pool.thing.run("fib", N), size)),
    );
  });
}

export const rows: Row[] = [{
  id: "pool-cpu",
  title: "fib(32) on 2 workers, or on 1, 8 of them at once",
  unit: "ns",
  contenders: [bare(2), bare(1), grove(2), grove(1), ...peers(2), ...peers(1)],
  // 1.9 times as fast with two.
  goals: [{ times: 0.526, of: "grove, 1 worker" }],
}];
