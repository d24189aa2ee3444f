/**
 * Rule G11: nurseries, and the start of services in them. `restart_test.ts` has G12,
 * `open_nursery_test.ts` G13.
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
  assertThrows,
} from "@std/assert";
import {
  cancellable,
  Cancelled,
  CancelScope,
  checkpoint,
  ClosedError,
  currentTask,
  failAfter,
  type Nursery,
  nursery,
  sleep,
  suppressedErrors,
  type Task,
  TimeoutError,
  yieldNow,
} from "../../mod.ts";
import {
  interruptAtEveryStep,
  waitAllTasksBlocked,
  withLeakCheck,
  withVirtualTime,
} from "../../primitives/testing/mod.ts";
import { outcomeOf, thrownBy } from "./outcome.ts";

const forever = () => sleep(Infinity);

Deno.test("G11: a nursery returns its body's value when the body and all children have ended", async () => {
  const gate = Promise.withResolvers<void>();
  const services = nursery((services) => {
    services.spawn(() => cancellable(gate.promise));
    return "value";
  });

  assertEquals(await outcomeOf(services), "pending");
  gate.resolve();

  assertEquals(await services, "value");
});

Deno.test("G8: a nursery whose body is cut short by its own cancel() returns undefined, quietly", async () => {
  let child: Task | undefined;

  const value = await nursery(async (services) => {
    child = services.spawn(forever);
    services.cancel("enough");
    await forever();
    return "value";
  });

  assertEquals(value, undefined);
  assertEquals(child?.state, "cancelled");
});

Deno.test("G8: a nursery that is cancelled after its body has returned keeps the value", async () => {
  const value = await nursery((services) => {
    services.spawn(forever);
    services.cancel("enough");
    return "value";
  });

  assertEquals(value, "value");
});

Deno.test("G8: a nursery throws its signal's reason, a TimeoutError, and the Cancelled of a scope outside", async () => {
  const reason = new Error("the signal's");
  const controller = new AbortController();
  const bySignal = nursery(forever, { signal: controller.signal });
  controller.abort(reason);
  assertStrictEquals(await thrownBy(bySignal), reason);
  assertStrictEquals(
    await thrownBy(nursery(forever, { signal: AbortSignal.abort(reason) })),
    reason,
  );

  await assertRejects(() => nursery(forever, { timeout: 0, name: "short" }), TimeoutError, "short");

  const scope = new CancelScope();
  let thrown: unknown;
  await scope.enter(async () => {
    const services = nursery(forever);
    scope.cancel();
    thrown = await thrownBy(services);
  });
  assertStrictEquals(thrown, scope.cancelled);
});

Deno.test("G2: a failed child of a nursery cancels the rest and is thrown as it is", async () => {
  const failure = new Error("child");

  const services = nursery(async (services) => {
    services.spawn(forever);
    services.spawn(() => Promise.reject(failure));
    await forever();
  });

  assertStrictEquals(await thrownBy(services), failure);
});

// start

Deno.test("G11: start returns what the child gives to started(), and the child goes on", async () => {
  const gate = Promise.withResolvers<void>();
  const record: string[] = [];

  await nursery(async (services) => {
    const port = await services.start<number>(async (task, started) => {
      assertStrictEquals(currentTask(), task);
      await checkpoint();
      record.push("ready");
      started(8080);
      await cancellable(gate.promise);
      record.push("ended");
    });
    assertEquals(port, 8080);
    record.push("started");
    assertEquals(services.tasks.length, 1);
    gate.resolve();
  });

  assertEquals(record, ["ready", "started", "ended"]);
});

Deno.test("G11: start works where the child calls started() at once, or returns right after it", async () => {
  await nursery(async (services) => {
    assertEquals(await services.start<string>((_task, started) => started("at once")), "at once");
    assertEquals(
      await services.start<string>(async (_task, started) => {
        await checkpoint();
        started("late");
      }),
      "late",
    );
    assertEquals(await services.start((_task, started) => started()), undefined);
  });
});

Deno.test("G11: a child that fails before started(): start throws that, and the nursery lives", async () => {
  const failures = [new Error("async"), new Error("sync"), undefined];

  const value = await nursery(async (services) => {
    const sibling = services.spawn(forever);
    const async = services.start(async () => {
      await checkpoint();
      throw failures[0];
    });
    assertStrictEquals(await thrownBy(async), failures[0]);
    for (const failure of failures.slice(1)) {
      const sync = services.start(() => {
        throw failure;
      });
      assertStrictEquals(await thrownBy(sync), failure);
    }
    assertEquals(sibling.state, "running");
    assertEquals(services.tasks, [sibling as Task]);
    sibling.cancel();
    return "lives";
  });

  assertEquals(value, "lives");
});

Deno.test("G11: a failed start that nobody catches fails the body, and so the nursery, once", async () => {
  const failure = new Error("no port");

  const thrown = await thrownBy(nursery(async (services) => {
    services.spawn(forever);
    await services.start(() => Promise.reject(failure));
  }));

  assertStrictEquals(thrown, failure);
  assertEquals(suppressedErrors(failure), []);
});

Deno.test("G11: a child that fails after started() fails the nursery, as any child", async () => {
  const failure = new Error("later");
  const gate = Promise.withResolvers<void>();

  const services = nursery(async (services) => {
    const started = await services.start<string>(async (_task, started) => {
      started("ready");
      await cancellable(gate.promise);
      throw failure;
    });
    assertEquals(started, "ready");
    gate.resolve();
    await forever();
  });

  assertStrictEquals(await thrownBy(services), failure);
});

Deno.test("G11: a child that fails right after started() fails the nursery, and no failure is lost", async () => {
  const failure = new Error("right after");

  for (const end of ["throws", "rejects"]) {
    const thrown = await thrownBy(nursery(async (services) => {
      await services.start((_task, started) => {
        started();
        if (end === "throws") throw failure;
        return Promise.reject(failure);
      });
    }));
    assertStrictEquals(thrown, failure, end);
  }
});

for (const end of ["synchronously", "later"]) {
  Deno.test(`G11: a child that returns ${end} without calling started(): start throws, and the nursery lives`, async () => {
    const value = await nursery(async (services) => {
      const error = await assertRejects(
        () =>
          services.start(
            end === "later" ? () => checkpoint() : () => {},
            { name: "mute" },
          ),
        Error,
        "exited without calling started()",
      );
      assertStringIncludes(error.message, '"mute"');
      return "lives";
    });

    assertEquals(value, "lives");
  });
}

Deno.test("G11: a second call of started() is an error in the child", async () => {
  let seen: unknown;

  const value = await nursery(async (services) => {
    const first = await services.start<number>((_task, started) => {
      started(1);
      try {
        started(2);
      } catch (error) {
        seen = error;
      }
    }, { name: "twice" });
    assertEquals(first, 1);
    return "lives";
  });

  assertEquals(value, "lives");
  assertInstanceOf(seen, Error);
  assertStringIncludes(seen.message, "twice");
  assertStringIncludes(seen.message, "started()");
  assertStringIncludes(seen.message, "once");
});

Deno.test("G11: the error of a second started() that the child lets pass fails the nursery", async () => {
  const services = nursery(async (services) => {
    await services.start<number>(async (_task, started) => {
      started(1);
      await checkpoint();
      started(2);
    });
    await forever();
  });

  await assertRejects(() => services, Error, "started()");
});

Deno.test("G11: a pending start keeps the nursery open, also one that nobody awaits", async () => {
  const gate = Promise.withResolvers<void>();
  let started: Promise<string> | undefined;
  const services = nursery((services) => {
    started = services.start<string>(async (_task, started) => {
      await cancellable(gate.promise);
      started("ready");
    });
    return "value";
  });
  assertEquals(await outcomeOf(services), "pending");

  gate.resolve();

  assertEquals(await services, "value");
  assertEquals(await started, "ready");
});

Deno.test("G11: a cancelled start cancels that child only, and waits for it", async () => {
  await nursery(async (services) => {
    const gate = Promise.withResolvers<void>();
    const sibling = services.spawn(forever);
    const scope = new CancelScope();
    const start = scope.enter(() =>
      services.start(async () => {
        try {
          await forever();
        } finally {
          await gate.promise;
        }
      })
    );
    await waitAllTasksBlocked();

    scope.cancel("too slow");
    assertEquals(await outcomeOf(start), "pending");
    gate.resolve();
    await start;

    assert(scope.cancelledCaught);
    assertEquals(services.tasks, [sibling as Task]);
    assertEquals(sibling.state, "running");
    sibling.cancel();
  });
});

Deno.test("G11: a start that takes too long is cancelled by failAfter, and leaves no child", async () => {
  await withVirtualTime(async () => {
    const value = await nursery(async (services) => {
      await assertRejects(() => failAfter(100, () => services.start(forever)), TimeoutError);
      assertEquals(services.tasks, []);
      return "lives";
    });
    assertEquals(value, "lives");
  });
});

Deno.test("G11: a failure in the clean-up of a cancelled start is not lost", async () => {
  const failure = new Error("clean-up");
  const seen: unknown[] = [];

  const thrown = await nursery(async (services) => {
    const scope = new CancelScope();
    const start = scope.enter(() =>
      services.start(async () => {
        try {
          await forever();
        } finally {
          // deno-lint-ignore no-unsafe-finally
          throw failure;
        }
      })
    );
    start.catch((error) => seen.push(error));
    await waitAllTasksBlocked();
    scope.cancel();
    await waitAllTasksBlocked();
  }).then(() => undefined, (error) => error);

  seen.push(thrown, ...suppressedErrors(thrown), ...suppressedErrors(seen[0]));
  assert(seen.includes(failure), "neither start nor the nursery threw it");
});

Deno.test("C7: a start that was satisfied before the cancellation arrived returns, and its child lives", async () => {
  let outcome: unknown;
  let state: string | undefined;

  await nursery(async (services) => {
    const scope = new CancelScope();
    let report: ((value: number) => void) | undefined;
    const start = scope.enter(() =>
      services.start<number>(async (_task, started) => {
        report = started;
        await forever();
      })
    );
    await waitAllTasksBlocked();

    report!(8080);
    scope.cancel();

    outcome = await start;
    state = services.tasks[0]?.state;
    services.cancel();
  });

  assertEquals(outcome, 8080);
  assertEquals(state, "running");
});

Deno.test("G11: start in a scope that is cancelled already leaves no child", async () => {
  let begun = false;

  await nursery(async (services) => {
    const scope = new CancelScope();
    scope.cancel();
    await scope.enter(() =>
      services.start(async () => {
        begun = true;
        await forever();
      })
    );
    assert(scope.cancelledCaught);
    assertEquals(services.tasks, []);
  });

  assert(begun, "a child starts at once, whoever waits for it");
});

Deno.test("G11: a child that is cancelled alone before started(): start throws its Cancelled", async () => {
  await nursery(async (services) => {
    const start = services.start(forever);
    const [child] = services.tasks;
    child.cancel("alone");
    assertStrictEquals(await thrownBy(start), child.cancelled);
  });
});

Deno.test("G11: a nursery that is cancelled while it starts a child ends both", async () => {
  let outcome: unknown;

  await withLeakCheck(() =>
    nursery(async (services) => {
      const start = services.start(forever);
      services.cancel("enough");
      outcome = await thrownBy(start);
    })
  );

  assertInstanceOf(outcome, Cancelled);
  assertEquals(outcome.reason, "enough");
});

Deno.test("G11: in a limited nursery start waits for its turn, and a cancelled one leaves the queue", async () => {
  await nursery(async (services) => {
    const busy = services.spawn(forever);
    const queued = services.start<string>((_task, started) => started("ready"));
    const scope = new CancelScope();
    let begun = false;
    const cancelled = scope.enter(() => services.start(() => begun = true));
    await waitAllTasksBlocked();
    assertEquals(services.tasks.map((task) => task.state), ["running", "queued", "queued"]);

    scope.cancel();
    await cancelled;
    assertEquals(begun, false);
    busy.cancel();

    assertEquals(await queued, "ready");
  }, { limit: 1 });
});

Deno.test("G11: start takes name and daemon, and calls the child by its function's name", async () => {
  await nursery(async (services) => {
    const serve = async (_task: Task, started: () => void) => {
      started();
      await forever();
    };
    await services.start(serve, { daemon: true });
    await services.start(serve, { daemon: true, name: "named" });
    assertEquals(services.tasks.map((task) => task.name), ["serve", "named"]);
  });
});

Deno.test("G4: spawn and start in a nursery that has ended throw ClosedError, and start nothing", async () => {
  let kept: Nursery | undefined;
  await nursery((services) => {
    kept = services;
  }, { name: "over" });
  const begin = () => assert(false, "it was started");

  assertThrows(() => kept!.spawn(begin), ClosedError, '"over"');
  assertInstanceOf(await thrownBy((async () => await kept!.start(begin))()), ClosedError);
});

// E1

for (
  const [value, shown] of [
    [undefined, "received undefined"],
    [42, "received 42"],
    [Promise.resolve(), "received a Promise. Pass the function itself"],
  ] as const
) {
  Deno.test(`E1: a body or child of a nursery that is no function is a TypeError at the call (${shown})`, async () => {
    assertStringIncludes(
      assertThrows(() => nursery(value as never), TypeError, shown).message,
      "Cannot open a nursery as its body must be a function",
    );
    await nursery((services) => {
      assertThrows(() => services.spawn(value as never), TypeError, shown);
      assertThrows(
        () => services.spawn(value as never, { restart: { on: "always" } }),
        TypeError,
        shown,
      );
      assertEquals(services.tasks, []);
    });
  });

  Deno.test(`E1: a service that is no function is a TypeError at the call of start (${shown})`, async () => {
    const result = await nursery(async (services) => {
      let start: Promise<unknown> | undefined;
      try {
        const error = assertThrows(
          () => void (start = services.start(value as never)),
          TypeError,
          shown,
        );
        assertStringIncludes(error.message, "the service must be a function");
      } finally {
        await start?.catch(() => {});
      }
      assertEquals(services.tasks, []);
      return "lives";
    });
    assertEquals(result, "lives");
  });
}

Deno.test("E1: a nursery checks its options as a group does, and names itself", () => {
  const body = () => assert(false, "the body was called");

  for (
    const [options, errorClass, message] of [
      [{ limit: 0 }, RangeError, "'limit'"],
      [{ limit: NaN }, RangeError, "received NaN"],
      [{ timeout: -1 }, RangeError, "'timeout'"],
      [{ signal: 1 }, TypeError, "'signal'"],
      [{ name: 1 }, TypeError, "'name'"],
      [{ onFailure: "x" }, TypeError, "'onFailure'"],
      [{ shutdown: "x" }, TypeError, "'shutdown'"],
      [null, TypeError, "the options must be an object"],
    ] as const
  ) {
    const error = assertThrows(() => nursery(body, options as never), errorClass, message);
    assertStringIncludes(error.message, "Cannot open a nursery as ");
  }
});

// Interleavings

Deno.test("promise 2: a start that is cancelled at any step leaves no child, or one that has started", async () => {
  const { interrupted } = await interruptAtEveryStep((interrupt) =>
    withLeakCheck(() =>
      nursery(async (services) => {
        let ready = false;
        let ended = false;
        const run = await interrupt(() =>
          services.start<string>(async (_task, started) => {
            try {
              await checkpoint();
              await yieldNow();
              ready = true;
              started("ready");
              await forever();
            } finally {
              ended = true;
            }
          })
        );
        if (run.interrupted) {
          assertEquals(services.tasks, []);
          // A child that was never called has nothing to clean up.
          assert(ended || !ready);
        } else {
          assertEquals(run.value, "ready");
          assertEquals(ended, false);
          assertEquals(services.tasks.map((task) => task.state), ["running"]);
        }
        services.cancel();
      })
    )
  );
  assert(interrupted > 2, `only ${interrupted} runs were interrupted`);
});

Deno.test("promise 2: a start of a child that fails, cancelled at any step, loses no error", async () => {
  const failure = new Error("no port");
  await interruptAtEveryStep((interrupt) =>
    withLeakCheck(async () => {
      let failed = false;
      const value = await nursery(async (services) => {
        const run = await interrupt(() =>
          services.start(async () => {
            await checkpoint();
            await yieldNow();
            failed = true;
            throw failure;
          })
        ).catch((error) => error);
        if (run !== failure) assertEquals([run.interrupted, failed], [true, false]);
        return "lives";
      });
      assertEquals(value, "lives");
    })
  );
});
