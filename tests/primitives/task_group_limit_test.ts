/**
 * Rule G10: groups in which only so many children run at once. Long, as each way in which a child can
 * end, and each in which a group can, meets a queue here.
 *
 * @module
 */

import { AsyncLocalStorage } from "node:async_hooks";
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
  Cancelled,
  checkpoint,
  sleep,
  type Task,
  type TaskGroup,
  taskGroup,
  TaskLocal,
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

/** Children that begin, wait until they are told, and end: by name, and in a record. */
class Jobs {
  readonly record: string[] = [];
  readonly #gates = new Map<string, PromiseWithResolvers<void>>();

  spawn(group: TaskGroup, name: string): Task<void> {
    return group.spawn(async () => {
      this.record.push(`${name} begins`);
      await cancellable(this.#gate(name).promise);
      this.record.push(`${name} ends`);
    }, { name });
  }

  async end(name: string): Promise<void> {
    this.#gate(name).resolve();
    await waitAllTasksBlocked();
  }

  async fail(name: string, error: unknown): Promise<void> {
    this.#gate(name).reject(error);
    await waitAllTasksBlocked();
  }

  #gate(name: string): PromiseWithResolvers<void> {
    let gate = this.#gates.get(name);
    if (gate === undefined) this.#gates.set(name, gate = Promise.withResolvers());
    return gate;
  }
}

Deno.test("G10: beyond the limit children are queued, and start in the order in which they were spawned", async () => {
  const jobs = new Jobs();

  await taskGroup(async (group) => {
    const tasks = ["a", "b", "c", "d"].map((name) => jobs.spawn(group, name));
    const states = () => tasks.map((task) => task.state);
    assertEquals(states(), ["running", "running", "queued", "queued"]);
    assertEquals(group.tasks.map((task) => task.name), ["a", "b", "c", "d"]);
    assert(tasks[3].isAlive);

    await jobs.end("b");
    assertEquals(states(), ["running", "succeeded", "running", "queued"]);
    await jobs.end("a");
    assertEquals(states(), ["succeeded", "succeeded", "running", "running"]);
    await jobs.end("d");
    await jobs.end("c");
  }, { limit: 2 });

  assertEquals(jobs.record, [
    "a begins",
    "b begins",
    "b ends",
    "c begins",
    "a ends",
    "d begins",
    "d ends",
    "c ends",
  ]);
});

Deno.test("G10: the group waits for the queued children, too", async () => {
  const jobs = new Jobs();
  const group = taskGroup((group) => {
    jobs.spawn(group, "a");
    jobs.spawn(group, "b");
    return "value";
  }, { limit: 1 });

  assertEquals(await outcomeOf(group), "pending");
  await jobs.end("a");
  assertEquals(await outcomeOf(group), "pending");
  await jobs.end("b");

  assertEquals(await group, "value");
});

Deno.test("G10: a limit of Infinity, or none, queues nobody", async () => {
  for (const options of [{}, { limit: Infinity }, { limit: undefined }]) {
    await taskGroup((group) => {
      for (let i = 0; i < 100; i++) assertEquals(group.spawn(forever).state, "running");
      group.cancel();
      return "value";
    }, options);
  }
});

Deno.test("G10: ready() waits for room, so that a producer feels back-pressure", async () => {
  const jobs = new Jobs();

  await taskGroup(async (group) => {
    const producer = group.spawn(async () => {
      for (const name of ["a", "b", "c"]) {
        await group.ready();
        jobs.record.push(`${name} is made`);
        jobs.spawn(group, name);
      }
    }, { name: "producer" });
    await waitAllTasksBlocked();
    assertEquals(jobs.record, ["a is made", "a begins"]);

    await jobs.end("a");
    assertEquals(jobs.record.slice(2), ["a ends", "b is made", "b begins"]);
    await jobs.end("b");
    await producer;
    await jobs.end("c");
  }, { limit: 2 });
});

Deno.test("G10: ready() resolves at once where there is room, and where there is no limit", async () => {
  await taskGroup(async (group) => {
    group.spawn(forever);
    await group.ready();
    group.cancel();
  });
  await taskGroup(async (group) => {
    await group.ready();
    await group.ready();
  }, { limit: 1 });
});

