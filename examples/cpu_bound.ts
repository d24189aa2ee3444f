#!/usr/bin/env -S deno run --allow-run=deno --allow-net --allow-read=primitives,pools,/tmp --allow-write=/tmp
/**
 * What computes, on one thread, on several, and in processes: the same jobs, timed.
 *
 * Of the course: 16 jobs that only compute, in 16 processes and in 16 threads. There the threads take
 * ten times as long, as one lock lets one of them run at a time. Deno's threads have no such lock, as
 * they share no objects: they are as quick as processes, and lighter.
 *
 * @module
 */

import { type Executor, main, ProcessPool, TaskPool, WorkerPool } from "@grove/grove";

const JOBS = 16;
const RANGE = 150_000;
const CORES = navigator.hardwareConcurrency;

/** Counts the primes of a range, the slow way. It uses nothing but its argument: it can travel. */
function countPrimes([from, to]: [from: number, to: number]): number {
  let primes = 0;
  next: for (let n = Math.max(from, 2); n < to; n++) {
    for (let divisor = 2; divisor * divisor <= n; divisor++) {
      if (n % divisor === 0) continue next;
    }
    primes++;
  }
  return primes;
}

/** Runs all jobs in a pool; gives the milliseconds that took, with the start of its workers. */
async function time(kind: string, pool: Executor): Promise<number> {
  const ranges = Array.from({ length: JOBS }, (_, i): [number, number] => [
    1_000_000 + i * RANGE,
    1_000_000 + (i + 1) * RANGE,
  ]);
  const began = performance.now();
  let primes = 0;
  for await (const count of pool.map(countPrimes, ranges)) primes += count;
  const took = performance.now() - began;
  console.log(`${kind}: ${primes} primes in ${took.toFixed()} ms`);
  await pool.shutdown();
  return took;
}

await main(async () => {
  console.log(`${JOBS} jobs, ${CORES} cores`);
  const tasks = await time("TaskPool, one thread", new TaskPool(JOBS));
  const threads = await time("WorkerPool", new WorkerPool({ size: CORES }));
  const processes = await time("ProcessPool", new ProcessPool({ size: CORES }));
  console.log(`threads are ${(tasks / threads).toFixed(1)} times as quick`);
  console.log(`processes are ${(tasks / processes).toFixed(1)} times as quick`);
});
