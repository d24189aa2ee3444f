/**
 * What the workers of `stress_test.ts` do: they all begin at once, and go as fast as they can.
 *
 * @module
 */

import {
  type Posted,
  SharedBarrier,
  SharedLock,
  SharedQueue,
  SharedSemaphore,
  TimeoutError,
} from "../../../mod.ts";

/** What a worker is to do. */
export interface Load {
  readonly job: "count" | "enter" | "put" | "get";
  /** Where all begin. */
  readonly start: Posted;
  readonly object: Posted;
  /** Numbers that nothing guards. */
  readonly cells: Int32Array;
  readonly rounds: number;
  /** Which worker it is. */
  readonly index: number;
  /** Whether it blocks its thread. */
  readonly blocks: boolean;
  /** Whether it gives up now and then. */
  readonly givesUp: boolean;
}

/** How much came of it: rounds for "count" and "enter", a sum of items for the others. */
async function work({ job, object, cells, rounds, index, blocks, givesUp }: Load): Promise<number> {
  let done = 0;
  const limit = (round: number) => givesUp && round % 3 === 0 ? { timeout: round % 2 } : undefined;
  const tries = async (attempt: () => unknown) => {
    try {
      await attempt();
      return true;
    } catch (error) {
      if (error instanceof TimeoutError) return false;
      throw error;
    }
  };
  if (job === "count") {
    const lock = SharedLock.from(object);
    for (let round = 0; round < rounds; round++) {
      const options = limit(round);
      const take = () => blocks ? lock.acquireSync(options) : lock.acquire(options);
      if (options !== undefined && !await tries(take)) continue;
      if (options === undefined) blocks ? take() : await take();
      // Not atomic: two at once would lose one.
      cells[0] = cells[0] + 1;
      lock.release();
      done++;
    }
  } else if (job === "enter") {
    const doors = SharedSemaphore.from(object);
    for (let round = 0; round < rounds; round++) {
      const options = limit(round);
      const take = () => blocks ? doors.acquireSync(options) : doors.acquire(options);
      if (!await tries(take)) continue;
      const inside = Atomics.add(cells, 0, 1) + 1;
      if (inside > cells[1]) cells[1] = inside;
      Atomics.sub(cells, 0, 1);
      doors.release();
      done++;
    }
  } else {
    const queue = SharedQueue.from<number>(object);
    for (let round = 0; round < rounds; round++) {
      if (job === "put") {
        const item = index * rounds + round;
        if (blocks) queue.putSync(item);
        else while (!await tries(() => queue.put(item, limit(round))));
        done += item;
      } else if (blocks) done += queue.getSync();
      else while (!await tries(async () => done += await queue.get(limit(round))));
    }
  }
  return done;
}

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<Load>) => void;
  postMessage(message: unknown): void;
};

scope.onmessage = async ({ data }) => {
  await SharedBarrier.from(data.start).wait();
  scope.postMessage(await work(data));
};
