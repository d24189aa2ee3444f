/**
 * A program that measures what groups keep of children that have ended, and prints it as JSON. It is run by
 * `task_group_test.ts` in a process of its own, whose garbage it can have collected: `--v8-flags=--expose-gc`.
 *
 * @module
 */

import { nursery, type TaskGroup, taskGroup } from "../../mod.ts";

const WAVE = 1000;
const WARM_UP = 50;
const WAVES = 1000;

const collect = (globalThis as { gc?: () => void }).gc!;

/** What is on the heap once the loop has turned and all garbage is gone. */
async function heap(): Promise<number> {
  for (let turn = 0; turn < 3; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 0));
    collect();
  }
  return Deno.memoryUsage().heapUsed;
}

async function wave(group: TaskGroup, samples?: WeakRef<object>[]): Promise<void> {
  for (let i = 1; i < WAVE; i++) {
    const task = group.spawn(async () => {
      await null;
    }, { daemon: i % 2 === 0 });
    if (i === 1) samples?.push(new WeakRef(task));
  }
  // The last of them; those before it have ended by then.
  await group.spawn(async () => {
    await null;
  });
}

async function measure(group: TaskGroup) {
  for (let i = 0; i < WARM_UP; i++) await wave(group);
  const before = await heap();
  const samples: WeakRef<object>[] = [];
  for (let i = 0; i < WAVES; i++) await wave(group, samples);
  const bytes = await heap() - before;
  const alive = samples.filter((sample) => sample.deref() !== undefined).length;
  return { group: group.name, children: WAVES * WAVE, bytes, alive };
}

console.log(JSON.stringify([
  await taskGroup(measure, { name: "a group" }),
  await nursery(measure, { name: "a nursery" }),
]));
