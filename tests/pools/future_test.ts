/**
 * Futures: what a pool gives for a job.
 *
 * @module
 */

import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  after,
  all,
  asCompleted,
  type Cancelled,
  cancelScope,
  type Future,
  isCancelled,
  progress,
  select,
  sleep,
  suppressedErrors,
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
import { thrownBy } from "../primitives/outcome.ts";
import { assertType, calling, foreign, type Same } from "../primitives/probes.ts";
import { SpiedController } from "../primitives/spies.ts";
import { unhandledRejections } from "../primitives/unhandled.ts";
import { cutShort } from "./cut_short.ts";

/** What a future says of itself. */
function faces({ state, isAlive, done, running, cancelled }: Future<unknown>) {
  return { state, isAlive, done, running, cancelled };
}

const QUEUED = { state: "queued", isAlive: true, done: false, running: false, cancelled: false };
const RUNNING = { ...QUEUED, state: "running", running: true };
const SUCCEEDED = { ...QUEUED, state: "succeeded", isAlive: false, done: true };
const FAILED = { ...SUCCEEDED, state: "failed" };
const CANCELLED = { ...SUCCEEDED, state: "cancelled", cancelled: true };

/** A job that fails. */
function failing(error: unknown): () => Promise<never> {
  return () => Promise.reject(error);
}

/** A job that goes on until it is cancelled. */
function endless(): Promise<void> {
  return sleep(Infinity);
}

Deno.test("A future tells how far its job has come: queued, running, succeeded", async () => {
  await using pool = new TaskPool(1);
  const gate = foreign();
  const first = pool.submit(() => gate.promise);
  const second = pool.submit(() => 2);
  assertEquals([faces(first), faces(second)], [RUNNING, QUEUED]);
  gate.resolve();
  await second;
  assertEquals([faces(first), faces(second)], [SUCCEEDED, SUCCEEDED]);
});

Deno.test("A future tells of a job that has failed, and of one that was cancelled", async () => {
  await using pool = new TaskPool(2);
  const failed = pool.submit(failing(new Error("boom")));
  const cancelled = pool.submit(endless);
  cancelled.cancel();
  await Promise.all([failed.error(), cancelled.error()]);
  assertEquals([faces(failed), faces(cancelled)], [FAILED, CANCELLED]);
});

Deno.test("A future has the name of its job: the option, the function's name, or job", async () => {
  await using pool = new TaskPool(1);
  const futures = [
    pool.submit(function thumbnail() {}),
    pool.with({ name: "tn-17" }).submit(function thumbnail() {}),
    pool.submit(() => {}),
  ];
  assertEquals(futures.map(({ name, kind }) => [name, kind]), [
    ["thumbnail", "job"],
    ["tn-17", "job"],
    ["job", "job"],
  ]);
});

Deno.test("A job that returns at once has ended when submit returns", async () => {
  await using pool = new TaskPool(1);
  const future = pool.submit((n: number) => n + 1, 1);
  assertEquals(faces(future), SUCCEEDED);
  assertEquals(await future, 2);
});

Deno.test("A job that throws synchronously is a failed job, and no exception out of submit", async () => {
  await using pool = new TaskPool(1);
  const boom = new Error("boom");
  const future = pool.submit(() => {
    throw boom;
  });
  assertEquals(faces(future), FAILED);
  assertStrictEquals(await thrownBy(future), boom);
});

Deno.test("result() gives what the job returned, or throws what it threw, the same object", async () => {
  await using pool = new TaskPool(2);
  const value = { a: 1 };
  const boom = new Error("boom");
  assertStrictEquals(await pool.submit(() => value).result(), value);
  assertStrictEquals(await thrownBy(pool.submit(failing(boom)).result()), boom);
});

Deno.test("error() gives what the job threw, undefined where it threw nothing", async () => {
  await using pool = new TaskPool(2);
  const boom = new Error("boom");
  assertStrictEquals(await pool.submit(failing(boom)).error(), boom);
  assertStrictEquals(await pool.submit(() => 1).error(), undefined);
});

