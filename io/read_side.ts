/**
 * The reading side of a stream. The platform reads into memory of the stream's own, and only when
 * somebody waits; what has come is copied to whoever waits first. A wait that is cancelled leaves
 * the platform's read under way, and what that brings is kept for the next.
 *
 * @module
 */

import { currentScope } from "../primitives/kernel/context.ts";
import { type Cancelled, ClosedError } from "../primitives/kernel/errors.ts";
import { WaitQueue } from "../primitives/kernel/queue.ts";
import { entry, suspend, type WaitOptions } from "../primitives/kernel/wait.ts";
import { BusyError, explain } from "./errors.ts";
import { giveBack, SMALL, takeLarge } from "./read_buffers.ts";
import { type Failure, GONE, type StreamCore, StreamTarget, StreamWaiter } from "./stream_core.ts";

/** After how many small reads in a row a large buffer is given back. */
const QUIET_READS = 8;

/** Receives bytes, and gives them to whoever reads. */
export class ReadSide {
  readonly #core: StreamCore;
  readonly #readers: WaitQueue<unknown>;
  // What has been received and not been read: first what a reader gave back, then the part of the
  // buffer from start to end.
  #unread: Uint8Array | null = null;
  #buffer: Uint8Array | null = null;
  #start = 0;
  #end = 0;
  #receiving = false;
  #quietReads = 0;
  // How it has ended: `null` after the peer's last byte, or the failure.
  #outcome: Failure | null | undefined = undefined;

  constructor(core: StreamCore) {
    this.#core = core;
    this.#readers = new WaitQueue(new StreamTarget("data from", core));
  }

  /** Reads what there is. */
  some(buffer: Uint8Array, options: WaitOptions | undefined): Promise<number | null> {
    return this.#read(new SomeReader(this.#core, buffer), options);
  }

  /** Reads as much as there is room for. */
  exactly(buffer: Uint8Array, options: WaitOptions | undefined): Promise<Uint8Array> {
    const putBack = (bytes: Uint8Array) => this.#putBack(bytes);
    return this.#read(new ExactReader(this.#core, buffer, putBack), options);
  }

  /** Reads what there is, into memory of its own. */
  chunk(): Promise<IteratorResult<Uint8Array>> {
    return this.#read(new ChunkReader(this.#core), undefined);
  }

  /** The stream was closed. */
  end(): void {
    this.#unread = null;
    if (!this.#receiving) this.#release();
    if (this.#readers.first !== null) this.#readers.failAll(this.#core.closedError("read from"));
  }

  #read<T>(reader: Reader<T>, options: WaitOptions | undefined): Promise<T> {
    const scope = currentScope();
    const barred = entry(scope, options);
    if (barred !== undefined) return barred;
    if (this.#core.closed) return Promise.reject(this.#core.closedError("read from"));
    if (this.#readers.first !== null) return Promise.reject(this.#busyError());
    if (this.#feed(reader)) return Promise.resolve(reader.result);
    if (this.#outcome !== undefined) return reader.atEnd(this.#outcome);
    if (options?.endOnStop && scope.stopping && reader.stopsEarly) return reader.atEnd(null);
    this.#readers.add(reader as Reader<unknown>);
    this.#receive();
    return suspend(scope, reader, this.#core.patience(reader, options));
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
    this.#core.native.read(buffer).then(this.#received, this.#failed);
  }

  readonly #received = (count: number | null): void => {
    this.#receiving = false;
    if (this.#core.closed) return this.#release();
    const reader = this.#readers.first as Reader<unknown> | null;
    if (count === null) {
      this.#release();
      this.#outcome = null;
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

  readonly #failed = (error: unknown): void => {
    this.#receiving = false;
    this.#release();
    if (this.#core.closed) return;
    this.#outcome = { error: explain(error, `Cannot read from ${this.#core.name}`, GONE) };
    this.#readers.failAll(this.#outcome.error);
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

  #putBack(bytes: Uint8Array): void {
    // A copy, as the memory is the caller's again. Nothing is left behind it: it wanted more.
    if (bytes.length > 0 && !this.#core.closed) this.#unread = bytes.slice();
  }

  #busyError(): BusyError {
    return new BusyError(
      `Cannot read from ${this.#core.name} as another read is waiting. Let one task do the reading`,
    );
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

  constructor(core: StreamCore, buffer: Uint8Array) {
    super(core);
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

/** A task that waits for as many bytes as it has room for; cut short, it gives back what it has. */
class ExactReader extends Reader<Uint8Array> {
  override readonly stopsEarly = false;
  readonly #buffer: Uint8Array;
  readonly #giveBack: (bytes: Uint8Array) => void;
  #count = 0;

  constructor(core: StreamCore, buffer: Uint8Array, giveBack: (bytes: Uint8Array) => void) {
    super(core);
    this.#buffer = buffer;
    this.#giveBack = giveBack;
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
    this.#putBack();
    return Promise.reject(failure === null ? this.#cutShort() : failure.error);
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
    this.#giveBack(this.#buffer.subarray(0, this.#count));
  }

  #cutShort(): ClosedError {
    return new ClosedError(
      `Cannot read ${this.#buffer.length} bytes from ${this.core.name} as the peer has ended after ${this.#count}. Read those by read()`,
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

const END: Promise<null> = Promise.resolve(null);

/** Copies what there is room for, and says how much. */
function copy(from: Uint8Array, to: Uint8Array): number {
  const count = Math.min(from.length, to.length);
  to.set(count === from.length ? from : from.subarray(0, count));
  return count;
}
