/**
 * A cancellation that meets a wait, and does not come before it.
 *
 * @module
 */

import { CancelScope } from "../../mod.ts";
import { waitAllTasksBlocked } from "../../primitives/testing/mod.ts";

/**
 * Calls a function in a scope that is cancelled when nobody moves any more, and tells whether that
 * has cut it short.
 */
export async function cutShort(fn: () => PromiseLike<unknown>, reason?: unknown): Promise<boolean> {
  const scope = new CancelScope();
  await scope.enter(async () => {
    const call = fn();
    await waitAllTasksBlocked();
    scope.cancel(reason);
    await call;
  });
  return scope.cancelledCaught;
}
