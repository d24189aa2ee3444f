/**
 * Has a manager: that of the worker or process which loads this.
 *
 * @module
 */

import { Manager, portable } from "../../../mod.ts";

const manager = new Manager({ name: "far manager" });
const dict = manager.dict<string, number>({ there: 1 }, { name: "far dict" });

/** A dict of the manager. */
export const farDict = portable(import.meta, function farDict() {
  return dict;
});

/** Shuts the manager down. */
export const endManager = portable(import.meta, function endManager() {
  return manager.shutdown();
});
