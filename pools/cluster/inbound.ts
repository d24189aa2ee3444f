/**
 * What comes from a cluster for the jobs of one pool: who runs them, what they report and yield,
 * and how they end.
 *
 * @module
 */

import { nuid } from "@nats-io/nats-core";
import { MalformedError } from "../../primitives/codec/malformed_error.ts";
import { ClosedError } from "../../primitives/kernel/errors.ts";
import { outside } from "../../primitives/kernel/context.ts";
import { type ClusterJob, Place } from "./cluster_job.ts";
import type { JobClass } from "./layout.ts";
import { readEvent, readResult, type ResultMessage } from "./messages.ts";
import { unpackError, unpackValues } from "./packing.ts";
import { ResultBroom } from "./result_broom.ts";
import type { Session } from "./session.ts";

// How often it is looked up what nobody has told, in milliseconds.
const SWEEP = 5000;

// Of so many jobs that have ended it is known whether they end again.
const MOST_ENDED = 4096;

/** See above. */
export class Inbound {
  /** The first token of the ids of the pool's jobs. */
  readonly client: string = nuid.next();
  redelivered = 0;
  duplicates = 0;
  malformed = 0;
  readonly #session: Session;
  readonly #broom: ResultBroom;
  readonly #places: Map<string, Place> = new Map();
  readonly #ended: Map<string, string> = new Map();
  #sweepTimer: ReturnType<typeof setTimeout> | undefined;
  #sweeping: Promise<void> | undefined;
  #isClosed = false;

