/**
 * `all`: every result, or the first failure once everybody else has ended.
 *
 * @module
 */

import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  all,
  cancelScope,
  checkpoint,
  currentTask,
  isCancelled,
  moveOnAfter,
  shield,
  sleep,
  suppressedErrors,
  type Task,
  taskGroup,
  yieldNow,
} from "../../mod.ts";
import {
  interruptAtEveryStep,
  waitAllTasksBlocked,
  withLeakCheck,
  withVirtualTime,
} from "../../primitives/testing/mod.ts";
import { assertType, calling, foreign, type Same, withHole } from "./probes.ts";

Deno.test("all gives the results in the order of the functions, whoever ends first", async () => {
  const ends: string[] = [];
  const results = await withVirtualTime(() =>
    all([30, 10, 20].map((ms) => async () => {
      await sleep(ms);
      ends.push(`after ${ms}`);
      return ms;
    }))
  );
  assertEquals(ends, ["after 10", "after 20", "after 30"]);
  assertEquals(results, [30, 10, 20]);
});

Deno.test("all takes functions that return values, promises or anything with a then", async () => {
  const thenable: PromiseLike<string> = {
    then: (resolve) => Promise.resolve("thenable").then(resolve),
  };
  const results = await all([() => "value", async () => "promise", () => thenable, () => {}]);
  assertEquals(results, ["value", "promise", "thenable", undefined]);
});

Deno.test("all of nothing is an empty list", async () => {
  assertEquals(await all([]), []);
});

Deno.test("all runs each function in a task of its own, named after it, which it is called with", async () => {
  const tasks = await all([
    function oak(task) {
      return [task, currentTask()] as const;
    },
    async function elm(task) {
      await yieldNow();
      return [task, currentTask()] as const;
    },
  ]);
  assertEquals(tasks.map(([task]) => task.name), ["oak", "elm"]);
  for (const [given, current] of tasks) assertStrictEquals<Task<unknown>>(given, current);
});

Deno.test("all has started every function when the call returns, in their order", async () => {
  const started: number[] = [];
  const results = all([1, 2, 3].map((n) => () => void started.push(n)));
  assertEquals(started, [1, 2, 3]);
  await results;
});

Deno.test("all throws the first failure as it is, after the others were cancelled and have cleaned up [G2]", async () => {
  const boom = new Error("boom");
  const log: string[] = [];
  const thrown = await assertRejects(() =>
    all([
      async () => {
        try {
          await sleep(Infinity);
        } finally {
          log.push("cancelled");
          await shield(async () => {
            await yieldNow();
            log.push("cleaned up");
          });
        }
      },
      async () => {
        await yieldNow();
        throw boom;
      },
    ])
  );
  log.push("thrown");
  assertStrictEquals(thrown, boom);
  assertEquals(log, ["cancelled", "cleaned up", "thrown"]);
});

Deno.test("all waits for a function that cannot be cancelled, as it awaits something foreign", async () => {
  const { promise, resolve } = foreign();
  let thrown = false;
  const failing = all([() => promise, () => Promise.reject(new Error("boom"))]);
  const seen = assertRejects(() => failing, Error, "boom").then(() => thrown = true);
  await waitAllTasksBlocked();
  assertEquals(thrown, false);
  resolve();
  await seen;
});

Deno.test("in all, a function that throws at once lets the others run to their first checkpoint [G4, G5]", async () => {
  const boom = new Error("boom");
  const log: string[] = [];
  const thrown = await assertRejects(() =>
    all([
      () => {
        throw boom;
      },
      async () => {
        log.push("started");
        await checkpoint();
        log.push("passed a checkpoint");
      },
    ])
  );
  assertStrictEquals(thrown, boom);
  assertEquals(log, ["started"]);
});

Deno.test("all keeps the failures of the wind-down with the first one, in the order in which they came [G2]", async () => {
  const [first, second, third] = ["first", "second", "third"].map((text) => new Error(text));
  const failsToCleanUp = async (turns: number, error: Error) => {
    try {
      await sleep(Infinity);
    } finally {
      await shield(async () => {
        for (let turn = 0; turn < turns; turn++) await yieldNow();
      });
      // deno-lint-ignore no-unsafe-finally
      throw error;
    }
  };
  const thrown = await assertRejects(() =>
    all([
      () => failsToCleanUp(2, third),
      () => failsToCleanUp(1, second),
      () => Promise.reject(first),
    ])
  );
  assertStrictEquals(thrown, first);
  assertEquals(suppressedErrors(thrown), [second, third]);
});

Deno.test("all throws whatever was thrown, also what is no Error", async () => {
  for (const thrown of ["a string", undefined, null, 0, { code: 7 }]) {
    let caught: unknown = "nothing";
    await all([() => sleep(Infinity), () => Promise.reject(thrown)]).catch((error) =>
      caught = error
    );
    assertStrictEquals(caught, thrown);
  }
});

Deno.test("all owes every result, so that a function that cancelled its own task makes it throw", async () => {
  const log: string[] = [];
  const thrown = await assertRejects(() =>
    all([
      async (task) => {
        task.cancel("I give up");
        await checkpoint();
      },
      async () => {
        try {
          await sleep(Infinity);
        } finally {
          log.push("the other was cancelled");
        }
      },
    ])
  );
  assert(isCancelled(thrown));
  assertEquals(thrown.reason, "I give up");
  assertEquals(log, ["the other was cancelled"]);
});

