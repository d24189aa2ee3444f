/**
 * Rules G2 and G3 of task groups: what a failure does, and what is thrown.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
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
} from "../../mod.ts";
import { waitAllTasksBlocked } from "../../primitives/testing/mod.ts";
import { outcomeOf, thrownBy } from "./outcome.ts";

const forever = () => sleep(Infinity);

/** A child that sleeps until it is cancelled, and fails when it cleans up. */
const failingCleanUp = (error: unknown) => async () => {
  try {
    await forever();
  } finally {
    // deno-lint-ignore no-unsafe-finally
    throw error;
  }
};

// G2

Deno.test("G2: the first failure of a child cancels the rest, waits for them, and is thrown as it is", async () => {
  const record: string[] = [];
  const failure = { not: "even an Error" };
  const gate = Promise.withResolvers<never>();
  const sleeper = (name: string) => async () => {
    try {
      await forever();
    } finally {
      await shield(checkpoint);
      record.push(name);
    }
  };
  const group = taskGroup(async (group) => {
    group.spawn(sleeper("a"));
    group.spawn(() => cancellable(gate.promise));
    group.spawn(sleeper("b"));
    await sleeper("body")();
  });
  await waitAllTasksBlocked();

  gate.reject(failure);

  assertStrictEquals(await thrownBy(group), failure);
  assertEquals(record.toSorted(), ["a", "b", "body"]);
  assertEquals(suppressedErrors(failure), []);
});

Deno.test("G2: a body's failure cancels the children and is thrown as it is", async () => {
  const failure = new Error("body");
  let child: Task | undefined;

  const group = taskGroup(async (group) => {
    child = group.spawn(forever);
    await checkpoint();
    throw failure;
  });

  assertStrictEquals(await thrownBy(group), failure);
  assertEquals(child?.state, "cancelled");
});

Deno.test("G2: a child's failure wakes the body that is blocked in a wait, with a Cancelled", async () => {
  const failure = new Error("child");
  let seen: unknown;

  const group = taskGroup(async (group) => {
    group.spawn(async () => {
      await checkpoint();
      throw failure;
    });
    try {
      await forever();
    } catch (error) {
      seen = error;
      throw error;
    }
  });

  assertStrictEquals(await thrownBy(group), failure);
  assertInstanceOf(seen, Cancelled);
  assertStrictEquals(seen.reason, failure);
  assertStrictEquals(seen.cause, failure);
});

Deno.test("G2: who awaits the child that fails gets its failure, and not the cancellation that it brings", async () => {
  const failure = new Error("child");
  let seen: unknown;

  const group = taskGroup(async (group) => {
    const child = group.spawn(async () => {
      await checkpoint();
      throw failure;
    });
    group.spawn(async () => {
      seen = await thrownBy(child);
    });
    await child;
  });

  assertStrictEquals(await thrownBy(group), failure);
  assertStrictEquals(seen, failure);
  assertEquals(suppressedErrors(failure), [], "a body that lets it pass has not failed anew");
});

Deno.test("G2: a body that swallows the cancellation does not hide the failure", async () => {
  const failure = new Error("child");

  const group = taskGroup(async (group) => {
    group.spawn(() => {
      throw failure;
    });
    await forever().catch(() => {});
    return "all is well";
  });

  assertStrictEquals(await thrownBy(group), failure);
});

for (const thrown of [undefined, null, 0, "", "a string", Symbol("thrown")]) {
  Deno.test(`G2: a child that throws ${String(thrown) || '""'} has failed, and that is thrown`, async () => {
    const sibling = Promise.withResolvers<string>();

    const group = taskGroup((group) => {
      group.spawn(forever).onDone((task) => sibling.resolve(task.state));
      group.spawn(() => {
        throw thrown;
      });
    });

    assertStrictEquals(await thrownBy(group), thrown);
    assertEquals(await sibling.promise, "cancelled");
  });
}

Deno.test("G2: the failures of the wind-down are kept in suppressedErrors, in the order in which they came", async () => {
  const first = new Error("first");
  const [second, third, fourth] = ["second", "third", "fourth"].map((text) => new Error(text));

  const group = taskGroup(async (group) => {
    group.spawn(failingCleanUp(second));
    group.spawn(failingCleanUp(third));
    group.spawn(() => {
      throw first;
    });
    await failingCleanUp(fourth)();
  });

  assertStrictEquals(await thrownBy(group), first);
  const suppressed = suppressedErrors(first);
  assertEquals(suppressed.length, 3);
  for (const error of [second, third, fourth]) assert(suppressed.includes(error), error.message);
  assert(suppressed.indexOf(second) < suppressed.indexOf(third));
});

