/**
 * Rules P2 and P4: how jobs of a `WorkerPool` are cancelled, and how their time runs out, at every point of a job's way; and
 * what becomes of workers that do not listen.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  all,
  Cancelled,
  CancelScope,
  cancelScope,
  type Future,
  isCancelled,
  moveOnAfter,
  OverloadedError,
  sleep,
  taskGroup,
  TimeoutError,
  WorkerCrashedError,
} from "../../mod.ts";
import { thrownBy } from "../primitives/outcome.ts";
import {
  act,
  add,
  cancelItself,
  parent,
  pass,
  passAndThen,
  passAsync,
  passDeaf,
  same,
  spin,
  spinLater,
  visit,
  whereAmI,
} from "./jobs.ts";
import { inModule } from "./modules.ts";
import { cells, eventually, Gate, reached, SeenWorkers, TestPool, warmUp } from "./shared.ts";

/** What a job that was cancelled by itself ends with. */
async function assertCancelled(future: Future<unknown>, reason?: unknown): Promise<void> {
  const error = await future.error();
  assertInstanceOf(error, Cancelled);
  assertEquals(error.reason, reason);
  assertEquals([future.state, future.cancelled, future.done], ["cancelled", true, true]);
}

/** Has all workers of a pool end that were given up, once the gate that holds them is open. */
async function release(pool: TestPool, ...gates: Gate[]): Promise<void> {
  for (const gate of gates) gate.open();
  await eventually(() => pool.stats().abandoned === 0, "no thread runs on that was given up");
}

// Before they start

Deno.test("P4: a job that is cancelled in the queue of the pool leaves it at once, and does not run", async () => {
  await using pool = new TestPool({ size: 1 });
  const gate = new Gate();
  const runs = cells(3);
  const first = pool.submit(passAsync, gate.cells);
  const futures = [0, 1, 2].map((index) => pool.submit(visit, runs, index));
  await gate.entered();

  assertEquals(futures[1].cancel("not needed"), true);

  assertEquals(futures[1].state, "cancelled");
  assertEquals(pool.stats().queued, 2);
  await assertCancelled(futures[1], "not needed");
  gate.open();
  assertEquals(await Promise.all([first, futures[0], futures[2]]), ["pool-1", 0, 2]);
  assertEquals([...runs], [1, 0, 1]);
});

Deno.test("P4: a job that is cancelled in the turn in which it was handed in does not run", async () => {
  await using pool = new TestPool({ size: 1 });
  const runs = cells(2);
  const futures = [0, 1].map((index) => pool.submit(visit, runs, index));
  futures[0].cancel();
  await assertCancelled(futures[0]);
  assertEquals(await futures[1], 1);
  assertEquals([...runs], [0, 1]);
});

Deno.test("P4: a job that was sent to a worker and has not started is taken back at once, and does not run", async () => {
  using seen = new SeenWorkers();
  await using pool = new TestPool({ size: 1 });
  const gate = new Gate();
  const runs = cells(5);
  await warmUp(pool, act, "count", cells(1), 0);
  const before = seen.jobs;

  const futures = Array.from(
    runs,
    (_, index) => pool.submit(act, index === 0 ? "pass" : "count", runs, index, gate.cells),
  );
  await gate.entered();
  assertEquals(seen.jobs - before, 5, "all were sent");
  futures[2].cancel("not needed");
  assertEquals(futures[2].state, "cancelled");
  gate.open();

  await assertCancelled(futures[2], "not needed");
  const others = futures.toSpliced(2, 1);
  assertEquals(await Promise.all(others), ["pool-1", 1, 3, 4]);
  assertEquals([...runs], [1, 1, 0, 1, 1]);
});

// While they run

Deno.test("P4: a job that waits is cancelled at its checkpoint, and its worker lives", async () => {
  await using pool = new TestPool({ size: 1 });
  const gate = new Gate();
  const future = pool.submit(passAsync, gate.cells);
  await gate.entered();

  assertEquals(future.cancel("enough"), true);
  assertEquals(future.state, "running", "it is asked to end, and has not ended yet");

  await assertCancelled(future, "enough");
  assertEquals(future.cancel(), false);
  assertEquals(await pool.run(whereAmI), "pool-1");
  const { cancelled, crashed, abandoned } = pool.stats();
  assertEquals([cancelled, crashed, abandoned], [1, 0, 0]);
});

