/**
 * `WorkerPool`: calls, values, errors, and what is to be seen of it. Its siblings have workers that die
 * (`worker_pool_crash_test.ts`), cancellation (`…_cancel_test.ts`), the order of jobs (`…_order_test.ts`), how workers start
 * and how many there are (`…_start_test.ts`, `…_size_test.ts`), batches (`…_batch_test.ts`), streams (`…_stream_test.ts`), the
 * end (`…_shutdown_test.ts`), and whole programs (`…_program_test.ts`).
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertNotStrictEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  BrokenResourceError,
  type Future,
  inspect,
  NotPortableError,
  OverloadedError,
  RemoteError,
  taskGroup,
  transfer,
  type TreeNode,
  WorkerPool,
} from "../../mod.ts";
import { encodingOf } from "../../pools/payload.ts";
import { assertType, calling, type Same } from "../primitives/probes.ts";
import { thrownBy } from "../primitives/outcome.ts";
import {
  add,
  echoThroughPort,
  failure,
  failureLater,
  giveBuffer,
  keptLengths,
  lengthOf,
  myName,
  myTenant,
  myTenantLater,
  parent,
  pass,
  passAsync,
  passDeaf,
  postForeign,
  reportAll,
  reportUnportable,
  same,
  sameLater,
  takePlace,
  tenant,
  throwValue,
  unportable,
  unportableLater,
  whereAmI,
} from "./jobs.ts";
import { cells, eventually, Gate, TestPool, treeOf } from "./shared.ts";
import { viaPool } from "./modules/has_pool.ts";

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

// Calls

Deno.test("a worker calls a portable function with what submit and run were given, and gives back what it returns", async () => {
  await using pool = new TestPool({ size: 1 });
  assertEquals(await pool.submit(add, 1, 2), 3);
  assertEquals(await pool.run(add, 3, 4), 7);
  assertEquals(await pool.run(sameLater, "later"), "later");
  assertEquals(await pool.run(whereAmI), "pool-1");
});

Deno.test("a portable function is called here as before", () => {
  assertEquals(add(1, 2), 3);
});

Deno.test("submit and run infer types from the function", async () => {
  await using pool = new TestPool({ size: 1 });
  const future = pool.submit(add, 1, 2);
  const later = pool.submit(passAsync, new Int32Array(new SharedArrayBuffer(8)).fill(1));
  assertType<Same<typeof future, Future<number>>>();
  assertType<Same<typeof later, Future<string>>>();
  // @ts-expect-error -- an argument of another type
  const wrong = () => pool.run(add, "1", 2);
  assert(wrong);
  await Promise.all([future, later]);
});

Deno.test("a plain function that needs nothing of its surroundings runs on a worker too", async () => {
  await using pool = new TestPool({ size: 1 });
  assertEquals(await pool.run((n: number) => n + 1, 1), 2);
  assertEquals(
    await pool.run(async function later(text: string) {
      await new Promise((resolve) => setTimeout(resolve));
      return text.toUpperCase();
    }, "a"),
    "A",
  );
  const object = {
    twice(n: number) {
      return 2 * n;
    },
  };
  assertEquals(await pool.run(object.twice, 4), 8);
});

Deno.test("P1: a plain function that uses what is not there fails with its name, and the cure", async () => {
  await using pool = new TestPool({ size: 1 });
  const factor = 3;
  for (
    const job of [
      pool.run((n: number) => n * factor, 1),
      pool.run(async (n: number) => await (n * factor), 1),
    ]
  ) {
    const error = await thrownBy(job);
    assertInstanceOf(error, NotPortableError);
    assertStringIncludes(error.message, 'it uses "factor"');
    assertStringIncludes(error.message, "portable(import.meta");
  }
});

Deno.test("map runs a function for each item, and gives the results in order", async () => {
  await using pool = new TestPool({ size: 2 });
  const numbers = Array.from({ length: 500 }, (_, n) => n);
  assertEquals(await collect(pool.map(same, numbers)), numbers);
});

Deno.test("map without an order gives what is ready first", async () => {
  await using pool = new TestPool({ size: 2 });
  const gate = new Gate();
  const gates = [gate.cells, cells(2).fill(1)];
  const results: string[] = [];
  for await (const name of pool.map(passAsync, gates, { ordered: false, concurrency: 2 })) {
    results.push(name);
    gate.open();
  }
  assertEquals(results.length, 2);
});

Deno.test("leaving the loop over map early cancels what runs", async () => {
  await using pool = new TestPool({ size: 2 });
  const gate = new Gate();
  const gates = [cells(2).fill(1), gate.cells, gate.cells];
  for await (const _ of pool.map(passAsync, gates, { concurrency: 2 })) {
    await gate.entered();
    break;
  }
  const { cancelled, succeeded, running, queued } = pool.stats();
  assertEquals([cancelled >= 1, succeeded, running, queued], [true, 1, 0, 0]);
});

Deno.test("a failure ends map, and cancels what else runs", async () => {
  await using pool = new TestPool({ size: 2 });
  await assertRejects(
    () => collect(pool.map(failure, ["type", "type", "type"])),
    TypeError,
    "type",
  );
  assertEquals(pool.stats().queued + pool.stats().running, 0);
});

Deno.test("P3: a job runs in a task of its own, which has the name of the function or the one that was given", async () => {
  await using pool = new TestPool({ size: 1 });
  assertEquals(await pool.run(myName), "myName");
  assertEquals(await pool.with({ name: "nightly" }).run(myName), "nightly");
  assertEquals(pool.with({ name: "nightly" }).submit(myName).name, "nightly");
  assertEquals(await Promise.all([1, 2, 3].map(() => pool.run(myName))), Array(3).fill("myName"));
});

Deno.test("a module with a pool of its own has it for all of the worker's jobs, not for the one that loaded it", async () => {
  await using pool = new TestPool({ size: 1 });
  for (const n of [1, 2, 3]) assertEquals(await pool.run(viaPool, n), 2 * n);
});

// Values

const shared = { n: 1 };
const circle: { self?: unknown } = {};
circle.self = circle;
const VALUES: Record<string, unknown> = {
  "undefined": undefined,
  "null": null,
  "not a number": NaN,
  "zero": 0,
  "minus zero": -0,
  "infinity": -Infinity,
  "a big integer": 2n ** 70n,
  "a fraction": 0.1 + 0.2,
  "a string": 'quotes " and \\ and \u2028 and \ud83d\ude00',
  "half a pair": "\ud83d",
  "an empty string": "",
  "true": true,
  "a list": [1, "two", null, [3]],
  "an empty list": [],
  "a list with a hole": Object.assign(new Array(3), { 0: 1, 2: 3 }),
  "a list with undefined": [undefined, 1],
  "an object": { a: 1, b: { c: [true] } },
  "undefined in an object": { a: undefined },
  "the same object twice": [shared, shared],
  "a circle": circle,
  "a date": new Date(86_400_000),
  "a map": new Map<unknown, unknown>([["a", new Set([1])], [2, new Map()]]),
  "an expression": /a+/gi,
  "bytes": new Uint8Array([1, 2, 3]),
  "a view": new DataView(new Uint8Array([1, 2, 3]).buffer, 1),
  "many": Array.from({ length: 1000 }, (_, n) => ({ n })),
  "deep": Array.from({ length: 40 }).reduce<unknown>((inner) => ({ inner }), 1),
  "toJSON, a field like another": { toJSON: "text" },
  "an own __proto__": JSON.parse('{ "__proto__": 1 }'),
  "an error": new RangeError("as a value"),
};

Deno.test("P8: values come back as they were", async () => {
  await using pool = new TestPool({ size: 1 });
  for (const [name, value] of Object.entries(VALUES)) {
    for (const fn of [same, sameLater]) {
      const returned = await pool.run(fn, value);
      assertEquals(returned, value, name);
      assert(Object.is(returned, value) || typeof value === "object", name);
      if (value instanceof Error) assertInstanceOf(returned, RangeError, name);
    }
  }
});

Deno.test("P8: what occurs twice is one object there, and what is shared is the same memory", async () => {
  await using pool = new TestPool({ size: 1 });
  const [a, b] = await pool.run(same, [shared, shared]) as [object, object];
  assertStrictEquals(a, b);
  assertNotStrictEquals(a, shared);
  const memory = cells(1);
  await pool.run(takePlace, memory);
  await pool.run(takePlace, memory);
  assertEquals(memory[0], 2);
});

Deno.test("P8: what is returned is what it was when the job returned it, even if the next job changes it", async () => {
  await using pool = new TestPool({ size: 1 });
  const grow = function grow(n: number): number[] {
    const list = ((globalThis as { list?: number[] }).list ??= []);
    list.push(n);
    return list;
  };
  await pool.run(grow, 0);
  const lists = await Promise.all([1, 2, 3].map((n) => pool.run(grow, n)));
  assertEquals(lists, [[0, 1], [0, 1, 2], [0, 1, 2, 3]]);
});

Deno.test("P8: an argument that cannot be cloned is an error at the call, with the way to it; the pool is not affected", async () => {
  await using pool = new TestPool({ size: 1 });
  const submit = (...args: unknown[]) => calling(pool.submit.bind(pool), same, ...args);
  const says = (path: string, ...args: unknown[]) =>
    assertThrows(submit(...args), NotPortableError, `Cannot send ${path} to another thread`);
  says("arguments[0]", () => {});
  says("arguments[1].deep[2].fn", 1, { deep: [1, 2, { fn() {} }] });
  says('arguments[0].get("key")', new Map([["key", Symbol("s")]]));
  says("an element of arguments[0]", new Set([() => {}]));
  says("arguments[0].promise", { promise: Promise.resolve() });
  says("arguments[0].signal", { signal: new AbortController().signal });
  says("arguments[0].map", { map: new WeakMap() });
  await assertRejects(() => pool.run(same, { fn() {} }), NotPortableError, "arguments[0].fn");

  const { queued, running, failed, succeeded, workers } = pool.stats();
  assertEquals([queued, running, failed, succeeded, workers], [0, 0, 0, 0, 0]);
  assertEquals(await pool.run(add, 1, 2), 3);
});

Deno.test("P8: an argument that was spoilt after the call fails its job alone", async () => {
  await using pool = new TestPool({ size: 1 });
  const spoilt: Record<string, unknown> = { date: new Date() };
  const futures = [
    pool.submit(same, new Date(1)),
    pool.submit(same, spoilt),
    pool.submit(same, new Date(2)),
  ];
  spoilt.fn = () => {};
  assertEquals((await futures[1].error() as Error).name, "DataCloneError");
  assertEquals(await futures[0], new Date(1));
  assertEquals(await futures[2], new Date(2));
  assertEquals(await pool.run(whereAmI), "pool-1");
});

Deno.test("P8: what cannot be sent as a result fails that job alone, and the worker lives", async () => {
  await using pool = new TestPool({ size: 1 });
  const kinds = {
    "a function": "Cannot send result to another thread as it is the function",
    "a symbol": "Cannot send result to another thread as it is",
    "a promise in an object": "Cannot send result.deep[0] to another thread",
    "an object with a getter that throws": "from the getter",
    "a date beside a getter that throws": "from the getter",
    "a proxy that answers nothing": "from the proxy",
  };
  for (const [kind, says] of Object.entries(kinds)) {
    for (const fn of [unportable, unportableLater]) {
      const futures = [pool.submit(add, 1, 1), pool.submit(fn, kind), pool.submit(add, 2, 2)];
      const error = await futures[1].error();
      assertStringIncludes((error as Error).message, says, kind);
      assertEquals([await futures[0], await futures[2]], [2, 4], kind);
    }
  }
  assertEquals(await pool.run(whereAmI), "pool-1");
  assertEquals(pool.stats().crashed, 0);
});

Deno.test("P8: what is no plain object or short list is not asked for its keys: a list of bytes has as many as bytes", () => {
  const asked = (value: object) => {
    let isAsked = false;
    const ownKeys = () => {
      isAsked = true;
      return [];
    };
    assertEquals(encodingOf([new Proxy(value, { ownKeys })]), "clone");
    return isAsked;
  };
  assertEquals([asked(new Uint8Array(1)), asked(new Date()), asked(new Array(1000))], [
    false,
    false,
    false,
  ]);
});

Deno.test("P8: transfer moves the buffer of an argument: it is gone here", async () => {
  await using pool = new TestPool({ size: 1 });
  const [copied, moved, inside] = [3, 4, 5].map((length) => new Uint8Array(length));
  assertEquals(await pool.run(lengthOf, copied), 3);
  assertEquals(await pool.run(lengthOf, transfer(moved)), 4);
  const back = await pool.run(same, transfer({ inside }, [inside.buffer])) as typeof shared;
  assertEquals(back, { inside: new Uint8Array(5) } as unknown);
  assertEquals([copied.length, moved.length, inside.length], [3, 0, 0]);
});

Deno.test("P8: transfer moves the buffer of a result: it is gone there", async () => {
  await using pool = new TestPool({ size: 1 });
  assertEquals(await pool.run(giveBuffer, true), new Uint8Array([1, 2, 3]));
  assertEquals(await pool.run(giveBuffer, false), new Uint8Array([1, 2, 3]));
  assertEquals(await pool.run(keptLengths), [0, 3]);
});

Deno.test("P8: a buffer that two jobs are to have moved fails the second alone", async () => {
  await using pool = new TestPool({ size: 1 });
  const bytes = transfer(new Uint8Array(3));
  const futures = [pool.submit(lengthOf, bytes), pool.submit(lengthOf, bytes)];
  assertEquals(await futures[0], 3);
  assertEquals((await futures[1].error() as Error).name, "DataCloneError");
  assertEquals(await pool.run(whereAmI), "pool-1");
});

Deno.test("P8: a port is moved by transfer, and works", async () => {
  await using pool = new TestPool({ size: 1 });
  const { port1, port2 } = new MessageChannel();
  const answer = Promise.withResolvers<unknown>();
  port1.onmessage = ({ data }) => answer.resolve(data);
  const job = pool.run(echoThroughPort, transfer(port2));
  port1.postMessage("hello");
  assertEquals(await answer.promise, "echo hello");
  await job;
  port1.close();
  assertThrows(() => pool.submit(same, port1), NotPortableError, "Move it with transfer");
});

// Errors

Deno.test("P6: errors keep class, name, message, cause, errors, fields and the far stack", async () => {
  await using pool = new TestPool({ size: 1 });
  for (const fail of [failure, failureLater]) {
    const thrown = (kind: string) => thrownBy(pool.run(fail, kind)) as Promise<Error>;

    const plain = await thrown("plain");
    assertStrictEquals(Object.getPrototypeOf(plain), Error.prototype);
    assertInstanceOf(plain.cause, TypeError);
    assertEquals(plain.cause.cause, "deepest");
    assertStringIncludes(plain.stack!, "jobs.ts");
    assertStringIncludes(plain.stack!, 'in worker "pool-1"');

    assertStrictEquals(Object.getPrototypeOf(await thrown("type")), TypeError.prototype);

    const own = await thrown("own class") as RangeError & { code: string; details: unknown };
    assertInstanceOf(own, RangeError);
    assertEquals(own.message, "refused");
    assertEquals(own.code, "E_REFUSED");
    assertEquals(own.details, { tried: [1, 2], at: new Date(0) });
    assertEquals("callback" in own, false);

    const strange = await thrown("own name");
    assertInstanceOf(strange, RemoteError);
    assertEquals([strange.name, strange.message], ["Strange", "strange"]);

    const several = await thrown("aggregate");
    assertInstanceOf(several, AggregateError);
    assertInstanceOf(several.errors[0], URIError);
    assertEquals(several.errors[1], "two");

    assertInstanceOf(await thrown("grove"), BrokenResourceError);
    assertInstanceOf(await thrown("grove pool"), OverloadedError);
    assertInstanceOf(await thrown("platform"), Deno.errors.NotFound);
    const dom = await thrown("dom");
    assertInstanceOf(dom, DOMException);
    assertEquals(dom.name, "DataError");

    assertEquals((await thrown("circle")).message, "circle");
  }
  assertEquals(await pool.run(whereAmI), "pool-1");
});

Deno.test("P6: what is thrown and is no error comes as it is", async () => {
  await using pool = new TestPool({ size: 1 });
  for (const value of ["text", 0, null, undefined, { code: 1 }, [1]]) {
    assertEquals(await pool.submit(throwValue, value).error(), value);
  }
});

Deno.test("P6: an error that cannot be read fails its job alone, and the worker lives", async () => {
  await using pool = new TestPool({ size: 1 });
  for (const fail of [failure, failureLater]) {
    for (const kind of ["a message that throws", "a proxy"]) {
      assertInstanceOf(await thrownBy(pool.run(fail, kind)), Error);
    }
  }
  assertEquals(await pool.run(whereAmI), "pool-1");
  assertEquals(pool.stats().crashed, 0);
});

Deno.test("what a job posts or listens to by itself does not come between the pool and its worker", async () => {
  await using pool = new TestPool({ size: 1 });
  for (const message of ["hello", null, { type: "dying" }]) {
    await assertRejects(() => pool.run(postForeign, message), TypeError, "nobody listens for it");
  }
  await pool.run(() => void Object.assign(globalThis, { onmessage: null }));
  assertEquals(await pool.run(add, 1, 2), 3);
  assertEquals(pool.stats().crashed, 0);
});

// Reports and values of the caller

Deno.test("P3: what a job reports comes out of the future's progress, in order, and ends with the job", async () => {
  await using pool = new TestPool({ size: 1 });
  const reports = [1, "two", { three: new Date(3) }, undefined];
  const future = pool.submit(reportAll, reports);
  assertEquals(await collect(future.progress), reports);
  assertEquals(await future, 4);
});

Deno.test("P3: of jobs in one batch each reports to its own future", async () => {
  await using pool = new TestPool({ size: 1 });
  const futures = [1, 2, 3].map((n) => pool.submit(reportAll, [n, -n]));
  assertEquals(await Promise.all(futures.map(({ progress }) => collect(progress))), [
    [1, -1],
    [2, -2],
    [3, -3],
  ]);
});

Deno.test("P3: a report comes while the job runs", async () => {
  await using pool = new TestPool({ size: 1 });
  const gate = new Gate();
  const future = pool.submit(
    // deno-lint-ignore no-explicit-any -- this function travels as its source, where no type can be named
    async (gate: any, url: string) => {
      const { progress } = await import(url);
      progress("half");
      await Atomics.waitAsync(gate, 1, 0).value;
    },
    gate.cells,
    new URL("../../mod.ts", import.meta.url).href,
  );
  for await (const value of future.progress) {
    assertEquals([value, future.state], ["half", "running"]);
    gate.open();
  }
  await future;
});

Deno.test("P3: a report that cannot be cloned is an error where it is made", async () => {
  await using pool = new TestPool({ size: 1 });
  assertEquals(await pool.run(reportUnportable), "DataCloneError");
});

Deno.test("P3: TaskLocals that are portable have their values in the job", async () => {
  await using pool = new TestPool({ size: 1 });
  assertEquals(await pool.run(myTenant), undefined);
  await tenant.run("ash", async () => {
    assertEquals(await pool.run(myTenant), "ash");
    assertEquals(await tenant.run({ name: "birch" }, () => pool.run(myTenantLater)), {
      name: "birch",
    });
    const both = [pool.submit(myTenant), tenant.run("cedar", () => pool.submit(myTenant))];
    assertEquals(await Promise.all(both), ["ash", "cedar"]);
  });
  assertEquals(await pool.run(myTenant), undefined);
});

Deno.test("P3: a TaskLocal whose value cannot be cloned is an error at the call, with its name", async () => {
  await using pool = new TestPool({ size: 1 });
  tenant.run(() => {}, () => {
    assertThrows(() => pool.submit(myTenant), NotPortableError, 'the TaskLocal "tests.tenant"');
  });
});

// What is to be seen

Deno.test("stats tells what a pool does, and is a frozen snapshot", async () => {
  await using pool = new TestPool({ size: 1, name: "mill" });
  const gate = new Gate();
  const before = pool.stats();
  assert(Object.isFrozen(before));
  assertEquals(before, {
    queued: 0,
    running: 0,
    succeeded: 0,
    failed: 0,
    cancelled: 0,
    isShutDown: false,
    workers: 0,
    idle: 0,
    crashed: 0,
    abandoned: 0,
  });
  const running = pool.submit(passAsync, gate.cells);
  const failing = pool.submit(failure, "type");
  const cancelled = pool.submit(add, 1, 2);
  assertEquals([pool.stats().queued, pool.stats().running], [3, 0]);
  await gate.entered();
  assertEquals([running.state, failing.state], ["running", "queued"]);
  const { queued, running: count, workers, idle } = pool.stats();
  assertEquals([queued, count, workers, idle], [2, 1, 1, 0]);
  cancelled.cancel();
  gate.open();
  assertEquals(await running, "mill-1");
  assertInstanceOf(await failing.error(), TypeError);
  const { succeeded, failed, cancelled: ended } = pool.stats();
  assertEquals([succeeded, failed, ended], [1, 1, 1]);
  await eventually(() => pool.stats().idle === 1, "the worker is idle");
  await pool.shutdown();
  assertEquals([pool.stats().isShutDown, pool.stats().workers], [true, 0]);
});

Deno.test("workers are called after the pool, and numbered", async () => {
  await using pool = new TestPool({ name: "mill", size: 2 });
  const gate = new Gate();
  const both = [pool.run(pass, gate.cells), pool.run(pass, gate.cells)];
  await gate.entered(2);
  gate.open();
  assertEquals((await Promise.all(both)).sort(), ["mill-1", "mill-2"]);
  assertEquals(pool.name, "mill");
});

function find(tree: TreeNode, name: string): TreeNode | undefined {
  return tree.name === name
    ? tree
    : tree.children.map((child) => find(child, name)).find((node) => node);
}

Deno.test("pool.inspect gives the tasks of each worker, with what they wait for", async () => {
  await using pool = new TestPool({ size: 1 });
  const gate = new Gate();
  const job = pool.submit(parent, gate.cells);
  await gate.entered();

  assertEquals((await pool.inspect()).map(({ worker }) => worker), ["pool-1"]);
  const node = find(await treeOf(pool), "parent");
  assertEquals(node?.state, "running");
  assertEquals(find(node!, "child")?.waitingFor.map(({ kind }) => kind), ["sleep"]);
  assertEquals(node?.age, undefined);
  job.cancel();
  assertEquals((await job.error() as Error).name, "AbortError");

  const second = new Gate();
  const later = pool.submit(parent, second.cells);
  await second.entered();
  assertEquals(
    typeof find(await treeOf(pool), "parent")?.age,
    "number",
    "once asked, it notes ages",
  );
  later.cancel();
  await later.error();
});

Deno.test("pool.inspect gives no tree of a worker that runs synchronous code, and goes on without it", async () => {
  await using pool = new TestPool({ size: 1 });
  const gate = new Gate();
  const job = pool.submit(pass, gate.cells);
  await gate.entered();
  assertEquals(await pool.inspect(), [{ worker: "pool-1", tree: undefined }]);
  gate.open();
  await job;
});

Deno.test("inspect() shows a pool with its workers, and what they run", async () => {
  await using pool = new TestPool({ size: 1, name: "images" });
  const gate = new Gate();
  const jobs = [pool.submit(passAsync, gate.cells), pool.submit(add, 1, 2)];
  await gate.entered();
  const node = find(inspect(), "images")!;
  assertEquals(node.kind, "pool");
  assertEquals([node.details?.running, node.details?.queued, node.details?.workers], [1, 1, 1]);
  const [worker] = node.children;
  assertEquals([worker.kind, worker.name, worker.state], ["worker", "images-1", "ready"]);
  assertEquals(worker.children.map(({ kind, name, state }) => [kind, name, state]), [
    ["job", "passAsync", "running"],
  ]);
  gate.open();
  assertEquals(await jobs[1], 3);
});

Deno.test("inspect shows a job under the task that runs it", async () => {
  await using pool = new TestPool({ size: 1 });
  const gate = new Gate();
  await taskGroup(async (group) => {
    const caller = group.spawn(() => pool.run(passAsync, gate.cells), { name: "caller" });
    group.spawn(() => pool.with({ name: "second" }).run(add, 1, 2), { name: "other" });
    await gate.entered();
    const job = find(inspect(), "caller")!.children[0];
    assertEquals([job.kind, job.name, job.state], ["job", "passAsync", "running"]);
    assertEquals(job.details, { worker: "pool-1" });
    const queued = find(inspect(), "other")!.children[0];
    assertEquals([queued.kind, queued.name, queued.state], ["job", "second", "queued"]);
    gate.open();
    await caller;
  });
  assertEquals(find(inspect(), "caller"), undefined);
});

Deno.test("E1: a WorkerPool says at the call what is wrong with its options", () => {
  const says = (error: typeof TypeError | typeof RangeError, message: string, options: unknown) =>
    assertThrows(() => new WorkerPool(options as object), error, message);
  says(TypeError, "options", 5);
  says(TypeError, "'size'", { size: "2" });
  says(RangeError, "'size'", { size: 0 });
  says(RangeError, "'size'", { size: 1.5 });
  says(RangeError, "'size'", { size: Infinity });
  says(RangeError, "'size.min'", { size: { min: -1 } });
  says(RangeError, "'size.max'", { size: { max: 0 } });
  says(RangeError, "must not be over 'size.max': received 3 and 2", { size: { min: 3, max: 2 } });
  says(TypeError, "'idleTimeout'", { idleTimeout: "1s" });
  says(RangeError, "'idleTimeout'", { idleTimeout: -1 });
  says(RangeError, "'maxJobsPerWorker'", { maxJobsPerWorker: 0 });
  says(RangeError, "'startTimeout'", { startTimeout: NaN });
  says(RangeError, "'grace'", { grace: -1 });
  says(RangeError, "'maxAbandoned'", { maxAbandoned: 0 });
  says(TypeError, "'order'", { order: "random" });
  says(RangeError, "'maxQueue'", { maxQueue: -1 });
  says(TypeError, "name", { name: 5 });
  assertThrows(() => new WorkerPool({ onStart: Math.random }), NotPortableError, "native");
});

Deno.test("E1: jobs and their options are checked at the call", async () => {
  await using pool = new TestPool({ size: 1 });
  assertThrows(calling(pool.submit.bind(pool), 5), TypeError, "must be a function: received 5");
  assertThrows(calling(pool.submit.bind(pool), Math.max.bind(null, 1)), NotPortableError, "bound");
  assertThrows(calling(pool.submit.bind(pool), class A {}), NotPortableError, "class");
  assertThrows(calling(pool.with.bind(pool), { timeout: -1 }), RangeError, "'timeout'");
  assertThrows(calling(pool.with.bind(pool), { priority: "high" }), TypeError, "'priority'");
  assertThrows(calling(pool.with.bind(pool), { signal: {} }), TypeError, "signal");
  assertEquals(pool.stats().workers, 0);
});

Deno.test("a job that was given up on nobody waits for: nothing is left of a deaf one", async () => {
  await using pool = new TestPool({ size: 1, grace: 0 });
  const gate = new Gate();
  const future = pool.submit(passDeaf, gate.cells);
  await gate.entered();
  future.cancel();
  assertEquals((await future.error() as Error).name, "AbortError");
  await eventually(() => pool.stats().abandoned === 0, "the thread has ended");
});
