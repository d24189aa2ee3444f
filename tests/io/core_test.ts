import { assertEquals, assertRejects } from "@std/assert";
import "../../mod.ts";
import { Core } from "../../io/core.ts";
import type { FromCore, Opening } from "../../io/core_protocol.ts";
import { withVirtualTime } from "../../primitives/testing/mod.ts";
import { onceGone } from "../../primitives/shared/threads.ts";
import { type FakeWorker, FakeWorkers } from "./fake_worker.ts";
import { HandTimers } from "./hand_timers.ts";
import { printed } from "./http_server.ts";

/** An interval of signs of life that no other timer has. */
const BEAT = 77_777;

/** For how long last words are waited for. */
const LAST_WORDS = 10;

/** The number of a thread whose end can be noticed, and that is gone. */
const GONE = 1;

const ADDRESS = { transport: "tcp", hostname: "127.0.0.1", port: 1 } as const;

function make(beat = Infinity): { core: Core; thread: FakeWorker } {
  using workers = new FakeWorkers();
  return {
    core: new Core({ type: "start", name: "core", beat } as Opening),
    thread: workers.all[0],
  };
}

/** Until it has been noticed that a thread is gone. */
function noticed(): Promise<void> {
  return new Promise((resolve) => onceGone(GONE, resolve));
}

Deno.test("Core: that a thread is gone is known before its last words are heard, and they are", async () => {
  using timers = new HandTimers(LAST_WORDS);
  const { core, thread } = make();
  const end = core.served();
  thread.say({ core: "loading", thread: GONE });
  thread.say({ core: "serving", address: ADDRESS });
  await noticed();
  // This loop was held up: the first timer is due before anything is heard.
  timers.fire();
  assertEquals(timers.waiting, 1);
  thread.say({ core: "failed", error: { name: "TypeError", message: "why", stack: undefined } });
  const error = await assertRejects(
    () => end,
    Error,
    "Cannot keep core serving as it has thrown TypeError: why",
  );
  assertEquals((error.cause as Error).name, "TypeError");
  core.end();
  assertEquals([thread.isTerminated, timers.waiting], [true, 0]);
});

Deno.test("Core: a thread that is gone without a word is an error", async () => {
  const { core, thread } = make();
  thread.say({ core: "loading", thread: GONE });
  await assertRejects(
    () => core.serving(),
    Error,
    "Cannot start core as it has exited without a word",
  );
  core.end();
});

Deno.test("Core: one that is ended is not missed any more", async () => {
  const { core, thread } = make();
  thread.say({ core: "loading", thread: GONE });
  await noticed();
  core.end(); // The sanitizers see to it that it leaves no timer.
});

Deno.test("Core: one that falls silent while it serves is blocked, and its error says what to do", async () => {
  using timers = new HandTimers(BEAT);
  const { core, thread } = make(BEAT);
  const end = core.served();
  thread.say({ core: "loading", thread: 0 });
  thread.say({ core: "serving", address: ADDRESS });
  for (let look = 0; look < 10; look++) {
    timers.fire();
    thread.say({ core: "alive" });
  }
  assertEquals(core.isBlocked, false);
  while (timers.waiting > 0) timers.fire();
  const { message } = await assertRejects(() => end, Error);
  assertEquals(
    message,
    "Cannot keep core serving as it is blocked by code that does not wait, and a blocked thread cannot be ended. End the process; what computes for long goes to a pool",
  );
  assertEquals(core.isBlocked, true);
  core.end();
});

Deno.test("Core: a module that blocks its thread while it is loaded is an error of the start", async () => {
  using timers = new HandTimers(BEAT);
  const { core, thread } = make(BEAT);
  thread.say({ core: "loading", thread: 0 });
  while (timers.waiting > 0) timers.fire();
  await assertRejects(() => core.serving(), Error, "Cannot start core as it is blocked by code");
  core.end();
});

Deno.test("Core: one that is stopping or has ended may be silent", async () => {
  using timers = new HandTimers(BEAT);
  const { core, thread } = make(BEAT);
  thread.say({ core: "loading", thread: 0 });
  thread.say({ core: "serving", address: ADDRESS });
  assertEquals(timers.waiting, 1);
  const stopped = core.stop(60_000);
  assertEquals(timers.waiting, 0);
  thread.say({ core: "stopped" });
  await stopped;
  core.end();

  const other = make(BEAT);
  other.thread.say({ core: "loading", thread: 0 });
  assertEquals(timers.waiting, 1);
  other.core.end();
  assertEquals(timers.waiting, 0);
});

Deno.test("Core: one that is not to be minded is not, however silent it is", () => {
  using timers = new HandTimers(BEAT);
  const { core, thread } = make(Infinity);
  thread.say({ core: "loading", thread: 0 });
  assertEquals(timers.waiting, 0);
  core.end();
});

Deno.test("Core: the thread gives signs of life also while it loads its module, and answers when it is to stop", async () => {
  const thread = new Worker(new URL("../../io/grove_core.ts", import.meta.url), { type: "module" });
  const heard: FromCore["core"][] = [];
  await new Promise<void>((resolve) => {
    thread.onmessage = ({ data: { core } }) => {
      heard.push(core);
      if (heard.length === 4) thread.postMessage({ type: "stop" });
      if (core === "stopping") resolve();
    };
    thread.postMessage({
      type: "start",
      module: "data:text/javascript,await new Promise(() => {})",
      beat: 1,
    });
  });
  thread.terminate();
  assertEquals(heard.slice(0, 4), ["loading", "alive", "alive", "alive"]);
});

Deno.test("Core: nothing is told of one that is gone", async () => {
  const { core, thread } = make();
  thread.say({ core: "loading", thread: GONE });
  thread.say({ core: "stopping" });
  assertEquals(await printed(() => core.endOrTell()), []);
});

Deno.test("Core: one that has answered when it was to stop has more time to be gone than one that is blocked", async () => {
  const threads = new URL("../../primitives/shared/threads.ts", import.meta.url);
  const alive = new Worker(
    `data:text/javascript,import { threadId } from "${threads}"; postMessage(threadId());`,
    { type: "module" },
  );
  const number = await new Promise<number>((resolve) =>
    alive.onmessage = ({ data }) => resolve(data)
  );
  const told: [elapsed: number, lines: number][] = [];
  for (const answers of [true, false]) {
    const { core, thread } = make();
    thread.say({ core: "loading", thread: number });
    if (answers) thread.say({ core: "stopping" });
    await withVirtualTime(async (time) => {
      const lines = await printed(() => core.endOrTell());
      told.push([time.elapsed, lines.length]);
    });
  }
  alive.terminate();
  assertEquals(told, [[5000, 1], [1000, 1]]);
});