Deno.test("error() gives the Cancelled of a job that was cancelled, with the reason", async () => {
  await using pool = new TaskPool(1);
  const future = pool.submit(endless);
  future.cancel("not wanted");
  const error = await future.error();
  assert(isCancelled(error));
  assertEquals(error.reason, "not wanted");
});

Deno.test("a time limit on result() and error() ends the wait and leaves the job running", async () => {
  await withVirtualTime(async () => {
    await using pool = new TaskPool(1);
    const future = pool.submit(async () => {
      await sleep(100);
      return "done";
    });
    const error = await assertRejects(() => future.result({ timeout: 10 }), TimeoutError);
    assertEquals(
      error.message,
      'Cannot wait for job "job" any longer as the time is up: 10 ms. Give it more, or go on without',
    );
    await assertRejects(() => future.error({ timeout: 10 }), TimeoutError);
    await assertRejects(() => future.result({ timeout: 0 }), TimeoutError);
    assertEquals(faces(future), RUNNING);
    assertEquals(await future.result({ timeout: 1000 }), "done");
  });
});

Deno.test("a TimeoutError that the job threw is its outcome, and not the time-out of the wait", async () => {
  await using pool = new TaskPool(1);
  const late = new TimeoutError("the job's own");
  const future = pool.submit(failing(late));
  assertStrictEquals(await thrownBy(future.result({ timeout: 1000 })), late);
  assertStrictEquals(await future.error({ timeout: 1000 }), late);
});

Deno.test("a signal on result() and error() ends the wait with its reason, and the job goes on", async () => {
  await using pool = new TaskPool(1);
  const gate = foreign();
  const future = pool.submit(() => gate.promise);
  const controller = new SpiedController();
  const { signal } = controller;
  const waits = [thrownBy(future.result({ signal })), thrownBy(future.error({ signal }))];
  controller.abort("enough");
  assertEquals(await Promise.all(waits), ["enough", "enough"]);
  assertEquals(controller.listeners, 0);
  assertEquals(await thrownBy(future.result({ signal })), "enough", "aborted before [C8]");
  assertEquals(faces(future), RUNNING);
  gate.resolve();
  await future;
});

Deno.test("result() of a job that has ended listens to no signal and sets no timer", async () => {
  await withLeakCheck(async () => {
    await using pool = new TaskPool(1);
    const controller = new SpiedController();
    const future = pool.submit(() => 1);
    assertEquals(await future.result({ signal: controller.signal, timeout: 1000 }), 1);
    assertEquals(controller.added, 0);
  });
});

Deno.test("In a cancelled scope result(), error() and await throw, also when the job has ended [C1]", async () => {
  await using pool = new TaskPool(2);
  const ended = pool.submit(() => 1);
  await ended;
  const thrown: unknown[] = [];
  const scope = await cancelScope(async (scope) => {
    scope.cancel();
    thrown.push(
      await thrownBy(ended),
      await thrownBy(ended.result()),
      await thrownBy(ended.error()),
    );
    return scope;
  });
  assertEquals(thrown, [scope!.cancelled, scope!.cancelled, scope!.cancelled]);
});

Deno.test("error() throws the cancellation of the one who waits, also where it has ended the job too [C1]", async () => {
  const thrown: unknown[] = [];
  const scope = await cancelScope(async (scope) => {
    await using pool = new TaskPool(1);
    const future = pool.submit(endless);
    const waiting = thrownBy(future.error());
    scope.cancel();
    thrown.push(await waiting, await thrownBy(future.error()));
    assertEquals(faces(future), CANCELLED);
    return scope;
  });
  assertEquals(thrown, [scope!.cancelled, scope!.cancelled]);
});

Deno.test("A cancelled wait for a future leaves the job alone, and no trace on it [C7]", async () => {
  await withLeakCheck(async () => {
    await using pool = new TaskPool(1);
    const gate = foreign();
    const future = pool.submit(() => gate.promise);
    for (const wait of [() => future.then(), () => future.result(), () => future.error()]) {
      assert(await cutShort(wait));
    }
    assertEquals(faces(future), RUNNING);
    gate.resolve();
    assertStrictEquals(await future, undefined);
  });
});

