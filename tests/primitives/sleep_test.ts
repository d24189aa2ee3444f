/**
 * Sleeping, and on it what holds for every blocking call: rules C7, C8 and C10 of the design.
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
  checkpoint,
  isCancelled,
  moveOnAfter,
  sleep,
  sleepUntil,
  taskGroup,
  TimeoutError,
} from "../../mod.ts";
import { currentClock } from "../../primitives/kernel/clock.ts";
import { pendingTimers } from "../../primitives/kernel/timers.ts";
import {
  interruptAtEveryStep,
  waitAllTasksBlocked,
  withLeakCheck,
  withVirtualTime,
} from "../../primitives/testing/mod.ts";
import { rejectionOf, SpiedController, unhandledDuring } from "./spies.ts";

Deno.test("sleep() ends when its time has passed, the shortest first", async () => {
  await withVirtualTime(async (time) => {
    const ends: [name: string, at: number][] = [];
    await taskGroup((group) => {
      for (const ms of [30, 10, 20, 10]) {
        group.spawn(async () => {
          await sleep(ms);
          ends.push([`sleep(${ms})`, time.elapsed]);
        });
      }
    });
    assertEquals(ends, [["sleep(10)", 10], ["sleep(10)", 10], ["sleep(20)", 20], [
      "sleep(30)",
      30,
    ]]);
  });
});

Deno.test("sleep() of equal length ends in the order in which it began", async () => {
  await withVirtualTime(async () => {
    const order: number[] = [];
    await taskGroup((group) => {
      for (let child = 0; child < 100; child++) {
        group.spawn(() => sleep(5).then(() => order.push(child)));
      }
    });
    assertEquals(order, Array.from({ length: 100 }, (_, index) => index));
  });
});

Deno.test("sleep() never ends early, also not by a fraction", async () => {
  await withVirtualTime(async (time) => {
    for (const ms of [0.1, 0.9, 1.5]) {
      const start = time.elapsed;
      await sleep(ms);
      assert(time.elapsed - start >= ms);
      assert(time.elapsed - start < ms + 1);
    }
  });
  const start = performance.now();
  await sleep(1.2);
  assert(performance.now() - start >= 1.2);
});

Deno.test("sleep(0) lets the event loop turn", async () => {
  let turned = false;
  setTimeout(() => turned = true, 0);
  await sleep(0);
  while (!turned) await sleep(0); // A timer set first is not bound to fire first.
  assert(turned);
});

Deno.test("sleep(Infinity) sleeps until it is cancelled, without a timer", async () => {
  await cancelScope(async (scope) => {
    const sleeping = sleep(Infinity);
    await waitAllTasksBlocked();
    assertEquals(pendingTimers(), 0);
    scope.cancel();
    assert(isCancelled(await rejectionOf(sleeping)));
  });
});

Deno.test("sleep() takes times beyond what a native timer takes", async () => {
  await withVirtualTime(async (time) => {
    const year = 365 * 24 * 3_600_000;
    await sleep(100 * year);
    assertEquals(time.elapsed, 100 * year);
  });
});

Deno.test("sleepUntil() sleeps until a date, as a Date or in milliseconds", async () => {
  await withVirtualTime(async (time) => {
    const start = currentClock().wall();
    await sleepUntil(start + 10);
    assertEquals(time.elapsed, 10);
    await sleepUntil(new Date(start + 25));
    assertEquals(time.elapsed, 25);
  });
});

Deno.test("sleepUntil() a date that has passed takes no time, but is a checkpoint", async () => {
  await withVirtualTime(async (time) => {
    await sleepUntil(0);
    await sleepUntil(new Date(0));
    assertEquals(time.elapsed, 0);
  });
  await cancelScope(async (scope) => {
    scope.cancel();
    assert(isCancelled(await rejectionOf(sleepUntil(0))));
  });
});

// Kept or without a trace

Deno.test("C7: a sleep whose time has come before the cancellation ends well, and the next checkpoint throws", async () => {
  await withVirtualTime(async (time) => {
    const steps: string[] = [];
    await cancelScope(async (scope) => {
      const sleeping = sleep(10);
      scope.deadline = currentClock().wall() + 10; // In the same millisecond, behind the sleep.
      await sleeping;
      steps.push("slept");
      assertInstanceOf(scope.cancelled?.reason, TimeoutError);
      await checkpoint();
      steps.push("not reached");
    });
    assertEquals(steps, ["slept"]);
    assertEquals(time.elapsed, 10);
  });
});

Deno.test("C7: a sleep whose cancellation has come first is cancelled, though it would end in the same millisecond", async () => {
  await withVirtualTime(async () => {
    const result = await moveOnAfter(10, () => sleep(10));
    assertEquals(result.timedOut, true);
  });
});

Deno.test("C7: a cancelled sleep leaves no timer", async () => {
  await withVirtualTime(async () => {
    await cancelScope((scope) => {
      const sleeping = [sleep(10), sleep(10), sleep(20)];
      assertEquals(pendingTimers(), 3);
      scope.cancel();
      assertEquals(pendingTimers(), 0);
      return Promise.any(sleeping).catch(() => {});
    });
  });
});

Deno.test("C7: sleep() leaves nothing, at whatever step it is cancelled", async () => {
  await withVirtualTime(() =>
    withLeakCheck(async () => {
      const { interrupted } = await interruptAtEveryStep(async (interrupt) => {
        const controller = new SpiedController();
        const { signal } = controller;
        await interrupt(() => sleep(5, { timeout: 100, signal }));
        assertEquals(pendingTimers(), 0);
        assertEquals(controller.listeners, 0);
      });
      assert(interrupted > 1);
    })
  );
});

Deno.test("C7: of two sleeps that are cancelled only one is awaited, and the other is no unhandled rejection", async () => {
  const unhandled = await withVirtualTime(() =>
    unhandledDuring(() =>
      cancelScope(async (scope) => {
        const a = sleep(1);
        const b = sleep(2);
        const c = sleepUntil(currentClock().wall() + 3);
        scope.cancel();
        const d = sleep(4);
        for (const sleeping of [a, b, c, d]) await sleeping;
      })
    )
  );
  assertEquals(unhandled, []);
});

Deno.test("C7: a sleep marked endOnStop that is cancelled while nobody awaits it is no unhandled rejection", async () => {
  const unhandled = await unhandledDuring(() =>
    cancelScope(async (scope) => {
      const a = sleep(Infinity, { endOnStop: true });
      const b = sleep(Infinity, { endOnStop: true });
      scope.cancel();
      await a;
      await b;
    })
  );
  assertEquals(unhandled, []);
});

Deno.test("A sleep that nobody awaits does not hold its task up, and goes on in the scope around", async () => {
  await withVirtualTime(async (time) => {
    let floating: Promise<void> | undefined;
    await taskGroup(async (group) => {
      await group.spawn(() => {
        floating = sleep(10);
      });
      assertEquals(time.elapsed, 0);
      await floating;
      assertEquals(time.elapsed, 10);
    });
  });
});

Deno.test("A sleep that outlived its task is cancelled with the scope around", async () => {
  let floating: Promise<void> | undefined;
  await cancelScope(async (scope) => {
    await taskGroup(async (group) => {
      await group.spawn(() => {
        floating = sleep(Infinity);
      });
      scope.cancel();
      assertStrictEquals(await rejectionOf(floating!), scope.cancelled);
    });
  });
});

// Signal, scope and timeout

Deno.test("C8: scope, signal, timeout and the time itself: each alone ends a sleep, and the others leave nothing", async () => {
  const enders: Record<string, (scope: CancelScope, controller: SpiedController) => void> = {
    "the time": () => {},
    "the timeout": () => {},
    "the signal": (_, controller) => controller.abort("hung up"),
    "the scope": (scope) => scope.cancel(),
  };
  for (const [ender, end] of Object.entries(enders)) {
    await withVirtualTime(async (time) => {
      const controller = new SpiedController();
      const { signal } = controller;
      const scope = new CancelScope();
      let outcome: unknown;
      await scope.enter(async () => {
        const timeout = ender === "the timeout" ? 10 : 100;
        const sleeping = sleep(ender === "the time" ? 10 : 1000, { signal, timeout })
          .then(() => "slept", (error) => error);
        assertEquals(pendingTimers(), 2);
        assertEquals(controller.listeners, 1);
        end(scope, controller);
        outcome = await sleeping;
        assertEquals(pendingTimers(), 0, ender);
        assertEquals(controller.listeners, 0, ender);
      });
      switch (ender) {
        case "the time":
          assertEquals([outcome, time.elapsed], ["slept", 10]);
          break;
        case "the timeout":
          assertInstanceOf(outcome, TimeoutError);
          assertEquals(time.elapsed, 10);
          break;
        case "the signal":
          assertEquals([outcome, time.elapsed], ["hung up", 0]);
          break;
        default:
          assertStrictEquals(outcome, scope.cancelled);
      }
    });
  }
});

Deno.test("C8: a sleep ended by its own signal or timeout does not cancel its scope", async () => {
  await withVirtualTime(() =>
    cancelScope(async (scope) => {
      await assertRejects(() => sleep(1000, { timeout: 10 }), TimeoutError);
      await assertRejects(() => sleep(1000, { signal: AbortSignal.abort() }), DOMException);
      await sleep(1);
      assertStrictEquals(scope.cancelled, undefined);
    })
  );
});

Deno.test("C8: a signal that has aborted already ends the sleep at once and without effect", async () => {
  const controller = new SpiedController();
  const reason = new Error("beforehand");
  controller.abort(reason);
  const sleeping = sleep(60_000, { signal: controller.signal, timeout: 60_000 });
  assertEquals(pendingTimers(), 0);
  assertEquals(controller.added, 0);
  assertStrictEquals(await rejectionOf(sleeping), reason);
});

Deno.test("C8: a cancelled scope is told before an aborted signal", async () => {
  await cancelScope(async (scope) => {
    scope.cancel();
    const error = await rejectionOf(sleep(1, { signal: AbortSignal.abort() }));
    assertStrictEquals(error, scope.cancelled);
  });
});

Deno.test("C8: a timeout of 0 gives up at once, without a turn of the loop or a timer", async () => {
  const steps: string[] = [];
  setTimeout(() => steps.push("turned"), 0);
  const sleeping = sleep(60_000, { timeout: 0 });
  assertEquals(pendingTimers(), 0);
  const error = await rejectionOf(sleeping);
  assertInstanceOf(error, TimeoutError);
  assertEquals(steps, []);
  while (steps.length === 0) await sleep(0);
});

Deno.test("C8: the scope's own signal can be the signal of a wait in it", async () => {
  await cancelScope(async (scope) => {
    const sleeping = sleep(Infinity, { signal: scope.signal });
    scope.cancel();
    assertStrictEquals(await rejectionOf(sleeping), scope.cancelled);
  });
});

// Stopping

Deno.test("C10: a sleep marked endOnStop resolves early when its scope is asked to stop, and leaves no timer", async () => {
  await withVirtualTime(async (time) => {
    await cancelScope(async (scope) => {
      const marked = sleep(1000, { endOnStop: true });
      const unmarked = sleep(20);
      scope.stop({ grace: 100 });
      await marked;
      assertEquals(time.elapsed, 0);
      await unmarked;
      assertEquals(time.elapsed, 20);
    });
    assertEquals(pendingTimers(), 0);
  });
});

Deno.test("C10: a sleep marked endOnStop in a scope that is stopping already ends without the time", async () => {
  await withVirtualTime(async (time) => {
    await cancelScope(async (scope) => {
      scope.stop();
      await sleep(1000, { endOnStop: true });
      await sleepUntil(currentClock().wall() + 1000, { endOnStop: true });
      assertEquals(time.elapsed, 0);
    });
  });
});

Deno.test("C10: a sleep marked endOnStop still throws when it is cancelled, or its timeout or signal comes", async () => {
  await withVirtualTime(() =>
    cancelScope(async (scope) => {
      const endOnStop = true;
      await assertRejects(() => sleep(10, { endOnStop, timeout: 5 }), TimeoutError);
      await assertRejects(() => sleep(10, { endOnStop, signal: AbortSignal.abort() }));
      const sleeping = sleep(10, { endOnStop });
      scope.cancel();
      assertStrictEquals(await rejectionOf(sleeping), scope.cancelled);
      assertStrictEquals(await rejectionOf(sleep(10, { endOnStop })), scope.cancelled);
    })
  );
});

Deno.test("C10: a loop of marked sleeps that never looks at `stopping` does not keep the end of the grace out", async () => {
  await withVirtualTime(async () => {
    const scope = new CancelScope();
    let rounds = 0;
    await scope.enter(async () => {
      scope.stop({ grace: 0 });
      // Each has to let the event loop turn. The bound is for the case that they do not.
      for (; rounds < 10_000; rounds++) await sleep(1000, { endOnStop: true });
    });
    assert(scope.cancelledCaught, `${rounds} rounds without a turn of the event loop`);
  });
});

// Bad input

Deno.test("E1: sleep() refuses what is no time, at the call", () => {
  const call = sleep as (...args: unknown[]) => Promise<void>;
  const bad: [ms: unknown, kind: typeof Error, message: string][] = [
    [-1, RangeError, "Cannot sleep as the time must be zero or more, in milliseconds: received -1"],
    [NaN, RangeError, "received NaN"],
    [-Infinity, RangeError, "received -Infinity"],
    ["5", TypeError, 'Cannot sleep as the time must be a number of milliseconds: received "5"'],
    [undefined, TypeError, "received undefined"],
    [null, TypeError, "received null"],
    [5n, TypeError, "received 5n"],
    [new Date(), TypeError, "received a Date"],
    [{ seconds: 5 }, TypeError, "received an object"],
  ];
  for (const [ms, kind, message] of bad) assertThrows(() => call(ms), kind, message);
  assertEquals(pendingTimers(), 0);
});

Deno.test("E1: sleepUntil() refuses what is no date, at the call", () => {
  const call = sleepUntil as (...args: unknown[]) => Promise<void>;
  assertThrows(() => call(NaN), RangeError, "must be a valid date: received NaN");
  assertThrows(() => call(new Date("no date")), RangeError, "received Invalid Date");
  assertThrows(() => call("2030-01-01"), TypeError, "must be a Date or milliseconds since 1970");
  assertThrows(() => call(), TypeError, "received undefined");
  assertEquals(pendingTimers(), 0);
});

Deno.test("E1: a blocking call refuses options that make no sense, at the call and before any effect", () => {
  const call = sleep as (...args: unknown[]) => Promise<void>;
  const bad: [options: unknown, kind: typeof Error, message: string][] = [
    [{ timeout: -1 }, RangeError, "'timeout' must be zero or more, in milliseconds: received -1"],
    [{ timeout: NaN }, RangeError, "received NaN"],
    [{ timeout: "1s" }, TypeError, 'received "1s"'],
    [{ signal: new AbortController() }, TypeError, "Pass its 'signal'"],
    [{ signal: "signal" }, TypeError, "'signal' must be an AbortSignal: received \"signal\""],
    [null, TypeError, "the options must be an object: received null"],
    [0, TypeError, "the options must be an object: received 0"],
  ];
  for (const [options, kind, message] of bad) assertThrows(() => call(5, options), kind, message);
  assertFalse(pendingTimers() > 0);
});

Deno.test("E1: bad options are refused in a cancelled scope too, where nobody would notice them otherwise", async () => {
  await cancelScope((scope) => {
    scope.cancel();
    assertThrows(() => sleep(5, { timeout: -1 }), RangeError);
    assertThrows(() => sleep(-5), RangeError);
  });
});
