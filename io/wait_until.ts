/**
 * `waitUntil`, by which edge runtimes are told that something goes on after the response, or after
 * its client went away: what they are not told of is killed, and its `finally` blocks do not run.
 *
 * workerd kills as well what has no timer nor anything else of its own to wait for, as it seems to
 * hang; but it may wait for another request, for a lock that this one has. So it gets a timer.
 *
 * @module
 */

import { LONGEST_DELAY } from "../primitives/kernel/clock.ts";
import { timersAreRequestBound } from "../primitives/kernel/request_bound.ts";
import type { Task } from "../primitives/kernel/task.ts";

interface Context {
  waitUntil?: unknown;
}

/** Has the platform wait for the end of a task, if it can: by what it passes besides the request. */
export function keepAlive(info: readonly unknown[], task: Task): void {
  // Workers get the context as the third argument, functions elsewhere as the second.
  const context = info.find((part) => typeof (part as Context | null)?.waitUntil === "function") as
    | { waitUntil(promise: Promise<void>): void }
    | undefined;
  if (timersAreRequestBound) {
    const awake = setInterval(() => {}, LONGEST_DELAY);
    task.onDone(() => clearInterval(awake));
  }
  // It never rejects: who started the task is told of a failure, and not the platform.
  context?.waitUntil(new Promise<void>((resolve) => task.onDone(() => resolve())));
}
