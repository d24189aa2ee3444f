/**
 * The workers of a pool: how many there are, when more are started, and when one is let go.
 *
 * @module
 */

import { LONGEST_DELAY } from "../../primitives/kernel/clock.ts";
import { outside } from "../../primitives/kernel/context.ts";
import { letProcessEnd } from "../../primitives/kernel/unref.ts";
import type { FunctionReference } from "../portable.ts";
import type { Wire } from "./wire.ts";
import type { Death, RemoteWorker, WorkerHost, WorkerOptions } from "./worker.ts";

/** What kind of workers a pool has. */
export interface WorkerKind {
  /** How values get to them and back. */
  readonly wire: Wire;
  /**
   * Starts one.
   *
   * @throws What the platform throws.
   */
  start(host: WorkerHost, options: WorkerOptions): RemoteWorker;
  /** Looks which of them are gone without a word. */
  look?(): Promise<void>;
}

/** What the workers of a pool are started and kept with. */
export interface WorkforceOptions {
  readonly min: number;
  readonly max: number;
  readonly idleTimeout: number;
  readonly maxJobsPerWorker: number;
  readonly startTimeout: number;
  readonly maxAbandoned: number;
  readonly kind: WorkerKind;
  readonly onStart: FunctionReference | undefined;
}

/** Who has the workers work. */
export interface Employer extends WorkerHost {
  /** What the workers are named after. */
  readonly name: string;
  /** There may be workers, or room for some, where there were none. */
  dispatchSoon(): void;
  /** A worker could not start. */
  startFailed(failure: StartFailure): void;
}

/** Why a worker could not start. */
export interface StartFailure {
  /** What it would have been called. */
  readonly name: string;
  /** The end of a sentence. */
  readonly why: string;
  readonly exitCode?: number | undefined;
  readonly cause?: unknown;
}

// After a worker that could not start, in milliseconds, where others can do the work.
const RETRY = 1000;

// A thread that was told to end, and can, has ended by then.
const ENDED = 100;

