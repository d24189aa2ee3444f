/**
 * Requests to a server that may be on its way back, or to a cluster that chooses one to lead.
 *
 * @module
 */

import { JetStreamApiError } from "@nats-io/jetstream";
import { errors, type NatsConnection } from "@nats-io/nats-core";

// Milliseconds. A cluster takes up to some ten seconds to choose.
const PATIENCE = 30_000;
const PAUSE = 100;

/** Of one connection: it ends with it. */
export class Patience {
  readonly #connection: NatsConnection;
  readonly #pauses: Set<() => void> = new Set();

  constructor(connection: NatsConnection) {
    this.#connection = connection;
    connection.closed().then(() => {
      for (const end of this.#pauses) end();
    });
  }

  /**
   * Asks until there is an answer.
   *
   * @throws What the server refuses; and what was thrown last, when the time is up or the connection
   * was closed.
   */
  async ask<T>(question: () => Promise<T>): Promise<T> {
    const end = performance.now() + PATIENCE;
    for (;;) {
      try {
        return await question();
      } catch (error) {
        if (!this.#passes(error) || performance.now() > end) throw error;
        await this.#pause();
      }
    }
  }

  // What the server has understood and refused will not get better, and a connection that was closed
  // does not come back.
  #passes(error: unknown): boolean {
    if (this.#connection.isClosed()) return false;
    if (error instanceof JetStreamApiError) return error.status >= 500;
    return !(error instanceof errors.ClosedConnectionError || error instanceof RangeError);
  }

  async #pause(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, PAUSE);
    this.#pauses.add(resolve);
    await promise;
    this.#pauses.delete(resolve);
    clearTimeout(timer);
  }
}
