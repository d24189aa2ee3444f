/**
 * Cancel scopes: rules C1, C3 and C4 of the design. Their errors and signals (C2) are tested in
 * `cancelled_test.ts`, their limits in `cancel_scope_limits_test.ts`, the tree in
 * `kernel/scope_test.ts`, random nests of scopes in `cancel_scope_model_test.ts`.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertFalse,
  assertInstanceOf,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  after,
  cancellable,
  type Cancelled,
  CancelScope,
  cancelScope,
  checkpoint,
  currentTask,
  shield,
  sleep,
  sleepUntil,
  taskGroup,
  TimeoutError,
  yieldNow,
} from "../../mod.ts";
import { pendingTimers } from "../../primitives/kernel/timers.ts";
import {
  waitAllTasksBlocked,
  withLeakCheck,
  withVirtualTime,
} from "../../primitives/testing/mod.ts";
import { rejectionOf, SpiedController } from "./spies.ts";

// Level-triggered

Deno.test("C1: in a cancelled scope every checkpoint throws, again and again", async () => {
  const ended = await taskGroup((group) => group.spawn(() => 1));
  const checkpoints: Record<string, () => PromiseLike<unknown>> = {
    "sleep(0)": () => sleep(0),
    "sleep(Infinity)": () => sleep(Infinity),
    "sleepUntil()": () => sleepUntil(Date.now() + 1000),
    "after()": () => after(1000),
    "after(), come already": () => after(0),
    "yieldNow()": yieldNow,
    "checkpoint()": checkpoint,
    "cancellable()": () => cancellable(Promise.resolve(1)),
    "a task": () => currentTask(),
    "join()": () => currentTask().join(),
    "shield, then sleep": () => shield(() => 1).then(() => sleep(0)),
  };
  assertEquals(ended, 1);
  for (const [name, wait] of Object.entries(checkpoints)) {
    await cancelScope(async (scope) => {
      scope.cancel();
      for (let round = 0; round < 3; round++) {
        assertStrictEquals(await rejectionOf(wait()), scope.cancelled, `${name}, ${round}`);
      }
    });
  }
});

Deno.test("C1: swallowing Cancelled once does not hide it", async () => {
  const steps: string[] = [];
  await cancelScope(async (scope) => {
    scope.cancel();
    await sleep(1000).catch(() => steps.push("swallowed"));
    steps.push("going on");
    await sleep(1000);
    steps.push("not reached");
  });
  assertEquals(steps, ["swallowed", "going on"]);
});

Deno.test("C1: a cancellation wakes every wait below, in tasks and in groups of groups", async () => {
  const woken: string[] = [];
  const blocked = (name: string) => async () => {
    try {
      await sleep(Infinity);
    } finally {
      woken.push(name);
    }
  };
  await cancelScope(async (scope) => {
    await taskGroup(async (outer) => {
      outer.spawn(blocked("child"));
      outer.spawn(() =>
        taskGroup((inner) => {
          inner.spawn(blocked("grandchild"));
        })
      );
      await waitAllTasksBlocked();
      scope.cancel();
      await blocked("body")();
    });
  });
  assertEquals(woken.toSorted(), ["body", "child", "grandchild"]);
});

// Cancelling

Deno.test("C3: cancel() is idempotent, and the first reason wins", async () => {
  await cancelScope(async (scope) => {
    scope.cancel("first");
    const { cancelled } = scope;
    scope.cancel("second");
    assertStrictEquals(scope.cancelled, cancelled);
    assertStrictEquals(await rejectionOf(sleep(1)), cancelled);
    assertEquals(cancelled?.reason, "first");
  });
});

Deno.test("C3: a deadline that comes later changes neither the reason nor the object", async () => {
  await withVirtualTime(async (time) => {
    await cancelScope(async (scope) => {
      scope.cancel("first");
      const { cancelled } = scope;
      assertEquals(pendingTimers(), 0, "the deadline is lifted at once");
      await shield(() => sleep(20));
      assertEquals(time.elapsed, 20);
      assertStrictEquals(await rejectionOf(sleep(1)), cancelled);
      assertEquals(cancelled?.reason, "first");
    }, { timeout: 10 });
  });
});

Deno.test("C3: a cancel() after the deadline changes nothing either", async () => {
  await withVirtualTime(async () => {
    await cancelScope(async (scope) => {
      await sleep(1000).catch(() => {});
      scope.cancel("too late");
      const error = await rejectionOf(sleep(1)) as Cancelled;
      assertInstanceOf(error.reason, TimeoutError);
      assertStringIncludes(error.message, '"report"');
    }, { timeout: 10, name: "report" });
  });
});

Deno.test("C3: a scope cancelled before it is entered runs its function to the first checkpoint", async () => {
  const steps: string[] = [];
  const scope = new CancelScope();
  scope.cancel("beforehand");
  await scope.enter(async () => {
    steps.push("begun");
    await sleep(0);
    steps.push("not reached");
  });
  assertEquals(steps, ["begun"]);
  assert(scope.cancelledCaught);
  assertEquals(scope.cancelled?.reason, "beforehand");
});

Deno.test("C3: a scope can be cancelled with anything as a reason", async () => {
  const reasons = [undefined, null, 0, "", Symbol("why"), 1n, () => {}, {}, Object.create(null)];
  for (const reason of reasons) {
    const scope = new CancelScope();
    scope.cancel(reason);
    assertStrictEquals(scope.cancelled?.reason, reason);
    await scope.enter(() => sleep(1));
    assert(scope.cancelledCaught);
  }
});

Deno.test("C3: cancelling a scope that has ended does nothing", async () => {
  const scope = new CancelScope();
  assertEquals(await scope.enter(() => "done"), "done");
  scope.cancel();
  assertStrictEquals(scope.cancelled, undefined);
  assertFalse(scope.signal.aborted);
});

Deno.test("C3: a scope is entered once, whether it is open or over", async () => {
  const scope = new CancelScope({ name: "once" });
  await scope.enter(() => {
    assertThrows(() => scope.enter(() => {}), TypeError, "Make a new scope for each use");
  });
  const error = assertThrows(() => scope.enter(() => {}), TypeError, "entered before");
  assertStringIncludes(error.message, '"once"');
});

// Who catches

Deno.test("C4: a scope absorbs its own Cancelled and gives undefined", async () => {
  const scope = new CancelScope();
  const value = await scope.enter(async () => {
    scope.cancel();
    await sleep(1);
    return "not reached";
  });
  assertStrictEquals(value, undefined);
  assert(scope.cancelledCaught);
});

Deno.test("C4: a scope left without a checkpoint has caught nothing, and the value is kept", async () => {
  const scope = new CancelScope();
  const value = await scope.enter(() => {
    scope.cancel();
    return "kept";
  });
  assertEquals(value, "kept");
  assertFalse(scope.cancelledCaught);
});

Deno.test("C4: a failure in a cancelled scope goes up as it is", async () => {
  const boom = new Error("boom");
  const scope = new CancelScope();
  const error = await rejectionOf(scope.enter(async () => {
    scope.cancel();
    await sleep(1).catch(() => {});
    throw boom;
  }));
  assertStrictEquals(error, boom);
  assertFalse(scope.cancelledCaught);
});

Deno.test("C4: a Cancelled from elsewhere is not absorbed", async () => {
  const elsewhere = new CancelScope({ name: "elsewhere" });
  elsewhere.cancel();
  const scope = new CancelScope();
  const error = await rejectionOf(scope.enter(() => {
    scope.cancel();
    throw elsewhere.cancelled;
  }));
  assertStrictEquals(error, elsewhere.cancelled);
  assertFalse(scope.cancelledCaught);
});

Deno.test("C4: of nested cancelled scopes the outermost catches, in whatever order they were cancelled", async () => {
  const orders = [[0], [1], [2], [0, 1], [1, 0], [0, 2], [2, 0], [1, 2], [2, 1]]
    .concat([[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]);
  for (const order of orders) {
    const scopes = [new CancelScope(), new CancelScope(), new CancelScope()];
    const [outer, middle, inner] = scopes;
    await outer.enter(() =>
      middle.enter(() =>
        inner.enter(async () => {
          const sleeping = sleep(Infinity);
          for (const index of order) scopes[index].cancel(`scope ${index}`);
          await sleeping;
        })
      )
    );
    const caught = scopes.map((scope) => scope.cancelledCaught);
    assertEquals(caught, [0, 1, 2].map((index) => index === Math.min(...order)), `${order}`);
  }
});

Deno.test("C4: the outermost catches also when the Cancelled of an inner one is on its way", async () => {
  const [outer, middle, inner] = [new CancelScope(), new CancelScope(), new CancelScope()];
  const seen: unknown[] = [];
  const noting = async (fn: () => Promise<unknown>) => {
    try {
      await fn();
    } catch (error) {
      seen.push(error);
      throw error;
    }
  };
  await outer.enter(() =>
    noting(() =>
      middle.enter(() =>
        noting(() =>
          inner.enter(async () => {
            try {
              inner.cancel();
              await sleep(1);
            } finally {
              await shield(() => sleep(0));
              outer.cancel();
            }
          })
        )
      )
    )
  );
  assertEquals([outer, middle, inner].map((scope) => scope.cancelledCaught), [true, false, false]);
  assertEquals(seen.length, 2);
  for (const error of seen) assertStrictEquals(error, outer.cancelled);
});

Deno.test("C4: a shielded scope catches its own even if the outer is cancelled, which has its say right after", async () => {
  const [outer, inner] = [new CancelScope(), new CancelScope({ shield: true })];
  const steps: string[] = [];
  await outer.enter(async () => {
    await inner.enter(async () => {
      outer.cancel();
      await sleep(0);
      inner.cancel();
      await sleep(0);
    });
    steps.push("after the shield");
    await sleep(0);
    steps.push("not reached");
  });
  assert(inner.cancelledCaught);
  assert(outer.cancelledCaught);
  assertEquals(steps, ["after the shield"]);
});

Deno.test("C4: the outermost catches through tasks and groups in between", async () => {
  const [outer, inner] = [new CancelScope(), new CancelScope()];
  const child = Promise.withResolvers<string>();
  await outer.enter(() =>
    taskGroup(async (group) => {
      const task = group.spawn(() => inner.enter(() => sleep(Infinity)));
      task.onDone(({ state }) => child.resolve(state));
      await waitAllTasksBlocked();
      inner.cancel();
      outer.cancel();
      await task;
    })
  );
  assert(outer.cancelledCaught);
  assertFalse(inner.cancelledCaught);
  assertEquals(await child.promise, "cancelled");
});

Deno.test("C4: cancelling a scope inside touches neither the outer one nor its siblings", async () => {
  const steps: string[] = [];
  await cancelScope(async () => {
    await cancelScope(async (inner) => {
      inner.cancel();
      await sleep(1);
    });
    steps.push("after the inner one");
    await cancelScope(async () => {
      await sleep(0);
      steps.push("in its sibling");
    });
  });
  assertEquals(steps, ["after the inner one", "in its sibling"]);
});

Deno.test("C4: what the function returns to be awaited, a task or a moment, is waited for in the scope", async () => {
  // `() => task` is no more than a shorter `async () => await task`. The limit outside is there so
  // that the test ends also if nothing inside is cancelled.
  const returned: Record<string, (task: PromiseLike<unknown>) => PromiseLike<unknown>> = {
    "a task": (task) => task,
    "a moment": () => after(1000),
  };
  for (const [what, wait] of Object.entries(returned)) {
    await withVirtualTime(async (time) => {
      const scope = new CancelScope({ timeout: 10 });
      await taskGroup(async (group) => {
        const task = group.spawn(() => sleep(1000));
        await cancelScope(() => scope.enter(() => wait(task)), { timeout: 100 });
        task.cancel();
      });
      assert(scope.cancelledCaught, what);
      assertEquals(time.elapsed, 10);
    });
  }
});

Deno.test("What is still open in a scope when its function returns is cancelled and awaited", async () => {
  await withLeakCheck(async () => {
    const inner = new CancelScope({ name: "forgotten" });
    let cleanedUp = false;
    const value = await cancelScope(() => {
      inner.enter(async () => {
        try {
          await sleep(Infinity);
        } finally {
          await shield(() => sleep(0));
          cleanedUp = true;
        }
      });
      return "value";
    });
    assertEquals(value, "value");
    assert(cleanedUp);
    assert(inner.cancelledCaught);
  });
});

// Many

Deno.test("C1: 100,000 blocked children all end with one Cancelled, and leave nothing", async () => {
  const count = 100_000;
  const controller = new SpiedController();
  const ended = new Map<unknown, number>();
  const note = (error: unknown) => ended.set(error, (ended.get(error) ?? 0) + 1);
  await withVirtualTime(() =>
    cancelScope(async (scope) => {
      await taskGroup((group) => {
        for (let child = 0; child < count; child++) {
          const options = child % 100 === 0
            ? { timeout: 3_600_000, signal: controller.signal }
            : undefined;
          group.spawn(() => sleep(3_600_000 + child % 1000, options).catch(note));
        }
        assertEquals(controller.listeners, 1);
        assertEquals(pendingTimers(), count + count / 100);
        scope.cancel();
        assertEquals(pendingTimers(), 0);
        assertEquals(controller.listeners, 0);
      });
      assertEquals([...ended], [[scope.cancelled, count]]);
    })
  );
});

// Bad input

Deno.test("E1: a cancel scope refuses what makes no sense, at the call", () => {
  const bad: [options: unknown, kind: typeof Error, message: string][] = [
    [{ timeout: -1 }, RangeError, "'timeout' must be zero or more, in milliseconds: received -1"],
    [{ timeout: NaN }, RangeError, "received NaN"],
    [{ timeout: "5" }, TypeError, "'timeout' must be a number of milliseconds: received \"5\""],
    [{ timeout: null }, TypeError, "received null"],
    [{ deadline: new Date(NaN) }, RangeError, "'deadline' must be a valid date"],
    [{ deadline: NaN }, RangeError, "'deadline' must be a valid date"],
    [{ deadline: "tomorrow" }, TypeError, "must be a Date or milliseconds since 1970"],
    [{ signal: new AbortController() }, TypeError, "AbortController. Pass its 'signal'"],
    [{ signal: {} }, TypeError, "'signal' must be an AbortSignal: received an object"],
    [{ signal: null }, TypeError, "received null"],
    [{ name: 5 }, TypeError, "'name' must be a string: received 5"],
    [{ shield: "yes" }, TypeError, "'shield' must be a boolean: received \"yes\""],
    [null, TypeError, "options"],
    [100, TypeError, "options must be an object: received 100"],
  ];
  for (const [options, kind, message] of bad) {
    let called = false;
    const body = () => void (called = true);
    assertThrows(() => cancelScope(body, options as object), kind, message);
    assertThrows(() => new CancelScope(options as object), kind, message);
    assertFalse(called);
  }
});

Deno.test("E1: a cancel scope wants a function, not the promise of a call", () => {
  const scope = new CancelScope();
  for (const enter of [cancelScope, scope.enter.bind(scope)]) {
    const open = enter as (fn: unknown) => Promise<unknown>;
    assertThrows(() => open(undefined), TypeError, "must be a function: received undefined");
    assertThrows(() => open(Promise.resolve()), TypeError, "Pass the function itself");
  }
});

Deno.test("E1: a refused argument of enter() does not use the scope up", async () => {
  const scope = new CancelScope();
  assertThrows(() => scope.enter(5 as never), TypeError);
  assertEquals(await scope.enter(() => "entered"), "entered");
});
