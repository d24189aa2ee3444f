/**
 * What `main` prints, and when; how it does so for real is tested with `main`.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import type { Host, StatusSignal } from "../../io/host.ts";
import { Lookout } from "../../io/lookout.ts";
import { inspect, isCancelled, Lock, taskGroup } from "../../mod.ts";
import { waitAllTasksBlocked } from "../../primitives/testing/mod.ts";

/** A process that has signals and a terminal of the test's making. */
function fakeHost(hasColors: boolean): { host: Host; listeners: Map<string, () => void> } {
  const listeners = new Map<string, () => void>();
  const statusSignals: StatusSignal[] = ["SIGUSR1", "SIGINFO"];
  const host = {
    endSignals: [],
    statusSignals,
    hasColors,
    on: (signal: string, listener: () => void) => void listeners.set(signal, listener),
    off: (signal: string, listener: () => void) => {
      if (listeners.get(signal) === listener) listeners.delete(signal);
    },
    setExitCode: () => {},
    exit: () => {},
    unlessEnded: () => {},
  };
  return { host, listeners };
}

/** What is printed while a function runs. */
function printed(fn: () => void): string {
  const { error } = console;
  let text = "";
  console.error = (line: string) => void (text += `${line}\n`);
  try {
    fn();
  } finally {
    console.error = error;
  }
  return text;
}

Deno.test("Lookout: it prints the tree when it is asked to, in colors where there are any", async () => {
  for (const hasColors of [true, false]) {
    const { host, listeners } = fakeHost(hasColors);
    await taskGroup((group) => {
      const lookout = new Lookout(host, group);
      const text = printed(() => listeners.get("SIGINFO")!());
      assert(text.startsWith("The tasks at SIGINFO (0 in all):\n"), text);
      assertEquals(text.includes("\x1b[1mroot"), hasColors, text);
      assert(text.includes(`group "group"`));
      lookout.leave();
    });
    assertEquals(listeners.size, 0);
  }
});

/** Calls a function with a clock that goes on by a second whenever it is looked at, and no timers. */
function inSlowTime(fn: (ticks: () => void) => void): void {
  const { setInterval } = globalThis;
  const { now } = performance;
  let time = 0;
  let tick: () => void = () => {};
  globalThis.setInterval =
    ((ring: () => void) => (tick = ring, 0)) as unknown as typeof setInterval;
  performance.now = () => time += 1000;
  try {
    fn(() => tick());
  } finally {
    globalThis.setInterval = setInterval;
    performance.now = now;
  }
}

Deno.test("Lookout: that a busy machine drew out a look does not put off the next one", async () => {
  const { host } = fakeHost(false);
  await taskGroup(async (program) => {
    const lock = new Lock({ name: "door" });
    program.spawn(async () => {
      using _ = await lock.acquire();
      await taskGroup((inner) => void inner.spawn(() => lock.acquire(), { name: "child" }));
    });
    await waitAllTasksBlocked();
    inSlowTime((tick) => {
      const lookout = new Lookout(host, program);
      const text = printed(() => [1, 2].forEach(tick));
      lookout.leave();
      assert(text.startsWith("All tasks wait for each other"), text);
    });
    program.cancel();
  }).catch((error) => assert(isCancelled(error)));
});

Deno.test("Lookout: there are ages for as long as somebody looks out", async () => {
  const { host } = fakeHost(false);
  await taskGroup(async (program) => {
    const [first, second] = [new Lookout(host, program), new Lookout(host, program)];
    first.leave();
    first.leave();
    await taskGroup(() => assert("age" in inspect().children[0].children[0]));
    second.leave();
    await taskGroup(() => assert(!("age" in inspect().children[0].children[0])));
  });
});
