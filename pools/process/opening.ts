/**
 * What a worker process finds when it starts.
 *
 * @module
 */

import type { Grant } from "./permissions.ts";

/** What a process is started with. */
export interface Opening {
  /** The path of its folder, with the socket on which its pool waits for it. */
  readonly folder: string;
  /** The module that the program was started with. */
  readonly mainModule: string | undefined;
  /** The permissions that it was given for that alone. */
  readonly own: Readonly<Partial<Record<Grant, readonly string[]>>>;
}
