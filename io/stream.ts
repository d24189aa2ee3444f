/**
 * Streams over sockets: bytes in, bytes out, and every wait can be cancelled.
 *
 * The platform's reads and writes cannot: only closing the connection ends them. So the stream reads
 * into memory of its own, and a read that is cancelled leaves the platform's read under way; what
 * that brings is kept for the next read. No byte is lost, and none turns up in a buffer that the
 * caller has taken back. What it costs is one copy, and memory only as long as bytes come: see
 * `read_buffers.ts`.
 *
 * A write that has begun is carried to its end even if its caller no longer waits: a message is
 * never cut in the middle, and the next one can follow it. Writes of several tasks are sent one
 * after the other, each as a whole.
 *
 * @module
 */

import { show } from "../primitives/kernel/check.ts";
import { currentScope } from "../primitives/kernel/context.ts";
import { type Cancelled, ClosedError, TimeoutError } from "../primitives/kernel/errors.ts";
import { WaitQueue, type WaitTarget } from "../primitives/kernel/queue.ts";
import { entry, suspend, Waiter, type WaitOptions } from "../primitives/kernel/wait.ts";
import { formatAddress, type SocketAddress, socketAddress } from "./address.ts";
import { BusyError, explain } from "./errors.ts";
import type { NativeConnection } from "./platform.ts";
import { giveBack, SMALL, takeLarge } from "./read_buffers.ts";

/** An error in a box, as anything can be thrown. */
interface Failure {
  readonly error: unknown;
}

/** After how many small reads in a row a large buffer is given back. */
const QUIET_READS = 8;

/** Closes a stream whose peer keeps a read or a write waiting for so many milliseconds. */
export let limitIdle: (stream: SocketStream, ms: number) => void;

/** The error that a stream was closed with since its peer was idle. */
export let idleErrorOf: (stream: SocketStream) => unknown;

