/**
 * Rule G8 of task groups: the ways in which they are cancelled, and what each throws.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import {
  cancellable,
  Cancelled,
  CancelScope,
  checkpoint,
  shield,
  sleep,
  suppressedErrors,
  type Task,
  type TaskGroup,
  taskGroup,
  TimeoutError,
} from "../../mod.ts";
import { currentClock } from "../../primitives/kernel/clock.ts";
import { withLeakCheck, withVirtualTime } from "../../primitives/testing/mod.ts";
import { outcomeOf, thrownBy } from "./outcome.ts";

const forever = () => sleep(Infinity);

// G8

Deno.test("G8: cancelled from outside, the Cancelled of the outer scope goes on up", async () => {
  const scope = new CancelScope({ name: "outside" });
  let thrown: unknown;
  let child: Task | undefined;

  const value = await scope.enter(async () => {
    const group = taskGroup(async (group) => {
      child = group.spawn(forever);
      await forever();
    });
    scope.cancel("enough");
    thrown = await thrownBy(group);
    throw thrown;
  });

  assertEquals(value, undefined);
  assertStrictEquals(thrown, scope.cancelled);
  assertEquals(child?.state, "cancelled");
  assert(scope.cancelledCaught);
});

Deno.test("G8: cancelled from outside with many children, one Cancelled surfaces and nothing is suppressed", async () => {
  const scope = new CancelScope();
  let thrown: unknown;

  await scope.enter(async () => {
    const group = taskGroup((group) => {
      for (let i = 0; i < 100; i++) group.spawn(forever);
    });
    scope.cancel();
    thrown = await thrownBy(group);
  });

  assertStrictEquals(thrown, scope.cancelled);
  assertEquals(suppressedErrors(thrown), []);
});

Deno.test("G8: cancelled from outside, a group that is not cut short keeps its value", async () => {
  const scope = new CancelScope();

  const value = await scope.enter(() =>
    taskGroup(async (group) => {
      scope.cancel();
      group.spawn(() => Promise.resolve());
      await Promise.resolve();
      return "value";
    })
  );

  assertEquals(value, "value");
  assertEquals(scope.cancelledCaught, false);
});

Deno.test("G8: by its own signal, the signal's reason is thrown, the same object", async () => {
  const controller = new AbortController();
  const reason = { why: "the client left" };
  let child: Task | undefined;
  const group = taskGroup((group) => {
    child = group.spawn(forever);
    return "value";
  }, { signal: controller.signal });
  assertEquals(await outcomeOf(group), "pending");

  controller.abort(reason);

  assertStrictEquals(await thrownBy(group), reason);
  assertEquals(child?.state, "cancelled");
});

Deno.test("G8: a signal that has aborted already: its reason is thrown, and the body is not called", async () => {
  const reason = new Error("too late");
  let called = false;

  const group = taskGroup(() => {
    called = true;
  }, { signal: AbortSignal.abort(reason) });

  assertStrictEquals(await thrownBy(group), reason);
  assertEquals(called, false);
});

Deno.test("G8: a signal that aborts when nobody is cut short changes nothing, and one that aborts later neither", async () => {
  const controller = new AbortController();
  let kept: TaskGroup | undefined;

  const value = await taskGroup(async (group) => {
    kept = group;
    await checkpoint();
    controller.abort();
    return "value";
  }, { signal: controller.signal });
  assertEquals(value, "value");
  assert(kept!.cancelled !== undefined);

  const later = new AbortController();
  await taskGroup((group) => {
    kept = group;
  }, { signal: later.signal });
  later.abort();
  assertEquals(kept!.cancelled, undefined, "the group still listens to the signal");
});

Deno.test("G8: by its own timeout, a TimeoutError is thrown that names the group", async () => {
  await withVirtualTime(async (time) => {
    let child: Task | undefined;
    const group = taskGroup((group) => {
      child = group.spawn(forever);
      return "value";
    }, { timeout: 250, name: "slow" });

    const error = await assertRejects(() => group, TimeoutError, '"slow"');

    assertEquals(error.name, "TimeoutError");
    assertEquals(child?.state, "cancelled");
    assertEquals(time.elapsed, 250);
  });
});

Deno.test("G8: by its own deadline, a TimeoutError is thrown; the earlier of timeout and deadline counts", async () => {
  await withVirtualTime(async (time) => {
    const start = currentClock().wall();
    await assertRejects(
      () => taskGroup(forever, { deadline: start + 60_000, timeout: 86_400_000 }),
      TimeoutError,
    );
    assertEquals(time.elapsed, 60_000);

    await assertRejects(
      () => taskGroup(forever, { deadline: new Date(start + 86_400_000), timeout: 100 }),
      TimeoutError,
    );
    assertEquals(time.elapsed, 60_100);
  });
});

Deno.test("G8: a timeout of 0, or a deadline that has passed, lets the body run to its first checkpoint", async () => {
  for (const options of [{ timeout: 0 }, { deadline: 0 }, { deadline: new Date(0) }]) {
    const record: string[] = [];
    const group = taskGroup(async () => {
      record.push("begins");
      await checkpoint();
      record.push("never");
    }, options);
    await assertRejects(() => group, TimeoutError);
    assertEquals(record, ["begins"]);
  }
});

Deno.test("G8: a group that ends in time leaves no timer", async () => {
  await withVirtualTime(async (time) => {
    await withLeakCheck(() => taskGroup(checkpoint, { timeout: 86_400_000 }));
    assertEquals(time.elapsed, 0);
  });
});

Deno.test("G8: a timeout that finds nobody to cut short changes nothing", async () => {
  const value = await taskGroup(async () => {
    await Promise.resolve();
    return "value";
  }, { timeout: 0 });

  assertEquals(value, "value");
});

Deno.test("G8: by its own cancel(), a body that had returned keeps its value", async () => {
  const value = await taskGroup((group) => {
    group.spawn(forever);
    group.spawn(async () => {
      await checkpoint();
      group.cancel("enough");
    });
    return "value";
  });

  assertEquals(value, "value");
});

Deno.test("G8: by its own cancel(), a body that was cut short makes taskGroup throw that group's Cancelled", async () => {
  let kept: TaskGroup | undefined;

  const thrown = await thrownBy(taskGroup(async (group) => {
    kept = group;
    group.cancel("enough");
    await checkpoint();
    return "value";
  }, { name: "cut" }));

  assertInstanceOf(thrown, Cancelled);
  assertStrictEquals(thrown, kept?.cancelled);
  assertStrictEquals(thrown.scope, kept);
  assertEquals(thrown.reason, "enough");
  assertStringIncludes(thrown.message, '"cut"');
});

Deno.test("G8: the Cancelled of a group that cancelled itself is a failure where it arrives", async () => {
  let inner: TaskGroup | undefined;

  const outer = taskGroup(async (outer) => {
    outer.spawn(forever);
    await taskGroup(async (group) => {
      inner = group;
      group.cancel();
      await checkpoint();
    });
  });

  assertStrictEquals(await thrownBy(outer), inner?.cancelled);
});

Deno.test("G8: cancel() twice: the first reason stays, also against a later deadline or signal", async () => {
  const controller = new AbortController();

  const thrown = await thrownBy(taskGroup(async (group) => {
    group.cancel("first");
    group.cancel("second");
    controller.abort("third");
    group.deadline = 0;
    await checkpoint();
  }, { signal: controller.signal }));

  assertInstanceOf(thrown, Cancelled);
  assertEquals(thrown.reason, "first");
});

Deno.test("G8: of several cancellations the outermost is thrown", async () => {
  const scope = new CancelScope();
  let thrown: unknown;

  await scope.enter(async () => {
    thrown = await thrownBy(taskGroup(async (group) => {
      group.cancel("inner");
      scope.cancel("outer");
      await checkpoint();
    }, { timeout: 0 }));
  });

  assertStrictEquals(thrown, scope.cancelled);
});

Deno.test("G8: group.signal aborts with the group's Cancelled, for the body and the children alike", async () => {
  const reasons: unknown[] = [];
  let kept: TaskGroup | undefined;

  await taskGroup((group) => {
    kept = group;
    group.signal.addEventListener("abort", () => reasons.push(group.signal.reason));
    group.spawn(async (task) => {
      task.signal.addEventListener("abort", () => reasons.push(task.signal.reason));
      await forever();
    });
    group.cancel("enough");
    return "value";
  });

  assertEquals(reasons.length, 2);
  for (const reason of reasons) assertStrictEquals(reason, kept?.cancelled);
});

Deno.test("G8: cancel() after the end does nothing", async () => {
  let kept: TaskGroup | undefined;
  await taskGroup((group) => {
    kept = group;
  });

  kept?.cancel("late");

  assertEquals(kept?.cancelled, undefined);
});

Deno.test("G8: a group inside a shield is not cut short from outside, but by its own cancel()", async () => {
  const scope = new CancelScope();
  const gate = Promise.withResolvers<void>();
  const record: unknown[] = [];

  await scope.enter(async () => {
    const shielded = shield(() =>
      taskGroup(async (group) => {
        await cancellable(gate.promise);
        record.push("goes on");
        group.cancel("own");
        await forever();
      })
    );
    scope.cancel();
    gate.resolve();
    record.push((await thrownBy(shielded) as Cancelled).reason);
  });

  assertEquals(record, ["goes on", "own"]);
});

Deno.test("G8: a body in a shield does not shield the children of its group", async () => {
  const scope = new CancelScope();
  const states: string[] = [];

  await scope.enter(() =>
    taskGroup(async (group) => {
      const child = group.spawn(forever);
      await shield(async () => {
        scope.cancel();
        await child.join();
        states.push(child.state);
      });
    })
  );

  assertEquals(states, ["cancelled"]);
});
