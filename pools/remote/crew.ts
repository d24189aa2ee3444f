/**
 * Runs jobs on workers, threads or processes.
 *
 * Jobs go to the workers in batches, as a message costs as much as many small jobs; a batch has as
 * many as the pool expects a worker to do in two milliseconds, from what it has seen of their
 * functions. What it has not seen goes alone. A lone job waits for nothing.
 *
 * @module
 */

import { outside } from "../../primitives/kernel/context.ts";
import { TimeoutError } from "../../primitives/kernel/errors.ts";
import type { Account } from "../../primitives/kernel/inspected.ts";
import { Crew, type Sink } from "../crew.ts";
import { streamOf } from "../stream_of.ts";
import { NotPortableError, OverloadedError, WorkerCrashedError } from "../errors.ts";
import type { JobOptions, PoolOptions, WorkerPoolStats, WorkerTree } from "../executor.ts";
import { cancelledJob } from "../future.ts";
import type { AnyFunction } from "../job.ts";
import { isLoadingModule } from "../portable.ts";
import { RemoteJob } from "./job.ts";
import { unwatch, watch, type Watched, watchTime } from "./watch.ts";
import type { Death, RemoteWorker } from "./worker.ts";
import { Callees, CREDIT, pack } from "./travel.ts";
import { type Employer, type StartFailure, Workforce, type WorkforceOptions } from "./workforce.ts";

/** What a crew of workers is told: what its pool was, with all that was left out. */
export interface RemoteCrewOptions extends PoolOptions, WorkforceOptions {
  readonly grace: number;
}

// Milliseconds. What a batch may hold up, and what a worker may be silent before what it has not
// started goes elsewhere.
const BATCH = 2;
const STALLED = 3;

// One that is worked on, and one that is there when it is done. With more, batches fall apart into
// ever smaller ones.
const MOST_MESSAGES = 2;

// Workers that die as soon as they are ready would be started for ever.
const MOST_IN_VAIN = 2;

// How many jobs `map` keeps on their way to each worker.
const APPETITE = 32;

