/**
 * Moments to wait for.
 *
 * @module
 */

import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { after, cancelScope, moveOnAfter, shield, sleep, taskGroup } from "../../mod.ts";
import { pendingTimers } from "../../primitives/kernel/timers.ts";
import {
  interruptAtEveryStep,
  waitAllTasksBlocked,
  withLeakCheck,
  withVirtualTime,
} from "../../primitives/testing/mod.ts";
import { rejectionOf } from "./spies.ts";

Deno.test("after() counts from its call, not from the wait", async () => {
  await withVirtualTime(async (time) => {
    const atLeast = after(10);
    await sleep(7);
    await atLeast;
    assertEquals(time.elapsed, 10);
  });
});

Deno.test("after() that has come already takes no time", async () => {
  await withVirtualTime(async (time) => {
    const atLeast = after(10);
    await sleep(25);
    assertStrictEquals(await atLeast, undefined);
    assertEquals(time.elapsed, 25);
  });
});

Deno.test("after() sets nothing up until somebody waits for it", async () => {
  await withVirtualTime(async () => {
    const atLeast = after(10);
    assertEquals(pendingTimers(), 0);
    const waiting = atLeast.then(() => pendingTimers());
    assertEquals(pendingTimers(), 1);
    assertEquals(await waiting, 0);
  });
});

Deno.test("after() can be awaited by several tasks, and again", async () => {
  await withVirtualTime(async (time) => {
    const moment = after(10);
    const ends: number[] = [];
    await taskGroup((group) => {
      for (let child = 0; child < 3; child++) {
        group.spawn(async () => {
          await moment;
          await moment;
          ends.push(time.elapsed);
        });
      }
    });
    assertEquals(ends, [10, 10, 10]);
  });
});

Deno.test("after() is a checkpoint each time, also when it has come", async () => {
  const come = after(0);
  await cancelScope(async (scope) => {
    scope.cancel();
    assertStrictEquals(await rejectionOf(come), scope.cancelled);
    assertStrictEquals(await rejectionOf(after(1000)), scope.cancelled);
    await shield(() => come);
  });
});

Deno.test("C7: one who is cancelled while waiting for a moment leaves the others waiting", async () => {
  await withVirtualTime(async (time) => {
    const moment = after(10);
    const ends: string[] = [];
    await taskGroup(async (group) => {
      group.spawn(async () => {
        await moment;
        ends.push(`the patient one at ${time.elapsed}`);
      });
      const impatient = await moveOnAfter(5, async () => await moment);
      ends.push(`the impatient one: ${impatient.timedOut}`);
      assertEquals(pendingTimers(), 1);
    });
    assertEquals(ends, ["the impatient one: true", "the patient one at 10"]);
  });
});

Deno.test("C7: waiting for a moment leaves nothing, at whatever step it is cancelled", async () => {
  await withVirtualTime(() =>
    withLeakCheck(async () => {
      const { interrupted } = await interruptAtEveryStep(async (interrupt) => {
        await interrupt(async () => await after(5));
        assertEquals(pendingTimers(), 0);
      });
      assert(interrupted > 1);
    })
  );
});

Deno.test("after(Infinity) never comes, and sets no timer", async () => {
  await cancelScope(async (scope) => {
    const waiting = after(Infinity).then(() => {});
    await waitAllTasksBlocked();
    assertEquals(pendingTimers(), 0);
    scope.cancel();
    await assertRejects(() => waiting);
  });
});

Deno.test("E1: after() refuses what is no time, at the call", () => {
  const call = after as (...args: unknown[]) => unknown;
  assertThrows(() => call(-1), RangeError, "Cannot make a moment as the time must be zero or more");
  assertThrows(() => call(NaN), RangeError, "received NaN");
  assertThrows(() => call("5"), TypeError, 'must be a number of milliseconds: received "5"');
  assertThrows(() => call(new Date()), TypeError, "received a Date");
  assertThrows(() => call(), TypeError, "received undefined");
});