Deno.test("Several tasks can await one future, and all get the same [P2]", async () => {
  await using pool = new TaskPool(2);
  const boom = new Error("boom");
  const gate = foreign<object>();
  const good = pool.submit(() => gate.promise);
  const bad = pool.submit(async () => {
    await gate.promise;
    throw boom;
  });
  const value = {};
  const waits = all(
    [1, 2, 3].map(() => async () => [await good, await thrownBy(bad), await bad.error()]),
  );
  await waitAllTasksBlocked();
  gate.resolve(value);
  for (const [got, thrown, error] of await waits) {
    assertStrictEquals(got, value);
    assertStrictEquals(thrown, boom);
    assertStrictEquals(error, boom);
  }
});

Deno.test("then() calls what it is given, and its promise is what that returns", async () => {
  await using pool = new TaskPool(1);
  assertEquals(await pool.submit(() => 1).then((n) => n + 1), 2);
  const boom = new Error("boom");
  assertEquals(await pool.submit(failing(boom)).then(null, (error) => [error]), [boom]);
  assertEquals(await Promise.resolve(pool.submit(() => 7)), 7);
});

Deno.test("A future resolves to the value of a promise, and a thenable, that the job returned", async () => {
  await using pool = new TaskPool(1);
  assertEquals(await pool.submit(() => Promise.resolve(1)), 1);
  const thenable = { then: (done: (n: number) => void) => done(2) } as PromiseLike<number>;
  assertEquals(await pool.submit(() => thenable), 2);
});

Deno.test("cancel() of a queued job ends it at once: it does not run [P4]", async () => {
  await using pool = new TaskPool(1);
  const gate = foreign();
  const first = pool.submit(() => gate.promise);
  let ran = 0;
  const queued = [1, 2, 3].map(() => pool.submit(() => void ran++));
  assertEquals(queued[1].cancel("why"), true);
  assertEquals(queued.map(({ state }) => state), ["queued", "cancelled", "queued"]);
  assertEquals((await thrownBy(queued[1]) as Cancelled).reason, "why");
  gate.resolve();
  await Promise.all([first, queued[0], queued[2]]);
  assertEquals(ran, 2);
});

Deno.test("cancel() of a running job ends its waits, and the future when it has ended [P4]", async () => {
  await using pool = new TaskPool(1);
  const cleaned = foreign();
  const future = pool.submit(async () => {
    try {
      await sleep(Infinity);
    } finally {
      await cleaned.promise;
    }
  });
  assertEquals(future.cancel("why"), true);
  await waitAllTasksBlocked();
  assertEquals(faces(future), RUNNING, "its clean-up is part of it");
  cleaned.resolve();
  const error = await thrownBy(future);
  assert(isCancelled(error));
  assertEquals([error.reason, error.name, faces(future)], ["why", "AbortError", CANCELLED]);
});

Deno.test("cancel() of a job that does not mind leaves it its value", async () => {
  await using pool = new TaskPool(1);
  const gate = foreign<number>();
  const future = pool.submit(() => gate.promise);
  assertEquals(future.cancel(), true);
  gate.resolve(5);
  assertEquals([await future, faces(future)], [5, SUCCEEDED]);
});

Deno.test("cancel() of a job that fails over it leaves it its failure", async () => {
  await using pool = new TaskPool(1);
  const boom = new Error("the clean-up failed");
  const future = pool.submit(async () => {
    try {
      await sleep(Infinity);
    } finally {
      await Promise.reject(boom);
    }
  });
  future.cancel();
  assertStrictEquals(await thrownBy(future), boom);
  assertEquals(faces(future), FAILED);
});

Deno.test("cancel() of a job that has ended returns false and changes nothing", async () => {
  await using pool = new TaskPool(2);
  const gone = pool.submit(endless);
  gone.cancel("first");
  await gone.error();
  const done = pool.submit(() => 1);
  const failed = pool.submit(failing(new Error("boom")));
  await failed.error();
  assertEquals([done, failed, gone].map((future) => future.cancel("late")), [false, false, false]);
  assertEquals([faces(done), faces(failed), faces(gone)], [SUCCEEDED, FAILED, CANCELLED]);
  assertEquals((await gone.error() as Cancelled).reason, "first");
});

