/**
 * The process of one sample of `pool-bytes`: it starts eight workers of the contender named by its argument, has them compute,
 * and prints what one of them takes.
 *
 * @module
 */

import { WorkerPool } from "../mod.ts";
import { BareWorkers } from "./bare_workers.ts";
import { verify } from "./checked.ts";
import { collect, turn } from "./memory.ts";
import { peerPools } from "./peer_pools.ts";
import { fib } from "./pool_portable.ts";

const WORKERS = 8;
const N = 26;
const FIB_N = 121_393;

/** The same, without a module to load. */
function fibonacci(n: number): number {
  return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

/** Has eight workers compute that have started meanwhile, so that each gets something to do. */
async function computeWith(run: () => PromiseLike<unknown>): Promise<void> {
  for (let wave = 0; wave < 2; wave++) {
    const results = await Promise.all(Array.from({ length: WORKERS }, run));
    for (const result of results) verify(name, result, FIB_N);
  }
}

function start(): () => PromiseLike<unknown> {
  const size = { min: WORKERS, max: WORKERS };
  if (name === "grove") {
    const pool = new WorkerPool({ size });
    return () => pool.run(fib, N);
  }
  if (name === "grove, by source") {
    const pool = new WorkerPool({ size });
    return () => pool.run(fibonacci, N);
  }
  const pool = peerPools[name](WORKERS);
  return () => pool.run("fib", N);
}

async function resident(): Promise<number> {
  collect();
  await turn();
  collect();
  return Deno.memoryUsage().rss;
}

const [name] = Deno.args;
const before = await resident();
if (name === "floor") {
  const bare = new BareWorkers(WORKERS);
  verify(name, await bare.compute(N, 2 * WORKERS), 2 * WORKERS * FIB_N);
} else {
  await computeWith(start());
}
console.log(Math.round((await resident() - before) / WORKERS));
Deno.exit(0);
