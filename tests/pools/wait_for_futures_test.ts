/**
 * `asCompleted` and `wait` over the futures of jobs, and over futures mixed with tasks: what
 * CPython's `test_concurrent_futures` asks of them.
 *
 * @module
 */

import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  asCompleted,
  cancelScope,
  type End,
  type Future,
  isCancelled,
  moveOnAfter,
  sleep,
  type Task,
  taskGroup,
  TaskPool,
  TimeoutError,
  wait,
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

type Ending = Future<unknown> | Task;

/** Jobs that sleep so long, and are called by it. */
function sleepers(pool: TaskPool, ...times: number[]): Future<number>[] {
  return times.map((ms) =>
    pool.with({ name: String(ms) }).submit(async () => {
      await sleep(ms);
      return ms;
    })
  );
}

function failing(pool: TaskPool, ms: number): Future<never> {
  return pool.with({ name: `boom ${ms}` }).submit(async () => {
    await sleep(ms);
    throw new Error(`after ${ms}`);
  });
}

async function names(ends: AsyncIterable<End<Ending>>): Promise<string[]> {
  const list: string[] = [];
  for await (const { ended } of ends) list.push(ended.name);
  return list;
}

function named({ done, pending }: { done: Ending[]; pending: Ending[] }) {
  return { done: done.map(({ name }) => name), pending: pending.map(({ name }) => name) };
}

Deno.test("asCompleted gives futures in the order of their ends", async () => {
  await withVirtualTime(async () => {
    await using pool = new TaskPool(3);
    const values: number[] = [];
    for await (const { ended } of asCompleted(sleepers(pool, 30, 10, 20))) {
      assert(ended.done);
      values.push(await ended);
    }
    assertEquals(values, [10, 20, 30]);
  });
});

Deno.test("asCompleted gives a future once that is named twice", async () => {
  await withVirtualTime(async () => {
    await using pool = new TaskPool(2);
    const [one, two] = sleepers(pool, 10, 20);
    assertEquals(await names(asCompleted([two, one, two, one])), ["10", "20"]);
    assertEquals(await names(asCompleted([two, two])), ["20"]);
  });
});

Deno.test("asCompleted gives futures that have ended before it first, and of no future ends at once", async () => {
  await withVirtualTime(async () => {
    await using pool = new TaskPool(4);
    const futures = sleepers(pool, 50, 2, 1, 40);
    await sleep(5);
    assertEquals(await names(asCompleted(futures)), ["2", "1", "40", "50"]);
    assertEquals(await names(asCompleted([])), []);
  });
});

Deno.test("asCompleted gives failed and cancelled jobs too, queued ones included, and throws nothing itself", async () => {
  await withVirtualTime(async () => {
    await using pool = new TaskPool(2);
    const failed = failing(pool, 10);
    const [running, queued] = sleepers(pool, 20, 30);
    queued.cancel();
    const states: string[] = [];
    for await (const { ended } of asCompleted<Future<unknown>>([failed, running, queued])) {
      states.push(`${ended.name} ${ended.state}`);
      if (ended === failed) running.cancel();
    }
    assertEquals(states, ["30 cancelled", "boom 10 failed", "20 cancelled"]);
  });
});

Deno.test("a time limit on asCompleted holds for the whole loop; what has not ended goes on", async () => {
  await withVirtualTime(async (time) => {
    await using pool = new TaskPool(3);
    const futures = sleepers(pool, 10, 20, 30);
    const seen: string[] = [];
    await assertRejects(
      async () => {
        for await (const { ended } of asCompleted(futures, { timeout: 25 })) seen.push(ended.name);
      },
      TimeoutError,
      "25 ms",
    );
    assertEquals([seen, time.elapsed, futures[2].state], [["10", "20"], 25, "running"]);
    assertEquals(await futures[2], 30);
  });
});

Deno.test("with a time limit of 0 asCompleted gives the futures that have ended already", async () => {
  await using pool = new TaskPool(2);
  const ended = pool.submit(function ended() {});
  const going = pool.submit(() => sleep(Infinity));
  const seen: string[] = [];
  await assertRejects(async () => {
    for await (
      const { ended: future } of asCompleted<Future<void>>([going, ended], { timeout: 0 })
    ) {
      seen.push(future.name);
    }
  }, TimeoutError);
  assertEquals(seen, ["ended"]);
  going.cancel();
});

