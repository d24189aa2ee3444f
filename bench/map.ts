/**
 * `map-10`, `map-1000`: an async function of one await over 100,000 items, at most 10 or 1,000 at a time; the figure is the
 * time of one item. Every contender adds the results up, and the sum is checked.
 *
 * The floor is what one writes by hand: as many async functions as may run at a time, each taking the next item until there
 * is none. It starts no task, allocates nothing an item but what the mapped function itself does, and knows neither order nor
 * cancellation. Grove's `map` is measured both ways: results as they come, and in the order of the items.
 *
 * @module
 */

import { map } from "../mod.ts";
import { timed } from "./clock.ts";
import { Sema } from "./peers/async_sema.ts";
import { Effect } from "./peers/effect.ts";
import { pLimit } from "./peers/p_limit.ts";
import { pMap } from "./peers/p_map.ts";
import { PQueue } from "./peers/p_queue.ts";
import { from, lastValueFrom, mergeMap, reduce } from "./peers/rxjs.ts";
import { pooledMap } from "./peers/std_async.ts";
import type { Contender, Goal, Row } from "./row.ts";

type Mapping = (items: readonly number[], concurrency: number) => Promise<number>;

async function work(item: number): Promise<number> {
  await undefined;
  return item + 1;
}

function add(sum: number, value: number): number {
  return sum + value;
}

async function added(values: AsyncIterable<number>): Promise<number> {
  let sum = 0;
  for await (const value of values) sum += value;
  return sum;
}

const slots: Mapping = async (items, concurrency) => {
  let next = 0;
  let sum = 0;
  async function slot(): Promise<void> {
    while (next < items.length) {
      const value = await work(items[next++]);
      sum += value;
    }
  }
  await Promise.all(Array.from({ length: concurrency }, slot));
  return sum;
};

const grove: Mapping = (items, concurrency) =>
  added(map(items, work, { concurrency, ordered: false }));

const groveOrdered: Mapping = (items, concurrency) =>
  added(map(items, work, { concurrency, ordered: true }));

const mapped: Mapping = async (items, concurrency) => {
  return (await pMap(items, work, { concurrency })).reduce(add, 0);
};

const semaphored: Mapping = async (items, concurrency) => {
  const sema = new Sema(concurrency);
  const values = await Promise.all(items.map(async (item) => {
    await sema.acquire();
    try {
      return await work(item);
    } finally {
      sema.release();
    }
  }));
  return values.reduce(add, 0);
};

const limited: Mapping = async (items, concurrency) => {
  const limit = pLimit(concurrency);
  return (await Promise.all(items.map((item) => limit(work, item)))).reduce(add, 0);
};

const pooled: Mapping = (items, concurrency) => added(pooledMap(concurrency, items, work));

const queued: Mapping = async (items, concurrency) => {
  const queue = new PQueue({ concurrency });
  return (await Promise.all(items.map((item) => queue.add(() => work(item))))).reduce(add, 0);
};

const merged: Mapping = (items, concurrency) =>
  lastValueFrom(from(items).pipe(mergeMap(work, concurrency), reduce(add, 0)));

const effected: Mapping = async (items, concurrency) => {
  const values = await Effect.runPromise(
    Effect.forEach(items, (item) => Effect.promise(() => work(item)), { concurrency }),
  );
  return values.reduce(add, 0);
};

function contender(name: string, mapping: Mapping, concurrency: number): Contender {
  const items = Array.from({ length: ITEMS }, (_, i) => i);
  const expected = items.reduce((sum, item) => sum + item + 1, 0);
  return timed(name, { size: ITEMS }, async () => {
    const sum = await mapping(items, concurrency);
    if (sum !== expected) throw new Error(`Cannot trust ${name} as its sum is wrong: ${sum}`);
  });
}

const ITEMS = 100_000;

function contenders(concurrency: number): Contender[] {
  return [
    contender("floor", slots, concurrency),
    contender("grove", grove, concurrency),
    contender("grove, ordered", groveOrdered, concurrency),
    contender("p-map", mapped, concurrency),
    contender("async-sema", semaphored, concurrency),
    contender("p-limit", limited, concurrency),
    contender("p-queue", queued, concurrency),
    contender("Effect.forEach", effected, concurrency),
    contender("@std pooledMap", pooled, concurrency),
    contender("rxjs mergeMap", merged, concurrency),
  ];
}

const goals: Goal[] = [{ times: 1.5, of: "floor" }];

export const rows: Row[] = [
  {
    id: "map-10",
    title: "map 100,000 items, 10 at a time",
    unit: "ns",
    contenders: contenders(10),
    goals,
  },
  {
    id: "map-1000",
    title: "map 100,000 items, 1,000 at a time",
    unit: "ns",
    contenders: contenders(1_000),
    goals,
  },
];
