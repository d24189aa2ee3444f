/**
 * What is waited for, as far as most tests care: not for how long, and without numbers.
 *
 * @module
 */

import type { WaitingFor } from "../../mod.ts";

/** What is waited for, by kind and name, and the names of those who have it. */
export interface Named {
  readonly kind: string;
  readonly name: string;
  readonly heldBy?: readonly string[];
}

/** Leaves out of waits all but the names. */
export function named(waits: readonly WaitingFor[]): Named[] {
  return waits.map(({ kind, name, heldBy }) => ({
    kind,
    name,
    ...(heldBy !== undefined && { heldBy: heldBy.map(({ name }) => name) }),
  }));
}
