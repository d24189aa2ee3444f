/**
 * `map`: a function over many items, some at a time. Its order, its bounds, and every way to leave it.
 *
 * @module
 */

import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  cancelScope,
  checkpoint,
  currentTask,
  isCancelled,
  map,
  moveOnAfter,
  shield,
  sleep,
  suppressedErrors,
  TaskLocal,
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

/** Counts the calls of a function that have not ended. */
class Calls {
  begun = 0;
  running = 0;
  most = 0;

  async during<T>(fn: () => T | PromiseLike<T>): Promise<T> {
    this.begun++;
    this.most = Math.max(this.most, ++this.running);
    try {
      return await fn();
    } finally {
      this.running--;
    }
  }
}

/** Numbers from a generator that notes when its `finally` has run. */
async function* generated(log: string[], clean: () => unknown = () => {}): AsyncGenerator<number> {
  try {
    for (let n = 0;; n++) yield n;
  } finally {
    await clean();
    log.push("source closed");
  }
}

// What it gives

Deno.test("map gives the results in the order of the items, whichever is ready first", async () => {
  const ends: number[] = [];
  const results = await withVirtualTime(() =>
    collect(map([30, 10, 20, 5], async (ms) => {
      await sleep(ms);
      ends.push(ms);
      return `after ${ms}`;
    }, { concurrency: 3 }))
  );
  assertEquals(ends, [10, 5, 20, 30]);
  assertEquals(results, ["after 30", "after 10", "after 20", "after 5"]);
});

Deno.test("map without order gives the results as they are ready", async () => {
  const results = await withVirtualTime(() =>
    collect(map([30, 10, 20, 5], async (ms) => {
      await sleep(ms);
      return ms;
    }, { concurrency: 3, ordered: false }))
  );
  assertEquals(results, [10, 5, 20, 30]);
});

Deno.test("map calls the function with each item and its index", async () => {
  for (const source of [["a", "b", "c"], stream("a", "b", "c")]) {
    const results = await collect(map(source, (item, index) => `${index}: ${item}`));
    assertEquals(results, ["0: a", "1: b", "2: c"]);
  }
});

async function* stream<T>(...items: T[]): AsyncGenerator<T> {
  yield* items;
}

Deno.test("map reads from whatever can be iterated over", async () => {
  const sources: (Iterable<string> | AsyncIterable<string>)[] = [
    ["a", "b"],
    "ab",
    new Set(["a", "b"]),
    new Map([["a", 1], ["b", 2]]).keys(),
    stream("a", "b"),
    ReadableStream.from(["a", "b"]),
    map(["A", "B"], (letter) => letter.toLowerCase()),
  ];
  for (const source of sources) {
    assertEquals(await collect(map(source, (letter) => letter + "!")), ["a!", "b!"]);
  }
});

Deno.test("map of nothing gives nothing and calls nothing", async () => {
  for (const source of [[], stream<number>()]) {
    for (const ordered of [true, false]) {
      for (const concurrency of [1, 8, Infinity]) {
        const results = map(source, () => assert(false, "called"), { ordered, concurrency });
        assertEquals(await collect(results), []);
      }
    }
  }
});

Deno.test("map takes functions that return values, promises or anything with a then", async () => {
  const thenable: PromiseLike<number> = { then: (resolve) => Promise.resolve(2).then(resolve) };
  const results: unknown[] = [1, thenable, Promise.resolve(3), undefined, null, { four: 4 }];
  const items = Array.from(results, (_, index) => index);
  assertEquals(await collect(map(items, (index) => results[index])), [
    1,
    2,
    3,
    undefined,
    null,
    { four: 4 },
  ]);
});

Deno.test("map of an endless source gives results for as long as somebody takes them", async () => {
  for (const source of [new Numbers(), new NumberStream()]) {
    const squares: number[] = [];
    for await (const square of map<number, number>(source, (n) => n * n)) {
      squares.push(square);
      if (squares.length === 5) break;
    }
    assertEquals(squares, [0, 1, 4, 9, 16]);
    assertEquals(source.closed, 1);
  }
});

Deno.test("map of ten thousand items", async () => {
  for (const ordered of [true, false]) {
    for (const concurrency of [1, 8, 100, Infinity]) {
      const results = await collect(
        map(new Numbers(10_000), async (n) => n, { ordered, concurrency }),
      );
      assertEquals(results.length, 10_000);
      assertEquals(results.sort((a, b) => a - b).every((n, index) => n === index), true);
    }
  }
});

Deno.test("the function of map runs in the scope of the loop: its task-locals hold there", async () => {
  const user = new TaskLocal<string>({ defaultValue: "nobody" });
  const results = await user.run("ada", () => collect(map([1, 2], () => user.get())));
  assertEquals(results, ["ada", "ada"]);
});

