/**
 * `map` and `stream` of a `TaskPool`: a job for each of many items, and a job that gives many.
 *
 * @module
 */

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import {
  cancelScope,
  currentTask,
  formatTree,
  isCancelled,
  progress,
  sleep,
  TaskLocal,
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
import { outcomeOf, thrownBy } from "../primitives/outcome.ts";
import { collect, foreign, Numbers, NumberStream } from "../primitives/probes.ts";
import { cutShort } from "./cut_short.ts";

/** How many jobs a pool has that have not ended. */
function left(pool: TaskPool): number {
  const { queued, running } = pool.stats();
  return queued + running;
}

/** Takes so many items, and leaves the loop. */
async function take<T>(items: AsyncIterable<T>, count: number): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) {
    list.push(item);
    if (list.length === count) break;
  }
  return list;
}

/** Takes what a generator gives, and notes how far it has come. */
class Progress {
  /** What it was about to yield last. */
  at = -1;
  /** Whether its clean-up has run. */
  isOver = false;

  /** The numbers from 0 up. */
  *numbers(end = Infinity): Generator<number> {
    try {
      while (++this.at < end) yield this.at;
    } finally {
      this.isOver = true;
    }
  }

  /** The same, each after a checkpoint. */
  async *slowly(end = Infinity): AsyncGenerator<number> {
    try {
      while (++this.at < end) {
        await yieldNow();
        yield this.at;
      }
    } finally {
      await Promise.resolve();
      this.isOver = true;
    }
  }
}

Deno.test("map calls the function for each item, and gives the results in the order of the items", async () => {
  await withVirtualTime(async () => {
    await using pool = new TaskPool(3);
    const ends: number[] = [];
    const double = async (ms: number, ...rest: unknown[]) => {
      assertEquals(rest, []);
      await sleep(ms);
      ends.push(ms);
      return ms * 2;
    };
    assertEquals(await collect(pool.map(double, [30, 10, 20])), [60, 20, 40]);
    assertEquals(ends, [10, 20, 30]);
  });
});

Deno.test("map with ordered: false gives the results as they come", async () => {
  await withVirtualTime(async () => {
    await using pool = new TaskPool(3);
    const nap = async (ms: number) => {
      await sleep(ms);
      return ms;
    };
    assertEquals(await collect(pool.map(nap, [30, 10, 20], { ordered: false })), [10, 20, 30]);
  });
});

Deno.test("map takes iterables and async iterables, also of no item", async () => {
  await using pool = new TaskPool(2);
  const next = (n: number) => n + 1;
  assertEquals(await collect(pool.map(next, new Set([1, 2]))), [2, 3]);
  assertEquals(await collect(pool.map(next, new NumberStream(3))), [1, 2, 3]);
  assertEquals(await collect(pool.map(next, [])), []);
});

Deno.test("map hands in as many jobs at a time as the pool has places, or as it was told", async () => {
  await using pool = new TaskPool(3);
  const gate = foreign();
  const most = async (concurrency?: number) => {
    const numbers = new Numbers(10);
    const results = collect(pool.map(() => gate.promise, numbers, { concurrency }));
    await waitAllTasksBlocked();
    const counts = [pool.stats().running, pool.stats().queued];
    return { counts, results };
  };
  const usual = await most();
  assertEquals(usual.counts, [3, 0]);
  const more = await most(5);
  assertEquals(more.counts, [3, 5]);
  gate.resolve();
  assertEquals([(await usual.results).length, (await more.results).length], [10, 10]);
});

Deno.test("map of a pool without a limit takes so many items at a time, and not an endless source", async () => {
  await using pool = new TaskPool(Infinity);
  const numbers = new Numbers();
  const results = pool.map(() => sleep(Infinity), numbers)[Symbol.asyncIterator]();
  const next = results.next();
  await waitAllTasksBlocked();
  assertEquals(pool.stats().running, 1024);
  await results.return!();
  assertEquals([(await next).done, left(pool), numbers.leftProperly], [true, 0, true]);
});

