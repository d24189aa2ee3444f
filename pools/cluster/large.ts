/**
 * What is too large for a message of NATS, in its object store. Where something is follows from the
 * job that it belongs to: a message never says where to look.
 *
 * @module
 */

import type { NatsConnection } from "@nats-io/nats-core";
import type { ObjectStore } from "@nats-io/obj";
import { MalformedError } from "../../primitives/codec/malformed_error.ts";
import { patiently } from "./patiently.ts";

// In bytes. What a job is given or returns is held in memory, here and there.
const LARGEST = 1 << 30;

/** A bucket, made when the first thing is put into it. */
export class LargeStore {
  readonly #connection: NatsConnection;
  readonly #bucket: string;
  readonly #replicas: number;
  readonly #keep: number;
  #store: Promise<ObjectStore> | undefined;

  /**
   * @param connection To a server.
   * @param bucket Its name.
   * @param replicas On how many servers it is kept.
   * @param keep For how many milliseconds things are kept.
   */
  constructor(connection: NatsConnection, bucket: string, replicas: number, keep: number) {
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
    await patiently(async () => {
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
    const bytes = await patiently(async () => {
      const store = await this.#opened();
      const info = await store.info(name);
      return info === null || info.size > LARGEST ? null : await store.getBlob(name);
    });
    if (bytes !== null) return bytes;
    throw new MalformedError("what was stored for a job", "it is not in the store");
  }

  /** Lets it go. */
  async delete(name: string): Promise<void> {
    const store = await this.#opened();
    await store.delete(name);
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
    return await new Objm(this.#connection).create(this.#bucket, {
      replicas: this.#replicas,
      ...(ttl === undefined ? {} : { ttl }),
    });
  }
}
