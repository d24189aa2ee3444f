/**
 * Structured concurrency for TypeScript, made for Deno first: tasks that are owned, cancellable and
 * visible.
 *
 * @example
 * ```ts
 * import { sleep, taskGroup } from "@grove/grove";
 *
 * await taskGroup((group) => {
 *   for (const name of ["ash", "birch", "cedar"]) {
 *     group.spawn(async () => {
 *       await sleep(name.length);
 *       console.log(name);
 *     });
 *   }
 * });
 * ```
 *
 * @module
 */

export * from "./primitives/mod.ts";
export * from "./io/mod.ts";
export * from "./pools/mod.ts";