Deno.test("G10: ready() does not barge past children that are queued already", async () => {
  const jobs = new Jobs();

  await taskGroup(async (group) => {
    jobs.spawn(group, "a");
    jobs.spawn(group, "b");
    const ready = group.ready().then(() => jobs.record.push("ready"));
    await jobs.end("a");
    assertEquals(jobs.record, ["a begins", "a ends", "b begins"]);
    await jobs.end("b");
    await ready;
  }, { limit: 1 });

  assertEquals(jobs.record, ["a begins", "a ends", "b begins", "b ends", "ready"]);
});

Deno.test("G10: of several that wait in ready() all are let in, and what has no room then is queued", async () => {
  const jobs = new Jobs();

  await taskGroup(async (group) => {
    jobs.spawn(group, "a");
    const made: Task[] = [];
    for (const name of ["b", "c"]) {
      group.ready().then(() => made.push(jobs.spawn(group, name)));
    }
    await jobs.end("a");
    assertEquals(made.map((task) => task.state), ["running", "queued"]);
    await jobs.end("b");
    await jobs.end("c");
  }, { limit: 1 });
});

Deno.test("G10: ready() takes a timeout and a signal, which end the wait alone", async () => {
  await withVirtualTime(() =>
    withLeakCheck(() =>
      taskGroup(async (group) => {
        const busy = group.spawn(forever);
        await assertRejects(
          () => group.ready({ timeout: 100 }),
          TimeoutError,
          'room in "pages"',
        );
        const reason = new Error("never mind");
        assertStrictEquals(
          await thrownBy(group.ready({ signal: AbortSignal.abort(reason) })),
          reason,
        );
        const controller = new AbortController();
        const ready = group.ready({ signal: controller.signal });
        controller.abort(reason);
        assertStrictEquals(await thrownBy(ready), reason);
        assertEquals(busy.state, "running");
        assertThrows(() => group.ready({ timeout: -1 }), RangeError, "'timeout'");
        assertThrows(() => group.ready({ signal: 5 as never }), TypeError, "'signal'");
        busy.cancel();
      }, { limit: 1, name: "pages" })
    )
  );
});

Deno.test("G10: ready() in a cancelled group throws Cancelled, whether there is room or not", async () => {
  await taskGroup(async (group) => {
    group.cancel("enough");
    assertInstanceOf(await thrownBy(group.ready()), Cancelled);
  }, { limit: 1 });
  await taskGroup(async (group) => {
    group.spawn(forever);
    const ready = group.ready();
    group.cancel("enough");
    assertInstanceOf(await thrownBy(ready), Cancelled);
  }, { limit: 1 });
});

Deno.test("G10: a producer outside the group that waits in ready() is let go when the group winds down", async () => {
  let kept: TaskGroup | undefined;
  const group = taskGroup((group) => {
    kept = group;
    group.spawn(forever);
    group.spawn(forever);
    return "value";
  }, { limit: 1 });
  const ready = kept!.ready();
  assertEquals(await outcomeOf(ready), "pending");

  kept!.cancel();

  assertEquals(await group, "value");
  assertEquals(await outcomeOf(ready), { value: undefined });
});

Deno.test("G10: a crash gives its slot back", async () => {
  const jobs = new Jobs();
  const failure = new Error("crash");

  const group = taskGroup(async (group) => {
    jobs.spawn(group, "a");
    jobs.spawn(group, "b");
    await waitAllTasksBlocked();
    await jobs.fail("a", failure);
    assertEquals(jobs.record, ["a begins", "b begins"]);
    group.spawn(() => {
      throw failure;
    });
    await jobs.end("b");
    await group.ready();
  }, { limit: 1, onFailure: "continue" });

  const error = await assertRejects(() => group, AggregateError);
  assertStrictEquals(error.errors[0], failure);
});

Deno.test("G10: a child that is cancelled gives its slot back, and so does one that throws synchronously", async () => {
  await assertRejects(() =>
    taskGroup(async (group) => {
      const first = group.spawn(forever);
      const second = group.spawn(forever);
      first.cancel();
      await waitAllTasksBlocked();
      assertEquals(second.state, "running");
      second.cancel();
      await second.join();
      for (let i = 0; i < 10; i++) {
        group.spawn(() => {
          throw new Error("at once");
        });
      }
      const last = group.spawn(forever);
      assertEquals(last.state, "running");
      last.cancel();
    }, { limit: 1, onFailure: "continue" }), AggregateError);
});

