/**
 * Tasks: what they tell of themselves, how they are awaited, and the root task.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertFalse,
  assertInstanceOf,
  assertNotStrictEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  activeTasks,
  cancellable,
  Cancelled,
  CancelScope,
  cancelScope,
  checkpoint,
  currentTask,
  failAfter,
  isCancelled,
  nursery,
  openNursery,
  shield,
  sleep,
  suppressedErrors,
  type Task,
  taskGroup,
  type TaskState,
  TimeoutError,
  yieldNow,
} from "../../../mod.ts";
import {
  interruptAtEveryStep,
  waitAllTasksBlocked,
  withLeakCheck,
  withVirtualTime,
} from "../../../primitives/testing/mod.ts";
import { outcomeOf, thrownBy } from "../outcome.ts";
import { unhandledRejections } from "../unhandled.ts";

const forever = () => sleep(Infinity);

// What it tells of itself

Deno.test("Task.id is a number of its own, and counts up in the order of creation", async () => {
  await taskGroup((group) => {
    const ids = [1, 2, 3].map(() => group.spawn(() => {}).id);
    assertEquals(new Set(ids).size, 3);
    assertEquals(ids, ids.toSorted((a, b) => a - b));
    assert(ids.every((id) => Number.isInteger(id) && id > 0));
  });
});

Deno.test("Task.name is the name option, else the function's name, else made of its id", async () => {
  await taskGroup((group) => {
    async function crawl() {}
    assertEquals(group.spawn(crawl, { name: "given" }).name, "given");
    assertEquals(group.spawn(crawl).name, "crawl");
    assertEquals(group.spawn(crawl, { name: undefined }).name, "crawl");
    const anonymous = group.spawn(() => {});
    assertEquals(anonymous.name, `task-${anonymous.id}`);
    const empty = group.spawn(crawl, { name: "" });
    assertEquals(empty.name, `task-${empty.id}`);
  });
});

Deno.test("Task.state and isAlive follow it through its life", async () => {
  const seen: [TaskState, boolean][] = [];
  const note = (task: Task) => seen.push([task.state, task.isAlive]);

  await taskGroup(async (group) => {
    const first = group.spawn(forever);
    const second = group.spawn(checkpoint);
    note(first);
    note(second);
    first.cancel();
    note(first);
    await first.join();
    note(first);
    await second;
    note(second);
    const failed = group.spawn(() => Promise.reject(new Error("failed")));
    await failed.join();
    note(failed);
  }, { limit: 1, onFailure: "continue" }).catch(() => {});

  assertEquals(seen, [
    ["running", true],
    ["queued", true],
    ["running", true],
    ["cancelled", false],
    ["succeeded", false],
    ["failed", false],
  ]);
});

Deno.test("a cancelled task that returns all the same has succeeded", async () => {
  await taskGroup(async (group) => {
    const task = group.spawn(async () => {
      await forever().catch(() => {});
      return "value";
    });
    task.cancel();
    assertEquals(await task, "value");
    assertEquals(task.state, "succeeded");
    assertInstanceOf(task.cancelled, Cancelled);
  });
});

Deno.test("Task.parent is the task whose group it was spawned in, not the one that spawned it", async () => {
  const root = currentTask();

  await taskGroup(async (outer) => {
    const parent = outer.spawn(async (self) => {
      await taskGroup((inner) => {
        const child = inner.spawn(() => {
          assertStrictEquals(outer.spawn(() => {}).parent, root);
        });
        assertStrictEquals(child.parent, self as Task);
      });
    });
    assertStrictEquals(parent.parent, root);
    await parent;
    assertStrictEquals(parent.parent, root, "also when it has ended");
  });
});

Deno.test("Task.signal aborts with the Cancelled of the task, or of the scope around it", async () => {
  const scope = new CancelScope();
  const reasons: unknown[] = [];

  await scope.enter(() =>
    taskGroup(async (group) => {
      const tasks = [1, 2].map(() => group.spawn(forever));
      const signals = tasks.map((task) => task.signal);
      assertStrictEquals(tasks[0].signal, signals[0]);
      tasks[0].cancel("own");
      scope.cancel("outer");
      for (const signal of signals) reasons.push(signal.reason);
      assertStrictEquals(reasons[0], tasks[0].cancelled);
      await checkpoint();
    })
  );

  assertStrictEquals(reasons[1], scope.cancelled);
});

Deno.test("C9: to its own code the task's signal is that of the innermost scope", async () => {
  await taskGroup(async (group) => {
    const task: Task = group.spawn(async () => {
      const whole = currentTask().signal;
      await using outer = openNursery();
      const inner = new CancelScope();
      await inner.enter(async () => {
        await Promise.resolve();
        assertStrictEquals(currentTask().signal, inner.signal);
        assertStrictEquals(task.signal, inner.signal);
        assertStrictEquals(outer.run(() => task.signal), outer.signal);
        assertStrictEquals(task.run(() => task.signal), whole);
        await taskGroup((body) => assertStrictEquals(currentTask().signal, body.signal));
      });
      assertStrictEquals(currentTask().signal, whole);
      await sleep(1);
    });
    await waitAllTasksBlocked();
    assertNotStrictEquals(task.signal, currentTask().signal);
  });
});

Deno.test("C6: a time limit ends what was given the task's signal in it", async () => {
  const get = ({ signal }: Task) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  await assertRejects(() => failAfter(1, () => get(currentTask())), TimeoutError);
});

Deno.test("C5: in a shield, the signal of a task that was cancelled has not aborted", async () => {
  const seen: boolean[] = [];
  await taskGroup(async (group) => {
    const task = group.spawn(async () => {
      try {
        await sleep(60_000);
      } finally {
        seen.push(currentTask().signal.aborted);
        await shield(() => seen.push(currentTask().signal.aborted));
      }
    });
    task.cancel();
    await task.join();
  });
  assertEquals(seen, [true, false]);
});

Deno.test("C10: to its own code a task is stopping in a scope that is, and to others it is not", async () => {
  await taskGroup((group) => {
    const task: Task = group.spawn(async () => {
      await cancelScope(async (scope) => {
        scope.stop();
        await Promise.resolve();
        assert(currentTask().stopping);
        assert(task.stopping);
        assertFalse(group.run(() => task.stopping));
        assertFalse(task.run(() => task.stopping));
      });
      assertFalse(currentTask().stopping);
    });
  });
});

Deno.test("C10: a loop in the body of a nursery ends when the nursery is asked to stop", async () => {
  let rounds = 0;
  await nursery(async (services) => {
    services.spawn(async () => {
      await sleep(1);
      services.stop({ grace: Infinity });
    });
    for (; !currentTask().stopping && rounds < 10; rounds++) {
      await sleep(60_000, { endOnStop: true });
    }
  });
  assertEquals(rounds, 1);
});

Deno.test("Task.stopping turns true with a stop of it, or of the group around it", async () => {
  await withVirtualTime(() =>
    taskGroup(async (group) => {
      const tasks = [1, 2].map(() => group.spawn(forever));
      const stopping = () => tasks.map((task) => task.stopping);
      assertEquals(stopping(), [false, false]);
      tasks[0].stop();
      assertEquals(stopping(), [true, false]);
      group.stop({ grace: 0 });
      assertEquals(stopping(), [true, true]);
      await Promise.all(tasks.map((task) => task.join())).catch(() => {});
      return "value";
    }).catch((error) => assert(isCancelled(error)))
  );
});

// await task

Deno.test("await task gives what its function returned, as often and as late as one likes", async () => {
  await taskGroup(async (group) => {
    const value = { some: "object" };
    const task = group.spawn(async () => {
      await checkpoint();
      return value;
    });
    assertStrictEquals(await task, value);
    assertStrictEquals(await task, value);
    const [one, two] = await Promise.all([task, task]);
    assertStrictEquals(one, value);
    assertStrictEquals(two, value);
  });
});

Deno.test("await task throws what its function threw, to everybody the same object", async () => {
  const failure = new Error("failed");
  const seen: unknown[] = [];

  await thrownBy(taskGroup(async (group) => {
    const task = group.spawn(async () => {
      await checkpoint();
      throw failure;
    });
    seen.push(...await Promise.all([thrownBy(task), thrownBy(task)]));
    seen.push(await thrownBy(task.then()).catch(() => {}));
  }, { onFailure: "continue" }));

  assertEquals(seen.length, 3);
  for (const error of seen) assertStrictEquals(error, failure);
});

Deno.test("await task throws the task's Cancelled when it was cancelled", async () => {
  await taskGroup(async (group) => {
    const task = group.spawn(forever);
    task.cancel("why");
    const thrown = await thrownBy(task);
    assertStrictEquals(thrown, task.cancelled);
    assertEquals((thrown as Cancelled).reason, "why");
  });
});

Deno.test("await task is a checkpoint of the task that waits, also where the other has ended", async () => {
  await taskGroup(async (group) => {
    const done = group.spawn(() => 42);
    const running = group.spawn(forever);
    const scope = new CancelScope();
    await scope.enter(async () => {
      const waiting = running.then(() => {});
      scope.cancel();
      assertStrictEquals(await thrownBy(waiting), scope.cancelled);
      assertStrictEquals(await thrownBy(done), scope.cancelled);
      assertStrictEquals(await thrownBy(running), scope.cancelled);
      assertStrictEquals(await thrownBy(done.join()), scope.cancelled);
    });
    assertEquals(running.state, "running", "the wait was cancelled, and not what is waited for");
    running.cancel();
  });
});

Deno.test("await task: waiting for a task outside one's own group is no reason to end it", async () => {
  await taskGroup(async (outer) => {
    const service = outer.spawn(forever);
    const thrown = await thrownBy(taskGroup(async (inner) => {
      inner.spawn(() => service);
      await checkpoint();
      throw new Error("inner");
    }));
    assertEquals((thrown as Error).message, "inner");
    assertEquals(service.state, "running");
    service.cancel();
  });
});

Deno.test("Task.then works as that of a promise: it maps, catches, and passes through", async () => {
  await thrownBy(taskGroup(async (group) => {
    const good = group.spawn(async () => 2);
    assertEquals(await good.then((value) => value * 21), 42);
    assertEquals(await good.then(), 2);
    assertEquals(await good.then(null, () => 0), 2);
    const bad = group.spawn(() => {
      throw new Error("bad");
    });
    assertEquals(await bad.then(() => "", (error) => (error as Error).message), "bad");
  }, { onFailure: "continue" }));
});

// join

Deno.test("join waits for the end, whatever it is, and throws none of it", async () => {
  const ends: TaskState[] = [];

  await taskGroup(async (group) => {
    const tasks = [
      group.spawn(checkpoint),
      group.spawn(() => Promise.reject(new Error("failed"))),
      group.spawn(forever),
    ];
    tasks[2].cancel();
    for (const task of tasks) {
      assertEquals(await task.join(), undefined);
      ends.push(task.state);
    }
    for (const task of tasks) await task.join();
  }, { onFailure: "continue" }).catch(() => {});

  assertEquals(ends, ["succeeded", "failed", "cancelled"]);
});

Deno.test("join does not resolve before the task has ended", async () => {
  const gate = Promise.withResolvers<void>();

  await taskGroup(async (group) => {
    const task = group.spawn(() => gate.promise);
    const join = task.join();
    assertEquals(await outcomeOf(join), "pending");
    gate.resolve();
    await join;
    assertEquals(task.state, "succeeded");
  });
});

Deno.test("join({ timeout }) throws TimeoutError, names the task, and lets it go on", async () => {
  await withVirtualTime((time) =>
    withLeakCheck(() =>
      taskGroup(async (group) => {
        const task = group.spawn(forever, { name: "slow" });
        await assertRejects(() => task.join({ timeout: 100 }), TimeoutError, '"slow"');
        assertEquals(time.elapsed, 100);
        await assertRejects(() => task.join({ timeout: 0 }), TimeoutError);
        assertEquals(time.elapsed, 100);
        assertEquals(task.state, "running");
        task.cancel();
        await task.join({ timeout: 100 });
        await task.join({ timeout: 0 });
      })
    )
  );
});

Deno.test("join({ signal }) throws the signal's reason, and lets the task go on", async () => {
  await taskGroup(async (group) => {
    const task = group.spawn(forever);
    const reason = new Error("never mind");
    const controller = new AbortController();
    const join = task.join({ signal: controller.signal });
    controller.abort(reason);
    assertStrictEquals(await thrownBy(join), reason);
    assertStrictEquals(await thrownBy(task.join({ signal: controller.signal })), reason);
    assertEquals(task.state, "running");
    task.cancel();
  });
});

Deno.test("join throws Cancelled where the one that waits is cancelled, even by what ended the task", async () => {
  let thrown: unknown;

  await thrownBy(taskGroup(async (group) => {
    const task = group.spawn(forever);
    const joiner = group.spawn(async () => {
      thrown = await thrownBy(task.join());
      throw thrown;
    });
    joiner.onDone(() => assertStrictEquals(thrown, group.cancelled));
    group.cancel();
    await checkpoint();
  }));

  assertInstanceOf(thrown, Cancelled);
});

Deno.test("join checks its options at the call", async () => {
  await taskGroup((group) => {
    const task = group.spawn(() => {});
    assertThrows(() => task.join({ timeout: -1 }), RangeError, "'timeout'");
    assertThrows(() => task.join({ timeout: NaN }), RangeError, "received NaN");
    assertThrows(() => task.join({ timeout: "1" as never }), TypeError, "'timeout'");
    assertThrows(() => task.join({ signal: {} as never }), TypeError, "'signal'");
    assertThrows(() => task.join(null as never), TypeError, "options");
  });
});

// onDone

Deno.test("onDone call-backs run in their order, with the task, before those who await it go on", async () => {
  const record: string[] = [];

  await taskGroup(async (group) => {
    const task = group.spawn(checkpoint, { name: "job" });
    task.onDone((done) => {
      assertStrictEquals(done, task);
      record.push(`first, it has ${done.state}`);
    });
    const waiting = task.then(() => record.push("await"));
    task.onDone(() => record.push("second"));
    await waiting;
  });

  assertEquals(record, ["first, it has succeeded", "second", "await"]);
});

Deno.test("onDone of a task that has ended calls at once", async () => {
  await taskGroup((group) => {
    let state: string | undefined;
    group.spawn(() => {}).onDone((task) => state = task.state);
    assertEquals(state, "succeeded");
  });
});

Deno.test("onDone is called for failed and cancelled tasks, and tells how they ended", async () => {
  const states: TaskState[] = [];

  await thrownBy(taskGroup((group) => {
    const note = (task: Task<unknown>) => states.push(task.state);
    group.spawn(forever).onDone(note);
    group.spawn(() => Promise.reject(new Error("failed"))).onDone(note);
  }));

  assertEquals(states, ["failed", "cancelled"]);
});

Deno.test("an onDone call-back that throws fails the group, and the others are called all the same", async () => {
  const failure = new Error("call-back");
  const record: string[] = [];
  let sibling: Task | undefined;

  const thrown = await thrownBy(taskGroup(async (group) => {
    sibling = group.spawn(forever);
    const task = group.spawn(checkpoint);
    task.onDone(() => {
      throw failure;
    });
    task.onDone(() => record.push("second"));
    await forever();
  }));

  assertStrictEquals(thrown, failure);
  assertEquals(record, ["second"]);
  assertEquals(sibling?.state, "cancelled");
});

Deno.test("who awaits a task gets its outcome, also where a call-back throws before it is their turn", async () => {
  let outcome: unknown;

  await thrownBy(taskGroup(async (group) => {
    const task = group.spawn(async () => {
      await checkpoint();
      return "value";
    });
    task.onDone(() => {
      throw new Error("call-back");
    });
    group.spawn(async () => {
      outcome = await task.then((value) => ({ value }), (error) => ({ error }));
    });
    await forever();
  }));

  assertEquals(outcome, { value: "value" });
});

Deno.test("an onDone call-back that throws beside a failure is suppressed by it or the other way round", async () => {
  const [failure, later] = [new Error("task"), new Error("call-back")];

  const thrown = await thrownBy(taskGroup((group) => {
    group.spawn(async () => {
      await checkpoint();
      throw failure;
    }).onDone(() => {
      throw later;
    });
  }));

  assertEquals(new Set([thrown, ...suppressedErrors(thrown)]), new Set([failure, later]));
});

Deno.test("an onDone call-back that throws fails the group of its task, whatever ends in the next call-back", async () => {
  const failure = new Error("call-back");

  const other = await taskGroup(async (other) => {
    const thrown = await thrownBy(taskGroup(async (group) => {
      const task = group.spawn(checkpoint);
      task.onDone(() => {
        throw failure;
      });
      task.onDone(() => void other.spawn(() => {}));
      await forever();
    }));
    assertStrictEquals(thrown, failure);
    return "unharmed";
  }).catch((error) => error);

  assertEquals(other, "unharmed");
});

Deno.test("the error of an onDone call-back that comes after the group has ended is not lost", async () => {
  const failure = new Error("too late");
  let task: Task | undefined;
  await taskGroup((group) => {
    task = group.spawn(() => {}) as Task;
  });
  const seen: unknown[] = [];

  seen.push(
    ...await unhandledRejections(() => {
      try {
        task!.onDone(() => {
          throw failure;
        });
      } catch (error) {
        seen.push(error);
      }
    }),
  );

  assertEquals(seen, [failure]);
});

Deno.test("onDone asks for a function, at the call", async () => {
  await taskGroup((group) => {
    const task = group.spawn(() => {}, { name: "job" });
    assertThrows(() => task.onDone(5 as never), TypeError, 'Cannot add a call-back to "job"');
  });
});

// run, currentTask, activeTasks

Deno.test("Task.run calls a function in the task: what it waits for ends with the task", async () => {
  let thrown: unknown;

  await taskGroup(async (group) => {
    const task = group.spawn(forever, { name: "host" });
    assertEquals(task.run(() => currentTask().name), "host");
    const waiting = thrownBy(task.run(forever));
    task.cancel("enough");
    thrown = await waiting;
  });

  assertEquals((thrown as Cancelled).reason, "enough");
});

Deno.test("Task.run asks for a function, and lets through what it throws", async () => {
  await taskGroup((group) => {
    const task = group.spawn(forever);
    assertThrows(() => task.run(Promise.resolve() as never), TypeError, "received a Promise");
    const failure = new Error("mine");
    try {
      task.run(() => {
        throw failure;
      });
    } catch (error) {
      assertStrictEquals(error, failure);
    }
    assertEquals(task.state, "running");
    task.cancel();
  });
});

Deno.test("currentTask follows a task across awaits, timers, events and microtasks", async () => {
  await taskGroup((group) => {
    for (const name of ["a", "b", "c"]) {
      group.spawn(async () => {
        assertEquals(currentTask().name, name);
        await null;
        assertEquals(currentTask().name, name);
        await yieldNow();
        assertEquals(currentTask().name, name);
        await new Promise<void>((resolve) =>
          setTimeout(() => {
            assertEquals(currentTask().name, name);
            queueMicrotask(() => {
              assertEquals(currentTask().name, name);
              resolve();
            });
          }, 0)
        );
        try {
          await Promise.reject(new Error());
        } catch {
          assertEquals(currentTask().name, name);
        }
      }, { name });
    }
  });
});

Deno.test("currentTask in a group's body, or in a scope, is the task around them", async () => {
  await taskGroup(async (group) => {
    await group.spawn(async (self) => {
      await taskGroup(async () => {
        assertStrictEquals(currentTask(), self as Task);
        await new CancelScope().enter(async () => {
          await null;
          assertStrictEquals(currentTask(), self as Task);
        });
      });
    });
  });
});

Deno.test("code that has outlived its task is in the nearest task around it that lives", async () => {
  const gate = Promise.withResolvers<void>();
  const names: string[] = [];

  await taskGroup(async (outer) => {
    const host = outer.spawn(async () => {
      let late: Promise<void> | undefined;
      await taskGroup((inner) => {
        inner.spawn(() => {
          late = gate.promise.then(() => void names.push(currentTask().name));
        }, { name: "gone" });
      });
      gate.resolve();
      await late;
    }, { name: "host" });
    await host;
  });

  assertEquals(names, ["host"]);
});

Deno.test("activeTasks lists all that live: parents before children, the older before the younger", async () => {
  const names = () => activeTasks().map((task) => task.name);

  await taskGroup(async (group) => {
    group.spawn(forever, { name: "1" });
    group.spawn(() =>
      taskGroup((inner) => {
        inner.spawn(forever, { name: "2a" });
        inner.spawn(() => {}, { name: "ended" });
        inner.spawn(forever, { name: "2b" });
      }), { name: "2" });
    openNursery().spawn(forever, { name: "3" });
    group.spawn(forever, { name: "4" });
    group.spawn(forever, { name: "queued" });
    await waitAllTasksBlocked();
    assertEquals(names(), ["1", "2", "2a", "2b", "3", "4", "queued"]);
    group.cancel();
  }, { limit: 3 }).catch(() => {});

  assertEquals(names(), []);
});

Deno.test("activeTasks lists the groups that are open side by side by their age", async () => {
  const gate = Promise.withResolvers<void>();
  const groups = ["a", "b", "c"].map((name) =>
    taskGroup((group) => void group.spawn(() => gate.promise, { name }))
  );

  assertEquals(activeTasks().map((task) => task.name), ["a", "b", "c"]);

  gate.resolve();
  await Promise.all(groups);
});

// The root

Deno.test("outside any task there is the root task: it runs, has no parent, and cannot be cancelled or stopped", () => {
  const root = currentTask();

  assertEquals(root.name, "root");
  assertEquals(root.id, 0);
  assertEquals(root.state, "running");
  assertEquals(root.isAlive, true);
  assertEquals(root.parent, null);
  assertEquals(root.cancelled, undefined);
  assertEquals(root.stopping, false);
  assertStringIncludes(
    assertThrows(() => root.cancel(), TypeError, "Cannot cancel the root task").message,
    "Cancel the group or task that is meant",
  );
  assertThrows(() => root.stop(), TypeError, "Cannot stop the root task");
  assertEquals(root.signal.aborted, false);
  assertEquals(activeTasks().includes(root), false);
});

Deno.test("every primitive works in the root task, also side by side", async () => {
  const names = await Promise.all([1, 2].map(() =>
    taskGroup(async (group) => {
      const task = group.spawn(async () => {
        await checkpoint();
        return currentTask().parent?.name;
      });
      return await task;
    })
  ));

  assertEquals(names, ["root", "root"]);
});

Deno.test("each task is its own, though all run the same function", async () => {
  await taskGroup(async (group) => {
    const own = async (self: Task<Task>) => {
      await yieldNow();
      assertStrictEquals(currentTask(), self as Task);
      return { task: self };
    };
    const tasks = [group.spawn(own as never), group.spawn(own as never)];
    assertNotStrictEquals(tasks[0], tasks[1]);
    for (const task of tasks) {
      const result = await task as unknown as { task: unknown };
      assertStrictEquals(result.task, task);
    }
  });
});

// Interleavings

for (
  const [what, wait] of Object.entries({
    "await task": async (task: Task<string>) => await task,
    "task.join()": (task: Task<string>) => task.join().then(() => "value"),
    "task.join({ timeout, signal })": (task: Task<string>) =>
      task.join({ timeout: 86_400_000, signal: new AbortController().signal }).then(() => "value"),
  })
) {
  Deno.test(`promise 2: ${what} that is cancelled at any step leaves nothing, and the task alone`, async () => {
    await withVirtualTime(async () => {
      const { interrupted } = await interruptAtEveryStep((interrupt) =>
        withLeakCheck(() =>
          taskGroup(async (group) => {
            const gate = Promise.withResolvers<void>();
            const task = group.spawn(async () => {
              await cancellable(gate.promise);
              return "value";
            });
            const run = await interrupt(async () => {
              queueMicrotask(() => queueMicrotask(() => gate.resolve()));
              return await wait(task);
            });
            if (!run.interrupted) assertEquals(run.value, "value");
            gate.resolve();
            assertEquals(await task, "value");
          })
        )
      );
      assert(interrupted > 1, `only ${interrupted} runs were interrupted`);
    });
  });
}

Deno.test("promise 2: await of a task that fails, cancelled at any step, gives the failure or the cancellation", async () => {
  const failure = new Error("failed");
  await interruptAtEveryStep((interrupt) =>
    withLeakCheck(async () => {
      await thrownBy(taskGroup(async (group) => {
        const task = group.spawn(async () => {
          await checkpoint();
          await yieldNow();
          throw failure;
        });
        const run = await interrupt(async () => await task).catch((error) => error);
        if (run !== failure) assertEquals(run.interrupted, true);
        await task.join();
      }, { onFailure: "continue" }));
    })
  );
});
