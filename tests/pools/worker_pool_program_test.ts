/**
 * Pools in whole programs: what keeps them from ending, what they may do, and threads that nothing can stop.
 *
 * @module
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { type End, program, type ProgramOptions } from "../io/program.ts";

const here = new URL(".", import.meta.url);
const READ = "--allow-read";

/** What a program prints and ends with, whose source may use `jobs`, the portable functions of the tests. */
async function outcomeOf(
  source: string,
  flags: string[],
  options: ProgramOptions = {},
): Promise<End> {
  const imports = [
    `import * as jobs from "${new URL("jobs.ts", here)}";`,
    `import * as streams from "${new URL("streams.ts", here)}";`,
  ];
  await using running = await program(`${imports.join("\n")}\n${source}`, {
    ...options,
    flags: ["--no-check", ...flags],
  });
  // In case that it hangs: it prints nothing then, and the test fails.
  const timer = setTimeout(() => running.kill("SIGKILL"), 60_000);
  try {
    return await running.end();
  } finally {
    clearTimeout(timer);
  }
}

async function assertPrints(lines: string[], source: string, flags: string[]): Promise<void> {
  const { code, signal, stdout, stderr } = await outcomeOf(source, flags);
  assertEquals(
    { code, signal, stdout: stdout.trimEnd().split("\n"), stderr },
    { code: 0, signal: null, stdout: lines, stderr: "" },
  );
}

Deno.test("a pool that nobody shuts down lets the program end", async () => {
  await assertPrints(
    ["3"],
    `const pool = new grove.WorkerPool({ size: { min: 2, max: 2 } });
     console.log(await pool.run(jobs.add, 1, 2));`,
    [READ],
  );
});

Deno.test("a pool that never had a job lets the program end", async () => {
  await assertPrints(
    ["made"],
    `new grove.WorkerPool({ size: { min: 1, max: 2 } });
     console.log("made");`,
    [READ],
  );
});

Deno.test("a program does not end while a job runs, also if nobody waits for it", async () => {
  await assertPrints(
    ["handed in", "succeeded"],
    `const pool = new grove.WorkerPool({ size: 1 });
     const future = pool.submit(async () => { await new Promise((done) => setTimeout(done, 200)); });
     future.onDone(({ state }) => console.log(state));
     console.log("handed in");`,
    [READ],
  );
});

Deno.test("a pool whose worker was abandoned while it waited lets the program end", async () => {
  await assertPrints(
    ["AbortError", "3"],
    `const pool = new grove.WorkerPool({ size: 1, grace: 0 });
     const gate = new Int32Array(new SharedArrayBuffer(8));
     const future = pool.submit(jobs.passDeaf, gate);
     await Atomics.waitAsync(gate, 0, 0).value;
     future.cancel();
     console.log((await future.error()).name);
     console.log(await pool.run(jobs.add, 1, 2));`,
    [READ],
  );
});

Deno.test("P4: a job that computes for ever is given up, and the pool goes on, until the program exits", async () => {
  await assertPrints(
    ["AbortError", "pool-2", "TimeoutError", "pool-3", "OverloadedError", "2"],
    `const pool = new grove.WorkerPool({ size: 1, grace: 0, maxAbandoned: 2 });
     const spin = (gate) => {
       Atomics.store(gate, 0, 1);
       Atomics.notify(gate, 0);
       for (;;);
     };
     const spinLater = async (gate) => {
       await Promise.resolve();
       Atomics.store(gate, 1, 1);
       Atomics.notify(gate, 1);
       for (;;);
     };
     const gate = new Int32Array(new SharedArrayBuffer(8));
     const future = pool.submit(spin, gate);
     await Atomics.waitAsync(gate, 0, 0).value;
     future.cancel();
     console.log((await future.error()).name);
     console.log(await pool.run(jobs.whereAmI));
     const late = pool.with({ timeout: 50 }).submit(spinLater, gate);
     const next = pool.submit(jobs.whereAmI);
     await Promise.resolve();
     // It computes by the time that it is looked at for the first time.
     Atomics.wait(gate, 1, 0);
     console.log((await late.error()).name);
     console.log(await next);
     while (pool.stats().abandoned < 2) await grove.sleep(1);
     console.log((await pool.run(jobs.add, 1, 2).catch((error) => error)).name);
     console.log(pool.stats().abandoned);
     Deno.exit();`,
    [READ],
  );
});