Deno.test("all under a scope that is cancelled ends with that scope's Cancelled, when all have ended", async () => {
  let running = 0;
  const scopes = await cancelScope(async (scope) => {
    const nap = async () => {
      running++;
      try {
        await sleep(Infinity);
      } finally {
        running--;
      }
    };
    const naps = assertRejects(() => all([nap, nap, nap]));
    assertEquals(running, 3);
    scope.cancel();
    const thrown = await naps;
    assertEquals(running, 0);
    return [scope.cancelled, thrown];
  });
  assertStrictEquals(scopes?.[0], scopes?.[1]);
});

Deno.test("moveOnAfter bounds all", async () => {
  await withVirtualTime(async (time) => {
    const result = await moveOnAfter(10, () => all([() => sleep(5), () => sleep(Infinity)]));
    assertEquals(result, { timedOut: true, value: undefined });
    assertEquals(time.elapsed, 10);
  });
});

Deno.test("a call of all within all belongs to the function that made it", async () => {
  const log: string[] = [];
  const leaf = async () => {
    try {
      await sleep(Infinity);
    } finally {
      log.push("leaf");
    }
  };
  await assertRejects(
    () =>
      all([
        () => all([leaf, () => all([leaf, leaf])]),
        async () => {
          await yieldNow();
          throw new Error("boom");
        },
      ]),
    Error,
    "boom",
  );
  assertEquals(log, ["leaf", "leaf", "leaf"]);
});

Deno.test("all of ten thousand", async () => {
  const results = await withVirtualTime(() =>
    all(Array.from({ length: 10_000 }, (_, n) => async () => {
      await sleep(10_000 - n);
      return n;
    }))
  );
  assertEquals(results.every((result, index) => result === index), true);
});

Deno.test("all says at the call what is wrong with its argument, and starts nothing [E1]", () => {
  let started = 0;
  const start = () => void started++;
  assertThrows(calling(all), TypeError, "must be an array of functions: received undefined");
  assertThrows(
    calling(all, start),
    TypeError,
    "must be an array of functions: received the function start",
  );
  assertThrows(
    calling(all, new Set([start])),
    TypeError,
    "must be an array of functions: received a Set",
  );
  assertThrows(calling(all, [start, 7]), TypeError, "element 1 must be a function: received 7");
  assertThrows(
    calling(all, [start, Promise.resolve()]),
    TypeError,
    "element 1 must be a function: received a Promise. Pass the function itself",
  );
  assertEquals(started, 0);
});

Deno.test("a hole in the list given to all is no function", () => {
  let started = 0;
  assertThrows(
    calling(all, withHole(() => void started++)),
    TypeError,
    "element 1 must be a function: received undefined",
  );
  assertEquals(started, 0);
});

Deno.test("all may be cancelled at every step: everybody has ended then, and nothing is left", async () => {
  const { interrupted } = await interruptAtEveryStep((interrupt) =>
    withLeakCheck(async () => {
      let running = 0;
      const work = async () => {
        running++;
        try {
          await yieldNow();
          await yieldNow();
        } finally {
          await shield(yieldNow);
          running--;
        }
        return running;
      };
      await interrupt(() => all([work, work, work]));
      assertEquals(running, 0);
    })
  );
  assert(interrupted > 2);
});

Deno.test("all may be cancelled at every step of its wind-down: the failure is not lost", async () => {
  await interruptAtEveryStep((interrupt) =>
    withLeakCheck(async () => {
      const boom = new Error("boom");
      let failed = false;
      let thrown: unknown;
      await interrupt(() =>
        all([
          async () => {
            await yieldNow();
            failed = true;
            throw boom;
          },
          () => sleep(Infinity),
        ]).catch((error) => {
          thrown = error;
        })
      );
      assertEquals(thrown === boom, failed);
    })
  );
});

Deno.test("all infers a tuple of what the functions resolve to", async () => {
  const [one, two, three] = await all([() => 1, async () => "two", () => Promise.resolve(true)]);
  assertType<Same<typeof one, number>>();
  assertType<Same<typeof two, string>>();
  assertType<Same<typeof three, boolean>>();

  const list: ((task: Task) => Promise<Date>)[] = [];
  const dates = await all(list);
  assertType<Same<typeof dates, Date[]>>();

  const fixed = [() => 1, () => "two"] as const;
  const pair = await all(fixed);
  assertType<Same<typeof pair, [number, string]>>();

  const none = await all([]);
  assertType<Same<typeof none, []>>();

  await all([
    (task) => {
      assertType<Same<typeof task, Task<unknown>>>();
    },
  ]);
  // @ts-expect-error: a promise is no function
  const wrong = () => all([Promise.resolve(1)]);
  void wrong;
});

Deno.test("what all starts belongs to the task that called it", async () => {
  await taskGroup(async (group) => {
    const caller = group.spawn(async () => {
      const [parent] = await all([() => currentTask().parent?.name]);
      assertEquals(parent, "caller");
    }, { name: "caller" });
    await caller;
  });
});
