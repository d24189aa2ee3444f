/**
 * Rule P5 for processes: one that dies fails the job that it runs, is replaced, and no other job is lost or run twice. It dies in
 * every way that there is, and at every point of a job's way.
 *
 * @module
 */

import { assert, assertEquals, assertInstanceOf, assertStringIncludes } from "@std/assert";
import { type Future, type ProcessPoolOptions, sleep, WorkerCrashedError } from "../../mod.ts";
import { thrownBy } from "../primitives/outcome.ts";
import { exitAtStart, failToStart, neverStart } from "./jobs.ts";
import { inModule } from "./modules.ts";
import {
  act,
  attempt,
  corrupt,
  type Death,
  DEATHS,
  dieAfterwards,
  dieWaiting,
  fillBuffers,
  fillHeap,
  large,
  pid,
  reportAndExit,
  startSleeper,
  visit,
  wait,
} from "./process/jobs.ts";
import {
  errorsOf,
  eventually,
  Folder,
  Gate,
  isRunning,
  ownChildren,
  tally,
  TestPool,
  warmUp,
} from "./process/shared.ts";

const onLinux = { ignore: Deno.build.os !== "linux" };

// How many processes are killed, one after the other.
const KILLED = 5;

const SIGNALS: Partial<Record<Death, number>> = { SIGKILL: 137, SIGTERM: 143 };

/** What a job fails with whose process has died so. */
function assertDiedOf(how: Death, error: unknown, job: string, worker = "pool-1"): void {
  assertInstanceOf(error, WorkerCrashedError);
  assertStringIncludes(error.message, `Cannot finish "${job}" as its worker "${worker}" is gone`);
  if (how === "uncaught error" || how === "unhandled rejection") {
    assertStringIncludes(error.message, "nothing caught: last words");
    assertInstanceOf(error.cause, RangeError);
    assertEquals(error.cause.message, "last words");
    assertStringIncludes(error.cause.stack!, "jobs.ts");
    assertEquals(error.exitCode, 1);
  } else if (how in SIGNALS) {
    assertStringIncludes(error.message, `it was killed by ${how}. Its last words: last words`);
    assertEquals([error.cause, error.exitCode], [undefined, SIGNALS[how]]);
  } else {
    assertStringIncludes(error.message, "it has exited with code 7");
    assertEquals([error.cause, error.exitCode], [undefined, 7]);
  }
}

Deno.test("P5: a process that dies in a job that waits, in whatever way, fails it, and the pool goes on", async () => {
  using folder = new Folder();
  await using pool = new TestPool(folder);
  for (const [index, how] of DEATHS.entries()) {
    const runs = folder.file(how);
    const dying = pool.submit(dieWaiting, how, runs, 0);
    const others = [1, 2, 3].map((index) => pool.submit(visit, runs, index));

    assertDiedOf(how, await dying.error(), "dieWaiting", `pool-${index + 1}`);
    assertEquals(await Promise.all(others), [1, 2, 3]);
    assertEquals(tally(folder.lines(how), 4), [1, 1, 1, 1], `${how}: each ran once`);
    const { crashed, failed, succeeded, workers } = pool.stats();
    assertEquals([crashed, failed, succeeded, workers], [index + 1, index + 1, 3 * index + 3, 1]);
  }
});

Deno.test("P5: a process that dies while it is idle, in whatever way, fails no job, and the next one finds another", async () => {
  using folder = new Folder();
  await using pool = new TestPool(folder);
  for (const [index, how] of DEATHS.entries()) {
    const gate = new Gate(folder, how);
    const first = await pool.run(dieAfterwards, how, gate.path);

    gate.open();

    await eventually(() => pool.stats().crashed === index + 1, `${how}: the process is gone`);
    assertEquals(pool.stats().workers, 0);
    assert(await pool.run(pid) !== first, how);
    assertEquals(pool.stats().failed, 0);
  }
});

for (const how of DEATHS) {
  Deno.test(`P5: ${how} in a process touches none of the jobs that were sent along in one batch`, async () => {
    using folder = new Folder();
    await using pool = new TestPool(folder);
    await warmUp(pool, folder);
    const dying = 3;

    // The others take so long that their results have left: they are not of the last millisecond.
    const futures: Future<unknown>[] = Array.from(
      { length: 10 },
      (_, index) =>
        pool.submit(
          act,
          index === dying ? how : index < dying ? "compute" : "count",
          folder.file("runs"),
          index,
        ),
    );

    const errors = await errorsOf(futures);
    assertDiedOf(how, errors[dying], "act");
    assertEquals(errors.toSpliced(dying, 1), new Array(9).fill(null));
    assertEquals(tally(folder.lines("runs"), 10), new Array(10).fill(1), "each ran once");
    assertEquals(pool.stats().crashed, 1);
  });
}

