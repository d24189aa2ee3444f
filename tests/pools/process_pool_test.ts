/**
 * `ProcessPool`: the same calls as those of `WorkerPool`, with values that travel as bytes, and what its processes may do. Its
 * siblings have processes that die (`process_pool_crash_test.ts`), cancellation (`…_cancel_test.ts`), whole programs
 * (`…_program_test.ts`), and all of that together (`…_soak_test.ts`).
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertNotEquals,
  assertNotStrictEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  BrokenResourceError,
  ClosedError,
  type Executor,
  NotPortableError,
  OverloadedError,
  portable,
  ProcessPool,
  type ProcessPoolOptions,
  RemoteError,
  TaskPool,
  transfer,
  WorkerPool,
} from "../../mod.ts";
import { thrownBy } from "../primitives/outcome.ts";
import {
  add,
  failure,
  failureLater,
  isReady,
  myName,
  myTenant,
  myTenantLater,
  prepare,
  reportAll,
  reportUnportable,
  same,
  sameLater,
  tenant,
  throwValue,
  unportable,
  unportableLater,
} from "./jobs.ts";
import {
  act,
  attempt,
  countTo,
  folder as folderOf,
  ownStates,
  permitted,
  pid,
  reportAndWait,
  stateOf,
  variable,
  visit,
  yieldAll,
} from "./process/jobs.ts";
import { eventually, Folder, Gate, ownChildren, TestPool, warmUp } from "./process/shared.ts";
import { treeOf } from "./shared.ts";

const onLinux = { ignore: Deno.build.os !== "linux" };

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

// Calls

Deno.test("a process calls a portable function with what submit and run were given, and gives back what it returns", async () => {
  await using pool = new ProcessPool({ size: 1 });
  assertEquals(await pool.submit(add, 1, 2), 3);
  assertEquals(await pool.run(add, 3, 4), 7);
  assertEquals(await pool.run(sameLater, "later"), "later");
  assertNotEquals(await pool.run(pid), Deno.pid);
});

Deno.test("a process calls a plain function by its source, sync, async or a method", async () => {
  await using pool = new ProcessPool({ size: 1 });
  assertEquals(await pool.run((n: number) => 2 * n, 21), 42);
  assertEquals(await pool.run(async (n: number) => await Promise.resolve(n), 1), 1);
  const object = {
    method(text: string): string {
      return text.toUpperCase();
    },
  };
  assertEquals(await pool.run(object.method, "up"), "UP");
});

Deno.test("a plain function that uses what is not there fails in a process by name", async () => {
  await using pool = new ProcessPool({ size: 1 });
  const outside = 1;
  const error = await thrownBy(pool.run(() => outside));
  assertInstanceOf(error, NotPortableError);
  assertStringIncludes(error.message, '"outside"');
});

Deno.test("the same calls give the same on tasks, threads and processes", async () => {
  const calls = async (pool: Executor) => ({
    run: await pool.run(add, 1, 2),
    submit: await pool.submit(add, 3, 4),
    map: await collect(pool.map(sameLater, [1, 2, 3])),
    unordered: (await collect(pool.map(same, [1, 2, 3], { ordered: false }))).toSorted(),
    stream: await collect(pool.stream(yieldAll, ["a", new Map([["b", 1n]])])),
    name: await pool.with({ name: "mine" }).run(myName),
    local: await tenant.run("t", () => pool.run(myTenantLater)),
    failure: String(await thrownBy(pool.run(failureLater, "plain"))),
  });
  await using tasks = new TaskPool(1);
  await using threads = new WorkerPool({ size: 1 });
  await using processes = new ProcessPool({ size: 1 });

  const expected = await calls(tasks);
  assertEquals(expected.map, [1, 2, 3]);
  assertEquals(await calls(threads), expected);
  assertEquals(await calls(processes), expected);
});

Deno.test("a process pool of many processes runs jobs at once, and map gives results in the order of the items", async () => {
  using folder = new Folder();
  await using pool = new TestPool(folder, { size: 2 });
  const gates = [new Gate(folder, "a"), new Gate(folder, "b")];

  const both = gates.map((gate, index) =>
    pool.submit(act, "pass", folder.file("runs"), index, gate.path)
  );
  const [[one], [two]] = await Promise.all(gates.map((gate) => gate.entered()));
  assertNotEquals(one, two);
  assertEquals([pool.stats().running, pool.stats().workers], [2, 2]);
  for (const gate of gates) gate.open();
  assertEquals(await Promise.all(both), [one, two]);

  const squares = await collect(
    pool.map((n: number) => n * n, Array.from({ length: 200 }, (_, n) => n)),
  );
  assertEquals(squares, Array.from({ length: 200 }, (_, n) => n * n));
});

Deno.test("jobs that are handed in together go to a process together, and each gives its own result", async () => {
  using folder = new Folder();
  await using pool = new TestPool(folder, { size: 2 });
  await warmUp(pool, folder);
  const results = await Promise.all(Array.from({ length: 3000 }, (_, n) => pool.run(same, n)));
  assertEquals(results, Array.from({ length: 3000 }, (_, n) => n));
});

// Values

const cycle: { self?: unknown; list: unknown[] } = { list: [] };
cycle.self = cycle;
cycle.list.push(cycle);

const shared = { n: 1 };

/** Values that JSON does not keep. */
const VALUES: Record<string, unknown> = {
  "undefined": undefined,
  "numbers": [NaN, -0, Infinity, -Infinity, 2 ** 53, 1e-320],
  "a bigint": [-(2n ** 70n), 0n, 255n],
  "strings": ["\ud800", "\0", "€😀", "x".repeat(100_000)],
  "a date": [new Date(0), new Date(NaN)],
  "a regular expression": /a(b)/gi,
  "maps and sets": new Map<unknown, unknown>([[new Set([1, "2"]), { deep: new Map() }]]),
  "typed arrays": [
    new Uint8Array([1, 255]),
    new Float64Array([0.5, NaN]),
    new BigInt64Array([-1n]),
    new Uint16Array(new Uint16Array([1, 2, 3]).buffer, 2, 1),
    new DataView(new ArrayBuffer(3), 1),
  ],
  "a buffer": new Uint8Array([1, 2, 3]).buffer,
  "a large buffer": new Uint8Array(3_000_000).fill(7),
  "boxed": [Object(1), Object("s"), Object(true), Object(1n)],
  // deno-lint-ignore no-sparse-arrays -- that is what it is about
  "a sparse list": [1, , undefined, 3],
  "an object twice": [shared, shared],
  "a cycle": cycle,
};

