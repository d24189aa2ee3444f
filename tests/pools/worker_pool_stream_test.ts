/**
 * Streams from a `WorkerPool`: a generator there, a loop here.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  CancelScope,
  cancelScope,
  NotPortableError,
  TimeoutError,
  WorkerCrashedError,
} from "../../mod.ts";
import { thrownBy } from "../primitives/outcome.ts";
import { calling } from "../primitives/probes.ts";
import { add, DEATHS, failure, pass, passAsync, whereAmI } from "./jobs.ts";
import {
  buffers,
  itemUnportable,
  numbers,
  numbersAndDie,
  numbersAndFail,
  numbersAndWait,
  numbersLater,
  sameObject,
  values,
} from "./streams.ts";
import { cells, Gate, reached, SeenWorkers, TestPool } from "./shared.ts";

// How many items a generator may be ahead of who takes them.
const FURTHEST = 128;

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

function upTo(end: number): number[] {
  return Array.from({ length: end }, (_, n) => n);
}

for (
  const [kind, generator] of Object.entries({ synchronous: numbers, asynchronous: numbersLater })
) {
  Deno.test(`a stream gives what a${kind === "synchronous" ? "" : "n"} ${kind} generator yields, in order, and ends with it`, async () => {
    await using pool = new TestPool({ size: 1 });
    for (const end of [0, 1, 2, 63, 64, 65, 1000]) {
      const count = cells(2);
      assertEquals(await collect(pool.stream(generator, count, end)), upTo(end));
      assertEquals([...count], [end, 1]);
    }
    assertEquals(await pool.run(whereAmI), "pool-1");
    assertEquals([pool.stats().succeeded, pool.stats().crashed], [8, 0]);
  });

  Deno.test(`a stream of a${kind === "synchronous" ? "" : "n"} ${kind} generator runs only so far ahead of the loop`, async () => {
    await using pool = new TestPool({ size: 1 });
    const count = cells(2);
    let taken = 0;
    let furthest = 0;
    for await (const n of pool.stream(generator, count, 2000)) {
      assertEquals(n, taken++);
      furthest = Math.max(furthest, Atomics.load(count, 0) - taken);
    }
    assertEquals(taken, 2000);
    assert(furthest <= FURTHEST, `it was ${furthest} items ahead`);
  });

  Deno.test(`a stream of a${kind === "synchronous" ? "" : "n"} ${kind} generator stands still while nobody takes anything`, async () => {
    await using pool = new TestPool({ size: 2 });
    const count = cells(2);
    const stream = pool.stream(generator, count, 100_000)[Symbol.asyncIterator]();
    assertEquals((await stream.next()).value, 0);
    // As long as another worker does two hundred jobs, one after the other.
    for (let n = 0; n < 200; n++) await pool.run(add, n, n);
    const ahead = Atomics.load(count, 0);
    assert(ahead <= FURTHEST, `it was ${ahead} items ahead`);
    await stream.return!();
    assertEquals(count[1], 1);
  });

  Deno.test(`leaving the loop over a stream early ends the ${kind} generator, clean-up included`, async () => {
    await using pool = new TestPool({ size: 1 });
    for (const after of [1, 40, 100]) {
      const count = cells(2);
      let taken = 0;
      for await (const _ of pool.stream(generator, count, 100_000)) if (++taken === after) break;
      assertEquals(count[1], 1, "the generator has ended when the loop has been left");
      assert(count[0] < 100_000);
    }
    assertEquals(await pool.run(whereAmI), "pool-1");
    const { crashed, cancelled, running, queued } = pool.stats();
    assertEquals([crashed, cancelled, running, queued], [0, 3, 0, 0]);
  });
}

Deno.test("a stream begins when the first item is asked for, and not before", async () => {
  await using pool = new TestPool({ size: 1 });
  const count = cells(2);
  const stream = pool.stream(numbers, count, 3);
  await pool.run(add, 1, 2);
  assertEquals([count[0], pool.stats().succeeded], [0, 1]);
  assertEquals(await collect(stream), [0, 1, 2]);
});

Deno.test("a stream that is left before it has begun hands in no job", async () => {
  await using pool = new TestPool({ size: 1 });
  const stream = pool.stream(numbers, cells(2), 3)[Symbol.asyncIterator]();
  assertEquals(await stream.return!(), { done: true, value: undefined });
  assertEquals(pool.stats().workers, 0);
});

Deno.test("an item comes while the generator waits for what it yields next", async () => {
  await using pool = new TestPool({ size: 1 });
  const count = cells(2);
  const taken: number[] = [];
  for await (const n of pool.stream(numbersAndWait, count, 3)) {
    taken.push(n);
    if (n === 2) break;
  }
  assertEquals([taken, count[1]], [[0, 1, 2], 1]);
});

Deno.test("P8: items are cloned, each as it was when it was yielded", async () => {
  await using pool = new TestPool({ size: 1 });
  const list = [undefined, null, -0, NaN, 1n, "text", new Date(1), new Map([[1, { a: [1] }]]), [1]];
  assertEquals(await collect(pool.stream(values, list)), list);
  assertEquals(await collect(pool.stream(sameObject, 5)), upTo(5).map((n) => ({ n })));
});

Deno.test("P8: buffers of items are moved by transfer", async () => {
  await using pool = new TestPool({ size: 1 });
  const items = await collect(pool.stream(buffers, 100));
  assertEquals(items.map(([n]) => n), upTo(100));
});

Deno.test("P8: an item that cannot be cloned fails the stream alone, after what came before, and ends the generator", async () => {
  await using pool = new TestPool({ size: 1 });
  const count = cells(2);
  const taken: unknown[] = [];
  const error = await thrownBy((async () => {
    for await (const item of pool.stream(itemUnportable, count)) taken.push(item);
  })());
  assertInstanceOf(error, NotPortableError);
  assertStringIncludes(error.message, "item.deep[0]");
  assertEquals([taken, count[1]], [[1], 1]);
  assertEquals(await pool.run(whereAmI), "pool-1");
});

Deno.test("P6: a generator that fails has its error thrown in the loop, after all that it yielded", async () => {
  await using pool = new TestPool({ size: 1 });
  for (const end of [0, 1, 100]) {
    const taken: number[] = [];
    await assertRejects(
      async () => {
        for await (const n of pool.stream(numbersAndFail, end)) taken.push(n);
      },
      RangeError,
      "out of numbers",
    );
    assertEquals(taken, upTo(end));
  }
  assertEquals(await pool.run(whereAmI), "pool-1");
});

Deno.test("a function that is no generator fails its stream with a word about it", async () => {
  await using pool = new TestPool({ size: 1 });
  const asGenerator = (fn: unknown) => fn as (...args: unknown[]) => unknown[];
  await assertRejects(
    () => collect(pool.stream(asGenerator(add), 1, 2)),
    TypeError,
    "must be an iterable: received 3",
  );
  await assertRejects(
    () => collect(pool.stream(asGenerator(failure), "own class")),
    RangeError,
    "refused",
  );
  assertThrows(calling(pool.stream.bind(pool), 5), TypeError, "must be a function");
  assertEquals(await pool.run(whereAmI), "pool-1");
});

Deno.test("a plain generator, and a function that returns a list, can be streamed", async () => {
  await using pool = new TestPool({ size: 1 });
  const squares = pool.stream(function* (end: number) {
    for (let n = 0; n < end; n++) yield n * n;
  }, 4);
  assertEquals(await collect(squares), [0, 1, 4, 9]);
  assertEquals(await collect(pool.stream((text: string) => text.split(","), "a,b")), ["a", "b"]);
});

for (const how of DEATHS) {
  Deno.test(`P5: ${how} in the middle of a stream fails it after what it yielded, and the pool goes on`, async () => {
    await using pool = new TestPool({ size: 1 });
    const taken: number[] = [];
    const error = await thrownBy((async () => {
      for await (const n of pool.stream(numbersAndDie, 40, how)) taken.push(n);
    })());
    assertInstanceOf(error, WorkerCrashedError);
    assertEquals(taken, upTo(40));
    assertEquals(await pool.run(whereAmI), "pool-2");
  });
}

Deno.test("P5: a worker that dies without a word in the middle of a stream is missed", async () => {
  using seen = new SeenWorkers();
  await using pool = new TestPool({ size: 1 });
  const stream = pool.stream(numbersAndWait, cells(2), 1)[Symbol.asyncIterator]();
  assertEquals((await stream.next()).value, 0);
  const next = thrownBy(stream.next());
  seen.list[0].worker.terminate();
  assertInstanceOf(await next, WorkerCrashedError);
});

Deno.test("P2: a stream is cancelled with the task that loops over it, and its generator has ended by then", async () => {
  await using pool = new TestPool({ size: 1 });
  const count = cells(2);
  const scope = new CancelScope();
  await scope.enter(async () => {
    for await (const n of pool.stream(numbersAndWait, count, 2)) {
      if (n === 1) scope.cancel("enough");
    }
  });
  assert(scope.cancelledCaught);
  assertEquals(count[1], 1);
  assertEquals(await pool.run(whereAmI), "pool-1");
});

Deno.test("P2: a cancellation reaches a generator that never waits", async () => {
  await using pool = new TestPool({ size: 1 });
  const count = cells(2);
  await cancelScope(async (scope) => {
    for await (const _ of pool.stream(numbers, count, Infinity)) scope.cancel();
  });
  assertEquals(count[1], 1);
  assertEquals(pool.stats().crashed, 0);
});

Deno.test("C8: a stream ends with its signal, and with its time", async () => {
  await using pool = new TestPool({ size: 1 });
  const controller = new AbortController();
  const reason = new Error("over");
  const count = cells(2);
  const error = await thrownBy((async () => {
    const stream = pool.with({ signal: controller.signal }).stream(numbersAndWait, count, 2);
    for await (const n of stream) if (n === 1) controller.abort(reason);
  })());
  assertStrictEquals(error, reason);
  assertEquals(count[1], 1);
  count.fill(0);
  await assertRejects(
    () => collect(pool.with({ timeout: 50 }).stream(numbers, count, Infinity)),
    TimeoutError,
  );
  assertEquals(count[1], Math.min(count[0], 1), "it has ended, if it had begun");
  assertEquals(await pool.run(whereAmI), "pool-1");
});

Deno.test("a stream that waits for demand can be cancelled", async () => {
  await using pool = new TestPool({ size: 1 });
  const count = cells(2);
  const stream = pool.stream(numbers, count, 100_000)[Symbol.asyncIterator]();
  await stream.next();
  await reached(count, 0, 50);
  await stream.return!();
  assertEquals(count[1], 1);
});

Deno.test("several streams run side by side, each with its own items", async () => {
  await using pool = new TestPool({ size: 2 });
  const lists = await Promise.all(
    [300, 200, 100].map((end) => collect(pool.stream(numbersLater, cells(2), end))),
  );
  assertEquals(lists, [upTo(300), upTo(200), upTo(100)]);
});

Deno.test("a stream occupies a worker: other jobs are done by the others, or wait", async () => {
  await using pool = new TestPool({ size: 1 });
  const gate = new Gate();
  const held = pool.submit(passAsync, gate.cells);
  await gate.entered();
  const stream = pool.stream(numbers, cells(2), 3)[Symbol.asyncIterator]();
  const first = stream.next();
  assertEquals([pool.stats().running, pool.stats().queued], [1, 1]);
  gate.open();
  await held;
  assertEquals((await first).value, 0);
  await stream.return!();
});

Deno.test("a stream whose worker is held by another job when it is left does not run", async () => {
  await using pool = new TestPool({ size: 1 });
  const gate = new Gate();
  const count = cells(2);
  const held = pool.submit(pass, gate.cells);
  await gate.entered();
  await cancelScope(async (scope) => {
    const stream = pool.stream(numbers, count, 3)[Symbol.asyncIterator]();
    const first = stream.next();
    scope.cancel();
    await first;
  });
  gate.open();
  await held;
  assertEquals([...count], [0, 0]);
});
