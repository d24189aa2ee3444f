/**
 * A connection to a cluster, with what both sides need of it: pools and workers.
 *
 * @module
 */

import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";
import { checkCount, checkTime } from "../../primitives/kernel/check.ts";
import { cancellable } from "../../primitives/cancellable.ts";
import { outside } from "../../primitives/kernel/context.ts";
import { shield } from "../../primitives/shield.ts";
import { type ConnectOptions, open } from "./connection.ts";
import { LargeStore } from "./large.ts";
import { Layout } from "./layout.ts";
import { readResult, type ResultMessage } from "./messages.ts";
import { Outbox } from "./outbox.ts";
import { Patience } from "./patience.ts";
import { makeStreams, type StoreOptions } from "./setup.ts";

/** How to get to a cluster. */
export interface ClusterOptions extends ConnectOptions, StoreOptions {
  /**
   * Which cluster, of those that the servers may serve: a name of letters, digits, "-" and "_".
   * Default: "default".
   */
  cluster?: string;
}

// Headers and subjects count for the size of a message too.
const SLACK = 4096;

const HOUR = 3_600_000;

// The least that a server takes, in milliseconds. To it, nothing at all means without end.
const LEAST_KEPT = 100;

// So many milliseconds one that goes waits for a server that does not answer.
const FAREWELL = 2000;

/** The result of a job, and its number in the stream of results. */
export interface StoredResult {
  readonly seq: number;
  readonly result: ResultMessage;
}

/** See above. */
export class Session {
  readonly connection: NatsConnection;
  readonly manager: JetStreamManager;
  /** How its server is asked for what it may not know at the moment. */
  readonly patience: Patience;
  readonly layout: Layout;
  readonly outbox: Outbox;
  /** The arguments that are too large for a message. */
  readonly inputs: LargeStore;
  /** The results that are too large for a message. */
  readonly outputs: LargeStore;
  readonly #makeStreams: () => Promise<void>;

  /**
   * Connects, and makes what the cluster needs where it is not there.
   *
   * @throws {TypeError | RangeError} When an option makes no sense.
   * @throws {Cancelled} When the scope at hand is cancelled meanwhile.
   * @throws When no server can be reached.
   */
  static async open(options: ClusterOptions, action: string): Promise<Session> {
    const { cluster = "default", replicas, maxJobs, keepResults } = options;
    const layout = new Layout(cluster, action);
    if (replicas !== undefined) checkCount(replicas, action, "'replicas'", 1, false);
    if (maxJobs !== undefined) checkCount(maxJobs, action, "'maxJobs'", 1);
    if (keepResults !== undefined) checkTime(keepResults, action, "'keepResults'");
    if (keepResults !== undefined && keepResults < LEAST_KEPT) {
      throw new RangeError(
        `Cannot ${action} as 'keepResults' must be ${LEAST_KEPT} ms or more: received ${keepResults}`,
      );
    }
    const opening = Session.#open(options, action, layout);
    try {
      return await cancellable(opening);
    } catch (error) {
      // Nobody waits for it any more, where it has not failed itself.
      opening.then((session) => session.close(), () => {});
      throw error;
    }
  }

  static async #open(options: ClusterOptions, action: string, layout: Layout): Promise<Session> {
    const connection = await open(options, action);
    try {
      if (!connection.info?.jetstream) throw new Error(withoutJetStream(connection, action));
      const manager = await jetstreamManager(connection, { checkAPI: false });
      const session = new Session(connection, manager, layout, options);
      await session.patience.ask(session.#makeStreams);
      return session;
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  private constructor(
    connection: NatsConnection,
    manager: JetStreamManager,
    layout: Layout,
    options: StoreOptions,
  ) {
    const { replicas, keepResults = HOUR } = options;
    this.connection = connection;
    this.manager = manager;
    const patience = this.patience = new Patience(connection);
    this.layout = layout;
    this.outbox = outside(() => new Outbox(connection));
    // Now: while the connection is lost nobody knows.
    const copies = replicas ?? (connection.info?.cluster === undefined ? 1 : 3);
    const store = { ...options, replicas: copies };
    this.#makeStreams = () => makeStreams(connection, manager, layout, store);
    const inputs = { bucket: layout.inputs, replicas: copies, keep: Infinity };
    // Longer than what says that they are there.
    const outputs = { bucket: layout.outputs, replicas: copies, keep: 2 * keepResults };
    this.inputs = new LargeStore(manager, patience, connection, inputs);
    this.outputs = new LargeStore(manager, patience, connection, outputs);
  }

  /** How many bytes of a message may be its own. */
  get largest(): number {
    return (this.connection.info?.max_payload ?? 1 << 20) - SLACK;
  }

  /**
   * Calls back each time after the connection was lost and is there again: `atOnce`, and `ready` when
   * what a server lacked has been made anew that had lost all.
   */
  onReconnected(
    { atOnce, ready }: { atOnce?: () => void; ready?: () => void | Promise<void> },
  ): void {
    outside(async () => {
      for await (const { type } of this.connection.status()) {
        if (type !== "reconnect") continue;
        this.outbox.resend();
        atOnce?.();
        // Whoever needs it hears of it if that fails.
        this.patience.ask(this.#makeStreams).then(ready).catch(() => {});
      }
    });
  }

  /**
   * Asks the server for what is only tidy, as all is done: nobody is held up by one that does not
   * answer.
   */
  async takeLeave(question: () => Promise<unknown>): Promise<void> {
    if (this.patience.isAway) return;
    await shield(() => cancellable(question()), { timeout: FAREWELL }).catch(() => {});
  }

  /** Hears what is published under a subject. */
  hear(subject: string, take: (data: Uint8Array, subject: string) => void): { close(): void } {
    const subscription = outside(() =>
      this.connection.subscribe(subject, {
        callback: (error, message) => {
          if (error === null) take(message.data, message.subject);
        },
      })
    );
    return { close: () => subscription.unsubscribe() };
  }

  /** Tells those who are there to hear it. */
  tell(subject: string, data: Uint8Array): void {
    if (!this.connection.isClosed()) this.connection.publish(subject, data);
  }

  /**
   * The result of a job that has ended; `undefined` when it has not, or nobody knows any more.
   *
   * @throws {MalformedError} When it is none.
   */
  async resultOf(id: string): Promise<StoredResult | undefined> {
    const { streams } = this.manager;
    const query = { last_by_subj: this.layout.result(id) };
    const stored = await this.patience.ask(() => streams.getMessage(this.layout.results, query));
    return stored === null ? undefined : { seq: stored.seq, result: readResult(stored.data) };
  }

  /** Whether a job is among those that nobody could end. */
  async isDead(id: string): Promise<boolean> {
    const { streams } = this.manager;
    const query = { last_by_subj: this.layout.deadJob(id) };
    return await this.patience.ask(() => streams.getMessage(this.layout.dead, query)) !== null;
  }

  /** The ids that have a message in a stream, of those whose subject matches. */
  async idsIn(stream: string, subjects: string): Promise<Set<string>> {
    const { state } = await this.manager.streams.info(stream, { subjects_filter: subjects });
    const ids = new Set<string>();
    for (const subject of Object.keys(state.subjects ?? {})) {
      const id = this.layout.idIn(subject);
      if (id !== undefined) ids.add(id);
    }
    return ids;
  }

  /** Closes the connection. What has not been answered is given up. */
  async close(): Promise<void> {
    this.outbox.close();
    await this.connection.close();
  }
}

function withoutJetStream(connection: NatsConnection, action: string): string {
  return `Cannot ${action} as the server has no JetStream: ${connection.getServer()}. Start it with -js`;
}
