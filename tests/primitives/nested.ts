/**
 * Scopes in scopes, deeper than functions can call each other.
 *
 * @module
 */

import { cancelScope } from "../../mod.ts";

/** Calls a function in the innermost of so many scopes. */
export async function nested(depth: number, fn: () => unknown): Promise<void> {
  if (depth === 0) {
    await fn();
    return;
  }
  await Promise.resolve(); // A nest made in one go would use up the stack by itself.
  await cancelScope(() => nested(depth - 1, fn));
}