Deno.test("the function of map runs in a task, which says that it is one of map", async () => {
  assertEquals(await collect(map([1], () => currentTask().name)), ["map"]);
});

// How much at once

Deno.test("map works on as many items at once as it was told, and on 8 by default", async () => {
  for (const source of [() => new Numbers(40), () => new NumberStream(40)]) {
    for (const concurrency of [1, 2, 7, undefined, Infinity]) {
      for (const ordered of [true, false]) {
        const calls = new Calls();
        await withVirtualTime(() =>
          collect(
            map<number, void>(source(), () => calls.during(() => sleep(10)), {
              concurrency,
              ordered,
            }),
          )
        );
        assertEquals(calls.begun, 40);
        assertEquals(calls.most, Math.min(concurrency ?? 8, 40));
      }
    }
  }
});

Deno.test("map with a concurrency of 1 does one after the other", async () => {
  const log: string[] = [];
  await withVirtualTime(() =>
    collect(map([1, 2, 3], async (n) => {
      log.push(`begin ${n}`);
      await sleep(10 - n);
      log.push(`end ${n}`);
    }, { concurrency: 1 }))
  );
  assertEquals(log, ["begin 1", "end 1", "begin 2", "end 2", "begin 3", "end 3"]);
});

Deno.test("map gives the first results while the source still holds back the rest", async () => {
  const { promise, resolve } = foreign();
  const source = new NumberStream(3, (n) => n === 2 ? promise : undefined);
  const results = map(source, (n) => n);
  assertEquals(await results.next(), { done: false, value: 0 });
  assertEquals(await results.next(), { done: false, value: 1 });
  resolve();
  assertEquals(await results.next(), { done: false, value: 2 });
  assertEquals(await results.next(), END);
});

Deno.test("map never asks an async source again before it has answered", async () => {
  const source = new NumberStream(50, () => sleep(3));
  const results = await withVirtualTime(() =>
    collect(map(source, (n) => sleep(n % 7).then(() => n), { concurrency: 10 }))
  );
  assertEquals(results, Array.from({ length: 50 }, (_, n) => n));
  assertEquals(source.mostAsked, 1);
});

// Back-pressure

Deno.test("map starts nothing before the first result is asked for", async () => {
  const source = new Numbers();
  const results = map(source, (n) => n);
  await waitAllTasksBlocked();
  assertEquals([source.opened, source.taken], [0, 0]);
  await results.return?.();
  assertEquals([source.opened, source.closed], [0, 0]);
});

Deno.test("map takes from the source only as results are taken: at most twice the concurrency is on the way", async () => {
  for (const source of [() => new Numbers(), () => new NumberStream()]) {
    for (const concurrency of [1, 2, 3, 8]) {
      for (const ordered of [true, false]) {
        for (const fn of [(n: number) => n, async (n: number) => n]) {
          const items = source();
          const results = map<number, number>(items, fn, { concurrency, ordered });
          for (let given = 0; given < 50; given++) {
            assertEquals((await results.next()).value, given);
            await waitAllTasksBlocked();
            const onTheWay = items.taken - given - 1;
            assert(onTheWay <= 2 * concurrency, `${onTheWay} on the way, at ${concurrency}`);
          }
          await results.return?.();
        }
      }
    }
  }
});

Deno.test("one slow item does not let an ordered map run ahead of it: twice the concurrency, all told", async () => {
  for (const concurrency of [1, 2, 3, 4, 8]) {
    for (let slow = 1; slow <= 2 * concurrency; slow++) {
      const { promise, resolve } = foreign();
      const source = new Numbers();
      const results = map(source, async (n) => {
        if (n === slow) await promise;
        return n;
      }, { concurrency });
      // Some results wait to be taken, one item is slow, and the results behind it wait for it.
      assertEquals((await results.next()).value, 0);
      await waitAllTasksBlocked();
      const onTheWay = source.taken - 1;
      resolve();
      await results.return?.();
      assert(onTheWay <= 2 * concurrency, `${onTheWay} on the way, at ${concurrency}`);
    }
  }
});

Deno.test("a slow consumer gets everything, and so does a quick one", async () => {
  for (const [working, taking] of [[10, 1], [1, 10], [5, 5]]) {
    for (const ordered of [true, false]) {
      const seen = await withVirtualTime(async () => {
        const seen: number[] = [];
        const results = map(new NumberStream(30, () => sleep(2)), async (n) => {
          await sleep(working);
          return n;
        }, { concurrency: 3, ordered });
        for await (const n of results) {
          seen.push(n);
          await sleep(taking);
        }
        return seen;
      });
      assertEquals(seen, Array.from({ length: 30 }, (_, n) => n));
    }
  }
});

