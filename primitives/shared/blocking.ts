/**
 * Waiting with the thread blocked: what the `…Sync` methods do. Nothing else runs in the thread
 * meanwhile, and no message reaches it; so it is for workers, and not for event loops that serve
 * others. A job of a pool is cancelled all the same, as it asks for that; a worker of one's own that
 * is terminated while it waits goes on waiting, and takes what it is given.
 *
 * @module
 */

import { askForCancellation } from "../kernel/blocked_thread.ts";
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
import { mayBlock } from "./words.ts";

// Whoever asks whether a thread lives gets a promise for it, which is kept until the event loop turns:
// who is blocked for long is not to ask often. In intervals: once a second.
const LONGEST_PAUSE = 40;

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

/** What a call has that was given none. */
export const NO_OPTIONS: BlockingOptions = Object.freeze({});

/** A call that may block its thread. */
export class Blocking {
  readonly #room: Room;
  readonly #timeout: number;
  #thread: BlockedThread<unknown> | null = null;

  constructor(room: Room, timeout: number) {
    this.#room = room;
    this.#timeout = timeout;
  }

  /**
   * Blocks the thread until one who stands in a line has got something.
   *
   * @throws What he gets in place of it.
   * @throws {TimeoutError} When the time is up.
   */
  until<T>(thread: BlockedThread<T>): T {
    this.#thread = thread as BlockedThread<unknown>;
    return wait(this.#room, thread, this.#timeout);
  }

  /** Leaves the line, if he is still there. */
  leave(): void {
    this.#thread?.queue?.remove(this.#thread);
  }
}

/**
 * Does what may block the thread. A job that is interrupted meanwhile comes to no `finally`; but its
 * task ends, and what it leaves behind is cleared up then.
 *
 * @param room What this thread has of what is used.
 * @param options As they were given.
 * @param action What errors call it.
 * @param attempt What to do.
 * @throws {TypeError | RangeError} When the options make no sense, or the thread may not block.
 * @throws {Cancelled} When the scope is cancelled.
 */
export function blocking<T>(
  room: Room,
  options: BlockingOptions,
  action: string,
  attempt: (blocking: Blocking) => T,
): T {
  const call = new Blocking(room, check(room.target, options, action));
  const scope = currentScope();
  const pending = pendingIn(scope);
  if (pending !== null) throw pending;
  const attempting = new Hold(room.target, () => {
    leaveBehind();
    call.leave();
  });
  attempting.take(taskAround(scope)!);
  try {
    return attempt(call);
  } finally {
    attempting.release();
    call.leave();
  }
}

function check({ kind, name }: WaitTarget, options: BlockingOptions, action: string): number {
  if (!mayBlock()) {
    throw new TypeError(
      `Cannot ${action} ${kind} "${name}" with this thread blocked as the platform does not let it block. Do it in a worker, or await the method without 'Sync'`,
    );
  }
  if (options === NO_OPTIONS) return Infinity;
  checkOptions(options, `${action} ${kind} "${name}"`);
  const { timeout = Infinity } = options;
  checkTime(timeout, `${action} ${kind} "${name}"`, "'timeout'");
  return timeout;
}

function wait<T>(room: Room, thread: BlockedThread<T>, timeout: number): T {
  const due = timeout === Infinity ? Infinity : performance.now() + timeout;
  let ticks = 0;
  let pause = 1;
  for (;;) {
    room.serve();
    const { outcome } = thread;
    if (outcome !== null) {
      if ("error" in outcome) throw outcome.error;
      return outcome.value;
    }
    const left = due === Infinity ? Infinity : due - performance.now();
    if (left <= 0) throw timedOut(timeout, room.target);
    // Nobody else may be there to do it.
    if (room.block(Math.min(left, INTERVAL))) continue;
    askForCancellation();
    const pending = pendingIn(thread.scope);
    if (pending !== null) throw pending;
    if (++ticks < pause) continue;
    room.look();
    ticks = 0;
    pause = Math.min(2 * pause, LONGEST_PAUSE);
  }
}

function timedOut(timeout: number, { kind, name }: WaitTarget): TimeoutError {
  return new TimeoutError(
    `Cannot wait for ${kind} "${name}" any longer as the time is up: ${timeout} ms. Give it more, or go on without`,
  );
}