/** See above. */
export class Workforce implements Iterable<RemoteWorker> {
  /** How many workers have died by themselves, or were given up. */
  crashed = 0;
  readonly #options: WorkforceOptions;
  readonly #employer: Employer;
  readonly #workers: Set<RemoteWorker> = new Set();
  // The threads that were given up and have not ended.
  readonly #givenUp: Set<{ readonly at: number; forget?: () => void }> = new Set();
  readonly #leaving: Set<Promise<void>> = new Set();
  #started = 0;
  #startFailedAt = -Infinity;
  #idleTimer: ReturnType<typeof setTimeout> | undefined;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: WorkforceOptions, employer: Employer) {
    this.#options = options;
    this.#employer = employer;
  }

  [Symbol.iterator](): Iterator<RemoteWorker> {
    return this.#workers.values();
  }

  /** How many workers there are, those included that are starting. */
  get size(): number {
    return this.#workers.size;
  }

  /** How many threads were given up, and run on. */
  get abandoned(): number {
    const time = performance.now() - ENDED;
    let abandoned = 0;
    for (const { at } of this.#givenUp) if (at < time) abandoned++;
    return abandoned;
  }

  /** Whether so many threads run on that there are to be no more. */
  get isExhausted(): boolean {
    return this.abandoned >= this.#options.maxAbandoned;
  }

  /** Whether more workers could be started. */
  get canGrow(): boolean {
    return this.#workers.size < this.#options.max && !this.isExhausted;
  }

  /** How many more jobs a worker is to be sent. */
  allowanceOf(worker: RemoteWorker): number {
    return this.#options.maxJobsPerWorker - worker.total;
  }

  /** Starts workers: the least that there are to be, and one for each of so many jobs. */
  staff(jobs: number): void {
    let starting = 0;
    for (const { state } of this.#workers) if (state === "starting") starting++;
    const { min, max } = this.#options;
    const wanted = Math.max(min - this.size, Math.min(jobs - starting, max - this.size));
    if (wanted <= 0 || this.isExhausted) return;
    const rest = this.#startFailedAt + RETRY - performance.now();
    // Where no job waits, one that dies at its start would be followed by the next at once, for ever.
    if (rest > 0 && (jobs === 0 || this.#workers.size > 0)) this.#staffLater(rest);
    else for (let i = 0; i < wanted; i++) if (!this.#start()) return;
  }

  /** A worker has died, or could not start. */
  died(worker: RemoteWorker, { hasWorked }: Death): void {
    this.#workers.delete(worker);
    this.#see(worker);
    this.crashed++;
    if (!hasWorked) this.#startFailedAt = performance.now();
  }

  /** Gives a worker up. It may run on: nothing can stop a thread that runs synchronous code. */
  giveUp(worker: RemoteWorker): void {
    this.#workers.delete(worker);
    this.crashed++;
    // Else it would be replaced at once, and that one too: with another that starts meanwhile, for ever.
    if (worker.state === "starting") this.#startFailedAt = performance.now();
    worker.giveUp("it was given up");
    this.#see(worker);
    const givenUp: { at: number; forget?: () => void } = { at: performance.now() };
    this.#givenUp.add(givenUp);
    givenUp.forget = outside(() =>
      worker.onceGone(() => {
        this.#givenUp.delete(givenUp);
        this.#employer.dispatchSoon();
      })
    );
  }

  /** A worker has nothing to do: it is let go at once if it has done its part, or later. */
  idle(worker: RemoteWorker): void {
    if (this.allowanceOf(worker) <= 0) this.#letGo(worker);
    else this.#watchIdle();
  }

  /** Lets all go. Resolves when nothing is left of those that can be waited for. */
  async close(): Promise<void> {
    clearTimeout(this.#idleTimer);
    clearTimeout(this.#retryTimer);
    for (const worker of this.#workers) this.#letGo(worker);
    for (const { forget } of this.#givenUp) forget!();
    await Promise.all(this.#leaving);
  }

  #letGo(worker: RemoteWorker): void {
    this.#workers.delete(worker);
    worker.end();
    this.#see(worker);
  }

  #see({ left }: RemoteWorker): void {
    if (left === undefined) return;
    this.#leaving.add(left);
    left.then(() => this.#leaving.delete(left));
  }

  #start(): boolean {
    const { kind, startTimeout, onStart } = this.#options;
    const name = `${this.#employer.name}-${++this.#started}`;
    const options = { name, loadTimeout: startTimeout, onStart };
    try {
      // What comes from a worker concerns nobody less than who happened to have it started.
      this.#workers.add(outside(() => kind.start(this.#employer, options)));
      return true;
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      this.#startFailedAt = performance.now();
      this.#employer.startFailed({ name, why, cause });
      return false;
    }
  }

  #staffLater(ms: number): void {
    if (this.#retryTimer !== undefined) return;
    const timer = this.#retryTimer = outside(() =>
      setTimeout(() => {
        this.#retryTimer = undefined;
        this.#employer.dispatchSoon();
      }, ms)
    );
    // Jobs that wait keep the program from ending, and workers that nobody waits for do not.
    letProcessEnd(timer);
  }

  #watchIdle(): void {
    const { min, idleTimeout } = this.#options;
    if (this.#idleTimer !== undefined || idleTimeout === Infinity) return;
    if (this.#workers.size <= min) return;
    const timer = this.#idleTimer = outside(() =>
      setTimeout(() => {
        this.#idleTimer = undefined;
        this.#endIdle(performance.now());
      }, Math.min(idleTimeout, LONGEST_DELAY))
    );
    letProcessEnd(timer);
  }

  #endIdle(now: number): void {
    const { min, idleTimeout } = this.#options;
    for (const worker of this.#workers) {
      if (this.#workers.size <= min) return;
      if (worker.state !== "ready" || !worker.isIdle) continue;
      if (now - worker.heardAt < idleTimeout) this.#watchIdle();
      else this.#letGo(worker);
    }
  }
}
