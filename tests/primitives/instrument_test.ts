/**
 * Instruments: what they are told, and that they harm nobody.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertFalse,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  cancellable,
  CancelScope,
  Channel,
  currentTask,
  Event,
  formatTree,
  type Instrument,
  instrument,
  isCancelled,
  Lock,
  nursery,
  select,
  shield,
  sleep,
  type Task,
  type TaskGroup,
  taskGroup,
  TaskPool,
  type Wait,
} from "../../mod.ts";
import { hooks } from "../../primitives/kernel/hooks.ts";
import { pendingTimers } from "../../primitives/kernel/timers.ts";
import { waitAllTasksBlocked } from "../../primitives/testing/mod.ts";

/** An instrument that writes down what it is told. */
function recorder(): { events: string[] } & Instrument {
  const events: string[] = [];
  const targets = (wait: Wait) => wait.targets.map(({ kind }) => kind).join("/");
  return {
    events,
    spawned: ({ name, state }) => void events.push(`${name} spawned ${state}`),
    started: ({ name, state }) => void events.push(`${name} started ${state}`),
    blocked: ({ name }, wait) => void events.push(`${name} blocked ${targets(wait)}`),
    unblocked: ({ name }) => void events.push(`${name} unblocked`),
    cancelled: ({ name }) => void events.push(`${name} cancelled`),
    exited: ({ name, state }) => void events.push(`${name} exited ${state}`),
  };
}

/** What is printed to the console while a function runs. */
async function printed(fn: () => unknown): Promise<unknown[][]> {
  const { error } = console;
  const lines: unknown[][] = [];
  console.error = (...parts: unknown[]) => void lines.push(parts);
  try {
    await fn();
  } finally {
    console.error = error;
  }
  return lines;
}

Deno.test("instrument() tells of the life of a task, in order", async () => {
  const { events, ...tool } = recorder();
  const lock = new Lock();
  await taskGroup(async (group) => {
    await lock.acquire();
    using _ = instrument(tool);
    const task = group.spawn(() => lock.withLock(() => 1), { name: "a" });
    await waitAllTasksBlocked();
    lock.release();
    await task;
  });
  assertEquals(events.filter((event) => event.startsWith("a ")), [
    "a spawned queued",
    "a started running",
    "a blocked lock",
    "a unblocked",
    "a exited succeeded",
  ]);
});

Deno.test("instrument() tells of what is queued, fails, is cancelled, and of jobs and services", async () => {
  const { events, ...tool } = recorder();
  using _ = instrument(tool);
  await assertRejects(() =>
    taskGroup((group) => {
      group.spawn(() => sleep(Infinity), { name: "long" });
      group.spawn(() => {}, { name: "queued" });
      group.spawn(() => sleep(Infinity), { name: "last" });
      throw new Error("boom");
    }, { limit: 1, name: "limited" })
  );
  const of = (name: string) => events.filter((event) => event.startsWith(`${name} `));
  assertEquals(of("long"), [
    "long spawned queued",
    "long started running",
    "long blocked sleep",
    "long unblocked",
    "long exited cancelled",
  ]);
  assertEquals(of("queued"), ["queued spawned queued", "queued exited cancelled"]);
  assertEquals(of("limited"), ["limited cancelled"]);
  await nursery((services) => {
    services.spawn(() => 1, { name: "service" });
  });
  await using pool = new TaskPool(1);
  await pool.with({ name: "job" }).run(() => sleep(0));
  for (const name of ["service", "job"]) {
    assertEquals(of(name).at(0), `${name} spawned queued`);
    assertEquals(of(name).at(-1), `${name} exited succeeded`);
  }
});