Deno.test("P8: what gets to a process and back is as structuredClone would have it: arguments, results, items, reports", async () => {
  await using pool = new ProcessPool({ size: 1 });
  for (const [what, value] of Object.entries(VALUES)) {
    const expected = structuredClone(value);

    const [result, [item], [reported]] = await Promise.all([
      pool.run(sameLater, value),
      collect(pool.stream(yieldAll, [value])),
      collect(pool.submit(reportAll, [value]).progress),
    ]);

    for (const came of [result, item, reported]) {
      assertEquals(came, expected, what);
      const tag = Object.prototype.toString;
      assertEquals(tag.call(came), tag.call(expected), what);
    }
  }
});

Deno.test("P8: what is one object stays one object on its way to a process and back, and is a copy", async () => {
  await using pool = new ProcessPool({ size: 1 });
  const [one, two] = await pool.run(same, VALUES["an object twice"]) as object[];
  assertStrictEquals(one, two);
  assertNotStrictEquals(one, shared);
  const loop = await pool.run(same, cycle) as typeof cycle;
  assertStrictEquals(loop.self, loop);
  assertStrictEquals(loop.list[0], loop);
});

Deno.test("P8: errors as values keep their class, message, cause and stack on their way to a process and back", async () => {
  await using pool = new ProcessPool({ size: 1 });
  const error = new RangeError("far", { cause: new TypeError("deep") });
  const came = await pool.run(same, { error }) as { error: RangeError };
  assertInstanceOf(came.error, RangeError);
  assertEquals([came.error.message, came.error.stack], ["far", error.stack]);
  assertInstanceOf(came.error.cause, TypeError);
});

