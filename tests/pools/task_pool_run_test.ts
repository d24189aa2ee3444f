/**
 * `TaskPool.run`: a job that belongs to the task that has it run.
 *
 * @module
 */

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import {
  all,
  cancelScope,
  currentTask,
  failAfter,
  type Future,
  isCancelled,
  race,
  shield,
  sleep,
  suppressedErrors,
  type Task,
  taskGroup,
  TaskPool,
  TimeoutError,
  yieldNow,
} from "../../mod.ts";
import {
  interruptAtEveryStep,
  waitAllTasksBlocked,
  withLeakCheck,
  withVirtualTime,
} from "../../primitives/testing/mod.ts";
import { outcomeOf, thrownBy } from "../primitives/outcome.ts";
import { foreign } from "../primitives/probes.ts";
import { unhandledRejections } from "../primitives/unhandled.ts";
import { cutShort } from "./cut_short.ts";

/** How many jobs a pool has that have not ended. */
function left(pool: TaskPool): number {
  const { queued, running } = pool.stats();
  return queued + running;
}

Deno.test("run resolves to what the function resolves to, whether it waits or not", async () => {
  await using pool = new TaskPool(1);
  const value = {};
  assertStrictEquals(await pool.run(() => value), value);
  assertStrictEquals(await pool.run(async () => (await yieldNow(), value)), value);
  assertEquals(await Promise.all([1, 2, 3].map((n) => pool.run(() => n * 2))), [2, 4, 6]);
});

Deno.test("run throws what the function throws, the same object, and shutdown() not again", async () => {
  await using pool = new TaskPool(1);
  const boom = new Error("boom");
  const functions = [
    () => {
      throw boom;
    },
    () => Promise.reject(boom),
    async () => {
      await yieldNow();
      throw boom;
    },
  ];
  for (const fn of functions) assertStrictEquals(await thrownBy(pool.run(fn)), boom);
});

Deno.test("a job that its task has not waited for is cancelled when the task ends: nothing runs for nobody [P2]", async () => {
  await withLeakCheck(async () => {
    await using pool = new TaskPool(1);
    let cleaned = false;
    await taskGroup((group) => {
      group.spawn(() => {
        void pool.run(() => sleep(Infinity).finally(() => cleaned = true));
        void pool.run(() => sleep(Infinity));
      });
    });
    await waitAllTasksBlocked();
    assertEquals([cleaned, left(pool), pool.stats().cancelled], [true, 0, 2]);
  });
});

Deno.test("run of a function that throws while nobody awaits it is an unhandled rejection, as any", async () => {
  const boom = new Error("boom");
  const unhandled = await unhandledRejections(async () => {
    await using pool = new TaskPool(1);
    void pool.run(() => Promise.reject(boom));
    await waitAllTasksBlocked();
  });
  assertEquals(unhandled, [boom]);
});

Deno.test("a cancelled task cancels the job that runs for it, and goes on when that has ended [P2]", async () => {
  await using pool = new TaskPool(1);
  const cleaned = foreign();
  const steps: string[] = [];
  await taskGroup(async (group) => {
    const caller = group.spawn(async () => {
      try {
        await pool.run(async () => {
          try {
            await sleep(Infinity);
          } finally {
            steps.push("the job was told");
            await cleaned.promise;
            steps.push("the job has ended");
          }
        });
      } finally {
        steps.push("the caller goes on");
      }
    });
    await waitAllTasksBlocked();
    caller.cancel("enough");
    await waitAllTasksBlocked();
    assertEquals([steps, left(pool)], [["the job was told"], 1]);
    cleaned.resolve();
    await caller.join();
    assertEquals(caller.state, "cancelled");
  });
  assertEquals(steps, ["the job was told", "the job has ended", "the caller goes on"]);
  assertEquals(pool.stats().cancelled, 1);
});

Deno.test("the reason of the cancellation is the job's too; the caller gets its own Cancelled", async () => {
  await using pool = new TaskPool(1);
  let inJob: unknown;
  let inCaller: unknown;
  const scope = await cancelScope(async (scope) => {
    const run = pool.run(() =>
      sleep(Infinity).catch((error) => {
        inJob = error;
        throw error;
      })
    );
    scope.cancel("enough");
    inCaller = await thrownBy(run);
    return scope;
  });
  assertStrictEquals(inCaller, scope!.cancelled);
  assert(isCancelled(inJob));
  assertEquals(inJob.reason, "enough");
});

Deno.test("a cancelled task takes its queued job back at once: it does not run [P4]", async () => {
  await using pool = new TaskPool(1);
  const gate = foreign();
  const first = pool.submit(() => gate.promise);
  let ran = false;
  const isCut = await cutShort(() => pool.run(() => void (ran = true)));
  assertEquals([isCut, ran, pool.stats().queued, pool.stats().cancelled], [true, false, 0, 1]);
  gate.resolve();
  await first;
});

