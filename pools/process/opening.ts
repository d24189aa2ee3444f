/**
 * What a worker process finds when it starts.
 *
 * @module
 */

import type { Grant } from "./permissions.ts";

/** What a process is started with. */
export interface Opening {
  /** The folder that has all that follows. */
  readonly folder: string;
  /** The socket on which its pool waits for it. */
  readonly socket: string;
  /** The file of the ledger. */
  readonly ledger: string;
  /** The module that the program was started with. */
  readonly mainModule: string | undefined;
  /** The permissions that it was given for these alone. */
  readonly own: Readonly<Partial<Record<Grant, readonly string[]>>>;
}
