/**
 * `asCompleted`: tasks in the order of their ends.
 *
 * @module
 */

import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  all,
  asCompleted,
  cancellable,
  cancelScope,
  type End,
  isCancelled,
  moveOnAfter,
  sleep,
  type Task,
  type TaskGroup,
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
import { assertType, calling, foreign, observers, type Same } from "./probes.ts";

/** Tasks that sleep so long, and are called by it. */
function sleepers(group: TaskGroup, ...times: number[]): Task<number>[] {
  return times.map((ms) =>
    group.spawn(async () => {
      await sleep(ms);
      return ms;
    }, { name: String(ms) })
  );
}

async function names(tasks: AsyncIterable<End<Task>>): Promise<string[]> {
  const list: string[] = [];
  for await (const { ended: task } of tasks) list.push(task.name);
  return list;
}

Deno.test("asCompleted gives the tasks in the order of their ends, to be awaited for their values", async () => {
  await withVirtualTime(() =>
    taskGroup(async (group) => {
      const values: number[] = [];
      for await (const { ended: task } of asCompleted(sleepers(group, 30, 10, 20))) {
        assertEquals(task.isAlive, false);
        values.push(await task);
      }
      assertEquals(values, [10, 20, 30]);
    })
  );
});

Deno.test("asCompleted of no task ends at once", async () => {
  assertEquals(await names(asCompleted([])), []);
});

Deno.test("asCompleted takes any iterable of tasks", async () => {
  await withVirtualTime(() =>
    taskGroup(async (group) => {
      const tasks = sleepers(group, 2, 1);
      assertEquals(await names(asCompleted(new Set(tasks))), ["1", "2"]);
      assertEquals(await names(asCompleted(tasks.values())), ["2", "1"]);
    })
  );
});

Deno.test("asCompleted gives those that have ended before it first, in the order given", async () => {
  await withVirtualTime(() =>
    taskGroup(async (group) => {
      const tasks = sleepers(group, 50, 2, 1, 40);
      await sleep(5);
      assertEquals(await names(asCompleted(tasks)), ["2", "1", "40", "50"]);
    })
  );
});

Deno.test("asCompleted gives a task once that is named twice", async () => {
  await withVirtualTime(() =>
    taskGroup(async (group) => {
      const [one, two] = sleepers(group, 10, 20);
      assertEquals(await names(asCompleted([two, one, two, one, one])), ["10", "20"]);
      assertEquals(await names(asCompleted([two, two])), ["20"]);
    })
  );
});

Deno.test("asCompleted gives failed and cancelled tasks as well, and throws none of their errors itself", async () => {
  const boom = new Error("boom");
  const states: string[] = [];
  const thrown = await assertRejects(
    () =>
      taskGroup(async (group) => {
        const failing = group.spawn(() => Promise.reject(boom), { name: "failing" });
        const cancelled = group.spawn(() => sleep(Infinity), { name: "cancelled" });
        const fine = group.spawn(() => 1, { name: "fine" });
        cancelled.cancel();
        for await (const { ended: task } of asCompleted<Task>([failing, cancelled, fine])) {
          states.push(`${task.name} ${task.state}`);
        }
        assertStrictEquals(await assertRejects(async () => await failing), boom);
        assert(isCancelled(await assertRejects(async () => await cancelled)));
      }, { onFailure: "continue" }),
    AggregateError,
  );
  assertEquals(states, ["fine succeeded", "failing failed", "cancelled cancelled"]);
  assertEquals(thrown.errors, [boom]);
});

Deno.test("leaving asCompleted early cancels no task, and leaves no call-back on one", async () => {
  await withVirtualTime(() =>
    taskGroup(async (group) => {
      const tasks = sleepers(group, 10, 20, 30);
      for await (const { ended: task } of asCompleted(tasks)) {
        assertEquals(task.name, "10");
        assertEquals(tasks.map(observers), [0, 1, 1]);
        break;
      }
      assertEquals(tasks.map(observers), [0, 0, 0]);
      assertEquals(tasks.map(({ state }) => state), ["succeeded", "running", "running"]);
    })
  );
});

Deno.test("asCompleted watches nothing before the loop begins", async () => {
  await taskGroup(async (group) => {
    const task = group.spawn(() => sleep(Infinity));
    const loop = asCompleted([task]);
    assertEquals(observers(task), 0);
    task.cancel();
    await task.join();
    assertEquals((await names(loop)).length, 1);
  });
});

