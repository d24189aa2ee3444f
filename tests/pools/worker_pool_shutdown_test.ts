/**
 * How a `WorkerPool` ends.
 *
 * @module
 */

import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import {
  Cancelled,
  CancelScope,
  ClosedError,
  type Future,
  suppressedErrors,
  taskGroup,
  WorkerPool,
} from "../../mod.ts";
import { withLeakCheck } from "../../primitives/testing/mod.ts";
import { outcomeOf, thrownBy } from "../primitives/outcome.ts";
import { act, add, dieAfterwards, failure, pass, passAsync, passDeaf, visit } from "./jobs.ts";
import { numbersAndWait } from "./streams.ts";
import { cells, eventually, Gate, SeenWorkers, TestPool, warmUp } from "./shared.ts";

Deno.test("shutdown waits for the jobs that run and for those that wait, and ends the workers", async () => {
  const pool = new WorkerPool({ size: 1 });
  const gate = new Gate();
  const runs = cells(2);
  const futures: Future<unknown>[] = [
    pool.submit(passAsync, gate.cells),
    pool.submit(visit, runs, 0),
    pool.submit(visit, runs, 1),
  ];
  await gate.entered();
  const end = pool.shutdown();
  assertEquals(await outcomeOf(end), "pending");
  gate.open();
  await end;
  assertEquals(futures.map(({ state }) => state), ["succeeded", "succeeded", "succeeded"]);
  const { workers, isShutDown } = pool.stats();
  assertEquals([workers, isShutDown, [...runs]], [0, true, [1, 1]]);
});

Deno.test("shutdown without wait returns at once, and the jobs go on", async () => {
  const pool = new WorkerPool({ size: 1 });
  const gate = new Gate();
  const future = pool.submit(passAsync, gate.cells);
  await gate.entered();
  await pool.shutdown({ wait: false });
  assertEquals(future.state, "running");
  assertThrows(() => pool.submit(add, 1, 2), ClosedError);
  gate.open();
  assertEquals(await future, "pool-1");
  await pool.shutdown();
});

Deno.test("shutdown with cancelPending cancels what has not started, also what was sent, and lets the rest end", async () => {
  using seen = new SeenWorkers();
  const pool = new WorkerPool({ size: 1 });
  await warmUp(pool, act, "count", cells(1), 0);
  const gate = new Gate();
  const runs = cells(6);
  const before = seen.jobs;
  const futures: Future<unknown>[] = Array.from(
    runs,
    (_, index) => pool.submit(act, index === 0 ? "pass" : "count", runs, index, gate.cells),
  );
  futures.push(pool.submit(add, 1, 2));
  await gate.entered();
  assert(seen.jobs - before > 1, "there are jobs behind the one that runs");
  const end = pool.shutdown({ cancelPending: true });
  assertEquals(futures.map(({ state }) => state), ["running", ...Array(6).fill("cancelled")]);
  gate.open();
  await end;
  assertEquals(await futures[0], "pool-1");
  for (const future of futures.slice(1)) {
    const error = await future.error();
    assertInstanceOf(error, Cancelled);
    assertEquals(error.reason, '"pool" is shut down');
  }
  assertEquals([...runs], [1, 0, 0, 0, 0, 0]);
});

Deno.test("after shutdown all that hands in jobs throws a ClosedError", async () => {
  const pool = new WorkerPool({ name: "mill", size: 1 });
  await pool.shutdown();
  assertThrows(() => pool.submit(add, 1, 2), ClosedError, '"mill" as it was shut down');
  await assertRejects(() => pool.run(add, 1, 2), ClosedError);
  await assertRejects(
    async () => {
      for await (const _ of pool.map((n: number) => n, [1]));
    },
    ClosedError,
  );
  await assertRejects(
    async () => {
      for await (const _ of pool.stream(numbersAndWait, cells(2), 1));
    },
    ClosedError,
  );
  assertThrows(() => pool.with({ name: "x" }).submit(add, 1, 2), ClosedError);
});

Deno.test("shutdown may be called twice, and by several", async () => {
  const pool = new WorkerPool({ size: 1 });
  const gate = new Gate();
  pool.submit(passAsync, gate.cells);
  await gate.entered();
  const ends = [pool.shutdown(), pool.shutdown({ cancelPending: true }), pool.shutdown()];
  gate.open();
  await Promise.all(ends);
  await pool.shutdown();
});

Deno.test("a pool that has had no job shuts down; so does one whose least workers are starting", async () => {
  await new WorkerPool({ size: 2 }).shutdown();
  for (let times = 0; times < 3; times++) {
    await new WorkerPool({ size: { min: 2, max: 2 } }).shutdown();
  }
});

