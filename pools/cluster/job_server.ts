/**
 * A worker of a cluster: it takes jobs, and runs so many at a time.
 *
 * @module
 */

import { nuid } from "@nats-io/nats-core";
import { currentScope, outside } from "../../primitives/kernel/context.ts";
import type { Account } from "../../primitives/kernel/inspected.ts";
import { Event } from "../../primitives/event.ts";
import { ClosedError } from "../../primitives/kernel/errors.ts";
import { limitScope, link, localsOf, unlink } from "../../primitives/kernel/scope.ts";
import { currentTask, startTask, type Task } from "../../primitives/kernel/task.ts";
import { moveOnAfter } from "../../primitives/move_on_after.ts";
import { shield } from "../../primitives/shield.ts";
import type { Executor } from "../executor.ts";
import type { AnyFunction } from "../job.ts";
import { type JobHost, JobScope, JobTask } from "../job_task.ts";
import type { ClusterWorker, ClusterWorkerStats } from "./cluster_worker.ts";
import { Assignment, type Desk, type StartOptions } from "./assignment.ts";
import type { Delivery } from "./delivery.ts";
import { Intake, type Taker } from "./intake.ts";
import { CLASSES, type JobClass } from "./layout.ts";
import { type JobMessage, readCancel } from "./messages.ts";
import type { ModuleList } from "./modules.ts";
import type { Session } from "./session.ts";
import { makeConsumers } from "./setup.ts";

/** What a worker is told: what `serveCluster` was, with all that was left out. */
export interface WorkerSettings {
  readonly name: string;
  readonly concurrency: number;
  readonly ackWait: number;
  readonly maxDeliver: number;
  readonly drain: number;
  readonly executor: Executor | undefined;
  readonly started: ((worker: ClusterWorker) => void) | undefined;
}

// So often in the time after which a job is given to another it is said that it is still worked on.
const BEATS = 4;

// And at least as often, in milliseconds: no timer takes longer than some weeks.
const LONGEST_BEAT = 60_000;

// So many results may be on their way to the server before no more jobs are taken: while it does
// not store them, they are kept here.
const MOST_UNSTORED = 1024;

// What has been answered has left after so many milliseconds, or never will.
const FAREWELL = 2000;

/** See above. */
export class JobServer implements ClusterWorker, Desk, JobHost, Taker {
  /** What it is called. */
  readonly name: string;
  readonly session: Session;
  readonly executor: Executor | undefined;
  readonly maxDeliver: number;
  readonly #settings: WorkerSettings;
  readonly #modules: ModuleList;
  readonly #scope: JobScope = new JobScope(this);
  readonly #jobs: Map<string, Assignment> = new Map();
  // Jobs of keys that are to be begun when another one of theirs has gone.
  readonly #next: Map<string, [Delivery, JobClass]> = new Map();
  // The first part of what runs are called.
  readonly #token: string = nuid.next();
  readonly #waiting: Record<JobClass, Assignment[]> = { high: [], normal: [], low: [] };
  readonly #changed: Event = new Event({ name: "jobs" });
  #intake!: Intake;
  #runs = 0;
  #running = 0;
  #done = 0;
  #redelivered = 0;
  #duplicates = 0;
  #buried = 0;
  #isStopping = false;
  /** Whether it is about to go: what is cancelled then is another's. */
  isLeaving = false;
  #failure: { error: unknown } | undefined;

  constructor(session: Session, modules: ModuleList, settings: WorkerSettings) {
    this.session = session;
    this.#modules = modules;
    this.#settings = settings;
    this.name = settings.name;
    this.executor = settings.executor;
    this.maxDeliver = settings.maxDeliver;
  }

  /** How it is doing: a frozen snapshot. */
  stats(): ClusterWorkerStats {
    return Object.freeze({
      running: this.#running,
      queued: this.#queued,
      done: this.#done,
      redelivered: this.#redelivered,
      duplicates: this.#duplicates,
      buried: this.#buried,
    });
  }

