/**
 * What `main` prints, and when; how it does so for real is tested with `main`.
 *
 * @module
 */

import { assert, assertEquals, assertFalse, assertMatch } from "@std/assert";
import type { Host, StatusSignal } from "../../io/host.ts";
import { Lookout } from "../../io/lookout.ts";
import { inspect, isCancelled, Lock, shield, sleep, type TaskGroup, taskGroup } from "../../mod.ts";
import { currentClock } from "../../primitives/kernel/clock.ts";
import { Alarm } from "../../primitives/kernel/timers.ts";
import { waitAllTasksBlocked, withVirtualTime } from "../../primitives/testing/mod.ts";

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
  console.error = (...args: unknown[]) => {
    text += args.map((arg) => arg instanceof Error ? arg.stack : arg).join(" ") + "\n";
  };
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

/**
 * Looks out when a test wants it to, and gives what is printed then. The clock goes on by a second
 * whenever it is looked at.
 */
function lookingOut(program: TaskGroup): { look: () => string } & Disposable {
  const { setInterval } = globalThis;
  const { now } = performance;
  let ring!: () => void;
  globalThis.setInterval = ((fn: () => void) => (ring = fn, 0)) as unknown as typeof setInterval;
  const lookout = new Lookout(fakeHost(false).host, program);
  globalThis.setInterval = setInterval;
  let time = 0;
  return {
    look() {
      performance.now = () => time += 1000;
      try {
        return printed(ring);
      } finally {
        performance.now = now;
      }
    },
    [Symbol.dispose]: () => lookout.leave(),
  };
}

/** Lets time pass in which no task does anything, nor waits in Grove. */
function passes(ms: number): Promise<void> {
  return new Promise((resolve) => void new Alarm(currentClock().now() + ms, resolve));
}

/** Two tasks that wait for each other, and the lock that they do it by. */
function deadlock(group: TaskGroup): Lock {
  const lock = new Lock({ name: "door" });
  group.spawn(async () => {
    using _ = await lock.acquire();
    await taskGroup((inner) => void inner.spawn(() => lock.acquire(), { name: "child" }));
  }, { name: "parent" });
  return lock;
}

/** Runs a group, and cancels it in the end. */
async function inGroup(fn: (group: TaskGroup) => Promise<void>): Promise<void> {
  await taskGroup(async (group) => {
    await fn(group);
    group.cancel();
  }).catch((error) => {
    if (!isCancelled(error)) throw error;
  });
}

Deno.test("Lookout: that a busy machine drew out a look does not put off the next one", () =>
  inGroup(async (group) => {
    deadlock(group);
    await waitAllTasksBlocked();
    using program = lookingOut(group);
    assertEquals(program.look(), "");
    assertMatch(program.look(), /^All tasks wait for each other/);
  }));

Deno.test("Lookout: a deadlock of some tasks is reported once, and again when others are caught in it", () =>
  inGroup(async (group) => {
    const lock = deadlock(group);
    group.spawn(() => sleep(Infinity), { name: "apart" });
    using program = lookingOut(group);
    const looks = async (times: number) => {
      const texts: string[] = [];
      for (let i = 0; i < times; i++) {
        await sleep(0); // Something has moved: it looks again.
        texts.push(program.look().replace(/,[^]*/, ""));
      }
      return texts;
    };
    assertEquals(await looks(5), ["", "Some tasks wait for each other", "", "", ""]);
    group.spawn(() => lock.acquire(), { name: "late" });
    assertEquals(await looks(4), ["", "Some tasks wait for each other", "", ""]);
  }));

Deno.test("Lookout: tasks that go on after they were cancelled are reported once, with the failure that cancelled them", async () => {
  const gate = Promise.withResolvers<void>();
  const foreign = () => gate.promise;
  await withVirtualTime(() =>
    inGroup(async (program) => {
      using lookout = lookingOut(program);
      program.spawn(() => sleep(Infinity), { name: "bystander" });
      const failed = program.spawn(async () => {
        await taskGroup((group) => {
          group.spawn(foreign, { name: "stuck" });
          throw new Error("the disk is full");
        }).catch(() => {});
      });
      await sleep(0);
      assertEquals(lookout.look(), "");
      await passes(999);
      assertEquals([lookout.look(), lookout.look(), lookout.look()], ["", "", ""]);
      await passes(1);
      const text = lookout.look();
      assertMatch(text, /^Some tasks go on though they were cancelled: .*cancellable/);
      assertFalse(text.includes("bystander"), text);
      assertMatch(text, /stuck .*STUCK for 1.0 s after it was cancelled/);
      assertMatch(text, /\n"stuck" was cancelled because of: Error: the disk is full\n {4}at /);
      await sleep(5000);
      assertEquals([lookout.look(), lookout.look()], ["", ""]);
      gate.resolve();
      await failed;
    })
  );
});

Deno.test("Lookout: what keeps a program from ending is reported, be it for the second time", async () => {
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  await withVirtualTime(() =>
    inGroup(async (program) => {
      using lookout = lookingOut(program);
      program.spawn(() => gates[0].promise, { name: "first" }).cancel();
      await sleep(1000);
      const text = lookout.look();
      assertMatch(text, /^Some tasks go on though they were cancelled:/);
      assertEquals(text.includes("because of"), false); // There is no reason to be told.
      program.spawn(() => gates[1].promise, { name: "second" });
      program.cancel("it did not stop");
      await shield(() => sleep(999));
      assertEquals(lookout.look(), "");
      await shield(() => sleep(1));
      const last = lookout.look();
      assertMatch(last, /^The program cannot end, as some tasks go on/);
      assertMatch(last, /second .*STUCK/);
      assertMatch(last, /"(first|second)" was cancelled because of: it did not stop\n/);
      assertEquals(lookout.look(), "");
      for (const { resolve } of gates) resolve();
    })
  );
});

Deno.test("Lookout: who is cancelled and cleans up in a shield, or waits for children, is not stuck", async () => {
  await withVirtualTime(() =>
    inGroup(async (program) => {
      using lookout = lookingOut(program);
      const task = program.spawn(() =>
        taskGroup((group) => void group.spawn(() => shield(() => sleep(5000))))
      );
      await sleep(1);
      task.cancel();
      await sleep(3000);
      assertEquals([lookout.look(), lookout.look()], ["", ""]);
      await task.join();
    })
  );
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
