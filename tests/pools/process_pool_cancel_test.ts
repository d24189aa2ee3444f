/**
 * Rules P2 and P4 for processes: a cancellation reaches a job wherever it is, and a process that does not end a job is killed.
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
import {
  Cancelled,
  CancelScope,
  type Future,
  isCancelled,
  moveOnAfter,
  taskGroup,
  TimeoutError,
} from "../../mod.ts";
import { thrownBy } from "../primitives/outcome.ts";
import { add, cancelItself } from "./jobs.ts";
import { act, countTo, loop, pid, spin, spinLater, visit, wait } from "./process/jobs.ts";
import { eventually, Folder, Gate, isRunning, tally, TestPool, warmUp } from "./process/shared.ts";

const onLinux = { ignore: Deno.build.os !== "linux" };

async function assertCancelled(future: Future<unknown>, reason: string): Promise<void> {
  const error = await future.error();
  assertInstanceOf(error, Cancelled);
  assertStringIncludes(error.message, reason);
  assertEquals(future.state, "cancelled");
}

Deno.test("P4: a job for a process that is still queued leaves the queue at once, and never runs", async () => {
  using folder = new Folder();
  await using pool = new TestPool(folder);
  const gate = new Gate(folder);
  const holder = pool.submit(spin, gate.path);
  const queued = pool.submit(visit, folder.file("runs"), 0);
  await gate.entered();

  assert(queued.cancel("not needed"));

  await assertCancelled(queued, "not needed");
  assertEquals(holder.state, "running");
  gate.open();
  await holder;
  await pool.run(add, 1, 2);
  assertEquals(folder.lines("runs"), []);
});

Deno.test("P4: a job that was sent to a process in a batch and has not started is taken back, and never runs", async () => {
  using folder = new Folder();
  await using pool = new TestPool(folder);
  await warmUp(pool, folder);
  const gate = new Gate(folder);
  const futures = Array.from(
    { length: 8 },
    (_, index) =>
      pool.submit(act, index === 0 ? "pass" : "count", folder.file("runs"), index, gate.path),
  );
  await gate.entered();

  futures[2].cancel();
  futures[5].cancel();

  assertEquals(futures.map(({ cancelled }) => cancelled).filter(Boolean).length, 2, "at once");
  gate.open();
  await Promise.all(futures.map((future) => future.error()));
  assertEquals(tally(folder.lines("runs"), 8), [1, 1, 0, 1, 1, 0, 1, 1]);
});

Deno.test("P4: a job that runs in a process is cancelled at its next checkpoint, with its clean-up, and the process lives", async () => {
  using folder = new Folder();
  await using pool = new TestPool(folder);
  const gate = new Gate(folder);
  const job = pool.submit(wait, gate.path, "cleanUp");
  const [process] = await gate.entered();

  job.cancel("not needed");

  await assertCancelled(job, "not needed");
  assert(gate.has("cleaned"));
  assertEquals(await pool.run(pid), process);
  assertEquals(pool.stats().crashed, 0);
});

Deno.test("P2: the cancellation of the task that waits cancels its job in a process, and is thrown when that has ended", async () => {
  using folder = new Folder();
  await using pool = new TestPool(folder);
  const gate = new Gate(folder);
  const scope = new CancelScope();
  let thrown: unknown;
  await scope.enter(async () => {
    gate.entered().then(() => scope.cancel("enough"));
    thrown = await thrownBy(pool.run(wait, gate.path, "cleanUp"));
    assert(gate.has("cleaned"), "it has ended by then");
  });
  assert(isCancelled(thrown));
  assertEquals(pool.stats().cancelled, 1);
});

Deno.test("P2: the end of the task that has submitted a job does not end it", async () => {
  using folder = new Folder();
  await using pool = new TestPool(folder);
  let future!: Future<number>;
  await taskGroup(() => void (future = pool.submit(visit, folder.file("runs"), 3)));
  assertEquals(await future, 3);
});

Deno.test("P3: a job in a process that cancels itself is cancelled", async () => {
  using folder = new Folder();
  await using pool = new TestPool(folder);
  await assertCancelled(pool.submit(cancelItself) as Future<unknown>, "enough of it");
});

Deno.test("P4: the signal of a job ends it in its process, and its reason is thrown", async () => {
  using folder = new Folder();
  await using pool = new TestPool(folder);
  const gate = new Gate(folder);
  const controller = new AbortController();
  const run = pool.with({ signal: controller.signal }).run(wait, gate.path, "rethrow");
  gate.entered().then(() => controller.abort(new RangeError("no more")));
  await assertRejects(() => run, RangeError, "no more");
});

for (const [name, job] of Object.entries({ spin, spinLater })) {
  Deno.test(
    `P4: a process whose job does not end after its cancellation is killed after grace, and replaced: ${name}`,
    onLinux,
    async () => {
      using folder = new Folder();
      await using pool = new TestPool(folder, { grace: 30 });
      const gate = new Gate(folder);
      const spinning = pool.submit(job, gate.path);
      const behind = pool.submit(visit, folder.file("runs"), 0);
      const [process] = await gate.entered();

      spinning.cancel("not needed");

      await assertCancelled(spinning, "not needed");
      await eventually(() => !isRunning(process), "the process is dead");
      assertEquals(await behind, 0);
      assert(await pool.run(pid) !== process);
      const { crashed, cancelled, succeeded } = pool.stats();
      assertEquals([crashed, cancelled, succeeded], [1, 1, 2]);
    },
  );
}

Deno.test(
  "P4: a process whose job ignores its cancellation while it waits is killed after grace, too",
  onLinux,
  async () => {
    using folder = new Folder();
    await using pool = new TestPool(folder, { grace: 0 });
    const gate = new Gate(folder);
    const job = pool.submit(wait, gate.path, "ignore");
    const [process] = await gate.entered();
    job.cancel();
    await assertCancelled(job, "");
    await eventually(() => !isRunning(process), "the process is dead");
  },
);

Deno.test("P4: jobs in a batch behind one that is killed run elsewhere, once", async () => {
  using folder = new Folder();
  await using pool = new TestPool(folder, { grace: 0 });
  await warmUp(pool, folder);
  const gate = new Gate(folder);
  const futures = Array.from(
    { length: 8 },
    (_, index) =>
      pool.submit(act, index === 0 ? "pass" : "count", folder.file("runs"), index, gate.path),
  );
  await gate.entered();

  futures[0].cancel();

  await assertCancelled(futures[0], "");
  await Promise.all(futures.slice(1));
  assertEquals(tally(folder.lines("runs"), 8), new Array(8).fill(1));
});

Deno.test("P4: the time of a job in a process is up: a wait ends, synchronous code is interrupted, and the process lives", async () => {
  using folder = new Folder();
  await using pool = new TestPool(folder);
  const process = await pool.run(pid);
  const limited = pool.with({ timeout: 50 });

  const waiting = await thrownBy(limited.run(wait, folder.file("gate"), "rethrow"));
  assertInstanceOf(waiting, TimeoutError);
  const computing = await thrownBy(limited.run(loop, folder.file("gate")));
  assertInstanceOf(computing, TimeoutError);
  assertStringIncludes(computing.message, "it was interrupted after 50 ms");

  assertEquals(await pool.run(pid), process);
  assertEquals(pool.stats().crashed, 0);
});

Deno.test(
  "P4: the time of a job in a process is up that nothing can interrupt: the process is killed",
  onLinux,
  async () => {
    using folder = new Folder();
    await using pool = new TestPool(folder, { grace: 30 });
    const process = await pool.run(pid);
    const error = await pool.with({ timeout: 30 }).submit(spinLater, folder.file("gate")).error();
    assertInstanceOf(error, TimeoutError);
    assertStringIncludes(error.message, "Its worker was given up");
    await eventually(() => !isRunning(process), "the process is dead");
    assertEquals(await pool.run(add, 1, 2), 3);
  },
);

Deno.test("a stream from a process that is cancelled while it waits for the next item ends its generator", async () => {
  using folder = new Folder();
  await using pool = new TestPool(folder);
  const result = await moveOnAfter(50, async () => {
    for await (const _ of pool.stream(countTo, folder.file("numbers"), 100_000)) {
      await new Promise(() => {});
    }
  }).catch((error) => error);
  assertEquals((result as { timedOut: boolean }).timedOut, true);
});

Deno.test("a process pool whose scope is cancelled cancels its jobs", async () => {
  using folder = new Folder();
  const gate = new Gate(folder);
  const scope = new CancelScope();
  let job!: Future<unknown>;
  await scope.enter(async () => {
    await using pool = new TestPool(folder);
    job = pool.submit(wait, gate.path, "cleanUp");
    await gate.entered();
    scope.cancel("enough");
  });
  await assertCancelled(job, "enough");
  assert(gate.has("cleaned"));
});

Deno.test("shutdown({ cancelPending }) cancels what has not started, and lets a process end what it runs", async () => {
  using folder = new Folder();
  const pool = new TestPool(folder);
  await warmUp(pool, folder);
  const gate = new Gate(folder);
  const futures = Array.from(
    { length: 30 },
    (_, index) =>
      pool.submit(act, index === 0 ? "pass" : "count", folder.file("runs"), index, gate.path),
  );
  await gate.entered();
  const closing = pool.shutdown({ cancelPending: true });
  assertEquals(futures.filter(({ cancelled }) => cancelled).length, 29);
  gate.open();
  await closing;
  assertEquals(futures[0].state, "succeeded");
  assertEquals(folder.lines("runs"), ["0"]);
});
