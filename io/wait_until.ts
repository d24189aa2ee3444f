/**
 * `waitUntil`, by which edge runtimes are told that something goes on after the response: what they
 * are not told of is killed, and its `finally` blocks do not run.
 *
 * @module
 */

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
  // It never rejects: who started the task is told of a failure, and not the platform.
  context?.waitUntil(new Promise<void>((resolve) => task.onDone(() => resolve())));
}
