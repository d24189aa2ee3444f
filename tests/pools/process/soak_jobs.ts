/**
 * What the soak test of processes has run.
 *
 * @module
 */

import { portable, progress, sleep, yieldNow } from "../../../mod.ts";

let isKnown = false;

/** Notes a run, and does what a job of that kind does. */
export const soak = portable(
  import.meta,
  function soak(kind: string, runs: string, index: number, value: unknown): unknown {
    Deno.writeTextFileSync(runs, `${index}\n`, { append: true });
    if (!isKnown) Deno.writeTextFileSync(`${runs}.pids`, `${Deno.pid}\n`, { append: true });
    isKnown = true;
    switch (kind) {
      case "fail":
        throw new RangeError(`${index}`);
      case "later":
        return later(value);
      case "wait":
      case "limited":
        return sleep(Infinity);
      case "interrupted":
        for (;;);
      case "stubborn":
        return spin();
      case "exit":
        Deno.exit(3);
    }
    return value;
  },
);

async function later(value: unknown): Promise<unknown> {
  progress(value);
  await yieldNow();
  return value;
}

async function spin(): Promise<never> {
  await Promise.resolve();
  for (;;);
}