Deno.test("cancel() twice: the first reason stays [C3]", async () => {
  await using pool = new TaskPool(1);
  const future = pool.submit(endless);
  assertEquals([future.cancel("first"), future.cancel("second")], [true, true]);
  assertEquals((await future.error() as Cancelled).reason, "first");
});

Deno.test("a job cancelled between its turn and its start does not start, and has ended at once", async () => {
  await using pool = new TaskPool(1);
  const gate = foreign();
  let ran = false;
  const first = pool.submit(() => gate.promise);
  const second = pool.submit(() => void (ran = true));
  const third = pool.submit(() => 3);
  first.onDone(() => {
    assertEquals([second.state, pool.stats().queued, pool.stats().running], ["queued", 2, 0]);
    assertEquals([second.cancel("why"), second.cancel("again")], [true, false]);
    assertEquals([second.state, pool.stats().queued, pool.stats().running], ["cancelled", 1, 0]);
  });
  gate.resolve();
  assertEquals(await third, 3, "the place is the next one's");
  assertEquals([ran, (await second.error() as Cancelled).reason], [false, "why"]);
});

Deno.test("a Cancelled that a job brings from elsewhere is its failure, and not its cancellation", async () => {
  await using pool = new TaskPool(2);
  const other = pool.submit(endless);
  const future = pool.submit(() => other.result());
  other.cancel();
  assert(isCancelled(await future.error()));
  assertEquals([faces(other), faces(future)], [CANCELLED, FAILED]);
});

Deno.test("onDone call-backs run in the order in which they were given, with their future", async () => {
  await using pool = new TaskPool(1);
  const gate = foreign();
  const future = pool.submit(() => gate.promise);
  const calls: unknown[] = [];
  for (const n of [1, 2, 3]) {
    future.onDone((ended) => {
      assertStrictEquals(ended, future);
      calls.push([n, ended.state]);
    });
  }
  gate.resolve();
  await future;
  assertEquals(calls, [[1, "succeeded"], [2, "succeeded"], [3, "succeeded"]]);
});

Deno.test("call-backs and those who await come in the order in which they came", async () => {
  await using pool = new TaskPool(1);
  const gate = foreign();
  const future = pool.submit(() => gate.promise);
  const calls: string[] = [];
  const awaiting = future.then(() => void calls.push("awaiting"));
  future.onDone(() => void calls.push("called back"));
  gate.resolve();
  await awaiting;
  assertEquals(calls, ["called back", "awaiting"], "who awaits goes on in a turn of its own");
});

Deno.test("a call-back is called for a failed and for a cancelled job too, queued ones included", async () => {
  await using pool = new TaskPool(1);
  const states: string[] = [];
  const note = ({ name, state }: Future<unknown>) => void states.push(`${name} ${state}`);
  const failed = pool.with({ name: "failed" }).submit(failing(1));
  const running = pool.with({ name: "running" }).submit(endless);
  const queued = pool.with({ name: "queued" }).submit(endless);
  for (const future of [failed, running, queued]) future.onDone(note);
  queued.cancel();
  await waitAllTasksBlocked();
  running.cancel();
  await running.error();
  assertEquals(states, ["queued cancelled", "failed failed", "running cancelled"]);
});

Deno.test("a call-back added when the job has ended is called at once", async () => {
  await using pool = new TaskPool(1);
  const future = pool.submit(() => 1);
  await future;
  const calls: number[] = [];
  future.onDone(() => calls.push(1));
  future.onDone(() => calls.push(2));
  assertEquals(calls, [1, 2]);
});

