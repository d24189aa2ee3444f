/**
 * WebSockets as tasks see them: messages to receive one by one, sends that wait for a slow peer, and
 * a close that tells why. The platform's own pushes messages as they come, whether anybody takes
 * them or not, and takes what is sent without end; so both are bounded here.
 *
 * @module
 */

import { show } from "../primitives/kernel/check.ts";
import { currentClock } from "../primitives/kernel/clock.ts";
import { outside } from "../primitives/kernel/context.ts";
import { BrokenResourceError, ClosedError } from "../primitives/kernel/errors.ts";
import type { WaitOptions } from "../primitives/kernel/wait.ts";
import { Channel } from "../primitives/channel.ts";
import { Deferred } from "../primitives/deferred.ts";
import { Event } from "../primitives/event.ts";
import { Semaphore } from "../primitives/semaphore.ts";
import { shield } from "../primitives/shield.ts";
import { moveOnAfter } from "../primitives/move_on_after.ts";
import { TooLongError } from "./errors.ts";

/** A message: text, or bytes. */
export type WebSocketMessage = string | Uint8Array<ArrayBuffer>;

/** How a WebSocket was closed. */
export interface WebSocketClose {
  /** The code of RFC 6455: 1000 is a normal end, 1006 one without a word. */
  readonly code: number;
  /** Why, as the peer or the platform has put it; often empty. */
  readonly reason: string;
}

/** What bounds a WebSocket. */
export interface WebSocketLimits {
  /** How many bytes a message of the peer may have, in UTF-8 if it is text. */
  readonly max: number;
  /** How many messages of the peer may wait to be received. */
  readonly capacity: number;
  /** After how many milliseconds a peer is taken for gone that takes nothing of what was sent. */
  readonly idleTimeout: number;
}

/** A WebSocket as the platform has it. */
export interface NativeWebSocket {
  binaryType?: string;
  readonly readyState: number;
  /** Not on every platform. */
  readonly bufferedAmount?: number;
  send(data: string | Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: string, listener: (event: unknown) => void): void;
}

/** How many bytes the platform may hold before a send waits. */
const HIGH_WATER = 64 * 1024;

/** How many bytes may wait to be received, if two messages have not more than that. */
const MOST_WAITING = 16 * 2 ** 20;

/** How often it is looked at least whether a send may go on, in milliseconds. */
const LONGEST_PAUSE = 32;

/** For how many milliseconds a peer is waited for that has been told of the end. */
const FAREWELL = 1000;

const OPEN = 1;

/** Ends a WebSocket in the task that it belongs to, and waits a little for the peer to agree. */
export let endWebSocket: (
  socket: WebSocketConnection,
  code: number,
  reason: string,
) => Promise<void>;

/** Resolves when the WebSocket is open. */
export let webSocketOpened: (socket: WebSocketConnection) => Promise<void>;

/** Whether an error is that of a WebSocket whose peer has closed it. */
export let isEndOf: (socket: WebSocketConnection, error: unknown) => boolean;

/**
 * A WebSocket that was accepted by {@linkcode upgradeWebSocket}. It belongs to the task of its
 * handler, and is closed when that ends.
 *
 * The loop over it gives the messages, and ends when the peer has closed it, or the server is asked to
 * stop.
 *
 * @example
 * ```ts
 * import { fetchHandler, upgradeWebSocket } from "@grove/grove";
 *
 * const handler = fetchHandler((request) =>
 *   upgradeWebSocket(request, async (socket) => {
 *     for await (const message of socket) await socket.send(message);
 *     console.log(socket.closed); // { code: 1000, reason: "" }
 *   })
 * );
 * ```
 */
export class WebSocketConnection implements AsyncIterable<WebSocketMessage> {
  /** What errors and `inspect()` call it. */
  readonly name: string;
  /** The subprotocol that was agreed on; "" for none. */
  readonly protocol: string;
  readonly #native: NativeWebSocket;
  readonly #limits: WebSocketLimits;
  readonly #opened: Deferred<void>;
  readonly #gone: Deferred<void>;
  readonly #inbox: Channel<WebSocketMessage>;
  // What the messages in there take. Of text that is the number of its characters, near enough.
  #waiting = 0;
  // In line: a text that waits for room is not overtaken by the next.
  readonly #sending: Semaphore;
  // Set when the platform holds so little that more can be sent.
  readonly #room: Event;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed: WebSocketClose | undefined;
  #ending: Error | undefined;

