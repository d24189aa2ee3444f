/**
 * What is too large for a message of NATS, in its object store. Where something is follows from the
 * job that it belongs to: a message never says where to look.
 *
 * @module
 */

import type { JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";
import type { ObjectStore } from "@nats-io/obj";
import { MalformedError } from "../../primitives/codec/malformed_error.ts";
import { makeShared } from "./make_shared.ts";
import type { Patience } from "./patience.ts";

// In bytes. What a job is given or returns is held in memory, here and there.
const LARGEST = 1 << 30;

/** A bucket, made when the first thing is put into it. */
export class LargeStore {
  readonly #connection: NatsConnection;
  readonly #manager: JetStreamManager;
  readonly #patience: Patience;
  readonly #bucket: string;
  readonly #replicas: number;
  readonly #keep: number;
  #store: Promise<ObjectStore> | undefined;

  /**
   * @param manager Of the streams of a server.
   * @param patience How that server is asked.
   * @param connection To it.
   * @param place Its name, on how many servers it is kept, and for how many milliseconds.
   */
  constructor(
    manager: JetStreamManager,
    patience: Patience,
    connection: NatsConnection,
    { bucket, replicas, keep }: { bucket: string; replicas: number; keep: number },
  ) {
    this.#manager = manager;
    this.#patience = patience;
    this.#connection = connection;
    this.#bucket = bucket;
    this.#replicas = replicas;
    this.#keep = keep;
  }

  /** Stores something. */
  async put(name: string, bytes: Uint8Array): Promise<void> {
    if (bytes.length > LARGEST) {
      throw new RangeError(
        `Cannot store ${bytes.length} bytes for a job as the most is ${LARGEST}. Send it in parts`,
      );
    }
    await this.#patience.ask(async () => {
      const store = await this.#opened();
      await store.putBlob({ name }, bytes);
    });
  }

  /**
   * What was stored.
   *
   * @throws {MalformedError} When it is not there.
   */
  async get(name: string): Promise<Uint8Array> {
    const bytes = await this.#patience.ask(async () => {
      const store = await this.#opened();
      const info = await store.info(name);
      return info === null || info.size > LARGEST ? null : await store.getBlob(name);
    });
    if (bytes !== null) return bytes;
    throw new MalformedError("what was stored for a job", "it is not in the store");
  }

  /** Lets it go. */
  async delete(name: string): Promise<void> {
    const { streams } = this.#manager;
    await this.#patience.ask(async () => {
      const store = await this.#opened();
      const info = await store.info(name);
      if (info === null) return;
      // Not by its `delete`, which keeps for ever that there was something of that name.
      const letters = btoa(name).replaceAll("+", "-").replaceAll("/", "_");
      for (const filter of [`C.${info.nuid}`, `M.${letters}`]) {
        await streams.purge(`OBJ_${this.#bucket}`, { filter: `$O.${this.#bucket}.${filter}` });
      }
    });
  }

  #opened(): Promise<ObjectStore> {
    return this.#store ??= this.#open().catch((error) => {
      this.#store = undefined; // The next may be luckier.
      throw error;
    });
  }

  async #open(): Promise<ObjectStore> {
    // Few ever need it.
    const { Objm } = await import("@nats-io/obj");
    const ttl = this.#keep === Infinity ? undefined : this.#keep * 1_000_000;
    const options = { replicas: this.#replicas, ...(ttl === undefined ? {} : { ttl }) };
    const site = { connection: this.#connection, probe: `$O.${this.#bucket}.M.probe` };
    return await makeShared(site, () => new Objm(site.connection).create(this.#bucket, options));
  }
}
