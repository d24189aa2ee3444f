/**
 * Runs jobs on worker threads.
 *
 * Jobs go to the workers in batches, as a message costs as much as many small jobs; a batch has as
 * many as the pool expects a worker to do in two milliseconds, from what it has seen of their
 * functions. What it has not seen goes alone. A lone job waits for nothing.
 *
 * @module
 */

import { currentScope } from "../../primitives/kernel/context.ts";
import { TimeoutError } from "../../primitives/kernel/errors.ts";
import { packLocals } from "../../primitives/kernel/portable_locals.ts";
import { localsOf } from "../../primitives/kernel/scope.ts";
import { GroupIterator } from "../../primitives/group_iterator.ts";
import type { TreeNode } from "../../primitives/inspect.ts";
import { Crew, type Sink } from "../crew.ts";
import { OverloadedError, WorkerCrashedError } from "../errors.ts";
import type { JobOptions, PoolOptions, PoolStats } from "../executor.ts";
import { cancelledJob } from "../future.ts";
import type { AnyFunction } from "../job.ts";
import { checkPortable, encodingOf } from "../payload.ts";
import { type FunctionReference, isLoadingModule, referenceTo } from "../portable.ts";
import { type Callee, WorkerJob } from "./job.ts";
import { onceReleased, unwatch, watch, type Watched } from "./liveness.ts";
import type { JobExtras } from "./protocol.ts";
import { type Death, Thread, type ThreadHost } from "./thread.ts";

/** What a crew of workers is told: what its pool was, with all that was left out. */
export interface WorkerCrewOptions extends PoolOptions {
  readonly min: number;
  readonly max: number;
  readonly idleTimeout: number;
  readonly maxJobsPerWorker: number;
  readonly startTimeout: number;
  readonly grace: number;
  readonly maxAbandoned: number;
  readonly permissions?: unknown;
  readonly onStart: FunctionReference | undefined;
}

/** How the workers are doing. */
interface WorkerCounts extends PoolStats {
  readonly workers: number;
  readonly idle: number;
  readonly crashed: number;
  readonly abandoned: number;
}

// Milliseconds. What a batch may hold up, what a worker may be silent before what it has not
// started goes elsewhere, and how long one is waited for that is asked for its tasks.
const BATCH = 2;
const STALLED = 3;
const ANSWER = 100;

// One that is worked on, and one that is there when it is done. With more, batches fall apart into
// ever smaller ones.
const MOST_MESSAGES = 2;

// How much a batch counts in the mean time of a function.
const WEIGHT = 0.2;

// How far a stream runs ahead, in items, and how many jobs `map` keeps on their way to each worker.
const CREDIT = 64;
const APPETITE = 32;

// After a worker that could not start, in milliseconds, where others can do the work.
const RETRY = 1000;

/** See above. */
export class WorkerCrew extends Crew<WorkerJob> implements ThreadHost, Watched {
  readonly #options: WorkerCrewOptions;
  readonly #threads: Set<Thread> = new Set();
  readonly #callees: Map<FunctionReference, Callee> = new Map();
  readonly #byNumber: Callee[] = [];
  #isFlushing = false;
  #checkTimer: ReturnType<typeof setTimeout> | undefined;
  #idleTimer: ReturnType<typeof setTimeout> | undefined;
  #startFailedAt = -Infinity;
  #started = 0;
  #crashed = 0;
  #abandoned = 0;