Deno.test("map waits for its consumer without end, and goes on when it comes back", async () => {
  const source = new Numbers(100);
  const results = map(source, async (n) => n, { concurrency: 2 });
  assertEquals((await results.next()).value, 0);
  await waitAllTasksBlocked();
  const held = source.taken;
  await waitAllTasksBlocked();
  assertEquals(source.taken, held);
  assertEquals((await collect(results)).length, 99);
});

// Leaving early

Deno.test("leaving the loop over map cancels the calls, waits until they have cleaned up, and closes the source once", async () => {
  for (const source of [new Numbers(), new NumberStream()]) {
    const log: string[] = [];
    const results = map<number, number>(source, async (n) => {
      if (n === 0) return n;
      try {
        await sleep(Infinity);
      } finally {
        await shield(yieldNow);
        log.push(`cleaned up ${n}`);
      }
      return n;
    }, { concurrency: 3 });
    await withLeakCheck(async () => {
      for await (const _ of results) {
        await waitAllTasksBlocked();
        break;
      }
    });
    assertEquals(log.sort(), ["cleaned up 1", "cleaned up 2", "cleaned up 3"]);
    assertEquals([source.opened, source.closed], [1, 1]);
    assertEquals(await results.next(), END);
  }
});

Deno.test("what the loop's body throws is thrown, after the calls have ended", async () => {
  const boom = new Error("boom");
  const calls = new Calls();
  const source = new Numbers();
  const thrown = await assertRejects(async () => {
    const results = map(source, (n) => calls.during(() => n > 0 ? sleep(Infinity) : undefined));
    for await (const _ of results) throw boom;
  });
  assertStrictEquals(thrown, boom);
  assertEquals([calls.running, source.closed], [0, 1]);
});

Deno.test("leaving map at a source that stands at a yield runs the source's finally, to its end", async () => {
  const log: string[] = [];
  for await (const _ of map(generated(log, () => shield(yieldNow)), (n) => n)) {
    await waitAllTasksBlocked();
    break;
  }
  assertEquals(log, ["source closed"]);
});

Deno.test("leaving map while its source is on the way to its next yield runs the source's finally, to its end", async () => {
  const log: string[] = [];
  for await (const _ of map(generated(log, () => shield(yieldNow)), (n) => n)) break;
  assertEquals(log, ["source closed"]);
});

/** A source that is asleep, as Grove sleeps, when the loop is left; its clean-up takes some turns. */
async function* sleepy(
  log: string[],
  clean: () => unknown,
  before = 1,
): AsyncGenerator<number> {
  try {
    for (let n = 0; n < before; n++) yield n;
    await sleep(Infinity);
  } finally {
    await clean();
    log.push("source closed");
  }
}

Deno.test("leaving map while its source sleeps ends the sleep, and the source's finally has run", async () => {
  const log: string[] = [];
  await withLeakCheck(async () => {
    for await (const _ of map(sleepy(log, () => {}), (n) => n)) {
      await waitAllTasksBlocked();
      break;
    }
  });
  assertEquals(log, ["source closed"]);
});

Deno.test("a source that sleeps when map is left may wait in a shield to clean up [C5]", async () => {
  const log: string[] = [];
  const clean = () =>
    shield(async () => {
      for (let turn = 0; turn < 5; turn++) await yieldNow();
      log.push("cleaned up");
    });
  for (const concurrency of [1, 3]) {
    for await (const _ of map(sleepy(log, clean), (n) => n, { concurrency })) {
      await waitAllTasksBlocked();
      break;
    }
    assertEquals(log.splice(0), ["cleaned up", "source closed"]);
  }
});

Deno.test("it may also where calls still run that end later or sooner than the source", async () => {
  const boom = new Error("boom");
  for (const fails of [false, true]) {
    for (const turns of [0, 1, 9]) {
      const log: string[] = [];
      const clean = async () => {
        await shield(async () => {
          for (let turn = 0; turn < 5; turn++) await yieldNow();
        });
        log.push("cleaned up");
        if (fails) throw boom;
      };
      const results = map(sleepy(log, clean, 2), async (n) => {
        if (n === 0) return;
        try {
          await sleep(Infinity);
        } finally {
          await shield(async () => {
            for (let turn = 0; turn < turns; turn++) await yieldNow();
          });
        }
      }, { concurrency: 3 });
      let thrown: unknown;
      await withLeakCheck(async () => {
        try {
          for await (const _ of results) {
            await waitAllTasksBlocked();
            break;
          }
        } catch (error) {
          thrown = error;
        }
      });
      assertStrictEquals(thrown, fails ? boom : undefined);
      assertEquals(log, fails ? ["cleaned up"] : ["cleaned up", "source closed"]);
    }
  }
});

