/**
 * The iterator behind `map` and `merge`, fed by hand: who takes what, when it ends, and what is left when it is left early.
 *
 * @module
 */

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import {
  activeTasks,
  cancelScope,
  moveOnAfter,
  shield,
  sleep,
  suppressedErrors,
  type TaskGroup,
  taskGroup,
  yieldNow,
} from "../../mod.ts";
import { GroupIterator, type Outlet } from "../../primitives/group_iterator.ts";
import {
  interruptAtEveryStep,
  waitAllTasksBlocked,
  withLeakCheck,
  withVirtualTime,
} from "../../primitives/testing/mod.ts";
import { collect, foreign } from "./probes.ts";

const END = { done: true, value: undefined } as const;

function item<T>(value: T): IteratorResult<T> {
  return { done: false, value };
}

/** An iterator whose one task does as the test says. */
function fed<T>(
  work: (outlet: Outlet<T>, group: TaskGroup) => unknown,
  capacity = 4,
): GroupIterator<T> {
  return new GroupIterator<T>("feed", capacity, (group, outlet) => {
    group.spawn(async () => {
      await work(outlet, group);
    }, { name: "feeder" });
  });
}

Deno.test("nothing runs before the first item is asked for", async () => {
  let begun = 0;
  const items = fed<number>((outlet) => {
    begun++;
    outlet.put(1);
  });
  await waitAllTasksBlocked();
  assertEquals(begun, 0);
  assertEquals(await collect(items), [1]);
  assertEquals(begun, 1);
});

Deno.test("items come in the order in which they were put, and then the end, again and again", async () => {
  const items = fed<string>((outlet) => {
    outlet.put("a");
    outlet.put("b");
  });
  assertEquals(await items.next(), item("a"));
  assertEquals(await items.next(), item("b"));
  assertEquals(await items.next(), END);
  assertEquals(await items.next(), END);
});

Deno.test("undefined is an item like any other", async () => {
  const items = fed<undefined>((outlet) => {
    outlet.put(undefined);
    outlet.put(undefined);
  });
  assertEquals(await collect(items), [undefined, undefined]);
});

Deno.test("several who wait for items get one each, first come, first served [W1]", async () => {
  const { promise, resolve } = foreign();
  const items = fed<string>(async (outlet) => {
    await promise;
    for (const each of ["a", "b", "c"]) outlet.put(each);
  });
  const taken = [items.next(), items.next(), items.next(), items.next(), items.next()];
  resolve();
  assertEquals(await Promise.all(taken), [item("a"), item("b"), item("c"), END, END]);
});

Deno.test("thousands of items that wait are given out in order, and taken from the list", async () => {
  const count = 5_000;
  const items = fed<number>((outlet) => {
    for (let n = 0; n < count; n++) outlet.put(n);
  }, Infinity);
  const list = await collect(items);
  assertEquals(list.length, count);
  assert(list.every((n, index) => n === index));
});

Deno.test("an item put while somebody waits whose wait was cancelled goes to the next who asks [C7]", async () => {
  const { promise, resolve } = foreign();
  const items = fed<string>(async (outlet) => {
    outlet.put("first");
    await promise;
    outlet.put("kept");
  });
  assertEquals(await items.next(), item("first"));
  const result = await moveOnAfter(0, () => items.next());
  assert(result.timedOut);
  resolve();
  assertEquals(await items.next(), item("kept"));
  await items.return();
});

Deno.test("an item handed over before the cancellation is not lost: the cancellation comes after it [C7]", async () => {
  const { promise, resolve } = foreign();
  let received: unknown;
  await cancelScope(async (scope) => {
    const items = fed<string>(async (outlet) => {
      await promise;
      outlet.put("handed over");
      scope.cancel();
    });
    const asked = items.next();
    resolve();
    received = await asked;
    await assertRejects(() => items.next());
  });
  assertEquals(received, item("handed over"));
});

Deno.test("in a cancelled scope next() throws at once, and opens nothing", async () => {
  let begun = 0;
  const items = fed(() => void begun++);
  await cancelScope(async (scope) => {
    scope.cancel();
    assertStrictEquals(await assertRejects(() => items.next()), scope.cancelled);
  });
  assertEquals(begun, 0);
});

