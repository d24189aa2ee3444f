/**
 * Waiting until a word of shared memory changes: on the event loop, or by blocking the thread.
 *
 * Three traps of Deno, found by experiment. A pending `Atomics.waitAsync` does not keep the program
 * alive, and neither does its time-out: an event loop with nothing else to do ends, even when the
 * word has just been notified. So who waits for another thread needs a timer beside it, which
 * `watch.ts` has. A pending one cannot be withdrawn either: who gives up has to notify the word, or
 * its promise stays for ever. And the sanitizers of `deno test` do not see it.
 *
 * @module
 */

interface AsyncAtomics {
  waitAsync(
    words: Int32Array,
    index: number,
    value: number,
  ): { async: false } | { async: true; value: Promise<unknown> };
  pause?(): void;
}

// They are younger than the types of the platforms.
const atomics = Atomics as unknown as AsyncAtomics;

/** Whether a change can be awaited. Where it cannot, who waits has to look now and then. */
export const canAwait: boolean = typeof atomics.waitAsync === "function";

const NEVER = new Promise<never>(() => {});

/**
 * Resolves when a word is notified; `null` when it has another value than it was seen with.
 */
export function changed(words: Int32Array, index: number, seen: number): Promise<unknown> | null {
  if (!canAwait) return Atomics.load(words, index) === seen ? NEVER : null;
  const result = atomics.waitAsync(words, index, seen);
  return result.async ? result.value : null;
}

/** Lets the other thread of a core go on for a moment. */
export const pause: () => void = atomics.pause?.bind(Atomics) ?? (() => {});

let allowed: boolean | undefined;

/** Whether this thread may block: that of a page, and that of some servers, may not. */
export function mayBlock(): boolean {
  return allowed ??= tryToBlock();
}

function tryToBlock(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1);
    return true;
  } catch {
    return false;
  }
}