  /**
   * They are made by {@linkcode upgradeWebSocket}.
   *
   * @param native The platform's own.
   * @param name What to call it.
   * @param protocol The subprotocol.
   * @param limits How much of the peer's is taken.
   */
  constructor(native: NativeWebSocket, name: string, protocol: string, limits: WebSocketLimits) {
    this.name = name;
    this.protocol = protocol;
    this.#native = native;
    this.#limits = limits;
    this.#opened = new Deferred({ name: `open ${name}` });
    this.#gone = new Deferred({ name: `close of ${name}` });
    this.#inbox = new Channel(limits.capacity, { name: `messages of ${name}` });
    this.#sending = new Semaphore(1, { name: `send to ${name}` });
    this.#room = new Event({ name: `room to send to ${name}` });
    native.binaryType = "arraybuffer";
    native.addEventListener("open", () => this.#opened.resolve());
    native.addEventListener("message", (event) => this.#receive((event as MessageEvent).data));
    native.addEventListener("close", (event) => {
      const { code, reason } = event as CloseEvent;
      this.#peerClosed({ code: code || 1006, reason: reason ?? "" });
    });
    // Of an error nothing is told but a text, and what it did to the connection is told by "close".
    native.addEventListener("error", () => {});
    if (native.readyState === OPEN) this.#opened.resolve();
  }

  /** How it was closed, by whichever side; `undefined` while it is open. */
  get closed(): WebSocketClose | undefined {
    return this.#closed;
  }

  /**
   * Sends a message. While the peer takes less than is sent it waits, so that a slow peer slows its
   * sender down and takes no memory: not on workerd, which does not tell how much it holds. A peer
   * that takes nothing at all for the idle timeout is taken for gone.
   *
   * @param message Text, or bytes.
   * @param options `signal`, `timeout` in milliseconds and `endOnStop`, which end the wait; nothing of
   * the message is sent then.
   * @returns Resolves to nothing, when the platform has taken the message.
   * @throws {TypeError} When the message is neither text nor bytes.
   * @throws {ClosedError} When the WebSocket is closed.
   * @throws {TimeoutError} When the time is up.
   * @throws {Cancelled} When the scope is cancelled.
   */
  async send(message: string | Uint8Array<ArrayBuffer>, options?: WaitOptions): Promise<void> {
    if (typeof message !== "string" && !(message instanceof Uint8Array)) {
      throw new TypeError(
        `Cannot send to ${this.name} as a message must be a string or a Uint8Array: received ${
          show(message)
        }`,
      );
    }
    const { timeout = Infinity } = options ?? {};
    const until = currentClock().now() + timeout;
    await this.#sending.acquire(options);
    try {
      if (this.#isFull) {
        this.#room.clear();
        if (this.#timer === undefined) this.#look();
        await this.#room.wait({
          ...options,
          timeout: Math.max(0, until - currentClock().now()),
        });
      }
      if (this.#closed !== undefined) throw this.#end();
      this.#native.send(message);
    } finally {
      this.#sending.release();
    }
  }

  /**
   * Receives the next message.
   *
   * @param options `signal`, `timeout` in milliseconds and `endOnStop`, which end the wait; no message
   * is lost then.
   * @returns The message.
   * @throws {ClosedError} When the WebSocket is closed, and what came before that was received; with
   * `endOnStop`, when the server is asked to stop.
   * @throws {TooLongError} When the peer has sent a message that is longer than `max`.
   * @throws {BrokenResourceError} When the peer has sent more than may wait to be received: more than
   * `capacity` messages, or too many bytes.
   * @throws {TimeoutError} When the time is up.
   * @throws {Cancelled} When the scope is cancelled.
   */
  async receive(options?: WaitOptions): Promise<WebSocketMessage> {
    try {
      const message = await this.#inbox.receive(options);
      this.#waiting -= message.length;
      return message;
    } catch (error) {
      if (error instanceof ClosedError && this.#inbox.closed) throw this.#end();
      throw error;
    }
  }

  /**
   * Closes it; the handler may go on. A handler that returns has it closed with 1000, so this is for
   * other codes.
   *
   * @param code 1000, or one of the program's own, from 3000 to 4999. Default: 1000.
   * @param reason At most 123 bytes of text. Default: none.
   * @throws {TypeError | RangeError} When an argument makes no sense.
   */
  close(code = 1000, reason = ""): void {
    const action = `close ${this.name}`;
    if (code !== 1000 && !(Number.isInteger(code) && code >= 3000 && code < 5000)) {
      throw new RangeError(
        `Cannot ${action} as the code must be 1000, or from 3000 to 4999: received ${show(code)}`,
      );
    }
    if (typeof reason !== "string") {
      throw new TypeError(
        `Cannot ${action} as the reason must be a string: received ${show(reason)}`,
      );
    }
    if (new TextEncoder().encode(reason).length > 123) {
      throw new RangeError(`Cannot ${action} as the reason must be 123 bytes at most: "${reason}"`);
    }
    this.#close(code, reason);
  }

  /**
   * The messages as they come, until the peer has closed it or the server is asked to stop.
   *
   * @returns The iterator; leaving the loop early leaves the WebSocket open.
   */
  [Symbol.asyncIterator](): AsyncIterator<WebSocketMessage, undefined> {
    return {
      next: async () => {
        try {
          return { done: false, value: await this.receive({ endOnStop: true }) };
        } catch (error) {
          if (error instanceof ClosedError) return { done: true, value: undefined };
          throw error;
        }
      },
    };
  }

  get #isFull(): boolean {
    return this.#closed === undefined && (this.#native.bufferedAmount ?? 0) > HIGH_WATER;
  }

  /**
   * Nobody tells when the platform holds less: it has to be looked at, more and more seldom. Nor does
   * it tell when it is stuck: what asks whether the peer is there waits behind what it does not take.
   *
   * @param pause How long ago the last look was.
   * @param held What the platform held then.
   * @param stuck For how long it had held that by then.
   */
  #look(pause = 0, held = NaN, stuck = 0): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#isFull) return this.#room.set();
    const { idleTimeout } = this.#limits;
    const holds = this.#native.bufferedAmount!;
    const now = holds === held ? stuck + pause : 0;
    if (now >= idleTimeout) {
      this.#peerClosed({ code: 1006, reason: `it has taken nothing for ${idleTimeout} ms` });
      this.#native.close();
    } else {
      const next = Math.min(Math.max(1, 2 * pause), LONGEST_PAUSE);
      this.#timer = outside(() => setTimeout(() => this.#look(next, holds, now), next));
    }
  }

  #receive(data: string | ArrayBuffer): void {
    if (this.#closed !== undefined) return;
    const { max, capacity } = this.#limits;
    const most = Math.max(MOST_WAITING, 2 * max);
    const message = typeof data === "string" ? data : new Uint8Array(data);
    const length = typeof message === "string" ? lengthOf(message, max) : message.length;
    if (length > max) {
      this.#fail(
        new TooLongError(
          `Cannot receive from ${this.name} as a message has more than ${max} bytes. Raise 'max', or have the peer send less`,
        ),
        1009,
      );
    } else if (this.#waiting + message.length > most) {
      this.#overflow(`${most} bytes that nobody has received. Receive them sooner`);
    } else if (this.#inbox.trySend(message)) this.#waiting += message.length;
    else {
      this.#overflow(
        `${capacity} messages that nobody has received. Receive them sooner, or raise 'capacity'`,
      );
    }
  }

