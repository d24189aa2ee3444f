/**
 * `TaskPool`: how many jobs run, in which order, how many may wait, how it ends, and what it says
 * of itself.
 *
 * @module
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  type Cancelled,
  cancelScope,
  ClosedError,
  currentTask,
  DeadlockError,
  type Future,
  inspect,
  isCancelled,
  type JobOptions,
  openNursery,
  OverloadedError,
  Pool,
  sleep,
  suppressedErrors,
  type Task,
  taskGroup,
  TaskLocal,
  TaskPool,
  TimeoutError,
  yieldNow,
} from "../../mod.ts";
import { withLeakCheck, withVirtualTime } from "../../primitives/testing/mod.ts";
import { outcomeOf, thrownBy } from "../primitives/outcome.ts";
import { calling, foreign } from "../primitives/probes.ts";
import { SpiedController } from "../primitives/spies.ts";
import { unhandledRejections } from "../primitives/unhandled.ts";
import { named } from "../primitives/waits.ts";

/** A job that goes on until it is cancelled. */
function endless(): Promise<void> {
  return sleep(Infinity);
}

/** Fills a pool of one place, hands in a job for each name, lets them go, and gives their order. */
async function orderOf(
  pool: TaskPool,
  jobs: readonly (readonly [string, number?])[],
): Promise<string> {
  const gate = foreign();
  const order: string[] = [];
  pool.submit(() => gate.promise);
  for (const [name, priority = 0] of jobs) {
    pool.with({ priority }).submit(() => void order.push(name));
  }
  gate.resolve();
  await pool.shutdown();
  return order.join(" ");
}

Deno.test("A TaskPool runs so many jobs at a time and no more, and the next when one ends", async () => {
  await using pool = new TaskPool(3);
  let running = 0;
  let most = 0;
  const starts: number[] = [];
  const job = async (n: number) => {
    starts.push(n);
    most = Math.max(most, ++running);
    await yieldNow();
    if (n % 3 === 0) await yieldNow();
    running--;
  };
  const futures = Array.from({ length: 20 }, (_, n) => pool.submit(job, n));
  assertEquals(starts, [0, 1, 2], "those that have a place start at once, up to their first await");
  await Promise.all(futures);
  assertEquals([most, starts], [3, Array.from({ length: 20 }, (_, n) => n)]);
});

Deno.test("A TaskPool of Infinity runs all at once", async () => {
  await using pool = new TaskPool(Infinity);
  const gate = foreign();
  const futures = Array.from({ length: 100 }, () => pool.submit(() => gate.promise));
  assertEquals(pool.stats().running, 100);
  gate.resolve();
  await Promise.all(futures);
});

Deno.test("A place is free again whichever way a job ends", async () => {
  await using pool = new TaskPool(1);
  const gate = foreign();
  const futures = [
    pool.submit(() => gate.promise),
    pool.submit(() => {
      throw new Error("at once");
    }),
    pool.submit(() => Promise.reject(new Error("later"))),
    pool.submit(endless),
    pool.submit(() => currentTask().cancel()),
    pool.submit(() => "last"),
  ];
  futures[2].onDone(() => futures[3].cancel());
  futures[1].onDone(() => {});
  gate.resolve();
  assertEquals(await futures[5], "last");
});

Deno.test("A job is called with its arguments, the same objects, and without a this", async () => {
  await using pool = new TaskPool(1);
  const argument = {};
  const got = await pool.submit(
    function (this: unknown, ...args: unknown[]) {
      return [this, ...args];
    },
    argument,
    2,
  );
  assertStrictEquals(got[1], argument);
  assertEquals([got[0], got[2], got.length], [undefined, 2, 3]);
});

Deno.test("fifo, the default: jobs start in the order in which they came [P7]", async () => {
  const jobs = [["a"], ["b", -1], ["c"], ["d", 5]] as const;
  assertEquals(await orderOf(new TaskPool(1), jobs), "a b c d");
  assertEquals(await orderOf(new TaskPool(1, { order: "fifo" }), jobs), "a b c d");
});

