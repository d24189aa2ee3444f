/**
 * Grove and `@std/async` together: what the latter does well, Grove does not write again.
 *
 * The helpers of `@std/async` know nothing of scopes. Three things join them: a task's `signal`, for those that take one; the
 * checkpoints in the functions they call; and `isCancelled`, for those that look at errors.
 *
 * @module
 */

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import {
  abortable,
  deadline,
  debounce,
  delay,
  Lazy,
  MuxAsyncIterator,
  poll,
  pooledMap,
  retry,
  RetryError,
  tee,
} from "@std/async";
import {
  all,
  cancelScope,
  currentTask,
  isCancelled,
  map,
  merge,
  moveOnAfter,
  nursery,
  race,
  shield,
  sleep,
  taskGroup,
  yieldNow,
} from "../../mod.ts";
import { waitAllTasksBlocked, withLeakCheck } from "../../primitives/testing/mod.ts";
import { collect, foreign, Numbers } from "./probes.ts";

/** Retries at once: the tests do not wait. A cancellation is no failure that another attempt could mend. */
const AT_ONCE = {
  minTimeout: 0,
  maxTimeout: 1,
  jitter: 0,
  isRetriable: (error: unknown) => !isCancelled(error),
};

Deno.test("retry in a task: each attempt is the task's own, and may use groups", async () => {
  await taskGroup(async (group) => {
    let attempts = 0;
    const task = group.spawn(() =>
      retry(async () => {
        attempts++;
        assertEquals(currentTask().name, "fetching");
        const [page] = await all([() => yieldNow().then(() => `page ${attempts}`), yieldNow]);
        if (attempts < 3) throw new Error("not yet");
        return page;
      }, AT_ONCE), { name: "fetching" });
    assertEquals(await task, "page 3");
  });
});

Deno.test("retry in a task that is cancelled: the attempt ends, and there is no other", async () => {
  await taskGroup(async (group) => {
    let attempts = 0;
    const task = group.spawn(() =>
      retry(async () => {
        attempts++;
        await sleep(Infinity);
      }, AT_ONCE)
    );
    await waitAllTasksBlocked();
    task.cancel();
    await task.join();
    assertEquals([task.state, attempts], ["cancelled", 1]);
  });
});

Deno.test("retry that gives up fails its task with a RetryError, and the group with it", async () => {
  const boom = new Error("boom");
  const error = await assertRejects(
    () =>
      taskGroup(async (group) => {
        group.spawn(() => sleep(Infinity));
        group.spawn(() => retry(() => Promise.reject(boom), { ...AT_ONCE, maxAttempts: 2 }));
        await sleep(Infinity);
      }),
    RetryError,
  );
  assertStrictEquals(error.cause, boom);
});

Deno.test("delay with the task's signal ends when the task is cancelled, with the very Cancelled [C2]", async () => {
  await taskGroup(async (group) => {
    let thrown: unknown;
    const task = group.spawn(async ({ signal }) => {
      try {
        await delay(3_600_000, { signal });
      } catch (error) {
        thrown = error;
        throw error;
      }
    });
    await waitAllTasksBlocked();
    task.cancel("enough");
    await task.join();
    assertEquals(task.state, "cancelled");
    assertStrictEquals(thrown, task.cancelled);
  });
});

Deno.test("abortable with the task's signal lets go of a promise that nobody keeps", async () => {
  const { promise, resolve } = foreign();
  const { timedOut } = await moveOnAfter(0, (scope) => abortable(promise, scope.signal));
  assert(timedOut);
  resolve();
});

Deno.test("a deadline on what a group gives: the one who waits moves on, and the signal ends the group", async () => {
  const log: string[] = [];
  const controller = new AbortController();
  const group = taskGroup(async (group) => {
    group.spawn(async () => {
      try {
        await sleep(Infinity);
      } finally {
        await shield(yieldNow);
        log.push("the child has cleaned up");
      }
    });
    await sleep(Infinity);
  }, { signal: controller.signal });

  const late = await assertRejects(() => deadline(group, 1));
  assertEquals((late as Error).name, "TimeoutError");
  assertEquals(log, []); // A deadline only stops waiting. What ends the work is the group's own signal, or timeout.
  controller.abort(late);
  assertStrictEquals(await assertRejects(() => group), late);
  assertEquals(log, ["the child has cleaned up"]);
});

Deno.test("a deadline that is kept gives what the group gives", async () => {
  const sum = await deadline(
    taskGroup(async (group) => {
      const [a, b] = [group.spawn(() => 1), group.spawn(() => yieldNow().then(() => 2))];
      return await a + await b;
    }),
    3_600_000,
  );
  assertEquals(sum, 3);
});

