/**
 * `any`: the first to succeed; failures count only when all have failed.
 *
 * @module
 */

import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  any,
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
  waitAllTasksBlocked,
  withLeakCheck,
  withVirtualTime,
} from "../../primitives/testing/mod.ts";
import { assertType, calling, foreign, type Same, withHole } from "./probes.ts";

function failing(text: string, ms = 0): () => Promise<never> {
  return async () => {
    if (ms > 0) await sleep(ms);
    throw new Error(text);
  };
}

function succeeding<T>(value: T, ms = 0): () => Promise<T> {
  return async () => {
    if (ms > 0) await sleep(ms);
    return value;
  };
}

Deno.test("any gives the first success, whatever failed before it", async () => {
  await withVirtualTime(async (time) => {
    const first = await any([
      failing("at once"),
      succeeding("late", 30),
      succeeding("first", 20),
      failing("soon", 10),
    ]);
    assertEquals([first, time.elapsed], ["first", 20]);
  });
});

Deno.test("any returns when the losers were cancelled and have cleaned up", async () => {
  const log: string[] = [];
  const loser = async () => {
    try {
      await sleep(Infinity);
    } finally {
      log.push("cancelled");
      await shield(yieldNow);
      log.push("cleaned up");
    }
  };
  assertEquals(await any([loser, succeeding("won")]), "won");
  assertEquals(log, ["cancelled", "cleaned up"]);
});

Deno.test("any waits for a loser that cannot be cancelled, as it awaits something foreign", async () => {
  const { promise, resolve } = foreign<string>();
  let ended = false;
  const result = any([() => promise, () => "won"]).finally(() => ended = true);
  await waitAllTasksBlocked();
  assertEquals(ended, false);
  resolve("late");
  assertEquals(await result, "won");
});

Deno.test("a success that is undefined wins as any other does", async () => {
  assertEquals(await any([() => {}, failing("boom")]), undefined);
});

Deno.test("when two succeed in one turn, any takes the one that came first", async () => {
  const { promise, resolve } = foreign();
  const result = any([() => promise.then(() => "one"), () => promise.then(() => "two")]);
  resolve();
  assertEquals(await result, "one");
});

Deno.test("when all fail, any throws an AggregateError with the errors in the order of the functions", async () => {
  const boom = new Error("as it is");
  await withVirtualTime(async () => {
    const error = await assertRejects(
      () =>
        any([failing("30", 30), failing("10", 10), () => Promise.reject(boom), failing("20", 20)]),
      AggregateError,
      "All functions failed",
    );
    assertEquals(error.errors.map((each) => each.message), ["30", "10", "as it is", "20"]);
    assertStrictEquals(error.errors[2], boom);
  });
});

Deno.test("any of one failure is an AggregateError as well, and any of nothing an empty one", async () => {
  const one = await assertRejects(() => any([failing("alone")]), AggregateError);
  assertEquals(one.errors.length, 1);
  const none = await assertRejects(() => any([]), AggregateError);
  assertEquals(none.errors, []);
});

Deno.test("a function that cancels its own task has failed, as any sees it", async () => {
  const givingUp = async (task: { cancel(reason: string): void }) => {
    task.cancel("I give up");
    await checkpoint();
  };
  assertEquals(await any([givingUp, succeeding("goes on")]), "goes on");
  const error = await assertRejects(() => any([givingUp]), AggregateError);
  assert(isCancelled(error.errors[0]));
});

Deno.test("a loser of any that fails after the win changes nothing: failures count only when all have failed", async () => {
  const { promise, reject } = foreign<string>();
  const result = any([() => promise, () => "won"]);
  await waitAllTasksBlocked();
  reject(new Error("unreachable, as it turned out"));
  assertEquals(await result, "won");
});

Deno.test("a cancellation from outside ends any with that Cancelled, when all have ended", async () => {
  let running = 0;
  await cancelScope(async (scope) => {
    const nap = async () => {
      running++;
      try {
        await sleep(Infinity);
      } finally {
        running--;
      }
    };
    const result = any([nap, failing("before"), nap]);
    assertEquals(running, 2);
    scope.cancel();
    assertStrictEquals(await assertRejects(() => result), scope.cancelled);
    assertEquals(running, 0);
  });
});

Deno.test("moveOnAfter bounds any", async () => {
  await withVirtualTime(async (time) => {
    const { timedOut } = await moveOnAfter(10, () => any([failing("boom", 5), () => sleep(60)]));
    assertEquals([timedOut, time.elapsed], [true, 10]);
  });
});

Deno.test("any says at the call what is wrong with its argument, and starts nothing [E1]", () => {
  let started = 0;
  const start = () => void started++;
  assertThrows(calling(any), TypeError, "must be an array of functions: received undefined");
  assertThrows(calling(any, {}), TypeError, "must be an array of functions: received an object");
  assertThrows(calling(any, [start, "x"]), TypeError, 'element 1 must be a function: received "x"');
  assertEquals(started, 0);
});

Deno.test("a hole in the list given to any is no function", () => {
  let started = 0;
  assertThrows(
    calling(any, withHole(() => void started++)),
    TypeError,
    "element 1 must be a function: received undefined",
  );
  assertEquals(started, 0);
});

Deno.test("any may be cancelled at every step: everybody has ended then, and nothing is left", async () => {
  const { interrupted } = await interruptAtEveryStep((interrupt) =>
    withLeakCheck(async () => {
      let running = 0;
      const work = (turns: number, fails: boolean) => async () => {
        running++;
        try {
          for (let turn = 0; turn < turns; turn++) await yieldNow();
          if (fails) throw new Error("boom");
          return turns;
        } finally {
          running--;
        }
      };
      const run = await interrupt(() => any([work(1, true), work(3, false), work(9, false)]));
      assertEquals(running, 0);
      if (!run.interrupted) assertEquals(run.value, 3);
    })
  );
  assert(interrupted > 2);
});

Deno.test("any infers the union of what the functions resolve to", async () => {
  const either = await any([() => 1, async () => "two"]);
  assertType<Same<typeof either, number | string>>();
});