Deno.test("lifo: the job that came last is next [P7]", async () => {
  const jobs = [["a"], ["b", -1], ["c"], ["d", 5]] as const;
  assertEquals(await orderOf(new TaskPool(1, { order: "lifo" }), jobs), "d c b a");
});

Deno.test("priority: the lowest is next, and of those the one that came first [P7]", async () => {
  const jobs = [["a", 5], ["b"], ["c", -1], ["d", 5], ["e", 0.5], ["f"], ["g", -Infinity]] as const;
  assertEquals(await orderOf(new TaskPool(1, { order: "priority" }), jobs), "g c b f e a d");
});

Deno.test("maxQueue: submit throws an OverloadedError when so many wait, and nothing is changed [P7]", async () => {
  await using pool = new TaskPool(1, { name: "thumbnails", maxQueue: 2 });
  const gate = foreign();
  let ran = 0;
  const job = async () => {
    ran++;
    await gate.promise;
  };
  const futures = [pool.submit(job), pool.submit(job), pool.submit(job)];
  const before = pool.stats();
  assertThrows(
    () => pool.submit(job),
    OverloadedError,
    `Cannot hand a job to "thumbnails" as 2 wait already, its 'maxQueue'. Wait for some of them, or use run(), which waits`,
  );
  assertEquals(pool.stats(), before);
  futures[1].cancel();
  futures.push(pool.submit(job)); // Who leaves the queue leaves room.
  gate.resolve();
  await pool.shutdown();
  assertEquals(ran, 3);
});

Deno.test("maxQueue of 0: a job is taken only where there is a free place", async () => {
  await using pool = new TaskPool(2, { maxQueue: 0 });
  const gate = foreign();
  const futures = [pool.submit(() => gate.promise), pool.submit(() => gate.promise)];
  assertThrows(() => pool.submit(() => {}), OverloadedError, "as 0 wait already");
  gate.resolve();
  await Promise.all(futures);
  assertEquals(await pool.submit(() => "room"), "room");
});

Deno.test("maxQueue: run, map and stream wait, and take the room that submit lacks [P7]", async () => {
  await using pool = new TaskPool(1, { maxQueue: 1 });
  const gate = foreign();
  const first = pool.submit(() => gate.promise);
  const runs = [1, 2, 3].map((n) => pool.run(() => n));
  assertThrows(() => pool.submit(() => {}), OverloadedError);
  const mapped = Array.fromAsync(pool.map((n: number) => n * 2, [1, 2, 3], { concurrency: 3 }));
  const streamed = Array.fromAsync(pool.stream(function* () {
    yield 1;
  }));
  assertEquals(await outcomeOf(Promise.all(runs)), "pending");
  gate.resolve();
  assertEquals(await Promise.all(runs), [1, 2, 3]);
  assertEquals([await mapped, await streamed, await first], [[2, 4, 6], [1], undefined]);
});

Deno.test("shutdown() waits for all jobs, those that wait included, and can be called again", async () => {
  const pool = new TaskPool(1);
  const gate = foreign();
  const futures = [pool.submit(() => gate.promise), pool.submit(() => yieldNow())];
  const both = [pool.shutdown(), pool.shutdown()];
  assertEquals(await outcomeOf(Promise.race(both)), "pending");
  gate.resolve();
  await Promise.all(both);
  assertEquals(futures.map(({ state }) => state), ["succeeded", "succeeded"]);
  await pool.shutdown();
});

Deno.test("shutdown({ wait: false }) returns at once, and the jobs go on", async () => {
  const pool = new TaskPool(1);
  const gate = foreign();
  const futures = [pool.submit(() => gate.promise), pool.submit(() => 2)];
  await pool.shutdown({ wait: false });
  assertEquals(futures.map(({ state }) => state), ["running", "queued"]);
  gate.resolve();
  assertEquals(await futures[1], 2);
  await pool.shutdown();
});