Deno.test("instrument() gives the same wait when it begins and when it ends, of a scope to its task", async () => {
  const begun = new Map<Wait, Task>();
  const ended: [Wait, Task][] = [];
  const [a, b] = [new Channel<number>(0), new Channel<number>(0)];
  const scope = new CancelScope();
  await taskGroup(async (group) => {
    using _ = instrument({
      blocked: (task, wait) => void begun.set(wait, task),
      unblocked: (task, wait) => void ended.push([wait, task]),
    });
    const task = group.spawn(() =>
      scope.enter(() =>
        Promise.all([select({ a, b }), cancellable(new Promise(() => {})), sleep(Infinity)])
      )
    );
    scope.cancel();
    await task;
    const mine = ended.filter(([, each]) => each === task);
    assertEquals(mine.length, 3);
    for (const [wait, each] of mine) assertStrictEquals(begun.get(wait), each);
  });
});

Deno.test("instrument() calls the function of a task in 'around', one instrument within the other", async () => {
  const calls: string[] = [];
  const tool = (name: string): Instrument => ({
    around: (task, run) => {
      calls.push(`${name} before ${task.name}`);
      run();
      calls.push(`${name} after ${task.name}`);
    },
  });
  using _one = instrument(tool("one"));
  using _two = instrument(tool("two"));
  const value = await taskGroup((group) =>
    group.spawn(() => {
      calls.push(`in ${currentTask().name}`);
      return 42;
    }, { name: "a" })
  );
  assertEquals(value, 42);
  assertEquals(calls, [
    "two before a",
    "one before a",
    "in a",
    "one after a",
    "two after a",
  ]);
});

Deno.test("instrument() leaves alone what a task throws in 'around'", async () => {
  const error = new Error("the task's own");
  let told = 0;
  using _ = instrument({ around: (_task, run) => run(), exited: () => void told++ });
  const lines = await printed(async () => {
    const thrown = await assertRejects(() =>
      taskGroup((group) => {
        group.spawn(() => {
          throw error;
        });
      })
    );
    assertStrictEquals(thrown, error);
  });
  assertEquals([lines, told], [[], 1]);
});

for (
  const name of [
    "spawned",
    "started",
    "around",
    "blocked",
    "unblocked",
    "cancelled",
    "exited",
  ] as const
) {
  Deno.test(`instrument() removes one whose ${name}() throws, says so once, and the program goes on`, async () => {
    const error = new Error("broken tool");
    let calls = 0;
    const { events, ...other } = recorder();
    using _broken = instrument({
      [name]: () => {
        calls++;
        throw error;
      },
    });
    using _other = instrument(other);
    let value: unknown;
    const lines = await printed(async () => {
      value = await taskGroup(async (group) => {
        group.spawn(() => sleep(Infinity), { name: "cancelled one" }).cancel();
        return await group.spawn(() => sleep(1).then(() => 7), { name: "a" });
      });
    });
    assertEquals([value, calls], [7, 1]);
    assertEquals(lines, [[`An instrument was removed as its ${name}() failed:`, error]]);
    assert(events.includes("a exited succeeded"));
  });
}

/** What a tool of a test can get at. */
interface Reach {
  readonly group: TaskGroup;
  readonly task: Task;
  readonly self: Disposable;
  readonly bell: Event;
}

/** What an instrument should leave alone, and may do all the same. */
const MEDDLING: Record<string, (reach: Reach) => void> = {
  "cancels the task": ({ task }) => task.cancel("meddling"),
  "cancels the group": ({ group }) => group.cancel("meddling"),
  "spawns another": ({ group }) => void group.spawn(() => sleep(0), { name: "meddler" }),
  "waits": ({ bell }) => void bell.wait().catch(() => {}),
  "removes itself": ({ self }) => self[Symbol.dispose](),
  "looks around": () => void formatTree(),
};