  #overflow(most: string): void {
    this.#fail(
      new BrokenResourceError(
        `Cannot receive from ${this.name} as the peer has sent more than ${most}`,
      ),
      1013,
    );
  }

  #fail(error: Error, code: number): void {
    this.#ending = error;
    this.#close(code, "");
  }

  #close(code: number, reason: string): void {
    if (this.#closed !== undefined) return;
    this.#closed = Object.freeze({ code, reason });
    this.#inbox.close();
    this.#look();
    this.#native.close(code, reason);
  }

  // Deno may tell of an end twice, and of one that we began without its code.
  #peerClosed({ code, reason }: WebSocketClose): void {
    this.#closed ??= Object.freeze({ code, reason });
    this.#inbox.close();
    this.#look();
    this.#opened.resolve();
    this.#gone.resolve();
  }

  #end(): Error {
    const { code, reason } = this.#closed!;
    return this.#ending ??= new ClosedError(
      `Cannot use ${this.name} as it is closed, with code ${code}${reason && `: "${reason}"`}`,
    );
  }

  static {
    endWebSocket = async (socket, code, reason) => {
      socket.#close(code, reason);
      await shield(() => moveOnAfter(FAREWELL, () => socket.#gone.wait()));
    };

    webSocketOpened = (socket) => socket.#opened.wait();

    isEndOf = (socket, error) => error instanceof ClosedError && error === socket.#ending;
  }
}

/** How many bytes a text has in UTF-8, if that has to be known. */
function lengthOf(text: string, max: number): number {
  return text.length * 3 <= max ? text.length : new TextEncoder().encode(text).length;
}
