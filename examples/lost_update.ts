#!/usr/bin/env -S deno run --allow-read=primitives,pools
/**
 * The lost update, and the lock that cures it: among tasks, and among threads that share memory.
 *
 * Of the course: 100 threads that run `num -= 1`, with a sleep between reading and writing; without a
 * `Lock` and with one.
 *
 * @module
 */

import { Lock, main, SharedBarrier, SharedLock, sleep, taskGroup, WorkerPool } from "@grove/grove";

const TASKS = 100;

/** 100 tasks take one away each. What is left of 100? */
async function countDown(lock?: Lock): Promise<number> {
  let left = TASKS;

  async function takeOne(): Promise<void> {
    const before = left;
    await sleep(1); // Here all the others have their turn, and read the same number.
    left = before - 1;
  }

  await taskGroup((group) => {
    for (let i = 0; i < TASKS; i++) {
      group.spawn(() => lock === undefined ? takeOne() : lock.withLock(takeOne));
    }
  });
  return left;
}

const THREADS = 2;
const ROUNDS = 1000;
const EACH = 10_000;

/**
 * Between threads it takes no `await` to lose something: `+=` reads, adds and writes, and the other
 * thread may come in between. This function uses nothing but its arguments, so it can be sent to a
 * worker as it is.
 */
function add(
  total: Int32Array,
  rounds: number,
  each: number,
  start: SharedBarrier,
  lock?: SharedLock,
): void {
  start.waitSync(); // So that no thread is done before the other begins.
  for (let round = 0; round < rounds; round++) {
    // A worker may block its thread. A lock for each addition would take longer than all of them.
    using _guard = lock?.acquireSync();
    for (let i = 0; i < each; i++) total[0] += 1;
  }
}

/** Two threads add to one number in shared memory. What is the sum? */
async function countUp(pool: WorkerPool, lock?: SharedLock): Promise<number> {
  const total = new Int32Array(new SharedArrayBuffer(4));
  const start = new SharedBarrier(THREADS);
  await taskGroup((group) => {
    for (let i = 0; i < THREADS; i++) {
      group.spawn(() => pool.run(add, total, ROUNDS, EACH, start, lock));
    }
  });
  return total[0];
}

await main(async () => {
  console.log(`${TASKS} tasks, without a lock: ${await countDown()} are left`);
  console.log(`${TASKS} tasks, with a Lock: ${await countDown(new Lock())} are left`);

  await using pool = new WorkerPool({ size: THREADS });
  const sum = THREADS * ROUNDS * EACH;
  console.log(`${THREADS} threads, without a lock: ${await countUp(pool)} of ${sum}`);
  const lock = new SharedLock({ name: "total" });
  console.log(`${THREADS} threads, with a SharedLock: ${await countUp(pool, lock)} of ${sum}`);
});
