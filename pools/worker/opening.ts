/**
 * What a worker is told first.
 *
 * @module
 */

/** The first message. */
export interface Opening {
  /** The name of the lock that says that the worker lives. */
  readonly lock: string;
  /** The memory of its ledger. */
  readonly memory: SharedArrayBuffer;
  /** The module that the program was started with. */
  readonly mainModule: string | undefined;
}