Deno.test("P8: arguments for a process are copied when they are handed in, and not later", async () => {
  await using pool = new ProcessPool({ size: 1 });
  const plain = { list: [1] };
  const map = new Map([["list", [1]]]);
  const bytes = new Uint8Array([1]);
  const jobs = [pool.submit(same, plain), pool.submit(same, map), pool.submit(same, bytes)];
  plain.list.push(2);
  map.get("list")!.push(2);
  bytes[0] = 2;
  assertEquals(await Promise.all(jobs), [
    { list: [1] },
    new Map([["list", [1]]]),
    new Uint8Array([1]),
  ]);
});

Deno.test("P8: what is to be moved to a process is copied", async () => {
  await using pool = new ProcessPool({ size: 1 });
  const bytes = new Uint8Array([1, 2, 3]);
  assertEquals(await pool.run(same, transfer({ bytes })), { bytes: new Uint8Array([1, 2, 3]) });
  assertEquals([...bytes], [1, 2, 3], "it is still here");
});

Deno.test("P8: what cannot get to a process is refused at the call, with the way to it", async () => {
  await using pool = new ProcessPool({ size: 1 });
  const { port1, port2 } = new MessageChannel();
  const cases: [value: unknown, path: string, what: string][] = [
    [{ list: [1, () => 1] }, "arguments[0].list[1]", "Send data; the function"],
    [new Map([["key", Symbol("s")]]), 'arguments[0].get("key")', "Symbol(s)"],
    [{ memory: new SharedArrayBuffer(8) }, "arguments[0].memory", "Processes share no memory"],
    [new Int32Array(new SharedArrayBuffer(8)), "arguments[0]", "Processes share no memory"],
    [[Promise.resolve()], "arguments[0][0]", "Promise"],
    [new WeakMap(), "arguments[0]", "WeakMap"],
    [AbortSignal.timeout(0), "arguments[0]", "currentTask().signal"],
    [{ port: port1 }, "arguments[0].port", "MessagePort"],
  ];
  for (const [value, path, what] of cases) {
    const calls = [
      async () => await pool.submit(same, value),
      () => pool.run(same, value),
      () => collect(pool.stream(yieldAll, value as unknown[])),
    ];
    for (const call of calls) {
      const error = await thrownBy(call());
      assertInstanceOf(error, NotPortableError, path);
      assertStringIncludes(error.message, `Cannot send ${path}`);
      assertStringIncludes(error.message, "to another process");
      assertStringIncludes(error.message, what);
    }
  }
  assertThrows(() => pool.submit(same, cases[0][0]), NotPortableError);
  port1.close();
  port2.close();
  assertEquals(pool.stats().failed, 0, "none of them was a job");
  assertEquals(await pool.run(same, 1), 1);
});

Deno.test("P8: a result that cannot come from a process fails that job alone", async () => {
  await using pool = new ProcessPool({ size: 1 });
  const process = await pool.run(pid);
  for (const job of [unportable, unportableLater]) {
    for (const kind of ["a function", "a symbol", "a promise in an object"]) {
      const error = await thrownBy(pool.run(job, kind));
      assertInstanceOf(error, NotPortableError, kind);
      assertStringIncludes(error.message, "Cannot send result");
      assertStringIncludes(error.message, "to another process");
    }
    for (
      const kind of ["an object with a getter that throws", "a date beside a getter that throws"]
    ) await assertRejects(() => pool.run(job, kind), RangeError, "from the getter");
  }
  assertEquals(await pool.run(reportUnportable), "NotPortableError");
  assertEquals(await pool.run(pid), process, "the process lives");
});

// Errors

