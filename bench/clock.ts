/**
 * Contenders whose samples are nanoseconds an operation. `timed` clocks all of a run, `clocked` lets the run say how much of
 * it counts (setting 100,000 children up is no part of cancelling them), `processorTimed` counts what the process burned
 * instead of what the wall clock showed (for sleeps, most of whose time is nobody's work).
 *
 * @module
 */

import process from "node:process";
import type { Contender } from "./row.ts";

/** How many operations one run makes, and what the reader should be told about it. */
export interface Load {
  readonly size: number;
  readonly note?: string;
}

/** The load of a contender too slow for the row's own: at most `most` operations a run, and a note where that is less. */
export function atMost(most: number, size: number, why = "to end in time"): Load {
  return size <= most
    ? { size }
    : { size: most, note: `measured with ${most.toLocaleString("en-US")} at once: ${why}` };
}

function contender(
  name: string,
  load: Load,
  total: (repeats: number) => Promise<number>,
): Contender {
  return {
    name,
    note: load.note,
    // Milliseconds of all repeats to nanoseconds of one operation.
    sample: async (repeats) => (await total(repeats)) * 1e6 / (repeats * load.size),
  };
}

/** The whole run counts. */
export function timed(
  name: string,
  load: Load,
  run: (size: number) => Promise<unknown>,
): Contender {
  return contender(name, load, async (repeats) => {
    const start = performance.now();
    for (let i = 0; i < repeats; i++) await run(load.size);
    return performance.now() - start;
  });
}

/** The run resolves to the milliseconds that count. */
export function clocked(
  name: string,
  load: Load,
  run: (size: number) => Promise<number>,
): Contender {
  return contender(name, load, async (repeats) => {
    let sum = 0;
    for (let i = 0; i < repeats; i++) sum += await run(load.size);
    return sum;
  });
}

/** What counts is the processor time of the whole process, V8's helper threads for collecting garbage included. */
export function processorTimed(
  name: string,
  load: Load,
  run: (size: number) => Promise<unknown>,
): Contender {
  return contender(name, load, async (repeats) => {
    const before = process.cpuUsage();
    for (let i = 0; i < repeats; i++) await run(load.size);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  });
}