Deno.test("G2: of a body and a child that fail in one turn of the loop, the one that fails first counts", async () => {
  const [body, child] = [new Error("body"), new Error("child")];

  const bodyFirst = taskGroup((group) => {
    group.spawn(async () => {
      await null;
      throw child;
    });
    return Promise.reject(body);
  });
  assertStrictEquals(await thrownBy(bodyFirst), body);

  const childFirst = taskGroup(async (group) => {
    group.spawn(() => Promise.reject(child));
    await null;
    throw body;
  });
  assertStrictEquals(await thrownBy(childFirst), child);
});

Deno.test("G2: the same object thrown twice is one failure", async () => {
  const failure = new Error("shared");

  const group = taskGroup(async (group) => {
    group.spawn(failingCleanUp(failure));
    await checkpoint();
    throw failure;
  });

  assertStrictEquals(await thrownBy(group), failure);
  assertEquals(suppressedErrors(failure), []);
});

Deno.test("G2: a cancelled child is no failure, and a cancelled child beside a failed one is not told", async () => {
  const value = await taskGroup(async (group) => {
    const child = group.spawn(forever);
    child.cancel("not needed");
    await child.join();
    return child.state;
  });
  assertEquals(value, "cancelled");

  const failure = new Error("alone");
  const group = taskGroup((group) => {
    group.spawn(forever).cancel();
    group.spawn(forever);
    group.spawn(() => {
      throw failure;
    });
  });
  assertStrictEquals(await thrownBy(group), failure);
  assertEquals(suppressedErrors(failure), []);
});

Deno.test("G2: a Cancelled from elsewhere, let pass by a child, is a failure and thrown as it is", async () => {
  let seen: unknown;

  await taskGroup(async (outside) => {
    const elsewhere = outside.spawn(forever);
    const group = taskGroup((group) => {
      group.spawn(async () => {
        await elsewhere;
      });
    });
    await waitAllTasksBlocked();
    elsewhere.cancel("elsewhere");
    seen = await thrownBy(group);
    assertStrictEquals(seen, elsewhere.cancelled);
  });

  assertInstanceOf(seen, Cancelled);
  assertEquals(seen.reason, "elsewhere");
});

Deno.test("G2: a body that awaits a child which was cancelled alone fails with that child's Cancelled", async () => {
  let child: Task | undefined;

  const group = taskGroup(async (group) => {
    child = group.spawn(forever);
    child.cancel("alone");
    await child;
  });

  const thrown = await thrownBy(group);
  assertInstanceOf(thrown, Cancelled);
  assertStrictEquals(thrown, child?.cancelled);
});

Deno.test("G2: an AbortError whose cause is the group's Cancelled is that cancellation", async () => {
  const abortError = (signal: AbortSignal) =>
    Object.assign(new Error("The operation was aborted"), {
      name: "AbortError",
      cause: signal.reason,
    });
  const foreign = (signal: AbortSignal) =>
    new Promise<never>((_, reject) =>
      signal.addEventListener("abort", () => reject(abortError(signal)), { once: true })
    );
  const failure = new Error("first");
  let child: Task | undefined;

  const group = taskGroup(async (group) => {
    child = group.spawn((task) => foreign(task.signal));
    group.spawn(async () => {
      await checkpoint();
      throw failure;
    });
    await foreign(group.signal);
  });

  assertStrictEquals(await thrownBy(group), failure);
  assertEquals(suppressedErrors(failure), []);
  assertEquals(child?.state, "cancelled");
});

Deno.test("G2: an AbortError that has nothing to do with the group is a failure", async () => {
  const failure = new DOMException("somebody else's", "AbortError");

  const group = taskGroup(async (group) => {
    group.spawn(() => Promise.reject(failure));
    await forever();
  });

  assertStrictEquals(await thrownBy(group), failure);
});

