#!/usr/bin/env -S deno run
/**
 * Many at once on one thread: who waits lets others run.
 *
 * Of the course: `gevent.spawn`, `joinall` and `gevent.sleep`; ten tasks one after the other, and the
 * same ten at once. There is nothing to patch here: in JavaScript all that waits gives way.
 *
 * @module
 */

import { main, sleep, taskGroup, yieldNow } from "@grove/grove";

const TASKS = 10;
const MS = 20;

async function task(number: number): Promise<void> {
  await sleep(MS);
  console.log(`  task ${number} is done`);
}

async function oneByOne(): Promise<void> {
  for (let number = 1; number <= TASKS; number++) await task(number);
}

async function allAtOnce(): Promise<void> {
  await taskGroup((group) => {
    for (let number = 1; number <= TASKS; number++) group.spawn(() => task(number));
  });
}

async function timed(how: string, run: () => Promise<void>): Promise<void> {
  const began = performance.now();
  await run();
  console.log(`${how}: ${TASKS} times ${MS} ms took ${(performance.now() - began).toFixed()} ms`);
}

await main(async () => {
  await taskGroup((group) => {
    group.spawn(async function foo() {
      console.log("foo runs");
      await yieldNow(); // gevent.sleep(0): the others first.
      console.log("foo runs again");
    });
    group.spawn(async function bar() {
      console.log("bar runs");
      await yieldNow();
      console.log("bar runs again");
    });
  });

  await timed("one by one", oneByOne);
  await timed("all at once", allAtOnce);
});
