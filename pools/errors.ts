/**
 * What pools throw.
 *
 * @module
 */

/**
 * Thrown when a function cannot travel to where it is to run: it is native or bound, it uses
 * something of the place where it was written, or its module does not have it.
 *
 * @example
 * ```ts
 * import { NotPortableError, WorkerPool } from "@grove/grove";
 *
 * await using pool = new WorkerPool({ size: 1 });
 * try {
 *   await pool.run(Math.max.bind(null, 1), 2);
 * } catch (error) {
 *   console.log(error instanceof NotPortableError); // true
 * }
 * ```
 */
export class NotPortableError extends Error {
  static {
    setName(this, "NotPortableError");
  }
}

/**
 * Thrown when a pool has as much to do as it was told to take on.
 *
 * @example
 * ```ts
 * import { OverloadedError, sleep, TaskPool } from "@grove/grove";
 *
 * await using pool = new TaskPool(1, { maxQueue: 1 });
 * pool.submit(() => sleep(1));
 * pool.submit(() => sleep(1));
 * try {
 *   pool.submit(() => sleep(1));
 * } catch (error) {
 *   console.log(error instanceof OverloadedError); // true
 * }
 * ```
 */
export class OverloadedError extends Error {
  static {
    setName(this, "OverloadedError");
  }
}

/**
 * Thrown by a job whose worker has died under it: it has exited, has thrown where nobody could
 * catch it, or was given up as it did not answer a cancellation.
 *
 * @example
 * ```ts
 * import { WorkerCrashedError, WorkerPool } from "@grove/grove";
 *
 * await using pool = new WorkerPool({ size: 1 });
 * try {
 *   await pool.run(() => Deno.exit(3));
 * } catch (error) {
 *   console.log(error instanceof WorkerCrashedError && error.exitCode); // 3
 * }
 * ```
 */
export class WorkerCrashedError extends Error {
  /** The code that the worker has exited with, `undefined` where there is none. */
  readonly exitCode: number | undefined;

  static {
    setName(this, "WorkerCrashedError");
  }

  /**
   * Pools make these.
   *
   * @param message What happened.
   * @param exitCode The code that the worker has exited with.
   * @param cause The error that it died of, where it said so.
   */
  constructor(message: string, exitCode?: number, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.exitCode = exitCode;
  }
}

/**
 * What a job has thrown far away, where its class is not known here: it has the name, the message,
 * the fields and the stack of the original. Errors of the platform and of Grove come as what they
 * are.
 *
 * @example
 * ```ts
 * import { RemoteError, WorkerPool } from "@grove/grove";
 *
 * await using pool = new WorkerPool({ size: 1 });
 * try {
 *   await pool.run(() => {
 *     class LoginError extends Error {
 *       override name = "LoginError";
 *     }
 *     throw new LoginError("Who are you?");
 *   });
 * } catch (error) {
 *   console.log(error instanceof RemoteError, String(error)); // true LoginError: Who are you?
 * }
 * ```
 */
export class RemoteError extends Error {
  static {
    setName(this, "RemoteError");
  }
}

function setName(error: { prototype: Error }, name: string): void {
  Object.defineProperty(error.prototype, "name", {
    value: name,
    configurable: true,
    writable: true,
  });
}