Deno.test("G10: a queued child that is cancelled never runs, leaves the queue, and takes nobody's slot", async () => {
  const jobs = new Jobs();

  await taskGroup(async (group) => {
    jobs.spawn(group, "a");
    const queued = jobs.spawn(group, "b");
    const next = jobs.spawn(group, "c");
    const waiting = thrownBy(queued);

    queued.cancel("not needed");

    assertEquals(queued.state, "cancelled");
    assertStrictEquals(await waiting, queued.cancelled);
    assertEquals(group.tasks.map((task) => task.name), ["a", "c"]);
    assertEquals(next.state, "queued");
    await jobs.end("a");
    assertEquals(next.state, "running");
    await jobs.end("c");
    await group.ready();
  }, { limit: 1 });

  assertEquals(jobs.record, ["a begins", "a ends", "c begins", "c ends"]);
});

Deno.test("G10: a child cancelled in the moment its turn comes runs to its first checkpoint at most", async () => {
  const jobs = new Jobs();

  await taskGroup(async (group) => {
    jobs.spawn(group, "a").onDone(() => queueMicrotask(() => next.cancel()));
    const next = jobs.spawn(group, "b");
    const last = jobs.spawn(group, "c");
    await jobs.end("a");
    assertEquals(next.state, "cancelled");
    assertEquals(last.state, "running");
    await jobs.end("c");
  }, { limit: 1 });

  assertEquals(jobs.record.filter((entry) => entry === "b ends"), []);
});

for (const shutdown of ["together", "reverse"] as const) {
  for (const bodyWaits of [true, false]) {
    const where = `shutdown: ${shutdown}, the body ${bodyWaits ? "waits" : "has returned"}`;

    Deno.test(`G10: when a child fails, none of the queued ones starts any more (${where})`, async () => {
      const jobs = new Jobs();
      const failure = new Error("first");
      const states: string[] = [];

      const group = taskGroup(async (group) => {
        for (const name of ["a", "b", "c", "d"]) {
          jobs.spawn(group, name).onDone(({ state }) => states.push(state));
        }
        if (bodyWaits) await forever();
      }, { limit: 1, shutdown });
      const thrown = thrownBy(group);
      await waitAllTasksBlocked();
      await jobs.fail("a", failure);

      assertStrictEquals(await thrown, failure);
      assertEquals(jobs.record, ["a begins"]);
      assertEquals(states, ["failed", "cancelled", "cancelled", "cancelled"]);
    });

    Deno.test(`G10: when the group is cancelled, none of the queued ones starts any more (${where})`, async () => {
      const jobs = new Jobs();
      let kept: TaskGroup | undefined;

      const group = taskGroup(async (group) => {
        kept = group;
        for (const name of ["a", "b", "c", "d"]) jobs.spawn(group, name);
        if (bodyWaits) await forever();
      }, { limit: 2, shutdown });
      await waitAllTasksBlocked();
      kept?.cancel();
      await group.catch(() => {});

      assertEquals(jobs.record, ["a begins", "b begins"]);
    });
  }

  Deno.test(`G10: 20,000 queued children end with the group (shutdown: ${shutdown})`, async () => {
    let ended = 0;

    await withLeakCheck(() =>
      taskGroup((group) => {
        for (let i = 0; i < 20_000; i++) group.spawn(forever).onDone(() => ended++);
        group.cancel();
        return "value";
      }, { limit: 1, shutdown })
    );

    assertEquals(ended, 20_000);
  });
}

Deno.test("G10: into a cancelled group nothing is queued: a child runs to its first checkpoint", async () => {
  const record: string[] = [];

  await taskGroup((group) => {
    group.spawn(forever);
    group.cancel();
    const child = group.spawn(async () => {
      record.push("begins");
      await checkpoint();
      record.push("never");
    });
    assertEquals(child.state, "running");
    return "value";
  }, { limit: 1 });

  assertEquals(record, ["begins"]);
});

