/**
 * Requests to a server that may be on its way back, or to a cluster that chooses one to lead.
 *
 * @module
 */

import { JetStreamApiError } from "@nats-io/jetstream";
import { errors } from "@nats-io/nats-core";

// Milliseconds. A cluster takes up to some ten seconds to choose.
const PATIENCE = 30_000;
const PAUSE = 100;

/**
 * Asks until there is an answer.
 *
 * @throws What the server refuses; and what was thrown last, when the time is up.
 */
export async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  const end = Date.now() + PATIENCE;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!passes(error) || Date.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  }
}

// What the server has understood and refused will not get better, and a connection that was closed
// does not come back.
function passes(error: unknown): boolean {
  if (error instanceof JetStreamApiError) return error.status >= 500;
  return !(error instanceof errors.ClosedConnectionError || error instanceof RangeError);
}
