/**
 * Messages that are to be stored, on their way to a stream. Each is sent until the server says that
 * it has it: while no server can be reached, and while a cluster chooses one to lead. It has a
 * number of its own, by which the server knows it again when it comes twice.
 *
 * Requests of the client library have a timer and a stack each; here many share one of each.
 *
 * @module
 */

import { createInbox, headers, type Msg, type NatsConnection } from "@nats-io/nats-core";
import { ClosedError } from "../../primitives/kernel/errors.ts";

/** What the server has said of a message. */
export interface Stored {
  /** Its number in the stream; 0 where it was not stored. */
  readonly seq: number;
  /** Why it was not stored, for good. */
  readonly refused: Refusal | undefined;
}

/** Why the server does not store a message. */
export interface Refusal {
  readonly code: number;
  readonly text: string;
}

/** A message for a stream. */
export interface Letter {
  readonly subject: string;
  readonly data: Uint8Array;
  /** By which the server knows it again; nothing where it may be stored twice. */
  readonly id?: string;
  /** Whether it is stored only where nothing is stored under that subject. */
  readonly first?: boolean;
  /** The codes of the server that end it, besides `TOO_LARGE`: after all others it is sent again. */
  readonly ends?: readonly number[];
}

/** There is something under its subject already. */
export const NOT_FIRST = 10071;

/** A limit of the stream is reached, or the server cannot write. */
export const NO_ROOM = 10077;

/** It is larger than what the stream takes. */
export const TOO_LARGE = 10054;

/** Whether the stream has all that it may have. */
export function isFull({ text }: Refusal): boolean {
  return /maximum messages exceeded|maximum bytes exceeded/.test(text);
}

/** Whether it is there already. */
export function isThere({ text }: Refusal): boolean {
  return /maximum messages per subject exceeded/.test(text);
}

interface Sent {
  readonly letter: Letter;
  readonly settle: (stored: Stored) => void;
  readonly fail: (error: Error) => void;
  dueAt: number;
  attempts: number;
}

// Milliseconds: how often it is looked, and after how long a message is sent again.
const INTERVAL = 100;
const FIRST_WAIT = 500;
const LONGEST_WAIT = 2000;

/** See above. */
export class Outbox {
  readonly #connection: NatsConnection;
  readonly #inbox: string;
  readonly #sent: Map<string, Sent> = new Map();
  #counter = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

  constructor(connection: NatsConnection) {
    this.#connection = connection;
    this.#inbox = createInbox();
    connection.subscribe(`${this.#inbox}.*`, {
      callback: (error, message) => {
        if (error === null) this.#answered(message);
      },
    });
  }

  /** How many messages the server has not answered. */
  get size(): number {
    return this.#sent.size;
  }

  /**
   * Sends a message until the server has answered.
   *
   * @throws {ClosedError} When it was closed before that.
   */
  store(letter: Letter): Promise<Stored> {
    return new Promise((resolve, reject) => {
      const sent: Sent = { letter, settle: resolve, fail: reject, dueAt: 0, attempts: 0 };
      if (this.#isClosed) return reject(closed());
      const token = (this.#counter++).toString(36);
      this.#sent.set(token, sent);
      this.#send(token, sent);
      this.#timer ??= setTimeout(() => this.#look(), INTERVAL);
    });
  }

  /** Sends everything again now: the connection is new. */
  resend(): void {
    for (const [token, sent] of this.#sent) this.#send(token, sent);
  }

  /** Gives up what has not been answered. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    for (const { fail } of this.#sent.values()) fail(closed());
    this.#sent.clear();
  }

  #send(token: string, sent: Sent): void {
    const { subject, data, id, first } = sent.letter;
    const wait = Math.min(FIRST_WAIT * 2 ** sent.attempts++, LONGEST_WAIT);
    sent.dueAt = performance.now() + wait;
    const head = id === undefined && !first ? undefined : headers();
    if (id !== undefined) head!.set("Nats-Msg-Id", id);
    if (first) head!.set("Nats-Expected-Last-Subject-Sequence", "0");
    try {
      this.#connection.publish(subject, data, { reply: `${this.#inbox}.${token}`, headers: head });
    } catch (error) {
      this.#sent.delete(token);
      sent.fail(error as Error);
    }
  }

  #answered(message: Msg): void {
    const token = message.subject.slice(this.#inbox.length + 1);
    const sent = this.#sent.get(token);
    if (sent === undefined) return;
    const answer = answerIn(message, sent.letter);
    // Nobody listens there at the moment, or it is not what a server says.
    if (answer === undefined) return;
    this.#sent.delete(token);
    sent.settle(answer);
  }

  #look(): void {
    this.#timer = undefined;
    const now = performance.now();
    for (const [token, sent] of this.#sent) if (sent.dueAt <= now) this.#send(token, sent);
    if (this.#sent.size > 0) this.#timer = setTimeout(() => this.#look(), INTERVAL);
  }
}

function answerIn(message: Msg, { ends = [] }: Letter): Stored | undefined {
  if (message.data.length === 0) return undefined;
  let answer: { seq?: unknown; error?: { err_code?: unknown; description?: unknown } };
  try {
    answer = message.json();
  } catch {
    return undefined;
  }
  const { seq, error } = answer ?? {};
  if (error === undefined) {
    return Number.isSafeInteger(seq) ? { seq: seq as number, refused: undefined } : undefined;
  }
  const code = Number(error?.err_code);
  // All else passes.
  if (code !== TOO_LARGE && !ends.includes(code)) return undefined;
  return { seq: 0, refused: { code, text: String(error?.description) } };
}

function closed(): ClosedError {
  return new ClosedError(
    "Cannot store a message as its connection was closed. Keep it open until all is done",
  );
}
