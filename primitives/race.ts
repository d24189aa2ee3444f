/**
 * Several functions at once, of which the first to end counts.
 *
 * @module
 */

import { checkFunctions, type Results } from "./all.ts";
import type { TaskFunction } from "./kernel/task.ts";
import { taskGroup } from "./task_group.ts";

/**
 * Calls functions concurrently; when the first has ended, the others are cancelled *and waited
 * for*. `Promise.race` leaves them running.
 *
 * @typeParam F The functions.
 * @param fns What to call, at least one; each gets the task that it runs in.
 * @returns What the first to end returned.
 * @throws {TypeError | RangeError} At the call, when one is no function, or there is none; nothing
 * has started then.
 * @throws What the first to end threw; what a loser threw in its clean-up.
 *
 * @example
 * ```ts
 * import { race, sleep } from "@grove/grove";
 *
 * const winner = await race([
 *   async () => {
 *     await sleep(1000);
 *     return "slow";
 *   },
 *   async () => {
 *     await sleep(1);
 *     return "quick";
 *   },
 * ]);
 * console.log(winner); // quick
 * ```
 */
export function race<const F extends readonly TaskFunction<unknown>[]>(
  fns: F,
): Promise<Results<F>[number]> {
  checkFunctions(fns, "run a race");
  if (fns.length === 0) {
    throw new RangeError(
      "Cannot run a race as nobody takes part in it. Pass at least one function",
    );
  }
  return firstToEnd(fns);
}

async function firstToEnd<F extends readonly TaskFunction<unknown>[]>(
  fns: F,
): Promise<Results<F>[number]> {
  let winner: { value: unknown } | undefined;
  await taskGroup((group) => {
    for (const fn of fns) {
      group.spawn(async (task) => {
        const value = await fn(task);
        winner ??= { value };
        group.cancel("the race is over");
      }, { name: fn.name });
    }
  }, { name: "race" });
  if (winner === undefined) {
    throw new AggregateError([], "Cannot name a winner as all who took part were cancelled");
  }
  return winner.value as Results<F>[number];
}
