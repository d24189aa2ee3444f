#!/usr/bin/env -S deno run
/**
 * Two tasks that wait for each other: an error with names in it, and not a hang. And the lock that may
 * be taken twice.
 *
 * Of the course: `lockA` and `lockB`, taken in two orders; the `RLock` that cures it.
 *
 * @module
 */

import { DeadlockError, Lock, main, RLock, sleep, taskGroup } from "@grove/grove";

/** Takes two locks, one after the other. */
async function eat(first: Lock, second: Lock): Promise<void> {
  using _first = await first.acquire();
  await sleep(1); // Time enough for the other to take theirs.
  using _second = await second.acquire();
}

/** Two guests, who reach for the same two things from two sides. */
async function dine(fork: Lock, noodles: Lock): Promise<void> {
  await taskGroup((group) => {
    group.spawn(() => eat(fork, noodles), { name: "Ann" });
    group.spawn(() => eat(noodles, fork), { name: "Bob" });
  });
}

/** Runs something, and tells how it went. */
async function tell(what: string, run: () => Promise<void>): Promise<void> {
  try {
    await run();
    console.log(`${what}: all is well`);
  } catch (error) {
    if (!(error instanceof DeadlockError)) throw error;
    console.log(`${what}: ${error.message}`);
  }
}

/** Lists a folder, and the folders in it: it takes the lock, and calls itself with the lock held. */
async function list(depth: number, lock: Lock | RLock): Promise<void> {
  using _guard = await lock.acquire();
  if (depth > 0) await list(depth - 1, lock);
}

await main(async () => {
  const fork = new Lock({ name: "fork" });
  const noodles = new Lock({ name: "noodles" });

  // Whoever closes the circle gets the error, at once. The group ends the other, and throws it.
  await tell("two locks", () => dine(fork, noodles));

  // The cure of the course: both are one lock, which its owner may take as often as they like.
  const table = new RLock({ name: "table" });
  await tell("one RLock", () => dine(table, table));

  // What an RLock is for: a function that holds the lock, and calls one that takes it too.
  await tell("a Lock in a recursion", () => list(2, new Lock({ name: "folder" })));
  await tell("an RLock in a recursion", () => list(2, new RLock({ name: "folder" })));
});
