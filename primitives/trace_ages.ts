/**
 * Whether the tree of tasks has ages in it.
 *
 * @module
 */

import { noteAges, readClock } from "./kernel/ages.ts";
import { checkBoolean } from "./kernel/check.ts";
import { outside } from "./kernel/context.ts";
import { letProcessEnd } from "./kernel/unref.ts";

/** How often the time is read, in milliseconds. */
const PERIOD = 100;

let watchers = 0;
let timer: ReturnType<typeof setInterval> | undefined;
let unwatch: (() => void) | undefined;

/**
 * Notes from now on since when each task is, and since when it waits: `inspect()` then tells. It
 * costs a timer that fires ten times a second, and does not keep the process alive. Ages are exact
 * to that tenth, or to as long as the event loop was blocked; `main` turns them on by itself.
 *
 * @param on Whether to note it.
 * @throws {TypeError} When it is no boolean.
 *
 * @example
 * ```ts
 * import { inspect, sleep, taskGroup, traceAges } from "@grove/grove";
 *
 * traceAges(true);
 * await taskGroup(async (group) => {
 *   group.spawn(() => sleep(300), { name: "nap" });
 *   await sleep(200);
 *   const [nap] = inspect().children[0].children;
 *   console.log(nap.age); // 200, or up to 100 more
 * });
 * traceAges(false);
 * ```
 */
export function traceAges(on: boolean): void {
  checkBoolean(on, "note the ages of tasks", "the argument");
  if (on) unwatch ??= watchAges();
  else {
    unwatch?.();
    unwatch = undefined;
  }
}

/** Has ages noted, for one of those who want them; returns what ends that. */
export function watchAges(): () => void {
  if (watchers++ === 0) {
    noteAges(true);
    timer = outside(() => setInterval(readClock, PERIOD));
    letProcessEnd(timer);
  }
  let watching = true;
  return () => {
    if (!watching) return;
    watching = false;
    if (--watchers > 0) return;
    clearInterval(timer);
    noteAges(false);
  };
}
