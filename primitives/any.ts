/**
 * Several functions at once, of which the first to succeed counts.
 *
 * @module
 */

import { checkFunctions, type Results } from "./all.ts";
import { cancelledIn } from "./kernel/errors.ts";
import { concerns, type TaskFunction } from "./kernel/task.ts";
import { taskGroup } from "./task_group.ts";

/**
 * Calls functions concurrently; when the first has succeeded, the others are cancelled *and waited
 * for*. Failures count only when all have failed.
 *
 * @typeParam F The functions.
 * @param fns What to call; each gets the task that it runs in.
 * @returns What the first to succeed returned.
 * @throws {TypeError} At the call, when one is no function; nothing has started then.
 * @throws {AggregateError} When all have failed, with their errors in the order of the functions;
 * also for no function at all.
 * @throws {Cancelled} When a scope outside is cancelled.
 *
 * @example
 * ```ts
 * import { any } from "@grove/grove";
 *
 * const mirror = await any([
 *   () => {
 *     throw new Error("unreachable");
 *   },
 *   () => "mirror 2",
 * ]);
 * console.log(mirror); // mirror 2
 * ```
 */
export function any<const F extends readonly TaskFunction<unknown>[]>(
  fns: F,
): Promise<Results<F>[number]> {
  checkFunctions(fns, "run any");
  return firstToSucceed(fns);
}

async function firstToSucceed<F extends readonly TaskFunction<unknown>[]>(
  fns: F,
): Promise<Results<F>[number]> {
  let winner: { value: unknown } | undefined;
  const errors: unknown[] = [];
  await taskGroup((group) => {
    fns.forEach((fn, index) =>
      group.spawn(async (task) => {
        try {
          const value = await fn(task);
          winner ??= { value };
        } catch (error) {
          const cancelled = cancelledIn(error);
          if (cancelled !== undefined && concerns(cancelled, group)) throw error;
          errors[index] = error;
          return;
        }
        group.cancel("one has succeeded");
      }, { name: fn.name })
    );
  }, { name: "any" });
  if (winner !== undefined) return winner.value as Results<F>[number];
  throw new AggregateError(errors, "All functions failed. See 'errors'");
}
