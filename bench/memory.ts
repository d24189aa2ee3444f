/**
 * Contenders whose samples are bytes. A run builds `size` things, calls `settled()` while all of them are alive, and ends
 * them again; the sample is by how much the heap had grown at that moment, divided by `size`. Needs --expose-gc: both
 * readings are taken after two full collections, with a turn of the event loop between them, for what the first one
 * releases through weak references and the timers' own queue only the second can reclaim.
 *
 * Counted is V8's heap and what it owns outside (`external`). Memory of the runtime itself, in Rust, shows only in the
 * resident size, which is far too coarse for this.
 *
 * @module
 */

import type { Load } from "./clock.ts";
import type { Contender } from "./row.ts";

/** Collects all garbage, where V8 was started with --expose-gc. A sample then does not pay for its predecessor's. */
export function collect(): void {
  (globalThis as { gc?: () => void }).gc?.();
}

/** One turn of the event loop: all microtasks, and whatever was ready beside them, have then run. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/**
 * Some timers alive at once, before any collection. Were the first few to die one by one in the collections of `heap`, V8 would
 * find the room its class keeps for properties unused, drop it, and hold every later timer as a dictionary of 700 bytes more.
 */
function primeTimers(): void {
  for (const timer of Array.from({ length: 100 }, () => setTimeout(() => {}, 1e6))) {
    clearTimeout(timer);
  }
}

primeTimers();

async function heap(): Promise<number> {
  collect();
  await turn();
  collect();
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

/** `run` must call `settled` once, when everything it is to be weighed with is there. */
export function weighed(
  name: string,
  load: Load,
  run: (size: number, settled: () => Promise<void>) => Promise<void>,
): Contender {
  return {
    name,
    note: load.note,
    async sample() {
      const before = await heap();
      let after: number | undefined;
      await run(load.size, async () => {
        after = await heap();
      });
      if (after === undefined) {
        throw new Error(`Cannot weigh ${name} as its run ended without calling settled()`);
      }
      // The heap comes and goes by some kilobytes of its own: less than a tenth of a byte a thing says nothing.
      return Math.round((after - before) / load.size * 10) / 10;
    },
  };
}