  constructor(options: WorkerCrewOptions) {
    super(options);
    this.#options = options;
    if (!isLoadingModule()) { while (this.#threads.size < options.min) this.#startThread(); }
  }

  override counts(): WorkerCounts {
    const threads = [...this.#threads];
    return {
      ...super.counts(),
      workers: threads.length,
      idle: threads.filter(({ state, isIdle }) => state === "ready" && isIdle).length,
      crashed: this.#crashed,
      abandoned: this.#abandoned,
    };
  }

  /** The trees of tasks of the workers. */
  inspect(): Promise<{ worker: string; tree: TreeNode | undefined }[]> {
    return Promise.all([...this.#threads].map(async (thread) => {
      let timer: ReturnType<typeof setTimeout>;
      const late = new Promise<undefined>((resolve) =>
        timer = setTimeout(() => resolve(undefined), ANSWER)
      );
      const tree = await Promise.race([thread.inspect(), late]);
      clearTimeout(timer!);
      return { worker: thread.name, tree };
    }));
  }

  protected override get places(): number {
    return this.#options.max;
  }

  override get appetite(): number {
    return this.#options.max * APPETITE;
  }

  protected override get running(): number {
    let running = 0;
    for (const { jobs } of this.#threads) {
      for (const job of jobs) if (job.hasStarted) running++;
    }
    return running;
  }

  protected override prepare(
    fn: AnyFunction,
    args: readonly unknown[],
    options: JobOptions,
    sink?: Sink,
  ): WorkerJob {
    if (isLoadingModule()) {
      throw new Error(
        `Cannot hand a job to "${this.name}" while a worker loads the module that does so: each worker would do it again, without end. Do it under 'if (import.meta.main)'`,
      );
    }
    if (this.#abandoned >= this.#options.maxAbandoned) {
      throw new OverloadedError(this.#overloaded());
    }
    const callee = this.#calleeOf(fn);
    const locals = localsOf(currentScope());
    const extras = extrasOf(options, locals === null ? undefined : packLocals(locals), sink);
    const encoding = encodingOf(args);
    const moved = encoding === "clone" ? checkPortable(args, (i) => `arguments[${i}]`) : [];
    const travel = { callee, encoding, moved, extras, sink };
    return new WorkerJob(this, fn, args, options, locals, travel);
  }

  protected override admit(job: WorkerJob): void {
    this.queue.add(job);
    watch(this);
    this.#dispatchSoon();
  }

  protected override cancelPlaced(job: WorkerJob, reason: unknown): void {
    if (job.cancelled !== undefined) return;
    const { thread } = job;
    if (thread === undefined || thread.takeBack(job)) {
      job.settle("cancelled", cancelledJob(job.name, reason));
    } else {
      job.cancelled = { reason, at: performance.now() };
      thread.cancel(job);
    }
  }

  protected override cancelAllPlaced(reason: unknown, onlyUnstarted: boolean): void {
    for (const { jobs } of this.#threads) {
      for (const job of jobs) {
        if (!onlyUnstarted || !job.hasStarted) this.cancelPlaced(job, reason);
      }
    }
  }

  protected override async close(): Promise<void> {
    clearTimeout(this.#idleTimer);
    clearTimeout(this.#checkTimer);
    for (const thread of this.#threads) thread.end();
    this.#threads.clear();
    await unwatch(this);
  }

  override jobEnded(): void {} // Its jobs are no tasks of this thread.

  override stream<T>(
    options: JobOptions,
    fn: AnyFunction,
    args: readonly unknown[],
  ): AsyncIterable<T> {
    return new GroupIterator<T>("stream", CREDIT / 2, (group, outlet) => {
      const sink: Sink = (items, grant) => {
        for (const item of items) outlet.put(item as T);
        if (outlet.full) group.spawn(() => outlet.drained().then(grant), { name: "demand" });
        else grant();
      };
      group.spawn(() => this.run(options, fn, args, sink), { name: "stream" });
    });
  }

  threadReady(): void {
    this.#dispatch();
  }

  threadHeard(thread: Thread): void {
    if (thread.isIdle) {
      if (thread.total >= this.#options.maxJobsPerWorker) {
        this.#threads.delete(thread);
        thread.end();
      } else this.#watchIdle();
    }
    // Not at once: those whose jobs have ended hand in their next ones first.
    this.#dispatchSoon();
  }

  jobsTook(number: number, count: number, ms: number): void {
    const callee = this.#byNumber[number];
    const mean = ms / count;
    callee.mean = callee.mean === undefined ? mean : callee.mean + WEIGHT * (mean - callee.mean);
  }

  threadDied(thread: Thread, death: Death): void {
    this.#threads.delete(thread);
    this.#crashed++;
    this.#bury(thread, death);
    if (!death.wasReady) this.#startFailed(thread, death);
    this.#dispatchSoon();
  }

  look(held: ReadonlySet<string>, time: number): boolean {
    for (const thread of this.#threads) {
      if (thread.state === "starting") {
        if (time - thread.startedAt > this.#options.startTimeout) {
          thread.die(`it has not started within ${this.#options.startTimeout} ms`);
        }
      } else if (thread.readyAt < time && !held.has(thread.lock)) {
        // Its last words may be here and not yet heard: it is dead when they have not come by the
        // next time.
        if (thread.isMissed) thread.die("it has exited without a word");
        else thread.isMissed = true;
      } else if (!thread.isIdle) this.#lookAtJobs(thread, time);
    }
    return this.alive > 0;
  }

  #calleeOf(fn: AnyFunction): Callee {
    const reference = referenceTo(fn);
    let callee = this.#callees.get(reference);
    if (callee === undefined) {
      callee = { number: this.#byNumber.length, reference, mean: undefined };
      this.#callees.set(reference, callee);
      this.#byNumber.push(callee);
    }
    return callee;
  }

  // All that is handed in before the running code comes to an end goes in one message.
  #dispatchSoon(): void {
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
      for (const thread of this.#threads) {
        if (thread.state !== "ready" || thread.messages !== messages) continue;
        const jobs = this.#nextFor(thread);
        if (jobs.length > 0) thread.send(jobs);
      }
    }
    this.#grow();
    this.#checkLater();
  }

  /** The jobs for the next message to a worker. */
  #nextFor(thread: Thread): WorkerJob[] {
    const share = Math.ceil(this.alive / this.#options.max);
    // As long as it is busy, what has come can wait for more to come: small messages beget small
    // messages, as what is done in a message is handed in anew together.
    if (!thread.isIdle && this.queue.size < share) return [];
    const most = Math.min(share, thread.room, this.#options.maxJobsPerWorker - thread.total);
    const jobs: WorkerJob[] = [];
    let load = 0;
    while (jobs.length < most) {
      const job = this.queue.shift();
      if (job === undefined) break;
      const { mean = Infinity } = job.travel.callee;
      const fits = jobs.length > 0
        ? load + mean <= BATCH
        : thread.isIdle || mean <= BATCH / MOST_MESSAGES;
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
    for (const thread of this.#threads) {
      if (thread.count > 1 && now - thread.heardAt > STALLED) this.#takeBackAll(thread);
    }
  }

  #takeBackAll(thread: Thread): void {
    const jobs = thread.jobs.filter((job) => job.isRepeatable && thread.takeBack(job));
    for (const job of jobs.reverse()) this.queue.putBack(job);
  }

  // Nothing may happen by itself by which it would show that a worker does not get on.
  #checkLater(): void {
    if (this.#checkTimer !== undefined || !this.#hasWaiting()) return;
    this.#checkTimer = setTimeout(() => {
      this.#checkTimer = undefined;
      this.#dispatch();
    }, STALLED + 1);
  }

  /** Whether a worker has jobs that it has not started, and another one could do them. */
  #hasWaiting(): boolean {
    let isWaiting = false;
    let isFree = this.#threads.size < this.#options.max;
    for (const thread of this.#threads) {
      isWaiting ||= thread.count > 1;
      isFree ||= thread.isIdle;
    }
    return isWaiting && isFree;
  }

  #grow(): void {
    if (this.queue.size === 0) return;
    if (this.#abandoned >= this.#options.maxAbandoned) {
      if (this.#threads.size === 0) this.#failQueued(new OverloadedError(this.#overloaded()));
      return;
    }
    const isRetry = performance.now() - this.#startFailedAt < RETRY;
    if (isRetry && this.#threads.size > 0) return;
    let starting = 0;
    for (const { state } of this.#threads) if (state === "starting") starting++;
    const most = Math.min(this.queue.size - starting, this.#options.max - this.#threads.size);
    for (let i = 0; i < most; i++) this.#startThread();
  }

  #startThread(): void {
    this.#threads.add(
      new Thread(this, {
        name: `${this.name}-${++this.#started}`,
        permissions: this.#options.permissions,
        loadTimeout: this.#options.startTimeout,
        onStart: this.#options.onStart,
      }),
    );
  }

  #startFailed({ name }: Thread, { why, exitCode, cause }: Death): void {
    this.#startFailedAt = performance.now();
    if (this.#threads.size > 0) return;
    this.#failQueued(
      new WorkerCrashedError(`Cannot start the worker "${name}": ${why}`, exitCode, cause),
    );
  }

  #failQueued(error: Error): void {
    for (let job = this.queue.shift(); job !== undefined; job = this.queue.shift()) {
      job.settle("failed", error);
    }
  }

  /** Says what becomes of the jobs of a worker that is gone. */
  #bury(thread: Thread, { why, exitCode, cause }: Death): void {
    this.#takeBackAll(thread);
    for (const job of thread.jobs) {
      if (job.cancelled !== undefined) job.ended(undefined);
      else {
        const text = `Cannot finish "${job.name}" as its worker "${thread.name}" is gone: ${why}`;
        job.settle("failed", new WorkerCrashedError(text, exitCode, cause));
      }
    }
  }