Deno.test("asCompleted and wait take futures and tasks together", async () => {
  await withVirtualTime(async () => {
    await using pool = new TaskPool(2);
    await taskGroup(async (group) => {
      const make = (): Ending[] => [
        ...sleepers(pool, 10, 30),
        group.spawn(() => sleep(20), { name: "task 20" }),
        group.spawn(() => {}, { name: "task 0" }),
      ];
      assertEquals(await names(asCompleted(make())), ["task 0", "10", "task 20", "30"]);
      assertEquals(named(await wait(make(), { timeout: 25 })), {
        done: ["task 0", "10", "task 20"],
        pending: ["30"],
      });
    });
  });
});

Deno.test("leaving asCompleted early cancels no job, and leaves nothing on the futures", async () => {
  await withVirtualTime(() =>
    withLeakCheck(async () => {
      await using pool = new TaskPool(2);
      const [quick, slow] = sleepers(pool, 10, 20);
      for await (const { ended } of asCompleted([slow, quick])) {
        assertStrictEquals(ended, quick);
        break;
      }
      assertEquals(slow.state, "running");
      assertEquals(await slow, 20);
    })
  );
});

Deno.test("a job that ends when its waiter was cancelled is given to the next who asks [C7]", async () => {
  await withVirtualTime(async () => {
    await using pool = new TaskPool(2);
    const ends = asCompleted(sleepers(pool, 10, 20))[Symbol.asyncIterator]();
    assert((await moveOnAfter(5, () => ends.next())).timedOut);
    assertEquals((await ends.next()).value?.ended.name, "10");
    assertEquals((await ends.next()).value?.ended.name, "20");
    assertEquals((await ends.next()).done, true);
  });
});

Deno.test("wait until first: ends with the first end, whichever way it ended", async () => {
  await withVirtualTime(async (time) => {
    await using pool = new TaskPool(3);
    const futures = [...sleepers(pool, 30, 20), failing(pool, 10)];
    assertEquals(named(await wait(futures, { until: "first" })), {
      done: ["boom 10"],
      pending: ["30", "20"],
    });
    assertEquals(time.elapsed, 10);
    assertEquals(named(await wait(futures.slice(0, 2), { until: "first" })), {
      done: ["20"],
      pending: ["30"],
    });
    await futures[0];
  });
});

Deno.test("wait until first with one that has ended already does not wait", async () => {
  await using pool = new TaskPool(2);
  const ended = pool.submit(function ended() {});
  const going = pool.with({ name: "going" }).submit(() => sleep(Infinity));
  assertEquals(named(await wait([going, ended], { until: "first" })), {
    done: ["ended"],
    pending: ["going"],
  });
  going.cancel();
});

Deno.test("wait until first-error: ends with the first failure; a cancelled job is none", async () => {
  await withVirtualTime(async (time) => {
    await using pool = new TaskPool(4);
    const futures = [...sleepers(pool, 10, 99), failing(pool, 30), ...sleepers(pool, 20)];
    futures[3].cancel();
    assertEquals(named(await wait(futures, { until: "first-error" })), {
      done: ["20", "10", "boom 30"],
      pending: ["99"],
    });
    assertEquals(time.elapsed, 30);
    await futures[1];
  });
});

Deno.test("wait until first-error with one that has failed already does not wait, and tells of all that have ended", async () => {
  await withVirtualTime(async (time) => {
    await using pool = new TaskPool(3);
    const futures = [failing(pool, 1), ...sleepers(pool, 2, 50)];
    await sleep(5);
    assertEquals(named(await wait(futures, { until: "first-error" })), {
      done: ["boom 1", "2"],
      pending: ["50"],
    });
    assertEquals(time.elapsed, 5);
    await futures[2];
  });
});

Deno.test("wait until first-error without a failure waits for all", async () => {
  await withVirtualTime(async () => {
    await using pool = new TaskPool(2);
    assertEquals(named(await wait(sleepers(pool, 20, 10), { until: "first-error" })), {
      done: ["10", "20"],
      pending: [],
    });
  });
});

Deno.test("wait for all: all ends, failures and cancellations included, and no error is thrown", async () => {
  await withVirtualTime(async () => {
    await using pool = new TaskPool(3);
    const futures = [failing(pool, 20), ...sleepers(pool, 10, 30, 5)];
    futures[2].cancel();
    const { done, pending } = await wait(futures);
    assertEquals(done.map(({ name, state }) => `${name} ${state}`), [
      "30 cancelled",
      "5 succeeded",
      "10 succeeded",
      "boom 20 failed",
    ]);
    assertEquals(pending, []);
  });
});

Deno.test("wait gives a future once that is named twice, in the one list or the other", async () => {
  await using pool = new TaskPool(2);
  const ended = pool.submit(() => 1);
  const going = pool.submit(() => sleep(Infinity));
  const { done, pending } = await wait<Future<unknown>>([going, ended, ended, going], {
    until: "first",
  });
  assertEquals([done.length, pending.length], [1, 1]);
  assertStrictEquals(done[0], ended);
  assertStrictEquals(pending[0], going);
  going.cancel();
});

