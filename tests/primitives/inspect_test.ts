/**
 * The tree of all that runs, as data and as text; rule C9 of the design: who does not end although
 * it was cancelled.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertFalse,
  assertMatch,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  cancellable,
  CancelScope,
  cancelScope,
  currentTask,
  enqueue,
  Event,
  formatTree,
  inspect,
  Lock,
  moveOnAfter,
  notReady,
  nursery,
  poll,
  Queue,
  RWLock,
  select,
  shield,
  sleep,
  type Task,
  taskGroup,
  traceAges,
  traceSpawns,
  type TreeNode,
  type Waitable,
  waitFor,
  WaitQueue,
  type WaitTarget,
} from "../../mod.ts";
import { standstills } from "../../primitives/standstill.ts";
import { waitAllTasksBlocked, withVirtualTime } from "../../primitives/testing/mod.ts";
import { nested } from "./nested.ts";

/** The node of this name, wherever it is in the tree. */
function find(name: string, tree: TreeNode = inspect()): TreeNode {
  const open = [tree];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (node.name === name) return node;
    open.push(...node.children);
  }
  throw new Error(`There is no "${name}" in the tree`);
}

/** Runs a task that awaits something foreign, and lets it go in the end. */
async function withForeign(
  spawn: (spawn: (wait: Promise<void>) => Task, wait: Promise<void>) => void | Promise<void>,
  body: (wait: Promise<void>, task: Task) => Promise<unknown> = (wait) => wait,
): Promise<void> {
  const foreign = Promise.withResolvers<void>();
  await taskGroup(async (group) => {
    try {
      await spawn(
        () =>
          group.spawn(async (task) => {
            await body(foreign.promise, task);
          }, { name: "stubborn" }),
        foreign.promise,
      );
    } finally {
      foreign.resolve();
    }
  });
}

Deno.test("inspect() without any task is the root alone", () => {
  const tree = inspect();
  assertEquals(tree.kind, "task");
  assertEquals(tree.name, "root");
  assertEquals(tree.state, "running");
  assertEquals(tree.id, currentTask().id);
  assertEquals(tree.children, []);
  assertEquals(tree.waitingFor, []);
  assertFalse(tree.stopping);
  assertFalse("cancelled" in tree);
  assertFalse("stuckFor" in tree);
});

Deno.test("inspect() shows tasks, groups and scopes in one tree, the older before the younger", async () => {
  await taskGroup(async (group) => {
    group.spawn(() =>
      cancelScope(() =>
        taskGroup((inner) => {
          inner.spawn(() => sleep(Infinity), { name: "leaf" });
        }, { name: "inner" }), { name: "limit" }), { name: "first" });
    group.spawn(() => sleep(Infinity), { name: "second" });
    await waitAllTasksBlocked();
    const shape = (node: TreeNode): unknown => [node.kind, node.name, node.children.map(shape)];
    assertEquals(shape(inspect()), ["task", "root", [
      ["group", "outer", [
        ["task", "first", [
          ["scope", "limit", [
            ["group", "inner", [
              ["task", "leaf", []],
            ]],
          ]],
        ]],
        ["task", "second", []],
      ]],
    ]]);
    group.cancel();
  }, { name: "outer" });
  assertEquals(inspect().children, []);
});

Deno.test("inspect() tells what each task waits for", async () => {
  const never = new Promise<void>(() => {});
  await taskGroup(async (group) => {
    const asleep = group.spawn(() => sleep(Infinity), { name: "asleep" });
    group.spawn(async () => void await asleep, { name: "joining" });
    group.spawn(() => cancellable(never), { name: "bridged" });
    group.spawn(() => Promise.race([cancellable(never), sleep(Infinity)]), { name: "both" });
    group.spawn(() => moveOnAfter(Infinity, () => sleep(Infinity)), { name: "in a scope" });
    await waitAllTasksBlocked();
    assertEquals(find("asleep").waitingFor, [{ kind: "sleep", name: "forever" }]);
    assertEquals(find("joining").waitingFor, [{ kind: "task", name: "asleep", id: asleep.id }]);
    assertEquals(find("bridged").waitingFor, [{ kind: "promise", name: "" }]);
    assertEquals(find("both").waitingFor.map(({ kind }) => kind), ["promise", "sleep"]);
    assertEquals(find("in a scope").waitingFor, []);
    assertEquals(find("moveOnAfter").waitingFor.length, 1);
    group.cancel();
  });
});