Deno.test("tee of a map: both readers get every result, each item is worked on once", async () => {
  const source = new Numbers(10);
  let calls = 0;
  const [evens, sum] = await all(
    tee(map(source, async (n) => {
      calls++;
      await yieldNow();
      return n;
    }, { concurrency: 3 })).map((branch, index) => async () => {
      const numbers = await collect(branch);
      return index === 0
        ? numbers.filter((n) => n % 2 === 0).length
        : numbers.reduce((a, b) => a + b);
    }),
  );
  assertEquals([evens, sum, calls, source.taken], [5, 45, 10, 10]);
});

Deno.test("a map that nobody closes, as both branches of its tee were left, ends with the group around it", async () => {
  const source = new Numbers();
  let running = 0;
  await withLeakCheck(() =>
    taskGroup(async () => {
      const [left, right] = tee(map(source, async (n) => {
        running++;
        try {
          if (n > 5) await sleep(Infinity);
        } finally {
          running--;
        }
        return n;
      }));
      for await (const n of left) if (n === 1) break;
      for await (const n of right) if (n === 2) break;
      assert(running > 0);
    })
  );
  assertEquals([running, source.closed], [0, 1]);
});

Deno.test("pooledMap and map: the same results, and a pooledMap is a source of a map", async () => {
  const double = async (n: number) => {
    await yieldNow();
    return 2 * n;
  };
  const theirs = await collect(pooledMap(3, new Numbers(10), double));
  const ours = await collect(map(new Numbers(10), double, { concurrency: 3 }));
  assertEquals(theirs, ours);
  const both = await collect(map(pooledMap(3, new Numbers(4), double), (n) => n + 1));
  assertEquals(both, [1, 3, 5, 7]);
});

Deno.test("a pooledMap whose functions wait in Grove ends when their scope is cancelled", async () => {
  let running = 0;
  await withLeakCheck(() =>
    cancelScope(async (scope) => {
      const results = collect(pooledMap(3, new Numbers(9), async () => {
        running++;
        try {
          await sleep(Infinity);
        } finally {
          running--;
        }
      }));
      await waitAllTasksBlocked();
      assertEquals(running, 3);
      scope.cancel();
      const error = await assertRejects(() => results, AggregateError);
      assert(error.errors.every(isCancelled));
    })
  );
  assertEquals(running, 0);
});

Deno.test("a MuxAsyncIterator is a source of a map, and a map one of its sources", async () => {
  const mux = new MuxAsyncIterator<number>();
  mux.add(map([1, 2], (n) => n));
  mux.add(merge([10], [20]));
  const results = await collect(map(mux, (n) => n + 1, { ordered: false }));
  assertEquals(results.sort((a, b) => a - b), [2, 3, 11, 21]);
});

Deno.test("debounce calls from outside any task; the nursery's spawn takes the call in", async () => {
  const log: string[] = [];
  await nursery(async (group) => {
    const saved = Promise.withResolvers<void>();
    const save = debounce((text: string) => {
      group.spawn(async () => {
        await yieldNow();
        log.push(`saved ${text} in ${currentTask().name}`);
        saved.resolve();
      }, { name: "saving" });
    }, 3_600_000);
    for (const text of ["a", "ab", "abc"]) save(text);
    save.flush();
    await saved.promise;
    assertEquals(save.pending, false);
  });
  assertEquals(log, ["saved abc in saving"]);
});

Deno.test("a debounced call that still waits is cleared when the scope ends", async () => {
  const save = debounce(() => assert(false, "saved after the end"), 3_600_000);
  await cancelScope(async (scope) => {
    try {
      save();
      scope.cancel();
      await sleep(Infinity);
    } finally {
      save.clear();
    }
  });
  assertEquals(save.pending, false);
});

Deno.test("poll with the scope's signal ends when the scope is cancelled", async () => {
  let asked = 0;
  await cancelScope((scope) =>
    poll(
      () => ++asked,
      (count) => {
        if (count === 3) scope.cancel();
        return false;
      },
      { interval: 0, signal: scope.signal },
    )
  );
  assertEquals(asked, 3);
});

Deno.test("a Lazy that several tasks ask for is made once; a race between them cancels no maker", async () => {
  let made = 0;
  const pool = new Lazy(async () => {
    made++;
    await yieldNow();
    return "pool";
  });
  assertEquals(await race([() => pool.get(), () => pool.get()]), "pool");
  assertEquals(await all([() => pool.get(), () => pool.get()]), ["pool", "pool"]);
  assertEquals(made, 1);
});