Deno.test("a source that fails to clean up when its sleep is cancelled is no lost error", async () => {
  const boom = new Error("boom");
  const failing = () => {
    throw boom;
  };
  const thrown = await assertRejects(async () => {
    for await (const _ of map(sleepy([], failing), (n) => n)) {
      await waitAllTasksBlocked();
      break;
    }
  });
  assertStrictEquals(thrown, boom);
});

Deno.test("leaving map does not wait for a source that is stuck in something foreign", async () => {
  const { promise, resolve } = foreign();
  const log: string[] = [];
  async function* stuck(): AsyncGenerator<number> {
    try {
      yield 1;
      await promise;
      yield 2;
    } finally {
      log.push("source closed");
    }
  }
  await withLeakCheck(async () => {
    for await (const _ of map(stuck(), (n) => n)) {
      await waitAllTasksBlocked();
      break;
    }
  });
  assertEquals(log, []);
  // It was told: as soon as it can, it ends.
  resolve();
  await waitAllTasksBlocked();
  assertEquals(log, ["source closed"]);
});

Deno.test("after map was left, no item is taken and no call begun, even by those whose foreign wait goes through", async () => {
  for (const ordered of [true, false]) {
    const { promise, resolve } = foreign();
    const source = new Numbers();
    const calls = new Calls();
    const results = map(source, async (n) => {
      await calls.during(() => n === 0 ? undefined : promise);
      return n;
    }, { concurrency: 3, ordered });
    await results.next();
    await waitAllTasksBlocked();
    const [taken, begun] = [source.taken, calls.begun];
    const left = results.return?.();
    resolve();
    await left;
    assertEquals([source.taken, calls.begun, calls.running], [taken, begun, 0]);
    assertEquals(source.closed, 1);
  }
});

Deno.test("after map was left, an async source is not asked again, though several wait in line and one is answered", async () => {
  const { promise, resolve } = foreign();
  const source = new NumberStream(Infinity, (n) => n < 3 ? undefined : promise);
  const results = map(source, (n) => n, { concurrency: 3, ordered: false });
  for (let n = 0; n < 3; n++) assertEquals((await results.next()).value, n);
  await waitAllTasksBlocked();
  const left = results.return?.();
  resolve();
  await left;
  await waitAllTasksBlocked();
  assert(source.taken <= 4, `${source.taken - 3} items were taken after all that were given`);
  assertEquals(source.closed, 1);
});

Deno.test("after map was left there are no results, whatever was ready or came in the wind-down", async () => {
  for (const ordered of [true, false]) {
    const { promise, resolve } = foreign();
    const results = map(new Numbers(), (n) => n < 3 ? n : promise.then(() => n), {
      concurrency: 3,
      ordered,
    });
    assertEquals((await results.next()).value, 0);
    await waitAllTasksBlocked();
    const left = results.return?.();
    resolve();
    assertEquals(await left, END);
    assertEquals(await results.next(), END);
  }
});

Deno.test("a call that fails to clean up when the loop is left is no lost error", async () => {
  const boom = new Error("boom");
  const source = new Numbers();
  const thrown = await assertRejects(async () => {
    const results = map(source, async (n) => {
      if (n === 0) return;
      try {
        await sleep(Infinity);
      } finally {
        // deno-lint-ignore no-unsafe-finally
        throw boom;
      }
    }, { concurrency: 2 });
    for await (const _ of results) break;
  });
  assertStrictEquals(thrown, boom);
  assertEquals(source.closed, 1);
});

Deno.test("a source that fails to close when the loop is left is no lost error", async () => {
  const boom = new Error("boom");
  const failing = () => {
    throw boom;
  };
  const thrown = await assertRejects(async () => {
    for await (const _ of map(generated([], failing), (n) => n)) {
      await waitAllTasksBlocked();
      break;
    }
  });
  assertStrictEquals(thrown, boom);
});

Deno.test("nor is it where the source was on the way to its next yield", async () => {
  const boom = new Error("boom");
  const failing = () => {
    throw boom;
  };
  const thrown = await assertRejects(async () => {
    for await (const _ of map(generated([], failing), (n) => n)) break;
  });
  assertStrictEquals(thrown, boom);
});

Deno.test("leaving map while somebody else waits for a result gives them the end", async () => {
  const results = map([1, 2], () => sleep(Infinity));
  const waiting = [results.next(), results.next(), results.next()];
  await results.return?.();
  assertEquals(await Promise.all(waiting), [END, END, END]);
});

// Failures

Deno.test("a call that fails cancels the others, and is thrown in the loop as it is, when they have ended [G2]", async () => {
  for (const source of [new Numbers(), new NumberStream()]) {
    const boom = new Error("boom");
    const log: string[] = [];
    const thrown = await assertRejects(() =>
      collect(map<number, void>(source, async (n) => {
        if (n === 2) {
          await waitAllTasksBlocked();
          throw boom;
        }
        try {
          await sleep(Infinity);
        } finally {
          await shield(yieldNow);
          log.push(`cleaned up ${n}`);
        }
      }, { concurrency: 4 }))
    );
    assertStrictEquals(thrown, boom);
    assertEquals(log, ["cleaned up 0", "cleaned up 1", "cleaned up 3"]);
    assertEquals([source.taken, source.closed], [4, 1]);
  }
});

