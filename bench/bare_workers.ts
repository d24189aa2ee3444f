/**
 * The floors of the pools: workers without a pool, spoken to by `postMessage`, one message at a time each.
 *
 * @module
 */

import type { SmallJob, SmallResult } from "./bare_worker.ts";

/** Workers that are there already, or will be when they have been asked something. */
export class BareWorkers {
  readonly #workers: readonly Worker[];

  constructor(count: number) {
    const url = new URL("./bare_worker.ts", import.meta.url);
    this.#workers = Array.from({ length: count }, () => new Worker(url, { type: "module" }));
  }

  /** Sends a message to the first worker, and resolves to its answer. */
  ask(message: unknown, moved: Transferable[] = []): Promise<unknown> {
    return ask(this.#workers[0], message, moved);
  }

  /** Has each worker compute, until all that was to be computed is done; resolves to the sum. */
  async compute(argument: number, times: number): Promise<number> {
    let left = times;
    let sum = 0;
    await this.#each(async (worker) => {
      while (left-- > 0) {
        const result = await ask(worker, argument);
        sum += result as number;
      }
    });
    return sum;
  }

  /** Does small jobs, so many at a time, spread evenly over the workers; resolves to the sum of their results. */
  async batches(atOnce: number, size: number): Promise<number> {
    const most = atOnce / this.#workers.length;
    let next = 0;
    let sum = 0;
    await this.#each(async (worker) => {
      while (next < size) {
        const jobs: SmallJob[] = [];
        for (; jobs.length < most && next < size; next++) jobs.push({ id: next, argument: next });
        const results = await ask(worker, jobs) as SmallResult[];
        for (const { value } of results) sum += value;
      }
    });
    return sum;
  }

  end(): void {
    for (const worker of this.#workers) worker.terminate();
  }

  async #each(run: (worker: Worker) => Promise<void>): Promise<void> {
    await Promise.all(this.#workers.map(run));
  }
}

function ask(worker: Worker, message: unknown, moved: Transferable[] = []): Promise<unknown> {
  return new Promise((resolve) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.postMessage(message, moved);
  });
}