  constructor(session: Session) {
    this.#session = session;
    this.#broom = new ResultBroom(session, `${this.client}.*`);
    this.#hear(`${this.client}.*`);
    session.onReconnected({ ready: () => this.#sweepNow(0) });
    session.connection.closed().then((error) => this.#closed(error));
  }

  /** How many places are taken. */
  get size(): number {
    return this.#places.size;
  }

  /** How many jobs run. */
  get running(): number {
    let running = 0;
    for (const _ of this.runningJobs()) running++;
    return running;
  }

  /** The jobs that run. */
  *runningJobs(): Iterable<ClusterJob> {
    for (const job of this.jobs()) if (job.hasStarted) yield job;
  }

  /** The jobs that have a place. */
  *jobs(): Iterable<ClusterJob> {
    for (const { jobs } of this.#places.values()) yield* jobs;
  }

  /** Gives a job its place: a new one, or the one that its key has already. */
  enter(job: ClusterJob, jobClass: JobClass): { isNew: boolean; place: Place } {
    const { id, isKeyed } = job.cargo;
    let place = this.#places.get(id);
    const isNew = place === undefined;
    if (place === undefined) {
      place = new Place(job.cargo, jobClass);
      this.#places.set(id, place);
      if (isKeyed) place.close = this.#hear(id);
      place.stream?.open((demand) => {
        this.#session.tell(this.#session.layout.demand(id), demand);
      });
      this.#sweepLater();
    }
    place.jobs.add(job);
    return { isNew, place };
  }

  /** A job has ended. Returns whether its place is free again. */
  leave(place: Place, job: ClusterJob): boolean {
    place.jobs.delete(job);
    if (place.jobs.size > 0 || !this.#places.delete(place.id)) return false;
    place.close();
    place.stream?.close();
    if (this.#places.size === 0) {
      clearTimeout(this.#sweepTimer);
      this.#sweepTimer = undefined;
    }
    return true;
  }

  /** Whether a job with a key has ended already, whoever has handed it in. */
  async isKnown(place: Place): Promise<boolean> {
    const { manager, layout } = this.#session;
    const stored = await this.#session.resultOf(place.id);
    if (stored === undefined) return false;
    if (stored.result.end === "cancelled") {
      // Nobody has run it to its end: it may be. This one alone, as there may be another by now.
      await manager.streams.deleteMessage(layout.results, stored.seq, false).catch(() => {});
      return false;
    }
    this.#finish(place, stored.result);
    return true;
  }

  /** Ends a job that has ended while nobody here could be told of it. */
  async lookUp(place: Place): Promise<void> {
    try {
      const stored = await this.#session.resultOf(place.id);
      if (stored !== undefined && place.jobs.size > 0) this.#finish(place, stored.result);
    } catch (error) {
      // Who cannot be asked now is asked again by the next sweep.
      if (!(error instanceof MalformedError)) return;
      this.malformed++;
      this.failed(place, error);
    }
  }

  /** The jobs of a place have failed. */
  failed(place: Place, error: unknown): void {
    for (const job of [...place.jobs]) job.settle("failed", error);
  }

  /** The jobs of a place have ended, as they were asked to. */
  cancelled(place: Place): void {
    for (const job of [...place.jobs]) job.ended(undefined);
  }

  /** Hears no more, and has the server forget what only this pool would ask for. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#sweepTimer);
    const { manager, layout } = this.#session;
    const filter = layout.result(`${this.client}.*`);
    // It forgets them by itself in a while.
    await this.#session.takeLeave(async () => {
      await this.#sweeping;
      await manager.streams.purge(layout.results, { filter });
    });
  }

  #closed(error: void | Error): void {
    if (this.#isClosed) return;
    const why = error?.message ?? "by the server";
    for (const place of [...this.#places.values()]) {
      this.failed(
        place,
        new ClosedError(
          `Cannot wait for the job ${place.id} as the connection was closed: ${why}. Make another pool`,
        ),
      );
    }
  }

  #hear(ids: string): () => void {
    const { layout } = this.#session;
    const results = this.#session.hear(layout.result(ids), (data, subject) => {
      this.#take(subject, (place, id) => this.#resultCame(place, id, data));
    });
    const events = this.#session.hear(layout.event(ids), (data, subject) => {
      this.#take(subject, (place) => place && this.#eventCame(place, data));
    });
    return () => {
      results.close();
      events.close();
    };
  }

  /** Whatever has come: nothing of it ends the program. */
  #take(subject: string, take: (place: Place | undefined, id: string) => void): void {
    const id = this.#session.layout.idIn(subject) ?? "";
    const place = this.#places.get(id);
    try {
      take(place, id);
    } catch (error) {
      if (error instanceof MalformedError) this.malformed++;
      if (place !== undefined) this.failed(place, error);
    }
  }

  #resultCame(place: Place | undefined, id: string, data: Uint8Array): void {
    const result = readResult(data);
    if (place !== undefined) this.#finish(place, result);
    else if (this.#ended.has(id) && this.#ended.get(id) !== result.run) this.duplicates++;
  }

  #eventCame(place: Place, data: Uint8Array): void {
    const event = readEvent(data);
    const { run, worker } = event;
    if (event.type === "returned") {
      if (place.run !== run) return;
      place.worker = undefined;
      return place.returned();
    }
    place.worker = worker;
    place.run = run;
    switch (event.type) {
      case "started":
        place.stream?.begun(run);
        break;
      case "progress": {
        const [value] = unpackValues(event.value);
        for (const job of place.jobs) job.report(value);
        break;
      }
      case "items":
        place.stream?.take(run, event.from, event.items);
    }
  }

  #finish(place: Place, result: ResultMessage): void {
    if (result.deliveries > 1) this.redelivered++;
    this.#remember(place.id, result.run);
    if (result.end === "succeeded" && result.isLarge) {
      outside(() => this.#fetch(place));
    } else this.#settle(place, result);
  }

  #settle(place: Place, { end, worker, value, error }: ResultMessage): void {
    const where = `worker "${worker}"`;
    const outcome = end === "succeeded"
      ? value && unpackValues(value)[0]
      : error && unpackError(error, where);
    for (const job of [...place.jobs]) {
      if (end === "cancelled") job.ended(outcome);
      else job.settle(end, outcome);
    }
  }

  async #fetch(place: Place): Promise<void> {
    const { outputs } = this.#session;
    try {
      const [value] = unpackValues(await outputs.get(place.id));
      for (const job of [...place.jobs]) job.settle("succeeded", value);
      if (!place.isKeyed) await outputs.delete(place.id);
    } catch (error) {
      this.failed(place, error);
    }
  }

  #remember(id: string, run: string): void {
    if (this.#ended.size >= MOST_ENDED) {
      const [oldest] = this.#ended.keys();
      this.#ended.delete(oldest);
    }
    this.#ended.set(id, run);
  }

  #sweepLater(): void {
    this.#sweepTimer ??= outside(() =>
      setTimeout(() => {
        this.#sweepTimer = undefined;
        this.#sweepNow(SWEEP / 2);
      }, SWEEP)
    );
  }

  #sweepNow(age: number): void {
    if (this.#isClosed || this.#sweeping !== undefined) return;
    this.#sweeping = outside(() =>
      this.#sweep(age).catch(() => {}).then(() => {
        this.#sweeping = undefined;
        if (this.#places.size > 0 && !this.#isClosed) this.#sweepLater();
      })
    );
  }

  /** Looks up the results of jobs that are so old, and finds out which of them are lost. */
  async #sweep(age: number): Promise<void> {
    const before = performance.now() - age;
    const places = [...this.#places.values()].filter(({ since, isStored, isWithdrawn }) =>
      since < before && isStored && !isWithdrawn
    );
    // By one question for all of its own; those with a key are one by one among the keys of others.
    const own = places.filter(({ isKeyed }) => !isKeyed);
    await this.#sweepAll(own, `${this.client}.*`);
    for (const place of places) if (place.isKeyed) await this.#sweepAll([place], place.id);
    await this.#broom.sweep();
  }

  async #sweepAll(places: readonly Place[], ids: string): Promise<void> {
    if (places.length === 0) return;
    const { layout } = this.#session;
    // First those that wait or run: one that ends meanwhile has a result then.
    const alive = await this.#session.idsIn(layout.jobs, layout.job("*" as JobClass, ids));
    const over = await this.#session.idsIn(layout.results, layout.result(ids));
    for (const place of places) {
      if (place.jobs.size === 0 || place.isWithdrawn) continue;
      if (over.has(place.id)) await this.lookUp(place);
      else if (alive.has(place.id)) continue;
      // Who had put it there has taken it out, and says so only when its worker has ended it.
      else if (place.isKeyed && place.seq === 0) this.cancelled(place);
      else this.failed(place, lost(place));
    }
  }
}

function lost({ id }: Place): ClosedError {
  return new ClosedError(
    `Cannot wait for the job ${id} any longer as it is not in the cluster any more, and has no result. Do not purge the streams of a cluster that is in use`,
  );
}