Deno.test("a failure comes after the items that were there before it, once, and then the end", async () => {
  const boom = new Error("boom");
  const items = fed<string>((outlet) => {
    outlet.put("a");
    outlet.put("b");
    throw boom;
  });
  assertEquals(await items.next(), item("a"));
  assertEquals(await items.next(), item("b"));
  assertStrictEquals(await assertRejects(() => items.next()), boom);
  assertEquals(await items.next(), END);
});

Deno.test("a failure reaches everybody who waits", async () => {
  const boom = new Error("boom");
  const { promise, reject } = foreign();
  const items = fed(() => promise);
  const waiting = [items.next(), items.next()].map((next) => assertRejects(() => next));
  reject(boom);
  for (const thrown of await Promise.all(waiting)) assertStrictEquals(thrown, boom);
  assertEquals(await items.next(), END);
});

Deno.test("a failure that nobody has met yet is thrown by leaving the loop", async () => {
  const boom = new Error("boom");
  const items = fed<string>((outlet) => {
    outlet.put("a");
    outlet.put("b");
    throw boom;
  });
  const thrown = await assertRejects(async () => {
    for await (const _ of items) {
      await waitAllTasksBlocked();
      break;
    }
  });
  assertStrictEquals(thrown, boom);
  assertEquals(await items.next(), END);
});

Deno.test("a failure that nobody ever asks for is no unhandled rejection", async () => {
  const items = fed<string>((outlet) => {
    outlet.put("a");
    throw new Error("boom");
  });
  assertEquals(await items.next(), item("a"));
  await waitAllTasksBlocked();
});

Deno.test("leaving the loop cancels the tasks and waits until they have cleaned up", async () => {
  const log: string[] = [];
  const items = fed<string>(async (outlet) => {
    outlet.put("a");
    try {
      await sleep(Infinity);
    } finally {
      log.push("cancelled");
      await shield(yieldNow);
      log.push("cleaned up");
    }
  });
  for await (const _ of items) break;
  assertEquals(log, ["cancelled", "cleaned up"]);
});

Deno.test("what was left throws away the items that nobody took, also those put during the wind-down", async () => {
  const items = fed<string>(async (outlet) => {
    for (const each of ["a", "b", "c"]) outlet.put(each);
    try {
      await sleep(Infinity);
    } finally {
      outlet.put("too late");
    }
  });
  assertEquals(await items.next(), item("a"));
  assertEquals(await items.return(), END);
  assertEquals(await items.next(), END);
});

Deno.test("leaving ends those who wait for items", async () => {
  const items = fed(() => sleep(Infinity));
  const waiting = [items.next(), items.next()];
  await items.return();
  assertEquals(await Promise.all(waiting), [END, END]);
});

Deno.test("leaving before the first item opens nothing, and leaving twice does it once", async () => {
  let begun = 0;
  const items = fed(() => void begun++);
  assertEquals(await items.return(), END);
  assertEquals(await items.return(), END);
  assertEquals(await items.next(), END);
  assertEquals(begun, 0);
});

Deno.test("a clean-up that fails when the loop is left is thrown there", async () => {
  const boom = new Error("boom");
  const items = fed<string>(async (outlet) => {
    outlet.put("a");
    try {
      await sleep(Infinity);
    } finally {
      // deno-lint-ignore no-unsafe-finally
      throw boom;
    }
  });
  const thrown = await assertRejects(async () => {
    for await (const _ of items) break;
  });
  assertStrictEquals(thrown, boom);
});

Deno.test("the outlet is full at its capacity, and has room again when half of it was taken", async () => {
  const log: string[] = [];
  const items = fed<number>(async (outlet) => {
    for (let n = 0; n < 4; n++) {
      assertEquals(outlet.full, false);
      outlet.put(n);
    }
    assertEquals(outlet.full, true);
    await outlet.drained();
    log.push("room");
  }, 4);
  assertEquals(await items.next(), item(0));
  await waitAllTasksBlocked();
  assertEquals(log, []);
  assertEquals(await items.next(), item(1));
  await waitAllTasksBlocked();
  assertEquals(log, ["room"]);
  assertEquals(await collect(items), [2, 3]);
});

