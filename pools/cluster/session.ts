/**
 * A connection to a cluster, with what both sides need of it: pools and workers.
 *
 * @module
 */

import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";
import { checkCount, checkTime } from "../../primitives/kernel/check.ts";
import { outside } from "../../primitives/kernel/context.ts";
import { type ConnectOptions, open } from "./connection.ts";
import { LargeStore } from "./large.ts";
import { Layout } from "./layout.ts";
import { readResult, type ResultMessage } from "./messages.ts";
import { Outbox } from "./outbox.ts";
import { patiently } from "./patiently.ts";
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

/** See above. */
export class Session {
  readonly connection: NatsConnection;
  readonly manager: JetStreamManager;
  readonly layout: Layout;
  readonly outbox: Outbox;
  /** The arguments that are too large for a message. */
  readonly inputs: LargeStore;
  /** The results that are too large for a message. */
  readonly outputs: LargeStore;

  /**
   * Connects, and makes what the cluster needs where it is not there.
   *
   * @throws {TypeError | RangeError} When an option makes no sense.
   * @throws When no server can be reached.
   */
  static async open(options: ClusterOptions, action: string): Promise<Session> {
    const { cluster = "default", replicas, maxJobs, keepResults } = options;
    const layout = new Layout(cluster, action);
    if (replicas !== undefined) checkCount(replicas, action, "'replicas'", 1, false);
    if (maxJobs !== undefined) checkCount(maxJobs, action, "'maxJobs'", 1);
    if (keepResults !== undefined) checkTime(keepResults, action, "'keepResults'");
    const connection = await open(options, action);
    try {
      if (!connection.info?.jetstream) throw new Error(withoutJetStream(connection, action));
      const manager = await jetstreamManager(connection, { checkAPI: false });
      await patiently(() => makeStreams(connection, manager, layout, options));
      return new Session(connection, manager, layout, options);
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  private constructor(
    connection: NatsConnection,
    manager: JetStreamManager,
    layout: Layout,
    { replicas, keepResults = HOUR }: StoreOptions,
  ) {
    this.connection = connection;
    this.manager = manager;
    this.layout = layout;
    this.outbox = outside(() => new Outbox(connection));
    const copies = replicas ?? (connection.info?.cluster === undefined ? 1 : 3);
    this.inputs = new LargeStore(connection, layout.inputs, copies, Infinity);
    // Longer than what says that they are there.
    this.outputs = new LargeStore(connection, layout.outputs, copies, 2 * keepResults);
  }

  /** How many bytes of a message may be its own. */
  get largest(): number {
    return (this.connection.info?.max_payload ?? 1 << 20) - SLACK;
  }

  /** Calls back each time after the connection was lost and is there again. */
  onReconnected(fn: () => void): void {
    outside(async () => {
      for await (const { type } of this.connection.status()) {
        if (type !== "reconnect") continue;
        this.outbox.resend();
        fn();
      }
    });
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
  async resultOf(id: string): Promise<ResultMessage | undefined> {
    const { streams } = this.manager;
    const query = { last_by_subj: this.layout.result(id) };
    const stored = await patiently(() => streams.getMessage(this.layout.results, query));
    return stored === null ? undefined : readResult(stored.data);
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