Deno.test("what call-backs throw stops nobody, and is thrown by shutdown(), the later ones with the first", async () => {
  const pool = new TaskPool(1);
  const gate = foreign();
  const future = pool.submit(() => gate.promise);
  const calls: number[] = [];
  const errors = [new Error("first"), new Error("second"), new Error("late")];
  const throwing = (n: number) => () => {
    calls.push(n);
    throw errors[n];
  };
  future.onDone(throwing(0));
  future.onDone(() => void calls.push(10));
  future.onDone(throwing(1));
  gate.resolve();
  assertStrictEquals(await future, undefined);
  future.onDone(throwing(2));
  assertEquals(await pool.submit(() => "goes on"), "goes on");
  const thrown = await thrownBy(pool.shutdown());
  assertStrictEquals(thrown, errors[0]);
  assertEquals(suppressedErrors(thrown), [errors[1], errors[2]]);
  assertEquals(calls, [0, 10, 1, 2]);
  await pool.shutdown(); // They are thrown once.
});

Deno.test("onDone says at the call what is wrong with its argument [E1]", async () => {
  await using pool = new TaskPool(1);
  const future = pool.submit(() => 1);
  assertThrows(
    calling(future.onDone.bind(future), "no function"),
    TypeError,
    'Cannot add a call-back to job "job" as it must be a function: received "no function"',
  );
});

Deno.test("result() and error() say what is wrong with their options [E1]", async () => {
  await using pool = new TaskPool(1);
  const future = pool.submit(endless);
  for (const wait of [future.result.bind(future), future.error.bind(future)]) {
    assertThrows(calling(wait, { timeout: -1 }), RangeError, "'timeout' must be zero or more");
    assertThrows(calling(wait, { timeout: "1" }), TypeError, "'timeout' must be a number");
    assertThrows(calling(wait, { signal: 1 }), TypeError, "'signal' must be an AbortSignal");
    assertThrows(calling(wait, 5), TypeError, "the options must be an object");
  }
  assertEquals(faces(future), RUNNING);
  future.cancel();
});

Deno.test("In the call-backs of a future the place of its job is free, and the numbers say so", async () => {
  await using pool = new TaskPool(1, { maxQueue: 0 });
  const gate = foreign();
  const first = pool.submit(() => gate.promise);
  const chained = foreign<Future<string>>();
  first.onDone(() => {
    const { running, queued, succeeded } = pool.stats();
    assertEquals({ running, queued, succeeded }, { running: 0, queued: 0, succeeded: 1 });
    chained.resolve(pool.submit(() => "next") as Future<string>);
  });
  gate.resolve();
  await first;
  assertEquals(await chained.promise, "next");
});

Deno.test("progress gives what the job reports, and ends with the job [P3]", async () => {
  await using pool = new TaskPool(1);
  const future = pool.submit(async () => {
    for (const step of [1, "two", { three: 3 }]) {
      await yieldNow();
      progress(step);
    }
    return "done";
  });
  const reports: unknown[] = [];
  for await (const report of future.progress) reports.push(report);
  assertEquals(reports, [1, "two", { three: 3 }]);
  assertEquals(faces(future), SUCCEEDED);
});

Deno.test("progress gives what was reported since it was first asked for", async () => {
  await using pool = new TaskPool(1);
  const gate = foreign();
  const future = pool.submit(async () => {
    progress("before anybody looked");
    await gate.promise;
    progress("after");
  });
  const reports = future.progress;
  assertStrictEquals(future.progress, reports);
  gate.resolve();
  const seen: unknown[] = [];
  for await (const report of reports) seen.push(report);
  assertEquals(seen, ["after"]);
});

Deno.test("progress of which nobody takes any keeps the latest 1024 and holds up nobody", async () => {
  await using pool = new TaskPool(1);
  const gate = foreign();
  const future = pool.submit(async () => {
    await gate.promise;
    for (let n = 0; n < 2000; n++) progress(n);
  });
  const reports = future.progress;
  gate.resolve();
  await future;
  const seen: unknown[] = [];
  for await (const report of reports) seen.push(report);
  assertEquals([seen.length, seen[0], seen.at(-1)], [1024, 976, 1999]);
});

Deno.test("progress of a job that has failed, was cancelled or has ended before ends too", async () => {
  await using pool = new TaskPool(1);
  const seen: unknown[] = [];
  const running = pool.submit(endless);
  const queued = pool.submit(() => progress("never"));
  const loops = [running, queued].map(async ({ progress }) => {
    for await (const report of progress) seen.push(report);
  });
  queued.cancel();
  running.cancel();
  await Promise.all(loops);
  const failed = pool.submit(failing(new Error("boom")));
  await failed.error();
  for await (const report of failed.progress) seen.push(report);
  assertEquals(seen, []);
});