Deno.test("shutdown({ wait: false }) throws no failure: a later shutdown() does", async () => {
  const pool = new TaskPool(1);
  const boom = new Error("boom");
  pool.submit(() => {
    throw boom;
  });
  await pool.shutdown({ wait: false });
  assertStrictEquals(await thrownBy(pool.shutdown()), boom);
});

Deno.test("shutdown({ cancelPending: true }) cancels what has not started, and lets the others end", async () => {
  const pool = new TaskPool(2, { name: "crawl" });
  const gate = foreign();
  const futures = [1, 2, 3, 4, 5].map(() => pool.submit(() => gate.promise));
  const end = pool.shutdown({ cancelPending: true });
  assertEquals(futures.map(({ state }) => state), [
    "running",
    "running",
    "cancelled",
    "cancelled",
    "cancelled",
  ]);
  const { reason } = await futures[4].error() as Cancelled;
  assertEquals(reason, '"crawl" is shut down');
  gate.resolve();
  await end;
  assertEquals(futures[0].state, "succeeded");
});

Deno.test("a second shutdown can cancel what the first one would have waited for", async () => {
  const pool = new TaskPool(1);
  const gate = foreign();
  pool.submit(() => gate.promise);
  const queued = pool.submit(() => gate.promise);
  const first = pool.shutdown();
  await pool.shutdown({ cancelPending: true, wait: false });
  assertEquals(queued.state, "cancelled");
  gate.resolve();
  await first;
});

Deno.test("shutdown({ cancelPending: true }) cancels a job whose turn has come and that has not started", async () => {
  const pool = new TaskPool(1);
  const gate = foreign();
  let ran = false;
  const first = pool.submit(() => gate.promise);
  const next = pool.submit(() => void (ran = true));
  first.onDone(() => void pool.shutdown({ cancelPending: true, wait: false }));
  gate.resolve();
  await first;
  await pool.shutdown();
  assertEquals([ran, next.state], [false, "cancelled"]);
});

Deno.test("after shutdown() submit throws a ClosedError, and run, map and stream reject with one", async () => {
  const pool = new TaskPool(1, { name: "mail" });
  await pool.shutdown();
  let ran = 0;
  const job = () => ran++;
  const says = 'Cannot hand a job to "mail" as it was shut down';
  assertThrows(() => pool.submit(job), ClosedError, says);
  await assertRejects(() => pool.run(job), ClosedError, says);
  await assertRejects(() => Array.fromAsync(pool.map(job, [1])), ClosedError, says);
  await assertRejects(
    () =>
      Array.fromAsync(pool.stream(function* () {
        yield job();
      })),
    ClosedError,
    says,
  );
  assertThrows(() => pool.with({ name: "late" }).submit(job), ClosedError, says);
  assertEquals([ran, pool.stats().succeeded], [0, 0]);
});

Deno.test("shutdown() in a job of the pool throws a DeadlockError, and the pool goes on; not with wait: false", async () => {
  const pool = new TaskPool(2, { name: "mail" });
  const thrown = await pool.run(() => thrownBy(pool.shutdown()));
  assert(thrown instanceof DeadlockError);
  assertEquals(
    thrown.message,
    'Cannot shut "mail" down and wait for its jobs in one of them, "job". Do it outside, or with { wait: false }',
  );
  const deeper = await pool.run(() =>
    taskGroup((group) => group.spawn(() => thrownBy(pool.shutdown({ cancelPending: true }))))
  );
  assert(deeper instanceof DeadlockError);
  assertEquals([pool.stats().isShutDown, await pool.run(() => 1)], [false, 1]);
  const other = new TaskPool(1);
  await pool.run(() => other.shutdown());
  await pool.run(() => pool.shutdown({ wait: false }));
  assertEquals(pool.stats().isShutDown, true);
  await pool.shutdown();
});

Deno.test("a pool that is shut down while jobs run takes none from then on", async () => {
  const pool = new TaskPool(1);
  const gate = foreign();
  pool.submit(() => gate.promise);
  const end = pool.shutdown();
  assertThrows(() => pool.submit(() => {}), ClosedError);
  gate.resolve();
  await end;
});