  #lookAtJobs(thread: Thread, now: number): void {
    for (const job of thread.jobs) {
      if (!job.hasStarted) break;
      if (job.cancelled !== undefined) {
        if (now - job.cancelled.at > this.#options.grace) this.#giveUp(thread, job);
      } else if (job.timeout !== Infinity) {
        job.seenAt ??= now;
        if (now - job.seenAt > job.timeout + this.#options.grace) this.#giveUp(thread, job);
      }
    }
  }

  #giveUp(thread: Thread, job: WorkerJob): void {
    this.#threads.delete(thread);
    this.#crashed++;
    this.#abandoned++;
    onceReleased(thread.lock, () => this.#abandoned--);
    thread.end();
    if (job.cancelled === undefined) {
      const text =
        `Cannot finish "${job.name}" as its time is up: ${job.timeout} ms. Its worker was given up, as it did not answer`;
      job.settle("failed", new TimeoutError(text));
    }
    this.#bury(thread, { wasReady: true, why: `it was given up, as "${job.name}" did not end` });
    this.#dispatchSoon();
  }

  #watchIdle(): void {
    if (this.#idleTimer !== undefined || this.#options.idleTimeout === Infinity) return;
    if (this.#threads.size <= this.#options.min) return;
    const timer = this.#idleTimer = setTimeout(() => {
      this.#idleTimer = undefined;
      this.#endIdle(performance.now());
      for (const { isIdle } of this.#threads) if (isIdle) this.#watchIdle();
    }, this.#options.idleTimeout);
    (timer as unknown as { unref?(): void }).unref?.();
  }

  #endIdle(now: number): void {
    for (const thread of this.#threads) {
      if (this.#threads.size <= this.#options.min) return;
      if (!thread.isIdle || now - thread.heardAt < this.#options.idleTimeout) continue;
      this.#threads.delete(thread);
      thread.end();
    }
  }

  #overloaded(): string {
    return `Cannot hand a job to "${this.name}" as ${this.#abandoned} of its workers were given up and run on, its 'maxAbandoned'. Give jobs that only compute a 'timeout', which interrupts them`;
  }
}

/** What a job is to be told besides its arguments; `undefined` for most. */
function extrasOf(
  { name, timeout }: JobOptions,
  locals: [name: string, value: unknown][] | undefined,
  sink: Sink | undefined,
): JobExtras | undefined {
  const isLimited = timeout !== undefined && timeout !== Infinity;
  if (name === undefined && !isLimited && locals === undefined && sink === undefined) {
    return undefined;
  }
  for (const [name, value] of locals ?? []) checkPortable([value], () => `the TaskLocal "${name}"`);
  return {
    name,
    timeout: isLimited ? timeout : undefined,
    locals,
    credit: sink === undefined ? undefined : CREDIT,
  };
}
