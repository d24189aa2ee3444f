/**
 * The tasks that wait for bytes of a stream: one class for each way to read.
 *
 * @module
 */

import { type Cancelled, ClosedError } from "../primitives/kernel/errors.ts";
import type { WaitQueue } from "../primitives/kernel/queue.ts";
import { keepShape } from "../primitives/kernel/shapes.ts";
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
  /** Takes all of it together with its memory, which is nobody else's; says whether it does. */
  adopt(_bytes: Uint8Array): boolean {
    return false;
  }
  /** Takes from what was received, and says how much. */
  abstract take(bytes: Uint8Array): number;
  /** Answers a read that there will be nothing for. */
  abstract atEnd(failure: Failure | null): Promise<T>;
  /** The end has come while it waits. */
  abstract end(): void;

  /** It has enough, and is the first of these. */
  satisfy(readers: WaitQueue<unknown>): void {
    readers.wakeFirst(this.result);
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

  override satisfy(readers: WaitQueue<unknown>): void {
    const { error } = this.splitter;
    if (error === undefined) super.satisfy(readers);
    else readers.failFirst(error);
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

/** A task that waits for some bytes, as many as there are. */
export class SomeReader extends Reader<number | null> {
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
export class ChunkReader extends Reader<IteratorResult<Uint8Array>> {
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

  override adopt(bytes: Uint8Array): boolean {
    this.#chunk = bytes;
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

/** Copies what there is room for, and says how much. */
function copy(from: Uint8Array, to: Uint8Array): number {
  const count = Math.min(from.length, to.length);
  to.set(count === from.length ? from : from.subarray(0, count));
  return count;
}

const nobody = toNobody();
keepShape(new SomeReader(nobody, NO_BYTES));
keepShape(new ExactReader(nobody, NO_BYTES, () => {}));
keepShape(new ChunkReader(nobody));