Deno.test("P4: synchronous code for ever is interrupted by its time limit, and the program ends by itself", async () => {
  await assertPrints(
    ["TimeoutError", "TimeoutError", "pool-1"],
    `const pool = new grove.WorkerPool({ size: 1, grace: 60_000 });
     await pool.run(jobs.whereAmI);
     for (const fn of [() => { for (;;); }, () => /^(a+)+$/.test("a".repeat(40) + "b")]) {
       console.log((await pool.with({ timeout: 50 }).run(fn).catch((error) => error)).name);
     }
     console.log(await pool.run(jobs.whereAmI));`,
    [READ],
  );
});

Deno.test("a function of the program's own module runs in a worker, which does not run the program again", async () => {
  await assertPrints(
    ["main", "42"],
    `const answer = grove.portable(import.meta, function answer() { return 42; });
     if (import.meta.main) {
       console.log("main");
       console.log(await grove.defaultPool().run(answer));
     }`,
    [READ],
  );
});

Deno.test("P5: a program that hands in jobs at its top level, and not under import.meta.main, is told so, and is no fork bomb", async () => {
  const { code, stdout, stderr } = await outcomeOf(
    `console.log("loaded");
     const answer = grove.portable(import.meta, function answer() { return 42; });
     const pool = new grove.WorkerPool({ size: { min: 1, max: 2 } });
     console.log(await pool.run(answer));`,
    [READ],
  );
  // Once as the program, and once in the worker that looks for the function.
  assertEquals([code, stdout], [1, "loaded\nloaded\n"]);
  assertStringIncludes(stderr, "Do it under 'if (import.meta.main)'");
});

// What is there

Deno.test("P11: defaultPool is a WorkerPool where there are workers, the same for all, and anew after a shutdown", async () => {
  await assertPrints(
    ["true true default", "3", "true", "5"],
    `const pool = grove.defaultPool();
     console.log(pool instanceof grove.WorkerPool, pool === grove.defaultPool(), pool.name);
     console.log(await pool.run(jobs.add, 1, 2));
     await pool.shutdown();
     console.log(grove.defaultPool() !== pool);
     console.log(await grove.defaultPool().run(jobs.add, 2, 3));`,
    [READ],
  );
});

Deno.test("P11: defaultPool is a TaskPool where the program may not read the worker's module", async () => {
  await assertPrints(
    ["true", "3", "0,1,2"],
    `const pool = grove.defaultPool();
     console.log(pool instanceof grove.TaskPool);
     console.log(await pool.run(jobs.add, 1, 2));
     const list = [];
     const count = new Int32Array(new SharedArrayBuffer(8));
     for await (const n of pool.stream(streams.numbers, count, 3)) list.push(n);
     console.log(list.join());`,
    [],
  );
});

Deno.test("P11: defaultPool is a TaskPool where there is no Worker; a WorkerPool says so", async () => {
  await assertPrints(
    ["true", "3", "Cannot make a WorkerPool as there is no Worker here. Use defaultPool()"],
    `delete globalThis.Worker;
     const pool = grove.defaultPool();
     console.log(pool instanceof grove.TaskPool);
     console.log(await pool.run(jobs.add, 1, 2));
     try {
       new grove.WorkerPool();
     } catch (error) {
       console.log(error.message);
     }`,
    [READ],
  );
});

Deno.test("P11: defaultPool that is first asked for in a task does not end with that task", async () => {
  await assertPrints(
    ["3", "7"],
    `await grove.taskGroup(async () => console.log(await grove.defaultPool().run(jobs.add, 1, 2)));
     console.log(await grove.defaultPool().run(jobs.add, 3, 4));`,
    [READ],
  );
});