Deno.test("progress() in a child of the job's task reports for the job; outside a job it does nothing", async () => {
  progress("nobody's");
  await using pool = new TaskPool(1);
  const future = pool.submit(async () => {
    await yieldNow();
    await taskGroup((group) => {
      group.spawn(() => progress("a child's"));
    });
  });
  const seen: unknown[] = [];
  for await (const report of future.progress) seen.push(report);
  assertEquals(seen, ["a child's"]);
});

Deno.test("progress() in a job of a pool within a job is that of the inner job", async () => {
  await using pool = new TaskPool(1);
  const seen: unknown[] = [];
  const outer = pool.submit(async () => {
    await using inner = new TaskPool(1);
    const gate = foreign();
    const future = inner.submit(async () => {
      await gate.promise;
      progress("inner");
    });
    const reports = future.progress;
    gate.resolve();
    for await (const report of reports) seen.push(report);
  });
  const reports = outer.progress;
  for await (const report of reports) seen.push(["outer", report]);
  assertEquals(seen, ["inner"]);
});

Deno.test("select takes the outcome of a job that ends first, and leaves no trace on the others [W8]", async () => {
  await withVirtualTime(() =>
    withLeakCheck(async () => {
      await using pool = new TaskPool(2);
      const slow = pool.submit(async () => {
        await sleep(20);
        return "slow";
      });
      const quick = pool.submit(async () => {
        await sleep(10);
        return "quick";
      });
      const first = await select({ slow, quick });
      assertEquals(first, { key: "quick", value: "quick" });
      const late = await select({ slow, late: after(5) });
      assertEquals(late.key, "late");
      assertEquals(await select({ slow }), { key: "slow", value: "slow" });
    })
  );
});

Deno.test("select over a job that has failed throws its error", async () => {
  await using pool = new TaskPool(1);
  const boom = new Error("boom");
  const gate = foreign();
  const future = pool.submit(async () => {
    await gate.promise;
    throw boom;
  });
  const selecting = thrownBy(select({ future }));
  gate.resolve();
  assertStrictEquals(await selecting, boom);
  assertStrictEquals(await thrownBy(select({ future })), boom);
});

Deno.test("shutdown() throws the failures that nobody has looked at: the first, with the others", async () => {
  const pool = new TaskPool(1);
  const errors = [new Error("first"), new Error("second"), new Error("third")];
  for (const error of errors) pool.submit(failing(error));
  const thrown = await thrownBy(pool.shutdown());
  assertStrictEquals(thrown, errors[0]);
  assertEquals(suppressedErrors(thrown), [errors[1], errors[2]]);
  await pool.shutdown();
});

Deno.test("the end of an await using throws the failures that nobody has looked at", async () => {
  const boom = new Error("boom");
  const thrown = await thrownBy((async () => {
    await using pool = new TaskPool(1);
    pool.submit(failing(boom));
  })());
  assertStrictEquals(thrown, boom);
});

Deno.test("a failure that somebody has noticed is not thrown by shutdown(), in whatever way it was", async () => {
  const ways: Record<string, (future: Future<unknown>) => unknown> = {
    "await": (future) => thrownBy(future),
    "then": (future) => future.then(null, () => {}),
    "result()": (future) => future.result().catch(() => {}),
    "error()": (future) => future.error(),
    "onDone()": (future) => future.onDone(() => {}),
    "select": (future) => select({ future }).catch(() => {}),
  };
  for (const [name, notice] of Object.entries(ways)) {
    for (const when of ["before its end", "after its end"]) {
      await using pool = new TaskPool(1);
      const gate = foreign();
      const future = pool.submit(async () => {
        await gate.promise;
        throw new Error(`${name} ${when}`);
      });
      if (when === "before its end") notice(future);
      gate.resolve();
      await waitAllTasksBlocked();
      assertEquals(faces(future), FAILED);
      if (when === "after its end") await notice(future);
    }
  }
});

