/**
 * Looking after others while somebody waits for them: one timer for all that is waited for in this
 * thread. It also keeps the program alive for as long, as a wait for a word of memory does not.
 *
 * It is the platform's own timer, and not the clock of the kernel, which a test may have stopped.
 *
 * @module
 */

import { outside } from "../kernel/context.ts";
import { isWorker } from "./threads.ts";

/** A death is noticed within twice this, and well below 100 ms, as long as somebody waits. */
export const INTERVAL = 25;

/** What is looked after. */
export interface Watched {
  /** Looks whether others live. */
  look(): void;
  /** Collects what there is: whoever was to tell of it may have been interrupted just before. */
  collect(): void;
}

const watched = new Set<Watched>();
let timer: ReturnType<typeof setTimeout> | undefined;

/** Looks after something until `unwatch`. */
export function watch(one: Watched): void {
  watched.add(one);
  timer ??= outside(() => setTimeout(look, INTERVAL));
}

/** Does not look after something any more. */
export function unwatch(one: Watched): void {
  if (!watched.delete(one) || watched.size > 0) return;
  // A timer that runs out is cheaper than one that is set for each of many short waits; but in the
  // first thread it would keep the program from ending, and be a leak to a test.
  if (isWorker) return;
  clearTimeout(timer);
  timer = undefined;
}

function look(): void {
  timer = undefined;
  for (const one of [...watched]) {
    watched.delete(one);
    one.look();
    one.collect(); // Which adds it again if somebody still waits.
  }
}