Deno.test("leaving the block of an await using waits for all jobs", async () => {
  const ended: number[] = [];
  {
    await using pool = new TaskPool(1);
    for (const n of [1, 2]) {
      pool.submit(async () => {
        await yieldNow();
        ended.push(n);
      });
    }
  }
  assertEquals(ended, [1, 2]);
});

Deno.test("a timeout fails a job that takes longer with a TimeoutError, and cancels what it waits for [P3]", async () => {
  await withVirtualTime(async (time) => {
    await using pool = new TaskPool(1);
    let cleaned = false;
    const future = pool.with({ timeout: 50 }).submit(async function slow() {
      try {
        await sleep(1000);
      } finally {
        cleaned = true;
      }
    });
    const error = await future.error();
    assert(error instanceof TimeoutError);
    assertEquals(
      error.message,
      'Cannot finish "slow" as its time is up. Give it more, or do less',
    );
    assertEquals([future.state, cleaned, time.elapsed], ["failed", true, 50]);
    const running = pool.with({ timeout: 50 }).run(() => sleep(1000));
    assert(await thrownBy(running) instanceof TimeoutError);
  });
});

Deno.test("the timeout of a job counts from its start, not from when it was handed in", async () => {
  await withVirtualTime(async () => {
    await using pool = new TaskPool(1);
    pool.submit(() => sleep(100));
    const future = pool.with({ timeout: 50 }).submit(async () => {
      await sleep(40);
      return "in time";
    });
    assertEquals(await future, "in time");
  });
});

Deno.test("a job that its timeout has cancelled may still fail otherwise, or return", async () => {
  await withVirtualTime(async () => {
    await using pool = new TaskPool(2);
    const boom = new Error("clean-up");
    const failed = pool.with({ timeout: 10 }).submit(() =>
      sleep(100).finally(() => {
        throw boom;
      })
    );
    const stubborn = pool.with({ timeout: 10 }).submit(() => sleep(100).catch(() => "kept"));
    assertEquals([await failed.error(), await stubborn], [boom, "kept"]);
  });
});

Deno.test("a timeout of 0 lets a job run to its first checkpoint; Infinity is none", async () => {
  await withLeakCheck(async () => {
    await using pool = new TaskPool(1);
    let steps = 0;
    const future = pool.with({ timeout: 0 }).submit(async () => {
      steps++;
      await yieldNow();
      steps++;
    });
    assert(await future.error() instanceof TimeoutError);
    assertEquals(steps, 1);
    assertEquals(await pool.with({ timeout: Infinity }).submit(() => 1), 1);
  });
});

Deno.test("a job that was cancelled before its timeout stays cancelled", async () => {
  await withVirtualTime(async () => {
    await using pool = new TaskPool(1);
    const cleaned = foreign();
    const future = pool.with({ timeout: 10 }).submit(() =>
      sleep(100).finally(() => cleaned.promise)
    );
    future.cancel("first");
    await sleep(20);
    cleaned.resolve();
    assertEquals((await future.error() as Cancelled).reason, "first");
    assertEquals(future.state, "cancelled");
  });
});

Deno.test("with({ signal }) cancels a running and a queued job when it aborts [C8]", async () => {
  await using pool = new TaskPool(1);
  const controller = new SpiedController();
  const told = pool.with({ signal: controller.signal });
  const futures = [told.submit(endless), told.submit(endless), pool.submit(() => "others")];
  controller.abort("enough");
  assertEquals(futures.map(({ state }) => state), ["running", "cancelled", "queued"]);
  const errors = [await futures[0].error(), await futures[1].error()] as Cancelled[];
  assertEquals(errors.map((error) => [isCancelled(error), error.reason]), [
    [true, "enough"],
    [true, "enough"],
  ]);
  assertEquals([await futures[2], controller.listeners], ["others", 0]);
});