Deno.test("P4: of two cancellations of a job the first counts", async () => {
  await using pool = new TestPool({ size: 1 });
  const gate = new Gate();
  const future = pool.submit(passAndThen, gate.cells, "cleanUp");
  await gate.entered();
  const reports = future.progress;
  future.cancel("first");
  future.cancel("second");
  for await (const reason of reports) {
    assertEquals(reason, "first");
    gate.open();
  }
  await assertCancelled(future, "first");
});

Deno.test("P4: the tasks that a job has started end with it", async () => {
  await using pool = new TestPool({ size: 1 });
  const gate = new Gate();
  const future = pool.submit(parent, gate.cells);
  await gate.entered();
  future.cancel();
  await assertCancelled(future);
  assertEquals(gate.cells[1], 1, "the child's clean-up has run by then");
});

Deno.test("P4: the clean-up of a cancelled job is waited for, if it is shielded", async () => {
  await using pool = new TestPool({ size: 1, grace: Infinity });
  const gate = new Gate();
  const future = pool.submit(passAndThen, gate.cells, "cleanUp");
  const cleaning = future.progress[Symbol.asyncIterator]();
  await gate.entered();
  future.cancel("enough");
  assertEquals((await cleaning.next()).value, "enough");
  assertEquals(future.state, "running");
  gate.open();
  await assertCancelled(future, "enough");
});

Deno.test("P4: a job whose clean-up fails has failed", async () => {
  await using pool = new TestPool({ size: 1 });
  const gate = new Gate();
  const future = pool.submit(passAndThen, gate.cells, "fail");
  await gate.entered();
  future.cancel();
  assertEquals((await future.error() as Error).message, "the clean-up failed");
  assertEquals(future.state, "failed");
});

Deno.test("P4: a synchronous job that ends in spite of its cancellation has succeeded", async () => {
  await using pool = new TestPool({ size: 1, grace: Infinity });
  const gate = new Gate();
  const future = pool.submit(pass, gate.cells);
  await gate.entered();
  future.cancel();
  gate.open();
  assertEquals(await future, "pool-1");
  assertEquals(await pool.run(whereAmI), "pool-1");
});

Deno.test("P4: a cancellation meant for a job does not reach the one after it", async () => {
  await using pool = new TestPool({ size: 1, grace: Infinity });
  const gates = [new Gate(), new Gate()];
  const held = pool.submit(pass, gates[0].cells);
  const next = pool.submit(passAsync, gates[1].cells);
  await gates[0].entered();
  held.cancel();
  gates[0].open();
  assertEquals(await held, "pool-1");
  await gates[1].entered();
  gates[1].open();
  assertEquals(await next, "pool-1");
});

Deno.test("P3: a job may cancel itself", async () => {
  await using pool = new TestPool({ size: 1 });
  await assertCancelled(pool.submit(cancelItself), "enough of it");
  assertEquals(await pool.run(whereAmI), "pool-1");
});

Deno.test("P4: a job whose module is never done with loading can be cancelled meanwhile, and its worker lives", async () => {
  await using pool = new TestPool({ size: 1 });
  await pool.run(whereAmI);
  const future = pool.submit(inModule("never.ts", "cancelled"));
  await eventually(() => future.running, "the module is being loaded");
  future.cancel();
  await assertCancelled(future);
  assertEquals(await pool.run(whereAmI), "pool-1");
});

// Those that do not listen

Deno.test("P4: a job that does not end when it is cancelled loses its worker after the grace, and is cancelled", async () => {
  await using pool = new TestPool({ size: 1, grace: 20 });
  const gate = new Gate();
  const runs = cells(1);
  const deaf = pool.submit(passDeaf, gate.cells);
  const next = pool.submit(visit, runs, 0);
  await gate.entered();

  deaf.cancel("enough");

  await assertCancelled(deaf, "enough");
  assertEquals(await next, 0);
  assertEquals(runs[0], 1);
  assertEquals(await pool.run(whereAmI), "pool-2");
  assertEquals(pool.stats().crashed, 1);
  // Its thread waited in its event loop, where it could be ended.
  await eventually(() => pool.stats().abandoned === 0, "the thread has ended");
});

