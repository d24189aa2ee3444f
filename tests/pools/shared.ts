/**
 * Hand-shakes with workers: over shared memory, so that a worker can tell how far it has come, and be held until a test lets
 * it go on, even while it runs synchronous code; and with the workers of a pool themselves, seen from outside.
 *
 * @module
 */

import { fail } from "@std/assert";
import {
  type RemotePool,
  sleep,
  type TreeNode,
  WorkerPool,
  type WorkerPoolOptions,
} from "../../mod.ts";

// Only for what would otherwise hang: no test is right or wrong because of it.
const PATIENCE = 20_000;

/** Numbers in memory that threads share. */
export type Cells = Int32Array<SharedArrayBuffer>;

/** So many of them, all 0. */
export function cells(count: number): Cells {
  return new Int32Array(new SharedArrayBuffer(count * Int32Array.BYTES_PER_ELEMENT));
}

/** Waits until a number has come to a value. */
export async function reached(cells: Cells, index: number, least = 1): Promise<void> {
  for (;;) {
    const now = Atomics.load(cells, index);
    if (now >= least) return;
    const { async, value } = Atomics.waitAsync(cells, index, now, PATIENCE);
    if (async && await value === "timed-out") fail(`A cell stays at ${now}, and not ${least}`);
  }
}

/** A place in a job at which it tells that it is there, and waits until it is let go on. */
export class Gate {
  /** What the job is handed: who has come, and whether it is open. */
  readonly cells: Cells = cells(2);

  /** Waits until so many jobs have come to the gate. */
  entered(jobs = 1): Promise<void> {
    return reached(this.cells, 0, jobs);
  }

  /** Waits until a job that was sent has come to the gate, and has the pool do nothing meanwhile: the job's time cannot be up before. */
  enteredWhileNothingElseHappens(): void {
    Atomics.wait(this.cells, 0, 0, PATIENCE);
  }

  /** How many jobs have come to the gate so far. */
  get count(): number {
    return Atomics.load(this.cells, 0);
  }

  /** Lets all pass, now and later. */
  open(): void {
    Atomics.store(this.cells, 1, 1);
    Atomics.notify(this.cells, 1);
  }
}

/**
 * A pool that ends even where a test has failed that a job of it waits for: the failure is to be seen, and not a hang. It gives up
 * no worker for being slow, on a machine that is, unless a test is about that and sets its own `grace`.
 */
export class TestPool extends WorkerPool {
  constructor(options: WorkerPoolOptions = {}) {
    super({ grace: PATIENCE, ...options });
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    let hasHung = false;
    const timer = setTimeout(() => {
      hasHung = true;
      this.crew["cancelAllPlaced"]("the test has ended", false);
    }, PATIENCE);
    try {
      await this.shutdown({ cancelPending: true });
    } finally {
      clearTimeout(timer);
      if (hasHung) fail("Jobs were left in the pool");
    }
  }
}

/**
 * Has a pool learn that a function takes next to no time, so that it sends its jobs in batches: however long it takes on a machine
 * that has other things to do.
 */
export async function warmUp<A extends unknown[]>(
  pool: RemotePool,
  fn: (...args: A) => unknown,
  ...args: A
): Promise<void> {
  // One worker does it: a pool starts another one where the first is slow to take a job.
  using _ = new StoppedClock();
  const crew = pool["crew"];
  crew.jobsTook = (number, count) =>
    Object.getPrototypeOf(crew).jobsTook.call(crew, number, count, count / 100);
  for (let times = 0; times < 3; times++) await pool.run(fn, ...args);
}

/** As long as it is there no time passes for a pool: no worker is slow, on a machine that is. */
class StoppedClock implements Disposable {
  readonly #now: typeof performance.now = performance.now;

  constructor() {
    const time = performance.now();
    performance.now = () => time;
  }

  [Symbol.dispose](): void {
    performance.now = this.#now;
  }
}

/** Waits until something holds that shows by no event. */
export async function eventually(holds: () => boolean, what: string): Promise<void> {
  const start = performance.now();
  while (!holds()) {
    if (performance.now() - start > PATIENCE) fail(`It never came to be that ${what}`);
    await sleep(1);
  }
}

/** The tasks of the only worker of a pool. It is asked until it has answered: one that is slow to do so is not waited for. */
export async function treeOf(pool: RemotePool): Promise<TreeNode> {
  for (;;) {
    const [{ tree }] = await pool.inspect();
    if (tree !== undefined) return tree;
  }
}

/** A worker of a pool, and what it was sent. */
export interface Seen {
  readonly name: string;
  readonly worker: Worker;
  /** How many jobs each message had that had some. */
  readonly batches: number[];
}

/** The workers that are started as long as this is not disposed of. */
export class SeenWorkers implements Disposable {
  readonly list: Seen[] = [];
  readonly #original: typeof Worker = globalThis.Worker;

  constructor() {
    const { list } = this;
    globalThis.Worker = class extends Worker {
      readonly #batches: number[] = [];

      constructor(url: string | URL, options?: WorkerOptions) {
        super(url, options);
        list.push({ name: options?.name ?? "", worker: this, batches: this.#batches });
      }

      override postMessage(message: unknown, transfer?: unknown): void {
        const jobs = jobsIn(message);
        if (jobs > 0) this.#batches.push(jobs);
        super.postMessage(message, transfer as Transferable[]);
      }
    };
  }

  /** How many jobs they were sent. */
  get jobs(): number {
    return this.list.flatMap(({ batches }) => batches).reduce((sum, jobs) => sum + jobs, 0);
  }

  [Symbol.dispose](): void {
    globalThis.Worker = this.#original;
  }
}

function jobsIn(message: unknown): number {
  if (typeof message === "string") return (JSON.parse(message).length - 1) / 2;
  return (message as { type: string }).type === "job" ? 1 : 0;
}
