/**
 * The option that every primitive takes.
 *
 * @module
 */

import { checkOptions, show } from "./kernel/check.ts";

/** What every primitive can be told. */
export interface NamedOptions {
  /** What errors and `inspect()` call it. Default: "". */
  name?: string;
}

/** Checks the options that have a name, and returns it. */
export function checkNamed(options: NamedOptions | undefined, action: string): string {
  if (options === undefined) return "";
  checkOptions(options, action);
  const { name = "" } = options;
  if (typeof name !== "string") {
    throw new TypeError(`Cannot ${action} as 'name' must be a string: received ${show(name)}`);
  }
  return name;
}