Deno.test("P4: a thread that computes on after its job was given up counts as abandoned until it ends", async () => {
  await using pool = new TestPool({ size: 1, grace: 0 });
  const gate = new Gate();
  const held = pool.submit(pass, gate.cells);
  await gate.entered();

  held.cancel();

  await assertCancelled(held);
  assertEquals(await pool.run(whereAmI), "pool-2");
  await eventually(() => pool.stats().abandoned === 1, "the thread counts as abandoned");
  await release(pool, gate);
});

Deno.test("P4: a job that waits for its turn behind one that does not end is done by another worker", async () => {
  await using pool = new TestPool({ size: 1, grace: 0 });
  const gate = new Gate();
  const runs = cells(6);
  await warmUp(pool, act, "count", cells(1), 0);
  const futures = Array.from(
    runs,
    (_, index) => pool.submit(act, index === 0 ? "pass" : "count", runs, index, gate.cells),
  );
  await gate.entered();
  futures[0].cancel();
  await assertCancelled(futures[0]);
  assertEquals(await Promise.all(futures.slice(1)), [1, 2, 3, 4, 5]);
  await release(pool, gate);
  assertEquals([...runs], [1, 1, 1, 1, 1, 1]);
});

Deno.test("P4: when maxAbandoned threads run on, jobs are refused until one of them ends", async () => {
  await using pool = new TestPool({ size: 2, grace: 0, maxAbandoned: 2 });
  const gates = [new Gate(), new Gate()];
  const held = gates.map((gate) => pool.submit(pass, gate.cells));
  await all(gates.map((gate) => () => gate.entered()));
  for (const future of held) future.cancel();
  for (const future of held) await assertCancelled(future);
  await eventually(() => pool.stats().abandoned === 2, "both threads count as abandoned");

  assertThrows(() => pool.submit(add, 1, 2), OverloadedError, "2 of its workers were given up");
  await assertRejects(() => pool.run(add, 1, 2), OverloadedError, "'maxAbandoned'");

  gates[0].open();
  await eventually(() => pool.stats().abandoned === 1, "one of them has ended");
  assertEquals(await pool.run(add, 1, 2), 3);
  await release(pool, gates[1]);
});

Deno.test("P4: jobs that wait in the queue when maxAbandoned is reached are not lost: they run once there is a worker, or fail", async () => {
  await using pool = new TestPool({ size: 1, grace: 0, maxAbandoned: 1 });
  const gate = new Gate();
  const runs = cells(3);
  const held = pool.submit(pass, gate.cells);
  const futures = [0, 1, 2].map((index) => pool.submit(visit, runs, index));
  await gate.entered();
  held.cancel();
  await assertCancelled(held);
  for (const [index, future] of futures.entries()) {
    const error = await future.error();
    if (error === undefined) assertEquals(runs[index], 1);
    else assertInstanceOf(error, OverloadedError);
  }
  await release(pool, gate);
});

Deno.test("P4: with a grace of Infinity no worker is given up", async () => {
  await using pool = new TestPool({ size: 1, grace: Infinity });
  const gate = new Gate();
  const deaf = pool.submit(passDeaf, gate.cells);
  await gate.entered();
  deaf.cancel();
  // What has the workers looked at meanwhile: one that is given up.
  await using other = new TestPool({ size: 1, grace: 0 });
  const otherGate = new Gate();
  const otherDeaf = other.submit(passDeaf, otherGate.cells);
  await otherGate.entered();
  otherDeaf.cancel();
  await assertCancelled(otherDeaf);
  assertEquals([deaf.state, pool.stats().crashed], ["running", 0]);
  gate.open();
  assertEquals(await deaf, "pool-1");
});

