/**
 * Queues that give back what came last: what sets them apart. What they share with all queues is in `queue_test.ts`.
 *
 * @module
 */

import { assertEquals, assertInstanceOf } from "@std/assert";
import { LifoQueue, Queue } from "../../mod.ts";
import { collect } from "./probes.ts";

Deno.test("A LIFO queue is a queue", () => {
  assertInstanceOf(new LifoQueue(), Queue);
});

Deno.test("A LIFO queue gives back what came last [W7]", () => {
  const queue = new LifoQueue<number>();
  const got: number[] = [];
  for (const item of [1, 2, 3]) queue.putNowait(item);
  got.push(queue.getNowait(), queue.getNowait());
  for (const item of [4, 5]) queue.putNowait(item);
  while (!queue.empty) got.push(queue.getNowait());
  assertEquals(got, [3, 2, 5, 4, 1]);
});

Deno.test("A LIFO queue keeps the order of a stack over thousands of items", () => {
  const queue = new LifoQueue<number>();
  const model: number[] = [];
  let random = 1;
  for (let item = 0; item < 20_000; item++) {
    random = random * 48271 % 0x7fffffff;
    if (random % 5 < 2 && model.length > 0) assertEquals(queue.getNowait(), model.pop());
    queue.putNowait(item);
    model.push(item);
    assertEquals(queue.size, model.length);
  }
  while (model.length > 0) assertEquals(queue.getNowait(), model.pop());
  assertEquals(queue.empty, true);
});

Deno.test("Who waits at a LIFO queue is served first come, first served: only items are stacked [W1]", async () => {
  const queue = new LifoQueue<number>(1);
  const getting = [queue.get(), queue.get()];
  queue.putNowait(1);
  queue.putNowait(2);
  assertEquals(await Promise.all(getting), [1, 2]);
  queue.putNowait(3);
  const putting = [queue.put(4), queue.put(5)];
  assertEquals([queue.getNowait(), queue.getNowait(), queue.getNowait()], [3, 4, 5]);
  await Promise.all(putting);
});

Deno.test("With more room, what a waiting putter brings comes on top", async () => {
  const queue = new LifoQueue<number>(2);
  queue.putNowait(1);
  queue.putNowait(2);
  const putting = queue.put(3);
  assertEquals([queue.getNowait(), queue.getNowait(), queue.getNowait()], [2, 3, 1]);
  await putting;
});

Deno.test("A loop over a LIFO queue that was shut down takes it from the top [W7]", async () => {
  const queue = new LifoQueue<number>();
  for (const item of [1, 2, 3]) queue.putNowait(item);
  queue.shutdown();
  assertEquals(await collect(queue), [3, 2, 1]);
});