Deno.test("with({ signal }): run throws the signal's reason when the job has ended", async () => {
  await using pool = new TaskPool(1);
  const controller = new AbortController();
  const cleaned = foreign();
  const run = pool.with({ signal: controller.signal }).run(() =>
    sleep(Infinity).finally(() => cleaned.promise)
  );
  const reason = new Error("the client went away");
  controller.abort(reason);
  assertEquals(await outcomeOf(run), "pending");
  cleaned.resolve();
  assertStrictEquals(await thrownBy(run), reason);
});

Deno.test("with({ signal }): a job that ended before it aborts keeps its end, and listens no more", async () => {
  await using pool = new TaskPool(1);
  const controller = new SpiedController();
  const told = pool.with({ signal: controller.signal });
  const future = told.submit(() => yieldNow().then(() => 1));
  assertEquals(controller.listeners, 1);
  assertEquals([await future, await told.run(() => 2), controller.listeners], [1, 2, 0]);
  controller.abort();
  assertEquals(future.state, "succeeded");
});

Deno.test("with a signal that has aborted, no job is taken: submit throws its reason, run rejects with it [C8]", async () => {
  await using pool = new TaskPool(1);
  let ran = 0;
  const told = pool.with({ signal: AbortSignal.abort("too late") });
  const before = pool.stats();
  let thrown: unknown;
  try {
    told.submit(() => ran++);
  } catch (error) {
    thrown = error;
  }
  assertEquals([thrown, await thrownBy(told.run(() => ran++))], ["too late", "too late"]);
  assertEquals(await thrownBy(Array.fromAsync(told.map(() => ran++, [1]))), "too late");
  assertEquals(
    await thrownBy(Array.fromAsync(told.stream(function* () {
      yield ran++;
    }))),
    "too late",
  );
  assertEquals([ran, pool.stats()], [0, before]);
});

Deno.test("with() adds to the options given before, and is the same pool", async () => {
  const pool = new TaskPool(1, { order: "priority" });
  const gate = foreign();
  const order: string[] = [];
  pool.submit(() => gate.promise);
  const urgent = pool.with({ priority: -1 });
  const named = urgent.with({ name: "urgent" });
  const futures = [
    pool.submit(() => void order.push("usual")),
    named.submit(() => void order.push("urgent")),
  ];
  assertEquals([futures[1].name, named.stats()], ["urgent", pool.stats()]);
  assert(named instanceof Pool);
  gate.resolve();
  await named.shutdown();
  assertEquals([order, pool.stats().isShutDown], [["urgent", "usual"], true]);
});

Deno.test("a job inherits the TaskLocals of the place where it was handed in [P3]", async () => {
  const local = new TaskLocal<string>({ defaultValue: "none" });
  await using pool = new TaskPool(1);
  const look = async () => {
    await yieldNow();
    return local.get();
  };
  const futures: Future<string | undefined>[] = [];
  for (const name of ["running", "queued"]) {
    local.run(name, () => futures.push(pool.submit(look)));
  }
  const run = local.run("of run", () => pool.run(look));
  futures.push(pool.submit(look));
  assertEquals([...await Promise.all(futures), await run], ["running", "queued", "none", "of run"]);
});

Deno.test("the TaskLocals of the place where the pool was made are not those of its jobs", async () => {
  const local = new TaskLocal<string>({ defaultValue: "none" });
  const pool = local.run("the pool's", () => new TaskPool(1));
  assertEquals(await pool.run(() => local.get()), "none");
  await pool.shutdown();
});

Deno.test("a job that had to wait sees the AsyncLocalStorage of who handed it in", async () => {
  const storage = new AsyncLocalStorage<string>();
  await using pool = new TaskPool(1);
  const seen: unknown[] = [];
  const job = async () => {
    seen.push(storage.getStore());
    await yieldNow();
    seen.push(storage.getStore());
  };
  storage.run("first", () => pool.submit(job));
  storage.run("second", () => pool.submit(job));
  pool.submit(job);
  await pool.shutdown();
  assertEquals(seen, ["first", "first", "second", "second", undefined, undefined]);
});

