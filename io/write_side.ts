/**
 * The writing side of a stream: a line of writers, whose bytes go to the platform one after the
 * other, each as a whole. The one that has begun is carried to its end whether it still waits or
 * not; one that gives up before that has had no effect.
 *
 * @module
 */

import { currentScope } from "../primitives/kernel/context.ts";
import { ClosedError } from "../primitives/kernel/errors.ts";
import { type Parked, WaitQueue, type WaitTarget } from "../primitives/kernel/queue.ts";
import { keepShape } from "../primitives/kernel/shapes.ts";
import { entry, suspend, type WaitOptions } from "../primitives/kernel/wait.ts";
import { explain } from "./errors.ts";
import {
  type Failure,
  GONE,
  NO_BYTES,
  type StreamCore,
  StreamWaiter,
  toNobody,
} from "./stream_core.ts";

const DONE: Promise<void> = Promise.resolve();

/** Sends bytes, and waits until the system has taken them. */
export class WriteSide {
  readonly #core: StreamCore;
  // Those behind the one whose bytes are being sent.
  #line: WaitQueue<void> | null = null;
  // What the platform is sending: bytes from #sent on, whether somebody waits for it or not.
  #sending: Uint8Array | null = null;
  #sent = 0;
  #failure: Failure | undefined = undefined;
  #isShut = false;
  // Those who want to know that a write would be begun at once.
  #watchers: WaitQueue<unknown> | null = null;
  // What the platform's writes are answered by: made with the first that takes its time.
  #wrote: ((count: number) => void) | null = null;
  #failed: ((error: unknown) => void) | null = null;

  constructor(core: StreamCore) {
    this.#core = core;
  }

  /** Sends bytes; `null` says that no more will come. */
  write(data: Uint8Array | null, options: WaitOptions | undefined): Promise<void> {
    const scope = currentScope();
    const barred = entry(scope, options);
    if (barred !== undefined) return barred;
    if (this.#core.closed) return Promise.reject(this.#core.closedError("write to"));
    if (this.#failure !== undefined) return Promise.reject(this.#failure.error);
    if (this.#isShut) return data === null ? DONE : Promise.reject(this.#shutError());
    if (data?.length === 0) return DONE;
    let writer: Writer;
    if (this.#sending === null) {
      // Most writes need no wait where the platform tells at once that the system has the bytes.
      if (this.#begin(data)) return DONE;
      writer = this.#core.writer = spare.pop()?.of(this.#core) ?? new Writer(this.#core, null);
    } else {
      writer = new Writer(this.#core, data);
      (this.#line ??= new WaitQueue(this.#core.writing)).add(writer);
    }
    return suspend(scope, writer, this.#core.patience(writer, options));
  }

  /** Whether a write would be begun at once, or fail. */
  get isReady(): boolean {
    return this.#sending === null || this.#core.closed;
  }

  /** Wakes a node once it is ready. It must not be so yet. */
  watch(node: Parked<unknown>): void {
    (this.#watchers ??= new WaitQueue(this.#core.writing)).add(node);
  }

  /** The stream was closed. */
  end(): void {
    if (this.#sending !== null) this.#failAll(this.#core.closedError("write to"));
    this.#watchers?.wakeAll(undefined);
  }

  /** Begins what the first writer in line wants. */
  #next(): void {
    const line = this.#line;
    if (line === null || line.first === null) return this.#watchers?.wakeAll(undefined);
    const writer = line.first as Writer;
    line.remove(writer);
    this.#core.writer = writer;
    if (!this.#begin(writer.data)) return;
    this.#finish();
    this.#next();
  }

  /** Begins to send, and says whether all is sent already. */
  #begin(data: Uint8Array | null): boolean {
    this.#sending = data ?? NO_BYTES;
    this.#sent = 0;
    if (data !== null) return this.#send();
    this.#core.native.closeWrite().then(() => this.#shut(), (error) => this.#broke(error));
    return false;
  }

  /** Sends what is left, and says whether all is sent already. */
  #send(): boolean {
    const data = this.#sending!;
    // The system takes what it has room for, so a large piece goes in several.
    const count = this.#core.native.write(this.#sent === 0 ? data : data.subarray(this.#sent));
    if (typeof count === "number") return this.#progress(count);
    count.then(
      this.#wrote ??= (count) => this.#went(count),
      this.#failed ??= (error) => this.#broke(error),
    );
    return false;
  }

  /** So many more are sent. Says whether that is all, or sends the rest. */
  #progress(count: number): boolean {
    this.#sent += count;
    if (this.#sent < this.#sending!.length) return this.#send();
    this.#sending = null;
    return true;
  }

  #went(count: number): void {
    if (this.#core.closed || !this.#progress(count)) return;
    this.#finish();
    this.#next();
  }

  #shut(): void {
    this.#sending = null;
    if (this.#core.closed) return;
    this.#isShut = true;
    this.#finish();
    this.#failAll(this.#shutError());
    this.#watchers?.wakeAll(undefined);
  }

  #broke(error: unknown): void {
    this.#sending = null;
    if (this.#core.closed) return;
    this.#failure = { error: explain(error, `Cannot write to ${this.#core.name}`, GONE) };
    this.#core.failed = true;
    this.#failAll(this.#failure.error);
    this.#watchers?.wakeAll(undefined);
  }

  /** What had begun is done. Its writer may have given up waiting. */
  #finish(): void {
    this.#core.writer?.wake();
  }

  #failAll(error: unknown): void {
    this.#core.writer?.fail(error);
    this.#line?.failAll(error);
  }

  #shutError(): ClosedError {
    return new ClosedError(
      `Cannot write to ${this.#core.name} as its writing side is closed. Write before closeWrite()`,
    );
  }
}

/** A task that waits for its bytes to be sent; without any, for the peer to be told of the end. */
class Writer extends StreamWaiter<void> {
  /** What it wants to be sent, as long as it stands in line. */
  readonly data: Uint8Array | null;

  constructor(core: StreamCore, data: Uint8Array | null) {
    super(core);
    this.data = data;
  }

  override get targets(): readonly WaitTarget[] {
    return [this.core.writing];
  }

  /** Waits once more, for the bytes of whichever stream. */
  of(core: StreamCore): this {
    this.core = core;
    return this;
  }

  override wake(): void {
    super.wake();
    this.#begone();
  }

  protected override left(): void {
    this.#begone();
  }

  #begone(): void {
    const { core } = this;
    if (core.writer === this) core.writer = null;
    if (this.data !== null || spare.length === MOST_SPARE) return;
    this.renew();
    this.promise = undefined;
    this.core = nobody;
    spare.push(this);
  }
}

/**
 * Those that have written, for whoever writes next: a connection that waits for its peer is to hold
 * none.
 */
const spare: Writer[] = [];

/** As many as may write at a time on a busy server; they take 150 KB. */
const MOST_SPARE = 1024;

const nobody = toNobody();
keepShape(new Writer(nobody, NO_BYTES));
keepShape(new WriteSide(nobody));
