/**
 * The real clock and its one native timer. Each test loads the module anew, as a program does, and
 * puts its own `setTimeout` and time in the place of the platform's.
 *
 * @module
 */

import { assert, assertEquals, assertFalse, assertStrictEquals } from "@std/assert";
import { type Clock, currentClock, replaceClock } from "../../../primitives/kernel/clock.ts";
import { nextTurn } from "../../../primitives/kernel/turn.ts";

const LONGEST = 2 ** 31 - 1;

/** The platform as the clock sees it. */
class Platform {
  time = 1000.25;
  /** The native timers that are armed, with their delays. */
  readonly timers = new Map<number, { fn: () => void; delay: number }>();
  /** How many were ever armed. */
  armed = 0;

  get delays(): number[] {
    return [...this.timers.values()].map(({ delay }) => delay);
  }

  /** Lets the one armed timer fire when its delay has passed, or that much earlier. */
  fire(early = 0): void {
    assertEquals(this.timers.size, 1);
    const [[id, { fn, delay }]] = this.timers;
    this.timers.delete(id);
    this.time += delay - early;
    fn();
  }
}

let loaded = 0;

/** Runs a function with a clock of its own on a platform of its own. */
async function withPlatform(
  fn: (clock: Clock, platform: Platform) => void | Promise<void>,
): Promise<void> {
  const module = new URL("../../../primitives/kernel/clock.ts", import.meta.url);
  module.search = `?${loaded++}`;
  const { currentClock }: { currentClock: () => Clock } = await import(module.href);
  const platform = new Platform();
  const { setTimeout, clearTimeout } = globalThis;
  Object.assign(globalThis, {
    setTimeout: (fn: () => void, delay: number) => {
      platform.timers.set(++platform.armed, { fn, delay });
      return platform.armed;
    },
    clearTimeout: (id: number | undefined) => void platform.timers.delete(id ?? 0),
  });
  Object.defineProperty(performance, "now", { value: () => platform.time, configurable: true });
  try {
    await fn(currentClock(), platform);
  } finally {
    Object.assign(globalThis, { setTimeout, clearTimeout });
    delete (performance as { now?: unknown }).now;
  }
}

Deno.test("The real clock goes on, and tells the date", () => {
  const clock = currentClock();
  const before = clock.now();
  assert(clock.now() >= before);
  assert(Math.abs(clock.wall() - Date.now()) < 60_000);
});

Deno.test("replaceClock() gives the clock that it replaces", () => {
  const fake: Clock = { now: () => 5, wall: () => 6, ringAt() {} };
  const real = replaceClock(fake);
  try {
    assertStrictEquals(currentClock(), fake);
  } finally {
    assertStrictEquals(replaceClock(real), fake);
  }
  assertStrictEquals(currentClock(), real);
});

Deno.test("The real clock arms one native timer, rounded up, and rings once", async () => {
  await withPlatform((clock, platform) => {
    let rung = 0;
    clock.ringAt(1010, () => rung++);
    assertEquals(platform.delays, [10], "9.75 rounded up");
    platform.fire();
    assertEquals(rung, 1);
    assertEquals(platform.timers.size, 0);
  });
});

Deno.test("An earlier time arms the timer anew; a later one costs nothing and still comes", async () => {
  await withPlatform((clock, platform) => {
    const rung: string[] = [];
    clock.ringAt(1100, () => rung.push("never asked for in the end"));
    clock.ringAt(1050, () => rung.push("never asked for in the end"));
    assertEquals(platform.delays, [50]);
    clock.ringAt(1090, () => rung.push(`at ${Math.floor(platform.time)}`));
    assertEquals(platform.delays, [50], "the armed timer stays");
    assertEquals(platform.armed, 2);
    platform.fire();
    assertEquals(rung, []);
    assertEquals(platform.delays, [40], "it has fired early, and is set anew for the rest");
    platform.fire();
    assertEquals(rung, ["at 1090"]);
  });
});

