/**
 * Where in the program something was done: a task spawned, a lock taken. A stack trace costs two
 * microseconds, more than the spawn itself, so places are noted on demand; and it is turned into
 * text only when somebody reads it.
 *
 * @module
 */

/** A place in the program, not yet put into words. */
export interface CallSite {
  stack?: string;
}

const spawned = new WeakMap<object, CallSite>();

let spawns = false;
let locks = false;
// The first thousand places are noted without being asked for, two milliseconds in all: so the
// deadlock of a test or a small program tells all there is to tell.
let free = 1000;

/** Whether spawns are noted. */
export function isTracingSpawns(): boolean {
  return spawns;
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
  spawns = on;
}

/**
 * Notes for each lock, from now on, where it was taken: a `DeadlockError` then tells. It costs some
 * microseconds each time a lock is taken, so it is for development and for the hunt for one
 * deadlock. Without it the first thousand places of a program are noted, and always those where a
 * task that holds a lock waits for another one.
 *
 * @param on Whether to note it; `false` also ends the noting of the first thousand.
 *
 * @example
 * ```ts
 * import { DeadlockError, Lock, traceLocks } from "@grove/grove";
 *
 * traceLocks(true);
 * const lock = new Lock({ name: "door" });
 * using _ = await lock.acquire();
 * try {
 *   await lock.acquire();
 * } catch (error) {
 *   // … lock "door", which it took itself at file:///…/program.ts:5:27
 *   console.log(error instanceof DeadlockError, String(error));
 * }
 * traceLocks(false);
 * ```
 */
export function traceLocks(on: boolean): void {
  locks = on;
  free = 0;
}

/** The place that called the function given, which takes a lock, if such places are noted. */
export function lockSite(called: (...args: never[]) => unknown): CallSite | undefined {
  if (!locks) {
    if (free === 0) return undefined;
    free--;
  }
  return callSite(called);
}

/** The place that called the function given. */
export function callSite(called: (...args: never[]) => unknown): CallSite {
  const site: CallSite = {};
  Error.captureStackTrace(site, called);
  return site;
}

/** A place in words: "file:///…/program.ts:6:9". */
export function formatSite(site: CallSite): string | undefined {
  const line = site.stack?.split("\n").find((line) => line.trimStart().startsWith("at "));
  return line?.replace(/^\s*at (?:.*\((.*)\)|(?:async )?(.*))$/, "$1$2");
}

/** Notes for a task the place that called the function given, which is the one that spawns. */
export function noteSpawn(task: object, spawn: (...args: never[]) => unknown): void {
  spawned.set(task, callSite(spawn));
}

/** Where a task was spawned, if it was noted. */
export function spawnSite(task: object): string | undefined {
  const site = spawned.get(task);
  return site && formatSite(site);
}
