/**
 * A module that takes its time to load.
 *
 * @module
 */

import { portable } from "../../../mod.ts";

await new Promise((resolve) => setTimeout(resolve, 300));

export const quick = portable(import.meta, function quick() {
  return "quick";
});
