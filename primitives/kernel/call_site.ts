/**
 * Where in the program something was done: a task spawned, a lock taken. A stack trace costs two
 * microseconds, more than the spawn itself, so places are noted on demand; and it is turned into
 * text only when somebody reads it.
 *
 * @module
 */

import { checkBoolean } from "./check.ts";

/** A place in the program, not yet put into words. */
export interface CallSite {
  stack?: string;
}

// workerd gives a module no URL: where all is one bundle, nothing tells Grove's own places apart.
const OWN = !URL.canParse("../../", import.meta.url)
  ? []
  : ["primitives/", "io/", "pools/"].map((folder) =>
    new URL(`../../${folder}`, import.meta.url).href
  );

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
 * @throws {TypeError} When it is no boolean.
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
  checkBoolean(on, "note where tasks are spawned", "the argument");
  spawns = on;
}

/**
 * Notes for each lock, from now on, where it was taken: a `DeadlockError` then tells. It costs some
 * microseconds each time a lock is taken, so it is for development and for the hunt for one
 * deadlock. Without it the first thousand places of a program are noted, and always those where a
 * task that holds a lock waits for another one.
 *
 * @param on Whether to note it; `false` also ends the noting of the first thousand.
 * @throws {TypeError} When it is no boolean.
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
 *   // … waits for lock "door" at …:7:14, which task "root" took at file:///…/program.ts:5:22
 *   console.log(error instanceof DeadlockError, String(error));
 * }
 * traceLocks(false);
 * ```
 */
export function traceLocks(on: boolean): void {
  checkBoolean(on, "note where locks are taken", "the argument");
  locks = on;
  free = 0;
}

/** The place where a lock is being taken, if such places are noted. */
export function lockSite(): CallSite | undefined {
  return locks || (free > 0 && free-- > 0) ? callSite() : undefined;
}

/** The place in the program that is being executed. */
export function callSite(): CallSite {
  const site: CallSite = {};
  Error.captureStackTrace(site, callSite);
  return site;
}

/** A place in words, "file:///…/program.ts:6:9": the innermost one that is not in Grove itself. */
export function formatSite(site: CallSite): string | undefined {
  for (const line of site.stack?.split("\n") ?? []) {
    // "at fn (place)", "at async place"; what the platform calls by itself has no place.
    const place = /^\s*at (?:.*? \()?(?:async )?(.*:\d+:\d+)\)?$/.exec(line)?.[1];
    if (place !== undefined && !OWN.some((folder) => place.startsWith(folder))) return place;
  }
  return undefined;
}

/** Notes for a task the place where it is spawned. */
export function noteSpawn(task: object): void {
  spawned.set(task, callSite());
}

/** Where a task was spawned, if it was noted. */
export function spawnSite(task: object): string | undefined {
  const site = spawned.get(task);
  return site && formatSite(site);
}
