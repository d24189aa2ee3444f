/**
 * Signals to processes, which may have ended.
 *
 * @module
 */

/** Sends a signal to a process, if it has not ended. */
export function sendSignal(process: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    process.kill(signal);
  } catch {
    // It has ended.
  }
}