Deno.test("P4: time in which the program was too busy to hear a worker is no part of the worker's grace", async () => {
  await using pool = new TestPool({ size: 1, grace: 60_000 });
  const gate = new Gate();
  const future = pool.submit(passAndThen, gate.cells, "cleanUp");
  const cleaning = future.progress[Symbol.asyncIterator]();
  await gate.entered();
  future.cancel("enough");
  await cleaning.next();
  {
    using _ = new Busy(3_600_000);
    // What has the workers looked at meanwhile: one that is given up.
    await using other = new TestPool({ size: 1, grace: 0 });
    const deafGate = new Gate();
    const deaf = other.submit(passDeaf, deafGate.cells);
    await deafGate.entered();
    deaf.cancel();
    await assertCancelled(deaf);
    assertEquals([future.state, pool.stats().crashed], ["running", 0]);
  }
  gate.open();
  await assertCancelled(future, "enough");
  assertEquals(await pool.run(whereAmI), "pool-1");
});

/** The clock of a thread that comes out of so many milliseconds of computing. */
class Busy implements Disposable {
  readonly #now: typeof performance.now = performance.now;

  constructor(ms: number) {
    performance.now = () => this.#now.call(performance) + ms;
  }

  [Symbol.dispose](): void {
    performance.now = this.#now;
  }
}

// Those who wait

Deno.test("P2: a task that is cancelled in run() has its job cancelled, and waits for its end", async () => {
  await using pool = new TestPool({ size: 1, grace: Infinity });
  const gate = new Gate();
  let hasEnded = false;
  const scope = new CancelScope();
  const running = scope.enter(async () => {
    try {
      await pool.run(passAndThen, gate.cells, "cleanUp");
    } finally {
      hasEnded = true;
    }
  });
  await gate.entered();
  scope.cancel("enough");
  await sleep(0);
  assertEquals([hasEnded, pool.stats().running], [false, 1]);
  gate.open();
  await running;
  assert(scope.cancelledCaught);
  assertEquals([hasEnded, pool.stats().cancelled], [true, 1]);
});

Deno.test("P2: a task that is cancelled before its job has started gets it back at once", async () => {
  await using pool = new TestPool({ size: 1 });
  const gate = new Gate();
  const runs = cells(1);
  const held = pool.submit(pass, gate.cells);
  await gate.entered();
  const { timedOut } = await moveOnAfter(0, () => pool.run(visit, runs, 0));
  assertEquals([timedOut, pool.stats().queued], [true, 0]);
  gate.open();
  await held;
  assertEquals(runs[0], 0);
});

Deno.test("P2: in a cancelled scope run() throws, and hands in nothing", async () => {
  await using pool = new TestPool({ size: 1 });
  const runs = cells(1);
  await cancelScope(async (scope) => {
    scope.cancel();
    assertStrictEquals(await thrownBy(pool.run(visit, runs, 0)), scope.cancelled);
  });
  assertEquals([pool.stats().workers, pool.stats().cancelled], [0, 0]);
});

Deno.test("P2: a failed sibling in a group cancels the jobs that run for it", async () => {
  await using pool = new TestPool({ size: 2 });
  const gate = new Gate();
  const boom = new Error("boom");
  const error = await thrownBy(taskGroup(async (group) => {
    group.spawn(() => pool.run(passAsync, gate.cells));
    group.spawn(() => pool.run(passAsync, gate.cells));
    await gate.entered(2);
    throw boom;
  }));
  assertStrictEquals(error, boom);
  const { cancelled, running } = pool.stats();
  assertEquals([cancelled, running], [2, 0]);
});

Deno.test("P2: a job handed in by submit goes on when the task that did so is cancelled", async () => {
  await using pool = new TestPool({ size: 1 });
  const gate = new Gate();
  let future!: Future<string>;
  const { timedOut } = await moveOnAfter(0, async () => {
    future = pool.submit(passAsync, gate.cells);
    await future;
  });
  assert(timedOut);
  await gate.entered();
  gate.open();
  assertEquals(await future, "pool-1");
});

