/**
 * Several functions at once, all of whose results are wanted.
 *
 * @module
 */

import { checkFunction, show } from "./kernel/check.ts";
import type { TaskFunction } from "./kernel/task.ts";
import { taskGroup } from "./task_group.ts";

/** What the functions of a list or tuple resolve to, in their order. */
export type Results<F extends readonly TaskFunction<unknown>[]> = {
  -readonly [K in keyof F]: F[K] extends (...args: never[]) => infer R ? Awaited<R> : never;
};

/**
 * Calls functions concurrently and waits for all. When one fails, the others are cancelled and
 * waited for, and its error is thrown.
 *
 * `Promise.all` of promises differs: there the others go on, unowned.
 *
 * @typeParam F The functions.
 * @param fns What to call; each gets the task that it runs in.
 * @returns What they returned, in the order of the functions; `[]` for none.
 * @throws {TypeError} At the call, when one is no function; nothing has started then.
 * @throws The first failure, as `taskGroup` does.
 *
 * @example
 * ```ts
 * import { all, sleep } from "@grove/grove";
 *
 * const [a, b] = await all([
 *   async () => {
 *     await sleep(1);
 *     return 1;
 *   },
 *   () => "two",
 * ]);
 * console.log(a, b); // 1 two
 * ```
 */
export function all<const F extends readonly TaskFunction<unknown>[]>(fns: F): Promise<Results<F>> {
  checkFunctions(fns, "run all");
  return taskGroup(async (group) => {
    const results: unknown[] = [];
    for (const task of fns.map((fn) => group.spawn(fn))) results.push(await task);
    return results as Results<F>;
  }, { name: "all" });
}

/** Asks for a list of functions. */
export function checkFunctions(fns: unknown, action: string): void {
  if (!Array.isArray(fns)) {
    throw new TypeError(
      `Cannot ${action} as the argument must be an array of functions: received ${show(fns)}`,
    );
  }
  // By index: `forEach` passes over holes.
  for (let index = 0; index < fns.length; index++) {
    checkFunction(fns[index], action, `element ${index}`);
  }
}
