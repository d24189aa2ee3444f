/**
 * `merge`: several streams as one.
 *
 * @module
 */

import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  cancelScope,
  map,
  merge,
  moveOnAfter,
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
import {
  assertType,
  calling,
  collect,
  foreign,
  Numbers,
  NumberStream,
  type Same,
} from "./probes.ts";

const END = { done: true, value: undefined } as const;

/** Items at their times. */
async function* timed<T>(...items: [ms: number, item: T][]): AsyncGenerator<T> {
  let passed = 0;
  for (const [ms, item] of items) {
    await sleep(ms - passed);
    passed = ms;
    yield item;
  }
}

/** A stream of nothing that never ends, as long as Grove does not end it. */
// deno-lint-ignore require-yield
async function* silence(
  log: string[] = [],
  clean: () => unknown = () => {},
): AsyncGenerator<never> {
  try {
    await sleep(Infinity);
  } finally {
    await clean();
    log.push("closed");
  }
}

Deno.test("merge gives the items of several streams as they come", async () => {
  const items = await withVirtualTime(() =>
    collect(merge(
      timed([10, "a1"], [40, "a2"]),
      timed([20, "b1"], [30, "b2"], [50, "b3"]),
    ))
  );
  assertEquals(items, ["a1", "b1", "b2", "a2", "b3"]);
});

Deno.test("merge keeps the items of each iterable in their order, and gives all of them", async () => {
  const items = await collect(merge<string>(["a", "b", "c"], new Set(["1", "2"]), "xyz"));
  assertEquals(items.length, 8);
  assertEquals(items.filter((item) => "abc".includes(item)), ["a", "b", "c"]);
  assertEquals(items.filter((item) => "12".includes(item)), ["1", "2"]);
  assertEquals(items.filter((item) => "xyz".includes(item)), ["x", "y", "z"]);
});

Deno.test("merge of nothing, and of what is empty, ends at once", async () => {
  assertEquals(await collect(merge()), []);
  assertEquals(await collect(merge([], timed())), []);
});

Deno.test("merge of one gives what it gives", async () => {
  assertEquals(await collect(merge(timed([0, undefined], [0, null]))), [undefined, null]);
});

Deno.test("merge ends when the last has ended, and goes on while one has not", async () => {
  await withVirtualTime(async (time) => {
    const items = await collect(merge(timed([5, "short"]), timed([100, "long"])));
    assertEquals([items, time.elapsed], [["short", "long"], 100]);
  });
});

Deno.test("merge of endless iterables leaves none of them out", async () => {
  const [ones, others] = [new Numbers(), new Numbers()];
  let count = 0;
  for await (const _ of merge(ones, others)) if (++count === 100) break;
  assert(ones.taken > 25 && others.taken > 25, `${ones.taken} and ${others.taken}`);
  assertEquals([ones.closed, others.closed], [1, 1]);
});

Deno.test("merge opens nothing before the first item is asked for", async () => {
  const numbers = new Numbers();
  const merged = merge(numbers, numbers);
  await waitAllTasksBlocked();
  assertEquals(numbers.opened, 0);
  await merged.return?.();
  assertEquals([numbers.opened, numbers.closed], [0, 0]);
});

Deno.test("merge reads at most one item ahead of each iterable", async () => {
  for (const source of [() => new Numbers(), () => new NumberStream()]) {
    const [busy, other] = [source(), source()];
    const merged = merge<number>(busy, silence(), other, silence());
    for (let given = 1; given <= 10; given++) {
      await merged.next();
      await waitAllTasksBlocked();
      const ahead = busy.taken + other.taken - given;
      assert(ahead <= 2, `${ahead} items of two iterables were read ahead`);
    }
    await merged.return?.();
  }
});

Deno.test("leaving merge closes each iterable once, and waits for their clean-up", async () => {
  const log: string[] = [];
  const numbers = [new Numbers(), new NumberStream()];
  async function* cleaning(): AsyncGenerator<number> {
    try {
      for (let n = 0;; n++) yield n;
    } finally {
      await shield(yieldNow);
      log.push("cleaned up");
    }
  }
  await withLeakCheck(async () => {
    for await (const _ of merge<number>(...numbers, cleaning())) {
      await waitAllTasksBlocked();
      break;
    }
  });
  assertEquals(log, ["cleaned up"]);
  for (const { opened, closed } of numbers) assertEquals([opened, closed], [1, 1]);
});