Deno.test("run in a scope that is cancelled already hands no job in [C8]", async () => {
  await using pool = new TaskPool(1);
  let ran = false;
  await cancelScope(async (scope) => {
    scope.cancel();
    await pool.run(() => void (ran = true));
  });
  assertEquals([ran, pool.stats().succeeded + pool.stats().cancelled], [false, 0]);
});

Deno.test("a job that cancels the task that has it run, before its first await, is cancelled with it", async () => {
  await using pool = new TaskPool(1);
  let ended = false;
  await cancelScope(async (scope) => {
    await pool.run(() => {
      scope.cancel();
      return sleep(Infinity).finally(() => ended = true);
    });
  });
  assertEquals([ended, pool.stats().cancelled], [true, 1]);
});

Deno.test("the value of a job that ended before the cancellation is kept [C7]", async () => {
  await using pool = new TaskPool(1);
  let value: number | undefined;
  await cancelScope(async (scope) => {
    const run = pool.run(() => 1);
    scope.cancel();
    value = await run;
    await sleep(Infinity);
  });
  assertEquals(value, 1);
});

Deno.test("a job that ignores the cancellation is waited for, and the caller is cancelled all the same", async () => {
  await using pool = new TaskPool(1);
  const gate = foreign<number>();
  const run = cutShort(() => pool.run(() => gate.promise));
  assertEquals(await outcomeOf(run), "pending");
  gate.resolve(1);
  assertEquals(await run, true);
  assertEquals(pool.stats().succeeded, 1);
});

Deno.test("a clean-up that fails when the caller was cancelled is thrown by run: nothing is lost", async () => {
  await using pool = new TaskPool(1);
  const boom = new Error("the clean-up failed");
  const failing = () =>
    sleep(Infinity).finally(() => {
      throw boom;
    });
  assertStrictEquals(await thrownBy(cutShort(() => pool.run(failing))), boom);
  const first = new Error("first");
  const thrown = await thrownBy(taskGroup((group) => {
    group.spawn(() => pool.run(failing));
    throw first;
  }));
  assertStrictEquals(thrown, first);
  assertEquals(suppressedErrors(thrown), [boom]);
});

Deno.test("a clean-up that fails where nobody awaits its run any more is an unhandled rejection, a Cancelled is none", async () => {
  const boom = new Error("the clean-up failed");
  const unhandled = await unhandledRejections(async () => {
    await using pool = new TaskPool(3);
    await cutShort(async () => {
      void pool.run(() =>
        sleep(Infinity).finally(() => {
          throw boom;
        })
      );
      void pool.run(() => sleep(Infinity));
      await pool.run(() => sleep(Infinity));
    });
  });
  assertEquals(unhandled, [boom]);
});

Deno.test("failAfter around run: the job is cancelled, and a TimeoutError is thrown when it has ended", async () => {
  await withVirtualTime(async (time) => {
    await using pool = new TaskPool(1);
    const thrown = await thrownBy(failAfter(10, () => pool.run(() => sleep(100))));
    assert(thrown instanceof TimeoutError);
    assertEquals([time.elapsed, left(pool)], [10, 0]);
  });
});

Deno.test("race of runs: the losers' jobs have ended when it returns", async () => {
  await withVirtualTime(async () => {
    await using pool = new TaskPool(3);
    const job = async (ms: number) => {
      await sleep(ms);
      return ms;
    };
    assertEquals(await race([30, 10, 20].map((ms) => () => pool.run(job, ms))), 10);
    assertEquals([left(pool), pool.stats().cancelled], [0, 2]);
  });
});

Deno.test("all of runs: the failure of one cancels the jobs of the others, queued ones included", async () => {
  await using pool = new TaskPool(2);
  const boom = new Error("boom");
  const jobs = [
    () => sleep(Infinity),
    async () => {
      await yieldNow();
      throw boom;
    },
    () => sleep(Infinity),
  ];
  assertStrictEquals(await thrownBy(all(jobs.map((job) => () => pool.run(job)))), boom);
  const { queued, running, cancelled, failed } = pool.stats();
  assertEquals({ queued, running, cancelled, failed }, {
    queued: 0,
    running: 0,
    cancelled: 2,
    failed: 1,
  });
});

Deno.test("a shield around run keeps the job from the cancellation outside [C5]", async () => {
  await using pool = new TaskPool(1);
  const gate = foreign<number>();
  let value: number | undefined;
  await cancelScope(async (scope) => {
    const run = shield(async () => {
      value = await pool.run(() => gate.promise);
    });
    scope.cancel();
    gate.resolve(1);
    await run;
  });
  assertEquals(value, 1);
});

