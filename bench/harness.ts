/**
 * Runs one row: every contender of it, interleaved, round after round, in this process. A round takes one sample of each
 * contender, so that whatever the machine does in that second it does to all of them; `statistics.ts` says what is made of
 * the samples. Nothing here looks at a figure to decide how long to go on: the number of rounds follows from time alone.
 *
 * @module
 */

import { collect } from "./memory.ts";
import type { Contender, Row, RowResult } from "./row.ts";

/** Fewer rounds than this give no quartiles worth printing. */
const MIN_ROUNDS = 7;
/** More do not narrow a median by anything one would see. */
const MAX_ROUNDS = 25;
/** Rounds are added up to MAX_ROUNDS while the row has taken less than this. */
const ROW_MS = 9_000;
/** A sample repeats its work until it takes about this long: some collections of the young generation are then in it. */
const SAMPLE_MS = 40;
/** Each contender runs this long before its first sample, long enough for the optimizing compiler to have been there. */
const WARM_UP_MS = 150;

/** The order of the contenders in a round: each starts one further on and every other one goes backwards, so that nobody always follows the same neighbor. */
export function orderOf(round: number, contenders: number): number[] {
  const order = Array.from({ length: contenders }, (_, i) => (i + round) % contenders);
  return round % 2 === 0 ? order : order.reverse();
}

/** Warms a contender up and resolves to the number of repeats that make one sample of it about SAMPLE_MS long. */
async function warmUp(contender: Contender): Promise<number> {
  const begun = performance.now();
  let fastest = Infinity;
  do {
    const start = performance.now();
    await contender.sample(1);
    fastest = Math.min(fastest, performance.now() - start);
  } while (performance.now() - begun < WARM_UP_MS);
  return Math.max(1, Math.round(SAMPLE_MS / fastest));
}

export async function runRow(row: Row): Promise<RowResult> {
  const { contenders } = row;
  const repeats: number[] = [];
  // No collections here. Where V8 meets the first few instances of a class one by one, each dead before the next, it settles
  // for objects too small and keeps the properties elsewhere, for good: a thing that no program outside a benchmark sees.
  for (const contender of contenders) repeats.push(row.long ? 1 : await warmUp(contender));

  const values: number[][] = contenders.map(() => []);
  const begun = performance.now();
  const inTime = () => performance.now() - begun < ROW_MS;
  for (let round = 0; round < MIN_ROUNDS || (round < MAX_ROUNDS && inTime()); round++) {
    for (const index of orderOf(round, contenders.length)) {
      collect();
      values[index].push(await contenders[index].sample(repeats[index]));
    }
  }
  for (const contender of contenders) await contender.end?.();

  return {
    row: row.id,
    title: row.title,
    unit: row.unit,
    samples: contenders.map(({ name, note }, i) => ({ contender: name, values: values[i], note })),
    goals: row.goals,
  };
}
