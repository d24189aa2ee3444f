/**
 * Rule G13: nurseries for objects whose life is not one call.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  Cancelled,
  CancelScope,
  checkpoint,
  ClosedError,
  moveOnAfter,
  type OpenNursery,
  openNursery,
  shield,
  sleep,
  suppressedErrors,
  type Task,
  taskGroup,
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
import { unhandledRejections } from "./unhandled.ts";

const forever = () => sleep(Infinity);

const dispose = (nursery: OpenNursery) => nursery[Symbol.asyncDispose]();

Deno.test("G13: disposal cancels what still runs and waits for it", async () => {
  const record: string[] = [];

  await withLeakCheck(async () => {
    {
      await using services = openNursery();
      services.spawn(async () => {
        try {
          await forever();
        } finally {
          await shield(checkpoint);
          record.push("child");
        }
      });
      record.push("block");
    }
    record.push("after");
  });

  assertEquals(record, ["block", "child", "after"]);
});

Deno.test("G13: an object that holds a nursery disposes of it, in whatever task", async () => {
  class Cache implements AsyncDisposable {
    readonly #tasks = openNursery({ name: "cache" });
    readonly refresh = this.#tasks.spawn(forever);

    [Symbol.asyncDispose]() {
      return this.#tasks[Symbol.asyncDispose]();
    }
  }
  const cache = new Cache();
  assertEquals(cache.refresh.state, "running");

  await taskGroup((group) => {
    group.spawn(() => cache[Symbol.asyncDispose]());
  });

  assertEquals(cache.refresh.state, "cancelled");
});

Deno.test("G13: children that end by themselves, and services that start, do so before the disposal", async () => {
  await using services = openNursery();

  assertEquals(await services.spawn(() => 42), 42);
  assertEquals(await services.start<string>((_task, started) => started("ready")), "ready");
  assertEquals(services.tasks, []);
});

Deno.test("G13: disposing of it twice, or while it is disposed of, does it once", async () => {
  const services = openNursery();
  let cleaned = 0;
  services.spawn(async () => {
    try {
      await forever();
    } finally {
      cleaned++;
    }
  });

  await Promise.all([dispose(services), dispose(services)]);
  await dispose(services);

  assertEquals(cleaned, 1);
});

Deno.test("G13: spawning after the disposal throws ClosedError, and starts nothing", async () => {
  const services = openNursery({ name: "cache" });
  await dispose(services);

  assertThrows(
    () => services.spawn(() => assert(false, "it was started")),
    ClosedError,
    'Cannot spawn into "cache" as it has ended',
  );
});

Deno.test("G13: a child spawned while it is disposed of runs to its first checkpoint", async () => {
  const record: string[] = [];
  const services = openNursery();
  services.spawn(async () => {
    try {
      await forever();
    } finally {
      services.spawn(async () => {
        record.push("begins");
        await checkpoint();
        record.push("never");
      });
    }
  });

  await dispose(services);

  assertEquals(record, ["begins"]);
});

for (const shutdown of ["together", "reverse"] as const) {
  Deno.test(`G13: a failed child cancels its siblings at once, and the disposal throws it (shutdown: ${shutdown})`, async () => {
    const failure = new Error("child");
    const services = openNursery({ shutdown });
    const sibling = services.spawn(forever);
    services.spawn(() => Promise.reject(failure));
    await waitAllTasksBlocked();
    const state = sibling.state;

    assertStrictEquals(await thrownBy(dispose(services)), failure);
    assertEquals(state, "cancelled");
  });
}

Deno.test("G13: the failure of a child leaves the block that holds the nursery alone", async () => {
  const failure = new Error("child");
  let reached = false;

  const thrown = await thrownBy((async () => {
    await using services = openNursery();
    services.spawn(() => Promise.reject(failure));
    await waitAllTasksBlocked();
    await checkpoint();
    reached = true;
  })());

  assertStrictEquals(thrown, failure);
  assert(reached);
});

Deno.test("G13: failures of the clean-up are thrown by the disposal, the later ones suppressed", async () => {
  const failures = [new Error("first"), new Error("second")];
  const services = openNursery();
  for (const failure of failures) {
    services.spawn(async () => {
      try {
        await forever();
      } finally {
        // deno-lint-ignore no-unsafe-finally
        throw failure;
      }
    });
  }

  assertStrictEquals(await thrownBy(dispose(services)), failures[0]);
  assertEquals(suppressedErrors(failures[0]), [failures[1]]);
});

Deno.test("G13: a block's own error is thrown as it is where the disposal goes well", async () => {
  const failure = new Error("block");

  const thrown = await thrownBy((async () => {
    await using services = openNursery();
    services.spawn(forever);
    throw failure;
  })());

  assertStrictEquals(thrown, failure);
});

Deno.test("G13: a cancellation from outside that ends the block stays a cancellation through the disposal", async () => {
  const scope = new CancelScope();
  const block = scope.enter(async () => {
    await using services = openNursery();
    services.spawn(forever);
    await forever();
  });
  await waitAllTasksBlocked();

  scope.cancel();

  assertEquals(await outcomeOf(block), { value: undefined });
  assert(scope.cancelledCaught);
});

Deno.test("G13: a task cut short in a block with a nursery is cancelled, and not failed", async () => {
  const states: string[] = [];

  await taskGroup(async (group) => {
    const task = group.spawn(async () => {
      await using services = openNursery();
      services.spawn(forever);
      await forever();
    });
    task.onDone(({ state }) => states.push(state));
    await waitAllTasksBlocked();
    task.cancel();
  }).catch(() => {});

  assertEquals(states, ["cancelled"]);
});

Deno.test("G8: cancel() ends the children, and the disposal is quiet", async () => {
  const services = openNursery();
  const child = services.spawn(forever);

  services.cancel("enough");
  await child.join();

  assertEquals(child.state, "cancelled");
  assertEquals(await outcomeOf(dispose(services)), { value: undefined });
});

Deno.test("G8: its own timeout cancels the children, and the disposal throws TimeoutError", async () => {
  await withVirtualTime(async () => {
    const services = openNursery({ timeout: 100, name: "cache" });
    const child = services.spawn(forever);
    await child.join();
    await assertRejects(() => dispose(services), TimeoutError, "cache");
  });
});

Deno.test("G8: its own signal cancels the children, and the disposal throws the reason", async () => {
  const reason = new Error("signal");
  const controller = new AbortController();
  const services = openNursery({ signal: controller.signal });
  const child = services.spawn(forever);

  controller.abort(reason);
  await child.join();

  assertStrictEquals(await thrownBy(dispose(services)), reason);
});

Deno.test("G8: a signal that has aborted already opens a cancelled nursery", async () => {
  const services = openNursery({ signal: AbortSignal.abort("early") });
  let thrown: unknown;

  const child = services.spawn(async () => {
    thrown = await thrownBy(checkpoint());
    throw thrown;
  });
  await child.join();

  assert(thrown instanceof Cancelled);
  assertEquals(thrown.reason, "early");
  assertEquals(await thrownBy(dispose(services)), "early");
});

// Nobody disposes of it

Deno.test("promise 1: a task that does not dispose of its nursery ends it all the same", async () => {
  let child: Task | undefined;
  let services: OpenNursery | undefined;

  await withLeakCheck(() =>
    taskGroup((group) => {
      group.spawn(() => {
        services = openNursery();
        child = services.spawn(forever);
      });
    })
  );

  assertEquals(child?.state, "cancelled");
  assertThrows(() => services!.spawn(forever), ClosedError);
  await dispose(services!);
});

Deno.test("promise 1: a scope that ends takes the nursery with it that was opened in it", async () => {
  let child: Task | undefined;

  await withLeakCheck(() =>
    new CancelScope().enter(() => {
      child = openNursery().spawn(forever);
    })
  );

  assertEquals(child?.state, "cancelled");
});

Deno.test("promise 1: a nursery opened by code that its task has left behind is ended, too, whenever it comes", async () => {
  for (let steps = 0; steps < 20; steps++) {
    const outer = taskGroup(async (outer) => {
      const inner = taskGroup((group) => {
        group.spawn(() => {
          taskGroup(forever).catch(() => {});
          (async () => {
            for (let step = 0; step < steps; step++) await null;
            openNursery().spawn(forever);
          })().catch(() => {});
        });
      });
      const outcome = await outcomeOf(inner);
      outer.cancel();
      return outcome;
    });
    assertEquals(await outcomeOf(outer), { value: { value: undefined } }, `after ${steps} steps`);
  }
});

Deno.test("promise 1: the failure of a child of a nursery that nobody disposed of is not lost", async () => {
  const failure = new Error("background");
  const thrown: unknown[] = [];

  const unhandled = await unhandledRejections(async () => {
    await taskGroup((group) => {
      group.spawn(async () => {
        openNursery().spawn(() => Promise.reject(failure));
        await waitAllTasksBlocked();
      });
    }).catch((error) => thrown.push(error));
  });

  assertEquals([...thrown, ...unhandled], [failure]);
});

Deno.test("promise 1: a nursery that nobody disposed of, ended by a cancellation from outside, is quiet", async () => {
  const scope = new CancelScope();

  const unhandled = await unhandledRejections(async () => {
    const running = scope.enter(async () => {
      openNursery().spawn(forever);
      await forever();
    });
    await waitAllTasksBlocked();
    scope.cancel();
    await running;
  });

  assertEquals(unhandled, []);
});

// E1

Deno.test("E1: openNursery checks its options as a group does", () => {
  for (
    const [options, errorClass, message] of [
      [{ limit: -1 }, RangeError, "'limit'"],
      [{ timeout: NaN }, RangeError, "'timeout'"],
      [{ signal: {} }, TypeError, "'signal'"],
      [{ name: {} }, TypeError, "'name'"],
      [{ onFailure: "x" }, TypeError, "'onFailure'"],
      [{ shutdown: "x" }, TypeError, "'shutdown'"],
      [null, TypeError, "the options must be an object"],
    ] as const
  ) {
    const error = assertThrows(() => openNursery(options as never), errorClass, message);
    assertStringIncludes(error.message, "Cannot open a nursery as ");
  }
});

// Interleavings

Deno.test("promise 2: a block with a nursery that is cancelled at any step leaves nothing, and stays a cancellation", async () => {
  const { interrupted } = await interruptAtEveryStep((interrupt) =>
    withLeakCheck(async () => {
      let begun = 0;
      let ended = 0;
      const child = async () => {
        begun++;
        try {
          await checkpoint();
          await forever();
        } finally {
          ended++;
        }
      };
      const run = await interrupt(async () => {
        await using services = openNursery();
        services.spawn(child);
        await yieldNow();
        services.spawn(child);
        await checkpoint();
        return "value";
      });
      assertEquals(ended, begun);
      assertEquals(run.value, run.interrupted ? undefined : "value");
    })
  );
  assert(interrupted > 2, `only ${interrupted} runs were interrupted`);
});

Deno.test("promise 2: a disposal that is cancelled at any step still waits for all children", async () => {
  await interruptAtEveryStep((interrupt) =>
    withLeakCheck(async () => {
      let ended = false;
      const services = openNursery();
      services.spawn(async () => {
        try {
          await forever();
        } finally {
          await shield(() => yieldNow());
          ended = true;
        }
      });
      await interrupt(() => dispose(services));
      assert(ended);
    })
  );
});

Deno.test("C6: a nursery in a block under a time limit does not turn the time-out into an error", async () => {
  await withVirtualTime(async () => {
    const result = await moveOnAfter(100, async () => {
      await using services = openNursery();
      services.spawn(forever);
      await forever();
    });
    assertEquals(result.timedOut, true);
  });
});