Deno.test("state and progress are no look at a failure, nor is a wait that was cancelled before it began", async () => {
  const boom = new Error("boom");
  const pool = new TaskPool(1);
  const future = pool.submit(failing(boom));
  for await (const _ of future.progress);
  assertEquals(faces(future), FAILED);
  await cancelScope(async (scope) => {
    scope.cancel();
    await future;
  });
  assertStrictEquals(await thrownBy(pool.shutdown()), boom);
});

Deno.test("who has waited and was not there any more when the job failed has not looked at its failure", async () => {
  const ways: Record<string, (future: Future<unknown>) => Promise<unknown>> = {
    "a time-out": (future) => future.result({ timeout: 0 }),
    "a cancellation": (future) => cutShort(() => future.error()),
    "a select that another has won": (future) => select({ future, late: after(0) }),
    "a loop that was left": async (future) => {
      for await (const _ of asCompleted<Future<unknown>>([pool.submit(() => 1), future])) break;
    },
  };
  let pool: TaskPool;
  for (const [name, wait] of Object.entries(ways)) {
    pool = new TaskPool(2);
    const boom = new Error(name);
    const gate = foreign();
    const future = pool.submit(async () => {
      await gate.promise;
      throw boom;
    });
    await wait(future).catch((error) => assert(error instanceof TimeoutError));
    gate.resolve();
    assertStrictEquals(await thrownBy(pool.shutdown()), boom);
  }
});

Deno.test("a cancelled job is no failure: shutdown() does not throw it", async () => {
  const pool = new TaskPool(1);
  pool.submit(endless).cancel();
  pool.submit(endless).cancel();
  await pool.shutdown();
  assertEquals(pool.stats().cancelled, 2);
});

Deno.test("of failures that nobody looks at a hundred are kept, and no more", async () => {
  const pool = new TaskPool(1);
  for (let n = 0; n < 150; n++) pool.submit(failing(new Error(`${n}`)));
  const thrown = await thrownBy(pool.shutdown());
  assertEquals([(thrown as Error).message, suppressedErrors(thrown).length], ["0", 99]);
  assertEquals(pool.stats().failed, 150);
});

Deno.test("A wait for a job that nobody awaits any more does not end the program when the job is cancelled", async () => {
  const unhandled = await unhandledRejections(async () => {
    await using pool = new TaskPool(1);
    const future = pool.submit(endless);
    void future.result();
    void future.then();
    void future.error();
    void pool.run(endless);
    await pool.shutdown({ wait: false, cancelPending: true });
    future.cancel();
  });
  assertEquals(unhandled, []);
});

Deno.test("A failure of a job that nobody handles where it is awaited is as loud as ever", async () => {
  const boom = new Error("boom");
  const unhandled = await unhandledRejections(async () => {
    await using pool = new TaskPool(1);
    void pool.submit(failing(boom)).result();
    await waitAllTasksBlocked();
  });
  assertEquals(unhandled, [boom]);
});

Deno.test("No interruption of a wait for a job loses its outcome [C7]", async () => {
  for (
    const wait of [(future: Future<number>) => future.then(), (f: Future<number>) => f.result()]
  ) {
    const { interrupted } = await interruptAtEveryStep(async (interrupt) => {
      await using pool = new TaskPool(1);
      const future = pool.submit(async () => {
        await yieldNow();
        return 1;
      });
      const { interrupted, value } = await interrupt(() => wait(future));
      if (!interrupted) assertEquals(value, 1);
      assertEquals(await future, 1);
    });
    assert(interrupted > 1);
  }
});

Deno.test("the types of futures follow from the function", async () => {
  await using pool = new TaskPool(4);
  const number = pool.submit((a: number, b: string) => a + b.length, 1, "b");
  assertType<Same<typeof number, Future<number>>>();
  const text = pool.submit(async () => await Promise.resolve("text"));
  assertType<Same<typeof text, Future<string>>>();
  const result = number.result();
  assertType<Same<typeof result, Promise<number>>>();
  assertEquals([await number, await result, await text], [2, 2, "text"]);
});
