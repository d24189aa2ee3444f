/**
 * Waiting with the thread blocked: what the `…Sync` methods do. Nothing else runs in the thread
 * meanwhile, no other task and no cancellation; so it is for workers, and not for event loops that
 * serve others.
 *
 * @module
 */

import { checkOptions, checkTime } from "../kernel/check.ts";
import { currentScope } from "../kernel/context.ts";
import { TimeoutError } from "../kernel/errors.ts";
import { Hold } from "../kernel/hold.ts";
import { Parked, type WaitTarget } from "../kernel/queue.ts";
import { pendingIn, type Scope } from "../kernel/scope.ts";
import { taskAround } from "../kernel/task.ts";
import { leaveBehind } from "./latch.ts";
import type { Room } from "./room.ts";
import { INTERVAL } from "./watch.ts";
import { mayBlock, pause } from "./words.ts";

/** What a call that blocks its thread can be told. */
export interface BlockingOptions {
  /** Ends the wait with a `TimeoutError` after so many milliseconds. Default: `Infinity`. */
  timeout?: number;
}

/** One who waits with his thread blocked. */
export class BlockedThread<T> extends Parked<T> {
  /** Where the task runs that has blocked it. */
  readonly scope: Scope = currentScope();
  #outcome: { value: T } | { error: unknown } | null = null;

  override wake(value: T): void {
    this.#outcome = { value };
  }

  override fail(error: unknown): void {
    this.#outcome = { error };
  }

  /** What he has got, `undefined` as long as there is nothing. */
  get outcome(): { readonly value: T } | { readonly error: unknown } | null {
    return this.#outcome;
  }
}

/**
 * The door of every call that may block.
 *
 * @returns For how many milliseconds.
 * @throws {TypeError | RangeError} When the options make no sense, or the thread may not block.
 * @throws {Cancelled} When the scope is cancelled.
 */
export function enterBlocking(
  options: BlockingOptions,
  { kind, name }: WaitTarget,
  action: string,
): number {
  checkOptions(options, `${action} ${kind} "${name}"`);
  const { timeout = Infinity } = options;
  checkTime(timeout, `${action} ${kind} "${name}"`, "'timeout'");
  if (!mayBlock()) {
    throw new TypeError(
      `Cannot ${action} ${kind} "${name}" with this thread blocked as the platform does not let it block. Do it in a worker, or await the method without 'Sync'`,
    );
  }
  const pending = pendingIn(currentScope());
  if (pending !== null) throw pending;
  return timeout;
}

/** A hand-over takes some microseconds where the other thread has a core of its own. */
const SPINS = 100;

/**
 * Blocks the thread until one who stands in a line has got something.
 *
 * @throws What he gets in place of it.
 * @throws {TimeoutError} When the time is up.
 */
export function block<T>(room: Room, thread: BlockedThread<T>, timeout: number): T {
  const leave = () => thread.queue?.remove(thread);
  // A job that is interrupted comes to no `finally`; but its task ends.
  const place = new Hold(room.target, () => {
    leaveBehind();
    leave();
  });
  place.take(taskAround(thread.scope)!);
  try {
    return wait(room, thread, timeout);
  } finally {
    place.release();
    leave();
  }
}

function wait<T>(room: Room, thread: BlockedThread<T>, timeout: number): T {
  const due = performance.now() + timeout;
  for (let looked = performance.now();;) {
    room.serve();
    const { outcome } = thread;
    if (outcome !== null) {
      if ("error" in outcome) throw outcome.error;
      return outcome.value;
    }
    for (let spin = 0; spin < SPINS && !room.isCalled; spin++) pause();
    const now = performance.now();
    if (now >= due) throw timedOut(timeout, room.target);
    room.block(Math.min(due - now, INTERVAL));
    if (performance.now() - looked < INTERVAL) continue;
    room.look();
    looked = performance.now();
  }
}

function timedOut(timeout: number, { kind, name }: WaitTarget): TimeoutError {
  return new TimeoutError(
    `Cannot wait for ${kind} "${name}" any longer as the time is up: ${timeout} ms. Give it more, or go on without`,
  );
}
