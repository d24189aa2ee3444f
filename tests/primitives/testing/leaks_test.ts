/**
 * `withLeakCheck`: it sees what is left behind, and nothing else.
 *
 * @module
 */

import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  cancelScope,
  moveOnAfter,
  nursery,
  openNursery,
  sleep,
  taskGroup,
  yieldNow,
} from "../../../mod.ts";
import { currentClock } from "../../../primitives/kernel/clock.ts";
import { Alarm } from "../../../primitives/kernel/timers.ts";
import { withLeakCheck, withVirtualTime } from "../../../primitives/testing/mod.ts";
import { calling } from "../probes.ts";

const HOUR = 3_600_000;

/** What the check says of a function; it must find something. */
async function complaint(fn: () => unknown): Promise<string> {
  const { message } = await assertRejects(() => withLeakCheck(fn), Error);
  return message.split("\n")[0];
}

Deno.test("withLeakCheck gives what its function returns, where nothing is left", async () => {
  assertEquals(await withLeakCheck(() => 42), 42);
  const value = await withLeakCheck(() =>
    taskGroup(async (group) => {
      const task = group.spawn(async () => {
        await yieldNow();
        return "fine";
      });
      return await task;
    })
  );
  assertEquals(value, "fine");
});

Deno.test("withLeakCheck sees a sleep that nobody awaits", async () => {
  const controller = new AbortController();
  const nap = () => void sleep(Infinity, { signal: controller.signal }).catch(() => {});
  assertEquals(await complaint(nap), "Left behind: 1 suspended wait");
  controller.abort();
});

Deno.test("withLeakCheck counts the timers of sleeps that nobody awaits as well", async () => {
  await withVirtualTime(async () => {
    const controller = new AbortController();
    const naps = () => {
      for (const ms of [HOUR, HOUR, 2 * HOUR]) {
        sleep(ms, { signal: controller.signal }).catch(() => {});
      }
    };
    assertEquals(await complaint(naps), "Left behind: 3 suspended waits, 3 timers");
    controller.abort();
  });
});

Deno.test("withLeakCheck sees a nursery that nobody closed, with who is in it", async () => {
  const left: AsyncDisposable[] = [];
  const error = await assertRejects(
    () =>
      withLeakCheck(() => {
        const nursery = openNursery({ name: "forgotten" });
        left.push(nursery);
        nursery.spawn(() => sleep(Infinity), { name: "sleeper" });
      }),
    Error,
    "Left behind: 2 tasks, groups or scopes, 1 suspended wait",
  );
  assert(error.message.includes('group "forgotten"'), error.message);
  assert(error.message.includes("sleeper         running  waits for sleep"), error.message);
  for (const each of left) await each[Symbol.asyncDispose]();
});

Deno.test("withLeakCheck sees a group whose end nobody awaited", async () => {
  let end = () => {};
  const groups: Promise<void>[] = [];
  const told = await complaint(() => {
    groups.push(taskGroup(() => new Promise<void>((resolve) => end = resolve)));
  });
  assertEquals(told, "Left behind: 1 task, group or scope");
  end();
  await Promise.all(groups);
});

Deno.test("withLeakCheck sees a timer", async () => {
  await withVirtualTime(async () => {
    const alarms: Alarm[] = [];
    const told = await complaint(() => {
      alarms.push(new Alarm(currentClock().now() + HOUR, () => {}));
    });
    assertEquals(told, "Left behind: 1 timer");
    for (const alarm of alarms) alarm.lift();
  });
});

Deno.test("withLeakCheck counts only what is more than before", async () => {
  await nursery(async (outer) => {
    outer.spawn(() => sleep(Infinity));
    await withLeakCheck(() => taskGroup((group) => void group.spawn(() => yieldNow())));
    assertEquals(
      await complaint(() => void outer.spawn(() => sleep(Infinity))),
      "Left behind: 1 task, group or scope, 1 suspended wait",
    );
    outer.cancel();
  });
});

Deno.test("withLeakCheck finds nothing after cancellations, time limits and failures", async () => {
  await withVirtualTime(() =>
    withLeakCheck(async () => {
      await moveOnAfter(10, () => taskGroup((group) => void group.spawn(() => sleep(HOUR))));
      await cancelScope(async (scope) => {
        const nap = sleep(HOUR, { timeout: 2 * HOUR });
        scope.cancel();
        await nap;
      });
      await assertRejects(() =>
        taskGroup((group) => {
          group.spawn(() => sleep(HOUR));
          throw new Error("boom");
        })
      );
    })
  );
});

Deno.test("what a function throws under withLeakCheck comes out as it is", async () => {
  const boom = new Error("boom");
  const thrown = await assertRejects(() =>
    withLeakCheck(async () => {
      await yieldNow();
      throw boom;
    })
  );
  assertStrictEquals(thrown, boom);
});

Deno.test("a leak check within a leak check: the inner sees its own, the outer sees both", async () => {
  const controller = new AbortController();
  const nap = () => void sleep(Infinity, { signal: controller.signal }).catch(() => {});
  const told = await complaint(async () => {
    nap();
    assertEquals(await complaint(nap), "Left behind: 1 suspended wait");
  });
  assertEquals(told, "Left behind: 2 suspended waits");
  controller.abort();
});

Deno.test("withLeakCheck says at the call that its argument is no function [E1]", () => {
  assertThrows(calling(withLeakCheck), TypeError, "must be a function: received undefined");
  assertThrows(
    calling(withLeakCheck, Promise.resolve()),
    TypeError,
    "must be a function: received a Promise. Pass the function itself",
  );
});
