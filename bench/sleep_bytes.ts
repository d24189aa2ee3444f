/**
 * `sleep-bytes`: the heap that one sleep keeps while it lasts, 100,000 at once, its promise included. No child here: a sleeping
 * child is weighed in `blocked-bytes`.
 *
 * The floor is a promise with a native timer. Whoever holds the promises in an array pays 8 bytes more for each; here that is
 * true of all contenders, because cancelling a sleep rejects its promise and somebody has to look at it.
 *
 * @module
 */

import { cancelScope, sleep } from "../mod.ts";
import { clearLongTimeouts, LONG, longTimeout } from "./long_sleep.ts";
import { weighed } from "./memory.ts";
import { delay } from "./peers/std_async.ts";
import type { Row } from "./row.ts";

async function timeouts(size: number, settled: () => Promise<void>): Promise<void> {
  const all = new Array<Promise<void>>(size);
  for (let i = 0; i < size; i++) all[i] = longTimeout();
  await settled();
  clearLongTimeouts();
}

async function grove(size: number, settled: () => Promise<void>): Promise<void> {
  await cancelScope(async (scope) => {
    const all = new Array<Promise<void>>(size);
    for (let i = 0; i < size; i++) all[i] = sleep(LONG);
    await settled();
    const over = Promise.allSettled(all); // before they reject: tracking unhandled ones is quadratic
    scope.cancel();
    await over;
  });
}

async function delays(size: number, settled: () => Promise<void>): Promise<void> {
  const controllers = Array.from({ length: size }, () => new AbortController());
  const all = controllers.map(({ signal }) => delay(LONG, { signal }));
  await settled();
  const over = Promise.allSettled(all);
  for (const controller of controllers) controller.abort("over");
  await over;
}

const load = { size: 100_000 };

export const rows: Row[] = [{
  id: "sleep-bytes",
  title: "heap that a sleep keeps, 100,000 at once",
  unit: "bytes",
  contenders: [
    weighed("floor", load, timeouts),
    weighed("grove", load, grove),
    weighed(
      "@std delay",
      { ...load, note: "with an AbortController each, to be cancelled by" },
      delays,
    ),
  ],
  long: true,
  goals: [{ bytes: 400 }],
}];
