/**
 * Places in the program: where a task was spawned, a lock taken.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { DeadlockError, Lock, sleep, taskGroup, traceLocks, traceSpawns } from "../../../mod.ts";
import {
  type CallSite,
  callSite,
  formatSite,
  isTracingSpawns,
  lockSite,
  noteSpawn,
  spawnSite,
} from "../../../primitives/kernel/call_site.ts";

function site(stack: string | undefined): CallSite {
  return stack === undefined ? {} : { stack };
}

function fresh(): string[] {
  // The file itself, past what a stack trace begins with.
  return new Error().stack!.split("\n").slice(2);
}

Deno.test("callSite() is the place that is being executed", () => {
  const place = formatSite(callSite());
  assertMatch(place!, new RegExp(`^${import.meta.url}:\\d+:\\d+$`));
  const inner = () => callSite();
  assert(formatSite(inner())!.startsWith(import.meta.url));
});

Deno.test("formatSite() takes the innermost place that is not in Grove itself", () => {
  const grove = new URL("../../../", import.meta.url).href;
  const stack = [
    "Error",
    `    at Lock.acquire (${grove}primitives/lock.ts:1:1)`,
    `    at ${grove}io/serve.ts:2:2`,
    `    at async ${grove}pools/pool.ts:3:3`,
    "    at AsyncLocalStorage.run (native)",
    `    at async Object.work (${grove}examples/work.ts:4:44)`,
    "    at file:///program.ts:5:5",
  ].join("\n");
  assertEquals(formatSite(site(stack)), `${grove}examples/work.ts:4:44`);
});

Deno.test("formatSite() reads every form that a line of a stack takes", () => {
  const forms: [line: string, place: string | undefined][] = [
    ["    at file:///program.ts:5:50", "file:///program.ts:5:50"],
    ["    at async file:///program.ts:5:50", "file:///program.ts:5:50"],
    ["    at work (file:///program.ts:5:50)", "file:///program.ts:5:50"],
    ["    at async work (file:///program.ts:5:50)", "file:///program.ts:5:50"],
    ["    at new Worker (file:///program.ts:5:50)", "file:///program.ts:5:50"],
    ["    at Object.work [as play] (file:///program.ts:5:50)", "file:///program.ts:5:50"],
    ["    at https://example.com/a%20b.ts:5:50", "https://example.com/a%20b.ts:5:50"],
    [
      "    at work (file:///with (brackets)/program.ts:5:50)",
      "file:///with (brackets)/program.ts:5:50",
    ],
    ["    at Array.map (<anonymous>)", undefined],
    ["    at native", undefined],
    ["Error: at noon", undefined],
  ];
  for (const [line, place] of forms) {
    assertEquals(formatSite(site(`Error\n${line}`)), place, line);
  }
});

Deno.test("formatSite() knows no place where there is no stack, or nothing of the program in it", () => {
  assertEquals(formatSite(site(undefined)), undefined);
  assertEquals(formatSite(site("")), undefined);
  assertEquals(formatSite(site("Error")), undefined);
});

Deno.test("lockSite() notes a place while locks are traced, and none otherwise", () => {
  traceLocks(true);
  const traced = lockSite();
  traceLocks(false);
  assertMatch(formatSite(traced!)!, new RegExp(`^${import.meta.url}:\\d+:\\d+$`));
  assertEquals(lockSite(), undefined);
});

Deno.test("traceLocks(true) has no limit of a thousand", () => {
  traceLocks(true);
  for (let turn = 0; turn < 3000; turn++) lockSite();
  const traced = lockSite();
  traceLocks(false);
  assert(traced !== undefined);
});

Deno.test("The first thousand locks that a program takes are noted without being asked for [W3]", async () => {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", new URL("first_places.ts", import.meta.url).href],
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  assertEquals(JSON.parse(new TextDecoder().decode(stdout)), {
    first: true,
    within: true,
    beyond: false,
    asked: true,
  });
});

Deno.test("spawnSite() is where a task was spawned, if that was noted", async () => {
  assertEquals([isTracingSpawns(), spawnSite({})], [false, undefined]);
  const noted = {};
  noteSpawn(noted);
  assert(spawnSite(noted)!.startsWith(import.meta.url));

  traceSpawns(true);
  assert(isTracingSpawns());
  await taskGroup((group) => {
    const line = Number(fresh()[0]?.match(/:(\d+):\d+\)?$/)?.[1] ?? 0);
    const task = group.spawn(() => sleep(0));
    traceSpawns(false);
    const later = group.spawn(() => sleep(0));
    assertEquals(spawnSite(task)!.replace(/:\d+$/, ""), `${import.meta.url}:${line + 1}`);
    assertEquals(spawnSite(later), undefined);
  });
});

Deno.test("A place is turned into text only when somebody reads it: noting it touches no stack", async () => {
  const prepare = Error.prepareStackTrace;
  let read = 0;
  Error.prepareStackTrace = (error, frames) => {
    read++;
    return `${error}\n${frames.map((frame) => `    at ${frame}`).join("\n")}`;
  };
  try {
    traceLocks(true);
    const lock = new Lock();
    for (let turn = 0; turn < 10; turn++) (await lock.acquire())[Symbol.dispose]();
    assertEquals(read, 0);
    await lock.acquire();
    const error = await lock.acquire().catch((error) => error);
    assert(error instanceof DeadlockError);
    assert(read > 0);
    lock.release();
  } finally {
    traceLocks(false);
    Error.prepareStackTrace = prepare;
  }
});
