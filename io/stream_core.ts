/**
 * What the reading and the writing side of a stream have in common: the platform's connection, its
 * end, and the waits on it.
 *
 * @module
 */

import { ClosedError, TimeoutError } from "../primitives/kernel/errors.ts";
import type { WaitTarget } from "../primitives/kernel/queue.ts";
import { nextTurn } from "../primitives/kernel/turn.ts";
import { Waiter, type WaitOptions } from "../primitives/kernel/wait.ts";
import { formatAddress } from "./address.ts";
import type { AnyConnection } from "./platform.ts";

/** An error in a box, as anything can be thrown. */
export interface Failure {
  readonly error: unknown;
}

/**
 * Why a connection was closed: "ended", after the peer had; "closed", before; "idle", as the peer
 * kept a server waiting for too long; "failed", since reading, writing or its handler had;
 * "cancelled", with its handler.
 */
export type CloseReason = "ended" | "closed" | "idle" | "failed" | "cancelled";

/** A connection of the platform's, with what is known of its end. */
export class StreamCore {
  readonly native: AnyConnection;
  closed = false;
  /** Whether the peer has sent its last byte. */
  peerEnded = false;
  /** Whether reading or writing has failed. */
  failed = false;
  /** How long the peer may keep a wait waiting, as options of that wait. */
  idle: WaitOptions | undefined = undefined;
  /** What it was closed with since the peer was idle. */
  idleError: TimeoutError | undefined = undefined;
  /** The one that waits for bytes. */
  reader: StreamWaiter<unknown> | null = null;
  /** The one whose bytes are being sent; `null` where it does not wait for that any more. */
  writer: StreamWaiter<void> | null = null;
  #reading: WaitTarget | undefined = undefined;
  #writing: WaitTarget | undefined = undefined;
  #name: string | undefined = undefined;
  readonly #ended: (reason: CloseReason) => void;

  /**
   * @param native The platform's connection.
   * @param ended Called once when it is closed, for which reason ever.
   */
  constructor(native: AnyConnection, ended: (reason: CloseReason) => void) {
    this.native = native;
    this.#ended = ended;
  }

  /** The peer's address as text; where it has none, that of this end. */
  get name(): string {
    if (this.#name === undefined) {
      const { remoteAddr, localAddr } = this.native;
      const isNameless = "path" in remoteAddr && !remoteAddr.path;
      this.#name = formatAddress(isNameless ? localAddr : remoteAddr);
    }
    return this.#name;
  }

  /** What a wait for bytes is shown as. */
  get reading(): WaitTarget {
    return this.#reading ??= new StreamTarget("data from", this);
  }

  /** What a wait for bytes to be sent is shown as. */
  get writing(): WaitTarget {
    return this.#writing ??= new StreamTarget("writing to", this);
  }

  /** Closes it, if it is not. */
  close(reason: CloseReason = "closed"): void {
    if (this.closed) return;
    this.closed = true;
    this.native.close();
    const { failed, peerEnded } = this;
    this.#ended(reason !== "closed" ? reason : failed ? "failed" : peerEnded ? "ended" : "closed");
  }

  /** Closes it because of an idle peer. */
  closeIdle(error: TimeoutError): void {
    if (this.closed) return;
    this.idleError = error;
    this.close("idle");
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
class StreamTarget implements WaitTarget {
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

/**
 * A wait on a stream. It knows whether it is the limit on idle peers that ends it.
 *
 * It may be used for the next wait when it has ended: a new one for each message would be most of
 * what a stream allocates (measured: with a thousand connections that wait at a time the collector
 * took a sixth of the time).
 */
export abstract class StreamWaiter<T> extends Waiter<T> {
  protected core: StreamCore;
  endsIdle = false;

  constructor(core: StreamCore) {
    super();
    this.core = core;
  }

  /** Forgets what had limited the wait before. */
  protected renew(): void {
    this.limits = null;
    this.endsIdle = false;
  }

  override fail(error: unknown): void {
    if (!this.endsIdle || !(error instanceof TimeoutError) || this.core.closed) {
      super.fail(error);
    } else if (this.scope === null) this.#endIdle(error); // of a limit of 0: it does not wait yet
    else this.#endIdleSoon(error);
  }

  /**
   * Where this process was halted or busy for as long as the limit, timers come before what its peers
   * have sent meanwhile. Some turns let that in: they are not to pay for it. While there is something
   * to do, Deno looks at the sockets in every 61st turn only.
   */
  #endIdleSoon(error: TimeoutError, turns = 64): void {
    const { promise } = this;
    nextTurn(() => {
      if (this.promise !== promise || this.scope === null) return;
      if (turns > 1) this.#endIdleSoon(error, turns - 1);
      else this.#endIdle(error);
    });
  }

  #endIdle(error: TimeoutError): void {
    // What is not kept by one that others may use when it has ended.
    const { core } = this;
    super.fail(error);
    core.closeIdle(error);
  }
}

/** How errors of a connection are told: see `explain`. */
export const GONE = {
  BrokenPipe: "the peer has gone. Connect again",
  ConnectionReset: "the peer has gone. Connect again",
};

/** A connection to nobody: for the instances that keep the shapes of waits. */
export function toNobody(): StreamCore {
  const address = { path: null };
  const native = {
    localAddr: address,
    remoteAddr: address,
    read: () => Promise.resolve(null),
    write: () => Promise.resolve(0),
    closeWrite: () => Promise.resolve(),
    close: () => {},
  };
  return new StreamCore(native, () => {});
}

export const NO_BYTES: Uint8Array = new Uint8Array(0);
