/**
 * Contenders that prove that they did the work: what a run resolves to is compared with what it must be. One that skips an
 * item, or whose loop the compiler has folded into nothing, would be the fastest of its row.
 *
 * @module
 */

import { type Load, timed } from "./clock.ts";
import type { Contender } from "./row.ts";

/** Breaks the row when a contender's result is not what it must be. */
export function verify(name: string, result: unknown, expected: unknown): void {
  if (result === expected) return;
  throw new Error(
    `Cannot trust ${name} as its result is wrong: received ${result} in place of ${expected}`,
  );
}

/** The whole run counts, and resolves to what `expected` says; unless given, to how many operations it made. */
export function checked(
  name: string,
  load: Load,
  run: (size: number) => Promise<number>,
  expected: number = load.size,
): Contender {
  return timed(name, load, async (size) => verify(name, await run(size), expected));
}