Deno.test("inspect() shows a queued task as queued", async () => {
  await taskGroup(async (group) => {
    group.spawn(() => sleep(Infinity), { name: "running one" });
    group.spawn(() => sleep(Infinity), { name: "queued one" });
    await waitAllTasksBlocked();
    assertEquals(find("running one").state, "running");
    assertEquals(find("queued one").state, "queued");
    assertStringIncludes(formatTree(), "queued one   queued");
    group.cancel();
  }, { limit: 1 });
});

Deno.test("inspect() tells who is stopping, and why who is cancelled", async () => {
  await withForeign(async (spawn) => {
    const task = spawn(Promise.resolve());
    task.stop({ grace: Infinity });
    await waitAllTasksBlocked();
    assert(find("stubborn").stopping);
    assertFalse(inspect().stopping);
    assertStringIncludes(formatTree(), "stubborn    running  stopping");
    task.cancel("enough");
    assertStrictEquals(find("stubborn").cancelled, task.cancelled?.message);
    assertStringIncludes(formatTree(), "stubborn    running  cancelled");
  });
});

Deno.test("inspect() is plain data that survives JSON", async () => {
  await taskGroup(async (group) => {
    group.spawn(() => sleep(Infinity));
    await waitAllTasksBlocked();
    const tree = inspect();
    assertEquals(JSON.parse(JSON.stringify(tree)), tree);
    group.cancel();
  });
});

Deno.test("C9: a cancelled task that goes on for longer than the grace is stuck", async () => {
  await withVirtualTime(() =>
    withForeign(async (spawn) => {
      const task = spawn(Promise.resolve());
      assertFalse("stuckFor" in find("stubborn", inspect({ grace: 0 })), "it is not cancelled");
      task.cancel();
      assertFalse("stuckFor" in find("stubborn", inspect({ grace: 100 })));
      await sleep(99);
      assertFalse("stuckFor" in find("stubborn", inspect({ grace: 100 })));
      await sleep(1);
      assertEquals(find("stubborn", inspect({ grace: 100 })).stuckFor, 100);
      assertEquals(find("stubborn", inspect({ grace: 0 })).stuckFor, 100);
      assertFalse("stuckFor" in find("stubborn"), "by default the grace is a second");
      await sleep(900);
      assertEquals(find("stubborn").stuckFor, 1000);
      assertStringIncludes(
        formatTree(),
        "stubborn    running  STUCK for 1.0 s after it was cancelled",
      );
      assertFalse("stuckFor" in find("stubborn", inspect({ grace: Infinity })));
    })
  );
});

Deno.test("C9: who was cancelled from outside is stuck as well, counted from that cancellation", async () => {
  await withVirtualTime(() =>
    cancelScope(async (outer) => {
      await withForeign(async (spawn) => {
        spawn(Promise.resolve());
        await sleep(50);
        outer.cancel();
        await shield(() => sleep(70));
        assertEquals(find("stubborn", inspect({ grace: 60 })).stuckFor, 70);
      });
    })
  );
});

Deno.test("C9: a task that cleans up in a shield is not stuck, nor is one that waits for its children", async () => {
  await withVirtualTime(async () => {
    const foreign = Promise.withResolvers<void>();
    await taskGroup(async (group) => {
      group.spawn(async () => {
        try {
          await sleep(Infinity);
        } finally {
          await shield(() => sleep(100));
        }
      }, { name: "cleaning up" });
      group.spawn(async () => {
        try {
          await sleep(Infinity);
        } finally {
          await shield(() => foreign.promise);
        }
      }, { name: "saying good-bye" });
      group.spawn(() =>
        taskGroup((inner) => {
          inner.spawn(() => foreign.promise, { name: "stubborn" });
        }), { name: "waiting for its child" });
      await waitAllTasksBlocked();
      group.cancel();
      await shield(() => sleep(50));
      const tree = inspect({ grace: 10 });
      assertFalse("stuckFor" in find("cleaning up", tree));
      assertFalse("stuckFor" in find("saying good-bye", tree));
      assertFalse("stuckFor" in find("waiting for its child", tree));
      assertEquals(find("stubborn", tree).stuckFor, 50);
      foreign.resolve();
    });
  });
});

