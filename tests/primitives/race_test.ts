/**
 * `race`: the first to end, in whichever way.
 *
 * @module
 */

import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  cancelScope,
  checkpoint,
  moveOnAfter,
  race,
  shield,
  sleep,
  suppressedErrors,
  yieldNow,
} from "../../mod.ts";
import {
  interruptAtEveryStep,
  waitAllTasksBlocked,
  withLeakCheck,
  withVirtualTime,
} from "../../primitives/testing/mod.ts";
import { assertType, calling, foreign, type Same, withHole } from "./probes.ts";

Deno.test("race gives what the first to end returned", async () => {
  await withVirtualTime(async (time) => {
    const winner = await race([30, 10, 20].map((ms) => async () => {
      await sleep(ms);
      return ms;
    }));
    assertEquals([winner, time.elapsed], [10, 10]);
  });
});

Deno.test("race returns when the losers were cancelled and have cleaned up", async () => {
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
  assertEquals(await race([loser, () => "won"]), "won");
  assertEquals(log, ["cancelled", "cleaned up"]);
});

Deno.test("race waits for a loser that cannot be cancelled, and keeps to its winner", async () => {
  const { promise, resolve } = foreign<string>();
  let ended = false;
  const result = race([() => promise, () => "won"]).finally(() => ended = true);
  await waitAllTasksBlocked();
  assertEquals(ended, false);
  resolve("late");
  assertEquals(await result, "won");
});

Deno.test("in a race that is won at once, the others still start, and run to their first checkpoint", async () => {
  const log: string[] = [];
  const winner = await race([
    () => "at once",
    async () => {
      log.push("started");
      await sleep(Infinity);
      log.push("passed a checkpoint");
    },
  ]);
  assertEquals([winner, log], ["at once", ["started"]]);
});

Deno.test("a winner that returns undefined has won", async () => {
  assertEquals(await race([() => {}, () => sleep(Infinity)]), undefined);
});

Deno.test("when two end in one turn, race takes the one that came first", async () => {
  const { promise, resolve } = foreign();
  const result = race([() => promise.then(() => "one"), () => promise.then(() => "two")]);
  resolve();
  assertEquals(await result, "one");
});

Deno.test("a race whose first to end fails throws that failure as it is, after the others have ended", async () => {
  const boom = new Error("boom");
  const log: string[] = [];
  const thrown = await assertRejects(() =>
    race([
      async () => {
        try {
          await sleep(Infinity);
        } finally {
          await shield(yieldNow);
          log.push("cleaned up");
        }
      },
      async () => {
        await yieldNow();
        throw boom;
      },
    ])
  );
  assertStrictEquals(thrown, boom);
  assertEquals(log, ["cleaned up"]);
});

Deno.test("a loser that fails to clean up is no lost error: race throws it", async () => {
  const boom = new Error("cannot clean up");
  const bang = new Error("nor can I");
  const loser = (error: Error) => async () => {
    try {
      await sleep(Infinity);
    } finally {
      // deno-lint-ignore no-unsafe-finally
      throw error;
    }
  };
  const thrown = await assertRejects(() => race([loser(boom), loser(bang), () => "won"]));
  assertStrictEquals(thrown, boom);
  assertEquals(suppressedErrors(thrown), [bang]);
});

Deno.test("a loser that fails to clean up after a failure is kept with that failure [G2]", async () => {
  const first = new Error("first");
  const later = new Error("cannot clean up");
  const thrown = await assertRejects(() =>
    race([
      async () => {
        try {
          await sleep(Infinity);
        } finally {
          // deno-lint-ignore no-unsafe-finally
          throw later;
        }
      },
      () => Promise.reject(first),
    ])
  );
  assertStrictEquals(thrown, first);
  assertEquals(suppressedErrors(thrown), [later]);
});

Deno.test("one that cancels its own task drops out of the race; when all have, there is nobody to name", async () => {
  const givingUp = async (task: { cancel(reason: string): void }) => {
    task.cancel("I give up");
    await checkpoint();
  };
  const goingOn = async () => {
    await yieldNow();
    await yieldNow();
    return "goes on";
  };
  assertEquals(await race([givingUp, goingOn]), "goes on");
  await assertRejects(() => race([givingUp, givingUp]), AggregateError, "all who took part");
});

Deno.test("a cancellation from outside ends a race with that Cancelled, when all have ended", async () => {
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
    const result = race([nap, nap]);
    scope.cancel();
    assertStrictEquals(await assertRejects(() => result), scope.cancelled);
    assertEquals(running, 0);
  });
});

Deno.test("moveOnAfter bounds a race, and a race within a race ends with it", async () => {
  await withVirtualTime(async (time) => {
    const forever = () => sleep(Infinity);
    const { timedOut } = await moveOnAfter(10, () => race([forever, forever]));
    assertEquals([timedOut, time.elapsed], [true, 10]);
    const winner = await race([() => race([forever, forever]), async () => {
      await sleep(5);
      return "outer";
    }]);
    assertEquals([winner, time.elapsed], ["outer", 15]);
  });
});

Deno.test("race says at the call what is wrong with its argument, and starts nothing [E1]", () => {
  let started = 0;
  const start = () => void started++;
  assertThrows(calling(race), TypeError, "must be an array of functions: received undefined");
  assertThrows(calling(race, [start, 7n]), TypeError, "element 1 must be a function: received 7n");
  assertThrows(
    calling(race, []),
    RangeError,
    "nobody takes part in it. Pass at least one function",
  );
  assertEquals(started, 0);
});

Deno.test("a hole in the list given to race is no function", () => {
  let started = 0;
  assertThrows(
    calling(race, withHole(() => void started++)),
    TypeError,
    "element 1 must be a function: received undefined",
  );
  assertEquals(started, 0);
});

Deno.test("race may be cancelled at every step: everybody has ended then, and nothing is left", async () => {
  const { interrupted } = await interruptAtEveryStep((interrupt) =>
    withLeakCheck(async () => {
      let running = 0;
      const runner = (turns: number) => async () => {
        running++;
        try {
          for (let turn = 0; turn < turns; turn++) await yieldNow();
          return turns;
        } finally {
          await shield(yieldNow);
          running--;
        }
      };
      const run = await interrupt(() => race([runner(5), runner(2), runner(9)]));
      assertEquals(running, 0);
      if (!run.interrupted) assertEquals(run.value, 2);
    })
  );
  assert(interrupted > 2);
});

Deno.test("race infers the union of what the functions resolve to", async () => {
  const either = await race([() => 1, async () => "two"]);
  assertType<Same<typeof either, number | string>>();
});
