/**
 * Points at which a task can be cancelled.
 *
 * @module
 */

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { CancelScope, cancelScope, checkpoint, shield, taskGroup, yieldNow } from "../../mod.ts";
import { activityCount } from "../../primitives/kernel/scope.ts";
import { pendingTimers } from "../../primitives/kernel/timers.ts";
import { interruptAtEveryStep, withLeakCheck } from "../../primitives/testing/mod.ts";
import { rejectionOf, unhandledDuring } from "./spies.ts";

Deno.test("checkpoint() lets those go first who are ready", async () => {
  const steps: string[] = [];
  await taskGroup(async (group) => {
    group.spawn(async () => {
      await Promise.resolve();
      steps.push("the other");
    });
    await checkpoint();
    steps.push("this one");
  });
  assertEquals(steps, ["the other", "this one"]);
});

Deno.test("checkpoint() does not suspend: it makes no wait and lets no timer in", async () => {
  let turned = false;
  const timer = setTimeout(() => turned = true, 0);
  const before = activityCount();
  for (let step = 0; step < 1000; step++) await checkpoint();
  assertEquals(activityCount(), before);
  assertEquals(turned, false);
  clearTimeout(timer);
});

Deno.test("C1: checkpoint() throws in a cancelled scope, every time, and the very Cancelled", async () => {
  await cancelScope(async (scope) => {
    await checkpoint();
    scope.cancel();
    for (let round = 0; round < 3; round++) {
      assertStrictEquals(await rejectionOf(checkpoint()), scope.cancelled);
    }
    await shield(() => checkpoint());
  });
});

Deno.test("C1: a checkpoint of a cancelled scope that nobody awaits is no unhandled rejection", async () => {
  const unhandled = await unhandledDuring(() =>
    cancelScope((scope) => {
      scope.cancel();
      checkpoint();
      yieldNow();
    })
  );
  assertEquals(unhandled, []);
});

Deno.test("yieldNow() lets the event loop turn: timers and ports come in", async () => {
  const steps: string[] = [];
  const { port1, port2 } = new MessageChannel();
  port2.onmessage = () => steps.push("a message");
  setTimeout(() => steps.push("a timer"), 0);
  port1.postMessage(null);
  for (let turn = 0; steps.length < 2; turn++) {
    assert(turn < 1_000_000, `only ${steps} came in`);
    await yieldNow();
  }
  port1.close();
  port2.close();
  assertEquals(steps.toSorted(), ["a message", "a timer"]);
});

Deno.test("yieldNow() lets all who are ready go on, in the order in which they came", async () => {
  const steps: string[] = [];
  await taskGroup((group) => {
    for (const name of ["a", "b", "c"]) {
      group.spawn(async () => {
        for (let round = 1; round <= 2; round++) {
          await yieldNow();
          steps.push(`${name}${round}`);
        }
      });
    }
  });
  assertEquals(steps, ["a1", "b1", "c1", "a2", "b2", "c2"]);
});

Deno.test("yieldNow() is ended by a cancellation, without the turn", async () => {
  const scope = new CancelScope();
  await scope.enter(async () => {
    const turning = yieldNow();
    scope.cancel();
    assertStrictEquals(await rejectionOf(turning), scope.cancelled);
    assertStrictEquals(await rejectionOf(yieldNow()), scope.cancelled);
    await shield(yieldNow);
  });
});

Deno.test("C7: yieldNow() leaves nothing, at whatever step it is cancelled, and lets the others go on", async () => {
  await withLeakCheck(async () => {
    const { interrupted } = await interruptAtEveryStep(async (interrupt) => {
      const others = [yieldNow(), interrupt(yieldNow), yieldNow()];
      await Promise.all(others);
      assertEquals(pendingTimers(), 0);
    });
    assert(interrupted > 1);
  });
});

Deno.test("C7: checkpoint() is passed or not, at whatever step the cancellation comes", async () => {
  await withLeakCheck(async () => {
    const { interrupted } = await interruptAtEveryStep(async (interrupt) => {
      const steps: number[] = [];
      await interrupt(async () => {
        for (let step = 0; step < 5; step++) {
          await checkpoint();
          steps.push(step);
        }
      });
      assertEquals(steps, steps.map((_, index) => index));
    });
    assert(interrupted > 2);
  });
});
