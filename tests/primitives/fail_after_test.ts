/**
 * Time limits that are errors: rule C6 of the design.
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
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  cancelScope,
  currentTask,
  failAfter,
  isCancelled,
  moveOnAfter,
  nursery,
  shield,
  sleep,
  taskGroup,
  TimeoutError,
} from "../../mod.ts";
import { pendingTimers } from "../../primitives/kernel/timers.ts";
import {
  interruptAtEveryStep,
  withLeakCheck,
  withVirtualTime,
} from "../../primitives/testing/mod.ts";
import { rejectionOf } from "./spies.ts";

Deno.test("C6: failAfter() gives the value of what ends in time", async () => {
  await withVirtualTime(async (time) => {
    const value = await failAfter(10, async () => {
      await sleep(9);
      return 42;
    });
    assertEquals(value, 42);
    assertEquals(time.elapsed, 9);
    assertEquals(pendingTimers(), 0);
  });
});

Deno.test("C6: failAfter() throws a TimeoutError when the time is up", async () => {
  await withVirtualTime(async (time) => {
    const error = await rejectionOf(failAfter(10, () => sleep(11)));
    assertInstanceOf(error, TimeoutError);
    assertFalse(isCancelled(error));
    assertEquals(error.name, "TimeoutError");
    assertStringIncludes(error.message, "its time is up");
    assertEquals(time.elapsed, 10);
    assertEquals(pendingTimers(), 0);
  });
});

const limited: readonly (() => Promise<unknown>)[] = [
  () => failAfter(10, () => sleep(11)),
  () => shield(() => sleep(11), { timeout: 10 }),
  () => taskGroup(() => sleep(11), { timeout: 10 }),
  () => nursery(() => sleep(11), { timeout: 10 }),
];

Deno.test("E1: the stack of a TimeoutError leads to who has set the limit", async () => {
  for (const limit of limited) {
    await withVirtualTime(async () => {
      async function checkout() {
        await limit();
      }
      const error = await rejectionOf(checkout());
      assertInstanceOf(error, TimeoutError);
      assertStringIncludes(error.stack!, "checkout");
      assertStringIncludes(error.stack!, error.message);
    });
  }
});

Deno.test("C6: the TimeoutError is the reason of the Cancelled that the function met", async () => {
  await withVirtualTime(async () => {
    let reason: unknown;
    const error = await rejectionOf(failAfter(10, async () => {
      try {
        await sleep(1000);
      } catch (error) {
        if (isCancelled(error)) reason = error.reason;
        throw error;
      }
    }));
    assertStrictEquals(error, reason);
  });
});

Deno.test("C6: failAfter() throws only when the function has cleaned up", async () => {
  await withVirtualTime(async (time) => {
    const failing = failAfter(10, async () => {
      try {
        await sleep(1000);
      } finally {
        await shield(() => sleep(5));
      }
    });
    await assertRejects(() => failing, TimeoutError);
    assertEquals(time.elapsed, 15);
  });
});

Deno.test("C6: a function that ends by itself after the limit has not failed", async () => {
  await withVirtualTime(async () => {
    const value = await failAfter(10, async () => {
      await sleep(1000).catch(() => {});
      return "half of it";
    });
    assertEquals(value, "half of it");
    const late = await failAfter(10, () => shield(() => sleep(20)).then(() => "no checkpoint met"));
    assertEquals(late, "no checkpoint met");
  });
});

Deno.test("C6: of nested limits the earliest throws, and can be caught in between if it is the inner one", async () => {
  await withVirtualTime(async (time) => {
    const value = await failAfter(20, async () => {
      await assertRejects(() => failAfter(10, () => sleep(1000)), TimeoutError);
      await sleep(5);
      return "the outer one goes on";
    });
    assertEquals(value, "the outer one goes on");
    assertEquals(time.elapsed, 15);
  });
  await withVirtualTime(async (time) => {
    let innerThrew: unknown;
    const outer = failAfter(10, () =>
      failAfter(20, () => sleep(1000)).catch((error) => {
        innerThrew = error;
        throw error;
      }));
    await assertRejects(() => outer, TimeoutError);
    assert(isCancelled(innerThrew), "the inner one passes the outer one's cancellation on");
    assertEquals(time.elapsed, 10);
  });
});

Deno.test("C6: of nested limits for the same time the outermost throws", async () => {
  await withVirtualTime(async () => {
    let innerThrew: unknown;
    const outer = failAfter(10, async () => {
      try {
        await failAfter(10, () => sleep(1000));
      } catch (error) {
        innerThrew = error;
        throw error;
      }
    });
    const error = await rejectionOf(outer);
    assertInstanceOf(error, TimeoutError);
    assert(isCancelled(innerThrew));
    assertStrictEquals(innerThrew.reason, error);
  });
});

Deno.test("C6: failAfter() inside a moveOnAfter() with less time is no error", async () => {
  await withVirtualTime(async (time) => {
    const result = await moveOnAfter(10, () => failAfter(20, () => sleep(1000)));
    assertEquals(result.timedOut, true);
    assertEquals(time.elapsed, 10);
  });
});

Deno.test("C6: an explicit cancel that came before the limit never turns into a TimeoutError", async () => {
  await withVirtualTime(async () => {
    const own = failAfter(10, async (scope) => {
      scope.cancel("enough");
      await shield(() => sleep(20));
      await sleep(1);
    });
    const error = await rejectionOf(own);
    assert(isCancelled(error));
    assertEquals(error.reason, "enough");
  });
  await withVirtualTime(async () => {
    let inner: unknown;
    await cancelScope(async (outer) => {
      const limited = failAfter(10, async () => {
        outer.cancel();
        await shield(() => sleep(20));
        await sleep(1);
      });
      inner = await rejectionOf(limited);
      assertStrictEquals(inner, outer.cancelled);
      throw inner;
    });
    assert(isCancelled(inner));
  });
});

Deno.test("C6: what fails in time fails as it is", async () => {
  const boom = new Error("boom");
  assertStrictEquals(await rejectionOf(failAfter(Infinity, () => Promise.reject(boom))), boom);
});

Deno.test("C6: with a limit of 0 the function runs to its first checkpoint", async () => {
  let begun = false;
  const failing = failAfter(0, async () => {
    begun = true;
    await sleep(0);
  });
  await assertRejects(() => failing, TimeoutError);
  assert(begun);
  assertEquals(await failAfter(0, () => "no checkpoint"), "no checkpoint");
});

Deno.test("C6: a TimeoutError makes a task fail, and not look cancelled", async () => {
  await withVirtualTime(async () => {
    let state: string | undefined;
    const failing = taskGroup((group) => {
      const task = group.spawn(() => failAfter(10, () => sleep(1000)));
      task.onDone((task) => state = task.state);
    });
    await assertRejects(() => failing, TimeoutError);
    assertEquals(state, "failed");
  });
});

Deno.test("C6: the limited function runs in the task that called failAfter()", async () => {
  await taskGroup((group) => {
    group.spawn(async (task) => {
      await failAfter(Infinity, async () => {
        await Promise.resolve();
        assertStrictEquals(currentTask(), task);
      });
    });
  });
});

Deno.test("C7: failAfter() leaves nothing, at whatever step it is cancelled", async () => {
  await withVirtualTime(() =>
    withLeakCheck(async () => {
      const { interrupted } = await interruptAtEveryStep(async (interrupt) => {
        const value = await interrupt(() => failAfter(5, () => sleep(1000))).catch((error) =>
          error
        );
        assert(value instanceof TimeoutError || value.interrupted);
        assertEquals(pendingTimers(), 0);
      });
      assert(interrupted > 1);
    })
  );
});

Deno.test("E1: failAfter() refuses what makes no sense, at the call and before any effect", () => {
  const call = failAfter as (...args: unknown[]) => Promise<unknown>;
  let called = false;
  const body = () => void (called = true);
  assertThrows(() => call(-1, body), RangeError, "the limit must be zero or more");
  assertThrows(() => call(NaN, body), RangeError, "received NaN");
  assertThrows(() => call("10", body), TypeError, 'milliseconds: received "10"');
  assertThrows(() => call({ timeout: 5 }, body), TypeError, "received an object");
  assertThrows(() => call(10), TypeError, "must be a function: received undefined");
  assertThrows(() => call(10, Promise.resolve()), TypeError, "Pass the function itself");
  assertFalse(called);
  assertEquals(pendingTimers(), 0);
});
