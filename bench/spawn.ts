/**
 * `spawn-100`, `spawn-10000`, `spawn-1m`: start so many children at once, each an async function of one await, and wait until
 * all have ended; the figure is the time of one child.
 *
 * The floor is `Promise.all` over the same async functions: what anybody would write, and the least that JavaScript can
 * do to start them all and know when they ended. It owns nothing: no parent, no cancellation, no ambient task.
 * "floor + als" is the second floor: the same promises, each started in its own `AsyncLocalStorage.run` from inside another
 * one, with a small fresh object as the store. That is what knowing the current task costs, were everything else free.
 *
 * @module
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { taskGroup } from "../mod.ts";
import { atMost, timed } from "./clock.ts";
import { Effect, Fiber } from "./peers/effect.ts";
import { run, spawn, until } from "./peers/effection.ts";
import { promiseQueue } from "./peers/fastq.ts";
import { pLimit } from "./peers/p_limit.ts";
import { pMap } from "./peers/p_map.ts";
import { PQueue } from "./peers/p_queue.ts";
import type { Contender, Goal, Row } from "./row.ts";

async function child(): Promise<void> {
  await undefined;
}

async function promises(size: number): Promise<void> {
  const all = new Array<Promise<void>>(size);
  for (let i = 0; i < size; i++) all[i] = child();
  await Promise.all(all);
}

const context = new AsyncLocalStorage<{ index: number }>();

async function promisesWithStores(size: number): Promise<void> {
  await context.run({ index: -1 }, async () => {
    const all = new Array<Promise<void>>(size);
    for (let i = 0; i < size; i++) all[i] = context.run({ index: i }, child);
    await Promise.all(all);
  });
}

async function grove(size: number): Promise<void> {
  await taskGroup(async (group) => {
    for (let i = 0; i < size; i++) group.spawn(child);
  });
}

async function limited(size: number): Promise<void> {
  const limit = pLimit(Infinity);
  const all = new Array<Promise<void>>(size);
  for (let i = 0; i < size; i++) all[i] = limit(child);
  await Promise.all(all);
}

async function mapped(size: number): Promise<void> {
  await pMap(Array(size).keys(), child);
}

async function queued(size: number): Promise<void> {
  const queue = new PQueue();
  const all = new Array<Promise<void>>(size);
  for (let i = 0; i < size; i++) all[i] = queue.add(child);
  await Promise.all(all);
}

async function pushed(size: number): Promise<void> {
  const queue = promiseQueue<void, number, void>(child, size);
  const all = new Array<Promise<void>>(size);
  for (let i = 0; i < size; i++) all[i] = queue.push(i);
  await Promise.all(all);
}

/** A fiber or an operation that waits once is an async function of one await already: the peers wrap none in another. */
const resolved = Promise.resolve();
const effectChild = Effect.promise(() => resolved);

async function forked(size: number): Promise<void> {
  await Effect.runPromise(Effect.gen(function* () {
    const fibers = new Array<Fiber.Fiber<void>>(size);
    for (let i = 0; i < size; i++) fibers[i] = yield* Effect.forkChild(effectChild);
    yield* Fiber.joinAll(fibers);
  }));
}

async function forEached(size: number): Promise<void> {
  await Effect.runPromise(
    Effect.forEach(Array(size).keys(), () => effectChild, {
      concurrency: "unbounded",
      discard: true,
    }),
  );
}

async function operated(size: number): Promise<void> {
  await run(function* () {
    const tasks = [];
    for (let i = 0; i < size; i++) tasks.push(yield* spawn(() => until(resolved)));
    for (const task of tasks) yield* task;
  });
}

function few(size: number): Contender[] {
  const load = { size };
  return [
    timed("floor", load, promises),
    timed("floor + als", load, promisesWithStores),
    timed("grove", load, grove),
    timed("fastq", load, pushed),
    timed("p-limit", load, limited),
    timed("p-map", load, mapped),
    timed("p-queue", load, queued),
    timed("Effect.forEach", load, forEached),
    timed("Effect fork", load, forked),
    timed("effection", atMost(1_000, size), operated),
  ];
}

/** A million children of the slower peers would take seconds a sample: they get fewer, which flatters them if anything. */
function million(): Contender[] {
  const size = 1_000_000;
  const load = { size };
  return [
    timed("floor", load, promises),
    timed("floor + als", load, promisesWithStores),
    timed("grove", load, grove),
    timed("p-limit", atMost(100_000, size), limited),
    timed("p-queue", atMost(100_000, size), queued),
    timed("Effect fork", atMost(100_000, size), forked),
  ];
}

const goals: Goal[] = [
  { times: 1.2, of: "floor + als" },
  { times: 1, of: "p-limit" },
  { times: 1, of: "p-queue" },
  { times: 2, of: "floor", stretch: "without als.run a child" },
];

export const rows: Row[] = [
  {
    id: "spawn-100",
    title: "start and join 100 children",
    unit: "ns",
    contenders: few(100),
    goals,
  },
  {
    id: "spawn-10000",
    title: "start and join 10,000 children",
    unit: "ns",
    contenders: few(10_000),
    goals,
  },
  {
    id: "spawn-1m",
    title: "start and join 1,000,000 children",
    unit: "ns",
    contenders: million(),
    long: true,
    goals: [{ times: 3, of: "floor" }, { times: 1.2, of: "floor + als" }],
  },
];
