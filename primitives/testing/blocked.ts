/**
 * Knowing that everybody waits: the hand-shake that replaces sleeping in tests.
 *
 * @module
 */

import { nextTurn } from "../kernel/turn.ts";
import { activityCount } from "../kernel/scope.ts";

/**
 * Waits until all tasks but the caller's are suspended: the event loop has turned, and turned
 * again, and no task has started, ended, been suspended or woken meanwhile. A task that awaits
 * something foreign (a socket, a timer of the platform's) counts as suspended.
 *
 * @returns Resolves to nothing, when nobody moves any more.
 *
 * @example
 * ```ts
 * import { sleep, taskGroup } from "@grove/grove";
 * import { waitAllTasksBlocked } from "@grove/grove/testing";
 *
 * await taskGroup(async (group) => {
 *   const task = group.spawn(async () => {
 *     await Promise.resolve();
 *     await sleep(1000);
 *   });
 *   await waitAllTasksBlocked();
 *   console.log(task.state); // running, and asleep by now
 *   task.cancel();
 * });
 * ```
 */
export async function waitAllTasksBlocked(): Promise<void> {
  waiting++;
  try {
    // Not one turn but two: what a foreign promise's call-back does in the first may have to be
    // answered in the second.
    for (let quiet = 0; quiet < 2; quiet++) {
      const before = activityCount();
      await new Promise<void>(nextTurn);
      if (activityCount() !== before) quiet = -1;
    }
  } finally {
    waiting--;
  }
}

let waiting = 0;

/** Whether somebody waits until all tasks are blocked, and is to be told before time jumps. */
export function isAwaited(): boolean {
  return waiting > 0;
}
