/**
 * What `main` prints, and when; how it does so for real is tested with `main`.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import type { Host, StatusSignal } from "../../io/host.ts";
import { Lookout } from "../../io/lookout.ts";
import { inspect, taskGroup } from "../../mod.ts";

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
