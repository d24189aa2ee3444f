/**
 * Traces, checked against what the "Trace Event Format" asks of a file.
 *
 * @module
 */

import { assert, assertEquals, assertFalse, assertThrows } from "@std/assert";
import {
  checkpoint,
  Lock,
  sleep,
  type Task,
  taskGroup,
  type Trace,
  type TraceEvent,
  traceEvents,
} from "../../mod.ts";
import { hooks } from "../../primitives/kernel/hooks.ts";
import { waitAllTasksBlocked } from "../../primitives/testing/mod.ts";

/** Checks what the format demands, and gives the events as a reader of the file gets them. */
function read(trace: Trace): TraceEvent[] {
  const { traceEvents: events } = JSON.parse(JSON.stringify(trace)) as {
    traceEvents: TraceEvent[];
  };
  const open = new Map<number, TraceEvent[]>();
  const arrows = new Map<number, TraceEvent>();
  let last = 0;
  for (const event of events) {
    const { ph, ts, pid, tid, id } = event;
    assert(Number.isFinite(ts) && ts >= last, "times do not go back");
    last = ts;
    assert(Number.isInteger(pid) && Number.isInteger(tid) && typeof event.name === "string");
    const stack = open.get(tid) ?? [];
    open.set(tid, stack);
    if (ph === "B") stack.push(event);
    else if (ph === "E") {
      const begin = stack.pop();
      assert(begin !== undefined, "an E has a B before it");
      assert(event.name === "" || event.name === begin.name, "an E ends the last B on its track");
      assertEquals(event.cat, begin.cat);
    } else if (ph === "s") arrows.set(id!, event);
    else if (ph === "f") assert(arrows.delete(id!), "an f has an s of its number before it");
    else assert(ph === "i" || ph === "M");
  }
  for (const stack of open.values()) assertEquals(stack, [], "a B has an E behind it");
  assertEquals(arrows.size, 0, "an s has an f");
  return events;
}

/** What is on the track of a task, as text, in the order of time. */
function trackOf(name: string, events: TraceEvent[]): string[] {
  const begin = events.find((event) => event.name === name && event.ph === "B")!;
  const lines: string[] = [];
  let depth = 0;
  for (const event of events.slice(events.indexOf(begin))) {
    if (event.tid !== begin.tid) continue;
    lines.push(`${event.ph} ${event.name}`.trim());
    if (event.ph === "B") depth++;
    if (event.ph === "E" && --depth === 0) break;
  }
  return lines;
}

Deno.test("traceEvents() gives slices of tasks with their waits in them, and arrows from who spawned them", async () => {
  const trace = traceEvents();
  const lock = new Lock({ name: "door" });
  let child: Task | undefined;
  await taskGroup(async (group) => {
    await lock.acquire();
    group.spawn(async () => {
      child = await taskGroup((inner) =>
        inner.spawn(() => lock.withLock(() => {}), { name: "child" })
      )
        .then(() => undefined);
    }, { name: "parent" });
    await waitAllTasksBlocked();
    lock.release();
  });
  trace.stop();
  assertEquals(child, undefined);
  const events = read(trace);
  assertEquals(trackOf("child", events), [
    "B child",
    "f spawn",
    "B queued",
    "E",
    'B waits for lock "door"',
    "E",
    "E child",
  ]);
  const arrow = events.find(({ ph, tid }) =>
    ph === "f" && tid === events.find(({ name }) => name === "child")!.tid
  )!;
  const from = events.find(({ ph, id }) => ph === "s" && id === arrow.id)!;
  assertEquals(from.tid, events.find(({ name, ph }) => name === "parent" && ph === "B")!.tid);
  assertEquals(events.find(({ name, ph }) => name === "child" && ph === "E")?.args, {
    state: "succeeded",
  });
});

Deno.test("traceEvents() shows cancellations as instants on the track of their task, with the reason", async () => {
  const trace = traceEvents();
  await taskGroup(async (group) => {
    const task = group.spawn(() => sleep(Infinity), { name: "long" });
    await waitAllTasksBlocked();
    task.cancel("enough");
    await task.join();
  });
  trace.stop();
  const events = read(trace);
  assert(trackOf("long", events).includes('i cancel "long"'));
  const { args, s } = events.find(({ ph }) => ph === "i")!;
  assertEquals(s, "t");
  assert(String(args?.reason).includes("enough"));
});

