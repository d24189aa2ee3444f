/**
 * Rule P7: how many workers a pool has, and for how long.
 *
 * @module
 */

import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { WorkerCrashedError } from "../../mod.ts";
import { add, dieWaiting, pass, passAsync, visit, whereAmI } from "./jobs.ts";
import { cells, eventually, Gate, reached, SeenWorkers, TestPool } from "./shared.ts";

Deno.test("P7: a pool starts no worker before there is a job", async () => {
  using seen = new SeenWorkers();
  await using pool = new TestPool({ size: 2 });
  assertEquals(pool.stats().workers, 0);
  const sum = pool.run(add, 1, 2);
  await Promise.resolve();
  assertEquals(seen.list.length, 1);
  assertEquals(await sum, 3);
});

Deno.test("P7: a pool starts no more workers than there are jobs, and none for one that another can do", async () => {
  using seen = new SeenWorkers();
  await using pool = new TestPool({ size: 4 });
  const gate = new Gate();
  const both = [pool.run(passAsync, gate.cells), pool.run(passAsync, gate.cells)];
  await Promise.resolve();
  assertEquals(seen.list.length, 2);
  await gate.entered(2);
  gate.open();
  await Promise.all(both);
  await eventually(() => pool.stats().idle > 0, "one is idle");
  const before = seen.list.length;
  const sum = pool.run(add, 1, 2);
  await Promise.resolve();
  assertEquals(seen.list.length, before);
  assertEquals(await sum, 3);
});

Deno.test("P7: no more jobs run at a time than there may be workers", async () => {
  using seen = new SeenWorkers();
  await using pool = new TestPool({ size: 2 });
  const gate = new Gate();
  const futures = [1, 2, 3, 4, 5].map(() => pool.submit(passAsync, gate.cells));
  await gate.entered(2);
  const { running, queued, workers } = pool.stats();
  assertEquals([running, queued, workers, gate.count], [2, 3, 2, 2]);
  gate.open();
  await Promise.all(futures);
  assertEquals([gate.count, seen.list.length], [5, 2]);
});

Deno.test("P7: the least workers are started at once", async () => {
  using seen = new SeenWorkers();
  await using pool = new TestPool({ size: { min: 2, max: 3 } });
  assertEquals(seen.list.length, 2);
  await eventually(() => pool.stats().idle === 2, "both are idle");
});

Deno.test("P7: size alone is the most; min alone raises the most if need be", async () => {
  const gate = new Gate();
  gate.open();
  const most = async (size: { min?: number; max?: number } | number) => {
    using seen = new SeenWorkers();
    await using pool = new TestPool({ size });
    await Promise.all(Array.from({ length: 12 }, () => pool.run(pass, gate.cells)));
    return seen.list.length;
  };
  assertEquals(await most(3), 3);
  assertEquals(await most({ max: 1 }), 1);
  assert(await most({ min: navigator.hardwareConcurrency + 1 }) > navigator.hardwareConcurrency);
});

Deno.test("P7: a worker that has had nothing to do for idleTimeout ends; the next job gets another", async () => {
  await using pool = new TestPool({ size: 1, idleTimeout: 10 });
  assertEquals(await pool.run(whereAmI), "pool-1");
  await eventually(() => pool.stats().workers === 0, "the worker has ended");
  assertEquals(await pool.run(whereAmI), "pool-2");
  assertEquals(pool.stats().crashed, 0);
});

Deno.test("P7: a worker ends after idleTimeout although it never had a job, as that was cancelled", async () => {
  await using pool = new TestPool({ size: 1, idleTimeout: 10 });
  const future = pool.submit(add, 1, 2);
  await eventually(() => pool.stats().workers === 1, "the worker is starting");
  future.cancel();
  await eventually(() => pool.stats().workers === 0, "the worker has ended");
});

Deno.test("P7: the least workers stay, however long they are idle", async () => {
  await using pool = new TestPool({ size: { min: 1, max: 2 }, idleTimeout: 10 });
  const gate = new Gate();
  const both = [pool.run(passAsync, gate.cells), pool.run(passAsync, gate.cells)];
  await gate.entered(2);
  gate.open();
  await Promise.all(both);
  await eventually(() => pool.stats().workers === 1, "one of them has ended");
  await using other = new TestPool({ size: 1, idleTimeout: 30 });
  await other.run(add, 1, 2);
  await eventually(() => other.stats().workers === 0, "three times as long has passed");
  assertEquals(pool.stats().workers, 1);
});