Deno.test("A native timer that fires early rings nobody early", async () => {
  await withPlatform((clock, platform) => {
    let rungAt = 0;
    clock.ringAt(1010, () => rungAt = platform.time);
    platform.fire(1);
    assertEquals(rungAt, 0);
    platform.fire();
    assert(rungAt >= 1010);
  });
});

Deno.test("A time beyond what setTimeout takes comes in several steps, and not at once", async () => {
  await withPlatform((clock, platform) => {
    const due = 1000 + 2.5 * LONGEST;
    let rungAt = 0;
    clock.ringAt(due, () => rungAt = platform.time);
    assertEquals(platform.delays, [LONGEST]);
    platform.fire();
    assertEquals(platform.delays, [LONGEST]);
    platform.fire();
    assertEquals(rungAt, 0);
    assert(platform.delays[0] < LONGEST);
    platform.fire();
    assert(rungAt >= due && rungAt < due + 1);
    assertEquals(platform.timers.size, 0);
  });
});

Deno.test("A time that has passed already rings in the next turn, not at once", async () => {
  await withPlatform((clock, platform) => {
    let rung = false;
    clock.ringAt(5, () => rung = true);
    assertFalse(rung);
    assertEquals(platform.delays, [0]);
    platform.fire();
    assert(rung);
  });
});

Deno.test("When nobody needs the timer any more, it is gone after one turn of the loop", async () => {
  // An armed timer keeps a process alive, and is a leak for the sanitizers of `deno test`.
  await withPlatform(async (clock, platform) => {
    clock.ringAt(60_000, () => {});
    clock.ringAt(Infinity, () => {});
    await new Promise<void>(nextTurn);
    assertEquals(platform.timers.size, 0);
  });
});

Deno.test("A limit that is set and lifted a thousand times in a turn arms one native timer", async () => {
  await withPlatform((clock, platform) => {
    let rung = 0;
    clock.ringAt(61_000, () => {});
    const { armed } = platform;
    for (let request = 1; request <= 1000; request++) {
      clock.ringAt(Infinity, () => {});
      clock.ringAt(61_000 + request, () => rung++);
    }
    assert(platform.armed <= armed + 1, `${platform.armed} timers were armed`);
    assertEquals(rung, 0);
  });
});

Deno.test("A time asked for between the lifting and the sweep keeps the timer", async () => {
  await withPlatform(async (clock, platform) => {
    let rung = false;
    clock.ringAt(2000, () => {});
    clock.ringAt(Infinity, () => {});
    clock.ringAt(3000, () => rung = true);
    await new Promise<void>(nextTurn);
    for (let fired = 0; !rung; fired++) {
      assert(fired < 10, "it never rang");
      // The sweep may be among the timers: the one with the shortest delay goes first.
      const [id, timer] = [...platform.timers].sort((a, b) => a[1].delay - b[1].delay)[0];
      platform.timers.delete(id);
      platform.time += timer.delay;
      timer.fn();
    }
    assert(platform.time >= 3000);
    assertEquals(platform.timers.size, 0);
  });
});

Deno.test("A program whose last time limit was not reached ends without waiting for it", async () => {
  // The process is killed if it does wait; the bound is far from both.
  const mod = new URL("../../../mod.ts", import.meta.url).href;
  const program = `
    import { failAfter, sleep } from ${JSON.stringify(mod)};
    await failAfter(3_600_000, () => sleep(1));
    console.log("done");
  `;
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--no-check",
      `data:text/javascript,${encodeURIComponent(program)}`,
    ],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const timer = setTimeout(() => child.kill(), 20_000);
  const { success, stdout, stderr } = await child.output();
  clearTimeout(timer);
  const decoder = new TextDecoder();
  assertEquals([success, decoder.decode(stdout)], [true, "done\n"], decoder.decode(stderr));
});
