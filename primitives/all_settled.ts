/**
 * Several functions at once, however each of them ends.
 *
 * @module
 */

import { checkFunctions, type Results } from "./all.ts";
import { pendingIn } from "./kernel/scope.ts";
import type { TaskFunction } from "./kernel/task.ts";
import { taskGroup } from "./task_group.ts";

/** How the functions of a list or tuple ended, in their order. */
export type SettledResults<F extends readonly TaskFunction<unknown>[]> = {
  -readonly [K in keyof F]: PromiseSettledResult<Results<F>[K & keyof Results<F>]>;
};

/**
 * Calls functions concurrently and waits for all; a failure cancels nobody.
 *
 * @typeParam F The functions.
 * @param fns What to call; each gets the task that it runs in.
 * @returns How each of them ended, in the order of the functions, in the form that
 * `Promise.allSettled` has.
 * @throws {TypeError} At the call, when one is no function; nothing has started then.
 * @throws {Cancelled} When a scope outside is cancelled.
 *
 * @example
 * ```ts
 * import { allSettled } from "@grove/grove";
 *
 * const [good, bad] = await allSettled([
 *   () => 1,
 *   () => {
 *     throw new Error("boom");
 *   },
 * ]);
 * console.log(good.status, bad.status); // fulfilled rejected
 * ```
 */
export function allSettled<const F extends readonly TaskFunction<unknown>[]>(
  fns: F,
): Promise<SettledResults<F>> {
  checkFunctions(fns, "run all");
  const results: PromiseSettledResult<unknown>[] = [];
  return taskGroup(async (group) => {
    const tasks = fns.map((fn, index) =>
      group.spawn(async (task) => {
        try {
          results[index] = { status: "fulfilled", value: await fn(task) };
        } catch (reason) {
          if (pendingIn(group) !== null) throw reason;
          results[index] = { status: "rejected", reason };
        }
      }, { name: fn.name })
    );
    for (const task of tasks) await task.join();
    return results as SettledResults<F>;
  }, { name: "allSettled" });
}
