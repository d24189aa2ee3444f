/**
 * Tasks that do not end although they were cancelled. Whoever waited in Grove was woken by the
 * cancellation, and whoever has children waits for them; a shield is there to be waited for. What is
 * left awaits something foreign, that does not know of the cancellation.
 *
 * @module
 */

import { blockedIn, cancelledAt, children, pendingIn, type Scope } from "./kernel/scope.ts";
import { Task } from "./kernel/task.ts";

/**
 * For how many milliseconds a task has gone on so after it was cancelled; `undefined` where it has not.
 *
 * @param task The task.
 * @param now The time, on the current clock.
 */
export function stuckFor(task: Task, now: number): number | undefined {
  const pending = pendingIn(task);
  if (task.state !== "running" || pending === null || !awaitsNothingOfOurs(task)) return undefined;
  return now - cancelledAt(pending.scope as Scope);
}

function awaitsNothingOfOurs(task: Task): boolean {
  const open: Scope[] = [task];
  for (let scope = open.pop(); scope !== undefined; scope = open.pop()) {
    if (blockedIn(scope).length > 0) return false;
    for (const child of children(scope)) {
      if (child instanceof Task || pendingIn(child) === null) return false;
      open.push(child);
    }
  }
  return true;
}