Deno.test("shutdown throws what jobs threw that nobody looked at, the first one, with the others", async () => {
  const pool = new WorkerPool({ size: 1 });
  pool.submit(failure, "type");
  const seen = pool.submit(failure, "own class");
  pool.submit(failure, "plain");
  await seen.error();
  const error = await thrownBy(pool.shutdown());
  assertInstanceOf(error, TypeError);
  assertEquals(suppressedErrors(error).map((each) => (each as Error).message), ["plain"]);
});

Deno.test("leaving the block of an await using waits for the jobs", async () => {
  const gate = new Gate();
  let future!: Future<string>;
  const block = (async () => {
    await using pool = new WorkerPool({ size: 1 });
    future = pool.submit(passAsync, gate.cells);
    await gate.entered();
  })();
  assertEquals(await outcomeOf(block), "pending");
  gate.open();
  await block;
  assertEquals(future.state, "succeeded");
});

Deno.test("a pool that is made in a task group is shut down with it, what has not started is cancelled", async () => {
  const gate = new Gate();
  let pool!: WorkerPool;
  const futures: Future<unknown>[] = [];
  const group = taskGroup(async () => {
    pool = new WorkerPool({ size: 1 });
    futures.push(pool.submit(passAsync, gate.cells), pool.submit(add, 1, 2));
    await gate.entered();
  });
  await group;
  assert(pool.stats().isShutDown);
  gate.open();
  await eventually(() => futures.every(({ done }) => done), "all jobs have ended");
  assertEquals(futures[1].state, "cancelled");
  await pool.shutdown();
});

Deno.test("a cancellation of the scope that a pool was made in cancels its jobs", async () => {
  const gate = new Gate();
  const scope = new CancelScope();
  await scope.enter(async () => {
    await using pool = new WorkerPool({ size: 1 });
    const running = pool.submit(passAsync, gate.cells);
    const queued = pool.submit(add, 1, 2);
    await gate.entered();
    scope.cancel("enough");
    assertEquals(queued.state, "cancelled");
    assertThrows(() => pool.submit(add, 1, 2), ClosedError);
    await eventually(() => running.done, "the job has ended").catch(() => {});
  });
  assert(scope.cancelledCaught || scope.cancelled !== undefined);
});

Deno.test("a pool that is shut down leaves nothing behind: no task, wait, timer or worker", async () => {
  await withLeakCheck(async () => {
    using seen = new SeenWorkers();
    {
      await using pool = new TestPool({ size: 2, grace: 20 });
      const gate = new Gate();
      const futures: Future<unknown>[] = [
        pool.submit(add, 1, 2),
        pool.submit(failure, "type"),
        pool.with({ timeout: 5 }).submit(passAsync, gate.cells),
        pool.with({ timeout: 5 }).submit(passDeaf, gate.cells),
        pool.submit(act, "Deno.exit", cells(1), 0),
        pool.submit(add, 3, 4),
      ];
      futures[5].cancel();
      await Promise.all(futures.map((future) => future.error()));
      for await (const _ of pool.stream(numbersAndWait, cells(2), 2)) break;
      await eventually(() => pool.stats().abandoned === 0, "no thread runs on");
    }
    assert(seen.list.length >= 2);
  });
});

Deno.test("a pool that is shut down hears no more of its workers", async () => {
  const pool = new WorkerPool({ size: 1 });
  const gate = new Gate();
  await pool.run(dieAfterwards, "uncaught error", gate.cells);
  await pool.shutdown();
  gate.open();
  assertEquals(pool.stats().crashed, 0);
});

Deno.test("a synchronous job holds the shutdown up until it ends", async () => {
  const pool = new WorkerPool({ size: 1 });
  const gate = new Gate();
  const future = pool.submit(pass, gate.cells);
  await gate.entered();
  const end = pool.shutdown();
  assertEquals(await outcomeOf(end), "pending");
  gate.open();
  await end;
  assertEquals(future.state, "succeeded");
});

Deno.test("a job that the end of another hands in is refused once the pool is shut down", async () => {
  const pool = new WorkerPool({ size: 1 });
  const future = pool.submit(add, 1, 2);
  let thrown: unknown;
  future.onDone(() => {
    try {
      pool.submit(add, 3, 4);
    } catch (error) {
      thrown = error;
    }
  });
  await pool.shutdown();
  assertInstanceOf(thrown, ClosedError);
});
