/**
 * A program under `main` that works until it is asked to stop.
 *
 * @module
 */

import { main, nursery, sleep } from "../../../mod.ts";

await main(async () => {
  await nursery((group) => {
    group.spawn(async (task) => {
      console.log("works");
      await sleep(60_000, { endOnStop: true });
      console.log(`stopping: ${task.stopping}`);
    });
  });
});
