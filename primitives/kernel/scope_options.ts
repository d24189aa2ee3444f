/**
 * What scopes can be told, and the check of it at the call.
 *
 * @module
 */

import { checkDate, checkOptions, checkSignal, checkTime, show } from "./check.ts";

/** What every scope can be told when it is made. */
export interface ScopeOptions {
  /** What errors and `inspect()` call it. */
  name?: string;
  /** Milliseconds from its start after which it is cancelled. Default: `Infinity`. */
  timeout?: number;
  /** When it is cancelled: a `Date`, or milliseconds since 1970. Default: never. */
  deadline?: Date | number;
  /** Cancels it when it aborts. */
  signal?: AbortSignal;
}

/** What {@linkcode Scope.stop} can be told. */
export interface StopOptions {
  /** Milliseconds after which the scope is cancelled if it has not ended by then. Default: 4000. */
  grace?: number;
}

/** Checks options of a scope at the call that was given them. */
export function checkScopeOptions(options: ScopeOptions, action: string): void {
  checkOptions(options, action);
  const { name, timeout, deadline, signal } = options;
  if (name !== undefined && typeof name !== "string") {
    throw new TypeError(`Cannot ${action} as 'name' must be a string: received ${show(name)}`);
  }
  if (timeout !== undefined) checkTime(timeout, action, "'timeout'");
  if (deadline !== undefined) checkDate(deadline, action, "'deadline'");
  if (signal !== undefined) checkSignal(signal, action);
}
