/**
 * `sleep-bytes`: the heap that one sleep keeps while it lasts, 100,000 at once, its promise included. No child here: a sleeping
 * child is weighed in `blocked-bytes`.
 *
 * The floor is a promise with a native timer. Whoever holds the promises in an array pays 8 bytes more for each; here that is
 * true of all contenders, because cancelling a sleep rejects its promise and somebody has to look at it.
 */
import { CancelScope, sleep } from "../mod.ts";
import { weighed } from "./memory.ts";
import { delay } from "./peers/std_async.ts";
import type { Row } from "./row.ts";

/** Eleven days: longer than the benchmark, shorter than a timer can be. */
const LONG = 1e9;

const timers: ReturnType<typeof setTimeout>[] = [];

/** Hoisted, so that no sleeper owns a closure. */
function arm(resolve: () => void): void {
  timers.push(setTimeout(resolve, LONG));
}

async function timeouts(size: number, settled: () => Promise<void>): Promise<void> {
  const all = new Array<Promise<void>>(size);
  for (let i = 0; i < size; i++) all[i] = new Promise(arm);
  await settled();
  for (const timer of timers) clearTimeout(timer);
  timers.length = 0;
}

async function grove(size: number, settled: () => Promise<void>): Promise<void> {
  const scope = new CancelScope();
  await scope.run(async () => {
    const all = new Array<Promise<void>>(size);
    for (let i = 0; i < size; i++) all[i] = sleep(LONG);
    await settled();
    scope.cancel();
    await Promise.allSettled(all);
  });
}

async function delays(size: number, settled: () => Promise<void>): Promise<void> {
  const controllers = Array.from({ length: size }, () => new AbortController());
  const all = controllers.map(({ signal }) => delay(LONG, { signal }));
  await settled();
  for (const controller of controllers) controller.abort("over");
  await Promise.allSettled(all);
}

const load = { size: 100_000 };

export const rows: Row[] = [{
  id: "sleep-bytes",
  title: "heap that a sleep keeps, 100,000 at once",
  unit: "bytes",
  contenders: [
    weighed("floor", load, timeouts),
    weighed("grove", load, grove),
    weighed("@std delay", { ...load, note: "with an AbortController each, to be cancelled by" }, delays),
  ],
  goals: [{ bytes: 400 }],
}];