/** See above. */
export class RemoteCrew extends Crew<RemoteJob> implements Employer, Watched {
  readonly #options: RemoteCrewOptions;
  readonly #workers: Workforce;
  readonly #callees: Callees = new Callees();
  #isFlushing = false;
  // How many workers have died in a row that were ready, and had not started a job.
  #inVain = 0;
  #checkTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: RemoteCrewOptions) {
    super(options);
    this.#options = options;
    this.#workers = new Workforce(options, this);
    if (!isLoadingModule()) this.#workers.staff(0);
  }

  override counts(): WorkerPoolStats {
    let idle = 0;
    for (const { state, isIdle } of this.#workers) if (state === "ready" && isIdle) idle++;
    const { size: workers, crashed, abandoned } = this.#workers;
    return { ...super.counts(), workers, idle, crashed, abandoned };
  }

  override account(): Account {
    const parts = Array.from(this.#workers, ({ kind, name, state, total, jobs }): Account => ({
      kind,
      name,
      state,
      details: { jobs: total },
      // What waits in its message is not shown: it may be given to another.
      parts: jobs.filter(({ hasStarted }) => hasStarted).map(({ name }) => ({
        kind: "job",
        name,
        state: "running",
      })),
    }));
    return { ...super.account(), parts };
  }

  /** The trees of tasks of the workers. */
  inspect(): Promise<WorkerTree[]> {
    return Promise.all(
      Array.from(this.#workers, async (worker) => ({
        worker: worker.name,
        tree: await worker.inspect(),
      })),
    );
  }

  protected override get places(): number {
    return this.#options.max;
  }

  override get appetite(): number {
    return this.#options.max * APPETITE;
  }

  protected override get running(): number {
    let running = 0;
    for (const { jobs } of this.#workers) {
      for (const job of jobs) if (job.hasStarted) running++;
    }
    return running;
  }

  protected override prepare(
    fn: AnyFunction,
    args: readonly unknown[],
    options: JobOptions,
    sink?: Sink,
  ): RemoteJob {
    if (isLoadingModule()) {
      throw new Error(
        `Cannot hand a job to "${this.name}" while a worker loads the module that does so: each worker would do it again, without end. Do it under 'if (import.meta.main)'`,
      );
    }
    if (this.#workers.isExhausted) throw new OverloadedError(this.#overloaded());
    const { wire } = this.#options.kind;
    const travel = pack(wire, this.#callees.of(fn), args, options, sink);
    return new RemoteJob(this, fn, args, options, travel);
  }

  protected override admit(job: RemoteJob): void {
    this.queue.add(job);
    watch(this);
    this.dispatchSoon();
  }

  protected override cancelPlaced(job: RemoteJob, reason: unknown): void {
    if (job.cancelled !== undefined) return;
    const { worker } = job;
    if (worker === undefined || worker.takeBack(job)) {
      job.settle("cancelled", cancelledJob(job.name, reason));
    } else {
      job.cancelled = { reason, at: watchTime() };
      worker.cancel(job);
    }
  }

  protected override cancelAllPlaced(reason: unknown, onlyUnstarted: boolean): void {
    for (const worker of this.#workers) {
      for (const job of worker.jobs) {
        if (!onlyUnstarted) this.cancelPlaced(job, reason);
        else if (worker.takeBack(job)) job.settle("cancelled", cancelledJob(job.name, reason));
      }
    }
  }

  protected override async close(): Promise<void> {
    clearTimeout(this.#checkTimer);
    await this.#workers.close();
    await unwatch(this);
  }

  override jobEnded(): void {} // Its jobs are no tasks of this worker.

  override stream<T>(
    options: JobOptions,
    fn: AnyFunction,
    args: readonly unknown[],
  ): AsyncIterable<T> {
    return streamOf(CREDIT, (sink) => this.run(options, fn, args, sink));
  }

  workerReady(worker: RemoteWorker): void {
    this.#dispatch();
    // What it was started for may have been cancelled, or done by another.
    if (worker.isIdle) this.#workers.idle(worker);
  }

  workerHeard(worker: RemoteWorker): void {
    this.#inVain = 0;
    if (worker.isIdle) this.#workers.idle(worker);
    // Not at once: those whose jobs have ended hand in their next ones first.
    this.dispatchSoon();
  }

  jobsTook(number: number, count: number, ms: number): void {
    this.#callees.took(number, count, ms);
  }

  workerDied(worker: RemoteWorker, death: Death): void {
    this.#workers.died(worker, death);
    this.#bury(worker, death);
    if (death.hasWorked) this.#inVain = 0;
    else if (!death.wasReady || ++this.#inVain > MOST_IN_VAIN) {
      this.startFailed({ name: worker.name, ...death });
    }
    this.dispatchSoon();
  }

  startFailed({ name, why, exitCode, cause }: StartFailure): void {
    if (this.#workers.size > 0) return;
    const text = `Cannot start the worker "${name}": ${why}`;
    this.#failQueued(new WorkerCrashedError(text, exitCode, cause));
  }

  async look(): Promise<boolean> {
    const time = watchTime();
    await this.#options.kind.look?.();
    for (const worker of this.#workers) {
      if (worker.state === "starting") this.#lookAtStart(worker, time);
      else if (!worker.isIdle) this.#lookAtJob(worker, time);
    }
    return this.alive > 0;
  }

  // All that is handed in before the running code comes to an end goes in one message.
  dispatchSoon(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    queueMicrotask(() => {
      this.#isFlushing = false;
      this.#dispatch();
    });
  }

  #dispatch(): void {
    this.#unload(performance.now());
    // First those that have nothing to do, then those that soon will have.
    for (let messages = 0; messages < MOST_MESSAGES && this.queue.size > 0; messages++) {
      for (const worker of this.#workers) {
        if (worker.state !== "ready" || worker.messages !== messages) continue;
        const jobs = this.#nextFor(worker);
        if (jobs.length > 0) worker.send(jobs);
      }
    }
    if (this.queue.size > 0 && this.#workers.size === 0 && this.#workers.isExhausted) {
      this.#failQueued(new OverloadedError(this.#overloaded()));
    }
    if (this.alive > 0 || !this.isShutDown) this.#workers.staff(this.queue.size);
    this.#checkLater();
  }

  /** The jobs for the next message to a worker. */
  #nextFor(worker: RemoteWorker): RemoteJob[] {
    const share = Math.ceil(this.alive / this.#options.max);
    // As long as it is busy, what has come can wait for more to come: small messages beget small
    // messages, as what is done in a message is handed in anew together.
    if (!worker.isIdle && this.queue.size < share) return [];
    const most = Math.min(share, worker.room, this.#workers.allowanceOf(worker));
    const jobs: RemoteJob[] = [];
    let load = 0;
    while (jobs.length < most) {
      const job = this.queue.shift();
      if (job === undefined) break;
      // What cannot be taken back is not to wait behind another, nor another behind it.
      const { mean = Infinity } = job.isRepeatable ? job.travel.callee : {};
      // What was moved with a job is gone once it was sent: it goes only where it starts at once.
      const canWait = job.isRepeatable;
      const fits = jobs.length > 0
        ? canWait && load + mean <= BATCH
        : worker.isIdle || (canWait && mean <= BATCH / MOST_MESSAGES);
      if (!fits) {
        this.queue.putBack(job);
        break;
      }
      jobs.push(job);
      load += mean;
    }
    return jobs;
  }

  /** Takes back what does not get its turn, as the job before it takes longer than expected. */
  #unload(now: number): void {
    for (const worker of this.#workers) {
      if (worker.count > 0 && now - worker.heardAt > STALLED) this.#takeBackAll(worker);
    }
  }

  #takeBackAll(worker: RemoteWorker): void {
    const jobs = worker.jobs.filter((job) => job.isRepeatable && worker.takeBack(job));
    for (const job of jobs.reverse()) this.queue.putBack(job);
  }

  // Nothing may happen by itself by which it would show that a worker does not get on.
  #checkLater(): void {
    if (this.#checkTimer !== undefined || !this.#hasWaiting()) return;
    this.#checkTimer = outside(() =>
      setTimeout(() => {
        this.#checkTimer = undefined;
        this.#dispatch();
      }, STALLED + 1)
    );
  }

  /** Whether a worker has jobs that it has not started, and another one could do them. */
  #hasWaiting(): boolean {
    let isFree = this.#workers.canGrow;
    for (const { isIdle } of this.#workers) isFree ||= isIdle;
    if (!isFree) return false;
    for (const { jobs } of this.#workers) {
      for (const job of jobs) if (job.isRepeatable && !job.hasStarted) return true;
    }
    return false;
  }

  #failQueued(error: Error): void {
    const jobs: RemoteJob[] = [];
    for (let job = this.queue.shift(); job !== undefined; job = this.queue.shift()) jobs.push(job);
    // Only now: who is told may hand in the next, which another worker may be able to do.
    for (const job of jobs) job.settle("failed", error);
  }

  /** Says what becomes of the jobs of a worker that is gone. */
  #bury(
    worker: RemoteWorker,
    { why, exitCode, cause }: Omit<Death, "hasWorked" | "wasReady">,
  ): void {
    this.#takeBackAll(worker);
    for (const job of worker.jobs) {
      if (job.cancelled !== undefined) job.ended(undefined);
      else {
        const text = `Cannot finish "${job.name}" as its worker "${worker.name}" is gone: ${why}`;
        job.settle("failed", new WorkerCrashedError(text, exitCode, cause));
      }
    }
  }

  #lookAtStart(worker: RemoteWorker, time: number): void {
    const { startTimeout } = this.#options;
    if (time - worker.startedAt <= startTimeout) return;
    // Like one that does not end: it may never come to hear that it is to.
    this.#workers.giveUp(worker);
    this.startFailed({ name: worker.name, why: `it has not started within ${startTimeout} ms` });
    this.dispatchSoon();
  }

  #lookAtJob(worker: RemoteWorker, time: number): void {
    const job = worker.runningJob;
    if (job === undefined) return;
    const { grace, startTimeout } = this.#options;
    if (job.cancelled !== undefined) {
      if (time - job.cancelled.at > grace) this.#giveUp(worker, job);
    } else if (worker.loadingSince !== undefined) {
      if (time - worker.loadingSince > startTimeout + grace) {
        job.settle("failed", notLoaded(job, startTimeout));
        this.#giveUp(worker, job);
      }
    } else if (job.timeout !== Infinity) {
      job.seenAt ??= time;
      if (time - job.seenAt > job.timeout + grace) {
        job.settle(
          "failed",
          new TimeoutError(
            `Cannot finish "${job.name}" as its time is up: ${job.timeout} ms. Its worker was given up, as it did not answer`,
          ),
        );
        this.#giveUp(worker, job);
      }
    }
  }

  #giveUp(worker: RemoteWorker, { name }: RemoteJob): void {
    this.#workers.giveUp(worker);
    this.#bury(worker, { why: `it was given up, as "${name}" did not end` });
    this.dispatchSoon();
  }

  #overloaded(): string {
    return `Cannot hand a job to "${this.name}" as ${this.#workers.abandoned} of its workers were given up and run on, its 'maxAbandoned'. Give jobs that only compute a 'timeout', which interrupts them`;
  }
}

function notLoaded({ name }: RemoteJob, ms: number): NotPortableError {
  return new NotPortableError(
    `Cannot run "${name}" elsewhere as its module does not load there within ${ms} ms. What only the main program is to do belongs under 'if (import.meta.main)'`,
  );
}
