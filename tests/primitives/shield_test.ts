/**
 * Protection from cancellation: rule C5 of the design.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertFalse,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  CancelScope,
  cancelScope,
  isCancelled,
  moveOnAfter,
  shield,
  sleep,
  taskGroup,
  TimeoutError,
  yieldNow,
} from "../../mod.ts";
import { pendingTimers } from "../../primitives/kernel/timers.ts";
import {
  interruptAtEveryStep,
  waitAllTasksBlocked,
  withLeakCheck,
  withVirtualTime,
} from "../../primitives/testing/mod.ts";
import { rejectionOf } from "./spies.ts";

Deno.test("C5: shield() keeps a cancellation from outside away, which comes at the next checkpoint", async () => {
  await withVirtualTime(async (time) => {
    const steps: string[] = [];
    await moveOnAfter(10, async () => {
      const value = await shield(async (scope) => {
        await sleep(20);
        assertFalse(scope.signal.aborted);
        return "finished";
      });
      steps.push(value);
      await sleep(0);
      steps.push("not reached");
    });
    assertEquals(steps, ["finished"]);
    assertEquals(time.elapsed, 20);
  });
});

Deno.test("C5: clean-up in a finally can wait in a shield", async () => {
  const steps: string[] = [];
  await cancelScope(async (scope) => {
    try {
      scope.cancel();
      await sleep(0);
    } finally {
      await sleep(0).catch(() => steps.push("unshielded: refused"));
      await shield(() => sleep(0));
      steps.push("shielded: done");
    }
  });
  assertEquals(steps, ["unshielded: refused", "shielded: done"]);
});

Deno.test("C5: a shield keeps out every scope around it, however deep it stands", async () => {
  await cancelScope(async (outermost) => {
    await cancelScope(async (outer) => {
      await shield(() =>
        cancelScope(() =>
          taskGroup(async (group) => {
            const child = group.spawn(() => sleep(0).then(() => "lived"));
            outer.cancel();
            outermost.cancel();
            assertEquals(await child, "lived");
          })
        )
      );
    });
  });
});

Deno.test("C5: a shield does not protect from its own cancellation", async () => {
  let own: unknown;
  const cancelled = shield(async (scope) => {
    scope.cancel("given up");
    own = scope.cancelled;
    await sleep(0);
  });
  const error = await rejectionOf(cancelled);
  assert(isCancelled(error));
  assertStrictEquals(error, own);
});

Deno.test("C5: a shield does not protect from the scopes inside it", async () => {
  const value = await shield(async () => {
    await cancelScope(async (inner) => {
      inner.cancel();
      await sleep(0);
    });
    return "went on";
  });
  assertEquals(value, "went on");
});

Deno.test("C5: { timeout } bounds a shield, by a TimeoutError", async () => {
  await withVirtualTime(async (time) => {
    let error: unknown;
    await cancelScope(async (scope) => {
      scope.cancel();
      error = await rejectionOf(shield(() => sleep(1000), { timeout: 30 }));
    });
    assertInstanceOf(error, TimeoutError);
    assertEquals(time.elapsed, 30);
    assertEquals(await shield(() => "in time", { timeout: 30 }), "in time");
    assertEquals(pendingTimers(), 0);
  });
});

Deno.test("C5: lifting a shield delivers at once what waits outside", async () => {
  const [outer, inner] = [new CancelScope(), new CancelScope({ shield: true })];
  await outer.enter(() =>
    inner.enter(async () => {
      const sleeping = sleep(Infinity);
      outer.cancel();
      assert(inner.shielded);
      assertFalse(inner.signal.aborted);
      inner.shielded = false;
      assert(inner.signal.aborted);
      assertStrictEquals(await rejectionOf(sleeping), outer.cancelled);
      throw outer.cancelled;
    })
  );
  assert(outer.cancelledCaught);
  assertFalse(inner.cancelledCaught);
});

Deno.test("C5: raising a shield in a cancelled scope lets it wait again", async () => {
  const [outer, inner] = [new CancelScope(), new CancelScope()];
  const steps: string[] = [];
  await outer.enter(() =>
    inner.enter(async () => {
      outer.cancel();
      await sleep(0).catch(() => steps.push("refused"));
      inner.shielded = true;
      await sleep(0);
      steps.push("slept");
      inner.shielded = false;
      await sleep(0);
      steps.push("not reached");
    })
  );
  assertEquals(steps, ["refused", "slept"]);
  assert(outer.cancelledCaught);
});

Deno.test("C5: a shield raised before the entry counts, and one lifted before it does not", async () => {
  for (const shielded of [true, false]) {
    const scope = new CancelScope({ shield: !shielded });
    scope.shielded = shielded;
    await cancelScope(async (outer) => {
      outer.cancel();
      await scope.enter(() => sleep(0));
    });
    assertEquals(scope.shielded, shielded);
    assertFalse(scope.cancelledCaught);
  }
});

Deno.test("C5: a shielded host does not shield the children of its group", async () => {
  const steps: string[] = [];
  await cancelScope(async (scope) => {
    await taskGroup(async (group) => {
      await shield(async () => {
        const before = group.spawn(() => sleep(Infinity));
        before.onDone(({ state }) => steps.push(`the child: ${state}`));
        await waitAllTasksBlocked();
        scope.cancel();
        const late = group.spawn(() => sleep(Infinity));
        late.onDone(({ state }) => steps.push(`the late child: ${state}`));
        await sleep(0);
        steps.push("the host: finished");
      });
    });
  });
  assertEquals(steps.toSorted(), [
    "the child: cancelled",
    "the host: finished",
    "the late child: cancelled",
  ]);
});

Deno.test("C5: a group opened in the shield is shielded with its children", async () => {
  await cancelScope(async (scope) => {
    const value = await shield(() =>
      taskGroup(async (group) => {
        const child = group.spawn(() => sleep(0).then(() => "lived"));
        scope.cancel();
        return await child;
      })
    );
    assertEquals(value, "lived");
  });
});

Deno.test("C5: a task waiting in a shield still goes on when it is cancelled itself", async () => {
  const steps: string[] = [];
  await taskGroup(async (group) => {
    const task = group.spawn(async () => {
      await shield(() => sleep(0));
      steps.push("finished");
      await sleep(0);
      steps.push("not reached");
    });
    task.cancel();
    await task.join();
    assertEquals(task.state, "cancelled");
  });
  assertEquals(steps, ["finished"]);
});

Deno.test("C5: what fails in a shield fails as it is", async () => {
  await assertRejects(() => shield(() => Promise.reject(new Error("boom"))), Error, "boom");
});

Deno.test("C7: a shielded clean-up is finished, at whatever step the cancellation comes", async () => {
  await withVirtualTime(() =>
    withLeakCheck(async () => {
      const { interrupted } = await interruptAtEveryStep(async (interrupt) => {
        let opened = 0;
        let closed = 0;
        await interrupt(async () => {
          opened++;
          try {
            await sleep(1);
          } finally {
            await shield(async () => {
              await sleep(1);
              await yieldNow();
              closed++;
            });
          }
          await sleep(1);
        });
        assertEquals(closed, opened);
        assertEquals(pendingTimers(), 0);
      });
      assert(interrupted > 3);
    })
  );
});

Deno.test("E1: shield() refuses what makes no sense, at the call and before any effect", () => {
  const call = shield as (...args: unknown[]) => Promise<unknown>;
  let called = false;
  const body = () => void (called = true);
  assertThrows(() => call(), TypeError, "must be a function: received undefined");
  assertThrows(() => call(Promise.resolve()), TypeError, "Pass the function itself");
  assertThrows(() => call(body, { timeout: -1 }), RangeError, "'timeout' must be zero or more");
  assertThrows(() => call(body, { timeout: NaN }), RangeError, "received NaN");
  assertThrows(() => call(body, { timeout: "5" }), TypeError, 'received "5"');
  assertFalse(called);
});

Deno.test("E1: shield(fn, 100), with the options forgotten, is refused", () => {
  const call = shield as (...args: unknown[]) => Promise<unknown>;
  assertThrows(() => call(() => {}, 100), TypeError, "options must be an object: received 100");
  assertThrows(() => call(() => {}, null), TypeError, "options must be an object: received null");
});
