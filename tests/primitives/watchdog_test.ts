/**
 * The watchdog: who has blocked the event loop.
 *
 * @module
 */

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import {
  checkpoint,
  Event,
  type LoopBlock,
  sleep,
  type TaskGroup,
  taskGroup,
  watchdog,
  type WatchdogOptions,
} from "../../mod.ts";
import { hooks } from "../../primitives/kernel/hooks.ts";
import { program } from "../io/program.ts";

const THRESHOLD = 40;

// Of a block that is meant. It may seem shorter than it was by as long as the timer's period is.
const LEAST = 2 * THRESHOLD - THRESHOLD / 10;

/** A clock for which a machine that is busy makes no block: from one look to the next little time passes. */
const clock = {
  now: performance.now.bind(performance),
  time: 0,
  lookedAt: 0,
  look(): number {
    const now = clock.now();
    clock.time += Math.min(now - clock.lookedAt, THRESHOLD / 10);
    clock.lookedAt = now;
    return clock.time;
  },
};

/** Blocks the event loop for longer than is allowed. */
function spin(): void {
  clock.time += 2 * THRESHOLD;
}

/** Runs tasks under a watchdog, until it has told of a block. */
async function watched(run: () => unknown): Promise<LoopBlock[]> {
  clock.time = clock.lookedAt = clock.now();
  performance.now = clock.look;
  using _restored = { [Symbol.dispose]: () => void Reflect.deleteProperty(performance, "now") };
  const blocks: LoopBlock[] = [];
  const told = Promise.withResolvers<void>();
  using _ = watchdog({
    threshold: THRESHOLD,
    onBlocked: (block) => {
      blocks.push(block);
      if (block.duration >= LEAST) told.resolve();
    },
  });
  const alive = setInterval(() => {}, 1000); // The watchdog keeps nothing alive.
  await run();
  await told.promise;
  clearInterval(alive);
  return blocks;
}

/** Who is blamed for the block that is meant. */
function blameOf(blocks: LoopBlock[]): string[] {
  return blocks.filter(({ duration }) => duration >= LEAST)
    .map(({ task }) => task?.name ?? "nobody");
}

Deno.test("watchdog() names the task that has run for too long, and then waited", async () => {
  const blocks = await watched(() =>
    taskGroup((group) => {
      group.spawn(() => sleep(5), { name: "innocent" });
      group.spawn(async () => {
        await sleep(1);
        spin();
        await sleep(1);
      }, { name: "busy" });
    })
  );
  assert(blameOf(blocks).includes("busy"));
  assert(!blameOf(blocks).includes("innocent"));
});

Deno.test("watchdog() names the task that has run for too long, and then ended, or never waited", async () => {
  for (const wait of [() => checkpoint(), () => {}]) {
    const blocks = await watched(() =>
      taskGroup((group) => {
        group.spawn(async () => {
          await wait();
          spin();
        }, { name: "busy" });
        group.spawn(() => sleep(1), { name: "innocent" });
      })
    );
    assert(blameOf(blocks).includes("busy"), `${wait}`);
  }
});

Deno.test("watchdog() names the task that has run for too long, and then woke or spawned others", async () => {
  const foreign = Promise.withResolvers<void>();
  const go = new Event();
  const acts = [
    () => go.set(),
    (group: TaskGroup) => void group.spawn(() => {}, { name: "child" }),
  ];
  for (const act of acts) {
    await taskGroup(async (group) => {
      const blocks = await watched(() => {
        group.spawn(() => go.wait(), { name: "woken" });
        group.spawn(async () => {
          await sleep(1);
          spin();
          act(group);
          await foreign.promise;
        }, { name: "busy" });
      });
      assertEquals(new Set(blameOf(blocks)), new Set(["busy"]), `${act}`);
      foreign.resolve();
      go.set();
    });
  }
});

Deno.test("watchdog() gives the suspects, where the one that ran awaits something foreign", async () => {
  const foreign = Promise.withResolvers<void>();
  await taskGroup(async (group) => {
    const blocks = await watched(() => {
      group.spawn(async () => {
        await sleep(1);
        await foreign.promise;
      }, { name: "long gone" });
      group.spawn(async () => {
        await sleep(3 * THRESHOLD / 4);
        spin();
        await foreign.promise;
      }, { name: "busy" });
    });
    const names = blocks.filter(({ duration }) => duration >= LEAST)
      .flatMap(({ task, suspects }) => [task, ...suspects].map((each) => each?.name));
    assertEquals(names, [undefined, "busy"]);
    foreign.resolve();
  });
});

Deno.test("watchdog() blames no task for what runs outside all of them", async () => {
  const runs = [
    () => void setTimeout(spin, 1),
    () =>
      taskGroup(async (group) => {
        await sleep(1);
        spin();
        group.spawn(() => {});
      }),
  ];
  for (const run of runs) assertEquals(new Set(blameOf(await watched(run))), new Set(["nobody"]));
});

Deno.test("watchdog() prints a line that names the task, does not keep the process alive, and needs no permission", async () => {
  await using run = await program(`
    grove.watchdog({ threshold: 40 });
    await grove.taskGroup((group) => {
      group.spawn(async function busy(task) {
        const end = performance.now() + 100;
        while (performance.now() < end);
        await grove.sleep(20);
      });
    });
  `);
  const { code, stderr } = await run.end();
  assertEquals(code, 0);
  assert(
    /^The event loop was blocked for \d+ ms by "busy" \(1\)\. Let it turn/m.test(stderr),
    stderr,
  );
});

Deno.test("watchdog() is over when it is disposed of, and leaves nothing behind", () => {
  const dog = watchdog();
  dog[Symbol.dispose]();
  dog[Symbol.dispose]();
  assertEquals(hooks, null);
});

Deno.test("watchdog() whose onBlocked() throws is removed, and says so: the process goes on", async () => {
  await using run = await program(`
    const error = new Error("broken tool");
    grove.watchdog({ threshold: 20, onBlocked: () => { console.log("told"); throw error; } });
    const spin = () => { const end = performance.now() + 60; while (performance.now() < end); };
    for (let times = 0; times < 3; times++) await new Promise((resolve) => setTimeout(() => (spin(), resolve()), 50));
    console.log("went on");
  `);
  const { code, stdout, stderr } = await run.end();
  assertEquals([code, stdout], [0, "told\nwent on\n"], stderr);
  assertMatch(stderr, /^The watchdog was removed as its onBlocked\(\) failed: Error: broken tool/);
});

Deno.test("E1: watchdog() refuses options that make no sense", () => {
  for (const threshold of [0, -1, NaN, Infinity]) {
    assertThrows(() => watchdog({ threshold }), RangeError, "Cannot watch the event loop as");
  }
  for (const options of [{ threshold: "1" }, { onBlocked: 1 }, 100]) {
    assertThrows(() => watchdog(options as unknown as WatchdogOptions), TypeError);
  }
  assertEquals(hooks, null);
});
