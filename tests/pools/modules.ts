/**
 * Functions that only the worker has, or has not: their modules do something else when they are loaded there.
 *
 * @module
 */

import { portable } from "../../mod.ts";

/** A function of a module of the folder `modules`, which is not loaded here. */
export function inModule(file: string, name: string): () => unknown {
  const url = new URL(`./modules/${file}`, import.meta.url).href;
  return portable({ url }, Object.defineProperty(() => {}, "name", { value: name }));
}
