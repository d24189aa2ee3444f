/**
 * Letting the others in. A task that always finds what it asks for (an item is there, the lock is
 * free) is never suspended for longer than a microtask, and two that serve each other in that way
 * keep the event loop from turning: no timer comes, no deadline, no socket. So now and then one of
 * the waits that are none takes a turn of the loop, if the loop has not turned for some
 * milliseconds. The idea is that of tokio's cooperative budget.
 *
 * @module
 */

import { nextTurn } from "./turn.ts";

/** So many waits are made between two looks at the clock. */
const BUDGET = 1024;

/** So many milliseconds the loop may stand still. */
const PATIENCE = 50;

let left = BUDGET;
let hasTurned = true;
let since = 0;

/** What a wait gives that has nothing to wait for: nearly always the promise as it is. */
export function atOnce<T>(promise: Promise<T>): Promise<T> {
  return --left > 0 ? promise : spent(promise);
}

function spent<T>(promise: Promise<T>): Promise<T> {
  left = BUDGET;
  if (hasTurned) {
    hasTurned = false;
    since = performance.now();
    nextTurn(() => hasTurned = true);
    return promise;
  }
  if (performance.now() - since < PATIENCE) return promise;
  return new Promise<T>((resolve) => nextTurn(() => resolve(promise)));
}
