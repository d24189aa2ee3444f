/**
 * Rule P5: a worker that dies fails the job that it runs, is replaced, and no other job is touched. It dies in every way that
 * there is, and at every point of a job's way.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { type Future, WorkerCrashedError } from "../../mod.ts";
import { thrownBy } from "../primitives/outcome.ts";
import {
  act,
  add,
  type Death,
  DEATHS,
  dieAfterwards,
  dieOfResult,
  dieWaiting,
  pass,
  passAsync,
  visit,
  whereAmI,
} from "./jobs.ts";
import { inModule } from "./modules.ts";
import { cells, eventually, Gate, SeenWorkers, TestPool, warmUp } from "./shared.ts";

/** Deaths that end the running code on the spot. */
const EXITS: Death[] = ["Deno.exit", "process.exit"];

/** What a job fails with whose worker has died so, its last words included. */
function assertDiedOf(how: Death, error: unknown, job: string, worker = "pool-1"): void {
  assertInstanceOf(error, WorkerCrashedError);
  assertStringIncludes(error.message, `Cannot finish "${job}" as its worker "${worker}" is gone`);
  if (how === "uncaught error" || how === "unhandled rejection") {
    assertStringIncludes(error.message, "last words");
    assertInstanceOf(error.cause, RangeError);
    assertEquals(error.cause.message, "last words");
    assertStringIncludes(error.cause.stack!, "jobs.ts");
    assertEquals(error.exitCode, undefined);
  } else {
    assertEquals(error.cause, undefined);
    assertEquals(error.exitCode, how === "self.close" ? undefined : 7);
  }
}