Deno.test("P6: what a job throws in a process comes with its class, name, message, cause, fields and far stack", async () => {
  await using pool = new ProcessPool({ size: 1, name: "far" });
  const thrown = async (kind: string) => await thrownBy(pool.run(failure, kind)) as Error;

  const plain = await thrown("plain");
  assertInstanceOf(plain, Error);
  assertInstanceOf(plain.cause, TypeError);
  assertEquals(plain.cause.cause, "deepest");
  assertStringIncludes(plain.stack!, "jobs.ts");
  assertStringIncludes(plain.stack!, 'in process "far-1"');

  assertInstanceOf(await thrown("type"), TypeError);
  const own = await thrown("own class") as Error & { code: string; details: unknown };
  assertInstanceOf(own, RangeError);
  assertEquals([own.code, own.details], ["E_REFUSED", { tried: [1, 2], at: new Date(0) }]);
  const strange = await thrown("own name");
  assertInstanceOf(strange, RemoteError);
  assertEquals(String(strange), "Strange: strange");
  const several = await thrown("aggregate") as AggregateError;
  assertInstanceOf(several, AggregateError);
  assertInstanceOf(several.errors[0], URIError);
  assertEquals(several.errors[1], "two");
  assertInstanceOf(await thrown("grove"), BrokenResourceError);
  assertInstanceOf(await thrown("grove pool"), OverloadedError);
  assertInstanceOf(await thrown("platform"), Deno.errors.NotFound);
  const dom = await thrown("dom");
  assertInstanceOf(dom, DOMException);
  assertEquals(dom.name, "DataError");
  const circle = await thrown("circle");
  assertStrictEquals(circle.cause, circle);
  assertInstanceOf(await thrown("a message that throws"), Error);
  assertInstanceOf(await thrown("a proxy"), Error);
});

Deno.test("P6: a job in a process may throw what is no error", async () => {
  await using pool = new ProcessPool({ size: 1 });
  for (const value of ["text", 1n, null, undefined, new Map([[1, 2]])]) {
    assertEquals(await thrownBy(pool.run(throwValue, value)), value);
  }
});

// What goes along

Deno.test("P3: progress of a job in a process comes as it is made", async () => {
  await using pool = new ProcessPool({ size: 1 });
  const job = pool.submit(reportAndWait, 3);
  const seen: unknown[] = [];
  for await (const value of job.progress) {
    seen.push(value);
    if (seen.length === 3) job.cancel();
  }
  assertEquals(seen, [0, 1, 2]);
  assert(job.cancelled);
});

Deno.test("P3: TaskLocals that are portable are there in a process, also those that JSON does not keep", async () => {
  await using pool = new ProcessPool({ size: 1 });
  const value = new Map([["tenant", 1n]]);
  assertEquals(await tenant.run(value, () => pool.run(myTenant)), value);
  assertEquals(await tenant.run(value, () => pool.run(myTenantLater)), value);
  const error = await thrownBy(tenant.run(() => {}, () => pool.run(myTenant)));
  assertInstanceOf(error, NotPortableError);
  assertStringIncludes(error.message, 'the TaskLocal "tests.tenant"');
});

Deno.test("P7: a process calls onStart before its first job, and is replaced after maxJobsPerWorker", async () => {
  await using pool = new ProcessPool({ size: 1, onStart: prepare, maxJobsPerWorker: 2 });
  assertEquals(await pool.run(isReady), true);
  const processes = [await pool.run(pid), await pool.run(pid), await pool.run(pid)];
  assertNotEquals(processes[0], processes[1]);
  assertEquals(processes[1], processes[2]);
  assertEquals(pool.stats().crashed, 0);
});

Deno.test("P7: the least number of processes is there at once, and one that is idle goes", async () => {
  using folder = new Folder();
  await using pool = new TestPool(folder, { size: { min: 1, max: 2 }, idleTimeout: 50 });
  assertEquals(pool.stats().workers, 1);
  const gate = new Gate(folder);
  const both = [0, 1].map((index) =>
    pool.submit(act, "pass", folder.file("runs"), index, gate.path)
  );
  await gate.entered(2);
  assertEquals(pool.stats().workers, 2);
  gate.open();
  await Promise.all(both);
  await eventually(() => pool.stats().workers === 1, "one has gone");
  assertEquals(typeof await pool.run(pid), "number");
});

Deno.test("P7: jobs that wait for a process have their order and their bound", async () => {
  using folder = new Folder();
  await using pool = new TestPool(folder, { order: "priority", maxQueue: 3 });
  const gate = new Gate(folder);
  const holder = pool.submit(act, "pass", folder.file("runs"), 0, gate.path);
  await gate.entered();
  const waiting = [3, 1, 2].map((priority) =>
    pool.with({ priority }).submit(visit, folder.file("runs"), priority)
  );
  assertThrows(() => pool.submit(visit, folder.file("runs"), 4), OverloadedError);
  gate.open();
  await Promise.all([holder, ...waiting]);
  assertEquals(folder.lines("runs"), ["0", "1", "2", "3"]);
});

