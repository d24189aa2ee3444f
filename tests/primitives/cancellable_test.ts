/**
 * The bridge from foreign promises: rule C9 of the design. What `inspect()` says of those who do
 * not use it is tested in `inspect_test.ts`.
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
  cancellable,
  CancelScope,
  cancelScope,
  checkpoint,
  moveOnAfter,
  taskGroup,
  TimeoutError,
} from "../../mod.ts";
import { pendingTimers } from "../../primitives/kernel/timers.ts";
import {
  interruptAtEveryStep,
  withLeakCheck,
  withVirtualTime,
} from "../../primitives/testing/mod.ts";
import { rejectionOf, SpiedController, unhandledDuring } from "./spies.ts";

const never = new Promise<never>(() => {});

Deno.test("C9: cancellable() gives the value of a promise, or throws what it rejects with", async () => {
  const boom = new Error("boom");
  assertEquals(await cancellable(Promise.resolve(5)), 5);
  assertStrictEquals(await rejectionOf(cancellable(Promise.reject(boom))), boom);
  const later = Promise.withResolvers<string>();
  const waiting = cancellable(later.promise);
  later.resolve("later");
  assertEquals(await waiting, "later");
});

Deno.test("C9: a cancellation ends the wait for a foreign promise and abandons it", async () => {
  await withVirtualTime(async (time) => {
    const { timedOut } = await moveOnAfter(10, () => cancellable(never));
    assert(timedOut);
    assertEquals(time.elapsed, 10);
  });
});

Deno.test("C9: an abandoned promise that rejects later is no unhandled rejection", async () => {
  const unhandled = await unhandledDuring(async () => {
    for (const cancelFirst of [true, false]) {
      const abandoned = Promise.withResolvers<never>();
      await cancelScope(async (scope) => {
        if (cancelFirst) scope.cancel();
        const waiting = cancellable(abandoned.promise);
        scope.cancel();
        await waiting;
      });
      abandoned.reject(new Error("too late for anybody"));
    }
  });
  assertEquals(unhandled, []);
});

Deno.test("C9: a promise that fulfils after the cancellation changes nothing", async () => {
  const foreign = Promise.withResolvers<string>();
  const scope = new CancelScope();
  const value = await scope.enter(async () => {
    const waiting = cancellable(foreign.promise);
    scope.cancel();
    foreign.resolve("too late");
    return await waiting;
  });
  assertStrictEquals(value, undefined);
  assert(scope.cancelledCaught);
});

Deno.test("C7: a promise that was fulfilled before the cancellation is kept", async () => {
  const foreign = Promise.withResolvers<string>();
  const scope = new CancelScope();
  const values: string[] = [];
  await scope.enter(async () => {
    const waiting = cancellable(foreign.promise);
    foreign.resolve("in time");
    await Promise.resolve();
    scope.cancel();
    values.push(await waiting);
    await checkpoint();
    values.push("not reached");
  });
  assertEquals(values, ["in time"]);
});

Deno.test("C1: in a cancelled scope a promise that is fulfilled already is not looked at", async () => {
  await cancelScope(async (scope) => {
    scope.cancel();
    assertStrictEquals(await rejectionOf(cancellable(Promise.resolve(5))), scope.cancelled);
  });
});

Deno.test("C9: cancellable() takes everything with a `then`, also what answers at once", async () => {
  const later: PromiseLike<number> = {
    then: (...args) => Promise.resolve(5).then(...args),
  };
  assertEquals(await cancellable(later), 5);

  // Out of a task, so that the test ends even if nobody ever wakes it.
  const scope = new CancelScope();
  await taskGroup(async (group) => {
    const atOnce = {
      then: (fulfilled: (value: number) => unknown) => fulfilled(6),
    } as PromiseLike<number>;
    const value = group.spawn(() => scope.enter(() => cancellable(atOnce)));
    for (let step = 0; step < 10; step++) await Promise.resolve();
    scope.cancel();
    assertEquals(await value, 6);
  });
});

Deno.test("C9: a `then` that throws is a rejection", async () => {
  const broken = {
    then() {
      throw new Error("broken");
    },
  } as PromiseLike<never>;
  await withLeakCheck(() => assertRejects(() => cancellable(broken), Error, "broken"));
});

Deno.test("C9: what the foreign promise stands for can be stopped by the task's signal as well", async () => {
  let stopped: unknown;
  await taskGroup(async (group) => {
    const task = group.spawn(async ({ signal }) => {
      const foreign = new Promise<never>((_, reject) => {
        signal.addEventListener("abort", () => reject(stopped = signal.reason));
      });
      await cancellable(foreign);
    });
    task.cancel("enough");
    await task.join();
    assertStrictEquals(stopped, task.cancelled);
    assertEquals(task.state, "cancelled");
  });
});

Deno.test("C8: a foreign promise, scope, signal and timeout: each alone ends the wait, and the others leave nothing", async () => {
  const enders: Record<string, (scope: CancelScope, controller: AbortController) => void> = {
    "the promise": () => {},
    "the timeout": () => {},
    "the signal": (_, controller) => controller.abort("hung up"),
    "the scope": (scope) => scope.cancel(),
  };
  for (const [ender, end] of Object.entries(enders)) {
    await withVirtualTime(async () => {
      const controller = new SpiedController();
      const scope = new CancelScope();
      await scope.enter(async () => {
        const promise = ender === "the promise" ? Promise.resolve("value") : never;
        const waiting = cancellable(promise, { signal: controller.signal, timeout: 10 })
          .then((value) => value, (error) => error);
        assertEquals([pendingTimers(), controller.listeners], [1, 1]);
        end(scope, controller);
        const outcome: unknown = await waiting;
        assertEquals([pendingTimers(), controller.listeners], [0, 0], ender);
        if (ender === "the promise") assertEquals(outcome, "value");
        else if (ender === "the timeout") assertInstanceOf(outcome, TimeoutError);
        else if (ender === "the signal") assertEquals(outcome, "hung up");
        else assertStrictEquals(outcome, scope.cancelled);
      });
    });
  }
});

Deno.test("C7: cancellable() leaves nothing, at whatever step it is cancelled", async () => {
  await withVirtualTime(() =>
    withLeakCheck(async () => {
      const { interrupted } = await interruptAtEveryStep(async (interrupt) => {
        const controller = new SpiedController();
        const foreign = Promise.resolve().then(() => null).then(() => "value");
        const run = await interrupt(() =>
          cancellable(foreign, { timeout: 100, signal: controller.signal })
        );
        assertEquals(run.value, run.interrupted ? undefined : "value");
        assertEquals([pendingTimers(), controller.listeners], [0, 0]);
      });
      assert(interrupted > 1);
    })
  );
});

Deno.test("E1: cancellable() wants a promise, not a function that would give one", () => {
  const call = cancellable as (...args: unknown[]) => unknown;
  assertThrows(() => call(() => never), TypeError, "Call it, and pass what it returns");
  assertThrows(() => call(undefined), TypeError, "must be a promise: received undefined");
  assertThrows(() => call(null), TypeError, "received null");
  assertThrows(() => call(5), TypeError, "received 5");
  assertThrows(() => call({ then: 5 }), TypeError, "received an object");
});

Deno.test("E1: cancellable() refuses options that make no sense, at the call", () => {
  const call = cancellable as (...args: unknown[]) => unknown;
  const controller = new AbortController();
  assertThrows(() => call(never, { timeout: NaN }), RangeError, "received NaN");
  assertThrows(() => call(never, { signal: controller }), TypeError, "Pass its 'signal'");
  assertThrows(() => call(never, 100), TypeError, "must be an object: received 100");
});
