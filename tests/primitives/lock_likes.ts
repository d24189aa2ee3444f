/**
 * All that excludes: `Lock`, `RLock` and the writing side of an `RWLock`, for tests of what they have in common.
 *
 * @module
 */

import {
  type Guard,
  Lock,
  RLock,
  RWLock,
  SharedLock,
  type Waitable,
  type WaitOptions,
} from "../../mod.ts";

/** What they have in common. */
export interface LockLike extends Waitable<Guard> {
  readonly locked: boolean;
  acquire(options?: WaitOptions): Promise<Guard>;
  tryAcquire(): boolean;
  release(): void;
  withLock<R>(fn: () => R | PromiseLike<R>, options?: WaitOptions): Promise<R>;
}

/** One of them, under test. */
export interface LockCase {
  readonly lock: LockLike;
  /** What errors call it. */
  readonly target: string;
  /** The name of the task that has it. */
  owner(): string | null;
  /** How many wait for it. */
  waiters(): number;
  /** Whether an owner has ended without giving it back. */
  broken(): boolean;
}

function plain(lock: Lock | SharedLock): LockCase {
  return {
    lock,
    target: `${lock.kind} "${lock.name}"`,
    owner: () => lock.stats().owner,
    waiters: () => lock.stats().waiters,
    broken: () => lock.stats().broken,
  };
}

function writing(lock: RWLock): LockCase {
  return {
    lock: lock.write,
    target: `write lock "${lock.name}"`,
    owner: () => lock.stats().writer,
    waiters: () => lock.stats().waitingWriters,
    broken: () => lock.stats().broken,
  };
}

/** How to make each of them. */
export const LOCK_LIKES: Readonly<Record<string, (name?: string) => LockCase>> = {
  "Lock": (name = "door") => plain(new Lock({ name })),
  "RLock": (name = "door") => plain(new RLock({ name })),
  "SharedLock": (name = "door") => plain(new SharedLock({ name })),
  "RWLock.write": (name = "door") => writing(new RWLock({ name })),
};
