/**
 * Hands jobs to a cluster and takes their results.
 *
 * A job is put into a stream of the server, and its result comes in another: stored, and told to
 * whoever listens in the same moment. What was told while the connection was lost is looked up.
 *
 * @module
 */

import { JetStreamApiError } from "@nats-io/jetstream";
import { nuid } from "@nats-io/nats-core";
import { currentScope, outside } from "../../primitives/kernel/context.ts";
import type { Account } from "../../primitives/kernel/inspected.ts";
import { packLocals } from "../../primitives/kernel/portable_locals.ts";
import { localsOf } from "../../primitives/kernel/scope.ts";
import { Crew, type Sink } from "../crew.ts";
import { streamOf } from "../stream_of.ts";
import { NotPortableError, OverloadedError } from "../errors.ts";
import type { PoolOptions, PoolStats } from "../executor.ts";
import type { JobEnd } from "../future.ts";
import type { AnyFunction, Job } from "../job.ts";
import { type Cargo, ClusterJob, type ClusterJobOptions, type Place } from "./cluster_job.ts";
import { type DeadJob, deadJobs } from "./dead_jobs.ts";
import { Inbound } from "./inbound.ts";
import { classOf, keyedId } from "./layout.ts";
import { type JobMessage, write, writeCancel } from "./messages.ts";
import { isFull, isThere, NO_ROOM, NOT_FIRST } from "./outbox.ts";
import type { ModuleList } from "./modules.ts";
import { packValues } from "./packing.ts";
import type { Session } from "./session.ts";
import { CREDIT, StreamIn } from "./stream_in.ts";

/** How a `ClusterPool` is doing. The jobs of others in the same cluster do not count. */
export interface ClusterPoolStats extends PoolStats {
  /** How many jobs have ended that were given to a worker more than once, as one was lost. */
  readonly redelivered: number;
  /** How many results have come of jobs that had ended: so many were run more than once. */
  readonly duplicates: number;
  /** How many messages have come that nobody can have sent who keeps to the rules. */
  readonly malformed: number;
  /** How many jobs were cancelled and did not say within `grace` that they had ended. */
  readonly abandoned: number;
}

/** What a crew is told: what its pool was, with all that was left out. */
export interface ClusterCrewOptions extends PoolOptions {
  readonly window: number;
  readonly grace: number;
}

// What a server says while its cluster chooses one to lead.
const NO_LEADER = 10008;

// Milliseconds between two attempts to put a job where there is no room.
const FIRST_PAUSE = 50;
const LONGEST_PAUSE = 1000;

/** See above. */
export class ClusterCrew extends Crew<ClusterJob> {
  readonly #session: Session;
  readonly #modules: ModuleList;
  readonly #options: ClusterCrewOptions;
  readonly #inbound: Inbound;
  readonly #timers: Set<ReturnType<typeof setTimeout>> = new Set();
  // Of jobs that have keys: what is done for the next one of a key comes after that.
  readonly #turns: Map<string, Promise<void>> = new Map();
  #counter = 0;
  #abandoned = 0;

  constructor(session: Session, modules: ModuleList, options: ClusterCrewOptions) {
    super(options);
    this.#session = session;
    this.#modules = modules;
    this.#options = options;
    this.#inbound = new Inbound(session);
  }