Deno.test("leaving merge ends a stream that sleeps, and its finally has run", async () => {
  const log: string[] = [];
  await withLeakCheck(async () => {
    for await (const _ of merge([1], silence(log))) {
      await waitAllTasksBlocked();
      break;
    }
  });
  assertEquals(log, ["closed"]);
});

Deno.test("a stream that sleeps when merge is left may wait in a shield to clean up [C5]", async () => {
  const log: string[] = [];
  const clean = () =>
    shield(async () => {
      for (let turn = 0; turn < 5; turn++) await yieldNow();
    });
  for await (const _ of merge([1], silence(log, clean), silence(log, clean))) break;
  assertEquals(log, ["closed", "closed"]);
});

Deno.test("a stream that fails to clean up when its sleep is cancelled is no lost error", async () => {
  const boom = new Error("boom");
  const failing = () => {
    throw boom;
  };
  const thrown = await assertRejects(async () => {
    for await (const _ of merge([1], silence([], failing))) break;
  });
  assertStrictEquals(thrown, boom);
});

Deno.test("leaving merge does not wait for a stream that is stuck in something foreign", async () => {
  const { promise, resolve } = foreign();
  const stuck = new NumberStream(Infinity, () => promise);
  await withLeakCheck(async () => {
    for await (const _ of merge([1], stuck)) break;
  });
  assertEquals(stuck.closed, 1);
  resolve();
  await waitAllTasksBlocked();
});

Deno.test("after merge was left there are no items, not even one that arrived just then", async () => {
  const { promise, resolve } = foreign();
  const late = new NumberStream(Infinity, () => promise);
  const merged = merge<number>([-1], late);
  assertEquals(await merged.next(), { done: false, value: -1 });
  await waitAllTasksBlocked();
  resolve();
  for (let hop = 0; hop < 20 && late.taken === 0; hop++) await null;
  for (let hop = 0; hop < 3; hop++) {
    assertEquals(await merged.return?.(), END);
    assertEquals(await merged.next(), END);
  }
});

Deno.test("a stream that fails closes the others, and is thrown as it is, after what was there before it", async () => {
  const boom = new Error("boom");
  const numbers = new Numbers();
  async function* failing(): AsyncGenerator<number> {
    yield -1;
    throw boom;
  }
  const merged = merge(failing(), numbers);
  const seen: number[] = [];
  const thrown = await withLeakCheck(() =>
    assertRejects(async () => {
      for await (const n of merged) seen.push(n);
    })
  );
  assertStrictEquals(thrown, boom);
  assert(seen.includes(-1));
  assertEquals(seen.filter((n) => n >= 0), Array.from({ length: seen.length - 1 }, (_, n) => n));
  assertEquals(numbers.closed, 1);
  assertEquals(await merged.next(), END);
});

Deno.test("two streams that fail: the first failure is thrown, the later one kept with it [G2]", async () => {
  const [first, later] = [new Error("first"), new Error("later")];
  const failing = () => {
    throw later;
  };
  // It stands at a yield when the other one fails, and fails to close.
  async function* badlyClosed(): AsyncGenerator<number> {
    try {
      for (;;) yield 1;
    } finally {
      failing();
    }
  }
  const { promise, reject } = foreign<number>();
  const merged = merge<number>(badlyClosed(), map([0], () => promise));
  await merged.next();
  await waitAllTasksBlocked();
  reject(first);
  const thrown = await assertRejects(() => collect(merged));
  assertStrictEquals(thrown, first);
  assertEquals(suppressedErrors(thrown), [later]);
});

Deno.test("a consumer of merge that is cancelled leaves nothing open, blocked or in the body of the loop", async () => {
  for (const blocked of [true, false]) {
    const sources = [new Numbers(1), new NumberStream(), new NumberStream(1, () => yieldNow())];
    await withLeakCheck(() =>
      cancelScope(async (scope) => {
        let seen = 0;
        for await (const _ of merge<number>(...sources, silence())) {
          if (++seen < 5) continue;
          scope.cancel();
          if (!blocked) await sleep(Infinity);
        }
      })
    );
    for (const source of sources) assert(source.leftProperly);
  }
});