Deno.test("C9: a cancelled task that is stuck inside a time limit of its own shows up as stuck", async () => {
  // The commonest of all: `await failAfter(5000, () => foreign())`.
  await withVirtualTime(() =>
    withForeign(async (spawn) => {
      const task = spawn(Promise.resolve());
      task.cancel();
      await sleep(50);
      assertEquals(find("stubborn", inspect({ grace: 10 })).stuckFor, 50);
    }, (foreign) => moveOnAfter(Infinity, () => foreign))
  );
});

Deno.test("C9: a cancelled task that is stuck in the body of its group shows up as stuck", async () => {
  await withVirtualTime(() =>
    withForeign(async (spawn) => {
      const task = spawn(Promise.resolve());
      task.cancel();
      await sleep(50);
      assertEquals(find("stubborn", inspect({ grace: 10 })).stuckFor, 50);
    }, (foreign) => taskGroup(() => foreign))
  );
});

Deno.test("C9: what waits by cancellable() is never stuck", async () => {
  await withForeign(async (spawn) => {
    const task = spawn(Promise.resolve());
    await waitAllTasksBlocked();
    task.cancel();
    await task.join();
    assertEquals(task.state, "cancelled");
  }, (foreign) => cancellable(foreign));
});

Deno.test("C9: traceSpawns(true) notes where a task was spawned, until it is turned off", async () => {
  traceSpawns(true);
  try {
    await taskGroup(async (group) => {
      group.spawn(() => sleep(Infinity), { name: "traced" });
      traceSpawns(false);
      group.spawn(() => sleep(Infinity), { name: "untraced" });
      await waitAllTasksBlocked();
      assertMatch(find("traced").spawnedAt ?? "", /inspect_test\.ts:\d+:\d+$/);
      assertFalse("spawnedAt" in find("untraced"));
      assertMatch(formatTree(), / traced +running .*spawned at .*inspect_test\.ts:\d+:\d+/);
      group.cancel();
    });
  } finally {
    traceSpawns(false);
  }
});

Deno.test("C9: the place of a spawn is the caller's also for nurseries, restarts and start()", async () => {
  traceSpawns(true);
  try {
    await nursery(async (services) => {
      services.spawn(() => sleep(Infinity), { name: "spawned" });
      services.spawn(() => sleep(Infinity), { name: "restarted", restart: { on: "failure" } });
      await services.start(async (_task, started: (value?: unknown) => void) => {
        started();
        await sleep(Infinity);
      }, { name: "started" });
      for (const name of ["spawned", "restarted", "started"]) {
        assertMatch(find(name).spawnedAt ?? "", /inspect_test\.ts:\d+:\d+$/, name);
      }
      services.cancel();
    });
  } finally {
    traceSpawns(false);
  }
});

Deno.test("inspect() tells since when each task is, and for how long it waits, while ages are noted", async () => {
  traceAges(true);
  try {
    await withVirtualTime(() =>
      taskGroup(async (group) => {
        group.spawn(async () => {
          await sleep(400);
          await sleep(Infinity);
        }, { name: "early" });
        await sleep(300);
        group.spawn(() => sleep(1000), { name: "late" });
        await sleep(200);
        const [early, late] = [find("early"), find("late")];
        assertEquals([early.age, early.waitingFor[0].for], [500, 100]);
        assertEquals([late.age, late.waitingFor[0]], [
          200,
          { kind: "sleep", name: "", for: 200, left: 800 },
        ]);
        assertEquals(find("group").age, 500);
        assertMatch(formatTree(), /early +running +500 ms +waits 100 ms for sleep "forever"/);
        group.cancel();
      })
    );
  } finally {
    traceAges(false);
  }
});