for (const how of ["Deno.exit", "process.exit"] as const) {
  Deno.test(`P5: ${how} in a process loses none of the jobs that had ended just before it`, async () => {
    using folder = new Folder();
    await using pool = new TestPool(folder);
    await warmUp(pool, folder);
    for (let round = 0; round < 3; round++) {
      const futures = Array.from(
        { length: 6 },
        (_, index) => pool.submit(act, index === 5 ? how : "count", folder.file("runs"), index),
      );
      const errors = await errorsOf(futures);
      assertInstanceOf(errors.pop(), WorkerCrashedError);
      assertEquals(errors, [null, null, null, null, null]);
    }
  });
}

Deno.test("P5: what a job has reported before it exits is heard", async () => {
  using folder = new Folder();
  await using pool = new TestPool(folder);
  const dying = pool.submit(reportAndExit, 3);
  const seen: unknown[] = [];
  for await (const value of dying.progress) seen.push(value);

  assertInstanceOf(await dying.error(), WorkerCrashedError);
  assertEquals(seen, [0, 1, 2]);
});

Deno.test("P9: results of a process do not wait for the jobs behind them", async () => {
  using folder = new Folder();
  await using pool = new TestPool(folder);
  await warmUp(pool, folder);
  const gate = new Gate(folder);

  const futures = Array.from(
    { length: 4 },
    (_, index) =>
      pool.submit(act, index === 3 ? "pass" : "compute", folder.file("runs"), index, gate.path),
  );

  // The last holds the process until all others have come.
  await Promise.all(futures.slice(0, 3));
  await gate.entered();
  assertEquals(futures[3].state, "running");
  gate.open();
  await futures[3];
});

Deno.test("P9: a long job of a process does not hold back those behind it: they go to another", async () => {
  using folder = new Folder();
  await using pool = new TestPool(folder, { size: 2 });
  await warmUp(pool, folder);
  const gate = new Gate(folder);

  const futures = Array.from(
    { length: 40 },
    (_, index) =>
      pool.submit(
        act,
        index === 0 || index === 20 ? "pass" : "count",
        folder.file("runs"),
        index,
        gate.path + (index === 0 ? "" : "2"),
      ),
  );
  const second = new Gate(folder, "gate2");
  const [holder] = await gate.entered();
  await second.entered();
  second.open();

  const others = await Promise.all(futures.slice(1));
  assertEquals(futures[0].state, "running");
  gate.open();
  assertEquals(await futures[0], holder);
  assertEquals(others.filter((process) => process === holder), [], "the other process did them");
  assertEquals(tally(folder.lines("runs"), 40), new Array(40).fill(1), "each ran once");
});

// Killed from outside, without a word

Deno.test(
  "P5: a process that is killed while it runs a job fails that one alone",
  onLinux,
  async () => {
    using folder = new Folder();
    await using pool = new TestPool(folder);
    const gate = new Gate(folder);
    const running = pool.submit(wait, gate.path, "rethrow");
    const behind = [0, 1, 2].map((index) => pool.submit(visit, folder.file("runs"), index));
    const [process] = await gate.entered();

    Deno.kill(process, "SIGKILL");

    const error = await running.error();
    assertInstanceOf(error, WorkerCrashedError);
    assertStringIncludes(error.message, "it was killed by SIGKILL");
    assertEquals(error.exitCode, 137);
    assertEquals(await Promise.all(behind), [0, 1, 2]);
    assertEquals(tally(folder.lines("runs"), 3), [1, 1, 1]);
  },
);

Deno.test("P5: a process that is killed as jobs are sent to it has started none: they run elsewhere, once", async () => {
  using folder = new Folder();
  await using pool = new TestPool(folder);
  await warmUp(pool, folder);
  const process = await pool.run(pid);

  Deno.kill(process, "SIGSTOP"); // So that it reads nothing more.
  const futures = [0, 1, 2, 3].map((index) =>
    pool.submit(act, "count", folder.file("runs"), index)
  );
  await sleep(0);
  Deno.kill(process, "SIGKILL");

  for (const where of await Promise.all(futures)) assert(where !== process);
  assertEquals(tally(folder.lines("runs"), 4), [1, 1, 1, 1]);
  assertEquals(pool.stats().crashed, 1);
});