  /** The jobs of the cluster that no worker could end. */
  dead(): AsyncIterable<DeadJob> {
    return deadJobs(this.#session);
  }

  override counts(): ClusterPoolStats {
    const { redelivered, duplicates, malformed } = this.#inbound;
    return { ...super.counts(), redelivered, duplicates, malformed, abandoned: this.#abandoned };
  }

  override account(): Account {
    const workers = Map.groupBy(this.#inbound.runningJobs(), ({ place }) => place!.worker!);
    const parts = Array.from(workers, ([name, jobs]): Account => ({
      kind: "machine",
      name,
      parts: jobs.map(({ name }) => ({ kind: "job", name, state: "running" })),
    }));
    const { connection } = this.#session;
    const server = connection.isClosed() ? "none" : connection.getServer();
    return { kind: "pool", details: { server, ...this.counts() }, parts };
  }

  protected override get places(): number {
    return this.#options.window;
  }

  override get appetite(): number {
    return this.#options.window;
  }

  protected override get running(): number {
    return this.#inbound.running;
  }

  protected override prepare(
    fn: AnyFunction,
    args: readonly unknown[],
    options: ClusterJobOptions,
    sink?: Sink,
  ): ClusterJob {
    const { key, timeout } = options;
    const { module, name } = this.#modules.nameOf(fn);
    const around = packLocals(localsOf(currentScope()));
    for (const [local, value] of around ?? []) {
      packValues([value], () => `the TaskLocal "${local}"`);
    }
    const called = options.name ?? name;
    const message: JobMessage = {
      module,
      fn: name,
      name: called,
      args: packValues(args, (i) => `arguments[${i}]`),
      timeout: timeout === Infinity ? undefined : timeout,
      locals: around,
      credit: sink && CREDIT,
    };
    const cargo: Cargo = {
      id: key === undefined
        ? `${this.#inbound.client}.${(this.#counter++).toString(36)}`
        : keyedId(key, `hand a job to "${this.name}"`),
      isKeyed: key !== undefined,
      message,
      stream: sink && new StreamIn(called, sink),
    };
    return new ClusterJob(this, fn, args, options, cargo);
  }

  protected override admit(job: ClusterJob): void {
    if (this.#inbound.size < this.#options.window) this.#place(job);
    else this.queue.add(job);
  }

  override jobSettled(job: Job, state: JobEnd, noticed: boolean): void {
    super.jobSettled(job, state, noticed);
    const { place } = job as ClusterJob;
    if (place === undefined) return;
    (job as ClusterJob).place = undefined;
    if (!this.#inbound.leave(place, job as ClusterJob)) return;
    // It may have been told of the end of another one of its key: then its own is still there.
    const isLeft = state === "cancelled" && !place.isWithdrawn && place.isKeyed && place.isStored;
    if (isLeft) this.#inTurn(place, () => this.#takeBack(place));
    this.#next();
  }

  protected override cancelPlaced(job: ClusterJob, reason: unknown): void {
    if (job.cancelled !== undefined) return;
    job.cancelled = { reason };
    const place = job.place!;
    if (place.jobs.size > 1 || isGuest(place)) job.ended(reason);
    else this.#withdraw(place, job);
  }

  protected override cancelAllPlaced(reason: unknown, onlyUnstarted: boolean): void {
    for (const job of [...this.#inbound.jobs()]) {
      if (!onlyUnstarted || !job.hasStarted) this.cancelPlaced(job, reason);
    }
  }

  protected override async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    await this.#inbound.close();
    await this.#session.close();
  }

  override jobEnded(): void {} // Its jobs are no tasks of this machine.

  override stream<T>(
    options: ClusterJobOptions,
    fn: AnyFunction,
    args: readonly unknown[],
  ): AsyncIterable<T> {
    if (options.key !== undefined) {
      throw new TypeError(
        `Cannot stream in "${this.name}" as it was told a 'key': what a stream yields is not kept. Leave the key out`,
      );
    }
    return streamOf(CREDIT, (sink) => this.run(options, fn, args, sink));
  }

  #next(): void {
    while (this.queue.size > 0 && this.#inbound.size < this.#options.window) {
      this.#place(this.queue.shift()!);
    }
  }

  #place(job: ClusterJob): void {
    const { isNew, place } = this.#inbound.enter(job, classOf(job.priority));
    job.place = place;
    if (isNew) this.#inTurn(place, () => this.#put(job, place));
  }

  #inTurn(place: Place, step: () => Promise<void>): void {
    outside(() => place.isKeyed ? this.#takeTurn(place.id, step) : step());
  }

  async #takeTurn(id: string, step: () => Promise<void>): Promise<void> {
    const turn = (this.#turns.get(id) ?? Promise.resolve()).then(step);
    this.#turns.set(id, turn);
    await turn;
    if (this.#turns.get(id) === turn) this.#turns.delete(id);
  }

  /** Puts a job where workers find it. */
  async #put(job: ClusterJob, place: Place): Promise<void> {
    const { id, jobClass } = place;
    const { outbox, layout, inputs, largest } = this.#session;
    let { message } = job.cargo;
    try {
      if (place.isWithdrawn) return this.#inbound.cancelled(place);
      // One with a key may be there, or be done, for long.
      if (place.isKeyed && await this.#inbound.isKnown(place)) return;
      let data = write(message);
      if (data.length > largest) {
        const input = place.input = nuid.next();
        await inputs.put(layout.input(id, input), message.args!);
        message = { ...message, args: undefined, input };
        data = write(message);
        if (data.length > largest) throw tooLarge(job);
      }
      const subject = layout.job(jobClass, id);
      const nonce = `${id}.${this.#inbound.client}.${this.#counter++}`;
      for (let pause = FIRST_PAUSE;; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
        // It may have been told of an end meanwhile: of what another has put there.
        if (place.isWithdrawn || place.jobs.size === 0) {
          this.#inbound.cancelled(place);
          return await this.#forgetInput(place);
        }
        const { seq, refused } = await outbox.store({ subject, data, id: nonce, ends: [NO_ROOM] });
        place.seq = seq;
        if (refused === undefined) break;
        if (isThere(refused)) {
          place.seq = await this.#ownSeq(subject, nonce);
          // Somebody else has handed in a job with that key, with the arguments of it.
          if (place.seq === 0) await this.#forgetInput(place);
          break;
        }
        if (!isFull(refused)) throw new Error(this.#refused(job, refused.text));
        if (!job.isAwaited) throw new OverloadedError(this.#full());
        await this.#pause(pause);
      }
      place.isStored = true;
      const isUnwanted = place.isWithdrawn || place.isKeyed && place.jobs.size === 0;
      if (isUnwanted) await this.#takeBack(place);
      // It may have ended between that question and this answer, and was told of then.
      else if (place.isKeyed) await this.#inbound.lookUp(place);
    } catch (error) {
      this.#inbound.failed(place, error);
      if (!place.isStored) await this.#forgetInput(place).catch(() => {}); // Only room is lost by that.
    }
  }

  /**
   * The number of what is there; 0 where it is another's. The server knows what is sent again by its
   * nonce, but not for long: the connection may have been lost for longer before the answer came.
   */
  async #ownSeq(subject: string, nonce: string): Promise<number> {
    const { manager: { streams }, layout, patience } = this.#session;
    const query = { last_by_subj: subject };
    const stored = await patience.ask(() => streams.getMessage(layout.jobs, query));
    return stored?.header.get("Nats-Msg-Id") === nonce ? stored.seq : 0;
  }

  /** Takes a job out of the cluster, or has the worker end it that runs it. */
  #withdraw(place: Place, job: ClusterJob): void {
    place.isWithdrawn = true;
    if (!place.isStored && place.worker === undefined) {
      job.ended(undefined);
      return;
    }
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (job.isOver) return;
      this.#abandoned++;
      // Also those that have come to it meanwhile, by its key.
      this.#inbound.cancelled(place);
    }, this.#options.grace);
    this.#timers.add(timer);
    // Until the server has answered it may be another's that a worker runs: that is left alone.
    if (place.isStored) this.#inTurn(place, () => this.#takeBack(place));
  }

  /** Takes a job out of the cluster that nobody here waits for. */
  async #takeBack(place: Place): Promise<void> {
    if (isGuest(place)) return await this.#stayGuest(place);
    if (!await this.#remove(place)) return;
    const end = async () => {
      // Nobody else would tell those that wait for the same key elsewhere. Before the key can be
      // used again here.
      if (place.isKeyed) await this.#tellCancelled(place).catch(() => {});
      this.#inbound.cancelled(place);
    };
    if (place.worker === undefined) await end();
    // It says how the job has ended; or that it has given it back, and then nobody else runs it.
    else place.returned = () => this.#inTurn(place, end);
  }

  /** Lets go those that were cancelled. Others may have come by the same key meanwhile. */
  async #stayGuest(place: Place): Promise<void> {
    for (const job of [...place.jobs]) if (job.cancelled !== undefined) job.ended(undefined);
    place.isWithdrawn = false;
    // It may have ended already, as for all that are put.
    if (place.jobs.size > 0) await this.#inbound.lookUp(place);
  }

  /** Returns whether it was there, so that it has not ended. */
  async #remove(place: Place): Promise<boolean> {
    const { id, seq } = place;
    const { manager, layout, patience } = this.#session;
    const take = () => manager.streams.deleteMessage(layout.jobs, seq, false);
    // There may be no server that could say.
    const wasThere = await patience.ask(() => take().catch(noneIfRefused)).catch(() => false);
    // After that: else a worker might be given it that has not heard of this. Before what it was
    // given goes: else a worker might miss that, and not know why.
    this.#session.tell(layout.cancel(id), writeCancel(seq));
    if (wasThere && place.worker === undefined) await this.#forgetInput(place).catch(() => {});
    return wasThere;
  }

  async #tellCancelled({ id }: Place): Promise<void> {
    const { outbox, layout } = this.#session;
    const data = write({ end: "cancelled", worker: "none", run: "", deliveries: 0 });
    const subject = layout.result(id);
    await outbox.store({ subject, data, id: nuid.next(), first: true, ends: [NOT_FIRST] });
  }

  async #forgetInput({ id, input }: Place): Promise<void> {
    const { inputs, layout } = this.#session;
    if (input !== undefined) await inputs.delete(layout.input(id, input));
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        resolve();
      }, ms);
      this.#timers.add(timer);
    });
  }

  #refused({ name }: ClusterJob, why: string): string {
    return `Cannot hand the job "${name}" to "${this.name}" as the server does not store it: ${why}. Look at the limits of the stream ${this.#session.layout.jobs}`;
  }

  #full(): string {
    return `Cannot hand a job to "${this.name}" as its cluster has as many as it may have, its 'maxJobs'. Wait for some of them, or use run(), which waits`;
  }
}

/** What the server refuses to take out is not there: it has been done. */
function noneIfRefused(error: unknown): false {
  if (error instanceof JetStreamApiError && error.code !== NO_LEADER) return false;
  throw error;
}

/** Whether the job of its key was put there by another pool. */
function isGuest({ isStored, seq }: Place): boolean {
  return isStored && seq === 0;
}

function tooLarge({ name }: ClusterJob): NotPortableError {
  return new NotPortableError(
    `Cannot send "${name}" to another machine as what it takes along besides its arguments is too large. Make its TaskLocals smaller`,
  );
}
