/**
 * `sleep-cancel`: start 10,000 long sleeps, then cancel them all; the figure is the time of starting and cancelling one,
 * until whoever awaits it has been told. Most timers of a program end this way: they are timeouts that were not needed.
 *
 * The floor is `setTimeout` and `clearTimeout`, and the promise around them rejected with one error that all share: nothing in
 * it can be left out. Grove's sleeps are cancelled by the scope they run in. "grove, moveOnAfter" is the other usage, one timeout
 * at a time around work that ends before it: its price has a scope in it that the floor does not have.
 *
 * @module
 */

import { cancelScope, moveOnAfter, sleep } from "../mod.ts";
import { timed } from "./clock.ts";
import { LONG } from "./long_sleep.ts";
import { delay } from "./peers/std_async.ts";
import type { Row } from "./row.ts";

const reason = new Error("cancelled");

/** Resolves when all of the promises have been rejected; cheaper than `Promise.allSettled`, for which all would pay. */
function allRejected(promises: readonly Promise<void>[]): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let left = promises.length;
  function rejected(): void {
    if (--left === 0) resolve();
  }
  for (const each of promises) each.catch(rejected);
  return promise;
}

async function timeouts(size: number): Promise<void> {
  const cancels = new Array<() => void>(size);
  const all = new Array<Promise<void>>(size);
  for (let i = 0; i < size; i++) {
    all[i] = new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, LONG);
      cancels[i] = () => {
        clearTimeout(timer);
        reject(reason);
      };
    });
  }
  const over = allRejected(all);
  for (const cancel of cancels) cancel();
  await over;
}

async function grove(size: number): Promise<void> {
  await cancelScope(async (scope) => {
    const all = new Array<Promise<void>>(size);
    for (let i = 0; i < size; i++) all[i] = sleep(LONG);
    const over = allRejected(all);
    scope.cancel();
    await over;
  });
}

async function delays(size: number): Promise<void> {
  const controllers = Array.from({ length: size }, () => new AbortController());
  const over = allRejected(controllers.map(({ signal }) => delay(LONG, { signal })));
  for (const controller of controllers) controller.abort(reason);
  await over;
}

async function inTime(): Promise<void> {
  await undefined;
}

async function unmetDeadlines(size: number): Promise<void> {
  for (let i = 0; i < size; i++) await moveOnAfter(LONG, inTime);
}

const load = { size: 10_000 };

export const rows: Row[] = [{
  id: "sleep-cancel",
  title: "start a long sleep and cancel it",
  unit: "ns",
  contenders: [
    timed("floor", load, timeouts),
    timed("grove", load, grove),
    timed("grove, moveOnAfter", load, unmetDeadlines),
    timed(
      "@std delay",
      { ...load, note: "with an AbortController each, to be cancelled by" },
      delays,
    ),
  ],
  goals: [{ times: 0.1, of: "floor" }],
}];