Deno.test("map takes items only as its results are taken", async () => {
  await using pool = new TaskPool(2);
  const numbers = new Numbers();
  const results = pool.map((n: number) => n, numbers)[Symbol.asyncIterator]();
  await waitAllTasksBlocked();
  assertEquals([numbers.opened, left(pool)], [0, 0], "it begins with the loop");
  assertEquals(await results.next(), { done: false, value: 0 });
  await waitAllTasksBlocked();
  assert(numbers.taken <= 5, `${numbers.taken} items were taken for 1 result`);
  await results.return!();
  assert(numbers.leftProperly);
});

Deno.test("leaving the loop over map cancels the jobs that run and takes back those that wait, and waits for them", async () => {
  await using pool = new TaskPool(2);
  let ended = 0;
  const job = async (n: number) => {
    try {
      if (n > 0) await sleep(Infinity);
    } finally {
      await Promise.resolve();
      ended++;
    }
    return n;
  };
  const numbers = new Numbers();
  assertEquals(await take(pool.map(job, numbers, { concurrency: 4 }), 1), [0]);
  assertEquals([left(pool), numbers.leftProperly], [0, true]);
  assertEquals(ended, 3, "the first, and those that had the two places when the loop was left");
});

Deno.test("a failure in map is thrown in the loop, cancels the other jobs, and is noticed", async () => {
  await using pool = new TaskPool(2);
  const boom = new Error("boom");
  const job = (n: number) => n === 1 ? Promise.reject(boom) : n === 2 ? sleep(Infinity) : undefined;
  assertStrictEquals(await thrownBy(collect(pool.map(job, [0, 1, 2, 3]))), boom);
  assertEquals(left(pool), 0);
});

Deno.test("a cancellation ends map with its jobs, and goes on up", async () => {
  await using pool = new TaskPool(2);
  assert(await cutShort(() => collect(pool.map(() => sleep(Infinity), new Numbers()))));
  assertEquals(left(pool), 0);
});

Deno.test("the jobs of map have the options of with(): name, timeout, priority", async () => {
  await withVirtualTime(async () => {
    await using pool = new TaskPool(1, { order: "priority" });
    const names = pool.with({ name: "tile" }).map(() => currentTask().name, [1, 2]);
    assertEquals(await collect(names), ["tile", "tile"]);
    await assertRejects(
      () => collect(pool.with({ timeout: 10 }).map(() => sleep(100), [1])),
      TimeoutError,
    );
    const order: string[] = [];
    const gate = foreign();
    pool.submit(() => gate.promise);
    const usual = collect(pool.map(() => void order.push("usual"), [1]));
    const urgent = collect(pool.with({ priority: -1 }).map(() => void order.push("urgent"), [1]));
    await waitAllTasksBlocked();
    gate.resolve();
    await Promise.all([usual, urgent]);
    assertEquals(order, ["urgent", "usual"]);
  });
});

Deno.test("the jobs of map have the TaskLocals of the place where its loop is", async () => {
  const local = new TaskLocal<string>({ defaultValue: "none" });
  await using pool = new TaskPool(2);
  const results = pool.map(() => local.get(), [1, 2, 3, 4]);
  assertEquals(await local.run("the loop's", () => collect(results)), Array(4).fill("the loop's"));
});

Deno.test("no interruption of a loop over map leaves a job behind", async () => {
  const { interrupted, runs } = await interruptAtEveryStep(async (interrupt) => {
    await withLeakCheck(async () => {
      await using pool = new TaskPool(2);
      const numbers = new Numbers(3);
      const job = async (n: number) => {
        await yieldNow();
        return n;
      };
      const { interrupted, value } = await interrupt(() => collect(pool.map(job, numbers)));
      if (!interrupted) assertEquals(value, [0, 1, 2]);
      assertEquals([left(pool), numbers.leftProperly], [0, true]);
    });
  });
  assert(interrupted > 3 && interrupted < runs);
});

