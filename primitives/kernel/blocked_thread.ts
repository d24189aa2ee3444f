/**
 * How a thread that is blocked hears of a cancellation: no message reaches it, so it asks.
 *
 * @module
 */

let ask: () => void = () => {};

/** Names what looks for a cancellation that a message would tell of, and cancels the task. */
export function askBy(asking: () => void): void {
  ask = asking;
}

/** Looks for a cancellation. It is in the task's scope then. */
export function askForCancellation(): void {
  ask();
}
