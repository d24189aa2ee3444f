/**
 * What is thrown where bytes are read that nobody can have written.
 *
 * @module
 */

/**
 * Thrown when bytes that came from elsewhere cannot be what was sent: they are cut off, they were
 * changed on their way, or whoever sent them is of another release. A process that sends such bytes
 * is given up, and this is the `cause` of the error that its job fails with.
 *
 * @example
 * ```ts
 * import { MalformedError, ProcessPool, WorkerCrashedError } from "@grove/grove";
 *
 * await using pool = new ProcessPool({ size: 1 });
 * const answer = await pool.run(() => 42).catch((error) => {
 *   if (error instanceof WorkerCrashedError && error.cause instanceof MalformedError) return NaN;
 *   throw error;
 * });
 * console.log(answer); // 42
 * ```
 */
export class MalformedError extends Error {
  static {
    Object.defineProperty(this.prototype, "name", {
      value: "MalformedError",
      configurable: true,
      writable: true,
    });
  }

  /**
   * The codec and the frames make these.
   *
   * @param what What could not be read.
   * @param why What is wrong with it.
   */
  constructor(what: string, why: string) {
    super(
      `Cannot read ${what} as ${why}. Check that nothing but Grove writes there, and that both sides have the same release`,
    );
  }
}
