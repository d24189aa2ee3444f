/**
 * Promises that nobody awaits, or not yet. In `const a = sleep(1), b = sleep(2); await a` a
 * cancellation rejects both, and the code that throws at `a` never comes to `b`: for the platform
 * an unhandled rejection, which ends the process. But nothing is lost, as the scope that was
 * cancelled answers for its `Cancelled`; so every promise that Grove gives is marked as handled
 * just before a cancellation rejects it. Failures are not, and are as loud as ever.
 *
 * @module
 */

import { cancelledIn } from "./errors.ts";

/** Marks a promise that is about to be rejected by a cancellation. */
export function floats(promise: Promise<unknown>): void {
  promise.then(undefined, ignore);
}

/** A promise that is settled as another, and marked when that is rejected by a cancellation. */
export function mayFloat<T>(promise: Promise<T>): Promise<T> {
  const marked = new Promise<T>((resolve, reject) => {
    promise.then(resolve, (error) => {
      if (cancelledIn(error) !== undefined) floats(marked);
      reject(error);
    });
  });
  return marked;
}

function ignore(): void {}
