/**
 * Streams over sockets: bytes in, bytes out, and every wait can be cancelled.
 *
 * The platform's reads and writes cannot: only closing the connection ends them. So the stream reads
 * into memory of its own, and a read that is cancelled leaves the platform's read under way; what
 * that brings is kept for the next read. No byte is lost, and none turns up in a buffer that the
 * caller has taken back. What it costs is one copy, and memory only as long as bytes come: see
 * `read_side.ts` and `read_buffers.ts`.
 *
 * A write that has begun is carried to its end even if its caller no longer waits: a message is
 * never cut in the middle, and the next one can follow it. Writes of several tasks are sent one
 * after the other, each as a whole: see `write_side.ts`.
 *
 * @module
 */

import { show } from "../primitives/kernel/check.ts";
import type { WaitOptions } from "../primitives/kernel/wait.ts";
import { type SocketAddress, socketAddress } from "./address.ts";
import type { NativeConnection } from "./platform.ts";
import { ReadSide } from "./read_side.ts";
import { StreamCore } from "./stream_core.ts";
import { WriteSide } from "./write_side.ts";

/** Closes a stream whose peer keeps a read or a write waiting for so many milliseconds. */
export let limitIdle: (stream: SocketStream, ms: number) => void;

/** The error that a stream was closed with since its peer was idle. */
export let idleErrorOf: (stream: SocketStream) => unknown;

/**
 * A connection: what {@linkcode connect} gives, and a listener. It is open until it is closed; hold
 * it by `using`, unless `serve` holds it.
 *
 * @example
 * ```ts
 * import { connect, listen } from "@grove/grove";
 *
 * using listener = listen({ hostname: "127.0.0.1", port: 0 });
 * using client = await connect(listener.addresses[0]);
 * using server = await listener.accept();
 *
 * await client.write(new TextEncoder().encode("hello"));
 * const buffer = new Uint8Array(1024);
 * const count = await server.read(buffer);
 * console.log(count); // 5
 * ```
 */
export class SocketStream implements AsyncIterable<Uint8Array>, Disposable {
  readonly #core: StreamCore;
  readonly #reading: ReadSide;
  readonly #writing: WriteSide;

  /**
   * Streams are made by `connect`, and by listeners.
   *
   * @param native The platform's connection.
   */
  constructor(native: NativeConnection) {
    this.#core = new StreamCore(native, () => {
      this.#reading.end();
      this.#writing.end();
    });
    this.#reading = new ReadSide(this.#core);
    this.#writing = new WriteSide(this.#core);
  }

  /** Where the peer is. */
  get remoteAddress(): SocketAddress {
    return socketAddress(this.#core.native.remoteAddr);
  }

  /** Where this end is. */
  get localAddress(): SocketAddress {
    return socketAddress(this.#core.native.localAddr);
  }

  /** The peer's address as text: what `inspect()` and errors call the stream. */
  get name(): string {
    return this.#core.name;
  }

  /** Whether it was closed. */
  get closed(): boolean {
    return this.#core.closed;
  }

  /**
   * Reads what there is, and waits when there is nothing.
   *
   * @param buffer Where to put it.
   * @param options `signal` and `timeout` in milliseconds; with `endOnStop` it gives `null` when the
   * scope is asked to stop.
   * @returns How many bytes have come, at least one; `null` when the peer sends no more.
   * @throws {TypeError | RangeError} At the call, when there is no buffer, or no room in it.
   * @throws {BusyError} When another read is waiting.
   * @throws {ClosedError} When the stream is closed, before or meanwhile.
   */
  read(buffer: Uint8Array, options?: WaitOptions): Promise<number | null> {
    if (!(buffer instanceof Uint8Array)) throw this.#noBytes("read from", "the buffer", buffer);
    if (buffer.length === 0) {
      throw new RangeError(
        `Cannot read from ${this.name} as the buffer has no room: received a length of 0`,
      );
    }
    return this.#reading.some(buffer, options);
  }

  /**
   * Reads so many bytes and no fewer. When the wait is cancelled, what has come is there for the next
   * read.
   *
   * @param into Where to put them, or how many there are to be.
   * @param options `signal`, `timeout` in milliseconds for all of it, and `endOnStop`.
   * @returns The bytes: the buffer that was given, or a new one.
   * @throws {TypeError | RangeError} At the call, when `into` makes no sense.
   * @throws {ClosedError} When the peer ends before; what it did send is there for the next read. When
   * the stream is closed, before or meanwhile.
   * @throws {BusyError} When another read is waiting.
   */
  readExactly(into: Uint8Array | number, options?: WaitOptions): Promise<Uint8Array> {
    if (typeof into === "number" && !(Number.isInteger(into) && into >= 0)) {
      throw new RangeError(
        `Cannot read from ${this.name} as the count must be a whole number from 0 up: received ${into}`,
      );
    }
    const buffer = typeof into === "number" ? new Uint8Array(into) : into;
    if (!(buffer instanceof Uint8Array)) throw this.#noBytes("read from", "the buffer", buffer);
    return this.#reading.exactly(buffer, options);
  }

  /**
   * Takes one piece after the other, as they come; each is the taker's to keep. It ends when the peer
   * sends no more. Leaving it early leaves the stream open.
   *
   * @returns An iterator of pieces.
   */
  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return { next: () => this.#reading.chunk() };
  }

  /**
   * Writes all of it. When the wait is cancelled while the bytes wait behind another write, nothing
   * is sent; once they are being sent, all of them are, and they must not be changed until then.
   *
   * @param data The bytes.
   * @param options `signal`, `timeout` in milliseconds, and `endOnStop`.
   * @returns Resolves to nothing, when the system has taken the last of the bytes.
   * @throws {TypeError} At the call, when it is no `Uint8Array`.
   * @throws {ClosedError} When the stream, or its writing side, is closed.
   * @throws {Deno.errors.BrokenPipe} When the peer has gone.
   */
  write(data: Uint8Array, options?: WaitOptions): Promise<void> {
    if (!(data instanceof Uint8Array)) throw this.#noBytes("write to", "the data", data);
    return this.#writing.write(data, options);
  }

  /**
   * Tells the peer that no more is sent, after what is being written. Reading goes on.
   *
   * @param options `signal` and `timeout` in milliseconds, for the wait for the writes before it.
   * @returns Resolves to nothing, when the peer has been told; at once, if it has been before.
   * @throws {ClosedError} When the stream is closed.
   */
  closeWrite(options?: WaitOptions): Promise<void> {
    return this.#writing.write(null, options);
  }

  /**
   * Closes it, both ways: whoever waits for it gets a `ClosedError`, and what is being written is cut
   * off. Does nothing when it is closed already.
   */
  close(): void {
    this.#core.close();
  }

  /** Closes it: for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #noBytes(verb: string, what: string, value: unknown): TypeError {
    const hint = typeof value === "string" ? ". Encode text: new TextEncoder().encode(text)" : "";
    return new TypeError(
      `Cannot ${verb} ${this.name} as ${what} must be a Uint8Array: received ${show(value)}${hint}`,
    );
  }

  static {
    limitIdle = (stream, timeout) => {
      stream.#core.idle = { timeout };
    };
    idleErrorOf = (stream) => stream.#core.idleError;
  }
}
