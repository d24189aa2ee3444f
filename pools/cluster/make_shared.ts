/**
 * Making what all machines of a cluster share, and several may be the first to want: streams, and
 * the buckets that are made of them.
 *
 * A server says of a stream that it is there while it still makes it for somebody else. To read from
 * it then ends a server of version 2.9 by a segmentation fault, for all its users; so nobody who has
 * been through here reads before the stream takes messages.
 *
 * @module
 */

import { JetStreamApiError } from "@nats-io/jetstream";
import { errors, headers, type NatsConnection } from "@nats-io/nats-core";

// What the server says where the stream was made between its look at the names and its look at the
// subjects: it takes it for a stranger then. Asked once more it knows it.
const OVERLAP = 10065;

// Milliseconds: between two questions, for one, and for all of them. After that others say what is
// wrong.
const PAUSE = 5;
const ANSWER = 500;
const PATIENCE = 5000;

// No message is the last one of this number, so none with it is ever stored.
const NEVER = "9007199254740991";

/** Where it is made, and how one sees that it has been. */
export interface Site {
  readonly connection: NatsConnection;
  /** A subject that the stream takes. */
  readonly probe: string;
}

/**
 * Makes it, or finds that it is there.
 *
 * @param site Where.
 * @param make Makes it, and takes one of the same name for its own.
 * @returns What `make` resolves to, once it is there to be used.
 * @throws What `make` throws, also when the subjects are another stream's indeed.
 */
export async function makeShared<T>(site: Site, make: () => Promise<T>): Promise<T> {
  const made = await make().catch((error) => {
    if (error instanceof JetStreamApiError && error.code === OVERLAP) return make();
    throw error;
  });
  await untilItTakes(site);
  return made;
}

/** A message that is to be refused: nobody refuses it before the stream listens. */
async function untilItTakes({ connection, probe }: Site): Promise<void> {
  const head = headers();
  head.set("Nats-Expected-Last-Subject-Sequence", NEVER);
  const end = performance.now() + PATIENCE;
  while (performance.now() < end) {
    try {
      await connection.request(probe, "", { headers: head, timeout: ANSWER });
      return;
    } catch (error) {
      const isSilent = error instanceof errors.RequestError || error instanceof errors.TimeoutError;
      if (!isSilent) return;
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}
