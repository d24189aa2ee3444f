/**
 * Where tasks were spawned, noted on demand: a stack trace costs more than the spawn itself.
 *
 * @module
 */

const sites = new WeakMap<object, string>();

let tracing = false;

/** Whether spawns are noted. */
export function isTracingSpawns(): boolean {
  return tracing;
}

/**
 * Notes for each task, from now on, where it was spawned: `inspect()` then tells. It costs some
 * microseconds a spawn, so it is for development and for the hunt for one task that will not end.
 *
 * @param on Whether to note it.
 *
 * @example
 * ```ts
 * import { inspect, sleep, taskGroup, traceSpawns } from "@grove/grove";
 *
 * traceSpawns(true);
 * await taskGroup((group) => {
 *   group.spawn(() => sleep(1), { name: "nap" });
 *   console.log(inspect().children[0].children[0].spawnedAt); // file:///…/program.ts:6:9
 * });
 * traceSpawns(false);
 * ```
 */
export function traceSpawns(on: boolean): void {
  tracing = on;
}

/** Notes the place that called the function given, which is the one that spawns. */
export function noteSpawn(task: object, spawn: (...args: never[]) => unknown): void {
  const trace: { stack?: string } = {};
  Error.captureStackTrace(trace, spawn);
  const line = trace.stack?.split("\n").find((line) => line.trimStart().startsWith("at "));
  if (line !== undefined) sites.set(task, line.replace(/^\s*at (?:.*\((.*)\)|(.*))$/, "$1$2"));
}

/** Where a task was spawned, if it was noted. */
export function spawnSite(task: object): string | undefined {
  return sites.get(task);
}
