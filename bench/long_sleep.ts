/**
 * Sleeps that no benchmark sees the end of, and how bare promises do them: what several rows are measured against.
 *
 * @module
 */

/** Eleven days in milliseconds: longer than the benchmark, shorter than a timer can be. */
export const LONG = 1e9;

const timers: ReturnType<typeof setTimeout>[] = [];

/** Hoisted, so that no sleeper owns a closure. */
function arm(resolve: () => void): void {
  timers.push(setTimeout(resolve, LONG));
}

/** A promise with a native timer of its own. */
export function longTimeout(): Promise<void> {
  return new Promise(arm);
}

/** Drops all of the above; their promises stay pending. */
export function clearLongTimeouts(): void {
  for (const timer of timers) clearTimeout(timer);
  timers.length = 0;
}
