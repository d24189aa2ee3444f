#!/usr/bin/env -S deno run
/**
 * Coroutines by hand, and what does the same for you.
 *
 * Of the course: the consumer that is a generator, driven by `send`; greenlets that switch to each
 * other.
 *
 * @module
 */

import { Channel, main, taskGroup } from "@grove/grove";

/** A consumer as a generator: it stops at each `yield`, until somebody calls `next(value)`. */
function* consumer(): Generator<string, void, number> {
  let answer = "ready";
  for (;;) {
    const item = yield answer;
    console.log(`  consumes ${item}`);
    answer = `${item} was fine`;
  }
}

function driveByHand(): void {
  const coroutine = consumer();
  coroutine.next(); // To its first yield: what is sent before that would be lost.
  for (const item of [1, 2, 3]) {
    console.log(`sends ${item}`);
    console.log(`is told: ${coroutine.next(item).value}`);
  }
  coroutine.return();
}

/** The same with two tasks. Neither drives the other; both just wait where they have to. */
async function driveByChannel(): Promise<void> {
  // Without room in them: a send is over when somebody has received.
  const items = new Channel<number>(0);
  const answers = new Channel<string>(0);
  await taskGroup((group) => {
    group.spawn(async function consumer() {
      for await (const item of items) {
        console.log(`  consumes ${item}`);
        await answers.send(`${item} was fine`);
      }
    });
    group.spawn(async function producer() {
      for (const item of [1, 2, 3]) {
        console.log(`sends ${item}`);
        await items.send(item);
        console.log(`is told: ${await answers.receive()}`);
      }
      items.close();
    });
  });
}

/** Greenlets: who calls `switch()` stops, and the other goes on. Here a baton says whose turn it is. */
async function switchToAndFro(): Promise<void> {
  const toFirst = new Channel<"baton">(0);
  const toSecond = new Channel<"baton">(0);
  await taskGroup((group) => {
    group.spawn(async function first() {
      console.log("first: 12");
      await toSecond.send("baton");
      await toFirst.receive();
      console.log("first: 34");
      await toSecond.send("baton");
    });
    group.spawn(async function second() {
      await toSecond.receive();
      console.log("second: 56");
      await toFirst.send("baton");
      await toSecond.receive();
      console.log("second: 78");
    });
  });
}

await main(async () => {
  console.log("a generator, by hand:");
  driveByHand();
  console.log("two tasks and a channel:");
  await driveByChannel();
  console.log("a baton:");
  await switchToAndFro();
});