Deno.test("P7: a worker that is busy does not end, however long it has been so", async () => {
  await using pool = new TestPool({ size: 2, idleTimeout: 5 });
  const gate = new Gate();
  const held = pool.submit(pass, gate.cells);
  await gate.entered();
  await pool.run(add, 1, 2);
  await eventually(() => pool.stats().workers === 1, "the other one has ended");
  gate.open();
  await held;
  assertEquals(pool.stats().crashed, 0);
});

Deno.test("P7: a worker that is starting does not end for being idle: two jobs that wait for each other get two workers", async () => {
  await using pool = new TestPool({ size: 2, idleTimeout: 1 });
  for (let times = 0; times < 5; times++) {
    await pool.run(visit, cells(1), 0);
    const gate = new Gate();
    const both = [pool.submit(passAsync, gate.cells), pool.submit(passAsync, gate.cells)];
    await gate.entered(2);
    gate.open();
    await Promise.all(both);
  }
});

Deno.test("P7: an idleTimeout longer than the platform's timers is no short one", async () => {
  await using pool = new TestPool({ size: 1, idleTimeout: 2 ** 40 });
  await pool.run(add, 1, 2);
  await using other = new TestPool({ size: 1, idleTimeout: 10 });
  await other.run(add, 1, 2);
  await eventually(() => other.stats().workers === 0, "time has passed");
  assertEquals(pool.stats().workers, 1);
});

Deno.test("P7: a worker is replaced after maxJobsPerWorker jobs", async () => {
  await using pool = new TestPool({ size: 1, maxJobsPerWorker: 2 });
  const names: string[] = [];
  for (let n = 0; n < 5; n++) names.push(await pool.run(whereAmI));
  assertEquals(names, ["pool-1", "pool-1", "pool-2", "pool-2", "pool-3"]);
  assertEquals(pool.stats().crashed, 0);
});

Deno.test("P7: maxJobsPerWorker holds for jobs that are handed in together, too", async () => {
  using seen = new SeenWorkers();
  await using pool = new TestPool({ size: 2, maxJobsPerWorker: 3 });
  const runs = cells(30);
  for (let n = 0; n < 9; n++) await pool.run(visit, cells(1), 0);
  const earlier = seen.list.length;
  assertEquals(
    await Promise.all(Array.from(runs, (_, index) => pool.run(visit, runs, index))),
    Array.from(runs, (_, index) => index),
  );
  assertEquals([...runs], new Array(30).fill(1));
  assert(seen.list.length - earlier >= 9);
  for (const { batches } of seen.list) assert(batches.reduce((sum, jobs) => sum + jobs, 0) <= 3);
});

Deno.test("P7: the least workers are there again after one has died, or has done its jobs", async () => {
  await using pool = new TestPool({ size: { min: 2, max: 2 }, maxJobsPerWorker: 3 });
  await eventually(() => pool.stats().idle === 2, "both are idle");
  const error = await pool.submit(dieWaiting, "Deno.exit", cells(1), 0).error();
  assertInstanceOf(error, WorkerCrashedError);
  await eventually(() => pool.stats().idle === 2, "there are two again");
  for (let n = 0; n < 6; n++) await pool.run(add, n, n);
  await eventually(() => pool.stats().idle === 2, "there are two again");
});

Deno.test("P7: jobs of several pools run side by side, each in its own workers", async () => {
  await using one = new TestPool({ name: "one", size: 1 });
  await using two = new TestPool({ name: "two", size: 1 });
  const gate = new Gate();
  const both = [one.run(passAsync, gate.cells), two.run(passAsync, gate.cells)];
  await reached(gate.cells, 0, 2);
  gate.open();
  assertEquals(await Promise.all(both), ["one-1", "two-1"]);
  await one.shutdown();
  assertEquals(await two.run(whereAmI), "two-1");
  assertThrows(() => one.submit(whereAmI));
});