Deno.test("each loop over asCompleted gives all the tasks", async () => {
  await withVirtualTime(() =>
    taskGroup(async (group) => {
      const loop = asCompleted(sleepers(group, 20, 10));
      const both = await Promise.all([names(loop), names(loop)]);
      assertEquals(both, [["10", "20"], ["10", "20"]]);
    })
  );
});

Deno.test("several calls of next() get a task each, and the end when there are no more", async () => {
  await withVirtualTime(() =>
    taskGroup(async (group) => {
      const ends = asCompleted(sleepers(group, 20, 10))[Symbol.asyncIterator]();
      const taken: string[] = [];
      const { timedOut } = await moveOnAfter(100, () =>
        all([1, 2, 3].map(() => async () => {
          const { done, value } = await ends.next();
          taken.push(done ? "end" : value.ended.name);
        })));
      assertEquals([taken.sort(), timedOut], [["10", "20", "end"], false]);
    })
  );
});

Deno.test("a time limit holds for the whole loop over asCompleted, and not for each task", async () => {
  await withVirtualTime((time) =>
    taskGroup(async (group) => {
      const seen: string[] = [];
      const tasks = sleepers(group, 10, 20, 30);
      await assertRejects(async () => {
        for await (const { ended: task } of asCompleted(tasks, { timeout: 25 })) {
          seen.push(task.name);
        }
      }, TimeoutError);
      assertEquals([seen, time.elapsed], [["10", "20"], 25]);
      assertEquals(tasks[2].state, "running");
    })
  );
});

Deno.test("with a time limit of 0, asCompleted gives what has ended already", async () => {
  await taskGroup(async (group) => {
    const ended = group.spawn(() => 1, { name: "ended" });
    const going = group.spawn(() => sleep(Infinity));
    const seen: string[] = [];
    await assertRejects(async () => {
      for await (const { ended: task } of asCompleted<Task>([going, ended], { timeout: 0 })) {
        seen.push(task.name);
      }
    }, TimeoutError);
    assertEquals(seen, ["ended"]);
    going.cancel();
  });
});

Deno.test("the message of the time-out of asCompleted names the time that was given", async () => {
  await withVirtualTime(() =>
    taskGroup(async (group) => {
      const tasks = sleepers(group, 10, 30);
      await assertRejects(() => names(asCompleted(tasks, { timeout: 25 })), TimeoutError, "25 ms");
    })
  );
});

Deno.test("a loop over asCompleted that ends by its time limit, its signal or a cancellation leaves no call-back on a task", async () => {
  await taskGroup(async (group) => {
    const task = group.spawn(() => sleep(Infinity));

    await assertRejects(() => names(asCompleted([task], { timeout: 0 })), TimeoutError);
    assertEquals(observers(task), 0, "by its time limit");

    const controller = new AbortController();
    const aborted = names(asCompleted([task], { signal: controller.signal }));
    controller.abort("enough");
    assertEquals(await aborted.catch((reason) => reason), "enough");
    assertEquals(observers(task), 0, "by its signal");

    await cancelScope(async (scope) => {
      scope.cancel();
      await names(asCompleted([task]));
    });
    assertEquals(observers(task), 0, "by a cancellation before it began");

    await moveOnAfter(0, () => names(asCompleted([task])));
    assertEquals(observers(task), 0, "by a cancellation");
    task.cancel();
  });
});

Deno.test("a task that ends when its waiter was cancelled is given to the next who asks [C7]", async () => {
  await withVirtualTime(() =>
    taskGroup(async (group) => {
      const ends = asCompleted(sleepers(group, 10, 20))[Symbol.asyncIterator]();
      assert((await moveOnAfter(5, () => ends.next())).timedOut);
      assertEquals((await ends.next()).value?.ended.name, "10");
      assertEquals((await ends.next()).value?.ended.name, "20");
      assertEquals((await ends.next()).done, true);
    })
  );
});