Deno.test("G2: a failure beats a cancellation from outside, a time-out, a signal and a cancel()", async () => {
  const endings: Record<string, (group: TaskGroup, controller: AbortController) => void> = {
    "cancel()": (group) => group.cancel("own"),
    "its deadline": (group) => group.deadline = 0,
    "its signal": (_group, controller) => controller.abort("signal"),
    "from outside": () => (scope as CancelScope).cancel("outside"),
  };
  let scope: CancelScope | undefined;
  for (const [name, end] of Object.entries(endings)) {
    const failure = new Error(name);
    const controller = new AbortController();
    scope = new CancelScope();
    const thrown = await scope.enter(() =>
      thrownBy(taskGroup(async (group) => {
        group.spawn(failingCleanUp(failure));
        await checkpoint();
        end(group, controller);
        await forever();
      }, { signal: controller.signal }))
    );
    assertStrictEquals(thrown, failure, name);
  }
});

Deno.test("G2: a body that lets a Cancelled pass never makes its group resolve", async () => {
  // The task that is awaited was cancelled by a scope around the group, but a shield keeps that scope out of the group.
  const scope = new CancelScope({ name: "around" });
  let outcome: unknown;

  await scope.enter(() =>
    taskGroup(async (group) => {
      const elsewhere = group.spawn(forever);
      scope.cancel();
      outcome = await shield(() =>
        outcomeOf(taskGroup(async () => {
          await elsewhere;
          return "value";
        }))
      );
    })
  );

  assertEquals(outcome, { error: scope.cancelled });
});

// G3

Deno.test('G3: with onFailure: "continue" a failure cancels nobody, and all failures are thrown together', async () => {
  const record: string[] = [];
  const gate = Promise.withResolvers<void>();
  const [first, second] = [new Error("first"), new Error("second")];
  const group = taskGroup(async (group) => {
    group.spawn(async () => {
      await cancellable(gate.promise);
      record.push("survivor");
    });
    group.spawn(() => {
      throw first;
    });
    await checkpoint();
    record.push("body goes on");
    group.spawn(() => {
      throw second;
    });
    return "value";
  }, { onFailure: "continue", name: "batch" });
  assertEquals(await outcomeOf(group), "pending");

  gate.resolve();

  const error = await assertRejects(() => group, AggregateError, "batch");
  assertEquals(error.errors.length, 2);
  assertStrictEquals(error.errors[0], first);
  assertStrictEquals(error.errors[1], second);
  assertEquals(record, ["body goes on", "survivor"]);
});

Deno.test('G3: with onFailure: "continue" a single failure is thrown in an AggregateError, too', async () => {
  const failure = new Error("single");

  const error = await assertRejects(
    () =>
      taskGroup((group) => {
        group.spawn(() => {
          throw failure;
        });
      }, { onFailure: "continue" }),
    AggregateError,
  );

  assertEquals(error.errors, [failure]);
  assertStrictEquals(error.errors[0], failure);
});

Deno.test('G3: with onFailure: "continue" the body\'s failure lets the children end, and is one of those thrown', async () => {
  const failure = new Error("body");
  const record: string[] = [];
  const gate = Promise.withResolvers<void>();
  const group = taskGroup((group) => {
    group.spawn(async () => {
      await cancellable(gate.promise);
      record.push("child");
    });
    throw failure;
  }, { onFailure: "continue" });
  assertEquals(await outcomeOf(group), "pending");

  gate.resolve();

  const error = await assertRejects(() => group, AggregateError);
  assertEquals(error.errors, [failure]);
  assertEquals(record, ["child"]);
});

Deno.test('G3: with onFailure: "continue" a body that rethrows what a child threw has not failed anew', async () => {
  const failure = new Error("child");

  const error = await assertRejects(
    () =>
      taskGroup(async (group) => {
        await group.spawn(() => {
          throw failure;
        });
      }, { onFailure: "continue" }),
    AggregateError,
  );

  assertEquals(error.errors.length, 1);
  assertStrictEquals(error.errors[0], failure);
});

Deno.test('G3: with onFailure: "continue" cancelled children are no failures, and none failed is no error', async () => {
  const value = await taskGroup((group) => {
    group.spawn(forever).cancel();
    group.spawn(checkpoint);
    return "value";
  }, { onFailure: "continue" });

  assertEquals(value, "value");
});

Deno.test('G3: with onFailure: "continue" a cancellation still ends all, and without failures stays one Cancelled', async () => {
  const scope = new CancelScope();
  let thrown: unknown;

  await scope.enter(async () => {
    thrown = await thrownBy(taskGroup(async (group) => {
      group.spawn(forever);
      group.spawn(forever);
      scope.cancel();
      await checkpoint();
    }, { onFailure: "continue" }));
  });

  assertStrictEquals(thrown, scope.cancelled);
});
