/**
 * Cancellations that nobody awaits. In `const a = sleep(1), b = sleep(2); await a` a cancellation
 * rejects both promises, and the code that throws at `a` never comes to `b`. For the platform that
 * is an unhandled rejection, which ends the process; but nothing was lost: the scope that was
 * cancelled answers for every `Cancelled`. So these, and only these, are declared handled.
 *
 * Where the platform announces unhandled rejections with an event, one listener does it, also for
 * the promises of `async` functions in between, which Grove never sees. Elsewhere (Node, Bun) each
 * cancelled wait is given a call-back that ignores it, which takes a third longer. So is a wait that
 * is not the only one of its scope: who starts thousands and cancels them before awaiting any would
 * otherwise pay for each with a walk over all (measured: 6.5 s for 50,000).
 *
 * @module
 */

import { Cancelled } from "./errors.ts";

const announced = "onunhandledrejection" in globalThis;
let listening = false;

/** To be called before a scope is cancelled. The listener is not there until there is a need. */
export function expectCancellation(): void {
  if (listening || !announced) return;
  listening = true;
  globalThis.addEventListener("unhandledrejection", (event) => {
    if (event.reason instanceof Cancelled) event.preventDefault();
  });
}

/**
 * To be called with each promise that a cancellation is about to reject; `alone` when it is that of
 * the only wait of a scope, which hardly anybody leaves without an `await`.
 */
export function expectRejection(promise: Promise<unknown>, alone: boolean): void {
  if (!announced || !alone) promise.then(undefined, ignore);
}

function ignore(): void {}