Deno.test("of several who wait for the next task, one is cancelled and the others get theirs [C7]", async () => {
  await withVirtualTime(() =>
    taskGroup(async (group) => {
      const ends = asCompleted(sleepers(group, 10, 20))[Symbol.asyncIterator]();
      const cancelled = moveOnAfter(5, () => ends.next());
      const first = ends.next();
      assert((await cancelled).timedOut);
      // A time limit of its own, for the case that nobody tells it any more.
      const given = await moveOnAfter(100, () => cancellable(first));
      assertEquals(given.value?.value?.ended.name, "10");
      assertEquals((await ends.next()).value?.ended.name, "20");
    })
  );
});

Deno.test("in a cancelled scope asCompleted throws at every turn of the loop [C1]", async () => {
  await taskGroup(async (group) => {
    const tasks = [group.spawn(() => 1), group.spawn(() => 2)];
    let seen = 0;
    await cancelScope(async (scope) => {
      for await (const _ of asCompleted(tasks)) {
        seen++;
        scope.cancel();
      }
    });
    assertEquals(seen, 1);
  });
});

Deno.test("a task may end while the loop's body works, and is given afterwards", async () => {
  await withVirtualTime(() =>
    taskGroup(async (group) => {
      const seen: string[] = [];
      for await (const { ended: task } of asCompleted(sleepers(group, 10, 20, 30))) {
        seen.push(task.name);
        await sleep(100);
      }
      assertEquals(seen, ["10", "20", "30"]);
    })
  );
});

Deno.test("asCompleted of a thousand tasks that end in one turn gives each once", async () => {
  await taskGroup(async (group) => {
    const { promise, resolve } = foreign();
    const tasks = Array.from(
      { length: 1_000 },
      (_, n) => group.spawn(() => promise, { name: `${n}` }),
    );
    const seen = names(asCompleted(tasks));
    await waitAllTasksBlocked();
    resolve();
    assertEquals(await seen, tasks.map(({ name }) => name));
  });
});

Deno.test("asCompleted says at the call what is wrong with its arguments [E1]", async () => {
  await taskGroup((group) => {
    const task = group.spawn(() => 1);
    const type = (says: string, ...args: unknown[]) =>
      assertThrows(calling(asCompleted, ...args), TypeError, says);
    type("the argument must be an iterable of tasks or futures: received undefined");
    type("the argument must be an iterable of tasks or futures: received a Task", task);
    type("each element must be a task or future: received a Promise", [task, Promise.resolve()]);
    type("each element must be a task or future: received the function", [() => {}]);
    type("'timeout' must be a number of milliseconds: received \"1s\"", [task], { timeout: "1s" });
    assertThrows(calling(asCompleted, [task], { timeout: -1 }), RangeError, "received -1");
    assertThrows(calling(asCompleted, [task], { timeout: NaN }), RangeError, "received NaN");
    assertEquals(observers(task), 0);
  });
});

Deno.test("asCompleted says at the call that its signal is none [E1]", () => {
  const controller = new AbortController();
  assertThrows(
    calling(asCompleted, [], { signal: controller }),
    TypeError,
    "'signal' must be an AbortSignal: received an AbortController. Pass its 'signal'",
  );
});

Deno.test("a loop over asCompleted may be cancelled at every step: the tasks go on, and nothing is left on them", async () => {
  const { interrupted } = await interruptAtEveryStep((interrupt) =>
    withLeakCheck(() =>
      taskGroup(async (group) => {
        const tasks = [1, 2, 3].map((turns) =>
          group.spawn(async () => {
            for (let turn = 0; turn < turns; turn++) await yieldNow();
          }, { name: String(turns) })
        );
        const idle = group.spawn(() => sleep(Infinity));
        const seen: string[] = [];
        await interrupt(async () => {
          for await (const { ended: task } of asCompleted([idle, ...tasks])) {
            seen.push(task.name);
            if (seen.length === 3) break;
          }
        });
        assertEquals(observers(idle), 0);
        assertEquals(seen, ["1", "2", "3"].slice(0, seen.length));
        await Promise.all(tasks);
        idle.cancel();
      })
    )
  );
  assert(interrupted > 3);
});

Deno.test("asCompleted infers the type of the tasks, and may be looped over by `for await`", async () => {
  await taskGroup(async (group) => {
    const ends = asCompleted([group.spawn(() => 1)]);
    assertType<Same<typeof ends, AsyncIterable<End<Task<number>>>>>();
    for await (const { ended: task } of ends) assertEquals(await task, 1);
  });
});
