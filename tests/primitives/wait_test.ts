/**
 * `wait`: some of many tasks, as `concurrent.futures.wait` has it.
 *
 * @module
 */

import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  cancelScope,
  sleep,
  type Task,
  type TaskGroup,
  taskGroup,
  TimeoutError,
  wait,
  type WaitResult,
  yieldNow,
} from "../../mod.ts";
import {
  interruptAtEveryStep,
  waitAllTasksBlocked,
  withLeakCheck,
  withVirtualTime,
} from "../../primitives/testing/mod.ts";
import { assertType, calling, foreign, observers, type Same } from "./probes.ts";

/** Tasks that sleep so long, and are called by it; with a minus they fail then. */
function sleepers(group: TaskGroup, ...times: number[]): Task<number>[] {
  return times.map((ms) =>
    group.spawn(async () => {
      await sleep(Math.abs(ms));
      if (ms < 0) throw new Error(String(ms));
      return ms;
    }, { name: String(ms) })
  );
}

function named({ done, pending }: WaitResult<Task>): [done: string[], pending: string[]] {
  return [done.map(({ name }) => name), pending.map(({ name }) => name)];
}

/** Runs a test in a group that failures do not cancel, under virtual time. */
function inGroup(test: (group: TaskGroup) => Promise<void>): Promise<void> {
  return withVirtualTime(async () => {
    await taskGroup(async (group) => {
      await test(group);
      for (const task of group.tasks) task.cancel();
    }, { onFailure: "continue" }).catch((error) => {
      for (const each of (error as AggregateError).errors ?? [error]) {
        if (!/^-\d+$/.test(each.message)) throw each;
      }
    });
  });
}

Deno.test("wait waits for all, and gives them in the order of their ends", () =>
  inGroup(async (group) => {
    assertEquals(named(await wait(sleepers(group, 30, -10, 20))), [["-10", "20", "30"], []]);
  }));

Deno.test("wait until the first has ended gives the rest as pending, in the order given", () =>
  inGroup(async (group) => {
    const result = await wait(sleepers(group, 30, 10, 20), { until: "first" });
    assertEquals(named(result), [["10"], ["30", "20"]]);
  }));

Deno.test("a failure counts as an end for wait until the first, and is not thrown", () =>
  inGroup(async (group) => {
    const result = await wait(sleepers(group, 30, -10, 20), { until: "first" });
    assertEquals(named(result), [["-10"], ["30", "20"]]);
    assertEquals(result.done[0].state, "failed");
  }));

Deno.test("wait until the first error goes on over successes and cancellations", () =>
  inGroup(async (group) => {
    const tasks = sleepers(group, 10, 40, -20, 50);
    tasks[1].cancel();
    const result = await wait(tasks, { until: "first-error" });
    assertEquals(named(result), [["40", "10", "-20"], ["50"]]);
  }));

Deno.test("wait until the first error waits for all when none fails", () =>
  inGroup(async (group) => {
    const result = await wait(sleepers(group, 30, 10), { until: "first-error" });
    assertEquals(named(result), [["10", "30"], []]);
  }));

Deno.test("wait for nothing returns at once, whatever it waits until", async () => {
  for (const until of ["first", "first-error", "all"] as const) {
    assertEquals(await wait([], { until }), { done: [], pending: [] });
  }
});

Deno.test("wait counts a task once that is named twice, and takes any iterable", () =>
  inGroup(async (group) => {
    const [one, two] = sleepers(group, 10, 20);
    assertEquals(named(await wait([two, one, two, one])), [["10", "20"], []]);
    assertEquals(named(await wait(new Set([two, one]))), [["20", "10"], []]);
    const [three, four] = sleepers(group, 10, 20);
    const result = await wait([four, three, four, three], { until: "first" });
    assertEquals(named(result), [["10"], ["20"]]);
  }));

Deno.test("what has ended is done, also when it is more than was waited for", () =>
  inGroup(async (group) => {
    const tasks = sleepers(group, 30, 10, -10, 11);
    await sleep(20);
    for (const until of ["first", "first-error"] as const) {
      const { done, pending } = await wait(tasks, { until });
      assertEquals(pending.map(({ name }) => name), ["30"], until);
      assertEquals(done.length, 3);
    }
  }));

Deno.test("a time limit is no error: what has not ended by then is pending", () =>
  inGroup(async (group) => {
    const tasks = sleepers(group, 30, 10, 20);
    assertEquals(named(await wait(tasks, { timeout: 15 })), [["10"], ["30", "20"]]);
    assertEquals(tasks.map(({ isAlive }) => isAlive), [true, false, true]);
    assertEquals(named(await wait(tasks, { timeout: 0 })), [["10"], ["30", "20"]]);
    assertEquals(named(await wait(tasks, { timeout: 10 })), [["10", "20"], ["30"]]);
  }));

Deno.test("a time limit holds for the whole wait, and not for each task", () =>
  withVirtualTime((time) =>
    taskGroup(async (group) => {
      await wait(sleepers(group, 10, 20, 30, 40), { timeout: 35 });
      assertEquals(time.elapsed, 35);
    })
  ));