  async run(): Promise<void> {
    const { ackWait, drain, started } = this.#settings;
    const { session } = this;
    const prepare = () => makeConsumers(session.manager, session.layout, ackWait);
    await session.patience.ask(prepare);
    link(this.#scope, currentScope(), localsOf(currentScope()));
    const cancels = session.hear(session.layout.cancel("*.*"), (data, subject) => {
      this.#cancel(session.layout.idIn(subject) ?? "", readCancel(data));
    });
    const beat = outside(() =>
      setInterval(() => this.#beat(), Math.min(ackWait / BEATS, LONGEST_BEAT))
    );
    this.#intake = new Intake(session, this);
    session.onReconnected({ atOnce: () => this.#intake.restart(), ready: prepare });
    session.connection.closed().then((error) => this.#lost(error));
    try {
      started?.(this);
      this.#intake.refill();
      await this.#untilStopped();
      this.#stop();
      await moveOnAfter(drain, () => this.#idle());
    } finally {
      this.#stop();
      this.isLeaving = true;
      for (const { task } of this.#jobs.values()) task?.cancel("its worker is about to go");
      await shield(() => this.#untilNoneRuns());
      await shield(() => this.#leaveAll(), { timeout: FAREWELL }).catch(() => {});
      cancels.close();
      clearInterval(beat);
      this.#intake.end();
      unlink(this.#scope);
    }
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  account(): Account {
    const { connection } = this.session;
    const server = connection.isClosed() ? "none" : connection.getServer();
    return { kind: "worker of a cluster", details: { server, ...this.stats() } };
  }

  get room(): number {
    if (this.#isStopping || this.#isCrowded) return 0;
    return this.#settings.concurrency - this.#running - this.#queued;
  }

  take(delivery: Delivery, jobClass: JobClass): void {
    const id = this.session.layout.idIn(delivery.subject);
    // Not what the streams of a cluster can have.
    if (id === undefined) return delivery.done();
    if (delivery.count > 1) this.#redelivered++;
    const known = this.#jobs.get(id);
    if (known !== undefined) {
      // It has it already, and the server has not heard of it for long, or has forgotten it.
      if (known.delivery.seq === delivery.seq) known.delivery = delivery;
      // Its key was used again, when nobody waited for it any more.
      else this.#next.set(id, [delivery, jobClass]);
      return;
    }
    const job = new Assignment(this, id, `${this.#token}${++this.#runs}`, delivery, jobClass);
    this.#jobs.set(id, job);
    if (this.#isStopping) job.giveBack();
    else if (this.#running < this.#settings.concurrency) this.#begin(job);
    else this.#waiting[jobClass].push(job);
  }

  functionOf(message: JobMessage): AnyFunction {
    return this.#modules.functionOf({ module: message.module, name: message.fn }, this.name);
  }

  start(job: Assignment, name: string, fn: () => unknown, { timeout, locals }: StartOptions): void {
    const task = job.task = new JobTask(name, job);
    limitScope(task, { timeout });
    link(task, this.#scope, locals);
    startTask(task as Task, fn as () => Promise<unknown>);
  }

  jobEnded(task: JobTask, outcome: unknown): void {
    (task.job as Assignment).ended(task, outcome);
  }

  callbackFailed(error: unknown): void {
    reportError(error);
  }

  abandoned(): void {}

  wasDone(): void {
    this.#duplicates++;
  }

  wasBuried(): void {
    this.#buried++;
  }

  leave(): void {
    this.#running--;
    this.#beginNext();
  }

  gone(job: Assignment, isDone: boolean): void {
    const wasCrowded = this.#isCrowded;
    if (!this.#jobs.delete(job.id)) return;
    if (isDone) this.#done++;
    const next = this.#next.get(job.id);
    if (next !== undefined) {
      this.#next.delete(job.id);
      this.take(...next);
    }
    if (wasCrowded) this.#intake.refill();
    if (this.#jobs.size === 0) this.#changed.set();
  }

  get #isCrowded(): boolean {
    return this.#jobs.size - this.#running - this.#queued >= MOST_UNSTORED;
  }

  get #queued(): number {
    const { high, normal, low } = this.#waiting;
    return high.length + normal.length + low.length;
  }

  #begin(job: Assignment): void {
    this.#running++;
    outside(() => job.begin());
  }

  // That one alone: the same key may have been used again.
  #cancel(id: string, seq: number): void {
    const [next] = this.#next.get(id) ?? [];
    if (next?.seq === seq) {
      this.#next.delete(id);
      return next.done();
    }
    const job = this.#jobs.get(id);
    if (job?.delivery.seq !== seq) return;
    for (const jobClass of CLASSES) {
      const waiting = this.#waiting[jobClass];
      const place = waiting.indexOf(job);
      if (place < 0) continue;
      waiting.splice(place, 1);
      return job.drop();
    }
    job.cancel();
  }

  #beginNext(): void {
    if (this.#isStopping) return;
    for (const jobClass of CLASSES) {
      const job = this.#waiting[jobClass].shift();
      if (job !== undefined) return this.#begin(job);
    }
    // Once for all those that end in this turn.
    queueMicrotask(() => this.#intake.refill());
  }

  #beat(): void {
    for (const { delivery } of this.#jobs.values()) delivery.isInProgress();
    for (const [delivery] of this.#next.values()) delivery.isInProgress();
  }

  #lost(error: void | Error): void {
    this.#failure ??= {
      error: new ClosedError(
        `Cannot go on with the worker "${this.name}" as its connection was closed: ${
          error?.message ?? "by its owner"
        }`,
      ),
    };
    this.#changed.set();
  }

  async #untilStopped(): Promise<void> {
    try {
      while (this.#failure === undefined) {
        await this.#changed.wait({ endOnStop: true });
        this.#changed.clear();
      }
    } catch (error) {
      if (!(error instanceof ClosedError) || !currentTask().stopping) throw error;
    }
  }

  #stop(): void {
    this.#isStopping = true;
    this.#intake.close();
    for (const jobClass of CLASSES) {
      for (const job of this.#waiting[jobClass].splice(0)) job.giveBack();
    }
  }

  async #idle(): Promise<void> {
    while (this.#jobs.size > 0 && this.#failure === undefined) {
      this.#changed.clear();
      await this.#changed.wait();
    }
  }

  /** Waits for those that have begun, however long they take: nothing outlives what has started it. */
  async #untilNoneRuns(): Promise<void> {
    for (const { task } of [...this.#jobs.values()]) await task?.join();
  }

  /** Waits until all jobs have gone, and what was said of them. */
  async #leaveAll(): Promise<void> {
    await this.#idle();
    await this.session.takeLeave(() => this.session.connection.flush());
  }
}
