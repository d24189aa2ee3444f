/**
 * Rule P7: the order in which a `WorkerPool` takes the jobs that wait, and how many may.
 *
 * @module
 */

import { assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { type Future, type JobOrder, OverloadedError, taskGroup } from "../../mod.ts";
import { act, add, failure, pass, passAsync, takePlace, visit, whereAmI } from "./jobs.ts";
import { type Cells, cells, eventually, Gate, TestPool, warmUp } from "./shared.ts";

/** The places in which jobs of these priorities run that are handed in while the only worker is held. */
async function placesOf(order: JobOrder, priorities: number[]): Promise<number[]> {
  await using pool = new TestPool({ size: 1, order });
  const gate = new Gate();
  const held = pool.submit(pass, gate.cells);
  await gate.entered();
  const places = cells(1);
  const futures = priorities.map((priority) => pool.with({ priority }).submit(takePlace, places));
  gate.open();
  await held;
  return await Promise.all(futures);
}

Deno.test('P7: in a pool of order "fifo" the job that came first is next, whatever its priority', async () => {
  assertEquals(await placesOf("fifo", [3, 1, 2, 1]), [0, 1, 2, 3]);
});

Deno.test('P7: in a pool of order "lifo" the job that came last is next', async () => {
  assertEquals(await placesOf("lifo", [0, 0, 0, 0]), [3, 2, 1, 0]);
});

Deno.test('P7: in a pool of order "priority" the lowest is next, and of equals the one that came first', async () => {
  assertEquals(await placesOf("priority", [3, 1, 2, 1, -1, 0.5]), [5, 2, 4, 3, 0, 1]);
});

Deno.test("P7: without a priority it is 0", async () => {
  await using pool = new TestPool({ size: 1, order: "priority" });
  const gate = new Gate();
  const held = pool.submit(pass, gate.cells);
  await gate.entered();
  const places = cells(1);
  const futures = [
    pool.with({ priority: 1 }).submit(takePlace, places),
    pool.submit(takePlace, places),
    pool.with({ priority: -1 }).submit(takePlace, places),
  ];
  gate.open();
  await held;
  assertEquals(await Promise.all(futures), [2, 1, 0]);
});

for (const order of ["fifo", "lifo", "priority"] as const) {
  Deno.test(`P7: of many jobs in order "${order}" each runs once, whatever was cancelled between them`, async () => {
    await using pool = new TestPool({ size: 2, order });
    const runs = cells(300);
    const futures = Array.from(
      runs,
      (_, index) => pool.with({ priority: index % 7 }).submit(visit, runs, index),
    );
    for (const [index, future] of futures.entries()) if (index % 5 === 2) future.cancel();
    await Promise.all(futures.map((future) => future.error()));
    assertEquals([...runs], Array.from(runs, (_, index) => index % 5 === 2 ? 0 : 1));
  });
}

Deno.test("P7: jobs that are taken back from a worker keep their place before those that came later", async () => {
  await using pool = new TestPool({ size: 2 });
  const runs = cells(1);
  await warmUp(pool, act, "count", runs, 0);
  const gate = new Gate();
  const places = cells(1);
  await warmUp(pool, takePlace, cells(1));

  // A worker gets them in one message; the first holds it, and another worker gets the others.
  const held = pool.submit(act, "pass", runs, 0, gate.cells);
  const futures = Array.from({ length: 6 }, () => pool.submit(takePlace, places));
  await gate.entered();
  futures.push(...Array.from({ length: 6 }, () => pool.submit(takePlace, places)));
  assertEquals(await Promise.all(futures), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  gate.open();
  await held;
});

// How many may wait

/** A job that holds a worker. In a list, as to resolve to a future is to wait for it. */
async function holding(pool: TestPool, gate: Gate): Promise<[Future<string>]> {
  const future = pool.submit(passAsync, gate.cells);
  await gate.entered();
  return [future];
}

Deno.test("P7: over maxQueue submit throws an OverloadedError, with the pool's name and the number", async () => {
  await using pool = new TestPool({ name: "mill", size: 1, maxQueue: 2 });
  const gate = new Gate();
  const [first] = await holding(pool, gate);
  const queued = [pool.submit(add, 1, 1), pool.submit(add, 2, 2)];
  assertThrows(() => pool.submit(add, 3, 3), OverloadedError, '"mill" as 2 wait already');
  assertEquals(pool.stats().queued, 2);
  gate.open();
  await first;
  assertEquals(await Promise.all(queued), [2, 4]);
  assertEquals(await pool.submit(add, 3, 3), 6);
});

Deno.test("P7: a job that leaves the queue makes room for another, also by its cancellation", async () => {
  await using pool = new TestPool({ size: 1, maxQueue: 1 });
  const gate = new Gate();
  const [first] = await holding(pool, gate);
  const queued = pool.submit(add, 1, 1);
  assertThrows(() => pool.submit(add, 2, 2), OverloadedError);
  queued.cancel();
  const next = pool.submit(add, 3, 3);
  gate.open();
  assertEquals([await first, await next], ["pool-1", 6]);
});

Deno.test("P7: with a maxQueue of 0 there are as many jobs as workers", async () => {
  await using pool = new TestPool({ size: 2, maxQueue: 0 });
  const gate = new Gate();
  const futures = [pool.submit(passAsync, gate.cells), pool.submit(passAsync, gate.cells)];
  assertThrows(() => pool.submit(add, 1, 2), OverloadedError);
  gate.open();
  await Promise.all(futures);
});

Deno.test("P7: run and map wait over maxQueue, and throw nothing", async () => {
  await using pool = new TestPool({ size: 1, maxQueue: 0 });
  const gate = new Gate();
  const runs = cells(4);
  const [first] = await holding(pool, gate);
  await taskGroup(async (group) => {
    const running = [0, 1].map((index) => group.spawn(() => pool.run(visit, runs, index)));
    const mapped = group.spawn(async () => {
      const results: number[] = [];
      for await (const n of pool.map((n: number) => n, [2, 3])) results.push(n);
      return results;
    });
    gate.open();
    assertEquals(await Promise.all(running), [0, 1]);
    assertEquals(await mapped, [2, 3]);
  });
  await first;
});

Deno.test("a future's state goes from queued over running to its end", async () => {
  await using pool = new TestPool({ size: 1 });
  const gate = new Gate();
  const first = pool.submit(pass, gate.cells);
  const second = pool.submit(failure, "type");
  assertEquals([first.state, first.running, first.done], ["queued", false, false]);
  await gate.entered();
  assertEquals([first.state, first.running, second.state], ["running", true, "queued"]);
  gate.open();
  assertEquals(await first, "pool-1");
  assertEquals([first.state, first.done], ["succeeded", true]);
  assertInstanceOf(await second.error(), TypeError);
  assertEquals([second.state, second.done, second.cancelled], ["failed", true, false]);
});

Deno.test("call-backs of a future run in the order in which they were given, and one that throws stops nobody", async () => {
  const pool = new TestPool({ size: 1 });
  const seen: string[] = [];
  const future = pool.submit(add, 1, 2);
  future.onDone(({ state }) => seen.push(`first ${state}`));
  future.onDone(() => {
    throw new RangeError("call-back");
  });
  future.onDone(() => seen.push("third"));
  assertEquals(await future, 3);
  future.onDone(() => seen.push("late"));
  assertEquals(seen, ["first succeeded", "third", "late"]);
  assertEquals(await pool.run(whereAmI), "pool-1");
  await assertRejects(() => pool.shutdown(), RangeError, "call-back");
});

Deno.test("a call-back may hand in the next job, also one of a job that has failed", async () => {
  await using pool = new TestPool({ size: 1 });
  const done = Promise.withResolvers<number>();
  const chain = (left: number, runs: Cells) => {
    pool.submit(left % 2 ? visit : failure as unknown as typeof visit, runs, 0).onDone(() => {
      if (left === 0) done.resolve(Atomics.load(runs, 0));
      else chain(left - 1, runs);
    });
  };
  chain(10, cells(1));
  assertEquals(await done.promise, 5);
  await eventually(() => pool.stats().queued === 0, "nothing is queued");
});
