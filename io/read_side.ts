/**
 * The reading side of a stream. The platform reads into memory of the stream's own, and only when
 * somebody waits; what has come is copied to whoever waits first. A wait that is cancelled leaves
 * the platform's read under way, and what that brings is kept for the next.
 *
 * Where bytes come by themselves (`Inflow`), each piece brings its memory along, and a peer that
 * sends more than is read is held back by a pause, which the next wait ends.
 *
 * @module
 */

import { currentScope } from "../primitives/kernel/context.ts";
import { type Parked, WaitQueue } from "../primitives/kernel/queue.ts";
import type { Scope } from "../primitives/kernel/scope.ts";
import { keepShape } from "../primitives/kernel/shapes.ts";
import { entry, suspend, type WaitOptions } from "../primitives/kernel/wait.ts";
import { BusyError, explain } from "./errors.ts";
import type { Arrivals } from "./platform.ts";
import { giveBack, LARGE, plain, SMALL, takeLarge, takeSmall } from "./read_buffers.ts";
import {
  ChunkReader,
  ExactReader,
  PieceReader,
  type Reader,
  settled,
  SomeReader,
} from "./readers.ts";
import type { Splitter } from "./splitter.ts";
import { type Failure, GONE, NO_BYTES, type StreamCore, toNobody } from "./stream_core.ts";

/** After how many small reads in a row a large buffer is given back. */
const QUIET_READS = 8;

/** Receives bytes, and gives them to whoever reads. */
export class ReadSide implements Arrivals {
  readonly #core: StreamCore;
  // Where bytes come by themselves, and are not held back.
  #isFlowing = false;
  // Those that have read before, for the next time.
  #some: SomeReader | null = null;
  #chunk: ChunkReader | null = null;
  // Those who want to know that there is something to read, and leave it there.
  #watchers: WaitQueue<unknown> | null = null;
  // What has been received and not been read: first what a reader gave back, then the part of the
  // buffer from start to end.
  #unread: Uint8Array | null = null;
  #buffer: Uint8Array | null = null;
  #start = 0;
  #end = 0;
  // Parts of the buffer were handed out: its memory is not to be read into again.
  #shared = false;
  #receiving = false;
  #room = 0;
  #isBusy = false;
  #quietReads = 0;
  // Who has read last, as it may remember what it saw.
  #lastSplitter: Splitter<unknown> | null = null;
  // How it has ended: `null` after the peer's last byte, or the failure.
  #outcome: Failure | null | undefined = undefined;
  // What the platform's reads are answered by: made with the first of them.
  #received: ((count: number | null) => void) | null = null;
  #failed: ((error: unknown) => void) | null = null;

  constructor(core: StreamCore) {
    this.#core = core;
    // Before somebody asks: see `node/connection.ts`.
    this.#isFlowing = core.native.inflow !== undefined;
    core.native.inflow?.resume(this);
  }

  /** Reads what there is. */
  some(buffer: Uint8Array, options: WaitOptions | undefined): Promise<number | null> {
    const scope = currentScope();
    return this.#barred(scope, options) ??
      this.#read(scope, (this.#some ??= new SomeReader(this.#core)).into(buffer), options);
  }

  /** Reads as much as there is room for. */
  exactly(buffer: Uint8Array, options: WaitOptions | undefined): Promise<Uint8Array> {
    const scope = currentScope();
    const putBack = (bytes: Uint8Array) => this.#putBack(bytes);
    return this.#barred(scope, options) ??
      this.#read(scope, new ExactReader(this.#core, buffer, putBack), options);
  }

  /** Reads what there is, into memory of its own. */
  chunk(): Promise<IteratorResult<Uint8Array>> {
    const scope = currentScope();
    return this.#barred(scope, undefined) ??
      this.#read(scope, (this.#chunk ??= new ChunkReader(this.#core)).another(), undefined);
  }

