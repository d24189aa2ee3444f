/**
 * Where rolls are kept: a bucket of NATS JetStream's key-value store. A write names the revision that
 * it replaces, and is refused when another came first.
 *
 * The server tells everybody of what it has stored, by publishing it again on a subject of its own.
 * That a message may get lost does no harm: it only says earlier what the next write finds out. A
 * consumer of the bucket would not lose any, but costs the server an object for each who waits, and
 * takes ten seconds to come back after a restart.
 *
 * @module
 */

import { jetstream, JetStreamApiCodes, JetStreamApiError } from "@nats-io/jetstream";
import { type KV, Kvm } from "@nats-io/kv";
import { errors, type NatsConnection } from "@nats-io/nats-core";

import type { RollStore, Stored } from "./lease_keeper.ts";
import { decodeRoll, emptyRoll, encodeRoll, type Roll } from "./lease_roll.ts";
import { makeShared } from "./make_shared.ts";

/** Where a roll is kept. */
export interface LeasePlace {
  readonly bucket: string;
  readonly key: string;
  /** On how many servers the bucket is kept, when it has to be made. */
  readonly replicas: number;
}

/** What nobody has written to for so long is forgotten: the names of locks may be without number. */
export const FORGET_AFTER = 24 * 60 * 60 * 1000;

/** The place of one roll. */
export class LeaseStore implements RollStore {
  readonly #connection: NatsConnection;
  readonly #place: LeasePlace;
  readonly #timeout: number;
  #kv: KV | undefined;

  /**
   * @param connection To a server with JetStream.
   * @param place Where the roll is.
   * @param timeout After how many milliseconds without an answer a request has failed.
   */
  constructor(connection: NatsConnection, place: LeasePlace, timeout: number) {
    this.#connection = connection;
    this.#place = place;
    this.#timeout = timeout;
  }

  /** Whether the connection has been given up, and nothing will come of it any more. */
  get isClosed(): boolean {
    return this.#connection.isClosed() || this.#connection.isDraining();
  }

  /**
   * Whether it is worth trying again: the server may be on its way back, or the cluster be choosing a
   * new leader.
   */
  isPassing(error: unknown): boolean {
    if (this.isClosed) return false;
    if (error instanceof errors.TimeoutError) return true;
    if (error instanceof errors.RequestError) return error.isNoResponders();
    // Once the bucket was there, the server had it enabled.
    if (error instanceof Error && error.name === "JetStreamNotEnabled") {
      return this.#kv !== undefined;
    }
    return error instanceof JetStreamApiError && error.status === 503;
  }

  /** The roll as it is. One that nobody has used is made, so that it has a revision. */
  async read(permits: number): Promise<Stored> {
    const kv = await this.#open();
    const entry = await kv.get(this.#place.key).catch((error) => {
      // Somebody has removed the bucket: the next to come makes it anew.
      if (isGone(error)) this.#kv = undefined;
      throw error;
    });
    if (entry !== null && entry.operation === "PUT") {
      return { roll: decodeRoll(entry.string()), revision: entry.revision };
    }
    // Revisions are numbers of the whole bucket. The first write makes one that is higher than all
    // before: tokens go on rising also where the key had been forgotten.
    const roll = emptyRoll(permits);
    const revision = await this.write(roll, entry?.revision ?? 0);
    return revision === null ? await this.read(permits) : { roll, revision };
  }

  /** Replaces a revision. Gives the new one, `null` when it was not the last any more. */
  async write(roll: Roll, revision: number): Promise<number | null> {
    const kv = await this.#open();
    try {
      return await kv.put(this.#place.key, encodeRoll(roll), { previousSeq: revision });
    } catch (error) {
      if (isConflict(error)) return null;
      throw error;
    }
  }

  /**
   * Calls back with what is stored from now on, and when the connection is closed.
   *
   * @returns Ends it.
   */
  listen(heard: (stored: Stored) => void, closed: () => void): () => void {
    const { bucket, key } = this.#place;
    const subscription = this.#connection.subscribe(`${newsOf(bucket)}.${key}`, {
      callback: (error, message) => {
        const revision = Number(message?.headers?.get("Nats-Sequence"));
        if (error !== null || !(revision > 0)) return;
        try {
          heard({ roll: decodeRoll(message.string()), revision });
        } catch {
          // Whoever reads it from the store gets the error.
        }
      },
    });
    let isOver = false;
    subscription.closed.then((refused) => {
      // Where there may be no subscriptions there is no news; that is all.
      if (!isOver && !refused) this.#connection.closed().then(closed);
    });
    return () => {
      isOver = true;
      if (!this.isClosed) subscription.unsubscribe();
    };
  }

  async #open(): Promise<KV> {
    if (this.#kv !== undefined) return this.#kv;
    const { bucket, replicas } = this.#place;
    const kvm = new Kvm(jetstream(this.#connection, { timeout: this.#timeout }));
    const options = {
      description: "Locks and semaphores of Grove",
      ttl: FORGET_AFTER,
      replicas,
      // Else any replica may answer, also one that is behind.
      allow_direct: false,
      republish: { src: `$KV.${bucket}.>`, dest: `${newsOf(bucket)}.>` },
    };
    const site = { connection: this.#connection, probe: `$KV.${bucket}.probe` };
    return this.#kv = await makeShared(site, () => kvm.create(bucket, options));
  }
}

function newsOf(bucket: string): string {
  return `grove.leases.${bucket}`;
}

function isGone(error: unknown): boolean {
  return error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound;
}

function isConflict(error: unknown): boolean {
  return error instanceof JetStreamApiError &&
    (error.code === JetStreamApiCodes.StreamWrongLastSequence ||
      error.code === JetStreamApiCodes.StreamWrongLastSequenceUnknown);
}

/** A name as a part of a key, whatever characters it has. */
export function keyOf(kind: string, name: string): string {
  const bytes = new TextEncoder().encode(name);
  let escaped = "";
  for (const byte of bytes) {
    const letter = String.fromCharCode(byte);
    escaped += /[\w-]/.test(letter) ? letter : `=${byte.toString(16).padStart(2, "0")}`;
  }
  return `${kind}.${escaped}`;
}
