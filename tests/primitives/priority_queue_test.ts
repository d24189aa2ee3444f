/**
 * Priority queues: what sets them apart. What they share with all queues is in `queue_test.ts`, the order itself in
 * `compare_test.ts`.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { PriorityQueue, Queue, QueueFull, QueueShutDown, select } from "../../mod.ts";
import { withLeakCheck } from "../../primitives/testing/mod.ts";
import { outcomeOf } from "./outcome.ts";
import { calling, collect } from "./probes.ts";
import { rejectionOf } from "./spies.ts";

interface Job {
  readonly priority: number;
  readonly id: number;
}

function byPriority(a: Job, b: Job): number {
  return a.priority - b.priority;
}

function drain<T>(queue: Queue<T>): T[] {
  const items: T[] = [];
  while (!queue.empty) items.push(queue.getNowait());
  return items;
}

Deno.test("A priority queue is a queue, and gives the lowest first [W7]", () => {
  const queue = new PriorityQueue<number>();
  assertInstanceOf(queue, Queue);
  for (const item of [3, -1, 2.5, Infinity, 0, 2]) queue.putNowait(item);
  assertEquals(drain(queue), [-1, 0, 2, 2.5, 3, Infinity]);
});

Deno.test("What comes later and is lower comes first", () => {
  const queue = new PriorityQueue<number>();
  const got: number[] = [];
  for (const item of [5, 3]) queue.putNowait(item);
  got.push(queue.getNowait());
  for (const item of [4, 1]) queue.putNowait(item);
  assertEquals([...got, ...drain(queue)], [3, 1, 4, 5]);
});

Deno.test("Equal items come in the order in which they were put, thousands of them, also with gets in between [W7]", () => {
  const queue = new PriorityQueue<Job>(0, { compare: byPriority });
  const model: Job[] = [];
  let random = 1;
  for (let id = 0; id < 20_000; id++) {
    random = random * 48271 % 0x7fffffff;
    const job = { priority: random % 7, id };
    queue.putNowait(job);
    const place = model.findLastIndex((other) => other.priority <= job.priority);
    model.splice(place + 1, 0, job);
    if (random % 3 === 0) assertStrictEquals(queue.getNowait(), model.shift());
  }
  const rest = drain(queue);
  assertEquals(rest.length, model.length);
  for (const [index, job] of rest.entries()) assertStrictEquals(job, model[index]);
});

Deno.test("Equal arrays, dates and numbers of two types come in the order in which they were put [W7]", () => {
  const dates = Array.from({ length: 5 }, () => new Date(0));
  const queue = new PriorityQueue<Date>();
  for (const date of dates) queue.putNowait(date);
  for (const [index, date] of drain(queue).entries()) assertStrictEquals(date, dates[index]);
  const numbers = new PriorityQueue<number | bigint>();
  for (const item of [1n, 1, 1n, 0]) numbers.putNowait(item);
  assertEquals(drain(numbers), [0, 1n, 1, 1n]);
});

Deno.test("Arrays compare element by element, shorter ones first, like Python's tuples [W7]", () => {
  const queue = new PriorityQueue<unknown[]>();
  const sorted = [[], [1], [1, "a"], [1, "a", 0], [1, "b"], [1, "b", [2]], [2, -5], [10]];
  for (const item of sorted.toReversed()) queue.putNowait(item);
  assertEquals(drain(queue), sorted);
});

Deno.test("[priority, item] takes any items as long as no two priorities are the same", () => {
  const queue = new PriorityQueue<[number, unknown]>();
  const things = [{}, null, () => {}, NaN, Symbol("it")];
  for (const [index, thing] of things.entries()) queue.putNowait([(index * 2) % 5, thing]);
  assertEquals(drain(queue).map(([priority]) => priority), [0, 1, 2, 3, 4]);
  queue.putNowait([1, {}]);
  assertThrows(
    () => queue.putNowait([1, {}]),
    TypeError,
    "Cannot compare an object with an object",
  );
  assertEquals(queue.size, 1);
});

Deno.test("A compare of one's own decides alone, ties included", () => {
  const queue = new PriorityQueue<string>(0, { compare: (a, b) => b.length - a.length });
  for (const item of ["a", "ccc", "bb", "d", "eee"]) queue.putNowait(item);
  assertEquals(drain(queue), ["ccc", "eee", "bb", "a", "d"]);
});

// What cannot be compared

Deno.test("What cannot be compared is refused when it is put, and changes nothing [W7]", async () => {
  const queue = new PriorityQueue<unknown>(0, { name: "jobs" });
  for (const item of [5, 1, 3]) queue.putNowait(item);
  const before = queue.stats();
  for (const bad of ["2", NaN, null, undefined, {}, [2], new Date(), true, Symbol("2")]) {
    assertThrows(() => queue.putNowait(bad), TypeError, "Cannot ");
    await assertRejects(() => queue.put(bad), TypeError, "Cannot ");
    await assertRejects(() => queue.put(bad, { timeout: 10 }), TypeError, "Cannot ");
    await assertRejects(() => select({ put: queue.putting(bad) }), TypeError, "Cannot ");
    assertEquals(queue.stats(), before);
  }
  queue.putNowait(2);
  assertEquals(drain(queue), [1, 2, 3, 5]);
  assertEquals(queue.stats().unfinished, 4);
});

Deno.test("What can be compared with nothing is refused by an empty queue, and with somebody waiting, too [W7]", async () => {
  const queue = new PriorityQueue<unknown>();
  const getting = queue.get();
  for (const bad of [NaN, null, undefined, {}, [NaN], [{}], new Date(NaN), () => {}]) {
    assertThrows(() => queue.putNowait(bad), TypeError, "nothing can be compared with it");
    await assertRejects(() => queue.put(bad), TypeError, "nothing can be compared with it");
  }
  assertEquals([queue.size, queue.stats().unfinished, queue.stats().getters], [0, 0, 1]);
  assertEquals(await outcomeOf(getting), "pending");
  queue.putNowait(1);
  assertEquals(await getting, 1);
});

Deno.test("What can be compared with nothing is refused by a full queue at once, without a wait", async () => {
  const queue = new PriorityQueue<unknown>(1);
  queue.putNowait(1);
  await assertRejects(() => queue.put({}), TypeError, "nothing can be compared with it");
  assertThrows(() => queue.putNowait({}), TypeError);
  assertEquals(queue.stats().putters, 0);
  assertThrows(() => queue.putNowait(2), QueueFull);
});

Deno.test("A putter that waits and cannot be compared when there is room is the only one to be told [W7]", async () => {
  await withLeakCheck(async () => {
    const queue = new PriorityQueue<unknown>(2);
    for (const item of [1, 2]) queue.putNowait(item);
    const good = [queue.put(4)];
    const bad = [queue.put("3"), queue.put("x")].map(rejectionOf);
    const selecting = rejectionOf(select({ put: queue.putting("y"), other: new Queue() }));
    good.push(queue.put(3));
    assertEquals(queue.stats().putters, 5);
    assertEquals(queue.getNowait(), 1);
    await good[0];
    assertEquals([queue.stats().putters, queue.size], [4, 2]);
    // Room for one: those in front of the last cannot be put in, and it can.
    assertEquals(queue.getNowait(), 2);
    await good[1];
    assertEquals([queue.stats().putters, queue.size, queue.stats().unfinished], [0, 2, 4]);
    for (const error of [...await Promise.all(bad), await selecting]) {
      assertInstanceOf(error, TypeError);
    }
    assertEquals(drain(queue), [3, 4]);
  });
});

Deno.test("With all who wait turned away, the get that made room still has its item, and there is room", async () => {
  const queue = new PriorityQueue<unknown>(2);
  for (const item of [1, 2]) queue.putNowait(item);
  const bad = ["a", "b"].map((item) => rejectionOf(queue.put(item)));
  assertEquals(await queue.get(), 1);
  for (const error of await Promise.all(bad)) assertInstanceOf(error, TypeError);
  assertEquals([queue.size, queue.full, queue.stats().putters], [1, false, 0]);
  queue.putNowait(0);
  assertEquals(drain(queue), [0, 2]);
});

Deno.test("A putter of another kind gets in when the queue has run dry, and the kind changes", async () => {
  const queue = new PriorityQueue<unknown>(1);
  queue.putNowait(1);
  const putting = [queue.put("a"), queue.put("b")];
  assertEquals(queue.getNowait(), 1);
  assertEquals(queue.getNowait(), "a");
  assertEquals(queue.getNowait(), "b");
  await Promise.all(putting);
});

Deno.test("A compare that throws leaves the queue as it was, wherever it throws (CPython: FailingQueueTest)", async () => {
  const failure = new Error("you lose");
  let comparisonsLeft = Infinity;
  const compare = (a: number, b: number) => {
    if (comparisonsLeft-- <= 0) throw failure;
    return a - b;
  };
  let failures = 0;
  for (let at = 0; at < 20; at++) {
    const queue = new PriorityQueue<number>(0, { compare });
    for (let item = 0; item < 1000; item++) queue.putNowait(item * 2);
    const before = queue.stats();
    comparisonsLeft = at;
    let failed = false;
    try {
      queue.putNowait(701);
    } catch (error) {
      assertStrictEquals(error, failure);
      failed = true;
    }
    if (failed) {
      failures++;
      assertEquals(queue.stats(), before);
      comparisonsLeft = at;
      assertStrictEquals(await rejectionOf(queue.put(701)), failure);
      assertEquals(queue.stats(), before);
    }
    comparisonsLeft = Infinity;
    if (failed) queue.putNowait(701);
    const expected = Array.from({ length: 1000 }, (_, index) => index * 2);
    expected.splice(351, 0, 701);
    assertEquals(drain(queue), expected);
  }
  assert(failures > 5, `${failures} comparisons failed`);
});

Deno.test("A compare that throws for a putter that waits: only it gets the error (CPython: FailingQueueTest)", async () => {
  const failure = new Error("you lose");
  const queue = new PriorityQueue<number>(2, {
    compare(a, b) {
      if (a === 13 || b === 13) throw failure;
      return a - b;
    },
  });
  for (const item of [1, 2]) queue.putNowait(item);
  const unlucky = rejectionOf(queue.put(13));
  const lucky = queue.put(3);
  assertEquals(queue.getNowait(), 1);
  assertStrictEquals(await unlucky, failure);
  await lucky;
  assertEquals(queue.stats().unfinished, 3);
  assertEquals(drain(queue), [2, 3]);
});

Deno.test("A compare that gives no number is refused at the put [W7]", () => {
  const queue = new PriorityQueue<number>(0, { compare: () => NaN });
  queue.putNowait(1);
  assertThrows(() => queue.putNowait(2), TypeError, "'compare' must return a number: received NaN");
  assertEquals(drain(queue), [1]);
});

Deno.test("A get compares nothing, so it cannot fail", () => {
  let fails = false;
  const queue = new PriorityQueue<number>(0, {
    compare(a, b) {
      if (fails) throw new Error("compared");
      return a - b;
    },
  });
  for (let item = 0; item < 500; item++) queue.putNowait(item * 37 % 500);
  fails = true;
  assertEquals(drain(queue), Array.from({ length: 500 }, (_, index) => index));
});

// Together with the rest

Deno.test("An item put with somebody waiting is theirs, and the lowest of the rest comes next", async () => {
  const queue = new PriorityQueue<number>();
  const getting = [queue.get(), queue.get()];
  for (const item of [5, 4, 3, 2]) queue.putNowait(item);
  assertEquals(await Promise.all(getting), [5, 4]);
  assertEquals(drain(queue), [2, 3]);
});

Deno.test("In a full queue an urgent item waits like any other, in line", async () => {
  const queue = new PriorityQueue<number>(1);
  queue.putNowait(5);
  const putting = [queue.put(9), queue.put(1)];
  assertEquals(drain(queue), [5, 9, 1]);
  await Promise.all(putting);
});

Deno.test("A loop over a priority queue that was shut down takes the lowest first [W7]", async () => {
  const queue = new PriorityQueue<number>();
  for (const item of [3, 1, 2]) queue.putNowait(item);
  queue.shutdown();
  await assertRejects(() => queue.put({} as number), QueueShutDown);
  assertEquals(await collect(queue), [1, 2, 3]);
});

Deno.test("After an immediate shutdown nothing is left of its order", () => {
  const queue = new PriorityQueue<number>();
  for (let item = 0; item < 100; item++) queue.putNowait(item);
  queue.shutdown({ immediate: true });
  assertEquals([queue.size, queue.stats().unfinished], [0, 0]);
  assertThrows(() => queue.getNowait(), QueueShutDown);
});

Deno.test("A priority queue refuses a compare that is no function [E1]", () => {
  const make = (...args: [never, never]) => new PriorityQueue(...args);
  for (const compare of [3, "priority", null, {}]) {
    assertThrows(
      calling(make, 0, { compare }),
      TypeError,
      "Cannot make a priority queue as 'compare' must be a function: received",
    );
  }
  assertEquals(new PriorityQueue(0, { compare: undefined }).size, 0);
});