Deno.test("G10: a queued child has the AsyncLocalStorage store of its spawner, and not of whose end let it in", async () => {
  const storage = new AsyncLocalStorage<string>();
  const seen: (string | undefined)[] = [];
  const gate = Promise.withResolvers<void>();

  await taskGroup(async (group) => {
    storage.run("first", () => group.spawn(() => cancellable(gate.promise)));
    storage.run("second", () =>
      group.spawn(async () => {
        seen.push(storage.getStore());
        await checkpoint();
        seen.push(storage.getStore());
      }));
    await waitAllTasksBlocked();
    storage.run("releaser", () => gate.resolve());
  }, { limit: 1 });

  assertEquals(seen, ["second", "second"]);
});

Deno.test("G10: a queued child has the TaskLocals of its spawner", async () => {
  const local = new TaskLocal<string>({ defaultValue: "none" });
  const seen: (string | undefined)[] = [];
  const gate = Promise.withResolvers<void>();

  await taskGroup(async (group) => {
    await local.run("first", () => void group.spawn(() => cancellable(gate.promise)));
    await local.run("second", () => void group.spawn(() => seen.push(local.get())));
    gate.resolve();
  }, { limit: 1 });

  assertEquals(seen, ["second"]);
});

Deno.test("G10: daemons take slots as all children do, and give them back", async () => {
  const jobs = new Jobs();

  await taskGroup(async (group) => {
    const daemon = group.spawn(forever, { daemon: true });
    jobs.spawn(group, "a");
    await waitAllTasksBlocked();
    assertEquals(jobs.record, []);
    daemon.cancel();
    await waitAllTasksBlocked();
    assertEquals(jobs.record, ["a begins"]);
    await jobs.end("a");
  }, { limit: 1 });
});

Deno.test("G10: a queued daemon that never had its turn does not hold the group open", async () => {
  let ran = false;
  const gate = Promise.withResolvers<void>();
  const group = taskGroup((group) => {
    group.spawn(() => gate.promise, { daemon: true });
    group.spawn(() => {
      ran = true;
      return forever();
    }, { daemon: true });
    return "value";
  }, { limit: 1 });
  await waitAllTasksBlocked();

  gate.resolve();

  assertEquals(await outcomeOf(group), { value: "value" });
  assertEquals(ran, false);
});

Deno.test("G10: never more than the limit run, whatever the children do, and all have their turn", async () => {
  let running = 0;
  let peak = 0;
  let ended = 0;

  await taskGroup(async (group) => {
    for (let i = 0; i < 200; i++) {
      if (i % 3 === 0) await group.ready();
      group.spawn(async () => {
        peak = Math.max(peak, ++running);
        try {
          if (i % 4 === 0) return;
          await (i % 2 === 0 ? checkpoint() : yieldNow());
          if (i % 7 === 0) group.spawn(() => void ended++);
        } finally {
          running--;
          ended++;
        }
      });
    }
  }, { limit: 5 });

  assertEquals(peak, 5);
  assert(ended >= 200);
});

Deno.test("G10: ready() that is cancelled at any step leaves nothing, and the room to others", async () => {
  const { interrupted } = await interruptAtEveryStep((interrupt) =>
    withLeakCheck(async () => {
      let reached = false;
      await taskGroup(async (group) => {
        const gate = Promise.withResolvers<void>();
        const busy = group.spawn(() => cancellable(gate.promise));
        const run = await interrupt(async () => {
          queueMicrotask(() => queueMicrotask(() => gate.resolve()));
          await group.ready();
          reached = true;
        });
        assertEquals(reached, !run.interrupted);
        gate.resolve();
        await busy;
        await group.ready();
        assertEquals(group.spawn(() => {}).state, "succeeded");
      }, { limit: 1 });
    })
  );
  assert(interrupted > 1, `only ${interrupted} runs were interrupted`);
});

Deno.test("G10: a limited group that is cancelled at any step leaves nothing", async () => {
  await interruptAtEveryStep((interrupt) =>
    withLeakCheck(async () => {
      let running = 0;
      const run = await interrupt(() =>
        taskGroup(async (group) => {
          for (let i = 0; i < 5; i++) {
            await group.ready();
            for (let j = 0; j < 2; j++) {
              group.spawn(async () => {
                running++;
                try {
                  await checkpoint();
                  await yieldNow();
                } finally {
                  running--;
                }
              });
            }
          }
          return "value";
        }, { limit: 2 })
      );
      assertEquals(running, 0);
      assertEquals(run.value, run.interrupted ? undefined : "value");
    })
  );
});
