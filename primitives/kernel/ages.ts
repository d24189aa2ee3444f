/**
 * Since when things are: the clock behind the ages that `inspect()` gives.
 *
 * To ask the platform for the time costs 50 to 100 ns, half of what a wait does. So each scope and
 * each wait notes the time that was read last, for all: a load and a store. Whoever wants ages has
 * it read now and then (see `trace_ages.ts`); unless somebody does, it is 0, and whatever begins
 * meanwhile has no age. What was noted may be too old, by as long as the last reading was ago; it is
 * never too young.
 *
 * @module
 */

import { currentClock } from "./clock.ts";

/** The time noted for what begins now: whole milliseconds of the current clock; 0 when unknown. */
export let coarseNow = 0;

let noting = false;

/** Whether ages are noted, from now on. */
export function noteAges(on: boolean): void {
  noting = on;
  coarseNow = 0;
  readClock();
}

/** Reads the clock, for all that begins until the next time. */
export function readClock(): void {
  if (noting) coarseNow = whole(currentClock().now());
}

/** How long before `now` something began that has noted the time; `undefined` where it was not known. */
export function ageSince(noted: number, now: number): number | undefined {
  // Not below 0, where another clock was put in place meanwhile.
  return noted === 0 ? undefined : Math.max(0, whole(now) - noted);
}

// From 1 on, as 0 means that nobody knows; whole, as other numbers cost an allocation each.
function whole(now: number): number {
  return Math.floor(now) + 1;
}
