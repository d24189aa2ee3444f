import { assertEquals, assertRejects } from "@std/assert";
import "../../mod.ts";
import { Core } from "../../io/core.ts";
import type { FromCore, Opening } from "../../io/core_protocol.ts";
import { onceGone } from "../../primitives/shared/threads.ts";

/** The number of a thread whose end can be noticed, and that is gone. */
const GONE = 1;

/** A thread that says what a test has it say. */
class FakeWorker extends EventTarget {
  static last: FakeWorker;
  onmessage: (event: { data: unknown }) => void = () => {};
  isTerminated = false;

  constructor() {
    super();
    FakeWorker.last = this;
  }

  say(message: FromCore): void {
    this.onmessage({ data: message });
  }

  postMessage(): void {}

  terminate(): void {
    this.isTerminated = true;
  }
}

function make(): { core: Core; thread: FakeWorker } {
  const { Worker: original } = globalThis;
  try {
    Object.assign(globalThis, { Worker: FakeWorker });
    return { core: new Core({ type: "start", name: "core" } as Opening), thread: FakeWorker.last };
  } finally {
    Object.assign(globalThis, { Worker: original });
  }
}

/** Until it has been noticed that a thread is gone. */
function noticed(): Promise<void> {
  return new Promise((resolve) => onceGone(GONE, resolve));
}

Deno.test("Core: that a thread is gone is known before its last words are heard, and they are", async () => {
  const { core, thread } = make();
  const end = core.served();
  thread.say({ core: "loading", thread: GONE });
  thread.say({ core: "serving", address: { transport: "tcp", hostname: "127.0.0.1", port: 1 } });
  await noticed();
  thread.say({ core: "failed", error: { name: "TypeError", message: "why", stack: undefined } });
  const error = await assertRejects(
    () => end,
    Error,
    "Cannot keep core serving as it has thrown TypeError: why",
  );
  assertEquals((error.cause as Error).name, "TypeError");
  core.end();
  assertEquals(thread.isTerminated, true);
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
