/**
 * A lock that its owner can take again: a {@linkcode Lock} and a count.
 *
 * @module
 */

import { atOnce } from "./kernel/budget.ts";
import { currentScope, followsAwait } from "./kernel/context.ts";
import { labelOf } from "./kernel/queue.ts";
import type { notReady } from "./kernel/wait.ts";
import { entry, poll, type WaitOptions } from "./kernel/wait.ts";
import type { Guard } from "./guard.ts";
import { Lock, type LockStats } from "./lock.ts";

/** How a recursive lock is doing. */
export interface RLockStats extends LockStats {
  /** How often its owner has taken it and not given it back yet. */
  readonly depth: number;
}

/** Takes a lock that is held away from its owner, however often it was taken, and says how often. */
export let yieldLock: (lock: Lock) => number;

/** Gives a lock that was just acquired the depth that it had. */
export let restoreDepth: (lock: Lock, depth: number) => void;

/**
 * A lock for code that calls itself while it holds it: the owner's second `acquire()` succeeds at
 * once. Every acquire has to be given back. In all else it is a {@linkcode Lock}; as there, the
 * owner is a task, and its children are others.
 *
 * @example
 * ```ts
 * import { RLock } from "@grove/grove";
 *
 * const lock = new RLock();
 *
 * async function total(node: { value: number; children: typeof node[] }): Promise<number> {
 *   using _ = await lock.acquire();
 *   let sum = node.value;
 *   for (const child of node.children) sum += await total(child);
 *   return sum;
 * }
 *
 * console.log(await total({ value: 1, children: [{ value: 2, children: [] }] })); // 3
 * ```
 */
export class RLock extends Lock {
  // How often it was taken beyond the first time.
  #again = 0;

  /** What a wait for it is shown as. */
  override get kind(): string {
    return "rlock";
  }

  /** How often its owner has taken it and not given it back yet. */
  get depth(): number {
    return this.locked ? this.#again + 1 : 0;
  }

  /**
   * Takes the lock, once more if the calling task has it already.
   *
   * @param options `signal` and `timeout` in milliseconds, which end the wait.
   * @returns Resolves to a guard, which gives it back once.
   * @throws {DeadlockError} When its owner waits, over however many others, for the calling task.
   * @throws {BrokenResourceError} When an owner has ended without giving it back.
   * @throws {TypeError} When it is held, on a platform that does not tell which task asks.
   * @throws {TimeoutError} When the time is up.
   * @throws {Cancelled} When the scope is cancelled. The lock is not taken then.
   */
  override acquire(options?: WaitOptions): Promise<Guard> {
    if (!this.isOwn()) return super.acquire(options);
    const barred = entry(currentScope(), options);
    if (barred !== undefined) return barred;
    if (!followsAwait) return Promise.reject(this.#unknown());
    this.#again++;
    return atOnce(Promise.resolve(this.guard()));
  }

  /**
   * Takes the lock if it is free and nobody waits for it, or if the calling task has it already.
   *
   * @returns Whether it was taken.
   * @throws {BrokenResourceError} When an owner has ended without giving it back.
   */
  override tryAcquire(): boolean {
    if (!this.isOwn()) return super.tryAcquire();
    if (!followsAwait) throw this.#unknown();
    this.#again++;
    return true;
  }

  /**
   * Gives it back once; with the last time, to the first who waits for it.
   *
   * @ignore
   */
  protected override giveUp(): void {
    if (this.#again > 0) this.#again--;
    else super.giveUp();
  }

  /**
   * How it is doing.
   *
   * @returns A frozen snapshot.
   */
  override stats(): RLockStats {
    return Object.freeze({ ...super.stats(), depth: this.depth });
  }

  /** @ignore */
  override [poll](): Guard | typeof notReady {
    if (!this.isOwn()) return super[poll]();
    if (!followsAwait) throw this.#unknown();
    this.#again++;
    return this.guard();
  }

  /** @ignore */
  protected override abandoned(): void {
    this.#again = 0;
  }

  // To take whoever asks for the owner would let everybody in.
  #unknown(): TypeError {
    return new TypeError(
      `Cannot acquire ${
        labelOf(this)
      } while it is held as this platform does not tell which task asks: it has no AsyncLocalStorage. Use a Lock`,
    );
  }

  static {
    yieldLock = (lock) => {
      const depth = lock instanceof RLock ? lock.#again : 0;
      if (lock instanceof RLock) lock.#again = 0;
      lock.release();
      return depth;
    };

    restoreDepth = (lock, depth) => {
      if (lock instanceof RLock) lock.#again = depth;
    };
  }
}
