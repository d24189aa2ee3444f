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

import { checkCount, checkOptions, show } from "../primitives/kernel/check.ts";
import type { TimeoutError } from "../primitives/kernel/errors.ts";
import { waitForPromise, type WaitOptions } from "../primitives/kernel/wait.ts";
import { type SocketAddress, socketAddress } from "./address.ts";
import { explain } from "./errors.ts";
import {
  checkFormat,
  encodeFrame,
  FrameBatches,
  type FrameOptions,
  SingleFrames,
} from "./frames.ts";
import { checkLines, LineBatches, type LineOptions, SingleLines } from "./lines.ts";
import { Pieces } from "./pieces.ts";
import type { AnyConnection } from "./platform.ts";
import { ReadSide } from "./read_side.ts";
import { type CloseReason, GONE, StreamCore } from "./stream_core.ts";
import { checkDelimiter, Until } from "./until.ts";
import { WriteSide } from "./write_side.ts";

/** Closes a stream whose peer keeps a read or a write waiting for so many milliseconds. */
export let limitIdle: (stream: SocketStream, ms: number) => void;

/** The error that a stream was closed with since its peer was idle. */
export let idleErrorOf: (stream: SocketStream) => unknown;

/** Closes a stream for a reason that it cannot know itself. */
export let closeAs: (stream: SocketStream, reason: CloseReason) => void;

/** Closes a stream whose peer has kept something waiting for too long. */
export let closeIdle: (stream: SocketStream, error: TimeoutError) => void;

/** The two sides of a stream, for those who watch them. */
export let sidesOf: (stream: SocketStream) => { reading: ReadSide; writing: WriteSide };

/**
 * Takes the platform's connection out of a stream, which is closed by that. `undefined` where there
 * is something that has come and was not read: it would be lost.
 */
export let takeNative: (stream: SocketStream) => AnyConnection | undefined;

/** How to read up to a delimiter. */
export interface UntilOptions extends WaitOptions {
  /** How many bytes there may be before the delimiter. Default: 65,536. */
  max?: number;
}