Deno.test("stream gives what a generator yields, async or not, and ends with it", async () => {
  await using pool = new TaskPool(1);
  assertEquals(await collect(pool.stream(() => new Progress().numbers(4))), [0, 1, 2, 3]);
  assertEquals(await collect(pool.stream(() => new Progress().slowly(4))), [0, 1, 2, 3]);
  assertEquals(await collect(pool.stream(() => [])), []);
  assertEquals(await collect(pool.stream((a: number, b: number) => [a, b], 1, 2)), [1, 2]);
});

Deno.test("stream begins with its loop, runs as one job, and has a place of the pool as long as it runs", async () => {
  await using pool = new TaskPool(1);
  const progress = new Progress();
  const items = pool.stream(() => progress.numbers());
  await waitAllTasksBlocked();
  assertEquals([progress.at, left(pool)], [-1, 0]);
  const iterator = items[Symbol.asyncIterator]();
  await iterator.next();
  assertEquals([pool.stats().running, pool.stats().queued], [1, 0]);
  const other = pool.run(() => "has a place now");
  assertEquals(await outcomeOf(other), "pending");
  await iterator.return!();
  assertEquals(await other, "has a place now");
});

Deno.test("a stream goes on only so far ahead as its items are taken: by one", async () => {
  await using pool = new TaskPool(1);
  for (const kind of ["numbers", "slowly"] as const) {
    const progress = new Progress();
    const items = pool.stream(() => progress[kind]())[Symbol.asyncIterator]();
    for (let n = 0; n < 5; n++) {
      assertEquals(await items.next(), { done: false, value: n });
      await waitAllTasksBlocked();
      assertEquals(progress.at, n + 1, kind);
    }
    await items.return!();
  }
});

Deno.test("several calls of next() of a stream get an item each, and the end when there are no more", async () => {
  await using pool = new TaskPool(1);
  const items = pool.stream(() => new Progress().slowly(2))[Symbol.asyncIterator]();
  const answers = await Promise.all([items.next(), items.next(), items.next()]);
  assertEquals(answers.map(({ value }) => value), [0, 1, undefined]);
  assertEquals(answers.map(({ done }) => done), [false, false, true]);
  assertEquals((await items.next()).done, true);
});

Deno.test("leaving the loop over a stream ends the generator, clean-up included, before the loop is left", async () => {
  await using pool = new TaskPool(1);
  for (const kind of ["numbers", "slowly"] as const) {
    const progress = new Progress();
    assertEquals(await take(pool.stream(() => progress[kind]()), 3), [0, 1, 2]);
    assertEquals([progress.isOver, left(pool)], [true, 0], kind);
  }
  assertEquals(pool.stats().cancelled, 2, "it has not come to its end");
});

Deno.test("a stream that waits for something when its loop is left is cancelled", async () => {
  await using pool = new TaskPool(1);
  let thrown: unknown;
  const items = pool.stream(async function* () {
    yield 1;
    await sleep(Infinity).catch((error) => {
      thrown = error;
      throw error;
    });
  })[Symbol.asyncIterator]();
  await items.next();
  const second = items.next();
  await waitAllTasksBlocked();
  await items.return!();
  assertEquals(await second, { done: true, value: undefined });
  assert(isCancelled(thrown));
});

Deno.test("a stream that fails throws in the loop, after what it had yielded, and shutdown() not again", async () => {
  await using pool = new TaskPool(1);
  const boom = new Error("boom");
  const seen: number[] = [];
  const thrown = await thrownBy((async () => {
    const items = pool.stream(function* () {
      yield 1;
      yield 2;
      throw boom;
    });
    for await (const item of items) seen.push(item);
  })());
  assertStrictEquals(thrown, boom);
  assertEquals([seen, left(pool), pool.stats().failed], [[1, 2], 0, 1]);
});

