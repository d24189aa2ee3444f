/**
 * What the reading and the writing side of a stream have in common: the platform's connection, its
 * end, and the waits on it.
 *
 * @module
 */

import { ClosedError, TimeoutError } from "../primitives/kernel/errors.ts";
import type { WaitTarget } from "../primitives/kernel/queue.ts";
import { Waiter, type WaitOptions } from "../primitives/kernel/wait.ts";
import { formatAddress } from "./address.ts";
import type { NativeConnection } from "./platform.ts";

/** An error in a box, as anything can be thrown. */
export interface Failure {
  readonly error: unknown;
}

/** A connection of the platform's, with what is known of its end. */
export class StreamCore {
  readonly native: NativeConnection;
  closed = false;
  /** How long the peer may keep a wait waiting, as options of that wait. */
  idle: WaitOptions | undefined = undefined;
  /** What it was closed with since the peer was idle. */
  idleError: TimeoutError | undefined = undefined;
  #name: string | undefined = undefined;
  #ended: () => void;

  /**
   * @param native The platform's connection.
   * @param ended Called once when it is closed, from which side ever.
   */
  constructor(native: NativeConnection, ended: () => void) {
    this.native = native;
    this.#ended = ended;
  }

  /** The peer's address as text. */
  get name(): string {
    return this.#name ??= formatAddress(this.native.remoteAddr);
  }

  /** Closes it, if it is not; because of an idle peer, or not. */
  close(idleError?: TimeoutError): void {
    if (this.closed) return;
    this.closed = true;
    this.idleError = idleError;
    this.native.close();
    this.#ended();
  }

  /** What those get who use it when it is closed. */
  closedError(verb: string): unknown {
    return this.idleError ?? new ClosedError(
      `Cannot ${verb} ${this.name} as the stream is closed. Close it when all is read and written`,
    );
  }

  /** The options of a wait, with the limit on idle peers where there is one. */
  patience<T>(
    waiter: StreamWaiter<T>,
    options: WaitOptions | undefined,
  ): WaitOptions | undefined {
    const idle = this.idle;
    if (idle === undefined || (options?.timeout ?? Infinity) <= idle.timeout!) return options;
    waiter.endsIdle = true;
    return options === undefined ? idle : { ...options, ...idle };
  }
}

/** What a wait on a stream is shown as. The name is made when somebody looks. */
export class StreamTarget implements WaitTarget {
  readonly kind: string;
  readonly #core: StreamCore;

  constructor(kind: string, core: StreamCore) {
    this.kind = kind;
    this.#core = core;
  }

  get name(): string {
    return this.#core.name;
  }
}

/** A wait on a stream. It knows whether it is the limit on idle peers that ends it. */
export class StreamWaiter<T> extends Waiter<T> {
  protected readonly core: StreamCore;
  endsIdle = false;

  constructor(core: StreamCore) {
    super();
    this.core = core;
  }

  override fail(error: unknown): void {
    super.fail(error);
    if (this.endsIdle && error instanceof TimeoutError) this.core.close(error);
  }
}

/** How errors of a connection are told: see `explain`. */
export const GONE = {
  BrokenPipe: "the peer has gone. Connect again",
  ConnectionReset: "the peer has gone. Connect again",
};

export const NO_BYTES: Uint8Array = new Uint8Array(0);
