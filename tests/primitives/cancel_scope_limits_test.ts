/**
 * Deadlines and signals of cancel scopes.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  Cancelled,
  CancelScope,
  cancelScope,
  checkpoint,
  sleep,
  taskGroup,
  TimeoutError,
} from "../../mod.ts";
import { currentClock } from "../../primitives/kernel/clock.ts";
import { pendingTimers } from "../../primitives/kernel/timers.ts";
import { waitAllTasksBlocked, withVirtualTime } from "../../primitives/testing/mod.ts";
import { rejectionOf, SpiedController } from "./spies.ts";

// Time limits

Deno.test("A timeout counts from the entry, not from the construction", async () => {
  await withVirtualTime(async (time) => {
    const scope = new CancelScope({ timeout: 10 });
    assertEquals(scope.deadline, Infinity);
    assertEquals(pendingTimers(), 0);
    await sleep(100);
    await scope.enter(async () => {
      assertEquals(scope.deadline, currentClock().wall() + 10);
      await sleep(1000);
    });
    assertEquals(time.elapsed, 110);
    assert(scope.cancelledCaught);
  });
});

Deno.test("A deadline is a date, as a Date or in milliseconds, whenever the scope is entered", async () => {
  for (const as of [(date: number) => date, (date: number) => new Date(date)]) {
    await withVirtualTime(async (time) => {
      const start = currentClock().wall();
      const scope = new CancelScope({ deadline: as(start + 50) });
      await sleep(20);
      await scope.enter(() => sleep(1000));
      assertEquals(time.elapsed, 50);
      assert(scope.cancelledCaught);
    });
  }
});

Deno.test("A deadline that has passed holds from the first checkpoint on", async () => {
  const scope = new CancelScope({ deadline: new Date(0) });
  const steps: string[] = [];
  await scope.enter(async () => {
    steps.push("begun");
    await checkpoint();
    steps.push("not reached");
  });
  assertEquals(steps, ["begun"]);
  assert(scope.cancelledCaught);
  assertInstanceOf(scope.cancelled?.reason, TimeoutError);
});

Deno.test("Of a timeout and a deadline the earlier counts", async () => {
  for (const [timeout, later, end] of [[10, 20, 10], [20, 10, 10]]) {
    await withVirtualTime(async (time) => {
      const start = currentClock().wall();
      await cancelScope(() => sleep(1000), { timeout, deadline: start + later });
      assertEquals(time.elapsed, end);
    });
  }
});

Deno.test("A scope without a limit, or one of Infinity, has no deadline and sets no timer", async () => {
  for (const options of [{}, { timeout: Infinity }, { deadline: Infinity }]) {
    await cancelScope((scope) => {
      assertEquals(scope.deadline, Infinity);
      assertEquals(pendingTimers(), 0);
    }, options);
  }
});

Deno.test("Setting the deadline of an open scope gives more time, or less, or no limit", async () => {
  const moves: [to: number, end: number][] = [[50, 50], [5, 5], [Infinity, 1000]];
  for (const [to, end] of moves) {
    await withVirtualTime(async (time) => {
      await cancelScope(async (scope) => {
        scope.deadline += to - 10;
        if (to !== Infinity) assertEquals(pendingTimers(), 1, "the old one is lifted");
        await sleep(1000);
      }, { timeout: 10 });
      assertEquals(time.elapsed, end);
      assertEquals(pendingTimers(), 0);
    });
  }
});

Deno.test("Setting the deadline to a time that has passed cancels at once", async () => {
  await cancelScope(async (scope) => {
    const sleeping = sleep(Infinity);
    scope.deadline = new Date(0);
    assert(scope.signal.aborted);
    assertStrictEquals(await rejectionOf(sleeping), scope.cancelled);
    assertInstanceOf(scope.cancelled?.reason, TimeoutError);
  });
});

Deno.test("Setting the deadline of a cancelled scope does not revive it", async () => {
  await cancelScope(async (scope) => {
    scope.cancel("first");
    scope.deadline = Date.now() + 60_000;
    assertEquals(pendingTimers(), 0);
    assertEquals((await rejectionOf(sleep(1)) as Cancelled).reason, "first");
  });
});

Deno.test("The deadline given to a scope can be read before it is entered", () => {
  const deadline = Date.now() + 60_000;
  const scope = new CancelScope({ deadline });
  assert(Math.abs(scope.deadline - deadline) < 1000, `${scope.deadline} is not ${deadline}`);
});

Deno.test("A deadline set before the entry replaces the one given at the construction", async () => {
  await withVirtualTime(async (time) => {
    const start = currentClock().wall();
    const scope = new CancelScope({ deadline: start + 10 });
    scope.deadline = start + 50;
    assertEquals(pendingTimers(), 0);
    await scope.enter(() => sleep(1000));
    assertEquals(time.elapsed, 50);
  });
});

Deno.test("Setting the deadline of a scope that has ended leaves no timer", async () => {
  await withVirtualTime(async () => {
    const scope = new CancelScope();
    await scope.enter(() => {});
    scope.deadline = currentClock().wall() + 60_000;
    const left = pendingTimers();
    scope.deadline = Infinity;
    assertEquals(left, 0);
  });
});

Deno.test("A scope that ends in time leaves no timer, nor does one that fails", async () => {
  await withVirtualTime(async () => {
    await cancelScope(() => sleep(1), { timeout: 60_000 });
    assertEquals(pendingTimers(), 0);
    const failing = cancelScope(() => Promise.reject(new Error("boom")), { timeout: 60_000 });
    assertEquals(pendingTimers(), 1);
    await assertRejects(() => failing, Error, "boom");
    assertEquals(pendingTimers(), 0);
  });
});

// Signals

Deno.test("A scope is cancelled by its signal, and the reason is the signal's", async () => {
  const controller = new SpiedController();
  const scope = new CancelScope({ signal: controller.signal });
  await scope.enter(async () => {
    assertEquals(controller.listeners, 1);
    const sleeping = sleep(Infinity);
    const reason = new Error("the caller hung up");
    controller.abort(reason);
    await assertRejects(() => sleeping, Cancelled, "the caller hung up");
    assertStrictEquals(scope.cancelled?.reason, reason);
    assertEquals(controller.listeners, 0);
    await sleep(0);
  });
  assert(scope.cancelledCaught);
});

Deno.test("A scope whose signal has aborted already is cancelled from its first checkpoint on", async () => {
  const controller = new SpiedController();
  const scope = new CancelScope({ signal: controller.signal });
  controller.abort("beforehand");
  await scope.enter(() => sleep(Infinity));
  assert(scope.cancelledCaught);
  assertEquals(scope.cancelled?.reason, "beforehand");
  assertEquals(controller.added, 0);
});

Deno.test("A scope lets go of its signal when it ends or is cancelled, and takes none before it is entered", async () => {
  const controller = new SpiedController();
  const { signal } = controller;
  const unused = new CancelScope({ signal });
  assertEquals(controller.added, 0);
  await cancelScope(() => {}, { signal });
  assertEquals(controller.listeners, 0);
  await cancelScope((scope) => {
    scope.cancel();
    assertEquals(controller.listeners, 0);
  }, { signal });
  assertStrictEquals(unused.cancelled, undefined);
});

Deno.test("A thousand scopes with one signal are one listener on it", async () => {
  const controller = new SpiedController();
  const { signal } = controller;
  const scopes = Array.from({ length: 1000 }, () => new CancelScope({ signal }));
  await taskGroup(async (group) => {
    for (const scope of scopes) group.spawn(() => scope.enter(() => sleep(Infinity)));
    await waitAllTasksBlocked();
    assertEquals(controller.listeners, 1);
    controller.abort();
  });
  assert(scopes.every((scope) => scope.cancelledCaught));
  assertEquals(controller.listeners, 0);
});

// Bad input

Deno.test("E1: a deadline has to be a date", async () => {
  await cancelScope((scope) => {
    assertThrows(() => scope.deadline = NaN, RangeError, "must be a valid date: received NaN");
    assertThrows(() => scope.deadline = new Date(NaN), RangeError, "received Invalid Date");
    assertThrows(() => scope.deadline = "soon" as never, TypeError, 'received "soon"');
    assertEquals(scope.deadline, Infinity);
  });
});