Deno.test("several tasks that wait for room are all let go on", async () => {
  const log: number[] = [];
  const items = new GroupIterator<number>("feed", 1, (group, outlet) => {
    outlet.put(0);
    for (const n of [1, 2, 3]) {
      group.spawn(async () => {
        await outlet.drained();
        log.push(n);
      });
    }
  });
  assertEquals(await collect(items), [0]);
  assertEquals(log, [1, 2, 3]);
});

Deno.test("a task that waits for room ends when the loop is left", async () => {
  await withLeakCheck(async () => {
    const items = fed<number>(async (outlet) => {
      outlet.put(1);
      outlet.put(2);
      while (outlet.full) await outlet.drained();
    }, 1);
    for await (const _ of items) break;
  });
});

Deno.test("the tasks belong to the task that asked first, and end with it", async () => {
  const log: string[] = [];
  await taskGroup(async (group) => {
    const items = fed<number>(async (outlet) => {
      outlet.put(1);
      try {
        await sleep(Infinity);
      } finally {
        log.push("ended");
      }
    });
    const asking = group.spawn(async () => {
      await items.next();
      assertEquals(activeTasks().map(({ name }) => name), ["asking", "feeder"]);
    }, { name: "asking" });
    await asking;
    assertEquals(log, ["ended"]);
  });
});

Deno.test("who goes on with an iterator whose owner has ended hears of it, and gets no early end", async () => {
  const items = fed<number>(async (outlet) => {
    outlet.put(1);
    await sleep(Infinity);
  });
  await taskGroup((group) => {
    group.spawn(async () => void await items.next());
  });
  // An end would say that these were all the items there are.
  await assertRejects(() => items.next());
});

Deno.test("a cancellation from outside is thrown by the loop as it is, when the tasks have ended", async () => {
  let running = false;
  await cancelScope(async (scope) => {
    const items = fed(async () => {
      running = true;
      try {
        await sleep(Infinity);
      } finally {
        running = false;
      }
    });
    const asked = items.next();
    assert(running);
    scope.cancel();
    assertStrictEquals(await assertRejects(() => asked), scope.cancelled);
    await assertRejects(() => items.return());
    assertEquals(running, false);
  });
});

Deno.test("failures of the wind-down are kept with the first [G2]", async () => {
  const [first, later] = [new Error("first"), new Error("later")];
  const items = new GroupIterator<never>("feed", 1, (group) => {
    group.spawn(async () => {
      try {
        await sleep(Infinity);
      } finally {
        // deno-lint-ignore no-unsafe-finally
        throw later;
      }
    });
    group.spawn(() => Promise.reject(first));
  });
  const thrown = await assertRejects(() => items.next());
  assertStrictEquals(thrown, first);
  assertEquals(suppressedErrors(thrown), [later]);
});

Deno.test("with a time limit for each item, those that come late are not lost [C7]", async () => {
  await withVirtualTime(async () => {
    const items = fed<number>(async (outlet) => {
      for (let n = 0; n < 3; n++) {
        outlet.put(n);
        await sleep(25);
      }
    });
    const seen: unknown[] = [];
    await items.next();
    for (;;) {
      const { timedOut, value } = await moveOnAfter(10, () => items.next());
      if (timedOut) seen.push("waits");
      else if (value.done) break;
      else seen.push(value.value);
    }
    assertEquals(seen, ["waits", "waits", 1, "waits", "waits", 2, "waits", "waits"]);
  });
});

Deno.test("who asks for items may be cancelled at every step, and no item is lost [C7]", async () => {
  await interruptAtEveryStep((interrupt) =>
    withLeakCheck(async () => {
      const items = fed<number>(async (outlet) => {
        for (let n = 0; n < 5; n++) {
          while (outlet.full) await outlet.drained();
          outlet.put(n);
          await yieldNow();
        }
      }, 2);
      const seen: number[] = [];
      seen.push((await items.next()).value);
      await interrupt(async () => {
        for (;;) {
          const next = await items.next();
          if (next.done) break;
          seen.push(next.value);
        }
      });
      assertEquals([...seen, ...await collect(items)], [0, 1, 2, 3, 4]);
    })
  );
});