Deno.test("traceEvents() shows waits at the same time as one slice", async () => {
  const trace = traceEvents();
  await taskGroup((group) => {
    group.spawn(() => Promise.all([sleep(1), sleep(3), sleep(2)]), { name: "a" });
  });
  trace.stop();
  assertEquals(trackOf("a", read(trace)).filter((line) => line.includes("waits")), [
    "B waits for sleep",
  ]);
});

Deno.test("traceEvents() shows what a task did not wait for as ending with it, and a track is used again", async () => {
  const trace = traceEvents();
  const naps: Promise<void>[] = [];
  for (const name of ["first", "second"]) {
    await taskGroup((group) => {
      group.spawn(() => void naps.push(sleep(1)), { name });
    });
  }
  await Promise.all(naps);
  trace.stop();
  const events = read(trace);
  const tracks = new Set(events.filter(({ ph }) => ph === "B").map(({ tid }) => tid));
  assertEquals(tracks.size, 2, "one of the root, and one of those two");
});

Deno.test("traceEvents() shows a task that never started as queued for as long as it lived", async () => {
  const trace = traceEvents();
  await taskGroup(async (group) => {
    const first = group.spawn(() => sleep(Infinity));
    group.spawn(() => {}, { name: "unlucky" }).cancel();
    await waitAllTasksBlocked();
    first.cancel();
    group.spawn(() => {}, { name: "next" });
  }, { limit: 1 });
  trace.stop();
  const events = read(trace);
  assertEquals(trackOf("unlucky", events), [
    "B unlucky",
    "f spawn",
    "B queued",
    'i cancel "unlucky"',
    "E",
    "E unlucky",
  ]);
});

Deno.test("traceEvents() shows who was queued before as queued until it starts", async () => {
  let trace: Trace | undefined;
  await taskGroup(async (group) => {
    const first = group.spawn(() => sleep(Infinity));
    group.spawn(() => checkpoint(), { name: "queued before" });
    await waitAllTasksBlocked();
    trace = traceEvents();
    first.cancel();
  }, { limit: 1 });
  trace!.stop();
  assertEquals(trackOf("queued before", read(trace!)), [
    "B queued before",
    "B queued",
    "E",
    "E queued before",
  ]);
});

Deno.test("traceEvents() shows who was there before, and who has not ended, from end to end", async () => {
  await taskGroup(async (group) => {
    group.spawn(() => sleep(Infinity), { name: "before" });
    await waitAllTasksBlocked();
    const trace = traceEvents();
    group.spawn(() => sleep(Infinity), { name: "after" });
    await waitAllTasksBlocked();
    const events = read(trace); // While it is recorded.
    assertEquals(trackOf("before", events), ["B before", "E before"]);
    assertEquals(trackOf("after", events).at(-1), "E after");
    group.cancel();
    trace.stop();
  });
});

Deno.test("traceEvents() keeps so many facts, and what is left is still a trace", async () => {
  for (const limit of [1, 2, 3, 7, 20, 50]) {
    const trace = traceEvents({ limit });
    const lock = new Lock();
    await taskGroup(async (group) => {
      for (let i = 0; i < 8; i++) {
        group.spawn(async () => {
          await checkpoint();
          await lock.withLock(() => sleep(0));
          if (i % 3 === 0) {
            await taskGroup((inner) => void inner.spawn(() => sleep(Infinity)).cancel());
          }
        });
      }
    }, { limit: 3 });
    trace.stop();
    const events = read(trace);
    assert(trace.dropped > 0);
    const facts = events.filter(({ ph, ts }) => ph !== "M" && ph !== "f" && ts > 0);
    assert(facts.length <= 2 * limit, `${facts.length} of ${limit}`);
  }
});

Deno.test("traceEvents() is over when it is stopped, and leaves no hooks behind", async () => {
  using trace = traceEvents();
  trace.stop();
  const before = JSON.stringify(trace);
  await taskGroup((group) => void group.spawn(() => {}));
  assertEquals(JSON.stringify(trace), before);
  assertEquals(hooks, null);
  assertFalse(before.includes("null"));
});

Deno.test("E1: traceEvents() refuses a limit that makes no sense", () => {
  for (const limit of [0, 1.5, -1, NaN]) assertThrows(() => traceEvents({ limit }), RangeError);
  assertThrows(() => traceEvents({ limit: "1" as unknown as number }), TypeError);
  assertEquals(hooks, null);
});