Deno.test("inspect() gives no ages of what began while they were not noted", async () => {
  await taskGroup(async (group) => {
    group.spawn(() => sleep(Infinity), { name: "before" });
    traceAges(true);
    try {
      group.spawn(() => sleep(Infinity), { name: "meanwhile" });
    } finally {
      traceAges(false);
    }
    group.spawn(() => sleep(Infinity), { name: "after" });
    await waitAllTasksBlocked();
    for (const name of ["before", "after"]) {
      assertFalse("age" in find(name), name);
      assertFalse("for" in find(name).waitingFor[0], name);
    }
    assert("age" in find("meanwhile"));
    group.cancel();
  });
});

Deno.test("inspect() tells by numbers who waits for the same thing, and who has it", async () => {
  const [one, other] = [new Lock({ name: "twin" }), new Lock({ name: "twin" })];
  await taskGroup(async (group) => {
    const owner = group.spawn(async () => {
      using _one = await one.acquire();
      using _other = await other.acquire();
      await sleep(Infinity);
    }, { name: "owner" });
    await waitAllTasksBlocked();
    group.spawn(() => one.acquire(), { name: "a" });
    group.spawn(() => one.acquire(), { name: "b" });
    group.spawn(() => other.acquire(), { name: "c" });
    await waitAllTasksBlocked();
    const [a, b, c] = ["a", "b", "c"].map((name) => find(name).waitingFor[0]);
    assertEquals(a.heldBy, [{ id: owner.id, name: "owner" }]);
    assertStrictEquals(a.id, b.id);
    assertFalse(a.id === c.id);
    group.cancel();
  });
});

Deno.test("inspect() tells how full it is what a task waits for", async () => {
  const queue = new Queue<number>(2, { name: "jobs" });
  await taskGroup(async (group) => {
    queue.putNowait(1);
    queue.putNowait(2);
    group.spawn(() => queue.put(3), { name: "producer" });
    await waitAllTasksBlocked();
    const { details } = find("producer").waitingFor[0];
    assertEquals([details?.size, details?.putters], [2, 1]);
    group.cancel();
  });
});

Deno.test("inspect() tells of a group that only waits for its children", async () => {
  await taskGroup(async (group) => {
    group.spawn(() => taskGroup(() => sleep(Infinity), { name: "open" }));
    group.spawn(() =>
      taskGroup((inner) => {
        inner.spawn(() => sleep(Infinity));
      }, { name: "closing" })
    );
    await waitAllTasksBlocked();
    assertFalse("state" in find("open"));
    assertEquals(find("closing").state, "closing");
    group.cancel();
  });
});

Deno.test("inspect() finds a deadlock through a group: its task has what its child wants", async () => {
  const lock = new Lock({ name: "door" });
  await taskGroup(async (group) => {
    group.spawn(async () => {
      using _ = await lock.acquire();
      await taskGroup((inner) => {
        inner.spawn(() => lock.acquire(), { name: "child" });
      });
    }, { name: "parent" });
    group.spawn(() => lock.acquire(), { name: "behind" });
    const other = group.spawn(() => sleep(Infinity), { name: "not in it" });
    group.spawn(() => other.join(), { name: "nor this" });
    await waitAllTasksBlocked();
    for (const name of ["parent", "child", "behind"]) {
      assertEquals(find(name).deadlocked, true, name);
    }
    for (const name of ["root", "not in it", "nor this"]) {
      assertFalse("deadlocked" in find(name), name);
    }
    assertMatch(formatTree(), /child +running +DEADLOCKED, waits for lock "door"/);
    group.cancel();
  });
});

