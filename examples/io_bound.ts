#!/usr/bin/env -S deno run
/**
 * What waits: a hundred tasks, and a hundred thousand.
 *
 * Of the course: 100 sleeps in threads against 100 in processes. Who waits needs no thread of their own,
 * let alone a process. A task that sleeps takes a KB or two, and all of them wait on one thread.
 *
 * @module
 */

import { main, sleep, taskGroup } from "@grove/grove";

const NAP = 100;

/** So many tasks that sleep; gives the milliseconds that all of them take. */
async function time(count: number): Promise<number> {
  const began = performance.now();
  let awake = 0;
  await taskGroup((group) => {
    for (let i = 0; i < count; i++) {
      group.spawn(async () => {
        await sleep(NAP);
        awake++;
      });
    }
    console.log(`${group.tasks.length} tasks sleep for ${NAP} ms each`);
  });
  const took = performance.now() - began;
  console.log(`${awake} have slept, in ${took.toFixed()} ms`);
  return took;
}

await main(async () => {
  await time(100);
  const count = 100_000;
  const took = await time(count);
  const inLine = count * NAP;
  console.log(
    `one after the other: ${inLine / 1000} s, ${(inLine / took).toFixed()} times as long`,
  );
});