Deno.test("the time limit of wait is no error: what has not ended is pending, and goes on", async () => {
  await withVirtualTime(async () => {
    await using pool = new TaskPool(2);
    const futures = sleepers(pool, 10, 20, 30); // The last has to wait for a place until 10.
    assertEquals(named(await wait(futures, { timeout: 25 })), {
      done: ["10", "20"],
      pending: ["30"],
    });
    assertEquals(named(await wait(futures, { timeout: 0 })), {
      done: ["10", "20"],
      pending: ["30"],
    });
    assertEquals(await futures[2], 30);
  });
});

Deno.test("the signal of asCompleted and wait ends them with its reason, and listens no longer", async () => {
  await using pool = new TaskPool(1);
  const future = pool.submit(() => sleep(Infinity));
  const controller = new SpiedController();
  const { signal } = controller;
  const waits = [
    thrownBy(wait([future], { signal })),
    thrownBy(names(asCompleted([future], { signal }))),
  ];
  await waitAllTasksBlocked();
  controller.abort("enough");
  assertEquals(await Promise.all(waits), ["enough", "enough"]);
  assertEquals([controller.listeners, future.state], [0, "running"]);
  future.cancel();
});

Deno.test("in a cancelled scope asCompleted and wait throw, and the jobs go on [C1]", async () => {
  await using pool = new TaskPool(1);
  const gate = foreign();
  const future = pool.submit(() => gate.promise);
  await cancelScope(async (scope) => {
    const waits = [wait([future]), names(asCompleted([future]))].map((wait) => thrownBy(wait));
    await waitAllTasksBlocked();
    scope.cancel();
    for (const thrown of await Promise.all(waits)) assert(isCancelled(thrown));
    assert(isCancelled(await thrownBy(wait([future]))));
  });
  assertEquals(future.state, "running");
  gate.resolve();
});

Deno.test("what asCompleted gives and wait tells of counts as looked at: shutdown() does not throw it", async () => {
  for (const hasEnded of [false, true]) {
    await using pool = new TaskPool(3);
    const futures = [1, 2, 3].map(() => pool.submit(() => Promise.reject(new Error("boom"))));
    if (hasEnded) await waitAllTasksBlocked();
    await names(asCompleted([futures[0]]));
    await wait([futures[1]]);
    await wait([futures[2]], { until: "first-error" });
  }
});

Deno.test("asCompleted of two hundred jobs in a pool of three gives each once", async () => {
  await using pool = new TaskPool(3);
  const futures = Array.from(
    { length: 200 },
    (_, n) => pool.with({ name: `${n}` }).submit(() => Promise.resolve(n)),
  );
  const seen = await names(asCompleted(futures));
  assertEquals(seen.sort(), futures.map(({ name }) => name).sort());
});

Deno.test("asCompleted and wait say at the call that they take futures [E1]", () => {
  for (const call of [asCompleted, wait]) {
    assertThrows(
      calling(call, [Promise.resolve()]),
      TypeError,
      "Cannot wait as each element must be a task or future: received a Promise",
    );
  }
});

Deno.test("no interruption of asCompleted loses a job that has ended [C7]", async () => {
  const { interrupted } = await interruptAtEveryStep(async (interrupt) => {
    await using pool = new TaskPool(2);
    const gates = [foreign<number>(), foreign<number>()];
    const futures = gates.map(({ promise }) => pool.submit(() => promise));
    const ends = asCompleted(futures)[Symbol.asyncIterator]();
    const seen = new Set<unknown>();
    const { interrupted } = await interrupt(async () => {
      const first = ends.next();
      gates[1].resolve(1);
      const { value } = await first;
      seen.add(value?.ended);
    });
    gates[1].resolve(1);
    gates[0].resolve(0);
    for (let next = await ends.next(); !next.done; next = await ends.next()) {
      assert(!seen.has(next.value.ended), "given twice");
      seen.add(next.value.ended);
    }
    if (!interrupted) assertEquals(seen.size, 2);
    assertEquals(futures.filter((future) => !seen.has(future)).length, 0);
  });
  assert(interrupted > 0);
});

Deno.test("the type of what asCompleted and wait give is that of the futures", async () => {
  await using pool = new TaskPool(1);
  const futures = [pool.submit(() => 1)];
  const ends = asCompleted(futures);
  assertType<Same<typeof ends, AsyncIterable<End<Future<number>>>>>();
  const { done, pending } = await wait(futures);
  assertType<Same<typeof done, Future<number>[]>>();
  assertType<Same<typeof pending, Future<number>[]>>();
  assertEquals([await done[0], pending], [1, []]);
});