Deno.test("inspect() calls nobody deadlocked who may go on: by a time limit, another arm, or as it was cancelled", async () => {
  const lock = new Lock({ name: "door" });
  const bell: Waitable<void> = { [poll]: () => notReady, [enqueue]: () => {} };
  const waits: Record<string, () => Promise<unknown>> = {
    "with a limit": () => lock.acquire({ timeout: 1e9 }),
    "in a scope with a limit": () => moveOnAfter(1e9, () => lock.acquire()),
    "with another arm": () => select({ lock, free: new Event() }),
    "with an arm of others, who keep it as they like": () => select({ lock, bell }),
    "with a foreign wait": () => Promise.all([lock.acquire(), cancellable(new Promise(() => {}))]),
  };
  for (const [name, wait] of Object.entries(waits)) {
    await taskGroup(async (group) => {
      group.spawn(async () => {
        using _ = await lock.acquire();
        await taskGroup((inner) => {
          inner.spawn(wait, { name });
        });
      }, { name: "parent" });
      await waitAllTasksBlocked();
      assertFalse("deadlocked" in find(name), name);
      assertFalse("deadlocked" in find("parent"), name);
      group.cancel();
    });
  }
});

Deno.test("inspect() finds those who are behind a deadlocked writer, ahead of them in the line of an RWLock", async () => {
  const lock = new RWLock({ name: "map" });
  await taskGroup(async (group) => {
    group.spawn(async () => {
      using _ = await lock.read.acquire();
      await taskGroup((inner) => {
        inner.spawn(() => lock.write.acquire(), { name: "writer" });
      });
    }, { name: "reader" });
    group.spawn(async () => {
      using _ = await lock.read.acquire();
      await sleep(Infinity);
    }, { name: "free reader" });
    await waitAllTasksBlocked();
    group.spawn(() => lock.read.acquire(), { name: "second reader" });
    await waitAllTasksBlocked();
    for (const name of ["reader", "writer", "second reader"]) {
      assertEquals(find(name).deadlocked, true, name);
    }
    assertFalse("deadlocked" in find("free reader"));
    group.cancel();
  });
});

Deno.test("inspect() finds a deadlock in a shield, of a task that was cancelled", async () => {
  const lock = new Lock({ name: "door" });
  const scope = new CancelScope({ shield: true });
  await taskGroup(async (group) => {
    const parent = group.spawn(async () => {
      using _ = await lock.acquire();
      await scope.enter(() =>
        taskGroup((inner) => void inner.spawn(() => lock.acquire(), { name: "child" }))
      );
    }, { name: "parent" });
    await waitAllTasksBlocked();
    parent.cancel();
    assert("cancelled" in find("parent"));
    assertEquals(find("parent").deadlocked, true);
    assertEquals(find("child").deadlocked, true);
    scope.shielded = false;
  });
});

Deno.test("inspect() tells for how long a wait lasts that has outlived its task", async () => {
  traceAges(true);
  try {
    await withVirtualTime(() =>
      taskGroup(async (group) => {
        group.spawn(async () => {
          const event = new Event();
          event.wait({ timeout: 1000 }).catch(() => {});
          await sleep(300);
        });
        await sleep(400);
        const [wait] = find("group").waitingFor.filter(({ kind }) => kind === "event");
        assertEquals(wait.for, 400);
        await sleep(1000);
      })
    );
  } finally {
    traceAges(false);
  }
});

Deno.test("inspect() finds those who are queued behind a deadlock, and not those behind others", async () => {
  const lock = new Lock({ name: "door" });
  const circle = async () => {
    using _ = await lock.acquire();
    await taskGroup((inner) => void inner.spawn(() => lock.acquire(), { name: "child" }));
  };
  await taskGroup(async (outer) => {
    outer.spawn(() =>
      taskGroup(async (group) => {
        group.spawn(circle, { name: "runs" });
        group.spawn(() => {}, { name: "queued" });
        await sleep(Infinity);
      }, { limit: 1 })
    );
    outer.spawn(() =>
      taskGroup((group) => {
        group.spawn(() => sleep(Infinity));
        group.spawn(() => lock.acquire());
        group.spawn(() => {}, { name: "queued behind a sleep" });
      }, { limit: 2 })
    );
    await waitAllTasksBlocked();
    assertEquals(find("queued").deadlocked, true);
    assertFalse("deadlocked" in find("queued behind a sleep"));
    outer.cancel();
  });
});