Deno.test("a call that throws at once fails map like one that rejects", async () => {
  for (const source of [new Numbers(), new NumberStream()]) {
    const boom = new Error("boom");
    const results = map<number, number>(source, (n) => {
      if (n === 1) throw boom;
      return n;
    });
    assertEquals(await results.next(), { done: false, value: 0 });
    assertStrictEquals(await assertRejects(() => results.next()), boom);
    assertEquals(await results.next(), END);
    assertEquals(source.closed, 1);
    assert(source.taken <= 3, `${source.taken} were taken`);
  }
});

Deno.test("the results that were ready before a failure are given before it", async () => {
  const { promise, reject } = foreign<number>();
  const boom = new Error("boom");
  const results = map([0, 1, 2, 3], (n) => n < 3 ? n : promise, { concurrency: 4 });
  assertEquals((await results.next()).value, 0);
  await waitAllTasksBlocked();
  reject(boom);
  await waitAllTasksBlocked();
  assertEquals((await results.next()).value, 1);
  assertEquals((await results.next()).value, 2);
  assertStrictEquals(await assertRejects(() => results.next()), boom);
  assertEquals(await results.next(), END);
});

Deno.test("a failure that came while the loop's body worked is thrown even if the loop is left then", async () => {
  const { promise, reject } = foreign<number>();
  const boom = new Error("boom");
  const thrown = await assertRejects(async () => {
    for await (const _ of map([0, 1], (n) => n === 0 ? n : promise)) {
      reject(boom);
      await waitAllTasksBlocked();
      break;
    }
  });
  assertStrictEquals(thrown, boom);
});

Deno.test("later failures are kept with the first one [G2]", async () => {
  const [first, second, third] = ["first", "second", "third"].map((text) => new Error(text));
  const errors = [third, first, second];
  const results = withVirtualTime(() =>
    collect(map([30, 10, 20], (ms, index) =>
      shield(async () => {
        await sleep(ms);
        throw errors[index];
      })))
  );
  const thrown = await assertRejects(() => results);
  assertStrictEquals(thrown, first);
  assertEquals(suppressedErrors(thrown), [second, third]);
});

Deno.test("a source that fails cancels the calls, is thrown in the loop as it is, and is not closed", async () => {
  const boom = new Error("boom");
  class Failing extends NumberStream {
    constructor() {
      super(Infinity, (n) => {
        if (n === 2) throw boom;
      });
    }
  }
  const failing = new Failing();
  let closed = 0;
  let n = 0;
  const failingAtOnce: Iterable<number> = {
    [Symbol.iterator]: () => ({
      next: () => {
        if (n === 2) throw boom;
        return { done: false, value: n++ };
      },
      return: () => {
        closed++;
        return END;
      },
    }),
  };
  for (const source of [failing, failingAtOnce]) {
    const calls = new Calls();
    const thrown = await assertRejects(() =>
      collect(map(source, () => calls.during(() => sleep(Infinity)), { concurrency: 8 }))
    );
    assertStrictEquals(thrown, boom);
    assertEquals([calls.begun, calls.running], [2, 0]);
  }
  assertEquals([failing.closed, closed], [0, 0]);
});

Deno.test("a source that cannot be opened fails the loop", async () => {
  const boom = new Error("boom");
  const sources = [
    {
      [Symbol.iterator]: () => {
        throw boom;
      },
    },
    {
      [Symbol.asyncIterator]: () => {
        throw boom;
      },
    },
  ] as Iterable<number>[];
  for (const source of sources) {
    assertStrictEquals(await assertRejects(() => collect(map(source, (n) => n))), boom);
  }
});

// Cancellation

Deno.test("a consumer that is cancelled while it waits for a result: the calls have ended, the source is closed", async () => {
  for (const source of [new Numbers(), new NumberStream()]) {
    const calls = new Calls();
    await withLeakCheck(() =>
      cancelScope(async (scope) => {
        const results = map<number, void>(source, () => calls.during(() => sleep(Infinity)));
        const waiting = assertRejects(() => collect(results));
        await waitAllTasksBlocked();
        assertEquals(calls.running, 8);
        scope.cancel();
        assertStrictEquals(await waiting, scope.cancelled);
      })
    );
    assertEquals([calls.running, source.closed], [0, 1]);
  }
});

