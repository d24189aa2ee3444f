/** A module with pools of its own, which its functions use, wherever they run. */

import { portable, TaskPool } from "../../../mod.ts";

const pool = new TaskPool(1);

export const viaPool = portable(import.meta, function viaPool(n: number): Promise<number> {
  return pool.run(() => 2 * n);
});