Deno.test("a signal ends the wait with its reason, also when that is a TimeoutError", async () => {
  await taskGroup(async (group) => {
    const task = group.spawn(() => sleep(Infinity));
    for (const reason of [new Error("enough"), new TimeoutError("somebody else's time is up")]) {
      const controller = new AbortController();
      const waiting = assertRejects(() => wait([task], { signal: controller.signal }));
      await waitAllTasksBlocked();
      controller.abort(reason);
      // Cancelled here, so that a wait that has missed the signal ends as well.
      assertStrictEquals(await waiting, reason);
      assertEquals(observers(task), 0);
    }
    task.cancel();
  });
});

Deno.test("a signal that has aborted already ends the wait at once [C8]", async () => {
  await taskGroup(async (group) => {
    const ended = group.spawn(() => 1);
    const signal = AbortSignal.abort("enough");
    await wait([ended], { signal }).then(
      () => assert(false, "it waited"),
      (reason) => assertEquals(reason, "enough"),
    );
  });
});

Deno.test("wait cancels nobody, and leaves no call-back on a task, however it ends", async () => {
  await taskGroup(async (group) => {
    const idle = group.spawn(() => sleep(Infinity));
    const tasks = () => [idle, group.spawn(yieldNow)];

    await wait(tasks(), { until: "first" });
    assertEquals([observers(idle), idle.state], [0, "running"], "by the first");

    await wait(tasks(), { timeout: 0 });
    assertEquals([observers(idle), idle.state], [0, "running"], "by its time limit");

    await cancelScope(async (scope) => {
      const waiting = wait(tasks());
      scope.cancel();
      await waiting;
    });
    assertEquals([observers(idle), idle.state], [0, "running"], "by a cancellation");

    const controller = new AbortController();
    const waiting = assertRejects(() => wait(tasks(), { signal: controller.signal }));
    controller.abort(new Error("enough"));
    await waiting;
    assertEquals([observers(idle), idle.state], [0, "running"], "by its signal");
    idle.cancel();
  });
});

Deno.test("a cancellation ends the wait, and not the tasks", () =>
  inGroup(async (group) => {
    const tasks = sleepers(group, 10, 20);
    await cancelScope(async (scope) => {
      const waiting = assertRejects(() => wait(tasks));
      scope.cancel();
      assertStrictEquals(await waiting, scope.cancelled);
    });
    assertEquals(tasks.every(({ isAlive }) => isAlive), true);
  }));

Deno.test("wait can be called by many for the same tasks", () =>
  inGroup(async (group) => {
    const tasks = sleepers(group, 20, 10);
    const [first, all] = await Promise.all([wait(tasks, { until: "first" }), wait(tasks)]);
    assertEquals([named(first), named(all)], [[["10"], ["20"]], [["10", "20"], []]]);
  }));

Deno.test("wait for a thousand tasks that end in one turn", async () => {
  await taskGroup(async (group) => {
    const { promise, resolve } = foreign();
    const tasks = Array.from({ length: 1_000 }, () => group.spawn(() => promise));
    const waiting = wait(tasks);
    resolve();
    const { done, pending } = await waiting;
    assertEquals([done.length, pending.length], [1_000, 0]);
  });
});

Deno.test("wait says at the call what is wrong with the tasks, and with 'until' [E1]", async () => {
  await taskGroup((group) => {
    const task = group.spawn(() => 1);
    const type = (says: string, ...args: unknown[]) =>
      assertThrows(calling(wait, ...args), TypeError, says);
    type("the argument must be an iterable of tasks or futures: received undefined");
    type("the argument must be an iterable of tasks or futures: received a Task", task);
    type("each element must be a task or future: received a Promise", [Promise.resolve()]);
    type(
      '\'until\' must be "first", "first-error" or "all": received "FIRST_COMPLETED"',
      [task],
      { until: "FIRST_COMPLETED" },
    );
  });
});

Deno.test("wait says at the call what is wrong with 'timeout' and 'signal', even when there is nothing to wait for [E1]", async () => {
  await taskGroup((group) => {
    for (const tasks of [[], [group.spawn(() => 1)]]) {
      assertThrows(calling(wait, tasks, { timeout: -1 }), RangeError, "received -1");
      assertThrows(calling(wait, tasks, { timeout: NaN }), RangeError, "received NaN");
      assertThrows(calling(wait, tasks, { timeout: "1s" }), TypeError, 'received "1s"');
      assertThrows(calling(wait, tasks, { signal: 7 }), TypeError, "must be an AbortSignal");
    }
  });
});

for (const until of ["first", "first-error", "all"] as const) {
  Deno.test(`wait until "${until}" may be cancelled at every step: the tasks go on, and nothing is left on them`, async () => {
    const { interrupted } = await interruptAtEveryStep((interrupt) =>
      withLeakCheck(() =>
        taskGroup(async (group) => {
          const tasks = [1, 2, 3].map((turns) =>
            group.spawn(async () => {
              for (let turn = 0; turn < turns; turn++) await yieldNow();
            })
          );
          const run = await interrupt(() => wait(tasks, { until, timeout: Infinity }));
          assertEquals(tasks.map(observers), [0, 0, 0]);
          assert(tasks.every(({ state }) => state !== "cancelled"));
          if (!run.interrupted) {
            assertEquals(run.value.done.length, until === "first" ? 1 : 3);
          }
        })
      )
    );
    assert(interrupted > 1);
  });
}

Deno.test("wait infers the type of the tasks", async () => {
  await taskGroup(async (group) => {
    const result = await wait([group.spawn(() => 1)]);
    assertType<Same<typeof result, WaitResult<Task<number>>>>();
    assertType<Same<typeof result.done, Task<number>[]>>();
  });
});