Deno.test(
  "P5: a process that is killed while it starts is replaced, or its jobs fail with that: none hangs",
  onLinux,
  async () => {
    using folder = new Folder();
    const before = ownChildren();
    await using pool = new TestPool(folder, { size: 1 });
    const job = pool.submit(visit, folder.file("runs"), 0);
    let process: number | undefined;
    await eventually(() => {
      process = ownChildren().find((pid) => !before.includes(pid));
      return process !== undefined;
    }, "a process is being started");

    Deno.kill(process!, "SIGKILL");

    const error = await job.error();
    assertInstanceOf(error, WorkerCrashedError);
    assertStringIncludes(
      error.message,
      'Cannot start the worker "pool-1": it was killed by SIGKILL',
    );
    assertEquals(await pool.run(visit, folder.file("runs"), 1), 1);
    assertEquals(tally(folder.lines("runs"), 2), [0, 1]);
  },
);

Deno.test("P5: a process that is killed while it sends a large result fails that job alone", async () => {
  using folder = new Folder();
  await using pool = new TestPool(folder);
  const gate = new Gate(folder);
  const process = await pool.run(pid);

  const sending = pool.submit(large, gate.path, 100_000_000);
  const behind = pool.submit(visit, folder.file("runs"), 0);
  // It has come so far that it makes its result; at what point of it the signal comes is chance.
  await gate.entered();
  Deno.kill(process, "SIGKILL");

  const error = await sending.error();
  assertInstanceOf(error, WorkerCrashedError);
  assertEquals(await behind, 0);
  assertEquals(tally(folder.lines("runs"), 1), [1]);
});

Deno.test("P5: however often processes are killed, no job is lost or runs twice, and each death fails those alone that it may", async () => {
  using folder = new Folder();
  await using pool = new TestPool(folder, { size: 2 });
  await warmUp(pool, folder);
  const processes = new Set<number>();
  const futures: Future<unknown>[] = [];
  const handIn = () => {
    const future = pool.submit(act, "compute", folder.file("runs"), futures.length);
    futures.push(future);
    // One that has done something is killed in the middle of the next.
    future.then((process) => {
      if (processes.size === KILLED) return;
      // There is always more to do until so many are killed.
      handIn();
      if (processes.has(process as number)) return;
      processes.add(process as number);
      Deno.kill(process as number, "SIGKILL");
    }, () => {});
  };
  for (let n = 0; n < 60; n++) handIn();

  let errors: unknown[] = [];
  // Those too that are handed in meanwhile.
  while (errors.length < futures.length) errors = await errorsOf(futures);
  const count = futures.length;
  const runs = tally(folder.lines("runs"), count);
  let failed = 0;
  errors.forEach((error, index) => {
    if (error === null) assertEquals(runs[index], 1, `job ${index} has run once`);
    else {
      assertInstanceOf(error, WorkerCrashedError);
      assert(runs[index] <= 1, `job ${index} has run at most once`);
      failed++;
    }
  });
  assertEquals([processes.size, pool.stats().crashed], [KILLED, KILLED]);
  // One that runs, and one that has ended just now.
  assert(failed <= 2 * KILLED, `${failed} jobs have failed by ${KILLED} deaths`);
});

// What hides a death

/** How many pipes this process has open. */
function pipes(): number {
  let count = 0;
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    try {
      if (Deno.readLinkSync(`/proc/self/fd/${name}`).startsWith("pipe:")) count++;
    } catch {
      // That of the folder itself.
    }
  }
  return count;
}

Deno.test(
  "P5: what a job has started, and lives on, does not hide the death of its process",
  onLinux,
  async () => {
    using folder = new Folder();
    const before = pipes();
    let sleeper = 0;
    try {
      await using pool = new TestPool(folder);
      sleeper = await pool.run(startSleeper);

      const error = await thrownBy(pool.run(dieWaiting, "SIGKILL", folder.file("runs"), 0));

      assertDiedOf("SIGKILL", error, "dieWaiting");
      assert(isRunning(sleeper), "it has not been waited for");
      assertEquals(typeof await pool.run(pid), "number");
    } finally {
      Deno.kill(sleeper, "SIGKILL");
      await eventually(() => pipes() === before, "what reads its standard error has seen its end");
    }
  },
);

// Modules

const missing = inModule("missing.ts", "job");
const exits = inModule("exits.ts", "job");
const throws = inModule("throws.ts", "job");
const never = inModule("never.ts", "job");
const without = inModule("plain.ts", "job");