Deno.test("a consumer that is cancelled in the body of the loop: the calls have ended, the source is closed", async () => {
  for (const source of [new Numbers(), new NumberStream()]) {
    const calls = new Calls();
    await withLeakCheck(() =>
      cancelScope(async (scope) => {
        const results = map<number, void>(
          source,
          (n) => calls.during(() => n > 0 ? sleep(Infinity) : undefined),
        );
        for await (const _ of results) {
          await waitAllTasksBlocked();
          scope.cancel();
          await sleep(Infinity);
        }
      })
    );
    assertEquals([calls.running, source.closed], [0, 1]);
  }
});

Deno.test("a result that comes when its waiter was cancelled goes to the next who asks [C7]", async () => {
  await withVirtualTime(async () => {
    const results = map([20, 40], (ms) => sleep(ms).then(() => ms));
    // It begins here, so that its tasks belong to the test and not to the time limit.
    const first = results.next();
    const { timedOut } = await moveOnAfter(5, () => results.next());
    assert(timedOut);
    assertEquals(await first, { done: false, value: 20 });
    assertEquals(await results.next(), { done: false, value: 40 });
    assertEquals(await results.next(), END);
  });
});

Deno.test("several calls of next() get a result each, in order, and the end when there are no more", async () => {
  const results = await withVirtualTime(() => {
    const results = map([3, 2, 1], (ms) => sleep(ms).then(() => ms));
    return Promise.all(Array.from({ length: 5 }, () => results.next()));
  });
  assertEquals(results.map(({ value }) => value), [3, 2, 1, undefined, undefined]);
  assertEquals(results.map(({ done }) => done), [false, false, false, true, true]);
});

Deno.test("after the end there is only the end", async () => {
  const results = map([1], (n) => n);
  assertEquals(await collect(results), [1]);
  assertEquals(await results.next(), END);
  assertEquals(await results.return?.(), END);
  assertEquals(await results.next(), END);
  assertEquals(await collect(results), []);
});

Deno.test("a time limit around the loop ends it and what it runs", async () => {
  const source = new NumberStream(Infinity, () => sleep(3));
  const calls = new Calls();
  await withLeakCheck(() =>
    withVirtualTime(async (time) => {
      const seen: number[] = [];
      const { timedOut } = await moveOnAfter(20, async () => {
        for await (const n of map(source, (n) => calls.during(() => sleep(5).then(() => n)))) {
          seen.push(n);
        }
      });
      assertEquals([timedOut, time.elapsed], [true, 20]);
      assertEquals(seen, [0, 1, 2, 3]);
    })
  );
  assertEquals(calls.running, 0);
  assert(source.leftProperly);
});

Deno.test("a time limit within the function bounds that call, and no other", async () => {
  const results = await withVirtualTime(() =>
    collect(map([5, 50, 7], async (ms) => (await moveOnAfter(10, () => sleep(ms))).timedOut))
  );
  assertEquals(results, [false, true, false]);
});

// Maps of maps

Deno.test("a map of a map is a pipeline, each stage with its own bounds", async () => {
  const [fetching, parsing] = [new Calls(), new Calls()];
  const results = await withVirtualTime(() => {
    const fetched = map(new Numbers(20), (n) => fetching.during(() => sleep(9).then(() => n)), {
      concurrency: 5,
    });
    const parsed = map(fetched, (n) => parsing.during(() => sleep(2).then(() => n * 10)), {
      concurrency: 2,
    });
    return collect(parsed);
  });
  assertEquals(results, Array.from({ length: 20 }, (_, n) => n * 10));
  assertEquals([fetching.most, parsing.most], [5, 2]);
});

Deno.test("leaving the outer of two maps ends the inner one and closes the source", async () => {
  const source = new Numbers();
  const calls = new Calls();
  await withLeakCheck(async () => {
    const inner = map(source, (n) => calls.during(() => n > 1 ? sleep(Infinity) : undefined));
    for await (const _ of map(inner, (n) => n, { concurrency: 3 })) {
      await waitAllTasksBlocked();
      break;
    }
  });
  assertEquals([calls.running, source.closed], [0, 1]);
});

Deno.test("a failure in the inner of two maps ends both, and comes out of the outer", async () => {
  const boom = new Error("boom");
  const source = new Numbers();
  const inner = map(source, (n) => n < 3 ? n : Promise.reject(boom));
  const thrown = await withLeakCheck(() =>
    assertRejects(() => collect(map(inner, () => sleep(Infinity))))
  );
  assertStrictEquals(thrown, boom);
  assertEquals(source.closed, 1);
});

Deno.test("a map within the function of a map belongs to that call", async () => {
  const rows = await collect(
    map([1, 2, 3], (n) => collect(map(new Numbers(n), (m) => n * m)), { concurrency: 2 }),
  );
  assertEquals(rows, [[0], [0, 2], [0, 3, 6]]);
});

// Bad input

