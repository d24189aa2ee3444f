/**
 * What tests have workers do at certain moments of what threads share. A moment is a cell of shared memory, which one thread
 * sets when it has come to it, and others wait for.
 *
 * @module
 */

import {
  isCancelled,
  portable,
  type SharedBarrier,
  type SharedLock,
  type SharedQueue,
} from "../../../mod.ts";

/** Moments, none of which has come. */
export function moments(count: number): Int32Array {
  return new Int32Array(new SharedArrayBuffer(4 * count));
}

/** A moment has come. */
export function come(moments: Int32Array, which: number): void {
  Atomics.store(moments, which, 1);
}

/** Keeps the thread busy until a moment has come. */
export function spinUntil(moments: Int32Array, which: number): void {
  while (Atomics.load(moments, which) === 0);
}

export const takeTwo = portable(
  import.meta,
  function takeTwo(queue: SharedQueue<string>, cells: Int32Array): void {
    come(cells, 2);
    spinUntil(cells, 0);
    queue.getSync();
    queue.getSync();
    come(cells, 1);
  },
);

export const breakAndMeetAgain = portable(
  import.meta,
  function breakAndMeetAgain(barrier: SharedBarrier, cells: Int32Array): void {
    come(cells, 6);
    spinUntil(cells, 0);
    barrier.wait().catch(() => {});
    come(cells, 1);
    spinUntil(cells, 2);
    barrier.abort();
    barrier.reset();
    come(cells, 3);
    spinUntil(cells, 4);
    barrier.wait().catch(() => {});
    come(cells, 5);
  },
);

export const holdAndDie = portable(
  import.meta,
  async function holdAndDie(locks: SharedLock[], cells: Int32Array): Promise<void> {
    for (const lock of locks) await lock.acquire();
    come(cells, 0);
    spinUntil(cells, 1);
    Deno.exit();
  },
);

export const acquireBlocked = portable(
  import.meta,
  function acquireBlocked(locks: SharedLock[]): string[] {
    return locks.map((lock) => {
      try {
        using _guard = lock.acquireSync({ timeout: 10_000 });
        return "acquired";
      } catch (error) {
        if (isCancelled(error)) throw error;
        return (error as Error).name;
      }
    });
  },
);

export const waitAndDie = portable(
  import.meta,
  function waitAndDie(queue: SharedQueue<number>, cells: Int32Array): void {
    queue.get().catch(() => {});
    come(cells, 0);
    spinUntil(cells, 1);
    Deno.exit();
  },
);
