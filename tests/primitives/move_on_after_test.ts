/**
 * Time limits that are no errors: rule C6 of the design.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertFalse,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  type CancelScope,
  cancelScope,
  failAfter,
  isCancelled,
  moveOnAfter,
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

Deno.test("C6: moveOnAfter() gives the value of what ends in time", async () => {
  await withVirtualTime(async (time) => {
    const result = await moveOnAfter(10, async () => {
      await sleep(9);
      return "done";
    });
    assertEquals(result, { timedOut: false, value: "done" });
    assertEquals(time.elapsed, 9);
    assertEquals(pendingTimers(), 0);
  });
});

Deno.test("C6: moveOnAfter() tells when the time was up, and goes on", async () => {
  await withVirtualTime(async (time) => {
    const result = await moveOnAfter(10, async () => {
      await sleep(11);
      return "not reached";
    });
    assertEquals(result, { timedOut: true, value: undefined });
    assertEquals(time.elapsed, 10);
    assertEquals(pendingTimers(), 0);
  });
});

Deno.test("C6: moveOnAfter() takes functions that are not async, and calls them with their scope", async () => {
  const result = await moveOnAfter(Infinity, (scope) => scope.cancelled);
  assertEquals(result, { timedOut: false, value: undefined });
});

Deno.test("C6: the result tells a value of undefined from a time-out by its type too", async () => {
  const result = await moveOnAfter(Infinity, () => 5);
  const value: number = result.timedOut ? 0 : result.value;
  assertEquals(value, 5);
});

Deno.test("C6: what fails in time fails as it is", async () => {
  const boom = new Error("boom");
  assertStrictEquals(await rejectionOf(moveOnAfter(Infinity, () => Promise.reject(boom))), boom);
  const thrown = moveOnAfter(Infinity, () => {
    throw boom;
  });
  assertStrictEquals(await rejectionOf(thrown), boom);
});

Deno.test("C6: with a limit of 0 the function runs to its first checkpoint", async () => {
  const steps: string[] = [];
  const result = await moveOnAfter(0, async () => {
    steps.push("begun");
    await Promise.resolve();
    steps.push("a foreign await is no checkpoint");
    await sleep(0);
    steps.push("not reached");
  });
  assertEquals(result.timedOut, true);
  assertEquals(steps, ["begun", "a foreign await is no checkpoint"]);
});

Deno.test("C6: a limit of Infinity sets no timer", async () => {
  await moveOnAfter(Infinity, () => assertEquals(pendingTimers(), 0));
});

Deno.test("C6: a function that swallows the cancellation keeps its value, for nothing was caught", async () => {
  await withVirtualTime(async () => {
    const result = await moveOnAfter(10, async () => {
      await sleep(1000).catch(() => {});
      return "half of it";
    });
    assertEquals(result, { timedOut: false, value: "half of it" });
  });
});

Deno.test("C6: moveOnAfter() returns only when the function has cleaned up", async () => {
  await withVirtualTime(async (time) => {
    await moveOnAfter(10, async () => {
      try {
        await sleep(1000);
      } finally {
        await shield(() => sleep(5));
      }
    });
    assertEquals(time.elapsed, 15);
  });
});

Deno.test("C6: a failure of the clean-up is thrown, not the time-out", async () => {
  await withVirtualTime(async () => {
    const failing = moveOnAfter(10, async () => {
      try {
        await sleep(1000);
      } finally {
        // deno-lint-ignore no-unsafe-finally
        throw new Error("the disk is full");
      }
    });
    await assertRejects(() => failing, Error, "the disk is full");
  });
});

Deno.test("C6: of nested limits the earliest wins, be it the inner or the outer", async () => {
  const cases = [
    { outer: 10, inner: 20, at: 10, timedOut: { outer: true, inner: undefined } },
    { outer: 20, inner: 10, at: 10, timedOut: { outer: false, inner: true } },
  ];
  for (const { outer, inner, at, timedOut } of cases) {
    await withVirtualTime(async (time) => {
      let innerTimedOut: boolean | undefined;
      const result = await moveOnAfter(outer, async () => {
        innerTimedOut = (await moveOnAfter(inner, () => sleep(1000))).timedOut;
      });
      assertEquals(time.elapsed, at);
      assertEquals({ outer: result.timedOut, inner: innerTimedOut }, timedOut);
    });
  }
});

Deno.test("C6: of nested limits for the same time the outermost tells", async () => {
  await withVirtualTime(async (time) => {
    let innerResult: unknown;
    const result = await moveOnAfter(10, async () => {
      innerResult = await moveOnAfter(10, () => moveOnAfter(10, () => sleep(1000)));
    });
    assertEquals(result, { timedOut: true, value: undefined });
    assertStrictEquals(innerResult, undefined);
    assertEquals(time.elapsed, 10);
  });
});

Deno.test("C6: the outermost tells also if its limit was moved to that of the inner one", async () => {
  await withVirtualTime(async () => {
    let innerReturned = false;
    const result = await moveOnAfter(5, async (outer) => {
      await moveOnAfter(10, async () => {
        outer.deadline += 5; // Its alarm is now behind the inner one, in the same millisecond.
        await sleep(1000);
      });
      innerReturned = true;
    });
    assertEquals(result.timedOut, true);
    assertFalse(innerReturned);
  });
});

Deno.test("C6: a limit inside another that has passed does not count as a time-out of its own", async () => {
  await withVirtualTime(async () => {
    const steps: unknown[] = [];
    const result = await moveOnAfter(10, async () => {
      await sleep(1000).catch(() => {});
      await moveOnAfter(0, () => sleep(1)).then((inner) => steps.push(inner));
    });
    assertEquals(result.timedOut, true);
    assertEquals(steps, []);
  });
});

Deno.test("C6: a cancellation from outside that came before the limit is no time-out", async () => {
  await withVirtualTime(async (time) => {
    let result: unknown = "none";
    await cancelScope(async (outer) => {
      result = await moveOnAfter(10, async () => {
        outer.cancel();
        await shield(() => sleep(20)); // The limit passes meanwhile.
        await sleep(1);
      });
    });
    assertEquals(result, "none");
    assertEquals(time.elapsed, 20);
  });
});

Deno.test("C6: an explicit cancel() of the limited scope before its limit is no time-out but a Cancelled", async () => {
  await withVirtualTime(async () => {
    let limited: CancelScope | undefined;
    const cancelled = moveOnAfter(10, async (scope) => {
      limited = scope;
      scope.cancel("enough");
      await shield(() => sleep(20));
      await sleep(1);
    });
    const error = await rejectionOf(cancelled);
    assert(isCancelled(error));
    assertEquals(error.reason, "enough");
    assertStrictEquals(error, limited?.cancelled);
  });
});

Deno.test("C6: a cancel() after the limit has passed is a time-out", async () => {
  await withVirtualTime(async () => {
    const { timedOut } = await moveOnAfter(10, async (scope) => {
      await shield(() => sleep(20));
      scope.cancel("too late");
      await sleep(1);
    });
    assertEquals(timedOut, true);
  });
});

Deno.test("C6: the function can give itself more time", async () => {
  await withVirtualTime(async (time) => {
    const { timedOut } = await moveOnAfter(10, async (scope) => {
      for (let page = 0; page < 5; page++) {
        await sleep(8);
        scope.deadline += 8;
      }
    });
    assertFalse(timedOut);
    assertEquals(time.elapsed, 40);
  });
});

Deno.test("C6: a TimeoutError of an inner failAfter() is a failure, not this limit", async () => {
  await withVirtualTime(async () => {
    const failing = moveOnAfter(20, () => failAfter(10, () => sleep(1000)));
    await assertRejects(() => failing, TimeoutError);
  });
});

Deno.test("C6: the limit reaches the tasks of groups inside", async () => {
  await withVirtualTime(async (time) => {
    const { timedOut } = await moveOnAfter(10, () =>
      taskGroup((group) => {
        for (let child = 0; child < 3; child++) group.spawn(() => sleep(1000));
      }));
    assert(timedOut);
    assertEquals(time.elapsed, 10);
  });
});

Deno.test("C6: moveOnAfter(ms, () => task) limits the wait for the task, and not the task", async () => {
  await withVirtualTime(async (time) => {
    await taskGroup(async (group) => {
      const task = group.spawn(() => sleep(50));
      assertEquals(await moveOnAfter(10, () => task), { timedOut: true, value: undefined });
      assertEquals(time.elapsed, 10);
      assert(task.isAlive);
    });
    assertEquals(time.elapsed, 50);
  });
});

Deno.test("C7: moveOnAfter() leaves nothing, at whatever step it is cancelled", async () => {
  await withVirtualTime(() =>
    withLeakCheck(async () => {
      const { interrupted } = await interruptAtEveryStep(async (interrupt) => {
        let result: unknown;
        const { interrupted } = await interrupt(async () => {
          result = await moveOnAfter(5, () => sleep(1000));
        });
        assertEquals(result, interrupted ? undefined : { timedOut: true, value: undefined });
        assertEquals(pendingTimers(), 0);
      });
      assert(interrupted > 1);
    })
  );
});

Deno.test("E1: moveOnAfter() refuses what makes no sense, at the call and before any effect", () => {
  const call = moveOnAfter as (...args: unknown[]) => Promise<unknown>;
  let called = false;
  const body = () => void (called = true);
  assertThrows(() => call(-1, body), RangeError, "the limit must be zero or more");
  assertThrows(() => call(NaN, body), RangeError, "received NaN");
  assertThrows(() => call("10", body), TypeError, 'milliseconds: received "10"');
  assertThrows(() => call(body, 10), TypeError, "received the function body");
  assertThrows(() => call(10), TypeError, "must be a function: received undefined");
  assertThrows(() => call(10, Promise.resolve()), TypeError, "Pass the function itself");
  assertFalse(called);
  assertEquals(pendingTimers(), 0);
});
