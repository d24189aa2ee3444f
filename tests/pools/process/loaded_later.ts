/** A module that is loaded when processes are running. */

import { portable } from "../../../mod.ts";

export const late = portable(import.meta, function late(): string {
  return "late";
});
