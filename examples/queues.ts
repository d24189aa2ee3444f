#!/usr/bin/env -S deno run
/**
 * The three queues, and all that they can do.
 *
 * Of the course: `queue.Queue(maxsize)`, `LifoQueue`, `PriorityQueue`; put and get that block, that wait
 * for so long, that do not wait; Full, Empty, qsize, empty, full, `task_done`, join.
 *
 * @module
 */

import { LifoQueue, main, PriorityQueue, Queue, sleep, taskGroup } from "@grove/grove";

/** Shows what an operation throws. */
async function refused(what: string, operation: () => unknown): Promise<void> {
  try {
    await operation();
  } catch (error) {
    console.log(`${what}: ${(error as Error).name}`);
  }
}

/** Takes out all that is there, without waiting. */
function drain<T>(queue: Queue<T>): T[] {
  const items: T[] = [];
  while (!queue.empty) items.push(queue.getNowait());
  return items;
}

async function orders(): Promise<void> {
  const first = new Queue<number>();
  const last = new LifoQueue<number>();
  for (const n of [1, 2, 3]) {
    first.putNowait(n);
    last.putNowait(n);
  }
  console.log(`first in, first out: ${drain(first)}`);
  console.log(`last in, first out: ${drain(last)}`);

  const urgent = new PriorityQueue<[priority: number, job: string]>();
  urgent.putNowait([30, "sweep"]);
  urgent.putNowait([10, "extinguish"]);
  urgent.putNowait([20, "call"]);
  console.log(`the lowest first: ${drain(urgent).map(([, job]) => job)}`);
}

async function bounds(): Promise<void> {
  const queue = new Queue<string>(2, { name: "shelf" });
  await refused("get from an empty one, at once", () => queue.getNowait());
  await refused("get from an empty one, within 5 ms", () => queue.get({ timeout: 5 }));

  await queue.put("a");
  console.log(`size ${queue.size}, empty ${queue.empty}, full ${queue.full}`);
  await queue.put("b");
  console.log(`size ${queue.size}, empty ${queue.empty}, full ${queue.full}`);
  await refused("put into a full one, at once", () => queue.putNowait("c"));
  await refused("put into a full one, within 5 ms", () => queue.put("c", { timeout: 5 }));

  // Without a limit it waits until somebody makes room: only this task, not the thread.
  await taskGroup(async (group) => {
    group.spawn(async () => {
      await queue.put("c");
      console.log("c has found room");
    });
    console.log(`${queue.stats().putters} waits to put`);
    console.log(`got ${await queue.get()}`);
  });
  console.log(`left: ${drain(queue)}`);
}

async function work(): Promise<void> {
  const jobs = new Queue<string>();
  await taskGroup(async (group) => {
    group.spawn(async () => {
      for await (const job of jobs) {
        await sleep(1);
        console.log(`done: ${job}`);
        jobs.taskDone();
      }
      console.log("the worker goes home");
    });
    for (const job of ["wash", "dry", "fold"]) await jobs.put(job);
    await jobs.join(); // Until taskDone() was said of each: an empty queue would not be enough.
    console.log("all jobs are done");
    jobs.shutdown(); // Loops over it end. In the course it takes an item that means the end.
  });
  await refused("put into one that was shut down", () => jobs.put("iron"));
}

await main(async () => {
  await orders();
  await bounds();
  await work();
});
