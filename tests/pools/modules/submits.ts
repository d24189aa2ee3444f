/** A module that hands a job to a pool when it is loaded. Each worker that loads it would do so again. */

import { portable, WorkerPool } from "../../../mod.ts";

export const job = portable(import.meta, function job(): number {
  return 1;
});

const pool = new WorkerPool({ name: "bomb", size: { min: 1, max: 1 } });
await pool.run(job);
