/**
 * The jobs that no worker could end, for somebody to look at.
 *
 * @module
 */

import { nuid } from "@nats-io/nats-core";
import { OverloadedError } from "../errors.ts";
import { type DeadMessage, readDead, readJob } from "./messages.ts";
import { isThere, NO_ROOM } from "./outbox.ts";
import { unpackError } from "./packing.ts";
import type { Session } from "./session.ts";

/** A job that no worker could end. */
export interface DeadJob {
  /** Its id in the cluster. */
  readonly id: string;
  /** What it is called; its id where nobody can read that. */
  readonly name: string;
  /** What the last worker that had it knew of why. */
  readonly error: unknown;
  /** How many times it was given to a worker. */
  readonly deliveries: number;
  /**
   * Hands it in again, as urgent as it was. Nobody waits for its result, but for those who hand in
   * its key again.
   *
   * @throws {OverloadedError} When the cluster has no room for it: it stays where it is.
   */
  retry(): Promise<void>;
  /** Lets it go. */
  remove(): Promise<void>;
}

/** The dead jobs of a cluster, as they are asked for. */
export async function* deadJobs(session: Session): AsyncGenerator<DeadJob> {
  const { layout, patience, manager: { streams } } = session;
  for (const id of await patience.ask(() => session.idsIn(layout.dead, layout.deadJob("*.*")))) {
    const query = { last_by_subj: layout.deadJob(id) };
    const stored = await patience.ask(() => streams.getMessage(layout.dead, query));
    // Somebody else may have looked at it meanwhile.
    if (stored !== null) yield deadJob(session, id, stored.seq, readDead(stored.data));
  }
}

function deadJob(
  session: Session,
  id: string,
  seq: number,
  { job, jobClass, error, deliveries }: DeadMessage,
): DeadJob {
  const { layout, outbox, inputs, manager: { streams } } = session;
  const message = jobIn(job);
  // This one alone: when it was tried again, it may soon be there anew.
  const forget = () => streams.deleteMessage(layout.dead, seq, false);
  return {
    id,
    name: message?.name ?? id,
    error: unpackError(error, "a worker"),
    deliveries,
    async retry() {
      await streams.purge(layout.results, { filter: layout.result(id) });
      const subject = layout.job(jobClass, id);
      const letter = { subject, data: job, id: nuid.next(), ends: [NO_ROOM] };
      const { refused } = await outbox.store(letter);
      if (refused !== undefined && !isThere(refused)) {
        throw new OverloadedError(
          `Cannot try "${
            message?.name ?? id
          }" again as the server does not store it: ${refused.text}. Look at 'maxJobs', and at the limits of the stream ${layout.jobs}`,
        );
      }
      await forget();
    },
    async remove() {
      await forget();
      if (message?.input !== undefined) await inputs.delete(layout.input(id, message.input));
    },
  };
}

function jobIn(bytes: Uint8Array) {
  try {
    return readJob(bytes);
  } catch {
    return undefined; // That may be why it is dead.
  }
}