/**
 * A connection: what {@linkcode connect} gives, and a listener. It is open until it is closed; hold
 * it by `using`, unless `serve` holds it.
 *
 * It is read in one of these ways at a time, which can follow each other as the protocol has it: what
 * one of them has not taken is there for the next, and no wait that is cut short loses a byte.
 *
 * | Read by | and get |
 * | --- | --- |
 * | {@linkcode SocketStream.read}, `for await` | what there is |
 * | {@linkcode SocketStream.readExactly} | so many bytes |
 * | {@linkcode SocketStream.readUntil} | what is before a delimiter |
 * | {@linkcode SocketStream.lines} | lines of text |
 * | {@linkcode SocketStream.frames} | frames, each behind its length |
 *
 * @typeParam A What kind of addresses its ends have.
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
export class SocketStream<A extends SocketAddress = SocketAddress>
  implements AsyncIterable<Uint8Array>, Disposable {
  readonly #core: StreamCore;
  readonly #reading: ReadSide;
  readonly #writing: WriteSide;
  #alpnProtocol: string | null = null;

  /**
   * Streams are made by `connect`, and by listeners.
   *
   * @param native The platform's connection.
   * @param ended Called when it is closed.
   */
  constructor(native: AnyConnection, ended?: (reason: CloseReason) => void) {
    this.#core = new StreamCore(native, (reason) => {
      this.#reading.end();
      this.#writing.end();
      ended?.(reason);
    });
    this.#reading = new ReadSide(this.#core);
    this.#writing = new WriteSide(this.#core);
  }

  /** Where the peer is. */
  get remoteAddress(): A {
    return socketAddress(this.#core.native.remoteAddr, this.encrypted) as A;
  }

  /** Where this end is. */
  get localAddress(): A {
    return socketAddress(this.#core.native.localAddr, this.encrypted) as A;
  }

  /** Whether what is sent over it is encrypted, by TLS. */
  get encrypted(): boolean {
    return this.#core.native.handshake !== undefined;
  }

  /**
   * The protocol that both ends have agreed on in their hand-shake; `null` when they have not, or have
   * not yet: see {@linkcode SocketStream.handshake}.
   */
  get alpnProtocol(): string | null {
    return this.#alpnProtocol;
  }

  /**
   * The peer's address as text: what `inspect()` and errors call the stream. The end of a Unix socket
   * that has connected has none, and is called by the path of the other.
   */
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
   * Reads what is before a delimiter, and takes the delimiter too. When the wait is cancelled, what has
   * come is there for the next read.
   *
   * @param delimiter Some bytes; or a text, which stands for its bytes in UTF-8.
   * @param options `max`, `signal`, `timeout` in milliseconds for all of it, and `endOnStop`.
   * @returns The bytes before the delimiter; `null` when the peer sends no more. They share memory with
   * what came along with them: keep a copy of what is to be kept for long.
   * @throws {TypeError | RangeError} At the call, when an argument makes no sense.
   * @throws {TooLongError} When there are more than `max` bytes before it.
   * @throws {ClosedError} When the peer ends before; what it did send is there for the next read. When
   * the stream is closed, before or meanwhile.
   * @throws {BusyError} When another read is waiting.
   *
   * @example
   * ```ts
   * import { connect, listen } from "@grove/grove";
   *
   * using listener = listen({ hostname: "127.0.0.1", port: 0 });
   * using client = await connect(listener.addresses[0]);
   * using server = await listener.accept();
   *
   * await client.write(new TextEncoder().encode("key=value\0rest"));
   * const decoder = new TextDecoder();
   * console.log(decoder.decode((await server.readUntil("="))!)); // key
   * console.log(decoder.decode((await server.readUntil("\0"))!)); // value
   * console.log(decoder.decode(await server.readExactly(4))); // rest
   * ```
   */
  readUntil(delimiter: Uint8Array | string, options?: UntilOptions): Promise<Uint8Array | null> {
    const action = `read from ${this.name}`;
    const bytes = checkDelimiter(delimiter, action);
    if (options !== undefined) checkOptions(options, action);
    const { max = 65536 } = options ?? {};
    checkCount(max, action, "'max'", 0);
    return this.#reading.piece(new Until(this.name, bytes, max), options);
  }

  /**
   * Takes one line of text after the other, without their ends, `\n` or `\r\n`. It ends when the peer
   * sends no more; what follows the last end of a line is a line too. Leaving it early leaves the
   * stream open, and all that follows the last line taken is there for the next read.
   *
   * @param options `max`, `encoding`; and `signal`, `timeout` in milliseconds, and `endOnStop` for the
   * wait for each line: with the last of them it ends when the scope is asked to stop.
   * @returns An iterator of lines. Its `batches()` give all that are there at once, which is quicker
   * where they are short and many.
   * @throws {TypeError | RangeError} At the call, when an option makes no sense.
   * @throws {TooLongError} From the iterator, when a line has more than `max` bytes.
   * @throws {BusyError} From the iterator, when another read is waiting.
   *
   * @example
   * ```ts
   * import { connect, listen } from "@grove/grove";
   *
   * using listener = listen({ hostname: "127.0.0.1", port: 0 });
   * using client = await connect(listener.addresses[0]);
   * using server = await listener.accept();
   *
   * await client.write(new TextEncoder().encode("one\ntwo\r\nthree"));
   * await client.closeWrite();
   * for await (const line of server.lines({ max: 1000 })) console.log(line); // one, two, three
   * ```
   */
  lines(options?: LineOptions): Pieces<string> {
    const checked = checkLines(options, `read lines from ${this.name}`);
    return new Pieces(
      this.#reading,
      new SingleLines(this.name, checked),
      () => new LineBatches(this.name, checked),
      options,
    );
  }

  /**
   * Takes one frame after the other: bytes behind their length, as {@linkcode SocketStream.writeFrame}
   * sends them. It ends when the peer sends no more. Leaving it early leaves the stream open, and all
   * that follows the last frame taken is there for the next read.
   *
   * @param options `lengthBytes`, `littleEndian` and `max`; and `signal`, `timeout` in milliseconds, and
   * `endOnStop` for the wait for each frame: with the last of them it ends when the scope is asked to
   * stop.
   * @returns An iterator of frames. They are the taker's, but share memory with those that came along
   * with them: keep a copy of what is to be kept for long. Its `batches()` give all that are there at
   * once, which is quicker where they are short and many.
   * @throws {TypeError | RangeError} At the call, when an option makes no sense.
   * @throws {TooLongError} From the iterator, when a frame says that it has more than `max` bytes.
   * @throws {ClosedError} From the iterator, when the peer ends in the middle of a frame.
   * @throws {BusyError} From the iterator, when another read is waiting.
   *
   * @example
   * ```ts
   * import { connect, listen } from "@grove/grove";
   *
   * using listener = listen({ hostname: "127.0.0.1", port: 0 });
   * using client = await connect(listener.addresses[0]);
   * using server = await listener.accept();
   *
   * for (const text of ["one", "two"]) await client.writeFrame(new TextEncoder().encode(text));
   * await client.closeWrite();
   * for await (const frame of server.frames()) {
   *   console.log(new TextDecoder().decode(frame)); // one, two
   * }
   * ```
   */
  frames(options?: FrameOptions): Pieces<Uint8Array> {
    const format = checkFormat(options, `read frames from ${this.name}`);
    return new Pieces(
      this.#reading,
      new SingleFrames(this.name, format),
      () => new FrameBatches(this.name, format),
      options,
    );
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
   * Writes bytes behind their length, for a peer that reads {@linkcode SocketStream.frames}. As every
   * write it is sent as a whole, or not at all.
   *
   * @param data The bytes; they are copied, and the memory is the caller's again at once.
   * @param options `lengthBytes`, `littleEndian` and `max`, as the peer has them; `signal`, `timeout` in
   * milliseconds, and `endOnStop`.
   * @returns Resolves to nothing, when the system has taken the last of the bytes.
   * @throws {TypeError | RangeError} At the call, when an argument makes no sense.
   * @throws {TooLongError} At the call, when there are more than `max`, or than the length can tell.
   * @throws {ClosedError} When the stream, or its writing side, is closed.
   * @throws {Deno.errors.BrokenPipe} When the peer has gone.
   */
  writeFrame(data: Uint8Array, options?: FrameOptions): Promise<void> {
    const format = checkFormat(options, `write a frame to ${this.name}`);
    if (!(data instanceof Uint8Array)) throw this.#noBytes("write to", "the data", data);
    return this.#writing.write(encodeFrame(data, format, this.name), options);
  }

  /**
   * Completes the hand-shake of an encrypted connection, which is where a peer that cannot be trusted is
   * found out. `connect` and `serve` do so by themselves; else it happens with the first read or write.
   *
   * @param options `signal` and `timeout` in milliseconds, which end the wait.
   * @returns Resolves to nothing, when it is done; at once, where nothing is encrypted.
   * @throws {ClosedError} When the stream is closed, before or meanwhile.
   * @throws {Deno.errors.InvalidData} When the peer speaks no TLS, cannot prove its name, or does not
   * trust us.
   */
  async handshake(options?: WaitOptions): Promise<void> {
    const { native } = this.#core;
    if (this.#core.closed) throw this.#core.closedError("shake hands with");
    if (native.handshake === undefined) return;
    try {
      const { alpnProtocol } = await waitForPromise(native.handshake(), options);
      this.#alpnProtocol = alpnProtocol;
    } catch (error) {
      if (this.#core.closed) throw this.#core.closedError("shake hands with");
      throw this.#handshakeError(error);
    }
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

  #handshakeError(error: unknown): unknown {
    const platforms = error instanceof Error && PLATFORM_ERRORS.has(error.name);
    if (!platforms) return error;
    this.#core.failed = true;
    return explain(error, `Cannot shake hands with ${this.name}`, {
      ...GONE,
      UnexpectedEof: "the peer has gone. Connect again",
      InvalidData: `the two do not agree: ${(error as Error).message}`,
    });
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
    closeIdle = (stream, error) => stream.#core.closeIdle(error);
    closeAs = (stream, reason) => stream.#core.close(reason);
    sidesOf = (stream) => ({ reading: stream.#reading, writing: stream.#writing });
    takeNative = (stream) => {
      if (stream.#reading.isReady) return undefined;
      stream.#core.closed = true;
      stream.#reading.end();
      return stream.#core.native;
    };
  }
}

/** Those that tell that a hand-shake has failed, and not just the wait for it. */
const PLATFORM_ERRORS = new Set(["BrokenPipe", "ConnectionReset", "InvalidData", "UnexpectedEof"]);