Deno.test("P2: what a job does when its caller is cancelled: the caller throws Cancelled, or what the clean-up threw", async () => {
  await using pool = new TestPool({ size: 1 });
  for (const then of ["rethrow", "return", "fail"] as const) {
    const gate = new Gate();
    const scope = new CancelScope();
    const running = thrownBy(scope.enter(async () => {
      const error = await thrownBy(pool.run(passAndThen, gate.cells, then));
      if (then === "fail") assertInstanceOf(error, RangeError);
      else assertStrictEquals(error, scope.cancelled);
      throw new Error("checked");
    }));
    await gate.entered();
    scope.cancel();
    assertEquals((await running as Error).message, "checked");
  }
});

Deno.test("the time of a wait for a future is no limit of its job", async () => {
  await using pool = new TestPool({ size: 1 });
  const gate = new Gate();
  const future = pool.submit(passAsync, gate.cells);
  await gate.entered();
  await assertRejects(() => future.result({ timeout: 0 }), TimeoutError);
  assertEquals(future.state, "running");
  gate.open();
  assertEquals(await future.result({ timeout: 10_000 }), "pool-1");
});

// Signals

Deno.test("C8: a job's signal cancels it; run throws the signal's reason", async () => {
  await using pool = new TestPool({ size: 1 });
  const gate = new Gate();
  const controller = new AbortController();
  const reason = new Error("over");
  const running = pool.with({ signal: controller.signal }).run(passAsync, gate.cells);
  await gate.entered();
  controller.abort(reason);
  assertStrictEquals(await thrownBy(running), reason);
  assertEquals(await pool.run(whereAmI), "pool-1");
});

Deno.test("C8: a signal that aborts while the job is queued takes it out; one that has aborted keeps it out", async () => {
  await using pool = new TestPool({ size: 1 });
  const gate = new Gate();
  const runs = cells(2);
  const controller = new AbortController();
  const held = pool.submit(passAsync, gate.cells);
  const queued = pool.with({ signal: controller.signal }).submit(visit, runs, 0);
  await gate.entered();
  controller.abort("over");
  await assertCancelled(queued, "over");
  const aborted = pool.with({ signal: controller.signal });
  assertEquals(await thrownBy(aborted.run(visit, runs, 1)), "over");
  assertThrows(() => aborted.submit(visit, runs, 1));
  gate.open();
  await held;
  assertEquals([...runs], [0, 0]);
});

Deno.test("C8: a job that has ended leaves nothing on its signal", async () => {
  await using pool = new TestPool({ size: 1 });
  const controller = new AbortController();
  const future = pool.with({ signal: controller.signal }).submit(add, 1, 2);
  assertEquals(await future, 3);
  controller.abort();
  assertEquals(future.state, "succeeded");
});

// Time limits

Deno.test("P4: synchronous code is interrupted when its time is up, and the worker lives", async () => {
  await using pool = new TestPool({ size: 1 });
  const gate = new Gate();
  await pool.run(whereAmI);
  const future = pool.with({ timeout: 50 }).submit(spin, gate.cells);
  const error = await future.error();
  assertInstanceOf(error, TimeoutError);
  assertStringIncludes(error.message, '"spin"');
  assertEquals(future.state, "failed");
  assertEquals(await pool.run(whereAmI), "pool-1");
  assertEquals([pool.stats().crashed, pool.stats().failed], [0, 1]);
});

Deno.test("P4: a job that is interrupted takes none of those with it that were handed in beside it", async () => {
  await using pool = new TestPool({ size: 1 });
  const runs = cells(4);
  await pool.run(whereAmI);
  const futures: Future<unknown>[] = Array.from(
    runs,
    (_, index) =>
      index === 1
        ? pool.with({ timeout: 20 }).submit(spin, new Gate().cells)
        : pool.submit(visit, runs, index),
  );
  assertInstanceOf(await futures[1].error(), TimeoutError);
  assertEquals(await Promise.all(futures.toSpliced(1, 1)), [0, 2, 3]);
  assertEquals([...runs], [1, 0, 1, 1]);
  assertEquals(await pool.run(whereAmI), "pool-1");
});