Deno.test("map says at the call what is wrong with its arguments, and opens nothing [E1]", () => {
  const source = new Numbers();
  const fn = (n: number) => n;
  const type = (says: string, ...args: unknown[]) =>
    assertThrows(calling(map, ...args), TypeError, says);
  const range = (says: string, ...args: unknown[]) =>
    assertThrows(calling(map, ...args), RangeError, says);
  type("the items must be an iterable or async iterable: received 7", 7, fn);
  type("the items must be an iterable or async iterable: received null", null, fn);
  type("the items must be an iterable or async iterable: received a Promise", promised(), fn);
  type("the second argument must be a function: received undefined", source);
  type("the second argument must be a function: received an object", source, {});
  type("'concurrency' must be a number: received \"8\"", source, fn, { concurrency: "8" });
  range("'concurrency' must be a whole number from 1 up", source, fn, { concurrency: 0 });
  range("received -1", source, fn, { concurrency: -1 });
  range("received 1.5", source, fn, { concurrency: 1.5 });
  range("received NaN", source, fn, { concurrency: NaN });
  type("'ordered' must be a boolean: received 1", source, fn, { ordered: 1 });
  assertEquals(source.opened, 0);
});

function promised(): Promise<number[]> {
  return Promise.resolve([]);
}

// At every step

for (const ordered of [true, false]) {
  const how = ordered ? "ordered" : "unordered";
  Deno.test(`a loop over an ${how} map may be cancelled at every step: all calls have ended, the source is closed once`, async () => {
    for (const source of [() => new Numbers(5), () => new NumberStream(5, yieldNow)]) {
      const { interrupted } = await interruptAtEveryStep((interrupt) =>
        withLeakCheck(async () => {
          const items = source();
          const calls = new Calls();
          const run = await interrupt(() =>
            collect(map<number, number>(
              items,
              (n) => calls.during(() => n % 2 === 0 ? yieldNow().then(() => n) : n),
              { concurrency: 2, ordered },
            ))
          );
          assertEquals(calls.running, 0);
          assert(items.leftProperly, "the source was not left as it should be");
          if (!run.interrupted) assertEquals(run.value.length, 5);
        })
      );
      assert(interrupted > 5);
    }
  });
}

Deno.test("a loop over map that is left may be cancelled at every step of leaving", async () => {
  await interruptAtEveryStep((interrupt) =>
    withLeakCheck(async () => {
      const source = new NumberStream(Infinity, yieldNow);
      const calls = new Calls();
      await interrupt(async () => {
        for await (const n of map(source, (n) => calls.during(() => slowly(n)))) {
          if (n === 1) break;
        }
      });
      assertEquals(calls.running, 0);
      assert(source.leftProperly);
    })
  );
});

async function slowly(n: number): Promise<number> {
  try {
    await yieldNow();
  } finally {
    await shield(yieldNow);
  }
  return n;
}

// Against a model

/** A run of map to be tried. */
interface Plan {
  /** How long each item takes, and whether its call fails then. */
  readonly items: readonly { readonly takes: number; readonly fails: boolean }[];
  readonly asynchronous: boolean;
  readonly sourceTakes: number;
  readonly concurrency: number;
  readonly ordered: boolean;
  readonly consumerTakes: number;
  /** After how many results the loop is left. */
  readonly leaveAfter: number;
  /** When the consumer is cancelled. */
  readonly cancelAt: number;
}

function plans(ends: { fails: boolean; leaves: boolean }): fc.Arbitrary<Plan> {
  return fc.record({
    items: fc.array(
      fc.record({
        takes: fc.nat(6),
        fails: ends.fails ? fc.nat(9).map((n) => n === 0) : fc.constant(false),
      }),
      { maxLength: 14 },
    ),
    asynchronous: fc.boolean(),
    sourceTakes: fc.nat(3),
    concurrency: fc.oneof(fc.integer({ min: 1, max: 5 }), fc.constant(Infinity)),
    ordered: fc.boolean(),
    consumerTakes: fc.nat(4),
    leaveAfter: ends.leaves
      ? fc.oneof(fc.integer({ min: 1, max: 14 }), fc.constant(Infinity))
      : fc.constant(Infinity),
    cancelAt: ends.leaves ? fc.oneof(fc.nat(30), fc.constant(Infinity)) : fc.constant(Infinity),
  });
}

/** What is seen of a run. */
interface Seen {
  readonly results: number[];
  readonly thrown: unknown;
  readonly timedOut: boolean;
  readonly mostCalls: number;
  readonly mostOnTheWay: number;
  readonly runningAfterwards: number;
  readonly leftProperly: boolean;
}