Deno.test("a WorkerPool whose module may not be read fails its jobs with that", async () => {
  const { code, stdout } = await outcomeOf(
    `const pool = new grove.WorkerPool({ size: 1 });
     const error = await pool.run(jobs.add, 1, 2).catch((error) => error);
     console.log(error.name, error.message.includes("--allow-read"));`,
    [],
  );
  assertEquals([code, stdout], [0, "WorkerCrashedError true\n"]);
});

// Permissions

const UNSTABLE = "--unstable-worker-options";

Deno.test('P7: with permissions "none" a job may do nothing, and compute', async () => {
  await assertPrints(
    ["6", "NotCapable", "granted"],
    `const pool = new grove.WorkerPool({ size: 1, permissions: "none" });
     console.log(await pool.run((n) => n * 2, 3));
     const read = (path) => Deno.readTextFileSync(path).length > 0 ? "granted" : "empty";
     const path = new URL("./deno.json", "${new URL("../../", here)}");
     console.log((await pool.run(read, path.pathname).catch((error) => error)).name);
     const other = new grove.WorkerPool({ size: 1 });
     console.log(await other.run(read, path.pathname));`,
    [READ, UNSTABLE],
  );
});

Deno.test("P7: with permissions to read its modules alone a job may load them, and do nothing else", async () => {
  await assertPrints(
    ["3", "NotCapable"],
    `const pool = new grove.WorkerPool({
       size: 1,
       permissions: { read: [new URL("${new URL("../../", here)}")] },
     });
     console.log(await pool.run(jobs.add, 1, 2));
     const start = () => void new Deno.Command("true").outputSync();
     console.log((await pool.run(start).catch((error) => error)).name);`,
    [READ, "--allow-run", UNSTABLE],
  );
});

Deno.test('P7: with permissions "none" a portable function of a file fails with a word about it, and the worker lives', async () => {
  await assertPrints(
    ["true", "pool-1"],
    `const pool = new grove.WorkerPool({ size: 1, permissions: "none" });
     const error = await pool.run(jobs.add, 1, 2).catch((error) => error);
     console.log(error.message.includes("read"));
     console.log(await pool.run(() => self.name));`,
    [READ, UNSTABLE],
  );
});

Deno.test("P7: permissions that the program has not itself fail the jobs", async () => {
  const { code, stdout } = await outcomeOf(
    `const pool = new grove.WorkerPool({ size: 1, permissions: { net: true } });
     const error = await pool.run(() => 1).catch((error) => error);
     console.log(error.name);
     await pool.shutdown();`,
    [READ, UNSTABLE],
  );
  assertEquals([code, stdout], [0, "WorkerCrashedError\n"]);
});

// Deaths

Deno.test("P5: an error that nothing catches in a worker does not end the program, and is not printed as its own", async () => {
  await assertPrints(
    ["WorkerCrashedError last words", "WorkerCrashedError last words", "3"],
    `const pool = new grove.WorkerPool({ size: 1 });
     const runs = new Int32Array(new SharedArrayBuffer(4));
     for (const how of ["uncaught error", "unhandled rejection"]) {
       const error = await pool.run(jobs.dieWaiting, how, runs, 0).catch((error) => error);
       console.log(error.name, error.cause.message);
     }
     console.log(await pool.run(jobs.add, 1, 2));`,
    [READ],
  );
});

Deno.test("P5: an exit code of a worker is not the program's", async () => {
  await assertPrints(
    ["WorkerCrashedError 7"],
    `const pool = new grove.WorkerPool({ size: 1 });
     const runs = new Int32Array(new SharedArrayBuffer(4));
     const error = await pool.run(jobs.dieWaiting, "Deno.exit", runs, 0).catch((error) => error);
     console.log(error.name, error.exitCode);`,
    [READ],
  );
});

Deno.test("the error of a job that nobody looks at is thrown where the pool is shut down", async () => {
  const { code, stderr } = await outcomeOf(
    `await using pool = new grove.WorkerPool({ size: 1 });
     pool.submit(jobs.failure, "type");`,
    [READ],
  );
  assertEquals(code, 1);
  assertStringIncludes(stderr, "TypeError: type");
});
