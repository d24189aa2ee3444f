/**
 * Points at which a task can be cancelled, for loops that do not wait.
 *
 * @module
 */

import { currentScope } from "./kernel/context.ts";
import { WaitQueue } from "./kernel/queue.ts";
import { timersAreRequestBound } from "./kernel/request_bound.ts";
import { nextTurn } from "./kernel/turn.ts";
import { entry, suspend, Waiter } from "./kernel/wait.ts";

const passed: Promise<void> = Promise.resolve();

/**
 * Throws when the current scope is cancelled, and lets other tasks that are ready go first when it
 * is not. It does not let timers or sockets in: for that there is {@linkcode yieldNow}.
 *
 * @returns Resolves to nothing.
 * @throws {Cancelled} When the scope is cancelled, every time.
 *
 * @example
 * ```ts
 * import { checkpoint } from "@grove/grove";
 *
 * for (let step = 0; step < 3; step++) {
 *   // … some work …
 *   await checkpoint();
 * }
 * ```
 */
export function checkpoint(): Promise<void> {
  return entry(currentScope()) ?? passed;
}

let turn: WaitQueue<void> | undefined;

/**
 * Lets the whole event loop turn once: timers, sockets and all other tasks. A long computation that
 * calls it now and then keeps a server responsive.
 *
 * @returns Resolves to nothing, in the next turn.
 * @throws {Cancelled} When the scope is cancelled.
 *
 * @example
 * ```ts
 * import { yieldNow } from "@grove/grove";
 *
 * let sum = 0;
 * for (let i = 0; i < 1_000_000; i++) {
 *   sum += i;
 *   if (i % 100_000 === 0) await yieldNow();
 * }
 * ```
 */
export function yieldNow(): Promise<void> {
  const scope = currentScope();
  const barred = entry(scope);
  if (barred !== undefined) return barred;
  const waiter = new Waiter<void>();
  // One turn for all who ask in this one; but not where it would be gone with the first of them.
  const queue = timersAreRequestBound ? beginTurn() : turn ??= beginTurn();
  queue.add(waiter);
  return suspend(scope, waiter, undefined);
}

function beginTurn(): WaitQueue<void> {
  const queue = new WaitQueue<void>({ kind: "turn", name: "of the event loop" });
  nextTurn(() => {
    turn = undefined;
    queue.wakeAll();
  });
  return queue;
}
