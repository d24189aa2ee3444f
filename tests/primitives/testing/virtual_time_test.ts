/**
 * `withVirtualTime`: time that stands still while anybody works, and jumps when everybody waits.
 *
 * @module
 */

import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  after,
  CancelScope,
  cancelScope,
  currentTask,
  failAfter,
  interval,
  moveOnAfter,
  sleep,
  sleepUntil,
  taskGroup,
  TimeoutError,
  yieldNow,
} from "../../../mod.ts";
import { currentClock } from "../../../primitives/kernel/clock.ts";
import { waitAllTasksBlocked, withVirtualTime } from "../../../primitives/testing/mod.ts";
import { calling } from "../probes.ts";

const DAY = 86_400_000;

Deno.test("sleeps end in the order of their times, each at its own", async () => {
  const log: [name: string, at: number][] = [];
  const total = await withVirtualTime(async (time) => {
    await taskGroup((group) => {
      for (const [name, ms] of [["c", 3 * DAY], ["a", 1], ["b", 2 * DAY], ["also a", 1]] as const) {
        group.spawn(async () => {
          await sleep(ms);
          log.push([name, time.elapsed]);
        });
      }
    });
    return time.elapsed;
  });
  assertEquals(log, [["a", 1], ["also a", 1], ["b", 2 * DAY], ["c", 3 * DAY]]);
  assertEquals(total, 3 * DAY);
});

Deno.test("withVirtualTime gives what its function returns, and starts at 0 each time", async () => {
  for (let round = 0; round < 2; round++) {
    const begin = await withVirtualTime(async (time) => {
      const begin = time.elapsed;
      await sleep(10);
      return begin;
    });
    assertEquals(begin, 0);
  }
  assertEquals(await withVirtualTime(() => "no time at all"), "no time at all");
});

Deno.test("time stands still while a task works, however many turns of the loop that takes", async () => {
  await withVirtualTime(async (time) => {
    await taskGroup(async (group) => {
      group.spawn(() => sleep(5));
      for (let turn = 0; turn < 50; turn++) await yieldNow();
      assertEquals(time.elapsed, 0);
    });
    assertEquals(time.elapsed, 5);
  });
});

Deno.test("time stands still for who waits until all tasks are blocked, however often in a row", async () => {
  await withVirtualTime(async (time) => {
    await taskGroup(async (group) => {
      const task = group.spawn(() => sleep(1_000));
      for (let round = 0; round < 5; round++) {
        await waitAllTasksBlocked();
        assertEquals([task.state, time.elapsed], ["running", 0]);
      }
    });
  });
});

Deno.test("all of Grove's times are virtual: sleeps, dates, moments, intervals, time-outs, deadlines", async () => {
  await withVirtualTime(async (time) => {
    const inTwoDays = await cancelScope((scope) => scope.deadline, { timeout: 2 * DAY });
    await sleep(DAY);
    assertEquals(time.elapsed, DAY);
    await sleepUntil(inTwoDays ?? 0);
    assertEquals(time.elapsed, 2 * DAY);
    const begin = time.elapsed;
    await after(50);
    assertEquals(time.elapsed, begin + 50);
    let ticks = 0;
    for await (const _ of interval(10)) if (++ticks === 5) break;
    assertEquals(time.elapsed, begin + 100);
    await assertRejects(() => sleep(Infinity, { timeout: 25 }), TimeoutError, "25 ms");
    assertEquals(time.elapsed, begin + 125);
    await assertRejects(() => failAfter(75, () => sleep(Infinity)), TimeoutError);
    assertEquals(time.elapsed, begin + 200);
    await assertRejects(
      () => taskGroup((group) => void group.spawn(() => sleep(Infinity)), { timeout: 50 }),
      TimeoutError,
    );
    assertEquals(time.elapsed, begin + 250);
  });
});

Deno.test("the earliest of nested deadlines comes first", async () => {
  await withVirtualTime(async (time) => {
    const outer = await moveOnAfter(10, () => moveOnAfter(20, () => sleep(DAY)));
    assertEquals([outer.timedOut, time.elapsed], [true, 10]);
    const inner = await moveOnAfter(20, () => moveOnAfter(10, () => sleep(DAY)));
    assertEquals([inner.timedOut, inner.value?.timedOut, time.elapsed], [false, true, 20]);
  });
});

Deno.test("a deadline that is not reached does not move time", async () => {
  await withVirtualTime(async (time) => {
    await moveOnAfter(DAY, () => sleep(10));
    assertEquals(time.elapsed, 10);
  });
});

