/**
 * `allSettled`: how each of them ended; a failure cancels nobody.
 *
 * @module
 */

import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  allSettled,
  cancelScope,
  checkpoint,
  isCancelled,
  moveOnAfter,
  shield,
  sleep,
  yieldNow,
} from "../../mod.ts";
import {
  interruptAtEveryStep,
  withLeakCheck,
  withVirtualTime,
} from "../../primitives/testing/mod.ts";
import { assertType, calling, foreign, type Same, withHole } from "./probes.ts";

Deno.test("allSettled tells how each function ended, in their order, and cancels nobody", async () => {
  const boom = new Error("boom");
  const bang = new Error("bang");
  const results = await withVirtualTime(() =>
    allSettled([
      async () => {
        await sleep(30);
        return "slow";
      },
      async () => {
        await sleep(10);
        throw boom;
      },
      () => {
        throw bang;
      },
      () => "at once",
    ])
  );
  assertEquals(results, [
    { status: "fulfilled", value: "slow" },
    { status: "rejected", reason: boom },
    { status: "rejected", reason: bang },
    { status: "fulfilled", value: "at once" },
  ]);
  assertStrictEquals((results[1] as PromiseRejectedResult).reason, boom);
});

Deno.test("allSettled of nothing is an empty list", async () => {
  assertEquals(await allSettled([]), []);
});

Deno.test("allSettled runs each function in a task named after it, which it is called with", async () => {
  const results = await allSettled([
    function oak(task) {
      return task.name;
    },
    async function elm(task) {
      await yieldNow();
      return task.name;
    },
  ]);
  assertEquals(results.map((result) => result.status === "fulfilled" && result.value), [
    "oak",
    "elm",
  ]);
});

Deno.test("allSettled waits for those that go on after a failure, for as long as they need", async () => {
  const { promise, resolve } = foreign<string>();
  const settled = allSettled([() => Promise.reject(new Error("boom")), () => promise]);
  await yieldNow();
  resolve("in the end");
  assertEquals((await settled)[1], { status: "fulfilled", value: "in the end" });
});

Deno.test("a function that cancels its own task counts as rejected in allSettled", async () => {
  const [given, other] = await allSettled([
    async (task) => {
      task.cancel("I give up");
      await checkpoint();
    },
    () => "goes on",
  ]);
  assert(given.status === "rejected" && isCancelled(given.reason));
  assertEquals(given.reason.reason, "I give up");
  assertEquals(other, { status: "fulfilled", value: "goes on" });
});

Deno.test("a cancellation from outside is no result of allSettled: it goes on up, when all have ended", async () => {
  const log: string[] = [];
  await cancelScope(async (scope) => {
    const settled = allSettled([
      () => "done before",
      async () => {
        try {
          await sleep(Infinity);
        } finally {
          await shield(yieldNow);
          log.push("cleaned up");
        }
      },
    ]);
    scope.cancel();
    const thrown = await assertRejects(() => settled);
    log.push("thrown");
    assertStrictEquals(thrown, scope.cancelled);
  });
  assertEquals(log, ["cleaned up", "thrown"]);
});

Deno.test("moveOnAfter bounds allSettled", async () => {
  await withVirtualTime(async (time) => {
    const { timedOut } = await moveOnAfter(10, () => allSettled([() => sleep(Infinity)]));
    assertEquals([timedOut, time.elapsed], [true, 10]);
  });
});

Deno.test("a clean-up that fails while allSettled is cancelled from outside is thrown, not lost", async () => {
  const boom = new Error("boom");
  const thrown = await assertRejects(() =>
    cancelScope(async (scope) => {
      const settled = allSettled([
        async () => {
          try {
            await sleep(Infinity);
          } finally {
            // deno-lint-ignore no-unsafe-finally
            throw boom;
          }
        },
      ]);
      scope.cancel();
      await settled;
    })
  );
  assertStrictEquals(thrown, boom);
});

Deno.test("allSettled says at the call what is wrong with its argument, and starts nothing [E1]", () => {
  let started = 0;
  const start = () => void started++;
  assertThrows(calling(allSettled), TypeError, "must be an array of functions: received undefined");
  assertThrows(
    calling(allSettled, "text"),
    TypeError,
    'must be an array of functions: received "text"',
  );
  assertThrows(
    calling(allSettled, [start, null]),
    TypeError,
    "element 1 must be a function: received null",
  );
  assertEquals(started, 0);
});

Deno.test("a hole in the list given to allSettled is no function", () => {
  let started = 0;
  assertThrows(
    calling(allSettled, withHole(() => void started++)),
    TypeError,
    "element 1 must be a function: received undefined",
  );
  assertEquals(started, 0);
});

Deno.test("allSettled may be cancelled at every step: everybody has ended then, and nothing is left", async () => {
  const { interrupted } = await interruptAtEveryStep((interrupt) =>
    withLeakCheck(async () => {
      let running = 0;
      const work = (fails: boolean) => async () => {
        running++;
        try {
          await yieldNow();
          if (fails) throw new Error("boom");
          await yieldNow();
        } finally {
          running--;
        }
      };
      const run = await interrupt(() => allSettled([work(true), work(false), work(true)]));
      assertEquals(running, 0);
      if (!run.interrupted) {
        assertEquals(run.value.map(({ status }) => status), ["rejected", "fulfilled", "rejected"]);
      }
    })
  );
  assert(interrupted > 2);
});

Deno.test("allSettled infers a tuple of results", async () => {
  const results = await allSettled([() => 1, async () => "two"]);
  assertType<
    Same<typeof results, [PromiseSettledResult<number>, PromiseSettledResult<string>]>
  >();
  const list: (() => Promise<Date>)[] = [];
  const dates = await allSettled(list);
  assertType<Same<typeof dates, PromiseSettledResult<Date>[]>>();
});
