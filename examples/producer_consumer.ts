#!/usr/bin/env -S deno run
/**
 * Producers and consumers, with a queue between them: nobody knows the others, and nobody gets far ahead.
 *
 * Of the course: the producer that bakes buns and the consumer that eats them; the blocking queue as
 * a buffer between those who are quick and those who are slow.
 *
 * @module
 */

import { main, Queue, sleep, taskGroup } from "@grove/grove";

const ROOM = 3;
const EACH = 4;

interface Bun {
  readonly baker: string;
  readonly number: number;
}

/** Bakes some buns, as fast as there is room for them. */
async function bake(baker: string, counter: Queue<Bun>): Promise<void> {
  for (let number = 1; number <= EACH; number++) {
    await counter.put({ baker, number }); // Waits while the counter is full.
    console.log(`${baker} has put bun ${number}; on the counter: ${counter.size}`);
  }
}

/** Eats buns until there will be no more. */
async function eat(guest: string, ms: number, counter: Queue<Bun>): Promise<number> {
  let eaten = 0;
  for await (const { baker, number } of counter) {
    console.log(`  ${guest} eats bun ${number} of ${baker}`);
    await sleep(ms);
    eaten++;
  }
  return eaten;
}

await main(async () => {
  const counter = new Queue<Bun>(ROOM, { name: "counter" });
  await taskGroup(async (guests) => {
    const quick = guests.spawn(() => eat("Quick", 5, counter));
    const slow = guests.spawn(() => eat("Slow", 15, counter));

    // A group of their own for the bakers: when it is over, all buns are on the counter.
    await taskGroup((bakers) => {
      for (const baker of ["Ann", "Bob"]) bakers.spawn(() => bake(baker, counter));
    });
    counter.shutdown();

    console.log(`Quick has had ${await quick}, Slow ${await slow}`);
  });
  console.log(`never more than ${counter.stats().peakSize} were on the counter`);
});