Deno.test("P5: a module that cannot load fails its jobs with why, and the process lives", async () => {
  using folder = new Folder();
  const root = new URL("../../", import.meta.url);
  await using pool = new TestPool(folder, { permissions: { read: [root] } });
  const process = await pool.run(pid);

  const cases: [job: () => unknown, name: string, message: string][] = [
    [throws, "RangeError", "this module cannot be loaded"],
    [missing, "TypeError", "missing.ts"],
    [without, "NotPortableError", "has no portable function of that name there"],
  ];
  for (const [job, name, message] of cases) {
    const error = await thrownBy(pool.run(job)) as Error;
    assertEquals(error.name, name);
    assertStringIncludes(error.message, message);
  }
  assertEquals(await pool.run(pid), process);
});

Deno.test("P5: a module that is never done with loading fails its jobs after startTimeout, and the process lives", async () => {
  using folder = new Folder();
  const root = new URL("../../", import.meta.url);
  await using pool = new TestPool(folder, {
    size: { min: 1, max: 1 },
    permissions: { read: [root] },
    startTimeout: 100,
  });
  // As long as there is no job, nobody minds how long the process takes to start.
  await eventually(() => pool.stats().idle === 1, "the process is ready");

  const error = await thrownBy(pool.run(never)) as Error;

  assertEquals(error.name, "NotPortableError");
  assertStringIncludes(error.message, "takes longer than 100 ms");
  // A plain function: it has no module to be loaded.
  assertEquals(await pool.run(() => 1), 1);
  assertEquals(pool.stats().crashed, 0);
});

Deno.test("P5: a module that exits when it is loaded fails one job a process, in no loop", async () => {
  using folder = new Folder();
  const root = new URL("../../", import.meta.url);
  await using pool = new TestPool(folder, { permissions: { read: [root] } });
  const errors = await errorsOf([pool.submit(exits), pool.submit(exits)]);

  for (const error of errors) {
    assertInstanceOf(error, WorkerCrashedError);
    assertEquals(error.exitCode, 5);
  }
  assertEquals(pool.stats().crashed, 2);
});

Deno.test("P5: a process that is killed while it loads a module fails that job alone", async () => {
  using folder = new Folder();
  await using pool = new TestPool(folder, { permissions: "all" });
  const process = await pool.run(pid);
  const loading = pool.submit(never);
  const other = pool.submit(visit, folder.file("runs"), 0);
  await eventually(() => loading.running, "the module is being loaded");

  Deno.kill(process, "SIGKILL");

  assertInstanceOf(await loading.error(), WorkerCrashedError);
  assertEquals(await other, 0);
  assertEquals(tally(folder.lines("runs"), 1), [1]);
});

// Processes that cannot start

/** A start that goes wrong, and what is said about it. */
const STARTS: Record<string, [options: ProcessPoolOptions, message: string]> = {
  "with a flag that Deno does not know": [
    { denoFlags: ["--no-such-flag"] },
    "it has exited with code 1. Its last words: error: unexpected argument '--no-such-flag' found",
  ],
  "in a folder that is not there": [{ cwd: "/no/such/folder" }, "/no/such/folder"],
  "with an onStart that throws": [
    { onStart: failToStart },
    "it has failed to start: not today",
  ],
  "with an onStart that never ends": [
    { onStart: neverStart, startTimeout: 200 },
    "it has not started within 200 ms",
  ],
  "with an onStart that exits": [{ onStart: exitAtStart }, "it has exited with code 3"],
  "with an onStart that lacks a permission": [
    { onStart: attemptRead, permissions: "none" },
    "'permissions: { read: [\"/etc/hostname\"] }'",
  ],
  "with an onStart from a module that throws": [
    { onStart: throws, permissions: "all" },
    "this module cannot be loaded",
  ],
};

function attemptRead(): void {
  Deno.readTextFileSync("/etc/hostname");
}

for (const [what, [options, message]] of Object.entries(STARTS)) {
  Deno.test(`P5: processes that cannot start, ${what}, fail the jobs that wait, in no loop`, async () => {
    using folder = new Folder();
    await using pool = new TestPool(folder, { size: 2, ...options });
    const futures = [pool.submit(pid), pool.submit(pid), pool.submit(pid)];

    for (const error of await errorsOf(futures)) {
      assertInstanceOf(error, WorkerCrashedError);
      assertStringIncludes(error.message, 'Cannot start the worker "pool-');
      assertStringIncludes(error.message, message);
    }
    const { crashed, workers } = pool.stats();
    assert(crashed <= 2, `${crashed} were started`);
    assertEquals(workers, 0);
  });
}