Deno.test("a stream whose clean-up fails when its loop is left throws it out of the loop", async () => {
  await using pool = new TaskPool(1);
  const boom = new Error("the clean-up failed");
  const items = pool.stream(function* () {
    try {
      yield 1;
      yield 2;
    } finally {
      // deno-lint-ignore no-unsafe-finally -- that is what the test is about
      throw boom;
    }
  });
  assertStrictEquals(await thrownBy(take(items, 1)), boom);
});

Deno.test("a stream of what is no iterable fails in the loop", async () => {
  await using pool = new TaskPool(1);
  await assertRejects(() => collect(pool.stream((() => 5) as never)), TypeError);
});

Deno.test("a cancellation of the task with the loop ends the stream, and goes on up", async () => {
  await using pool = new TaskPool(1);
  const progress = new Progress();
  assert(
    await cutShort(() =>
      collect(pool.stream(async function* () {
        yield* progress.slowly(3);
        await sleep(Infinity);
      }))
    ),
  );
  assertEquals([progress.at, left(pool)], [3, 0]);
  let reached = 0;
  await cancelScope(async (scope) => {
    for await (const _ of pool.stream(() => new Progress().numbers())) {
      reached++;
      scope.cancel();
    }
  });
  assertEquals([reached, left(pool)], [1, 0]);
});

Deno.test("a stream runs in a task with its name, under the pool, with the TaskLocals of its loop", async () => {
  const local = new TaskLocal<string>();
  await using pool = new TaskPool(1, { name: "crawl" });
  const items = (name?: string) =>
    (name === undefined ? pool : pool.with({ name })).stream(async function* () {
      await yieldNow();
      yield [currentTask().name, local.get()];
    });
  assertEquals(await local.run("of the loop", () => collect(items())), [["job", "of the loop"]]);
  assertEquals(await collect(items("pages")), [["pages", undefined]]);
  const iterator = pool.stream(async function* pages() {
    yield await Promise.resolve(1);
  })[Symbol.asyncIterator]();
  await iterator.next();
  const tree = formatTree();
  assert(/pool "crawl" .*\n.*pages +running/.test(tree), tree);
  await iterator.return!();
});

Deno.test("with({ timeout, signal }) holds for a stream as for any job", async () => {
  await withVirtualTime(async () => {
    await using pool = new TaskPool(1);
    const naps = async function* () {
      for (let n = 0;; n++) {
        yield n;
        await sleep(40);
      }
    };
    const seen: number[] = [];
    const limited = pool.with({ timeout: 100 }).stream(naps);
    await assertRejects(async () => {
      for await (const n of limited) seen.push(n);
    }, TimeoutError);
    assertEquals(seen, [0, 1, 2]);
    const controller = new AbortController();
    const told = pool.with({ signal: controller.signal }).stream(naps);
    assertEquals(
      await thrownBy((async () => {
        for await (const n of told) if (n === 1) controller.abort("enough");
      })()),
      "enough",
    );
  });
});

Deno.test("progress() in a stream has nobody to report to, and does no harm", async () => {
  await using pool = new TaskPool(1);
  const items = pool.stream(function* () {
    progress("half");
    yield 1;
  });
  assertEquals(await collect(items), [1]);
});

Deno.test("no interruption of a loop over a stream leaves the generator open", async () => {
  const { interrupted, runs } = await interruptAtEveryStep(async (interrupt) => {
    await withLeakCheck(async () => {
      await using pool = new TaskPool(1);
      const progress = new Progress();
      const { interrupted, value } = await interrupt(() =>
        collect(pool.stream(() => progress.slowly(3)))
      );
      if (!interrupted) assertEquals(value, [0, 1, 2]);
      assertEquals(left(pool), 0);
      assertEquals(progress.isOver, progress.at >= 0);
    });
  });
  assert(interrupted > 3 && interrupted < runs);
});
