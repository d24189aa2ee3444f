/**
 * What the soak test has run on workers.
 *
 * @module
 */

import { cancellable, portable, shield, sleep, yieldNow } from "../../mod.ts";
import { type Death, die } from "./jobs.ts";
import type { Cells } from "./shared.ts";

// Where runs are counted; a job that gets it leaves it here for those whose arguments travel as text.
let counts: Cells | undefined;

function count(index: number): void {
  Atomics.add(counts!, index, 1);
}

/** Counts a run, if this worker has been told where; gives `false` if not. Its arguments travel as text. */
export const soakText = portable(import.meta, function soakText(index: number) {
  if (counts === undefined) return false;
  count(index);
  return index;
});

/** The same, with arguments that are cloned. */
export const soakClone = portable(import.meta, function soakClone(runs: Cells, index: number) {
  counts = runs;
  count(index);
  return index;
});

/** The same, later, with a result that is cloned. */
export const soakLater = portable(
  import.meta,
  async function soakLater(runs: Cells, index: number) {
    counts = runs;
    count(index);
    await yieldNow();
    return new Map([[index, index]]);
  },
);

/** The same, with an argument that is moved. */
export const soakMoved = portable(
  import.meta,
  function soakMoved(runs: Cells, index: number, bytes: Uint8Array) {
    counts = runs;
    count(index);
    return bytes.length === 3 ? index : -1;
  },
);

export const soakFail = portable(import.meta, function soakFail(runs: Cells, index: number): never {
  counts = runs;
  count(index);
  throw new RangeError(`${index}`);
});

/** Waits for its cancellation; sometimes it cleans up after that. */
export const soakWait = portable(
  import.meta,
  async function soakWait(runs: Cells, index: number, cleansUp: boolean) {
    counts = runs;
    count(index);
    try {
      await sleep(Infinity);
    } finally {
      if (cleansUp) await shield(yieldNow);
    }
  },
);

/** Waits for ever, and does not hear of its cancellation. */
export const soakDeaf = portable(import.meta, function soakDeaf(runs: Cells, index: number) {
  counts = runs;
  count(index);
  return new Promise<never>(() => {});
});

/** Computes until its time is up. */
export const soakSpin = portable(import.meta, function soakSpin(runs: Cells, index: number): void {
  counts = runs;
  count(index);
  while (Atomics.load(runs, index) > 0);
});

export const soakDie = portable(
  import.meta,
  async function soakDie(runs: Cells, index: number, how: Death, later: boolean) {
    counts = runs;
    count(index);
    if (later) await yieldNow();
    die(how);
    await cancellable(new Promise<never>(() => {}));
  },
);