Deno.test("a process pool tells how it is doing, in a frozen snapshot, and its tasks", async () => {
  using folder = new Folder();
  await using pool = new TestPool(folder, { name: "far" });
  const waiting = pool.with({ name: "a wait" }).submit(reportAndWait, 1);
  for await (const _ of waiting.progress) break;
  const stats = pool.stats();
  assert(Object.isFrozen(stats));
  assertEquals(stats, {
    queued: 0,
    running: 1,
    succeeded: 0,
    failed: 0,
    cancelled: 0,
    isShutDown: false,
    workers: 1,
    idle: 0,
    crashed: 0,
  });
  assertEquals((await pool.inspect()).map(({ worker }) => worker), ["far-1"]);
  assertStringIncludes(JSON.stringify(await treeOf(pool)), "a wait");
  waiting.cancel();
});

Deno.test(
  "a process pool that is shut down takes no more jobs, finishes those it has, and leaves no process and no file",
  onLinux,
  async () => {
    using folder = new Folder();
    const before = ownChildren();
    const pool = new TestPool(folder, { size: 2 });
    const jobs = [0, 1, 2, 3].map((index) => pool.submit(visit, folder.file("runs"), index));
    const closing = pool.shutdown();
    assertThrows(() => pool.submit(pid), ClosedError);
    await closing;
    assertEquals(await Promise.all(jobs), [0, 1, 2, 3]);
    // No process, and none that watches over them.
    assertEquals(ownChildren().filter((pid) => !before.includes(pid)), []);
    assertEquals(folder.left, []);
    assertEquals([pool.stats().workers, pool.stats().isShutDown], [0, true]);
  },
);

Deno.test(
  "a process pool that is shut down while its processes start leaves none",
  onLinux,
  async () => {
    using folder = new Folder();
    const before = ownChildren();
    const pool = new TestPool(folder, { size: { min: 2, max: 2 } });
    await pool.shutdown();
    assertEquals(ownChildren().filter((pid) => !before.includes(pid)), []);
    assertEquals(folder.left, []);
  },
);

// Options

Deno.test("a process pool refuses options without sense, and starts nothing then", () => {
  const wrong: [options: object, type: typeof TypeError | typeof RangeError, message: string][] = [
    [{ permissions: "some" }, TypeError, `'permissions' must be "none", "all" or an object`],
    [{ permissions: { files: true } }, TypeError, 'there is no permission "files"'],
    [
      { permissions: { read: "/tmp" } },
      TypeError,
      "'permissions.read' must be a boolean or a list",
    ],
    [{ permissions: { read: ["/a,/b"] } }, TypeError, "without commas"],
    [{ permissions: { read: [new URL("http://host/")] } }, TypeError, "'permissions.read'"],
    [{ memoryLimit: 0 }, RangeError, "'memoryLimit'"],
    [{ memoryLimit: "1 GB" }, TypeError, "'memoryLimit'"],
    [{ denoFlags: "--quiet" }, TypeError, "'denoFlags' must be a list of flags"],
    [{ denoFlags: ["main.ts"] }, TypeError, "'denoFlags' must be a list of flags"],
    [{ size: 0 }, RangeError, "'size'"],
    [{ onStart: Math.max.bind(null) }, Error, "native or bound"],
  ];
  for (const [options, type, message] of wrong) {
    assertThrows(() => new ProcessPool(options as ProcessPoolOptions), type, message);
  }
});

// What a process may do

Deno.test("P7: by default a job in a process may do nothing: what the process has needed itself was given back", async () => {
  await using pool = new ProcessPool({ size: 1 });
  assertEquals(await pool.run(permitted), []);
  assertEquals(new Set(await pool.run(ownStates)), new Set(["prompt"]));
  for (const kind of ["read", "write", "net", "env", "run", "sys", "ffi"]) {
    await assertRejects(() => pool.run(attempt, kind), Deno.errors.NotCapable);
  }
});

