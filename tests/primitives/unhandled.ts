/**
 * Rejections that nobody handled. One of them would end a whole file of tests; here it is caught and
 * shown.
 *
 * @module
 */

import { waitAllTasksBlocked } from "../../primitives/testing/mod.ts";

/** Runs a function, and returns the reasons of the rejections that would have ended the program. */
export async function unhandledRejections(fn: () => unknown): Promise<unknown[]> {
  const reasons: unknown[] = [];
  const listener = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    reasons.push(event.reason);
  };
  globalThis.addEventListener("unhandledrejection", listener);
  try {
    await fn();
    await waitAllTasksBlocked();
  } finally {
    globalThis.removeEventListener("unhandledrejection", listener);
  }
  return reasons;
}