Deno.test("a job that another one has handed in by run is cancelled with it", async () => {
  await using pool = new TaskPool(2);
  const outer = pool.submit(() => pool.run(() => sleep(Infinity)));
  assertEquals(pool.stats().running, 2);
  outer.cancel("why");
  assert(isCancelled(await outer.error()));
  assertEquals(pool.stats().cancelled, 2);
});

Deno.test("a pool that is shut down with cancelPending cancels runs that wait; the caller gets a Cancelled and goes on", async () => {
  const pool = new TaskPool(1, { name: "mail" });
  const gate = foreign();
  pool.submit(() => gate.promise);
  const run = pool.run(() => 1);
  const end = pool.shutdown({ cancelPending: true });
  const thrown = await thrownBy(run);
  assert(isCancelled(thrown));
  assertEquals(thrown.reason, '"mail" is shut down');
  await yieldNow(); // No cancellation of ours.
  gate.resolve();
  await end;
});

Deno.test("run waits for a Cancelled that is none of the caller's as for any failure", async () => {
  await using pool = new TaskPool(1);
  const elsewhere = await thrownBy(pool.run(() => {
    currentTask().cancel("by itself");
    return sleep(0);
  }));
  assert(isCancelled(elsewhere));
  assertEquals([elsewhere.reason, pool.stats().cancelled], ["by itself", 1]);
  const thrown = await thrownBy(taskGroup((group) => {
    group.spawn(() => Promise.reject(elsewhere));
  }));
  assertStrictEquals(thrown, elsewhere, "for a group it is a failure");
});

Deno.test("the jobs of a thousand tasks that are cancelled at once have all ended with them", async () => {
  await withLeakCheck(async () => {
    await using pool = new TaskPool(10);
    let started = 0;
    let ended = 0;
    await cancelScope(async (scope) => {
      const runs = all(
        Array.from({ length: 1000 }, () => () =>
          pool.run(async () => {
            started++;
            try {
              await sleep(Infinity);
            } finally {
              ended++;
            }
          })),
      );
      await waitAllTasksBlocked();
      scope.cancel();
      await runs;
    });
    assertEquals([started, ended, left(pool), pool.stats().cancelled], [10, 10, 0, 1000]);
  });
});

Deno.test("wherever a cancellation meets run, no job is left behind and no place is lost", async () => {
  const { interrupted, runs } = await interruptAtEveryStep(async (interrupt) => {
    await withLeakCheck(async () => {
      await using pool = new TaskPool(1);
      let begun = 0;
      let ended = 0;
      const { interrupted, value } = await interrupt(() =>
        pool.run(async () => {
          begun++;
          try {
            await yieldNow();
            await Promise.resolve();
            await yieldNow();
            return "value";
          } finally {
            await Promise.resolve();
            ended++;
          }
        })
      );
      assertEquals(left(pool), 0, "run returns when its job has ended, and not earlier");
      assertEquals(ended, begun);
      if (!interrupted) assertEquals(value, "value");
      assertEquals(await pool.run(() => "the place is free"), "the place is free");
    });
  });
  assert(interrupted > 3 && interrupted < runs);
});

Deno.test("wherever a cancellation meets a run that waits for a place, no job is left and the others get theirs", async () => {
  const { interrupted, runs } = await interruptAtEveryStep(async (interrupt) => {
    await withLeakCheck(async () => {
      await using pool = new TaskPool(1);
      const order: string[] = [];
      const first = pool.submit(async () => {
        await yieldNow();
        order.push("first");
      });
      let started = false;
      let third: Future<void> | undefined;
      const { interrupted } = await interrupt(async () => {
        const run = pool.run(async () => {
          started = true;
          await yieldNow();
          order.push("second");
        });
        third = pool.submit(() => void order.push("third"));
        await run;
      });
      if (third === undefined) { // Cancelled before it began.
        await first;
        return;
      }
      await Promise.all([first, third]);
      assertEquals([order[0], order.at(-1), left(pool)], ["first", "third", 0]);
      if (!interrupted) assertEquals([started, order[1]], [true, "second"]);
    });
  });
  assert(interrupted > 3 && interrupted < runs);
});

Deno.test("a task that waits in run is shown to wait for a job, and its job's task stands in the pool", async () => {
  await using pool = new TaskPool(1);
  let inner: Task | undefined;
  const gate = foreign();
  const run = pool.run(async function render() {
    inner = currentTask();
    await gate.promise;
  });
  assertEquals([inner?.name, inner?.state, inner?.parent === currentTask()], [
    "render",
    "running",
    true,
  ]);
  gate.resolve();
  await run;
  assertEquals(inner?.state, "succeeded");
});
