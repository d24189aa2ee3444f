/**
 * `sleep-same`, `sleep-spread`: 100,000 sleeps started at once, all of the same length, or of 250 different ones; the figure is
 * the processor time of one sleep, from its call until it is over. The wall clock would count the sleeping itself.
 *
 * The floor is a promise around `setTimeout`, which is all the platform offers: a native timer a sleep. Grove's sleeps run
 * inside a task group, where its scope can cancel them; Effect and effection start a fiber or a task for each, as they must
 * to have several sleeps at once.
 *
 * @module
 */

import { sleep, taskGroup } from "../mod.ts";
import { atMost, processorTimed } from "./clock.ts";
import { Effect } from "./peers/effect.ts";
import { run, sleep as sleepOperation, spawn } from "./peers/effection.ts";
import { delay } from "./peers/std_async.ts";
import type { Contender, Goal, Row } from "./row.ts";

const SLEEPS = 100_000;

/** How long the sleep of this index is, in milliseconds. */
type Length = (index: number) => number;

function timeout(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function allOf(size: number, length: Length, start: (ms: number) => Promise<void>) {
  const all = new Array<Promise<void>>(size);
  for (let i = 0; i < size; i++) all[i] = start(length(i));
  await Promise.all(all);
}

async function effected(size: number, length: Length): Promise<void> {
  await Effect.runPromise(
    Effect.forEach(Array(size).keys(), (i) => Effect.sleep(length(i)), {
      concurrency: "unbounded",
      discard: true,
    }),
  );
}

async function operated(size: number, length: Length): Promise<void> {
  await run(function* () {
    const tasks = [];
    for (let i = 0; i < size; i++) tasks.push(yield* spawn(() => sleepOperation(length(i))));
    for (const task of tasks) yield* task;
  });
}

function contenders(length: Length): Contender[] {
  const load = { size: SLEEPS };
  return [
    processorTimed("floor", load, (size) => allOf(size, length, timeout)),
    processorTimed("grove", load, (size) => taskGroup(() => allOf(size, length, sleep))),
    processorTimed("@std delay", load, (size) => allOf(size, length, delay)),
    processorTimed("Effect.sleep", load, (size) => effected(size, length)),
    processorTimed("effection", atMost(2_000, SLEEPS), (size) => operated(size, length)),
  ];
}

const goals: Goal[] = [{ times: 0.35, of: "floor" }];

export const rows: Row[] = [
  {
    id: "sleep-same",
    title: "100,000 sleeps of 100 ms (processor time)",
    unit: "ns",
    contenders: contenders(() => 100),
    long: true,
    goals,
  },
  {
    id: "sleep-spread",
    title: "100,000 sleeps of 1 to 250 ms (processor time)",
    unit: "ns",
    contenders: contenders((index) => 1 + index % 250),
    long: true,
    goals,
  },
];