Deno.test("inspect() finds out who of many thousands in a line may go on, whichever end is the free one", async () => {
  const count = 20_000;
  for (const end of ["first", "last"]) {
    const lock = new Lock({ name: "door" });
    await taskGroup(async (outer) => {
      await lock.acquire(); // The root never counts as stuck.
      const wait = (task: Task | undefined): Promise<unknown> => task?.join() ?? lock.acquire();
      await taskGroup(async (group) => {
        if (end === "first") {
          let before: Task | undefined;
          for (let i = 0; i < count; i++) before = group.spawn(() => wait(before), { name: "" });
        } else {
          // Each starts when all are there, and awaits the one behind it.
          const tasks: Task[] = [];
          const all = new Event();
          for (let i = 0; i < count; i++) {
            tasks.push(group.spawn(() => all.wait().then(() => wait(tasks[i + 1]))));
          }
          all.set();
        }
        await waitAllTasksBlocked();
        assertEquals(standstills(outer).size, 0);
        group.cancel();
      });
      lock.release();
    });
  }
});

Deno.test("inspect() looks into a nest that is deeper than calls can be, and that can be cancelled", async () => {
  const outer = new CancelScope();
  const depth = 100_000;
  await outer.enter(() =>
    taskGroup((group) => {
      group.spawn(() =>
        nested(depth, async () => {
          let node = find("nested one");
          for (let level = 0; level < depth; level++) node = node.children[0];
          assertEquals(node.children, []);
          outer.cancel();
          assert("stuckFor" in find("nested one", inspect({ grace: 0 })));
          await sleep(0);
        }), { name: "nested one" });
    })
  );
  assert(outer.cancelledCaught);
});

Deno.test("inspect() shows what others have made to be waited for, and does not fail by their statistics", async () => {
  const statistics: [stats: (() => unknown) | undefined, details: unknown][] = [
    [() => ({ left: 2, seats: [1], open: true }), { left: 2, open: true }],
    [() => {
      throw new Error("broken");
    }, undefined],
    [() => null, undefined],
    [() => 7, undefined],
    [undefined, undefined],
  ];
  await taskGroup(async (group) => {
    for (const [index, [stats]] of statistics.entries()) {
      const queue = new WaitQueue<void>({ kind: "latch", name: "mine", stats } as WaitTarget);
      const latch = { [poll]: () => notReady, [enqueue]: queue.add.bind(queue) };
      group.spawn(() => waitFor(latch as Waitable<void>), { name: `task ${index}` });
    }
    await waitAllTasksBlocked();
    for (const [index, [, details]] of statistics.entries()) {
      const [wait] = find(`task ${index}`).waitingFor;
      assertEquals([wait.kind, wait.name, wait.details], ["latch", "mine", details]);
    }
    group.cancel();
  });
});

Deno.test("inspect() does not count daemons: their group does not wait for them", async () => {
  const lock = new Lock({ name: "door" });
  await taskGroup(async (outer) => {
    outer.spawn(async () => {
      using _ = await lock.acquire();
      await taskGroup((inner) => {
        inner.spawn(() => lock.acquire(), { name: "daemon", daemon: true });
        inner.spawn(() => sleep(Infinity));
      });
    }, { name: "parent" });
    await waitAllTasksBlocked();
    assertFalse("deadlocked" in find("daemon"));
    assertFalse("deadlocked" in find("parent"));
    outer.cancel();
  });
});

Deno.test("E1: inspect() and formatTree() refuse a grace that makes no sense", () => {
  for (const look of [inspect, formatTree] as ((...args: unknown[]) => unknown)[]) {
    assertThrows(() => look({ grace: -1 }), RangeError, "Cannot inspect as 'grace'");
    assertThrows(() => look({ grace: NaN }), RangeError, "received NaN");
    assertThrows(() => look({ grace: "1s" }), TypeError, 'received "1s"');
    assertThrows(() => look(1000), TypeError, "options must be an object: received 1000");
  }
});
