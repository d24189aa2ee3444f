/**
 * The tasks that wait for bytes of a stream: one class for each way to read.
 *
 * @module
 */

import { ClosedError } from "../primitives/kernel/errors.ts";
import type { WaitTarget } from "../primitives/kernel/queue.ts";
import { keepShape } from "../primitives/kernel/shapes.ts";
import { plain } from "./read_buffers.ts";
import type { Splitter } from "./splitter.ts";
import { type Failure, NO_BYTES, type StreamCore, StreamWaiter, toNobody } from "./stream_core.ts";

/** A task that waits for bytes. */
export abstract class Reader<T> extends StreamWaiter<T> {
  /** Whether a stop ends it in the way the end of the stream would. */
  readonly stopsEarly: boolean = true;
  /** What cuts its piece out of what comes, where it wants one. */
  readonly splitter: Splitter<T> | null = null;
  /** Whether it has enough. */
  abstract readonly satisfied: boolean;
  /** What it gives to its caller then. */
  abstract readonly result: T;
  /** How many bytes it needs in one piece. */
  get needs(): number {
    return 1;
  }
  /**
   * Takes all that has come where nothing was there before, and may keep its memory, which is nobody
   * else's; says whether it does.
   */
  adopt(_bytes: Uint8Array): boolean {
    return false;
  }
  /** Takes from what was received, from start to end, and says how much. */
  abstract take(bytes: Uint8Array, start: number, end: number): number;
  /** Answers a read that there will be nothing for. */
  abstract atEnd(failure: Failure | null): Promise<T>;
  /** The end has come while it waits. */
  abstract end(): void;

  override get targets(): readonly WaitTarget[] {
    return [this.core.reading];
  }

  /** It waits, and has enough. */
  satisfy(): void {
    this.wake(this.result);
  }

  override wake(value: T): void {
    this.core.reader = null;
    super.wake(value);
  }

  protected override left(): void {
    this.core.reader = null;
  }
}

/** A task that waits for a piece. */
export class PieceReader<T> extends Reader<T> {
  override readonly splitter: Splitter<T>;

  constructor(core: StreamCore, splitter: Splitter<T>) {
    super(core);
    this.splitter = splitter;
  }

  get satisfied(): boolean {
    return this.splitter.result !== undefined;
  }

  get result(): T {
    return this.splitter.result!;
  }

  override get needs(): number {
    return this.splitter.needs;
  }

  override satisfy(): void {
    const { error } = this.splitter;
    if (error === undefined) super.satisfy();
    else this.fail(error);
  }

  // What follows is done by the splitter.

  take(): number {
    return 0;
  }

  atEnd(): Promise<T> {
    return settled(this.splitter);
  }

  end(): void {}

  override stop(): void {
    if (!this.splitter.endsOnStop) super.stop();
    else if (this.limits?.endOnStop) this.wake(this.splitter.stopped());
  }
}

/** What a splitter has found, as a promise. */
export function settled<T>({ error, result }: Splitter<T>): Promise<T> {
  return error === undefined ? Promise.resolve(result as T) : Promise.reject(error);
}

/** A task that waits for some bytes, as many as there are; one wait after the other. */
export class SomeReader extends Reader<number | null> {
  #buffer: Uint8Array = NO_BYTES;
  #count = 0;

  /** Reads into a buffer next. */
  into(buffer: Uint8Array): this {
    this.renew();
    this.#buffer = buffer;
    this.#count = 0;
    return this;
  }

  get satisfied(): boolean {
    return this.#count > 0;
  }

  get result(): number {
    this.#buffer = NO_BYTES; // It is the caller's.
    return this.#count;
  }

  take(bytes: Uint8Array, start: number, end: number): number {
    return this.#count = copy(bytes, start, end, this.#buffer, 0);
  }

  override adopt(bytes: Uint8Array): boolean {
    if (bytes.length > this.#buffer.length) return false;
    this.#count = copy(bytes, 0, bytes.length, this.#buffer, 0);
    return true;
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
export class ExactReader extends Reader<Uint8Array> {
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

  take(bytes: Uint8Array, start: number, end: number): number {
    const count = copy(bytes, start, end, this.#buffer, this.#count);
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

  // Not in fail(): the limit on idle peers lets it wait on, for what may have come.
  protected override left(): void {
    this.#putBack();
    super.left();
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

/** A task that waits for some bytes in memory of their own; one wait after the other. */
export class ChunkReader extends Reader<IteratorResult<Uint8Array>> {
  #chunk: Uint8Array | null = null;

  /** Reads another chunk next. */
  another(): this {
    this.renew();
    this.#chunk = null;
    return this;
  }

  override wake(value: IteratorResult<Uint8Array>): void {
    super.wake(value);
    // They would keep the chunk until the next one is there.
    this.promise = undefined;
    this.resolve = this.reject = nothing;
  }

  get satisfied(): boolean {
    return this.#chunk !== null;
  }

  get result(): IteratorResult<Uint8Array> {
    const value = this.#chunk!;
    this.#chunk = null;
    return { done: false, value };
  }

  take(bytes: Uint8Array, start: number, end: number): number {
    this.#chunk = bytes.slice(start, end);
    return end - start;
  }

  override adopt(bytes: Uint8Array): boolean {
    this.#chunk = plain(bytes);
    return true;
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

function nothing(): void {}

/** So many bytes are quicker copied one by one: a view to copy from costs more than they do. */
const FEW = 100;

/** Copies what there is from start to end, as far as there is room, and says how much. */
function copy(from: Uint8Array, start: number, end: number, to: Uint8Array, at: number): number {
  const count = Math.min(end - start, to.length - at);
  if (count > FEW) to.set(count === from.length ? from : from.subarray(start, start + count), at);
  else for (let i = 0; i < count; i++) to[at + i] = from[start + i];
  return count;
}

const nobody = toNobody();
keepShape(new SomeReader(nobody));
keepShape(new ExactReader(nobody, NO_BYTES, () => {}));
keepShape(new ChunkReader(nobody));
