/**
 * Portable generators that tests have run on workers. They count what they yield, and note that they have ended.
 *
 * @module
 */

import { portable, sleep, transfer, yieldNow } from "../../mod.ts";
import { type Death, die } from "./jobs.ts";
import type { Cells } from "./shared.ts";

/** Yields the numbers below `end`, and counts them; in the end it marks that it has ended. */
export const numbers = portable(import.meta, function* numbers(count: Cells, end: number) {
  try {
    for (let n = 0; n < end; n++) {
      Atomics.add(count, 0, 1);
      Atomics.notify(count, 0);
      yield n;
    }
  } finally {
    markEnded(count);
  }
});

/** The same, with a wait before each. */
export const numbersLater = portable(
  import.meta,
  async function* numbersLater(count: Cells, end: number) {
    try {
      for (let n = 0; n < end; n++) {
        await yieldNow();
        Atomics.add(count, 0, 1);
        Atomics.notify(count, 0);
        yield n;
      }
    } finally {
      markEnded(count);
    }
  },
);

/** Yields so many numbers, and then waits for ever at a checkpoint. */
export const numbersAndWait = portable(
  import.meta,
  async function* numbersAndWait(count: Cells, end: number) {
    try {
      for (let n = 0; n < end; n++) yield n;
      await sleep(Infinity);
    } finally {
      markEnded(count);
    }
  },
);

/** Yields so many numbers, and fails. */
export const numbersAndFail = portable(import.meta, function* numbersAndFail(end: number) {
  for (let n = 0; n < end; n++) yield n;
  throw new RangeError("out of numbers");
});

/** Yields so many numbers, and dies. */
export const numbersAndDie = portable(
  import.meta,
  async function* numbersAndDie(end: number, how: Death) {
    for (let n = 0; n < end; n++) yield n;
    await yieldNow();
    die(how);
    await sleep(Infinity);
  },
);

/** Yields what it is given. */
export const values = portable(import.meta, function* values(list: unknown[]) {
  yield* list;
});

/** Yields the same object again and again, changed. */
export const sameObject = portable(import.meta, function* sameObject(end: number) {
  const object = { n: 0 };
  for (; object.n < end; object.n++) yield object;
});

export const buffers = portable(import.meta, function* buffers(count: number) {
  for (let n = 0; n < count; n++) {
    const bytes = new Uint8Array([n]);
    yield transfer(bytes);
    if (bytes.length !== 0) throw new Error("The buffer was copied");
  }
});

export const itemUnportable = portable(
  import.meta,
  function* itemUnportable(count: Cells): Generator<unknown> {
    try {
      yield 1;
      yield { deep: [() => {}] };
    } finally {
      markEnded(count);
    }
  },
);

function markEnded(count: Cells): void {
  Atomics.add(count, 1, 1);
  Atomics.notify(count, 1);
}