for (const how of DEATHS) {
  Deno.test(`P5: ${how} in a job that waits fails it, and the pool goes on`, async () => {
    await using pool = new TestPool({ size: 1 });
    const runs = cells(1);

    const error = await thrownBy(pool.run(dieWaiting, how, runs, 0));

    assertDiedOf(how, error, "dieWaiting");
    assertEquals(await pool.run(whereAmI), "pool-2");
    assertEquals(runs[0], 1, "it was not tried again");
    const { crashed, failed, succeeded, workers } = pool.stats();
    assertEquals([crashed, failed, succeeded, workers], [1, 1, 1, 1]);
  });

  Deno.test(`P5: ${how} touches none of the jobs that wait in the pool`, async () => {
    await using pool = new TestPool({ size: 1 });
    const runs = cells(4);

    const dying = pool.submit(dieWaiting, how, runs, 0);
    const others = [1, 2, 3].map((index) => pool.submit(visit, runs, index));

    assertDiedOf(how, await dying.error(), "dieWaiting");
    assertEquals(await Promise.all(others), [1, 2, 3]);
    assertEquals([...runs], [1, 1, 1, 1]);
  });

  Deno.test(`P5: ${how} touches none of the jobs that were sent along in one batch, before it and after it`, async () => {
    using seen = new SeenWorkers();
    await using pool = new TestPool({ size: 1 });
    await warmUp(pool, act, "count", cells(1), 0);
    const runs = cells(12);
    const before = seen.jobs;

    const futures: Future<unknown>[] = Array.from(
      runs,
      (_, index) => pool.submit(act, index === 2 ? how : "count", runs, index),
    );
    await Promise.resolve();
    assert(seen.jobs - before > 3, "jobs behind the one that dies were sent");

    assertDiedOf(how, await futures[2].error(), "act");
    const others = futures.toSpliced(2, 1);
    assertEquals(await Promise.all(others), [0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    assertEquals([...runs], new Array(12).fill(1));
    assertEquals(pool.stats().crashed, 1);
  });

  Deno.test(`P5: ${how} in a worker that is idle fails no job, and the next one finds another worker`, async () => {
    await using pool = new TestPool({ size: 1 });
    const gate = new Gate();

    await pool.run(dieAfterwards, how, gate.cells);
    assertEquals(pool.stats().idle, 1);
    gate.open();

    await eventually(() => pool.stats().crashed === 1, "the worker is gone");
    assertEquals(pool.stats().workers, 0);
    assertEquals(await pool.run(whereAmI), "pool-2");
    assertEquals(pool.stats().failed, 0);
  });
}

for (const how of EXITS) {
  Deno.test(`P5: ${how} while a result is looked at to be sent fails that job alone`, async () => {
    await using pool = new TestPool({ size: 1 });
    const runs = cells(1);

    const dying = pool.submit(dieOfResult, how);
    const other = pool.submit(visit, runs, 0);

    assertDiedOf(how, await dying.error(), "dieOfResult");
    assertEquals(await other, 0);
    assertEquals(runs[0], 1);
  });
}

Deno.test("P5: what a worker did on its way out is kept: jobs that had ended before it died have succeeded", async () => {
  await using pool = new TestPool({ size: 1 });
  await warmUp(pool, act, "count", cells(1), 0);
  for (const how of EXITS) {
    const runs = cells(3);
    const futures = [0, 1, 2].map((i) => pool.submit(act, i === 2 ? how : "count", runs, i));
    assertInstanceOf(await futures[2].error(), WorkerCrashedError);
    assertEquals(await Promise.all(futures.slice(0, 2)), [0, 1]);
  }
});

Deno.test("P5: the last words of a worker are heard also by a program that was busy when it died", async () => {
  await using pool = new TestPool({ size: 1 });
  for (let times = 1; times <= 5; times++) {
    await warmUp(pool, act, "count", cells(1), 0);
    const runs = cells(5);
    const gate = new Gate();
    const futures = Array.from(
      runs,
      (_, index) =>
        pool.submit(
          act,
          index === 0 ? "pass" : index === 3 ? "Deno.exit" : "count",
          runs,
          index,
          gate.cells,
        ),
    );
    await gate.entered();
    gate.open();
    // By now it is time to look after the workers, and nothing that this one says has been heard.
    while (Atomics.load(runs, 3) === 0);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60);
    assertDiedOf("Deno.exit", await futures[3].error(), "act", `pool-${times}`);
    assertEquals(await Promise.all(futures.slice(1, 3)), [1, 2]);
  }
});

// Nothing in a worker can keep it from saying that it dies. Only from outside can it be ended without a word.

Deno.test("P5: a worker that dies without a word is missed while its job waits", async () => {
  using seen = new SeenWorkers();
  await using pool = new TestPool({ size: 1 });
  const gate = new Gate();
  const running = pool.submit(passAsync, gate.cells);
  await gate.entered();

  seen.list[0].worker.terminate();

  const error = await running.error();
  assertInstanceOf(error, WorkerCrashedError);
  assertStringIncludes(error.message, 'its worker "pool-1" is gone: it has exited without a word');
  assertEquals([error.exitCode, error.cause], [undefined, undefined]);
  assertEquals(await pool.run(whereAmI), "pool-2");
});

Deno.test("P5: a worker that dies without a word is missed when it has jobs that it has not started", async () => {
  using seen = new SeenWorkers();
  await using pool = new TestPool({ size: 1 });
  await warmUp(pool, act, "count", cells(1), 0);
  const runs = cells(6);
  const before = seen.jobs;

  const futures = Array.from(runs, (_, index) => pool.submit(act, "count", runs, index));
  seen.list[0].worker.terminate();
  await Promise.resolve();
  assert(seen.jobs > before, "they were sent to a worker that is no more");

  assertEquals(await Promise.all(futures), [0, 1, 2, 3, 4, 5]);
  assertEquals([...runs], new Array(6).fill(1));
  assertEquals(pool.stats().crashed, 1);
});

Deno.test("P5: of two workers that die without a word, each fails its own job", async () => {
  using seen = new SeenWorkers();
  await using pool = new TestPool({ size: 2 });
  const gate = new Gate();
  const running = [pool.submit(passAsync, gate.cells), pool.submit(passAsync, gate.cells)];
  await gate.entered(2);

  for (const { worker } of seen.list) worker.terminate();

  for (const future of running) assertInstanceOf(await future.error(), WorkerCrashedError);
  assertEquals(await pool.run(add, 1, 2), 3);
  assertEquals(pool.stats().crashed, 2);
});

Deno.test("P5: a job that was cancelled when its worker died is cancelled, and no failure", async () => {
  using seen = new SeenWorkers();
  await using pool = new TestPool({ size: 1, grace: Infinity });
  const gate = new Gate();
  const running = pool.submit(passAsync, gate.cells);
  await gate.entered();

  seen.list[0].worker.terminate();
  running.cancel("not needed");

  await assertRejects(async () => await running, Error, "not needed");
  assertEquals(running.state, "cancelled");
  assertEquals(pool.stats().crashed, 1);
});

Deno.test("P5: a worker may die again and again: each death fails one job", async () => {
  await using pool = new TestPool({ size: 2 });
  const runs = cells(40);

  const futures = Array.from(
    runs,
    (_, index) => pool.submit(act, index % 8 === 3 ? DEATHS[index >> 3] : "count", runs, index),
  );

  const errors = await Promise.all(futures.map((future) => future.error()));
  errors.forEach((error, index) => {
    assertEquals(error instanceof WorkerCrashedError, index % 8 === 3, `job ${index}: ${error}`);
  });
  assertEquals([...runs], new Array(40).fill(1));
  assertEquals(pool.stats().crashed, 5);
});

// Modules

const missing = inModule("missing.ts", "job");
const exits = inModule("exits.ts", "job");
const throws = inModule("throws.ts", "job");
const never = inModule("never.ts", "job");
const without = inModule("plain.ts", "job");
const submits = inModule("submits.ts", "job");

Deno.test("P5: a module that throws when it is loaded fails its jobs with what it throws, and the worker lives", async () => {
  await using pool = new TestPool({ size: 1 });

  for (let times = 0; times < 2; times++) {
    await assertRejects(
      async () => await pool.run(throws),
      RangeError,
      "this module cannot be loaded",
    );
  }

  assertEquals(await pool.run(whereAmI), "pool-1");
});

Deno.test("P5: a module that is not there fails its jobs with that, and the worker lives", async () => {
  await using pool = new TestPool({ size: 1 });

  await assertRejects(async () => await pool.run(missing), TypeError, "missing.ts");

  assertEquals(await pool.run(whereAmI), "pool-1");
});

Deno.test("P5: a module without such a function fails its jobs with a word about it, and the worker lives", async () => {
  await using pool = new TestPool({ size: 1 });

  const error = await thrownBy(pool.run(without));

  assertEquals((error as Error).name, "NotPortableError");
  assertStringIncludes((error as Error).message, "has no portable function of that name there");
  assertEquals(await pool.run(whereAmI), "pool-1");
});

Deno.test("P5: a module that is never done with loading fails its jobs after startTimeout, and the worker lives", async () => {
  await using pool = new TestPool({ size: { min: 1, max: 1 }, startTimeout: 100 });
  // As long as there is no job, nobody minds how long the worker takes to start.
  await eventually(() => pool.stats().idle === 1, "the worker is ready");

  for (let times = 0; times < 2; times++) {
    const error = await thrownBy(pool.run(never));
    assertStringIncludes((error as Error).message, "takes longer than 100 ms");
    assertStringIncludes((error as Error).message, "never.ts");
  }

  // A plain function: it has no module to be loaded.
  assertEquals(await pool.run(() => self.name), "pool-1");
});

Deno.test("P5: a module that exits when it is loaded fails one job a worker, in no loop", async () => {
  await using pool = new TestPool({ size: 1 });

  const futures = [pool.submit(exits), pool.submit(exits)];

  for (const future of futures) {
    const error = await future.error();
    assertInstanceOf(error, WorkerCrashedError);
    assertEquals(error.exitCode, 5);
  }
  assertEquals(await pool.run(whereAmI), "pool-3");
  assertEquals(pool.stats().crashed, 2);
});

Deno.test("P5: a module that hands jobs to a pool when it is loaded is no fork bomb: it fails to load", async () => {
  using seen = new SeenWorkers();
  await using pool = new TestPool({ size: 1 });

  const error = await thrownBy(pool.run(submits));

  assertStringIncludes((error as Error).message, 'Cannot hand a job to "bomb"');
  assertStringIncludes((error as Error).message, "import.meta.main");
  assertEquals(await pool.run(whereAmI), "pool-1");
  assertEquals(seen.list.length, 1);
});

Deno.test("P5: a worker that dies without a word while it loads a module fails that job alone", async () => {
  using seen = new SeenWorkers();
  await using pool = new TestPool({ size: 1 });
  const runs = cells(1);
  await pool.run(whereAmI);
  const loading = pool.submit(never);
  const other = pool.submit(visit, runs, 0);
  await eventually(() => loading.running, "the module is being loaded");

  seen.list[0].worker.terminate();

  assertInstanceOf(await loading.error(), WorkerCrashedError);
  assertEquals(await other, 0);
  assertEquals(runs[0], 1);
});

// Arguments that are gone once they were sent

Deno.test("P5: a synchronous job holds no death up: its worker is given up by then", async () => {
  using seen = new SeenWorkers();
  await using pool = new TestPool({ size: 2 });
  const gate = new Gate();
  const held = pool.submit(pass, gate.cells);
  await gate.entered();

  assertInstanceOf(
    await thrownBy(pool.run(dieWaiting, "Deno.exit", cells(1), 0)),
    WorkerCrashedError,
  );

  gate.open();
  await held;
  assertEquals([seen.list.length, pool.stats().crashed], [2, 1]);
});
