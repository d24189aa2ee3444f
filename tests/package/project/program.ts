/**
 * A program of somebody who uses the package, by its name.
 *
 * @module
 */

import { Queue, sleep, taskGroup, WorkerPool } from "@grove/grove";
import { fibonacci } from "./jobs.ts";

if (import.meta.main) {
  const numbers = new Queue<number>(2);
  await taskGroup(async (group) => {
    group.spawn(async function producer() {
      for (let n = 10; n <= 12; n++) await numbers.put(n);
      numbers.shutdown();
    });
    await using pool = new WorkerPool({ size: 2 });
    for await (const n of numbers) console.log(n, await pool.run(fibonacci, n));
    console.log(await pool.run((a: number, b: number) => a + b, 1, 2));
    await sleep(1);
  });
}