Deno.test("a job runs in a task of its own, with its name, whose parent is that of the pool", async () => {
  await taskGroup(async (group) => {
    await group.spawn(async function owner() {
      await using pool = new TaskPool(1);
      const [task, other] = await Promise.all([
        pool.run(function resize() {
          return { task: currentTask() };
        }),
        pool.run(() => ({ task: currentTask() })),
      ]);
      assertEquals([task.task.name, task.task.parent?.name], ["resize", "owner"]);
      assert(task.task !== other.task);
    });
  });
});

Deno.test("a call-back of a job's own task that throws is thrown by shutdown()", async () => {
  const boom = new Error("boom");
  const pool = new TaskPool(1);
  await pool.run(async () => {
    currentTask().onDone(() => {
      throw boom;
    });
    await yieldNow();
  });
  assertStrictEquals(await thrownBy(pool.shutdown()), boom);
});

Deno.test("what a job has opened and not closed ends with it", async () => {
  await using pool = new TaskPool(1);
  let child: Task | undefined;
  assertEquals(
    await pool.run(() => {
      child = openNursery().spawn(() => sleep(Infinity));
      return "done";
    }),
    "done",
  );
  assertEquals(child?.state, "cancelled");
});

Deno.test("a pool that was made in a task and never disposed of ends with the task", async () => {
  await withLeakCheck(async () => {
    const futures: Future<void>[] = [];
    let pool: TaskPool | undefined;
    await taskGroup((group) => {
      group.spawn(() => {
        pool = new TaskPool(1);
        futures.push(pool.submit(endless), pool.submit(endless));
      });
    });
    assertEquals(futures.map(({ state }) => state), ["cancelled", "cancelled"]);
    assertThrows(() => pool!.submit(() => {}), ClosedError);
  });
});

Deno.test("so do pools made in a group's body, in a scope, and under a TaskLocal", async () => {
  const local = new TaskLocal<number>();
  const around: ((fn: () => void) => Promise<unknown>)[] = [
    (fn) => taskGroup(() => fn()),
    (fn) => cancelScope(() => fn()),
    (fn) => taskGroup((group) => void group.spawn(() => local.run(1, fn))),
  ];
  for (const within of around) {
    await withLeakCheck(async () => {
      let future: Future<void> | undefined;
      await within(() => {
        new TaskPool(1); // One without a job, too.
        future = new TaskPool(1).submit(endless);
      });
      assertEquals(future?.state, "cancelled");
    });
  }
});

Deno.test("the failure of a job in a pool that nobody disposes of is not lost: it is unhandled", async () => {
  const boom = new Error("boom");
  const unhandled = await unhandledRejections(() =>
    taskGroup((group) => {
      group.spawn(() => {
        new TaskPool(1).submit(() => Promise.reject(boom));
      });
    })
  );
  assertEquals(unhandled, [boom]);
});

Deno.test("a pool in a cancelled scope: its jobs are cancelled, it takes no more, and its disposal waits for them", async () => {
  let future: Future<void> | undefined;
  let cleaned = false;
  const scope = await cancelScope(async (scope) => {
    await using pool = new TaskPool(1);
    future = pool.submit(async () => {
      try {
        await sleep(Infinity);
      } finally {
        await Promise.resolve();
        cleaned = true;
      }
    });
    const queued = pool.submit(endless);
    scope.cancel("over");
    assertEquals([queued.state, pool.stats().isShutDown], ["cancelled", true]);
    assertThrows(() => pool.submit(() => {}), ClosedError);
    const { reason } = await queued.then(null, (error) => error) as Cancelled;
    assertEquals(reason, "over");
    return scope;
  });
  assert(scope!.cancelled);
  assertEquals([cleaned, future?.state], [true, "cancelled"]);
});

Deno.test("failures in a pool of a cancelled scope are thrown by its disposal, or are unhandled without", async () => {
  const boom = new Error("the clean-up failed");
  const failing = () =>
    sleep(Infinity).finally(() => {
      throw boom;
    });
  const thrown = await thrownBy(cancelScope(async (scope) => {
    await using pool = new TaskPool(1);
    pool.submit(failing);
    scope.cancel();
    await waitForJobs(pool);
  }));
  assertStrictEquals(thrown, boom);
  const unhandled = await unhandledRejections(() =>
    cancelScope(async (scope) => {
      const pool = new TaskPool(1);
      pool.submit(failing);
      scope.cancel();
      await waitForJobs(pool);
    })
  );
  assertEquals(unhandled, [boom]);
});