Deno.test("P4: a job that waits when its time is up fails with a TimeoutError, and the worker lives", async () => {
  await using pool = new TestPool({ size: 1 });
  const future = pool.with({ timeout: 20, name: "slow" }).submit(passAsync, new Gate().cells);
  const error = await future.error();
  assertInstanceOf(error, TimeoutError);
  assertStringIncludes(error.message, '"slow"');
  assertEquals(await pool.run(whereAmI), "pool-1");
});

Deno.test("P4: a job that ends in time is not touched by its limit, however long that is", async () => {
  await using pool = new TestPool({ size: 1 });
  for (const timeout of [10_000, 2 ** 31, 2 ** 32, 1e15, Infinity]) {
    assertEquals(await pool.with({ timeout }).run(add, 1, 2), 3, `${timeout}`);
    assertEquals(await pool.with({ timeout }).run(passAsync, cells(2).fill(1)), "pool-1");
  }
});

Deno.test("P4: time in the queue does not count", async () => {
  await using pool = new TestPool({ size: 1 });
  const gate = new Gate();
  const held = pool.submit(passAsync, gate.cells);
  const limited = pool.with({ timeout: 10_000 }).submit(same, "in time");
  const short = pool.with({ timeout: 5 }).submit(spin, new Gate().cells);
  await gate.entered();
  await sleep(10);
  assertEquals([limited.state, short.state], ["queued", "queued"]);
  gate.open();
  await held;
  assertEquals(await limited, "in time");
  assertInstanceOf(await short.error(), TimeoutError);
});

Deno.test("P4: a job that does not listen when its time is up loses its worker after the grace", async () => {
  await using pool = new TestPool({ size: 1, grace: 20 });
  const gate = new Gate();
  const deaf = pool.with({ timeout: 20 }).submit(passDeaf, gate.cells);
  const error = await deaf.error();
  assertInstanceOf(error, TimeoutError);
  assertStringIncludes(error.message, "Its worker was given up");
  assertEquals(deaf.state, "failed");
  assertEquals(await pool.run(whereAmI), "pool-2");
  await eventually(() => pool.stats().abandoned === 0, "the thread has ended");
});

Deno.test("P4: a job that computes on after an await loses its worker when its time is up, and the thread counts as abandoned", async () => {
  await using pool = new TestPool({ size: 1, grace: 0 });
  const gate = new Gate();
  await pool.run(whereAmI); // To load the module takes of the time of the first job.
  const future = pool.with({ timeout: 20 }).submit(spinLater, gate.cells);
  await Promise.resolve(); // It has been sent.
  gate.enteredWhileNothingElseHappens();
  assertInstanceOf(await future.error(), TimeoutError);
  assertEquals(await pool.run(whereAmI), "pool-2");
  await eventually(() => pool.stats().abandoned === 1, "the thread counts as abandoned");
  await release(pool, gate);
});

Deno.test("P4: of a job that is cancelled and whose time is up what came first counts", async () => {
  await using pool = new TestPool({ size: 1, grace: 20 });
  const gate = new Gate();
  const future = pool.with({ timeout: 10_000 }).submit(passAsync, gate.cells);
  await gate.entered();
  future.cancel("enough");
  await assertCancelled(future, "enough");
});

Deno.test("P2: a job that is cancelled for its caller's time limit is no failure of the pool", async () => {
  await using pool = new TestPool({ size: 1 });
  const { timedOut } = await moveOnAfter(20, () => pool.run(passAsync, new Gate().cells));
  assert(timedOut);
  const { cancelled, failed } = pool.stats();
  assertEquals([cancelled, failed], [1, 0]);
});

Deno.test("a worker that was given up can say nothing more: what its thread returns is of no interest", async () => {
  await using pool = new TestPool({ size: 1, grace: 0 });
  const gate = new Gate();
  const held = pool.submit(pass, gate.cells);
  await gate.entered();
  held.cancel();
  const error = await held.error();
  assert(isCancelled(error));
  await release(pool, gate);
  await reached(gate.cells, 0);
  assertStrictEquals(await held.error(), error);
  assertEquals(pool.stats().succeeded, 0);
  assert(!(error instanceof WorkerCrashedError));
});
