/**
 * What has become of a promise. A test that waits for one that never settles would hang, and say nothing; one that asks for
 * its outcome once everybody is blocked fails instead, and goes on.
 *
 * @module
 */

import { fail } from "@std/assert";
import { waitAllTasksBlocked } from "../../primitives/testing/mod.ts";

/** A value, what was thrown, or "pending". */
export type Outcome<T> = { readonly value: T } | { readonly error: unknown } | "pending";

/** What has become of a promise by the time nobody moves any more. */
export async function outcomeOf<T>(promise: PromiseLike<T>): Promise<Outcome<T>> {
  let outcome: Outcome<T> = "pending";
  promise.then((value) => outcome = { value }, (error) => outcome = { error });
  await waitAllTasksBlocked();
  return outcome;
}

/** What a promise rejects with, the object itself. */
export async function thrownBy(promise: PromiseLike<unknown>): Promise<unknown> {
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    return error;
  }
  return fail(`It should have thrown, and resolved to ${String(value)}`);
}
