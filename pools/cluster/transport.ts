/**
 * Carries what the NATS client library says to a server, and what that answers, over one of Grove's
 * sockets. The library makes one for each attempt to connect, and tries again when one ends.
 *
 * It belongs to no task: who has asked for the connection, or publishes, may end before it does. Each
 * wait of it is bounded, and a socket is closed however it ends.
 *
 * @module
 */

import { ConnectionError, type ConnectionOptions, type Server } from "@nats-io/nats-core";
import { setTransportFactory, type Transport } from "@nats-io/nats-core/internal";
import type { SocketStream } from "../../io/stream.ts";
import { outside } from "../../primitives/kernel/context.ts";
import { dial } from "./dial.ts";
import { Outgoing } from "./outgoing.ts";

// How long the library waits for a server, in milliseconds, where it is not told.
const PATIENCE = 20_000;

// Reading and writing end together. For so many milliseconds the one is waited for when the other has
// ended: what cannot be sent has most often a reason that the server has said, and that is not read.
const LAST_WORDS = 1000;

/** Has the connections that the client library makes from now on go over Grove's sockets. */
export function useSockets(): void {
  setTransportFactory({ factory: () => new SocketTransport() });
}

/** See above. */
export class SocketTransport implements Transport {
  /** What the server shows of its clients. */
  readonly lang = "grove";
  readonly version = "0.1.0";
  readonly #giveUp = new AbortController();
  readonly #closed = Promise.withResolvers<void | Error>();
  #patience = PATIENCE;
  #stream: SocketStream | undefined;
  #outgoing: Outgoing | undefined;
  #greeting: Uint8Array | undefined;
  #isEncrypted = false;
  #isClosed = false;
  #closing: Promise<void> | undefined;
  #sendError: unknown;
  #closeError: Error | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Whether it has ended. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** What it has ended by; `undefined` where the server has closed the connection, or we have. */
  get closeError(): Error | undefined {
    return this.#closeError;
  }

  /**
   * Connects to a server, and reads what that says first.
   *
   * @throws {ConnectionError} When that fails, or it was closed meanwhile.
   */
  connect(server: Server, options: ConnectionOptions): Promise<void> {
    return outside(() => this.#connect(server, options));
  }

  async #connect(server: Server, options: ConnectionOptions): Promise<void> {
    this.#patience = options.timeout ?? PATIENCE;
    const { signal } = this.#giveUp;
    try {
      const dialed = await dial(server, options, { signal, timeout: this.#patience });
      if (signal.aborted) {
        dialed.stream.close();
        throw signal.reason;
      }
      this.#stream = dialed.stream;
      this.#greeting = dialed.greeting;
      this.#isEncrypted = dialed.isEncrypted;
      this.#outgoing = new Outgoing(dialed.stream, (error) => this.#cannotSend(error));
    } catch (error) {
      this.#isClosed = true;
      throw asConnectionError(error);
    }
  }

  /** What the server says. To be read once. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Uint8Array> {
    return this.#receive();
  }

  async *#receive(): AsyncGenerator<Uint8Array> {
    // The reader stops early when it does not understand what it reads.
    let error: unknown = new ConnectionError("the server has said what makes no sense");
    try {
      yield this.#greeting!;
      for await (const piece of this.#stream!) yield piece;
      // A reset that a write meets is told to no read.
      await this.#outgoing!.sent(LAST_WORDS);
      // Else the library knows best why the server has closed the connection: it was told before.
      error = this.#sendError;
    } catch (reason) {
      error = reason;
    } finally {
      this.#end(error);
    }
  }

  /** Whether nobody else can read it. */
  isEncrypted(): boolean {
    return this.#isEncrypted;
  }

  /** Sends bytes, after those before. It is not told whether they come to anybody. */
  send(frame: Uint8Array): void {
    if (!this.#isClosed) this.#outgoing?.push(frame);
  }

  /** Ends it. Without an error, what is to be sent is sent before. */
  close(error?: Error): Promise<void> {
    return this.#closing ??= this.#close(error);
  }

  async #close(error: Error | undefined): Promise<void> {
    this.#giveUp.abort(error ?? new ConnectionError("the connection was closed"));
    if (error === undefined) {
      // What was published just now, the library hands over by a microtask.
      await Promise.resolve();
      await this.#outgoing?.sent(this.#patience);
    }
    this.#end(error);
  }

  /** Ends it, as `close` does, for another to take its place. */
  disconnect(): void {
    void this.close();
  }

  /** Resolves when one has ended that was connected, to the error where there is one. */
  closed(): Promise<void | Error> {
    return this.#closed.promise;
  }

  /** Ends it, and says so to nobody. */
  discard(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#giveUp.abort(new ConnectionError("the connection was given up"));
    this.#stream?.close();
  }

  #cannotSend(error: unknown): void {
    this.#sendError = error;
    if (!this.#isClosed) this.#timer = setTimeout(() => this.#end(error), LAST_WORDS);
  }

  #end(error: unknown): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#timer);
    if (this.#stream === undefined) return;
    this.#stream.close();
    this.#closeError = error === undefined ? undefined : asConnectionError(error);
    this.#closed.resolve(this.#closeError);
  }
}

function asConnectionError(error: unknown): Error {
  if (error instanceof ConnectionError) return error;
  const { message } = error instanceof Error ? error : new Error(String(error));
  return new ConnectionError(message, { cause: error });
}