/** Waits, in a cancelled scope, until no job runs. */
async function waitForJobs(pool: TaskPool): Promise<void> {
  while (pool.stats().running > 0) await Promise.resolve();
}

Deno.test("a pool whose task has ended cannot be used, and one made at top level outlives the tasks", async () => {
  const pool = new TaskPool(1);
  const gate = foreign();
  let future: Future<number> | undefined;
  await taskGroup((group) => {
    group.spawn(() => {
      future = pool.submit(() => gate.promise.then(() => 1));
    });
  });
  assertEquals(future?.state, "running", "submit: the job belongs to the pool [P2]");
  gate.resolve();
  assertEquals(await future, 1);
  await pool.shutdown();
});

Deno.test("stats() is frozen, adds up, and is a snapshot [W9]", async () => {
  const pool = new TaskPool(2);
  const counts = (
    { queued, running, succeeded, failed, cancelled, isShutDown }: ReturnType<TaskPool["stats"]>,
  ) => [queued, running, succeeded, failed, cancelled, isShutDown];
  const empty = pool.stats();
  assert(Object.isFrozen(empty));
  const gate = foreign();
  const futures = [1, 2, 3, 4, 5].map(() => pool.submit(() => gate.promise));
  pool.submit(() => Promise.reject(new Error("boom"))).onDone(() => {});
  futures[4].cancel();
  assertEquals(counts(pool.stats()), [3, 2, 0, 0, 1, false]);
  gate.resolve();
  const end = pool.shutdown();
  assertEquals(counts(pool.stats()), [3, 2, 0, 0, 1, true]);
  await end;
  assertEquals(counts(pool.stats()), [0, 0, 4, 1, 1, true]);
  assertEquals(counts(empty), [0, 0, 0, 0, 0, false]);
});

Deno.test("inspect() shows the pool with the jobs that run, and a job under the task that waits for it", async () => {
  await taskGroup(async (group) => {
    const pool = new TaskPool(1, { name: "images" });
    const caller = group.spawn(() => pool.with({ name: "resize" }).run(endless), {
      name: "request",
    });
    const second = group.spawn(() => pool.with({ name: "crop" }).run(endless), { name: "other" });
    const [root] = inspect().children;
    const nodes = root.children.map(({ kind, name, waitingFor, children }) => ({
      kind,
      name,
      waitingFor: named(waitingFor),
      children: children.map(({ kind, name, state }) => `${kind} ${name} ${state}`),
    }));
    assertEquals(nodes, [
      { kind: "pool", name: "images", waitingFor: [], children: ["task resize running"] },
      {
        kind: "task",
        name: "request",
        waitingFor: [{ kind: "job", name: "resize" }],
        children: ["job resize running"],
      },
      {
        kind: "task",
        name: "other",
        waitingFor: [{ kind: "job", name: "crop" }],
        children: ["job crop queued"],
      },
    ]);
    caller.cancel();
    second.cancel();
  });
});

Deno.test("a pool has its name, in its errors and for those who look: pool where none was given", async () => {
  await using plain = new TaskPool(1);
  await using named = new TaskPool(1, { name: "crawl" });
  assertEquals([plain.name, named.name, named.with({ name: "job" })], [
    "pool",
    "crawl",
    named.with({ name: "job" }),
  ]);
  assertThrows(calling(named.submit.bind(named), 1), TypeError, 'Cannot hand a job to "crawl"');
});

