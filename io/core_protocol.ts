/**
 * What a server on several cores and its threads say to each other.
 *
 * @module
 */

import type { TcpAddress } from "./address.ts";

/** The first message to a thread. */
export interface Opening {
  readonly type: "start";
  /** What to serve: the URL of a module, and the name of what it exports. */
  readonly module: string;
  readonly entry: string;
  readonly where: { readonly hostname: string; readonly port: number; readonly backlog?: number };
  readonly reusePort: boolean;
  readonly name: string;
  readonly drain: number;
  /** The interval of its signs of life, in milliseconds; `Infinity` for none. */
  readonly beat: number;
}

/** What a thread is told. */
export type ToCore = Opening | { readonly type: "stop" };

/** An error on its way: an object of its class would lose its name. */
export interface Told {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
}

/** What a thread tells. By a key of its own, as the module may send messages too, of any kind. */
export type FromCore =
  /** It is about to load the module; `thread` is its number, by which its death can be noticed. */
  | { readonly core: "loading"; readonly thread: number }
  /** It is not blocked. */
  | { readonly core: "alive" }
  /** It serves there. */
  | { readonly core: "serving"; readonly address: TcpAddress }
  /** It has heard that it is to stop. */
  | { readonly core: "stopping" }
  /** It has served its last request. */
  | { readonly core: "stopped" }
  /** It cannot start, or go on. */
  | { readonly core: "failed"; readonly error: Told };

/** An error to be sent. */
export function tell(error: unknown): Told {
  if (error instanceof Error) {
    return { name: error.name, message: error.message, stack: error.stack };
  }
  return { name: "Error", message: String(error), stack: undefined };
}
