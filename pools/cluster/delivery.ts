/**
 * A job as the server gives it to a worker, which answers for it: that it has been done, that it is
 * being worked on, or that somebody else may have it.
 *
 * @module
 */

import type { Msg, NatsConnection } from "@nats-io/nats-core";

const ACK = "+ACK";
const IN_PROGRESS = "+WPI";

// Where the count stands in a subject for answers, before the number in the stream: there is an
// older and a newer kind of them.
const OLD_TOKENS = 9;
const OLD_PLACE = 4;
const NEW_PLACE = 6;

/** See above. */
export class Delivery {
  /** The subject that it was put under. */
  readonly subject: string;
  readonly data: Uint8Array;
  /** How often it was given to a worker, this time included. */
  readonly count: number;
  /** Its number in the stream of jobs. */
  readonly seq: number;
  readonly #connection: NatsConnection;
  readonly #reply: string;
  #isAnswered = false;

  constructor(
    connection: NatsConnection,
    message: Msg,
    reply: string,
    { count, seq }: { count: number; seq: number },
  ) {
    this.#connection = connection;
    this.#reply = reply;
    this.subject = message.subject;
    this.data = message.data;
    this.count = count;
    this.seq = seq;
  }

  /** It has been done. */
  done(): void {
    this.#answer(ACK);
  }

  /** Somebody else may have it, after so many milliseconds. */
  giveBack(delay: number): void {
    this.#answer(`-NAK ${JSON.stringify({ delay: delay * 1_000_000 })}`);
  }

  /** It is still being worked on. */
  isInProgress(): void {
    if (!this.#isAnswered) this.#publish(IN_PROGRESS);
  }

  #answer(answer: string): void {
    if (this.#isAnswered) return;
    this.#isAnswered = true;
    this.#publish(answer);
  }

  // One that gets lost is no harm: it is given to a worker again, who finds that it has been done.
  #publish(answer: string): void {
    if (!this.#connection.isClosed()) this.#connection.publish(this.#reply, answer);
  }
}

/** The delivery that a message is; `undefined` where it is none. */
export function deliveryOf(connection: NatsConnection, message: Msg): Delivery | undefined {
  const { reply } = message;
  if (reply === undefined || !reply.startsWith("$JS.ACK.")) return undefined;
  const tokens = reply.split(".");
  const place = tokens.length === OLD_TOKENS ? OLD_PLACE : NEW_PLACE;
  const [count, seq] = tokens.slice(place, place + 2).map(Number);
  if (!Number.isSafeInteger(count) || count < 1) return undefined;
  return new Delivery(connection, message, reply, { count, seq });
}