Deno.test("a time limit around the loop over merge ends it", async () => {
  await withVirtualTime(async (time) => {
    const seen: string[] = [];
    const { timedOut } = await moveOnAfter(25, async () => {
      for await (const item of merge(timed([10, "a"], [30, "late"]), timed([20, "b"]), silence())) {
        seen.push(item);
      }
    });
    assertEquals([timedOut, seen, time.elapsed], [true, ["a", "b"], 25]);
  });
});

Deno.test("an item that comes when its waiter was cancelled goes to the next who asks [C7]", async () => {
  await withVirtualTime(async () => {
    const merged = merge(timed([0, "first"], [20, "kept"]));
    assertEquals((await merged.next()).value, "first");
    assert((await moveOnAfter(5, () => merged.next())).timedOut);
    assertEquals((await merged.next()).value, "kept");
    assertEquals(await merged.next(), END);
  });
});

Deno.test("several calls of next() get an item each, and the end when there are no more", async () => {
  const merged = merge([1], [2]);
  const taken = await Promise.all([merged.next(), merged.next(), merged.next(), merged.next()]);
  assertEquals(taken.map(({ value }) => value), [1, 2, undefined, undefined]);
  assertEquals(taken.map(({ done }) => done), [false, false, true, true]);
});

Deno.test("merge of maps and map of merges", async () => {
  const doubled = map(new Numbers(3), (n) => 2 * n);
  const merged = merge(doubled, map([10, 20], async (n) => n + 1));
  const texts = await collect(map(merged, String, { ordered: false }));
  assertEquals(texts.sort(), ["0", "11", "2", "21", "4"]);
});

Deno.test("merge says at the call which argument is no iterable, and opens nothing [E1]", () => {
  const numbers = new Numbers();
  for (
    const [wrong, shown] of [[7, "7"], [null, "null"], [{}, "an object"], [undefined, "undefined"]]
  ) {
    assertThrows(
      calling(merge, numbers, wrong),
      TypeError,
      `Cannot merge as the items must be an iterable or async iterable: received ${shown}`,
    );
  }
  // A list of iterables is an iterable too, of iterables; that cannot be told from one that is meant so.
  assertThrows(calling(merge, numbers, () => numbers), TypeError, "received the function");
  assertEquals(numbers.opened, 0);
});

Deno.test("a loop over merge may be cancelled at every step: everything is closed once, and nothing is left", async () => {
  const { interrupted } = await interruptAtEveryStep((interrupt) =>
    withLeakCheck(async () => {
      const sources = [
        new Numbers(4),
        new NumberStream(3, yieldNow),
        new NumberStream(3, () => null),
      ];
      const run = await interrupt(() => collect(merge<number>(...sources)));
      for (const source of sources) {
        assert(source.leftProperly);
        assert(source.closed <= 1);
      }
      if (!run.interrupted) assertEquals(run.value.length, 10);
    })
  );
  assert(interrupted > 5);
});

Deno.test("who asks merge for items may be cancelled at every step, and no item is lost [C7]", async () => {
  await interruptAtEveryStep((interrupt) =>
    withLeakCheck(async () => {
      const merged = merge(new NumberStream(4, yieldNow), new Numbers(4));
      const seen = [(await merged.next()).value];
      await interrupt(async () => {
        for (;;) {
          const next = await merged.next();
          if (next.done) break;
          seen.push(next.value);
        }
      });
      seen.push(...await collect(merged));
      assertEquals(seen.sort(), [0, 0, 1, 1, 2, 2, 3, 3]);
    })
  );
});

Deno.test("merge infers the union of the types of the items", () => {
  const numbers = merge([1, 2], new NumberStream(2));
  assertType<Same<typeof numbers, AsyncIterableIterator<number>>>();
  const either = merge<number | string>([1], "ab");
  assertType<Same<typeof either, AsyncIterableIterator<number | string>>>();
  // @ts-expect-error: a number is no iterable
  assertThrows(() => merge(7));
});
