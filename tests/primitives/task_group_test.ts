/**
 * Rules G1, G4, G5, G7 and G9 of task groups: when they end, and how children start. G2 and G3 are in
 * `task_group_failure_test.ts`, G6 in `task_group_daemon_test.ts`, G8 in `task_group_cancel_test.ts`,
 * G10 in `task_group_limit_test.ts`, G14 in `task_group_shutdown_test.ts`, bad arguments in
 * `task_group_arguments_test.ts`; `task_group_model_test.ts` runs random trees.
 *
 * One rule after the other, which is why it is long.
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
  cancelScope,
  checkpoint,
  ClosedError,
  currentTask,
  isCancelled,
  moveOnAfter,
  openNursery,
  shield,
  sleep,
  suppressedErrors,
  type Task,
  type TaskGroup,
  taskGroup,
  yieldNow,
} from "../../mod.ts";
import {
  interruptAtEveryStep,
  waitAllTasksBlocked,
  withLeakCheck,
} from "../../primitives/testing/mod.ts";
import { outcomeOf, thrownBy } from "./outcome.ts";
import { unhandledRejections } from "./unhandled.ts";

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

// G1

Deno.test("G1: a group returns its body's value, and not before the last child has ended", async () => {
  const record: string[] = [];
  const gate = Promise.withResolvers<void>();
  const group = taskGroup((group) => {
    group.spawn(async () => {
      await cancellable(gate.promise);
      record.push("child");
    });
    record.push("body");
    return "value";
  });
  const ended = group.then(() => record.push("group"));

  assertEquals(await outcomeOf(group), "pending");
  gate.resolve();

  assertEquals(await group, "value");
  await ended;
  assertEquals(record, ["body", "child", "group"]);
});

Deno.test("G1: a group waits for its body where the children end first", async () => {
  const record: string[] = [];
  const gate = Promise.withResolvers<string>();
  const group = taskGroup(async (group) => {
    group.spawn(() => record.push("child"));
    const value = await gate.promise;
    record.push("body");
    return value;
  });

  assertEquals(await outcomeOf(group), "pending");
  gate.resolve("late");

  assertEquals(await group, "late");
  assertEquals(record, ["child", "body"]);
});

Deno.test("G1: a body may be async, plain, or return a thenable", async () => {
  const thenable = { then: (resolve: (value: string) => void) => resolve("thenable") };

  assertEquals(await taskGroup(async () => await Promise.resolve("async")), "async");
  assertEquals(await taskGroup(() => "plain"), "plain");
  assertEquals(await taskGroup(() => thenable as PromiseLike<string>), "thenable");
  assertEquals(await taskGroup(() => {}), undefined);
});

Deno.test("G1: a body that throws before its first await is a failed body, and taskGroup rejects", async () => {
  const failure = new Error("at once");

  const promise = taskGroup(() => {
    throw failure;
  });

  assertStrictEquals(await thrownBy(promise), failure);
});

Deno.test("G1: a failing group, too, ends only after the last child, even one that does not listen", async () => {
  const gate = Promise.withResolvers<void>();
  let deaf: Task | undefined;
  const group = taskGroup((group) => {
    deaf = group.spawn(() => gate.promise);
    throw new Error("body");
  });

  assertEquals(await outcomeOf(group), "pending");
  assertEquals(deaf?.state, "running");
  gate.resolve();

  await assertRejects(() => group, Error, "body");
  assertEquals(deaf?.state, "succeeded");
});

Deno.test("G1: the children of a nested group end before the nested group, and that before the outer one", async () => {
  const record: string[] = [];
  const end = (name: string) => async () => {
    await checkpoint();
    record.push(name);
  };

  await taskGroup(async (outer) => {
    outer.spawn(async () => {
      await taskGroup((inner) => {
        inner.spawn(end("grandchild"));
      });
      record.push("inner group");
    });
    await checkpoint();
  });
  record.push("outer group");

  assertEquals(record, ["grandchild", "inner group", "outer group"]);
});

Deno.test("G1: a nested group that a body leaves without awaiting it is ended with the outer one, quietly", async () => {
  let inner: Promise<unknown> | undefined;
  let cleaned = false;

  const unhandled = await unhandledRejections(() =>
    withLeakCheck(async () => {
      const value = await taskGroup(() => {
        inner = taskGroup(async (group) => {
          group.spawn(forever);
          try {
            await forever();
          } finally {
            cleaned = true;
          }
        });
        return "outer";
      });
      assertEquals(value, "outer");
      assert(cleaned, "the inner body outlived the outer group");
    })
  );

  assertEquals(unhandled, [], "the cancellation of what was left is nobody's error");
  assert(isCancelled(await thrownBy(inner!)));
});

Deno.test("G1: a nested group that a child leaves without awaiting it is ended with the child, quietly", async () => {
  const record: string[] = [];

  const unhandled = await unhandledRejections(() =>
    withLeakCheck(() =>
      taskGroup(async (group) => {
        const child = group.spawn(() => {
          taskGroup(async () => {
            try {
              await forever();
            } finally {
              record.push("nested body");
            }
          });
          return "child";
        });
        assertEquals(await child, "child");
        record.push("child");
      })
    )
  );

  assertEquals(record, ["nested body", "child"]);
  assertEquals(unhandled, [], "the cancellation of what was left is nobody's error");
});

Deno.test("G1: the failure of a nested group that a child has left is not lost", async () => {
  const failure = new Error("left behind");
  let thrown: unknown[] = [];

  const unhandled = await unhandledRejections(async () => {
    const outcome = await outcomeOf(taskGroup((group) => {
      group.spawn(() => {
        taskGroup((nested) => {
          nested.spawn(failingCleanUp(failure));
        });
      });
    }));
    if (outcome !== "pending" && "error" in outcome) thrown = [outcome.error];
  });

  assertEquals([...unhandled, ...thrown], [failure]);
});

Deno.test("G1: what code that was left behind opens while its task ends is ended, too, whenever it comes", async () => {
  for (let steps = 0; steps < 30; steps++) {
    const outer = taskGroup(async (outer) => {
      const inner = taskGroup((group) => {
        group.spawn(() => {
          cancelScope(forever).catch(() => {});
          (async () => {
            for (let step = 0; step < steps; step++) await null;
            await cancelScope(forever);
          })().catch(() => {});
        });
      });
      const outcome = await outcomeOf(inner);
      // What is opened later still belongs to the outer group, which is the nearest that lives.
      outer.cancel();
      return outcome;
    });
    assertEquals(await outcomeOf(outer), { value: { value: undefined } }, `after ${steps} steps`);
  }
});

// G4

Deno.test("G4: a child runs at once, up to its first await, before spawn returns", async () => {
  const record: string[] = [];

  await taskGroup((group) => {
    record.push("before");
    group.spawn(async () => {
      record.push("child begins");
      await null;
      record.push("child goes on");
    });
    record.push("after");
  });

  assertEquals(record, ["before", "child begins", "after", "child goes on"]);
});

Deno.test("G4: a child is called with its own task, in which it runs", async () => {
  await taskGroup(async (group) => {
    const task: Task<void> = group.spawn(async (own) => {
      assertStrictEquals(currentTask(), own as Task);
      await null;
      assertStrictEquals(currentTask(), own as Task);
    });
    await task;
  });
});

Deno.test("G4: a child spawned into a cancelled group runs to its first checkpoint", async () => {
  const record: string[] = [];

  const group = taskGroup(async (group) => {
    group.cancel();
    const child = group.spawn(async () => {
      record.push("begins");
      await Promise.resolve();
      record.push("foreign await");
      await checkpoint();
      record.push("never");
    });
    await child.join().catch(() => {});
    return child.state;
  });

  assertEquals(await group, "cancelled");
  assertEquals(record, ["begins", "foreign await"]);
});

Deno.test("G4: a child may spawn a sibling after the body has returned, and the group waits for that, too", async () => {
  const record: string[] = [];
  const gate = Promise.withResolvers<void>();
  const group = taskGroup((group) => {
    group.spawn(async () => {
      await cancellable(gate.promise);
      group.spawn(async () => {
        await checkpoint();
        group.spawn(async () => {
          await checkpoint();
          record.push("sibling's sibling");
        });
        record.push("sibling");
      });
      record.push("child");
    });
    record.push("body");
  });
  await waitAllTasksBlocked();

  gate.resolve();
  await group;

  assertEquals(record, ["body", "child", "sibling", "sibling's sibling"]);
});

Deno.test("G4: the onDone call-back of the last child may spawn a sibling", async () => {
  const record: string[] = [];

  await taskGroup((group) => {
    group.spawn(checkpoint).onDone(() => {
      group.spawn(async () => {
        await checkpoint();
        record.push("sibling");
      });
    });
  });

  assertEquals(record, ["sibling"]);
});

Deno.test("G4: a sibling spawned while the group fails runs to its first checkpoint, and its failure is kept", async () => {
  const record: string[] = [];
  const [first, second] = [new Error("first"), new Error("second")];

  const group = taskGroup(async (group) => {
    group.spawn(async () => {
      try {
        await forever();
      } finally {
        group.spawn(async () => {
          record.push("sibling begins");
          await checkpoint();
          record.push("never");
        });
        group.spawn(() => {
          throw second;
        });
      }
    });
    await checkpoint();
    throw first;
  });

  assertStrictEquals(await thrownBy(group), first);
  assertEquals(suppressedErrors(first), [second]);
  assertEquals(record, ["sibling begins"]);
});

Deno.test("G4: spawning into a group that has ended throws ClosedError, and starts nothing", async () => {
  let kept: TaskGroup | undefined;
  await taskGroup((group) => {
    kept = group;
  }, { name: "over" });
  const ended = kept!;

  const error = assertThrows(
    () => ended.spawn(() => assert(false, "it was started")),
    ClosedError,
    'Cannot spawn into "over" as it has ended',
  );

  assertStringIncludes(error.message, "Spawn while");
  assertEquals(error.name, "ClosedError");
  assertEquals(ended.tasks, []);
});

Deno.test("G4: spawning into a group that failed, or was cancelled, throws ClosedError once it has ended", async () => {
  for (const end of [(group: TaskGroup) => group.cancel(), () => Promise.reject(new Error())]) {
    let kept: TaskGroup | undefined;
    await taskGroup(async (group) => {
      kept = group;
      await end(group);
      await checkpoint();
    }).catch(() => {});
    assertThrows(() => kept!.spawn(forever), ClosedError);
    assertEquals(kept!.tasks, []);
  }
});

Deno.test("G4: a child belongs to the group it is spawned in, and not to the task that spawns it", async () => {
  const record: string[] = [];
  const gate = Promise.withResolvers<void>();

  await taskGroup(async (outer) => {
    const spawner = outer.spawn(() =>
      taskGroup((inner) => {
        inner.spawn(() => {
          outer.spawn(async () => {
            await cancellable(gate.promise);
            record.push("outer's child");
          });
        });
      })
    );
    await spawner;
    record.push("spawner");
    gate.resolve();
  });

  assertEquals(record, ["spawner", "outer's child"]);
});

// G5

Deno.test("G5: a child that throws synchronously is a failed task, and spawn returns it", async () => {
  const failure = new Error("synchronous");
  let task: Task | undefined;

  const group = taskGroup((group) => {
    task = group.spawn(() => {
      throw failure;
    });
    assertEquals(task.state, "failed");
    return "body goes on";
  });

  assertStrictEquals(await thrownBy(group), failure);
  assertEquals(task?.state, "failed");
});

Deno.test("G5: a child need not be async: it ends as it returns", async () => {
  await taskGroup(async (group) => {
    const task = group.spawn(() => 42);
    assertEquals(task.state, "succeeded");
    assertEquals(group.tasks, []);
    assertEquals(await task, 42);
  });
});

Deno.test("G5: a child may return a thenable, which is awaited; what it rejects with is the child's failure", async () => {
  const failure = new Error("thenable");
  const good = {
    then(resolve: (value: number) => void) {
      queueMicrotask(() => resolve(7));
    },
  } as PromiseLike<number>;
  const bad = {
    then(_: unknown, reject: (error: unknown) => void) {
      reject(failure);
      throw new Error("and then some");
    },
  } as PromiseLike<number>;

  assertEquals(await taskGroup(async (group) => await group.spawn(() => good)), 7);
  assertStrictEquals(
    await thrownBy(taskGroup((group) => {
      group.spawn(() => bad);
    })),
    failure,
  );
});

Deno.test("G5: a result whose 'then' cannot even be read is the child's failure, and no exception out of spawn", async () => {
  const failure = new Error("no then");
  const hostile = {
    get then(): unknown {
      throw failure;
    },
  };

  const group = taskGroup((group) => {
    group.spawn(() => hostile);
    return "body goes on";
  });

  assertEquals(await outcomeOf(group), { error: failure });
});

// G7

Deno.test("G7: a group lists its children while they live, and forgets each as it ends", async () => {
  const gates = ["a", "b", "c"].map(() => Promise.withResolvers<void>());

  await taskGroup(async (group) => {
    const names = () => group.tasks.map((task) => task.name);
    gates.forEach(({ promise }, index) =>
      group.spawn(() => cancellable(promise), { name: "abc"[index], daemon: index === 2 })
    );
    assertEquals(names(), ["a", "b", "c"]);
    gates[1].resolve();
    await waitAllTasksBlocked();
    assertEquals(names(), ["a", "c"]);
    gates[0].resolve();
    gates[2].resolve();
    await waitAllTasksBlocked();
    assertEquals(names(), []);
  });
});

Deno.test("G7: a group of 1,000,000 finished children holds none of them", async () => {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-check",
      "--no-prompt",
      "--v8-flags=--expose-gc",
      new URL("./finished_children.ts", import.meta.url).href,
    ],
  }).output();

  assertEquals(code, 0, new TextDecoder().decode(stderr));
  for (const row of JSON.parse(new TextDecoder().decode(stdout))) {
    assertEquals(row.children, 1_000_000, row.group);
    assertEquals(row.alive, 0, `${row.group} keeps tasks that have ended`);
    // A single reference kept for each child would be 8,000,000 bytes.
    assert(row.bytes < 2_000_000, `${row.group} has grown by ${row.bytes} bytes`);
  }
});

// G9

Deno.test("G9: the finally of a body that returns may signal a child and await it", async () => {
  const record: string[] = [];

  await taskGroup(async (group) => {
    const stop = Promise.withResolvers<void>();
    const logger = group.spawn(async () => {
      await cancellable(stop.promise);
      record.push("flushed");
    });
    try {
      await checkpoint();
    } finally {
      stop.resolve();
      await logger;
      record.push("body");
    }
  });

  assertEquals(record, ["flushed", "body"]);
});

Deno.test("G9: the finally of a body that fails may still talk to its children: they are cancelled after it", async () => {
  const record: string[] = [];
  const failure = new Error("body");

  const group = taskGroup(async (group) => {
    const stop = Promise.withResolvers<void>();
    const logger = group.spawn(async () => {
      await cancellable(stop.promise);
      record.push("flushed");
    });
    const idle = group.spawn(forever);
    try {
      throw failure;
    } finally {
      stop.resolve();
      await logger;
      record.push(`idle is ${idle.state}`);
      idle.onDone(() => record.push(`idle is ${idle.state}`));
    }
  });

  assertStrictEquals(await thrownBy(group), failure);
  assertEquals(record, ["flushed", "idle is running", "idle is cancelled"]);
});

Deno.test("G9: the finally of a body that is cancelled may talk to its children from a shield", async () => {
  const record: string[] = [];

  await assertRejects(() =>
    taskGroup(async (group) => {
      const child = group.spawn(async () => {
        try {
          await forever();
        } finally {
          record.push("child");
        }
      });
      try {
        group.cancel();
        await forever();
      } finally {
        await shield(() => child.join());
        record.push("body");
      }
    }), Cancelled);

  assertEquals(record, ["child", "body"]);
});

// group.run, names, contexts

Deno.test("run(fn) calls a function in the group's scope: what it waits for ends with the group", async () => {
  let thrown: unknown;
  const waiting = Promise.withResolvers<void>();

  await taskGroup((group) => {
    queueMicrotask(() => {
      group.run(forever).catch((error) => {
        thrown = error;
        waiting.resolve();
      });
      group.cancel("run");
    });
    group.spawn(forever);
    return "value";
  });
  await waiting.promise;

  assertInstanceOf(thrown, Cancelled);
  assertEquals(thrown.reason, "run");
  await taskGroup((group) => assertEquals(group.run(() => 42), 42));
});

Deno.test("a group is called by the name it was given, else group", async () => {
  assertEquals(await taskGroup((group) => group.name, { name: "named" }), "named");
  assertEquals(await taskGroup((group) => group.name), "group");
  assertEquals(await taskGroup((group) => group.name, { name: undefined }), "group");
});

Deno.test("promise 1: joins and nested groups that are cancelled before anybody awaits them are no unhandled rejections", async () => {
  const leftToWait: Record<string, (group: TaskGroup) => Promise<unknown>[]> = {
    joins: (group) => [group.spawn(forever), group.spawn(forever)].map((task) => task.join()),
    tasks: (group) => [group.spawn(forever), group.spawn(forever)].map((task) => task.then()),
    groups: () => [taskGroup(forever), taskGroup(forever)],
    rooms: (group) => [group.ready(), group.ready()],
    sleeps: () => [forever(), forever()],
  };
  const loud: string[] = [];
  for (const [name, wait] of Object.entries(leftToWait)) {
    const unhandled = await unhandledRejections(() =>
      moveOnAfter(0, () =>
        taskGroup(async (group) => {
          group.spawn(forever);
          await Promise.resolve();
          for (const waiting of wait(group)) await waiting;
        }, { limit: 1 }))
    );
    const scope = new CancelScope();
    const running = scope.enter(() =>
      taskGroup(async (group) => {
        group.spawn(forever);
        for (const waiting of wait(group)) await waiting;
      }, { limit: 3 })
    );
    unhandled.push(
      ...await unhandledRejections(async () => {
        await waitAllTasksBlocked();
        scope.cancel();
        await running;
      }),
    );
    if (unhandled.length > 0) loud.push(name);
  }

  assertEquals(loud, []);
});

// Interleavings

Deno.test("promise 2: a group with children that is cancelled at any step leaves nothing", async () => {
  const { interrupted } = await interruptAtEveryStep((interrupt) =>
    withLeakCheck(async () => {
      let begun = 0;
      let ended = 0;
      const child = async () => {
        begun++;
        try {
          await checkpoint();
          await yieldNow();
        } finally {
          ended++;
        }
      };
      const run = await interrupt(() =>
        taskGroup(async (group) => {
          group.spawn(child);
          group.spawn(child, { daemon: true });
          group.spawn(async () => {
            await child();
            group.spawn(child);
          });
          await taskGroup((inner) => {
            inner.spawn(child);
          });
          return "value";
        })
      );
      assertEquals(ended, begun);
      assertEquals(run.value, run.interrupted ? undefined : "value");
    })
  );
  assert(interrupted > 2, `only ${interrupted} runs were interrupted`);
});

Deno.test("promise 2: a group that fails, cancelled at any step, throws its failure or the cancellation", async () => {
  await interruptAtEveryStep((interrupt) =>
    withLeakCheck(async () => {
      const failure = new Error("child");
      let thrown = false;
      const run = await interrupt(() =>
        taskGroup(async (group) => {
          group.spawn(async () => {
            await checkpoint();
            await yieldNow();
            thrown = true;
            throw failure;
          });
          await forever();
        })
      ).catch((error) => {
        assertStrictEquals(error, failure);
        return "failed";
      });
      if (run === "failed") assert(thrown);
      else assert(!thrown, "the failure was lost");
    })
  );
});

Deno.test("promise 1: 100,000 blocked children are cancelled together, each with the one Cancelled", async () => {
  await withLeakCheck(async () => {
    const seen = new Set<unknown>();
    let ended = 0;
    const thrown = await thrownBy(taskGroup(async (group) => {
      for (let i = 0; i < 100_000; i++) {
        group.spawn(async () => {
          try {
            await sleep(Infinity);
          } catch (error) {
            seen.add(error);
            throw error;
          } finally {
            ended++;
          }
        });
      }
      group.cancel();
      await checkpoint();
    }));
    assertEquals(ended, 100_000);
    assertEquals([...seen], [thrown]);
  });
});

Deno.test("promise 1: an openNursery that a body leaves is ended with the group", async () => {
  let child: Task | undefined;

  await withLeakCheck(() =>
    taskGroup(() => {
      child = openNursery().spawn(forever);
    })
  );

  assertEquals(child?.state, "cancelled");
});
