#!/usr/bin/env -S deno run --allow-run=deno --allow-net --allow-read=deno.json,mod.ts,primitives,io,pools,examples/pools.ts,/tmp --allow-write=/tmp
/**
 * Pools of processes, threads and tasks: the same calls for all of them.
 *
 * Of the course: `multiprocessing.Pool(5)` with apply, `apply_async` and call-backs, close and join;
 * `ThreadPoolExecutor` and `ProcessPoolExecutor` with submit, `add_done_callback`, result and shutdown.
 *
 * @module
 */

import {
  type Executor,
  main,
  portable,
  ProcessPool,
  sleep,
  TaskPool,
  WorkerPool,
} from "@grove/grove";

export const square = portable(import.meta, async function square(n: number): Promise<number> {
  if (n < 0) throw new RangeError(`no negative numbers: ${n}`);
  await sleep(n);
  return n * n;
});

/** All that a pool can be asked for. It does not matter which one it is. */
async function show(kind: string, pool: Executor): Promise<void> {
  // apply: hand it over, and wait for it. When this task is cancelled, the job is.
  console.log(`${kind}: run ${await pool.run(square, 3)}`);

  // apply_async, submit: the job belongs to the pool, and a future tells how it ends.
  const futures = [3, 2, 1].map((n) => pool.submit(square, n));
  for (const future of futures) {
    future.onDone(({ name, state }) => console.log(`${kind}: call-back, ${name} ${state}`));
  }
  console.log(`${kind}: results ${await Promise.all(futures)}`);

  // What a job throws arrives as it was: of its class, with its message.
  const error = await pool.submit(square, -1).error();
  console.log(`${kind}: ${error}`);

  // map: as many at a time as the pool is large; the results come in the order of the items.
  console.log(`${kind}: map ${await Array.fromAsync(pool.map(square, [5, 4, 3, 2, 1]))}`);

  // close and join: no more jobs, and all that there are have ended. Disposing does the same.
  await pool.shutdown();
  const { succeeded, failed } = pool.stats();
  console.log(`${kind}: ${succeeded} succeeded, ${failed} failed`);
}

if (import.meta.main) {
  await main(async () => {
    await show("tasks", new TaskPool(5));
    await show("threads", new WorkerPool({ size: 5 }));
    await show("processes", new ProcessPool({ size: 5 }));
  });
}
