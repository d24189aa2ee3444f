/**
 * The next turn of the event loop, by the quickest way the platform has: `setImmediate` lets timers
 * and sockets in, as a microtask does not, without the two milliseconds that `setTimeout(fn, 0)`
 * takes.
 *
 * @module
 */

const { setImmediate } = globalThis as { setImmediate?: (fn: () => void) => unknown };

/** Calls `fn` in the next turn of the event loop. */
export function nextTurn(fn: () => void): void {
  if (setImmediate === undefined) setTimeout(fn, 0);
  else setImmediate(fn);
}
