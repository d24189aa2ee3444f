/**
 * How the workers of a pool start: the hook that each runs, and what becomes of the jobs when they cannot.
 *
 * @module
 */

import { assert, assertEquals, assertInstanceOf, assertStringIncludes } from "@std/assert";
import { sleep, WorkerCrashedError } from "../../mod.ts";
import {
  add,
  closeAtStart,
  exitAtStart,
  failToStart,
  isReady,
  neverStart,
  prepare,
  whereAmI,
} from "./jobs.ts";
import { inModule } from "./modules.ts";
import { eventually, SeenWorkers, TestPool } from "./shared.ts";

Deno.test("onStart has run to its end in each worker before it takes jobs", async () => {
  await using pool = new TestPool({ size: 1, onStart: prepare, maxJobsPerWorker: 1 });
  for (let n = 0; n < 3; n++) assertEquals(await pool.run(isReady), true);
  await using without = new TestPool({ size: 1 });
  assertEquals(await without.run(isReady), false);
});

Deno.test("onStart may be a plain function", async () => {
  await using pool = new TestPool({
    size: 1,
    onStart: () => void Object.assign(globalThis, { prepared: "yes" }),
  });
  assertEquals(await pool.run(() => (globalThis as { prepared?: string }).prepared), "yes");
});

const HOOKS = {
  "throws": [failToStart, "it has failed to start: not today"],
  "exits": [exitAtStart, "it has exited with code 3"],
  "closes its worker": [closeAtStart, "it has exited"],
  "is in a module that throws": [inModule("throws.ts", "hook"), "this module cannot be loaded"],
  "is in a module that is not there": [inModule("missing.ts", "hook"), "missing.ts"],
  "is not in its module": [inModule("plain.ts", "hook"), "no portable function of that name"],
} as const;

for (const [what, [onStart, says]] of Object.entries(HOOKS)) {
  Deno.test(`P5: an onStart that ${what} fails the jobs with that, and starts no worker after worker`, async () => {
    using seen = new SeenWorkers();
    await using pool = new TestPool({ name: "mill", size: 1, onStart });

    for (let times = 1; times <= 2; times++) {
      const futures = [pool.submit(add, 1, 2), pool.submit(add, 3, 4)];
      for (const future of futures) {
        const error = await future.error();
        assertInstanceOf(error, WorkerCrashedError);
        assertStringIncludes(error.message, `Cannot start the worker "mill-${times}": `);
        assertStringIncludes(error.message, says);
      }
      assertEquals(seen.list.length, times, "a worker is tried when there are jobs, and not else");
    }
    const { failed, crashed, workers } = pool.stats();
    assertEquals([failed, crashed, workers], [4, 2, 0]);
  });
}

Deno.test("P5: what onStart throws is the cause of what the jobs fail with", async () => {
  await using pool = new TestPool({ size: 1, onStart: failToStart });
  const error = await pool.submit(add, 1, 2).error();
  assertInstanceOf(error, WorkerCrashedError);
  assertInstanceOf(error.cause, RangeError);
  assertEquals(error.cause.message, "not today");
  assertStringIncludes(error.cause.stack!, "jobs.ts");
});

Deno.test("P5: an onStart that exits gives its code", async () => {
  await using pool = new TestPool({ size: 1, onStart: exitAtStart });
  const error = await pool.submit(add, 1, 2).error();
  assertInstanceOf(error, WorkerCrashedError);
  assertEquals(error.exitCode, 3);
});

Deno.test("P5: an onStart that never ends fails the jobs after startTimeout", async () => {
  await using pool = new TestPool({ size: 2, onStart: neverStart, startTimeout: 100 });
  const futures = [pool.submit(add, 1, 2), pool.submit(add, 3, 4)];
  for (const future of futures) {
    const error = await future.error();
    assertInstanceOf(error, WorkerCrashedError);
    assertStringIncludes(error.message, "it has not started within 100 ms");
  }
  await eventually(() => pool.stats().abandoned === 0, "the threads have ended");
});

Deno.test("P5: workers that never end their start are not started again and again, one after the other", async () => {
  using seen = new SeenWorkers();
  await using pool = new TestPool({ size: 2, onStart: neverStart, startTimeout: 100 });
  const first = pool.submit(add, 1, 2);
  // The second worker is still starting when the first one is given up.
  await sleep(60);
  const second = pool.submit(add, 3, 4);
  assertInstanceOf(await first.error(), WorkerCrashedError);
  assertInstanceOf(await second.error(), WorkerCrashedError);
  assert(seen.list.length <= 4, `${seen.list.length} workers were started`);
});

Deno.test("P5: with several workers none of which can start, the jobs fail and no worker is left", async () => {
  await using pool = new TestPool({ size: 3, onStart: failToStart });
  const futures = Array.from({ length: 9 }, (_, n) => pool.submit(add, n, n));
  for (const future of futures) assertInstanceOf(await future.error(), WorkerCrashedError);
  assertEquals([pool.stats().workers, pool.stats().queued], [0, 0]);
});

Deno.test("P5: a pool whose least workers cannot start does not start them again at once, for nobody", async () => {
  using seen = new SeenWorkers();
  await using pool = new TestPool({ size: { min: 1, max: 1 }, onStart: failToStart });
  await eventually(() => pool.stats().crashed === 1, "it has failed");
  assertEquals([seen.list.length, pool.stats().workers], [1, 0]);

  const future = pool.submit(add, 1, 2);
  await Promise.resolve();
  assertEquals(seen.list.length, 2, "for a job it is tried at once");
  assertInstanceOf(await future.error(), WorkerCrashedError);
});

Deno.test("P5: a call-back that hands in again what has failed for want of a worker has another one tried", async () => {
  await using pool = new TestPool({ size: 1, onStart: failToStart });
  const messages: string[] = [];
  const done = Promise.withResolvers<void>();
  const attempt = () => {
    const future = pool.submit(add, 1, 2);
    future.onDone(async () => {
      if (messages.length < 3) attempt();
      else done.resolve();
    });
    future.error().then((error) => messages.push((error as Error).message));
  };
  attempt();
  await done.promise;
  assertStringIncludes(messages[0], "pool-1");
  assertStringIncludes(messages[1], "pool-2");
  assertStringIncludes(messages[2], "pool-3");
});

Deno.test("a startTimeout longer than the platform's timers is no short one", async () => {
  for (const startTimeout of [2 ** 31, 1e12, Infinity]) {
    await using pool = new TestPool({ size: 1, startTimeout, onStart: prepare });
    assertEquals(await pool.run(whereAmI), "pool-1");
  }
});

Deno.test("P5: a worker that ends without a word while it starts is replaced, or its job fails: nothing hangs", async () => {
  using seen = new SeenWorkers();
  await using pool = new TestPool({ size: 1, startTimeout: 200, onStart: neverStart });
  const future = pool.submit(add, 1, 2);
  await eventually(() => seen.list.length === 1, "a worker is starting");
  seen.list[0].worker.terminate();
  assertInstanceOf(await future.error(), WorkerCrashedError);
});
