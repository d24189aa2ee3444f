/**
 * Threads that use the same things as fast as they can, some of them blocked and some on their loops: nothing is lost, and
 * nothing is there twice.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import {
  type Posted,
  SharedBarrier,
  SharedLock,
  SharedQueue,
  SharedSemaphore,
} from "../../../mod.ts";
import { soon } from "./stage.ts";
import type { Load } from "./stress_worker.ts";

/** Has workers do as they are told, and gives what came of it. */
async function inWorkers(
  object: Posted,
  cells: Int32Array,
  loads: Pick<Load, "job" | "rounds" | "index" | "blocks" | "givesUp">[],
): Promise<number[]> {
  const start = new SharedBarrier(loads.length);
  const workers = loads.map(() =>
    new Worker(import.meta.resolve("./stress_worker.ts"), { type: "module" })
  );
  try {
    const results = workers.map((worker, index) =>
      new Promise<number>((resolve, reject) => {
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = reject;
        worker.postMessage({ ...loads[index], start, object, cells });
      })
    );
    return await soon(Promise.all(results), "all are through");
  } finally {
    for (const worker of workers) worker.terminate();
  }
}

const cells = () => new Int32Array(new SharedArrayBuffer(8));
const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);

for (const givesUp of [false, true]) {
  Deno.test(`SharedLock: 4 workers count together, and no count is lost${givesUp ? ", though they give up now and then" : ""}`, async () => {
    const lock = new SharedLock();
    const counted = cells();
    const rounds = givesUp ? 1_500 : 3_000;
    const done = await inWorkers(
      lock,
      counted,
      [0, 1, 2, 3].map((index) => ({
        job: "count",
        rounds,
        index,
        blocks: index % 2 === 0,
        givesUp,
      })),
    );
    assertEquals(counted[0], sum(done));
    if (!givesUp) assertEquals(sum(done), 4 * rounds);
    const { locked, waiters, peakWaiters, broken } = lock.stats();
    assertEquals([locked, waiters, broken], [false, 0, false]);
    assert(peakWaiters > 0, "nobody ever had to wait");
  });
}

Deno.test("SharedSemaphore: of 4 workers never more are inside than there are permits, and all permits come back", async () => {
  const doors = new SharedSemaphore(2);
  const inside = cells();
  const done = await inWorkers(
    doors,
    inside,
    [0, 1, 2, 3].map((index) => ({
      job: "enter",
      rounds: 5_000,
      index,
      blocks: index % 2 === 0,
      givesUp: index > 1,
    })),
  );
  assert(sum(done) > 10_000);
  assert(inside[1] <= 2, `${inside[1]} were inside`);
  assertEquals([inside[0], doors.available, doors.stats().waiters], [0, 2, 0]);
});

for (const maxsize of [0, 3]) {
  Deno.test(`SharedQueue: 2 workers put and 2 get, and each item comes once${maxsize > 0 ? ", though it is full or empty all the time" : ""}`, async () => {
    const queue = new SharedQueue<number>(maxsize, { capacity: 1000 });
    const rounds = maxsize > 0 ? 3_000 : 20_000;
    const [first, second, ...got] = await inWorkers(
      queue,
      cells(),
      (["put", "put", "get", "get"] as const).map((job, index) => ({
        job,
        rounds,
        index,
        blocks: index % 2 === 0,
        givesUp: maxsize > 0,
      })),
    );
    assertEquals(sum(got), first + second);
    assertEquals(first + second, rounds * (2 * rounds - 1));
    const { size, bytes, putters, getters } = queue.stats();
    assertEquals([size, bytes, putters, getters], [0, 0, 0, 0]);
  });
}
