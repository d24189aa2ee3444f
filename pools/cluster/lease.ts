/**
 * A lease: what the holder of a lock or semaphore of the cluster has in its hands. It is renewed in
 * the background, and can be lost: nobody can take a lock away from a machine that does not answer,
 * so everybody has to agree on when it is over.
 *
 * @module
 */

import { CancelScope } from "../../primitives/cancel_scope.ts";
import { currentClock } from "../../primitives/kernel/clock.ts";
import { BrokenResourceError, isCancelled, suppress } from "../../primitives/kernel/errors.ts";

/**
 * Thrown when a lease has ended before its holder gave it back: it could not be renewed in time, as
 * the machine stood still or the server was out of reach. Others may have what it stood for by now.
 *
 * @example
 * ```ts ignore
 * try {
 *   await lock.withLock(({ token }) => migrate(token));
 * } catch (error) {
 *   if (!(error instanceof LeaseLostError)) throw error;
 *   console.warn("somebody else goes on with it:", error.message);
 * }
 * ```
 */
export class LeaseLostError extends BrokenResourceError {
  static {
    Object.defineProperty(this.prototype, "name", {
      value: "LeaseLostError",
      configurable: true,
      writable: true,
    });
  }
}

/** What a lease needs of what looks after it. */
export interface LeaseKeeping {
  /** What errors call it: `cluster lock "x"`. */
  readonly title: string;
  /** Until when it holds if it is not renewed, on the clock of this process. */
  heldUntil(): number;
  /** Gives it back; resolves once that is stored, or once it has run out. */
  giveBack(): Promise<void>;
}

/** Ends a lease from outside. */
export let loseLease: (lease: Lease, why: string, cause?: unknown) => void;

/**
 * What `acquire()` resolves to. Hold it with `await using`, or `release()` it.
 *
 * The `token` is what makes it safe. A holder that stood still for longer than the lease (a long
 * collection of garbage, a virtual machine that was moved) goes on as if nothing had happened, and no
 * check before a write helps: it may stand still between the two. So send the token along with each
 * write, and let what is written to refuse a lower token than it has seen.
 *
 * @example
 * ```ts ignore
 * await using lease = await lock.acquire();
 * await sql`UPDATE report SET body = ${body}, token = ${lease.token}
 *   WHERE id = ${id} AND token <= ${lease.token}`;
 * ```
 */
export class Lease implements AsyncDisposable {
  /** Higher than the token of everybody who held it before. */
  readonly token: number;
  readonly #keeping: LeaseKeeping;
  #controller: AbortController | undefined;
  #lost: LeaseLostError | undefined;
  #released: Promise<void> | undefined;

  static {
    loseLease = (lease, why, cause) => lease.#lose(why, cause);
  }

  /** @ignore */
  constructor(token: number, keeping: LeaseKeeping) {
    this.token = token;
    this.#keeping = keeping;
  }

  /** Whether it has ended before it was given back. */
  get isLost(): boolean {
    // A process that was stopped runs on before its timers do.
    if (
      this.#lost === undefined && this.#released === undefined &&
      currentClock().now() >= this.#keeping.heldUntil()
    ) this.#lose("it was not renewed in time");
    return this.#lost !== undefined;
  }

  /** Aborts when the lease is lost, with a {@linkcode LeaseLostError}. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.isLost && !this.#controller.signal.aborted) this.#controller.abort(this.#lost);
    }
    return this.#controller.signal;
  }

  /**
   * Throws when it is lost: to be called before what must not happen then.
   *
   * @throws {LeaseLostError} When it is lost.
   */
  check(): void {
    if (this.isLost) throw this.#lost;
  }

  /**
   * Gives it back. A second call does nothing more.
   *
   * @returns Resolves to nothing, once the server has stored it and the next has it. When the server
   * is out of reach, once the lease has run out.
   * @throws {LeaseLostError} When it was lost before. Whoever has it now is not disturbed.
   */
  release(): Promise<void> {
    if (this.#released === undefined) {
      this.#released = this.isLost ? Promise.reject(this.#lost) : this.#keeping.giveBack();
    }
    return this.#released;
  }

  /** As `release()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  #lose(why: string, cause?: unknown): void {
    if (this.#lost !== undefined || this.#released !== undefined) return;
    this.#lost = new LeaseLostError(
      `Cannot hold ${this.#keeping.title} any longer as ${why}: token ${this.token}. Others may hold it; undo what is half done, or acquire it again`,
      cause === undefined ? undefined : { cause },
    );
    this.#controller?.abort(this.#lost);
  }
}

/**
 * Calls a function that holds a lease, in a scope that is cancelled when the lease is lost.
 *
 * @throws {LeaseLostError} When it was lost, unless the function fails with something else.
 */
export async function runLeased<R>(
  acquired: Promise<Lease>,
  fn: (lease: Lease) => R | PromiseLike<R>,
): Promise<R> {
  const lease = await acquired;
  const scope = new CancelScope({ name: "lease" });
  const lost = () => scope.cancel(lease.signal.reason);
  lease.signal.addEventListener("abort", lost, { once: true });
  let value: R | undefined;
  try {
    value = await scope.enter(() => fn(lease));
  } catch (error) {
    await lease.release().catch((lost) => isCancelled(error) || suppress(error, lost));
    throw error;
  } finally {
    lease.signal.removeEventListener("abort", lost);
  }
  await lease.release();
  return value as R;
}