for (const name of ["spawned", "started", "blocked", "unblocked", "cancelled", "exited"] as const) {
  for (const [what, meddle] of Object.entries(MEDDLING)) {
    Deno.test(`instrument() that ${what} in ${name}() loses no task and no wait`, async () => {
      const { events, ...other } = recorder();
      const [lock, bell] = [new Lock(), new Event()];
      let calls = 0;
      let group: TaskGroup;
      const self = instrument({
        [name]: (task: Task) => {
          if (task.name === "a" && calls++ === 0) meddle({ group, task, self, bell });
        },
      });
      const recording = instrument(other);
      const lines = await printed(() =>
        taskGroup(async (mine) => {
          group = mine;
          const owner = group.spawn(() => lock.withLock(() => sleep(1)), { name: "owner" });
          const task = group.spawn(async () => {
            await lock.withLock(() => sleep(1, { timeout: 1e6 }));
            await sleep(Infinity);
          }, { name: "a" });
          const behind = group.spawn(() => lock.withLock(() => {}), { name: "behind" });
          await shield(() => Promise.all([owner.join(), behind.join()]));
          task.cancel();
          await shield(() => task.join());
        }).catch((error) => assert(isCancelled(error), String(error)))
      );
      bell.set();
      await waitAllTasksBlocked();
      self[Symbol.dispose]();
      recording[Symbol.dispose]();
      assertEquals([lines, calls > 0], [[], true]);
      assertFalse(lock.locked);
      assertEquals([lock.stats().waiters, pendingTimers()], [0, 0]);
      const count = (what: string) => events.filter((event) => event.includes(` ${what}`)).length;
      assertEquals(count("unblocked"), count("blocked"));
      assertEquals(count("exited"), count("spawned"));
      assertEquals(hooks, null);
    });
  }
}

Deno.test("instrument() that cancels a task in blocked() ends that very wait, and its limits", async () => {
  const lines = await printed(async () => {
    for (const wait of [() => sleep(Infinity), () => sleep(Infinity, { timeout: 1e6 })]) {
      using _ = instrument({ blocked: (task) => task.name === "a" && task.cancel() });
      await taskGroup((group) => void group.spawn(wait, { name: "a" }));
      assertEquals(pendingTimers(), 0);
    }
  });
  assertEquals(lines, []);
});

Deno.test("instrument() removes one whose 'around' does not call the task, which runs all the same", async () => {
  using _ = instrument({ around: () => {} });
  let value: unknown;
  const lines = await printed(async () => {
    value = await taskGroup((group) => group.spawn(() => 3));
  });
  assertEquals([value, lines.length], [3, 1]);
});

Deno.test("instrument() is over when it is disposed of, twice as well as once, and leaves no hooks behind", async () => {
  const { events, ...tool } = recorder();
  const [first, second] = [instrument(tool), instrument(tool)];
  await taskGroup((group) => void group.spawn(() => {}, { name: "both" }));
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  await taskGroup((group) => void group.spawn(() => {}, { name: "one" }));
  second[Symbol.dispose]();
  await taskGroup((group) => void group.spawn(() => {}, { name: "none" }));
  const of = (name: string) => events.filter((event) => event.startsWith(`${name} spawned`)).length;
  assertEquals([of("both"), of("one"), of("none")], [2, 1, 0]);
  assertEquals(hooks, null);
});

Deno.test("instrument() that another removes while both are told hears of that no more", async () => {
  const { events, ...tool } = recorder();
  using _first = instrument({ started: () => second[Symbol.dispose]() });
  const second = instrument(tool);
  await taskGroup((group) => void group.spawn(() => {}, { name: "a" }));
  assertEquals(events, ["a spawned queued"]);
});

Deno.test("instrument() calls the methods of an object on it", async () => {
  class Counter {
    count = 0;
    exited() {
      this.count++;
    }
  }
  const counter = new Counter();
  using _ = instrument(counter);
  await taskGroup((group) => void group.spawn(() => {}));
  assertEquals(counter.count, 1);
});

Deno.test("E1: instrument() refuses what is no instrument", () => {
  assertThrows(
    () => instrument({ blocked: 1 } as unknown as Instrument),
    TypeError,
    "Cannot instrument the tasks as 'blocked' must be a function: received 1",
  );
  assertThrows(() => instrument(null as unknown as Instrument), TypeError, "received null");
  assertEquals(hooks, null);
});
