/**
 * `finished-bytes`: the heap that a group which is still open keeps of each of 1,000,000 children that have ended. It should be
 * nothing: a server's group is no larger after ten million connections than on its first day.
 *
 * The floor is what bare promises need to be joined at the end, an array of them for `Promise.all`; that array is why a
 * long-lived program cannot be written so. The children come a thousand at a time, each thousand ended before the next.
 *
 * @module
 */

import { taskGroup } from "../mod.ts";
import { weighed } from "./memory.ts";
import type { Row } from "./row.ts";

const BATCH = 1_000;

async function child(): Promise<void> {
  await undefined;
}

async function promises(size: number, settled: () => Promise<void>): Promise<void> {
  const all: Promise<void>[] = [];
  for (let done = 0; done < size; done += BATCH) {
    for (let i = 0; i < BATCH; i++) all.push(child());
    await all[all.length - 1];
  }
  await settled();
  await Promise.all(all);
}

async function grove(size: number, settled: () => Promise<void>): Promise<void> {
  await taskGroup(async (group) => {
    for (let done = 0; done < size; done += BATCH) {
      for (let i = 1; i < BATCH; i++) group.spawn(child);
      await group.spawn(child);
    }
    await settled();
  });
}

const load = { size: 1_000_000 };

export const rows: Row[] = [{
  id: "finished-bytes",
  title: "heap that an open group keeps of a child that has ended, after 1,000,000",
  unit: "bytes",
  contenders: [weighed("floor", load, promises), weighed("grove", load, grove)],
  long: true,
  goals: [{ bytes: 1 }],
}];
