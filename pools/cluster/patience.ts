/**
 * Requests to a server that may be on its way back, or to a cluster that chooses one to lead.
 *
 * @module
 */

import { JetStreamApiError } from "@nats-io/jetstream";
import { errors, type NatsConnection } from "@nats-io/nats-core";
import { outside } from "../../primitives/kernel/context.ts";

// Milliseconds. A cluster takes up to some ten seconds to choose.
const PATIENCE = 30_000;
const PAUSE = 100;

/** Of one connection: it ends with it. */
export class Patience {
  readonly #connection: NatsConnection;
  readonly #pauses: Set<() => void> = new Set();
  readonly #asked: Set<() => void> = new Set();
  #isAway = false;

  constructor(connection: NatsConnection) {
    this.#connection = connection;
    outside(() => this.#watch());
  }

  /** Whether no server can be reached at the moment, as far as is known. */
  get isAway(): boolean {
    return this.#isAway;
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
      // What is asked of nobody is not sent later: it would have its whole time to wait in vain.
      if (this.#isAway) await this.#pause(end - performance.now());
      try {
        return await this.#answer(question());
      } catch (error) {
        if (!this.#passes(error) || performance.now() > end) throw error;
        await this.#pause(PAUSE);
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

  async #watch(): Promise<void> {
    for await (const { type } of this.#connection.status()) {
      if (type === "disconnect") this.#isAway = true;
      else if (type === "reconnect") {
        this.#isAway = false;
        this.#go();
        for (const askAgain of this.#asked) askAgain();
      }
    }
    this.#isAway = false; // It is closed: who asks is told so.
    this.#go();
  }

  // Over another connection no answer comes to what was asked before: the client library waits for it
  // all the same, until the time is up.
  async #answer<T>(answer: Promise<T>): Promise<T> {
    const { promise, reject } = Promise.withResolvers<never>();
    const askAgain = () => reject(new Error("the connection was lost before there was an answer"));
    this.#asked.add(askAgain);
    try {
      return await Promise.race([answer, promise]);
    } finally {
      this.#asked.delete(askAgain);
    }
  }

  #go(): void {
    for (const end of this.#pauses) end();
  }

  async #pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    this.#pauses.add(resolve);
    await promise;
    this.#pauses.delete(resolve);
    clearTimeout(timer);
  }
}
