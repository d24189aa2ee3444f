/**
 * Rule P9: jobs travel in batches, and nobody can tell: a lone job waits for no other, and a long one holds nobody up.
 *
 * @module
 */

import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { type Future, transfer, WorkerCrashedError } from "../../mod.ts";
import { act, add, failure, lengthOf, myName, same, sameLater, tenant, whereAmI } from "./jobs.ts";
import { cells, eventually, Gate, SeenWorkers, TestPool, warmUp } from "./shared.ts";

Deno.test("P9: jobs that are handed in together travel together", async () => {
  using seen = new SeenWorkers();
  await using pool = new TestPool({ size: 1 });
  for (let n = 0; n < 50; n++) await pool.run(add, n, n);
  const { batches } = seen.list[0];
  batches.length = 0;
  const sums = await Promise.all(Array.from({ length: 200 }, (_, n) => pool.run(add, n, 1)));
  assertEquals(sums, Array.from({ length: 200 }, (_, n) => n + 1));
  assertEquals(batches.reduce((sum, jobs) => sum + jobs, 0), 200);
  assert(batches.length < 50, `in ${batches.length} messages`);
});

Deno.test("P9: a job of a function that nobody knows yet goes alone", async () => {
  using seen = new SeenWorkers();
  await using pool = new TestPool({ size: 1 });
  await Promise.all(Array.from({ length: 10 }, (_, n) => pool.run(add, n, n)));
  assertEquals(seen.list[0].batches[0], 1);
});

Deno.test("P9: a lone job is sent in the turn in which it was handed in", async () => {
  using seen = new SeenWorkers();
  await using pool = new TestPool({ size: 1 });
  await pool.run(add, 1, 2);
  await eventually(() => pool.stats().idle === 1, "the worker is idle");
  const before = seen.jobs;
  const future = pool.submit(add, 3, 4);
  await Promise.resolve();
  assertEquals(seen.jobs, before + 1);
  assertEquals(await future, 7);
});

Deno.test("P9: jobs that wait behind a long one are done by another worker, while it still runs", async () => {
  using seen = new SeenWorkers();
  await using pool = new TestPool({ size: 2 });
  await warmUp(pool, act, "count", cells(1), 0);
  const gate = new Gate();
  const runs = cells(8);
  const before = seen.jobs;

  const futures = Array.from(
    runs,
    (_, index) => pool.submit(act, index === 0 ? "pass" : "count", runs, index, gate.cells),
  );
  await gate.entered();
  assert(seen.jobs - before > 1, "there are jobs behind the long one");

  assertEquals(await Promise.all(futures.slice(1)), [1, 2, 3, 4, 5, 6, 7]);
  assertEquals(futures[0].state, "running");
  gate.open();
  await futures[0];
  assertEquals([...runs], [1, 1, 1, 1, 1, 1, 1, 1]);
});

Deno.test("P9: the long job may depend on those behind it", async () => {
  await using pool = new TestPool({ size: 2 });
  await warmUp(pool, act, "count", cells(1), 0);
  const gate = new Gate();
  const opener = (gate: Int32Array) => {
    Atomics.store(gate, 1, 1);
    Atomics.notify(gate, 1);
  };
  await pool.run(opener, new Gate().cells);
  for (let times = 0; times < 3; times++) {
    const long = pool.submit(act, "pass", cells(1), 0, gate.cells);
    await Promise.all([pool.run(opener, gate.cells), long]);
  }
});

Deno.test("P9: of jobs behind one that waits in an await the same holds", async () => {
  await using pool = new TestPool({ size: 2 });
  const gate = new Gate();
  const work = async (gate: Int32Array<SharedArrayBuffer>, waits: boolean) => {
    if (!waits) return "done";
    Atomics.add(gate, 0, 1);
    Atomics.notify(gate, 0);
    await Atomics.waitAsync(gate, 1, 0).value;
    return "waited";
  };
  await warmUp(pool, work, gate.cells, false);
  const long = pool.submit(work, gate.cells, true);
  const short = Array.from({ length: 8 }, () => pool.submit(work, gate.cells, false));
  await gate.entered();
  assertEquals(await Promise.all(short), new Array(8).fill("done"));
  assertEquals(long.state, "running");
  gate.open();
  assertEquals(await long, "waited");
});

Deno.test("P9: jobs with moved arguments are held up by nobody, and no death touches them", async () => {
  await using pool = new TestPool({ size: 2 });
  await warmUp(pool, act, "count", cells(1), 0);
  await warmUp(pool, lengthOf, new Uint8Array(1));
  const gate = new Gate();
  const held = pool.submit(act, "pass", cells(1), 0, gate.cells);
  const moved = Array.from(
    { length: 6 },
    (_, n) => pool.submit(lengthOf, transfer(new Uint8Array(n))),
  );
  assertEquals(await Promise.all(moved), [0, 1, 2, 3, 4, 5]);
  assertEquals(held.state, "running");
  gate.open();
  await held;

  const runs = cells(1);
  const futures: Future<unknown>[] = [];
  for (let n = 0; n < 6; n++) {
    futures.push(
      n === 2
        ? pool.submit(act, "Deno.exit", runs, 0)
        : pool.submit(lengthOf, transfer(new Uint8Array(n))),
    );
  }
  assertInstanceOf(await futures[2].error(), WorkerCrashedError);
  assertEquals(await Promise.all(futures.toSpliced(2, 1)), [0, 1, 3, 4, 5]);
});

Deno.test("P9: jobs of all kinds side by side come back to the right callers", async () => {
  await using pool = new TestPool({ size: 2 });
  const date = new Date(0);
  const jobs: ((n: number) => [Future<unknown>, unknown])[] = [
    (n) => [pool.submit(add, n, 1), n + 1],
    (n) => [pool.submit(same, { n }), { n }],
    (n) => [pool.submit(sameLater, [n]), [n]],
    (n) => [pool.submit(same, [date, n]), [date, n]],
    (n) => [pool.with({ name: `job ${n}` }).submit(myName), `job ${n}`],
    (n) => [pool.with({ timeout: 60_000 }).submit(same, `${n}`), `${n}`],
    (n) => [tenant.run(n, () => pool.submit(same, n)), n],
    () => [pool.submit(same, undefined), undefined],
    (n) => [pool.submit(same, n), n],
    () => [pool.submit((n: number) => -n, 5), -5],
  ];
  const expected = Array.from({ length: 1000 }, (_, n) => jobs[n * 7 % jobs.length](n));
  for (const [future, value] of expected) assertEquals(await future, value);
  assertEquals(pool.stats().succeeded, 1000);
});

Deno.test("P9: failures and successes side by side come back to the right callers", async () => {
  await using pool = new TestPool({ size: 2 });
  const futures: Future<number>[] = Array.from(
    { length: 300 },
    (_, n) => n % 3 === 1 ? pool.submit(failure, "type") : pool.submit(add, n, 0),
  );
  for (const [n, future] of futures.entries()) {
    if (n % 3 === 1) assertInstanceOf(await future.error(), TypeError);
    else assertEquals(await future, n);
  }
});

Deno.test("P9: more jobs than fit on the way to a worker come through", async () => {
  await using pool = new TestPool({ size: 1 });
  await warmUp(pool, add, 1, 2);
  const futures = Array.from({ length: 5000 }, (_, n) => pool.submit(add, n, 0));
  assertEquals(await Promise.all(futures), Array.from({ length: 5000 }, (_, n) => n));
  assertEquals(await pool.run(whereAmI), "pool-1");
});