function perform(plan: Plan): Promise<Seen> {
  const end = plan.items.length;
  const source = plan.asynchronous
    ? new NumberStream(end, () => plan.sourceTakes > 0 ? sleep(plan.sourceTakes) : undefined)
    : new Numbers(end);
  const calls = new Calls();
  const results: number[] = [];
  let thrown: unknown;
  let mostOnTheWay = 0;

  const work = (index: number) =>
    calls.during(async () => {
      mostOnTheWay = Math.max(mostOnTheWay, source.taken - results.length);
      const { takes, fails } = plan.items[index];
      if (takes > 0) await sleep(takes);
      if (fails) throw index;
      return index;
    });

  return withLeakCheck(() =>
    withVirtualTime(async () => {
      const { timedOut } = await moveOnAfter(plan.cancelAt, async () => {
        try {
          const { concurrency, ordered } = plan;
          for await (const n of map<number, number>(source, work, { concurrency, ordered })) {
            results.push(n);
            if (results.length === plan.leaveAfter) break;
            if (plan.consumerTakes > 0) await sleep(plan.consumerTakes);
          }
        } catch (error) {
          if (typeof error !== "number") throw error;
          thrown = error;
        }
      });
      return {
        results,
        thrown,
        timedOut,
        mostCalls: calls.most,
        mostOnTheWay,
        runningAfterwards: calls.running,
        leftProperly: source.leftProperly,
      };
    })
  );
}

/** What holds however a run ends. */
function assertSound(plan: Plan, seen: Seen): void {
  assert(seen.mostCalls <= plan.concurrency, `${seen.mostCalls} calls at once`);
  assertEquals(seen.runningAfterwards, 0);
  assert(seen.leftProperly, "the source was not left as it should be");
  // Nothing is given twice or made up; in order there are no gaps either.
  assertEquals(new Set(seen.results).size, seen.results.length);
  if (plan.ordered) assertEquals(seen.results, seen.results.map((_, index) => index));
  for (const index of seen.results) assertEquals(plan.items[index].fails, false);
  if (seen.thrown !== undefined) assertEquals(plan.items[seen.thrown as number].fails, true);
}

Deno.test("map gives what a plain loop gives, whatever takes how long", async () => {
  await fc.assert(
    fc.asyncProperty(plans({ fails: false, leaves: false }), async (plan) => {
      const seen = await perform(plan);
      assertSound(plan, seen);
      const all = plan.items.map((_, index) => index);
      assertEquals(seen.results.toSorted((a, b) => a - b), all);
      assertEquals(seen.thrown, undefined);
    }),
    { numRuns: 250 },
  );
});

Deno.test("map has at most twice the concurrency on the way, whatever takes how long", async () => {
  await fc.assert(
    fc.asyncProperty(plans({ fails: false, leaves: false }), async (plan) => {
      const { mostOnTheWay } = await perform(plan);
      // One more for the result that the loop's body is about to count.
      assert(mostOnTheWay <= 2 * plan.concurrency + 1, `${mostOnTheWay} on the way`);
    }),
    { numRuns: 250 },
  );
});

Deno.test("map that fails, is left or is cancelled at a random moment ends soundly, and tells the truth", async () => {
  await fc.assert(
    fc.asyncProperty(plans({ fails: true, leaves: true }), async (plan) => {
      const seen = await perform(plan);
      assertSound(plan, seen);
      const complete = seen.results.length === plan.items.length;
      const left = seen.results.length === plan.leaveAfter;
      assert(
        complete || left || seen.timedOut || seen.thrown !== undefined,
        "results are missing, and nothing says why",
      );
    }),
    { numRuns: 250 },
  );
});

// Types

Deno.test("map infers the types of items and results", () => {
  const lengths = map(["a", "bb"], (word, index) => {
    assertType<Same<typeof word, string>>();
    assertType<Same<typeof index, number>>();
    return word.length;
  });
  assertType<Same<typeof lengths, AsyncIterableIterator<number>>>();

  const dates = map(stream(1, 2), async (ms) => new Date(ms));
  assertType<Same<typeof dates, AsyncIterableIterator<Date>>>();

  const pipeline = map(dates, (date) => date.getTime());
  assertType<Same<typeof pipeline, AsyncIterableIterator<number>>>();

  // @ts-expect-error: a number is no iterable
  assertThrows(() => map(7, () => {}));
  // @ts-expect-error: there is no such option
  map([], () => {}, { parallel: 8 });
});

Deno.test("a call that cancels its own task is a failure: the results do not end without a word", async () => {
  const seen: number[] = [];
  const error = await assertRejects(
    async () => {
      const results = map([0, 1, 2, 3], async (n) => {
        if (n === 1) currentTask().cancel();
        await checkpoint();
        return n;
      }, { concurrency: 1 });
      for await (const n of results) seen.push(n);
    },
    Error,
    "cancelled its own task",
  );
  assert(isCancelled(error.cause));
  assertEquals(seen, [0]);
});