Deno.test("a stop's grace passes in virtual time", async () => {
  await withVirtualTime(async (time) => {
    const scope = new CancelScope();
    await scope.enter(async () => {
      scope.stop({ grace: 3_000 });
      await sleep(Infinity);
    });
    assertEquals([scope.cancelledCaught, time.elapsed], [true, 3_000]);
  });
});

Deno.test("a program that takes a year takes no time", async () => {
  await withVirtualTime(async (time) => {
    let days = 0;
    for (; days < 365; days++) await sleep(DAY);
    assertEquals(time.elapsed, 365 * DAY);
  });
});

Deno.test("a thousand tasks with random sleeps run the same way every time", async () => {
  const run = () => {
    let seed = 7;
    const random = () => (seed = (seed * 16_807) % 2_147_483_647) % 1_000;
    const log: string[] = [];
    return withVirtualTime(async (time) => {
      await taskGroup((group) => {
        for (let n = 0; n < 1_000; n++) {
          group.spawn(async () => {
            for (let nap = 0; nap < 3; nap++) await sleep(random());
            log.push(`${n} at ${time.elapsed}`);
          });
        }
      });
      return log;
    });
  };
  assertEquals(await run(), await run());
});

Deno.test("what is thrown under virtual time comes out as it is, and the real clock is back", async () => {
  const real = currentClock();
  const boom = new Error("boom");
  const thrown = await assertRejects(() =>
    withVirtualTime(async () => {
      assert(currentClock() !== real);
      await sleep(DAY);
      throw boom;
    })
  );
  assertStrictEquals(thrown, boom);
  assertStrictEquals(currentClock(), real);

  const atOnce = await assertRejects(() =>
    withVirtualTime(() => {
      throw boom;
    })
  );
  assertStrictEquals(atOnce, boom);
  assertStrictEquals(currentClock(), real);
});

Deno.test("the real clock is back after virtual time, and runs", async () => {
  const real = currentClock();
  await withVirtualTime(() => sleep(DAY));
  assertStrictEquals(currentClock(), real);
  await sleep(1);
});

Deno.test("virtual time within virtual time is refused, and the outer goes on", async () => {
  await withVirtualTime(async (time) => {
    assertThrows(() => withVirtualTime(() => {}), Error, "time is virtual already");
    await sleep(10);
    assertEquals(time.elapsed, 10);
  });
});

Deno.test("virtual time is refused while somebody waits for a real time, which would never come", async () => {
  const controller = new AbortController();
  const nap = sleep(DAY, { signal: controller.signal });
  let begun = false;
  assertThrows(
    () => withVirtualTime(() => void (begun = true)),
    Error,
    "sleeps or deadlines are set in real time: 1.",
  );
  assertEquals(begun, false);
  controller.abort(new Error("enough"));
  await assertRejects(() => nap, Error, "enough");
  await withVirtualTime(() => void (begun = true));
  assertEquals(begun, true);
  // For the clock to put away its timer.
  await yieldNow();
  await new Promise((resolve) => setTimeout(resolve));
});

Deno.test("what still waits for a time at the end is reported", async () => {
  const controller = new AbortController();
  const error = await assertRejects(
    () =>
      withVirtualTime(() => {
        for (const ms of [1, 2, 2]) sleep(ms, { signal: controller.signal }).catch(() => {});
      }),
    Error,
  );
  controller.abort();
  assert(/sleeps or deadlines are left.*: 3\./.test(error.message), error.message);
});

Deno.test("what was left behind under virtual time does not spoil what comes after it", async () => {
  const controller = new AbortController();
  const { signal } = controller;
  try {
    const leaveBehind = () => sleep(DAY, { signal }).catch(() => {});
    await assertRejects(() => withVirtualTime(() => void leaveBehind()), Error, "are left");
    await withVirtualTime(() => sleep(5));
    const failing = async () => {
      leaveBehind();
      await sleep(1);
      throw new Error("boom");
    };
    await assertRejects(() => withVirtualTime(failing), Error, "boom");
    await withVirtualTime(() => sleep(5));
    await sleep(1);
  } finally {
    controller.abort();
    await sleep(0);
  }
});

Deno.test("withVirtualTime says at the call that its argument is no function [E1]", () => {
  const real = currentClock();
  assertThrows(calling(withVirtualTime), TypeError, "must be a function: received undefined");
  assertThrows(
    calling(withVirtualTime, Promise.resolve()),
    TypeError,
    "must be a function: received a Promise. Pass the function itself",
  );
  assertStrictEquals(currentClock(), real);
});

Deno.test("under virtual time a function runs in the task of its caller", async () => {
  await taskGroup(async (group) => {
    const name = await group.spawn(
      () => withVirtualTime(() => currentTask().name),
      { name: "caller" },
    );
    assertEquals(name, "caller");
  });
});