// Memory

Deno.test("a process whose objects take more memory than its limit is killed, and that is said", async () => {
  using folder = new Folder();
  await using pool = new TestPool(folder, { memoryLimit: 120_000_000 });

  const error = await thrownBy(pool.run(fillHeap));

  assertInstanceOf(error, WorkerCrashedError);
  assertStringIncludes(error.message, "memory");
  assertEquals(typeof await pool.run(pid), "number");
});

Deno.test("a process whose heap is full says so", async () => {
  using folder = new Folder();
  // No limit for the process, so that it is the heap's own which it meets.
  await using pool = new TestPool(folder, { denoFlags: ["--v8-flags=--max-old-space-size=30"] });

  const error = await thrownBy(pool.run(fillHeap));

  assertInstanceOf(error, WorkerCrashedError);
  assertStringIncludes(error.message, "out of memory");
  assertEquals(typeof await pool.run(pid), "number");
});

Deno.test(
  "a process whose buffers take more memory than its limit is killed, and that is said",
  onLinux,
  async () => {
    using folder = new Folder();
    await using pool = new TestPool(folder, { memoryLimit: 200_000_000 });

    const error = await thrownBy(pool.run(fillBuffers));

    assertInstanceOf(error, WorkerCrashedError);
    assertStringIncludes(
      error.message,
      "it was killed by SIGKILL, as it is when it takes more than its 200000000 bytes of memory",
    );
    assertEquals(typeof await pool.run(pid), "number");
  },
);

// What cannot be read

function bytesOf(text: string): number[] {
  return [...new TextEncoder().encode(text)];
}

/** What a process sends in the place of a message, and what is said about it. */
const GARBAGE: Record<string, [bytes: number[], message: string]> = {
  "is no message": [[1, 0, 0, 0, 9, 0], "its kind would be 9"],
  "is too long": [[255, 255, 255, 255, 0], "it would have 4294967295 bytes"],
  "is a text without sense": [[2, 0, 0, 0, 0, 91, 91], "JSON"],
  "is a value without sense": [[2, 0, 0, 0, 1, 255, 255], "it has sent what makes no sense"],
  "passes over jobs": [[9, 0, 0, 0, 0, ...bytesOf("[1000,[]]")], "they pass over a job"],
};

Deno.test("a process that sends what cannot be read is given up, and the pool goes on", async () => {
  using folder = new Folder();
  await using pool = new TestPool(folder, { permissions: "all" });
  let crashed = 0;
  for (const [what, [bytes, message]] of Object.entries(GARBAGE)) {
    const process = await pool.run(pid);

    const socket = folder.file(`own${crashed}`);
    const error = await thrownBy(pool.run(corrupt, socket, new Uint8Array(bytes), false));

    assertInstanceOf(error, WorkerCrashedError, what);
    assertStringIncludes(error.message, "it has sent what makes no sense", what);
    assertStringIncludes(error.message, message, what);
    assert(await pool.run(pid) !== process, what);
    assertEquals(pool.stats().crashed, ++crashed, what);
  }
});

Deno.test("a process that sends a part of a message and hangs up fails its job, and the pool goes on", async () => {
  using folder = new Folder();
  await using pool = new TestPool(folder, { permissions: "all" });
  const process = await pool.run(pid);

  const error = await thrownBy(pool.run(corrupt, folder.file("own"), new Uint8Array(), true));

  assertInstanceOf(error, WorkerCrashedError);
  assert(await pool.run(pid) !== process);
});

Deno.test("what a job lacks a permission for is an error that says how it gets one", async () => {
  using folder = new Folder();
  await using pool = new TestPool(folder, { permissions: "none" });
  const cures: Record<string, string> = {
    read: 'read: ["/etc/hostname"]',
    write: 'write: ["/tmp/grove_not_there/file"]',
    net: 'net: ["127.0.0.1:9"]',
    env: 'env: ["HOME"]',
    run: 'run: ["true"]',
    sys: 'sys: ["hostname"]',
    ffi: 'ffi: ["/lib/none.so"]',
  };
  for (const [kind, cure] of Object.entries(cures)) {
    const error = await thrownBy(pool.run(attempt, kind));
    assertInstanceOf(error, Deno.errors.NotCapable, kind);
    assertStringIncludes(error.message, `Requires ${kind} access`);
    assertStringIncludes(error.message, `is said by 'permissions: { ${cure} }'`);
    assertStringIncludes(error.stack!, cure);
  }
});
