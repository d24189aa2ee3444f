/**
 * Two workers that share a word, locks, a ring and a queue.
 *
 * @module
 */

import { SharedLock, SharedQueue } from "../mod.ts";
import type { Order, Shared, Work } from "./shared_worker.ts";

/** What the ring and the queue have room for. */
const BYTES = 2 ** 18;

/** See above. */
export class SharedWorkers {
  readonly #workers: readonly Worker[];
  readonly #turns = new Int32Array(new SharedArrayBuffer(8));

  constructor() {
    const url = new URL("./shared_worker.ts", import.meta.url);
    this.#workers = [0, 1].map(() => new Worker(url, { type: "module" }));
    const shared: Shared = {
      turns: this.#turns,
      ring: new SharedArrayBuffer(BYTES),
      locks: [0, 1, 2].map(() => new SharedLock()),
      queue: new SharedQueue(0, { capacity: BYTES }),
    };
    for (const worker of this.#workers) worker.postMessage(shared);
  }

  /** Has both do some work together; resolves to the sum of what they have made of it. */
  async both(work: Work, size: number): Promise<number> {
    this.#turns.fill(0);
    const answers = await Promise.all(
      this.#workers.map((worker, side) =>
        new Promise<number>((resolve) => {
          worker.onmessage = ({ data }) => resolve(data);
          worker.postMessage({ work, size, side } satisfies Order);
        })
      ),
    );
    return answers[0] + answers[1];
  }

  end(): void {
    for (const worker of this.#workers) worker.terminate();
  }
}