Deno.test("new TaskPool says at the call what is wrong with its arguments, and makes nothing [E1]", async () => {
  const make = (...args: unknown[]) =>
    new (TaskPool as unknown as new (...args: unknown[]) => TaskPool)(...args);
  await withLeakCheck(() => {
    const cases: [unknown[], new () => Error, string][] = [
      [
        [],
        TypeError,
        "Cannot make a TaskPool as its concurrency must be a number: received undefined",
      ],
      [["2"], TypeError, 'its concurrency must be a number: received "2"'],
      [
        [0],
        RangeError,
        "its concurrency must be a whole number from 1 up, or Infinity: received 0",
      ],
      [[1.5], RangeError, "received 1.5"],
      [[NaN], RangeError, "received NaN"],
      [
        [1, null],
        TypeError,
        "Cannot make a TaskPool as the options must be an object: received null",
      ],
      [
        [1, { order: "random" }],
        TypeError,
        `'order' must be "fifo", "lifo" or "priority": received "random"`,
      ],
      [[1, { maxQueue: -1 }], RangeError, "'maxQueue' must be a whole number from 0 up"],
      [[1, { maxQueue: "many" }], TypeError, "'maxQueue' must be a number"],
      [[1, { name: 5 }], TypeError, "name"],
    ];
    for (const [args, type, says] of cases) assertThrows(() => make(...args), type, says);
  });
});

Deno.test("submit, run, map and stream say at the call what is wrong with their arguments [E1]", async () => {
  await using pool = new TaskPool(1, { name: "crawl" });
  const before = pool.stats();
  for (const call of [pool.submit.bind(pool), pool.run.bind(pool)]) {
    assertThrows(
      calling(call, undefined),
      TypeError,
      'Cannot hand a job to "crawl" as the first argument must be a function: received undefined',
    );
    assertThrows(calling(call, Promise.resolve()), TypeError, "Pass the function itself");
  }
  assertThrows(calling(pool.map.bind(pool), 1, []), TypeError, 'Cannot map in "crawl"');
  assertThrows(calling(pool.map.bind(pool), () => {}, 5), TypeError, "must be an iterable");
  assertThrows(calling(pool.map.bind(pool), () => {}, [], 5), TypeError, "the options must be");
  assertThrows(
    calling(pool.map.bind(pool), () => {}, [], { concurrency: 0 }),
    RangeError,
    "'concurrency' must be a whole number from 1 up",
  );
  assertThrows(
    calling(pool.map.bind(pool), () => {}, [], { ordered: 1 }),
    TypeError,
    "'ordered' must be a boolean",
  );
  assertThrows(calling(pool.stream.bind(pool), []), TypeError, 'Cannot stream in "crawl"');
  assertThrows(calling(pool.shutdown.bind(pool), null), TypeError, 'Cannot shut "crawl" down');
  assertEquals(pool.stats(), before);
});

Deno.test("with() says at the call what is wrong with its options [E1]", async () => {
  await using pool = new TaskPool(1, { name: "crawl" });
  const told = (options: unknown) => () => pool.with(options as JobOptions);
  assertThrows(
    told(null),
    TypeError,
    'Cannot hand jobs to "crawl" as the options must be an object',
  );
  assertThrows(
    told({ priority: "high" }),
    TypeError,
    `'priority' must be a number: received "high"`,
  );
  assertThrows(told({ priority: NaN }), TypeError, "'priority' must be a number: received NaN");
  assertThrows(told({ timeout: -1 }), RangeError, "'timeout' must be zero or more");
  assertThrows(told({ timeout: "1s" }), TypeError, "'timeout' must be a number of milliseconds");
  assertThrows(told({ signal: new AbortController() }), TypeError, "Pass its 'signal'");
  assertThrows(told({ name: 5 }), TypeError, "name");
});

Deno.test("many failures beside a call-back that threw: shutdown() throws them all in one", async () => {
  const pool = new TaskPool(1);
  const errors = [new Error("of a job"), new Error("of a call-back")];
  pool.submit(() => 1).onDone(() => {
    throw errors[1];
  });
  pool.submit(() => {
    throw errors[0];
  });
  const thrown = await thrownBy(pool.shutdown());
  assertStrictEquals(thrown, errors[0]);
  assertEquals(suppressedErrors(thrown), [errors[1]]);
});
