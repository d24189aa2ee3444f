/**
 * The writing side of a stream: a line of writers, whose bytes go to the platform one after the
 * other, each as a whole. The one that has begun is carried to its end whether it still waits or
 * not; one that gives up before that has had no effect.
 *
 * @module
 */

import { currentScope } from "../primitives/kernel/context.ts";
import { ClosedError } from "../primitives/kernel/errors.ts";
import { type Parked, WaitQueue } from "../primitives/kernel/queue.ts";
import { keepShape } from "../primitives/kernel/shapes.ts";
import { entry, suspend, type WaitOptions } from "../primitives/kernel/wait.ts";
import { explain } from "./errors.ts";
import {
  type Failure,
  GONE,
  NO_BYTES,
  type StreamCore,
  StreamTarget,
  StreamWaiter,
  toNobody,
} from "./stream_core.ts";

const DONE: Promise<void> = Promise.resolve();

/** Sends bytes, and waits until the system has taken them. */
export class WriteSide {
  readonly #core: StreamCore;
  readonly #writers: WaitQueue<void>;
  // What the platform is sending: bytes from #sent on, whether somebody waits for it or not.
  #sending: Uint8Array | null = null;
  #sent = 0;
  #failure: Failure | undefined = undefined;
  #isShut = false;
  // Those who want to know that a write would be begun at once.
  #watchers: WaitQueue<unknown> | null = null;

  constructor(core: StreamCore) {
    this.#core = core;
    this.#writers = new WaitQueue(new StreamTarget("writing to", core));
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
    const isFirst = this.#sending === null;
    // Most writes need no wait where the platform tells at once that the system has the bytes.
    if (isFirst && data !== null && this.#begin(data)) return DONE;
    const writer = new Writer(this.#core, data);
    this.#writers.add(writer);
    if (isFirst && data !== null) writer.begun = true;
    else if (isFirst) this.#next();
    return suspend(scope, writer, this.#core.patience(writer, options));
  }

  /** Whether a write would be begun at once, or fail. */
  get isReady(): boolean {
    return this.#sending === null || this.#core.closed;
  }

  /** Wakes a node once it is ready. It must not be so yet. */
  watch(node: Parked<unknown>): void {
    (this.#watchers ??= new WaitQueue(this.#writers.target)).add(node);
  }

  /** The stream was closed. */
  end(): void {
    if (this.#writers.first !== null) this.#writers.failAll(this.#core.closedError("write to"));
    this.#watchers?.wakeAll(undefined);
  }

  /** Begins what the first writer in line wants. */
  #next(): void {
    const writer = this.#writers.first as Writer | null;
    if (writer === null) return this.#watchers?.wakeAll(undefined);
    writer.begun = true;
    if (writer.data === null) {
      this.#sending = NO_BYTES;
      this.#core.native.closeWrite().then(this.#shut, this.#failed);
    } else if (this.#begin(writer.data)) {
      this.#finish();
      this.#next();
    }
  }

  /** Begins to send, and says whether all is sent already. */
  #begin(data: Uint8Array): boolean {
    this.#sending = data;
    this.#sent = 0;
    return this.#send();
  }

  /** Sends what is left, and says whether all is sent already. */
  #send(): boolean {
    const data = this.#sending!;
    // The system takes what it has room for, so a large piece goes in several.
    const count = this.#core.native.write(this.#sent === 0 ? data : data.subarray(this.#sent));
    if (typeof count === "number") return this.#progress(count);
    count.then(this.#wrote, this.#failed);
    return false;
  }

  /** So many more are sent. Says whether that is all, or sends the rest. */
  #progress(count: number): boolean {
    this.#sent += count;
    if (this.#sent < this.#sending!.length) return this.#send();
    this.#sending = null;
    return true;
  }

  readonly #wrote = (count: number): void => {
    if (this.#core.closed || !this.#progress(count)) return;
    this.#finish();
    this.#next();
  };

  readonly #shut = (): void => {
    this.#sending = null;
    if (this.#core.closed) return;
    this.#isShut = true;
    this.#finish();
    if (this.#writers.first !== null) this.#writers.failAll(this.#shutError());
    this.#watchers?.wakeAll(undefined);
  };

  readonly #failed = (error: unknown): void => {
    this.#sending = null;
    if (this.#core.closed) return;
    this.#failure = { error: explain(error, `Cannot write to ${this.#core.name}`, GONE) };
    this.#core.failed = true;
    this.#writers.failAll(this.#failure.error);
    this.#watchers?.wakeAll(undefined);
  };

  /** What had begun is done. Its writer may have given up waiting; the next in line has not begun. */
  #finish(): void {
    if ((this.#writers.first as Writer | null)?.begun) this.#writers.wakeFirst();
  }

  #shutError(): ClosedError {
    return new ClosedError(
      `Cannot write to ${this.#core.name} as its writing side is closed. Write before closeWrite()`,
    );
  }
}

/** A task that waits for its bytes to be sent; without any, for the peer to be told of the end. */
class Writer extends StreamWaiter<void> {
  readonly data: Uint8Array | null;
  begun = false;

  constructor(core: StreamCore, data: Uint8Array | null) {
    super(core);
    this.data = data;
  }
}

const nobody = toNobody();
keepShape(new Writer(nobody, NO_BYTES));
keepShape(new WriteSide(nobody));
