/**
 * What the tests of cancellation look at from outside: the listeners on a signal, and the
 * rejections that nobody handled.
 *
 * @module
 */

import { waitAllTasksBlocked } from "../../primitives/testing/mod.ts";

/** An `AbortController` that knows the listeners on its signal. */
export class SpiedController extends AbortController {
  /** How many there are now. */
  listeners = 0;
  /** How many were ever added. */
  added = 0;

  constructor() {
    super();
    const { signal } = this;
    const add = signal.addEventListener.bind(signal) as EventTarget["addEventListener"];
    const remove = signal.removeEventListener.bind(signal) as EventTarget["removeEventListener"];
    Object.assign(signal, {
      addEventListener: (...args: Parameters<EventTarget["addEventListener"]>) => {
        this.listeners++;
        this.added++;
        add(...args);
      },
      removeEventListener: (...args: Parameters<EventTarget["removeEventListener"]>) => {
        this.listeners--;
        remove(...args);
      },
    });
  }
}

/**
 * Runs a function, waits until nobody moves any more, and gives what was rejected meanwhile without
 * anybody who handled it: what would have ended the process.
 */
export async function unhandledDuring(fn: () => unknown): Promise<unknown[]> {
  const reasons: unknown[] = [];
  const note = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    reasons.push(event.reason);
  };
  globalThis.addEventListener("unhandledrejection", note);
  try {
    await fn();
    await waitAllTasksBlocked();
  } finally {
    globalThis.removeEventListener("unhandledrejection", note);
  }
  return reasons;
}

/** What a promise was rejected with; it has to be. */
export async function rejectionOf(promise: PromiseLike<unknown>): Promise<unknown> {
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    return error;
  }
  throw new Error(`It was not rejected, but resolved to ${Deno.inspect(value)}`);
}
