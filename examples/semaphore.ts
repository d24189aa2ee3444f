#!/usr/bin/env -S deno run
/**
 * At most five at once.
 *
 * Of the course: `Semaphore(5)` and `BoundedSemaphore(5)`, with 20 threads.
 *
 * @module
 */

import { BoundedSemaphore, main, Semaphore, sleep, taskGroup } from "@grove/grove";

const GUESTS = 20;
const TABLES = 5;

/** Twenty guests and five tables: gives the largest number of guests that sat at once. */
async function serveAll(tables: Semaphore): Promise<number> {
  let seated = 0;
  let most = 0;
  await taskGroup((group) => {
    for (let guest = 1; guest <= GUESTS; guest++) {
      group.spawn(async () => {
        using _table = await tables.acquire(); // Given back when the guest leaves, however they do.
        seated++;
        most = Math.max(most, seated);
        console.log(
          `guest ${guest} sits down, of ${seated} who sit; ${tables.stats().waiters} wait`,
        );
        await sleep(10);
        seated--;
      });
    }
  });
  return most;
}

await main(async () => {
  console.log(`at most ${await serveAll(new Semaphore(TABLES))} sat at once`);

  // A semaphore counts, and believes who releases more than was acquired: then there are more
  // permits than there were. Where permits stand for things, that is a mistake; a bounded one says so.
  const tables = new Semaphore(TABLES);
  tables.release();
  console.log(`a Semaphore now has ${tables.available} tables`);
  try {
    new BoundedSemaphore(TABLES, { name: "tables" }).release();
  } catch (error) {
    console.log(`a BoundedSemaphore does not: ${error}`);
  }
});