Deno.test("P7: a job in a process may do what is listed, and only that", async () => {
  await using pool = new ProcessPool({
    size: 1,
    permissions: {
      read: ["/etc", new URL("file:///usr")],
      net: ["127.0.0.1:9"],
      env: ["GROVE_TESTS"],
      sys: true,
      run: false,
    },
    env: { GROVE_TESTS: "a, b" },
    cwd: "/usr",
  });
  const state = (descriptor: Deno.PermissionDescriptor) => pool.run(stateOf, descriptor);
  assertEquals(await state({ name: "read", path: "/etc/hosts" }), "granted");
  assertEquals(await state({ name: "read", path: "/usr/lib" }), "granted");
  assertEquals(await state({ name: "read", path: "/var" }), "prompt");
  assertEquals(await state({ name: "write", path: "/etc" }), "prompt");
  assertEquals(await state({ name: "net", host: "127.0.0.1:9" }), "granted");
  assertEquals(await state({ name: "net", host: "127.0.0.1:10" }), "prompt");
  assertEquals(await state({ name: "env", variable: "HOME" }), "prompt");
  assertEquals(await state({ name: "sys", kind: "hostname" }), "granted");
  assertEquals(await state({ name: "run" }), "prompt");
  assertEquals(await pool.run(variable, "GROVE_TESTS"), "a, b");
  assertEquals(await pool.run(folderOf), "/usr");
});

Deno.test("P7: a folder that is listed stays so, though the process has had files of its own in it", async () => {
  using folder = new Folder();
  const lists = [folder.path, `${folder.path}/../${folder.path.split("/").at(-1)}/`, "."];
  for (const path of lists) {
    await using pool = new ProcessPool({
      size: 1,
      permissions: { read: [path], write: [path] },
      cwd: folder.path,
    });
    for (const name of ["read", "write"] as const) {
      assertEquals(await pool.run(stateOf, { name, path: folder.path }), "granted", path);
      assertEquals(await pool.run(stateOf, { name, path: "/etc" }), "prompt", path);
    }
  }
});

Deno.test("P7: all permissions are those of the program", async () => {
  await using pool = new ProcessPool({ size: 1, permissions: "all" });
  assertEquals((await pool.run(permitted)).length, 8);
});

Deno.test("P7: a module with portable functions, and what it imports, loads in a process that may read nothing", async () => {
  await using pool = new ProcessPool({ size: 1 });
  const { viaPool } = await import("./modules/has_pool.ts");
  assertEquals(await pool.run(viaPool, 2), 4);
});

Deno.test("P7: a module that was not loaded here when the process was started is an error that says so; a new process has it", async () => {
  await using pool = new ProcessPool({ size: 1, maxJobsPerWorker: 2 });
  await pool.run(pid);
  const url = new URL("./process/loaded_later.ts", import.meta.url);
  const { late } = await import(url.href);

  const error = await thrownBy(pool.run(late)) as Error;

  assertInstanceOf(error, TypeError);
  assertStringIncludes(error.message, "Requires read access to");
  assertStringIncludes(error.message, "loaded_later.ts");
  assertStringIncludes(error.message, "if it is loaded here before the process is started");
  assertEquals(await pool.run(late), "late");
});

Deno.test("a function that is portable here alone fails in a process by name", async () => {
  await using pool = new ProcessPool({ size: 1, permissions: { read: true } });
  const url = new URL("./process/jobs.ts", import.meta.url).href;
  const missing = portable({ url }, function onlyHere() {});
  const error = await thrownBy(pool.run(missing));
  assertInstanceOf(error, NotPortableError);
  assertStringIncludes(error.message, "has no portable function of that name there");
});

// Streams

Deno.test("a stream from a process runs ahead so far and no further, and ends when it is left", async () => {
  using folder = new Folder();
  await using pool = new TestPool(folder);
  const seen: number[] = [];
  for await (const n of pool.stream(countTo, folder.file("numbers"), 100_000)) {
    seen.push(n);
    if (n === 9) break;
  }
  assertEquals(seen, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  const lines = folder.lines("numbers");
  assertEquals(lines.at(-1), "ended");
  assert(lines.length < 1000, `it has made ${lines.length}`);
});

Deno.test("a stream from a process gives all of its items, in order", async () => {
  using folder = new Folder();
  await using pool = new TestPool(folder);
  const items = await collect(pool.stream(countTo, folder.file("numbers"), 2000));
  assertEquals(items, Array.from({ length: 2000 }, (_, n) => n));
});