let putBack: (stream: SocketStream, bytes: Uint8Array) => void;
let closeIdle: (stream: SocketStream, error: TimeoutError) => void;

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
  readonly #native: NativeConnection;
  readonly #readers: WaitQueue<unknown>;
  readonly #writers: WaitQueue<void>;
  #name: string | undefined;
  #closed = false;
  #idle: WaitOptions | undefined;
  #idleError: TimeoutError | undefined;

  // What has been received and not been read: first what was put back, then the part of the buffer
  // from start to end.
  #unread: Uint8Array | null = null;
  #buffer: Uint8Array | null = null;
  #start = 0;
  #end = 0;
  #receiving = false;
  #quietReads = 0;
  // How reading has ended: `null` after the peer's last byte, or the error.
  #readEnd: Failure | null | undefined;

  // What the platform is sending: bytes from #sent on, whether somebody waits for it or not.
  #sending: Uint8Array | null = null;
  #sent = 0;
  #writeError: Failure | undefined;
  #writeSideClosed = false;

  /**
   * Streams are made by `connect`, and by listeners.
   *
   * @param native The platform's connection.
   */
  constructor(native: NativeConnection) {
    this.#native = native;
    this.#readers = new WaitQueue(new Target("data from", this));
    this.#writers = new WaitQueue(new Target("writing to", this));
  }

  /** Where the peer is. */
  get remoteAddress(): SocketAddress {
    return socketAddress(this.#native.remoteAddr);
  }

  /** Where this end is. */
  get localAddress(): SocketAddress {
    return socketAddress(this.#native.localAddr);
  }

  /** The peer's address as text: what `inspect()` and errors call the stream. */
  get name(): string {
    return this.#name ??= formatAddress(this.#native.remoteAddr);
  }

  /** Whether it was closed. */
  get closed(): boolean {
    return this.#closed;
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
    checkBytes(buffer, `read from ${this.name}`, "the buffer");
    if (buffer.length === 0) {
      throw new RangeError(
        `Cannot read from ${this.name} as the buffer has no room: received a length of 0`,
      );
    }
    return this.#read(new SomeReader(this, buffer), options);
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
    checkBytes(buffer, `read from ${this.name}`, "the buffer");
    return this.#read(new ExactReader(this, buffer), options);
  }

  /**
   * Takes one piece after the other, as they come; each is the taker's to keep. It ends when the peer
   * sends no more. Leaving it early leaves the stream open.
   *
   * @returns An iterator of pieces.
   */
  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return { next: () => this.#read(new ChunkReader(this)) };
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
    checkBytes(data, `write to ${this.name}`, "the data");
    return this.#write(data, options);
  }

  /**
   * Tells the peer that no more is sent, after what is being written. Reading goes on.
   *
   * @param options `signal` and `timeout` in milliseconds, for the wait for the writes before it.
   * @returns Resolves to nothing, when the peer has been told.
   * @throws {ClosedError} When the stream is closed.
   */
  closeWrite(options?: WaitOptions): Promise<void> {
    if (this.#writeSideClosed) return DONE;
    return this.#write(null, options);
  }

  /**
   * Closes it, both ways: whoever waits for it gets a `ClosedError`, and what is being written is cut
   * off. Does nothing when it is closed already.
   */
  close(): void {
    this.#close(undefined);
  }

  /** Closes it: for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }

  // Reading.

  #read<T>(reader: Reader<T>, options?: WaitOptions): Promise<T> {
    const scope = currentScope();
    const barred = entry(scope, options);
    if (barred !== undefined) return barred;
    if (this.#closed) return Promise.reject(this.#closedError("read from"));
    if (this.#readers.first !== null) {
      return Promise.reject(
        new BusyError(
          `Cannot read from ${this.name} as another read is waiting. Let one task do the reading`,
        ),
      );
    }
    if (this.#feed(reader)) return Promise.resolve(reader.result);
    if (this.#readEnd !== undefined) return reader.atEnd(this.#readEnd);
    if (options?.endOnStop && scope.stopping && reader.stopsEarly) return reader.atEnd(null);
    this.#readers.add(reader as Reader<unknown>);
    this.#receive();
    return suspend(scope, reader, this.#patience(reader, options));
  }

  /** Gives a reader what has been received, and says whether that is enough for it. */
  #feed<T>(reader: Reader<T>): boolean {
    if (this.#unread !== null) {
      const taken = reader.take(this.#unread);
      this.#unread = taken === this.#unread.length ? null : this.#unread.subarray(taken);
    }
    if (this.#start < this.#end && !reader.satisfied) {
      this.#start += reader.take(this.#buffer!.subarray(this.#start, this.#end));
    }
    return reader.satisfied;
  }

  #receive(): void {
    if (this.#receiving) return; // A read that was cancelled has left one.
    this.#receiving = true;
    const buffer = this.#buffer ??= new Uint8Array(SMALL);
    this.#native.read(buffer).then(this.#received, this.#receiveFailed);
  }

  readonly #received = (count: number | null): void => {
    this.#receiving = false;
    if (this.#closed) return this.#release();
    const reader = this.#readers.first as Reader<unknown> | null;
    if (count === null) {
      this.#release();
      this.#readEnd = null;
      reader?.end();
      return;
    }
    this.#start = 0;
    this.#end = count;
    // Nobody waits any more: it is kept.
    if (reader === null) return;
    const enough = this.#feed(reader);
    if (this.#start === this.#end) this.#fit(count);
    if (enough) this.#readers.wakeFirst(reader.result);
    else this.#receive();
  };

  readonly #receiveFailed = (error: unknown): void => {
    this.#receiving = false;
    this.#release();
    if (this.#closed) return;
    this.#readEnd = { error: explain(error, `Cannot read from ${this.name}`, GONE) };
    this.#readers.failAll(this.#readEnd.error);
  };

  /** Takes a large buffer when the small one was full, and gives it back when little comes. */
  #fit(count: number): void {
    const buffer = this.#buffer!;
    if (buffer.length === SMALL) {
      if (count < SMALL) return;
      this.#buffer = takeLarge();
    } else {
      this.#quietReads = count <= SMALL ? this.#quietReads + 1 : 0;
      if (this.#quietReads < QUIET_READS) return;
      this.#quietReads = 0;
      this.#buffer = null;
      giveBack(buffer);
    }
  }

  /** Lets the buffer go. The platform must not be reading into it. */
  #release(): void {
    giveBack(this.#buffer);
    this.#buffer = null;
    this.#start = this.#end = 0;
  }

  // Writing.

  #write(data: Uint8Array | null, options: WaitOptions | undefined): Promise<void> {
    const scope = currentScope();
    const barred = entry(scope, options);
    if (barred !== undefined) return barred;
    if (this.#closed) return Promise.reject(this.#closedError("write to"));
    if (this.#writeError !== undefined) return Promise.reject(this.#writeError.error);
    if (this.#writeSideClosed) return Promise.reject(this.#writeSideError());
    if (data?.length === 0) return DONE;
    const writer = new Writer(this, data);
    this.#writers.add(writer);
    if (this.#sending === null) this.#next();
    return suspend(scope, writer, this.#patience(writer, options));
  }

  /** Begins what the first writer in line wants. */
  #next(): void {
    const writer = this.#writers.first as Writer | null;
    if (writer === null) return;
    writer.begun = true;
    if (writer.data === null) {
      this.#sending = NO_BYTES;
      this.#native.closeWrite().then(this.#shut, this.#sendFailed);
    } else {
      this.#sending = writer.data;
      this.#sent = 0;
      this.#send();
    }
  }

  #send(): void {
    const data = this.#sending!;
    // The system takes what it has room for, so a large piece goes in several.
    this.#native.write(this.#sent === 0 ? data : data.subarray(this.#sent))
      .then(this.#wrote, this.#sendFailed);
  }

  readonly #wrote = (count: number): void => {
    if (this.#closed) return;
    this.#sent += count;
    if (this.#sent < this.#sending!.length) return this.#send();
    this.#sending = null;
    // Its writer may have given up waiting; the next in line has not begun.
    if ((this.#writers.first as Writer | null)?.begun) this.#writers.wakeFirst();
    this.#next();
  };

  readonly #shut = (): void => {
    this.#sending = null;
    if (this.#closed) return;
    this.#writeSideClosed = true;
    if ((this.#writers.first as Writer | null)?.begun) this.#writers.wakeFirst();
    if (this.#writers.first !== null) this.#writers.failAll(this.#writeSideError());
  };

  readonly #sendFailed = (error: unknown): void => {
    this.#sending = null;
    if (this.#closed) return;
    this.#writeError = { error: explain(error, `Cannot write to ${this.name}`, GONE) };
    this.#writers.failAll(this.#writeError.error);
  };

  #writeSideError(): ClosedError {
    return new ClosedError(
      `Cannot write to ${this.name} as its writing side is closed. Write before closeWrite()`,
    );
  }

  // Both.

  #patience<T>(
    waiter: StreamWaiter<T>,
    options: WaitOptions | undefined,
  ): WaitOptions | undefined {
    const idle = this.#idle;
    if (idle === undefined || (options?.timeout ?? Infinity) <= idle.timeout!) return options;
    waiter.endsIdle = true;
    return options === undefined ? idle : { ...options, ...idle };
  }

  #close(error: TimeoutError | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#idleError = error;
    this.#native.close();
    this.#unread = null;
    if (!this.#receiving) this.#release();
    if (this.#readers.first !== null) this.#readers.failAll(this.#closedError("read from"));
    if (this.#writers.first !== null) this.#writers.failAll(this.#closedError("write to"));
  }

  #closedError(verb: string): unknown {
    return this.#idleError ?? new ClosedError(
      `Cannot ${verb} ${this.name} as the stream is closed. Close it when all is read and written`,
    );
  }

  static {
    limitIdle = (stream, timeout) => {
      stream.#idle = { timeout };
    };
    idleErrorOf = (stream) => stream.#idleError;
    closeIdle = (stream, error) => stream.#close(error);
    putBack = (stream, bytes) => {
      // A copy, as the buffer is the caller's again. Nothing is left behind it: it wanted more.
      if (bytes.length > 0 && !stream.#closed) stream.#unread = bytes.slice();
    };
  }
}

/** What a wait on a stream is shown as. The name is made when somebody looks. */
class Target implements WaitTarget {
  readonly kind: string;
  readonly #stream: SocketStream;

  constructor(kind: string, stream: SocketStream) {
    this.kind = kind;
    this.#stream = stream;
  }

  get name(): string {
    return this.#stream.name;
  }
}

/** A wait on a stream, which knows whether it is the idle limit that ends it. */
class StreamWaiter<T> extends Waiter<T> {
  protected readonly stream: SocketStream;
  endsIdle = false;

  constructor(stream: SocketStream) {
    super();
    this.stream = stream;
  }

  override fail(error: unknown): void {
    super.fail(error);
    if (this.endsIdle && error instanceof TimeoutError) closeIdle(this.stream, error);
  }
}

/** A task that waits for bytes. */
abstract class Reader<T> extends StreamWaiter<T> {
  /** Whether a stop ends it in the way the end of the stream would. */
  readonly stopsEarly: boolean = true;
  /** Whether it has enough. */
  abstract readonly satisfied: boolean;
  /** What it gives to its caller then. */
  abstract readonly result: T;
  /** Takes from what was received, and says how much. */
  abstract take(bytes: Uint8Array): number;
  /** Answers a read that there will be nothing for. */
  abstract atEnd(failure: Failure | null): Promise<T>;
  /** The end has come while it waits. */
  abstract end(): void;
}

/** A task that waits for some bytes, as many as there are. */
class SomeReader extends Reader<number | null> {
  readonly #buffer: Uint8Array;
  #count = 0;

  constructor(stream: SocketStream, buffer: Uint8Array) {
    super(stream);
    this.#buffer = buffer;
  }

  get satisfied(): boolean {
    return this.#count > 0;
  }

  get result(): number {
    return this.#count;
  }

  take(bytes: Uint8Array): number {
    return this.#count = copy(bytes, this.#buffer);
  }

  atEnd(failure: Failure | null): Promise<null> {
    return failure === null ? END : Promise.reject(failure.error);
  }

  end(): void {
    this.wake(null);
  }

  override stop(): void {
    if (this.limits?.endOnStop) this.wake(null);
  }
}

/** A task that waits for as many bytes as it has room for. */
class ExactReader extends Reader<Uint8Array> {
  override readonly stopsEarly = false;
  readonly #buffer: Uint8Array;
  #count = 0;

  constructor(stream: SocketStream, buffer: Uint8Array) {
    super(stream);
    this.#buffer = buffer;
  }

  get satisfied(): boolean {
    return this.#count === this.#buffer.length;
  }

  get result(): Uint8Array {
    return this.#buffer;
  }

  take(bytes: Uint8Array): number {
    const count = copy(bytes, this.#buffer.subarray(this.#count));
    this.#count += count;
    return count;
  }

  atEnd(failure: Failure | null): Promise<never> {
    const error = failure === null ? this.#cutShort() : failure.error;
    this.#putBack();
    return Promise.reject(error);
  }

  end(): void {
    this.fail(this.#cutShort());
  }

  override cancel(error: Cancelled): void {
    this.#putBack();
    super.cancel(error);
  }

  override fail(error: unknown): void {
    this.#putBack();
    super.fail(error);
  }

  #putBack(): void {
    putBack(this.stream, this.#buffer.subarray(0, this.#count));
  }

  #cutShort(): ClosedError {
    return new ClosedError(
      `Cannot read ${this.#buffer.length} bytes from ${this.stream.name} as the peer has ended after ${this.#count}. Read those by read()`,
    );
  }
}

/** A task that waits for some bytes in memory of their own. */
class ChunkReader extends Reader<IteratorResult<Uint8Array>> {
  #chunk: Uint8Array | null = null;

  get satisfied(): boolean {
    return this.#chunk !== null;
  }

  get result(): IteratorResult<Uint8Array> {
    return { done: false, value: this.#chunk! };
  }

  take(bytes: Uint8Array): number {
    this.#chunk = bytes.slice();
    return bytes.length;
  }

  atEnd(failure: Failure | null): Promise<IteratorResult<Uint8Array>> {
    return failure === null
      ? Promise.resolve({ done: true, value: undefined })
      : Promise.reject(failure.error);
  }

  end(): void {
    this.wake({ done: true, value: undefined });
  }
}

/** A task that waits for its bytes to be sent; without any, for the writing side to be closed. */
class Writer extends StreamWaiter<void> {
  readonly data: Uint8Array | null;
  begun = false;

  constructor(stream: SocketStream, data: Uint8Array | null) {
    super(stream);
    this.data = data;
  }
}

const NO_BYTES = new Uint8Array(0);
const DONE: Promise<void> = Promise.resolve();
const END: Promise<null> = Promise.resolve(null);

const GONE = {
  BrokenPipe: "the peer has gone. Connect again",
  ConnectionReset: "the peer has gone. Connect again",
};

/** Copies what there is room for, and says how much. */
function copy(from: Uint8Array, to: Uint8Array): number {
  const count = Math.min(from.length, to.length);
  to.set(count === from.length ? from : from.subarray(0, count));
  return count;
}

function checkBytes(bytes: unknown, action: string, what: string): void {
  if (bytes instanceof Uint8Array) return;
  const hint = typeof bytes === "string" ? ". Encode text: new TextEncoder().encode(text)" : "";
  throw new TypeError(
    `Cannot ${action} as ${what} must be a Uint8Array: received ${show(bytes)}${hint}`,
  );
}