  /** Reads what a splitter makes a piece. */
  piece<T>(splitter: Splitter<T>, options: WaitOptions | undefined): Promise<T> {
    const scope = currentScope();
    const barred = this.#barred(scope, options);
    if (barred !== undefined) return barred;
    splitter.begin(this.#lastSplitter === splitter);
    this.#lastSplitter = splitter;
    if (this.#cut(splitter)) return settled(splitter);
    if (this.#outcome !== undefined) return Promise.reject(this.#outcome!.error);
    if (options?.endOnStop && scope.stopping && splitter.endsOnStop) {
      return Promise.resolve(splitter.stopped());
    }
    return this.#wait(scope, new PieceReader(this.#core, splitter), options);
  }

  /** Takes what there is into memory of its own; `null` after the end. It must be ready. */
  now(): Uint8Array | null {
    if (this.#core.closed) throw this.#core.closedError("read from");
    if (this.#core.reader !== null) throw this.#busyError();
    this.#lastSplitter = null;
    const unread = this.#unread;
    if (unread !== null) {
      this.#unread = null;
      return unread;
    }
    if (this.#start === this.#end) {
      if (this.#outcome) throw this.#outcome.error;
      return null;
    }
    const bytes = this.#buffer!.slice(this.#start, this.#end);
    this.#start = this.#end;
    this.#fit();
    return bytes;
  }

  /** Whether a read would not have to wait. */
  get isReady(): boolean {
    return this.#unread !== null || this.#start < this.#end || this.#outcome !== undefined ||
      this.#core.closed;
  }

  /** Wakes a node once it is ready. It must not be so yet. */
  watch(node: Parked<unknown>): void {
    (this.#watchers ??= new WaitQueue(this.#core.reading)).add(node);
    this.#receive(1);
  }

  /** The stream was closed. */
  end(): void {
    this.#unread = null;
    if (!this.#receiving) this.#release();
    this.#core.reader?.fail(this.#core.closedError("read from"));
    this.#watchers?.wakeAll(undefined);
  }

  #barred(scope: Scope, options: WaitOptions | undefined): Promise<never> | undefined {
    const barred = entry(scope, options);
    if (barred !== undefined) return barred;
    if (this.#core.closed) return Promise.reject(this.#core.closedError("read from"));
    if (this.#core.reader !== null) return Promise.reject(this.#busyError());
    return undefined;
  }

  #read<T>(scope: Scope, reader: Reader<T>, options: WaitOptions | undefined): Promise<T> {
    this.#lastSplitter = null;
    if (this.#feed(reader)) return Promise.resolve(reader.result);
    if (this.#outcome !== undefined) return reader.atEnd(this.#outcome);
    if (options?.endOnStop && scope.stopping && reader.stopsEarly) return reader.atEnd(null);
    return this.#wait(scope, reader, options);
  }

  #wait<T>(scope: Scope, reader: Reader<T>, options: WaitOptions | undefined): Promise<T> {
    this.#core.reader = reader as Reader<unknown>;
    this.#receive(reader.needs);
    return suspend(scope, reader, this.#core.patience(reader, options));
  }

  get #reader(): Reader<unknown> | null {
    return this.#core.reader as Reader<unknown> | null;
  }

  /** Gives a reader what has been received, and says whether that is enough for it. */
  #feed<T>(reader: Reader<T>): boolean {
    if (reader.splitter !== null) return this.#cut(reader.splitter);
    if (this.#unread !== null) {
      const taken = reader.take(this.#unread, 0, this.#unread.length);
      this.#unread = taken === this.#unread.length ? null : this.#unread.subarray(taken);
    }
    if (this.#start < this.#end && !reader.satisfied) {
      this.#start += reader.take(this.#buffer!, this.#start, this.#end);
    }
    return reader.satisfied;
  }

  /** Lets a splitter take a piece, and says whether it has one, or an error. */
  #cut<T>(splitter: Splitter<T>): boolean {
    if (this.#unread !== null) {
      if (!this.#receiving) this.#join();
      else {
        // What it finds here has memory of its own; the rest comes with what is being received.
        const bytes = this.#unread;
        const taken = splitter.take(bytes, 0, bytes.length);
        this.#unread = taken === bytes.length ? null : bytes.subarray(taken);
        return taken > 0 || splitter.error !== undefined;
      }
    }
    const bytes = this.#buffer ?? NO_BYTES;
    if (this.#outcome === null) {
      this.#start += splitter.finish(bytes, this.#start, this.#end);
    } else {
      if (this.#end - this.#start < splitter.needs) return false;
      const taken = splitter.take(bytes, this.#start, this.#end);
      if (taken === 0) return splitter.error !== undefined;
      this.#start += taken;
    }
    if (splitter.sharesMemory) this.#shared = true;
    return true;
  }

  /** Puts what was given back in front of what is in the buffer. */
  #join(): void {
    const unread = this.#unread!;
    const rest = this.#end - this.#start;
    const joined = new Uint8Array(Math.max(unread.length + rest, SMALL));
    joined.set(unread);
    if (rest > 0) joined.set(this.#buffer!.subarray(this.#start, this.#end), unread.length);
    this.#unread = null;
    this.#release();
    this.#buffer = joined;
    this.#end = unread.length + rest;
  }

  /** Receives more, for one who needs so many bytes in one piece. */
  #receive(needs: number): void {
    const { native } = this.#core;
    if (native.inflow === undefined) {
      if (this.#receiving) return; // A read that was cancelled has left one.
      this.#receiving = true;
      native.read(this.#makeRoom(needs)).then(
        this.#received ??= (count) => this.#came(count),
        this.#failed ??= (error) => this.#broke(error),
      );
    } else if (!this.#isFlowing) {
      this.#isFlowing = true;
      native.inflow.resume(this);
    }
  }

  /** The memory to receive into: behind what has not been read. */
  #makeRoom(needs: number): Uint8Array {
    const held = this.#end - this.#start;
    const buffer = this.#buffer;
    if (buffer !== null && held === 0 && !this.#shared) this.#start = this.#end = 0;
    // A little room is none: the calls of the system would be many.
    else if (buffer === null || buffer.length - this.#end < buffer.length / 4) {
      this.#moveOn(held, needs);
    }
    const free = this.#buffer!;
    this.#room = free.length - this.#end;
    return this.#end === 0 ? free : free.subarray(this.#end);
  }

  /** Takes another piece of memory, with what has not been read in front. */
  #moveOn(held: number, needs: number): void {
    const usual = this.#isBusy ? LARGE : SMALL;
    // No more than twice of what has come: a peer may announce much, and send nothing.
    const wanted = Math.max(Math.min(needs, Math.max(2 * held, LARGE)), held + held / 3 + 1);
    const next = wanted > usual
      ? new Uint8Array(Math.ceil(wanted))
      : this.#isBusy
      ? takeLarge()
      : takeSmall();
    if (held > 0) next.set(this.#buffer!.subarray(this.#start, this.#end));
    this.#release();
    this.#buffer = next;
    this.#end = held;
  }

  #came(count: number | null): void {
    this.#receiving = false;
    if (this.#core.closed) return this.#release();
    if (count === null) return this.ended();
    this.#end += count;
    this.#judge(count);
    this.#handOut();
  }

  /** Bytes have come by themselves. */
  arrived(bytes: Uint8Array): void {
    if (this.#core.closed) return;
    const reader = this.#reader;
    // Nothing else is there while somebody waits who takes whatever comes.
    if (reader !== null && reader.adopt(bytes)) return reader.satisfy();
    const held = this.#end - this.#start;
    if (held === 0) this.#adopt(plain(bytes));
    else this.#append(bytes, held);
    this.#handOut();
    if (this.#core.reader !== null || this.#end - this.#start < LARGE) return;
    // A peer that sends more than is read is held back.
    this.#isFlowing = false;
    this.#core.native.inflow!.pause();
  }

  /** The peer has sent its last byte. */
  ended(): void {
    if (this.#core.closed) return;
    const reader = this.#reader;
    if (this.#start === this.#end) this.#release();
    this.#outcome = null;
    this.#core.peerEnded = true;
    if (reader !== null) this.#endReader(reader);
    this.#watchers?.wakeAll(undefined);
  }

  /** Gives what has come to who waits first. */
  #handOut(): void {
    const reader = this.#reader;
    // Nobody waits any more: it is kept.
    if (reader === null) return this.#watchers?.wakeAll(undefined);
    const enough = this.#feed(reader);
    if (this.#start === this.#end) this.#fit();
    if (enough) {
      reader.satisfy();
      if (this.#watchers !== null && this.#watchers.size > 0) {
        if (this.isReady) this.#watchers.wakeAll(undefined);
        else this.#receive(1);
      }
    } else this.#receive(reader.needs);
  }

  /** Keeps bytes in the memory that they came in. Others may have parts of it: none is read into it. */
  #adopt(bytes: Uint8Array): void {
    this.#release();
    this.#buffer = bytes;
    this.#end = bytes.length;
    this.#shared = true;
  }

  /** Puts bytes behind those that are there. */
  #append(bytes: Uint8Array, held: number): void {
    const buffer = this.#buffer!;
    if (this.#shared || buffer.length - this.#end < bytes.length) {
      // Twice of what is needed, or a long line in small pieces would be copied with each of them.
      const next = new Uint8Array(2 * (held + bytes.length));
      next.set(buffer.subarray(this.#start, this.#end));
      this.#release();
      this.#buffer = next;
      this.#end = held;
    }
    this.#buffer!.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  /** The end has come while somebody waits. */
  #endReader(reader: Reader<unknown>): void {
    if (reader.splitter === null) return reader.end();
    this.#cut(reader.splitter);
    reader.satisfy();
  }

  #broke(error: unknown): void {
    this.#receiving = false;
    if (this.#core.closed) this.#release();
    else this.failed(error);
  }

  /** There will be no more, of a failure. */
  failed(error: unknown): void {
    if (this.#core.closed) return;
    if (this.#start === this.#end) this.#release();
    this.#core.failed = true;
    this.#outcome = { error: explain(error, `Cannot read from ${this.#core.name}`, GONE) };
    this.#core.reader?.fail(this.#outcome.error);
    this.#watchers?.wakeAll(undefined);
  }

  /** Judges by what has come how large the buffer should be. */
  #judge(count: number): void {
    if (!this.#isBusy) this.#isBusy = count === this.#room;
    else if (count > SMALL) this.#quietReads = 0;
    else if (++this.#quietReads === QUIET_READS) {
      this.#quietReads = 0;
      this.#isBusy = false;
    }
  }

  /** Lets a buffer go that is empty, and not as large as it should be. */
  #fit(): void {
    const usual = this.#isBusy ? LARGE : SMALL;
    // While the platform reads into it, it is needed.
    if (!this.#receiving && this.#buffer?.length !== usual) this.#release();
  }

  /** Lets the buffer go. The platform must not be reading into it. */
  #release(): void {
    if (!this.#shared) giveBack(this.#buffer);
    this.#shared = false;
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

keepShape(new ReadSide(toNobody()));
