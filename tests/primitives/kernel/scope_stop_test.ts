/**
 * Graceful, then hard: `stop()`, rule C10 of the design.
 *
 * @module
 */

import { assert, assertEquals, assertFalse, assertStrictEquals, assertThrows } from "@std/assert";
import {
  type Cancelled,
  CancelScope,
  cancelScope,
  currentTask,
  shield,
  sleep,
  taskGroup,
} from "../../../mod.ts";
import { pendingTimers } from "../../../primitives/kernel/timers.ts";
import { waitAllTasksBlocked, withVirtualTime } from "../../../primitives/testing/mod.ts";
import { rejectionOf } from "../spies.ts";

Deno.test("C10: stop() asks the scope and all below, and nobody outside", async () => {
  await withVirtualTime(() =>
    cancelScope(async (outer) => {
      await cancelScope((scope) =>
        taskGroup(async (group) => {
          const task = group.spawn(() => sleep(1), { name: "child" });
          assertEquals([scope, group, task].map(({ stopping }) => stopping), [false, false, false]);
          scope.stop();
          assertEquals([scope, group, task].map(({ stopping }) => stopping), [true, true, true]);
          assert(group.spawn(() => {}).stopping, "who comes later is asked as well");
          assertFalse(outer.stopping);
          assert(currentTask().stopping, "to the code that is in the scope");
          await task;
        })
      );
      assertFalse(currentTask().stopping);
    })
  );
});

Deno.test("C10: currentTask().stopping turns true in the tasks of a scope that is stopping", async () => {
  await taskGroup(async (group) => {
    const seen: boolean[] = [];
    const task = group.spawn(async () => {
      seen.push(currentTask().stopping);
      await sleep(Infinity, { endOnStop: true });
      seen.push(currentTask().stopping);
    });
    await waitAllTasksBlocked();
    task.stop({ grace: Infinity });
    await task;
    assertEquals(seen, [false, true]);
  });
});

Deno.test("C10: the marked waits below end, the others go on, and who ends within the grace is not cancelled", async () => {
  await withVirtualTime(async (time) => {
    const scope = new CancelScope();
    const steps: string[] = [];
    await scope.enter(() =>
      taskGroup(async (group) => {
        group.spawn(async () => {
          while (!currentTask().stopping) await sleep(1000, { endOnStop: true });
          steps.push(`the loop ended at ${time.elapsed}`);
        });
        group.spawn(async () => {
          await sleep(30);
          steps.push(`the work at hand ended at ${time.elapsed}`);
        });
        await sleep(10);
        scope.stop({ grace: 100 });
      })
    );
    assertEquals(steps, ["the loop ended at 10", "the work at hand ended at 30"]);
    assertEquals(time.elapsed, 30);
    assertFalse(scope.cancelledCaught);
    assertStrictEquals(scope.cancelled, undefined);
    assertEquals(pendingTimers(), 0);
  });
});

Deno.test("C10: after the grace the scope is cancelled, and its error says so", async () => {
  await withVirtualTime(async (time) => {
    const scope = new CancelScope({ name: "server" });
    await scope.enter(async () => {
      scope.stop({ grace: 100 });
      const error = await rejectionOf(sleep(1000)) as Cancelled;
      assertEquals(
        error.message,
        'Cancelled, as the scope "server" was: it did not stop within 100 ms',
      );
      throw error;
    });
    assert(scope.cancelledCaught);
    assertEquals(time.elapsed, 100);
  });
});

Deno.test("C10: the grace is four seconds where none is given", async () => {
  await withVirtualTime(async (time) => {
    await cancelScope(async (scope) => {
      scope.stop();
      await sleep(60_000);
    });
    assertEquals(time.elapsed, 4000);
  });
});

Deno.test("C10: asking again can only shorten the grace", async () => {
  for (const [first, second, end] of [[100, 50, 50], [50, 100, 50], [50, Infinity, 50]]) {
    await withVirtualTime(async (time) => {
      await cancelScope(async (scope) => {
        scope.stop({ grace: first });
        scope.stop({ grace: second });
        assertEquals(pendingTimers(), 1);
        await sleep(1000);
      });
      assertEquals(time.elapsed, end);
    });
  }
});

Deno.test("C10: a grace of 0 cancels in the next turn, one of Infinity never", async () => {
  await withVirtualTime(async (time) => {
    const none = new CancelScope();
    await none.enter(async () => {
      none.stop({ grace: 0 });
      await sleep(1000);
    });
    assert(none.cancelledCaught);
    assertEquals(time.elapsed, 0);
    const endless = new CancelScope();
    await endless.enter(async () => {
      endless.stop({ grace: Infinity });
      assertEquals(pendingTimers(), 0);
      await sleep(1000);
    });
    assertFalse(endless.cancelledCaught);
  });
});

Deno.test("C10: a deadline before the end of the grace cancels at the deadline", async () => {
  await withVirtualTime(async (time) => {
    await cancelScope(async (scope) => {
      scope.stop({ grace: 100 });
      await sleep(1000);
    }, { timeout: 30 });
    assertEquals(time.elapsed, 30);
    assertEquals(pendingTimers(), 0);
  });
});

Deno.test("C10: stop() reaches into a shield, the cancellation after the grace does not", async () => {
  await withVirtualTime(async (time) => {
    const steps: string[] = [];
    await cancelScope(async (scope) => {
      scope.stop({ grace: 10 });
      await shield(async () => {
        await sleep(1000, { endOnStop: true });
        steps.push(`the marked sleep ended at ${time.elapsed}`);
        await sleep(50);
        steps.push(`the shield ended at ${time.elapsed}`);
      });
      await sleep(0);
      steps.push("not reached");
    });
    assertEquals(steps, ["the marked sleep ended at 0", "the shield ended at 50"]);
  });
});

Deno.test("C10: stop() before the entry asks from the entry on", async () => {
  await withVirtualTime(async (time) => {
    const scope = new CancelScope();
    scope.stop({ grace: 50 });
    await sleep(20);
    await scope.enter(async () => {
      assert(scope.stopping);
      await sleep(1000);
    });
    assert(scope.cancelledCaught);
    assertEquals(time.elapsed, 50);
  });
});

Deno.test("C10: stopping a scope that has ended, or is cancelled, does nothing that stays", async () => {
  await withVirtualTime(async () => {
    const scope = new CancelScope();
    await scope.enter(() => {});
    scope.stop({ grace: 100 });
    assertFalse(scope.stopping);
    assertEquals(pendingTimers(), 0);
    await cancelScope(async (scope) => {
      scope.cancel("first");
      scope.stop({ grace: 5 });
      await shield(() => sleep(10));
      assertEquals((await rejectionOf(sleep(1)) as Cancelled).reason, "first");
    });
  });
});

Deno.test("E1: stop() refuses a grace that makes no sense, and does not stop then", async () => {
  await cancelScope((scope) => {
    const stop = scope.stop.bind(scope) as (...args: unknown[]) => void;
    assertThrows(() => stop({ grace: -1 }), RangeError, "Cannot stop \"scope\" as 'grace'");
    assertThrows(() => stop({ grace: NaN }), RangeError, "received NaN");
    assertThrows(() => stop({ grace: "1s" }), TypeError, 'received "1s"');
    assertFalse(scope.stopping);
  });
});

Deno.test("E1: stop(1000), with the options forgotten, is refused", async () => {
  await withVirtualTime(() =>
    cancelScope((scope) => {
      const stop = scope.stop.bind(scope) as (...args: unknown[]) => void;
      assertThrows(() => stop(1000), TypeError, "options must be an object: received 1000");
    })
  );
});
