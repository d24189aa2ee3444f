/**
 * Listeners: where connections come from.
 *
 * The platform's `accept` can be ended only by closing the listener, and takes no second call while
 * one is under way. So a listener keeps at most one accept of its own under way, started when
 * somebody waits, and hands what comes to whoever waits first. A wait that is cancelled leaves that
 * accept behind; the connection it brings is kept for the next who asks. None is lost.
 *
 * Errors of an accept that pass (no descriptors left, a peer that has hung up already) are thrown by
 * `accept()`. Those who accept in a loop, here and in `serve`, try again after a pause that grows.
 *
 * @module
 */

import { checkCount } from "../primitives/kernel/check.ts";
import { ClosedError } from "../primitives/kernel/errors.ts";
import { type Parked, WaitQueue } from "../primitives/kernel/queue.ts";
import {
  enqueue,
  notReady,
  poll,
  type Waitable,
  waitFor,
  type WaitOptions,
} from "../primitives/kernel/wait.ts";
import { sleep } from "../primitives/sleep.ts";
import {
  checkAddress,
  formatAddress,
  type Listening,
  type SocketAddress,
  socketAddress,
} from "./address.ts";
import { explain, passes } from "./errors.ts";
import { type NativeConnection, type NativeListener, socketsFor } from "./platform.ts";
import { SocketStream } from "./stream.ts";

/** Where to listen. */
export interface ListenOptions {
  /** The address of an interface of this machine, or a name for it. Default: "0.0.0.0", all of them. */
  hostname?: string;
  /** The port; 0 takes a free one, which `addresses` then tells. */
  port: number;
  /** How many connections the system may hold that were not accepted yet. Default: 511. */
  backlog?: number;
}

/** The pauses after errors that pass, in milliseconds: doubled each time. */
const FIRST_PAUSE = 5;
const LONGEST_PAUSE = 1000;

/**
 * A socket that connections come in by. It is made by {@linkcode listen}; `for await` takes one
 * connection after the other, until the listener is closed or its scope is asked to stop.
 *
 * @example
 * ```ts
 * import { connect, listen, taskGroup } from "@grove/grove";
 *
 * using listener = listen({ hostname: "127.0.0.1", port: 0 });
 * await taskGroup(async (group) => {
 *   group.spawn(async function client() {
 *     using stream = await connect(listener.addresses[0]);
 *     await stream.write(new TextEncoder().encode("hello"));
 *   });
 *   using stream = await listener.accept();
 *   for await (const chunk of stream) console.log(new TextDecoder().decode(chunk)); // hello
 * });
 * ```
 */
export class Listener
  implements Listening, AsyncIterable<SocketStream>, Disposable, Waitable<SocketStream> {
  /** Where it listens. */
  readonly addresses: readonly SocketAddress[];
  readonly #native: NativeListener;
  readonly #name: string;
  readonly #waiting: WaitQueue<SocketStream>;
  #accepting = false;
  // What came when nobody waited any more.
  #kept: SocketStream | undefined;
  #closed = false;

  /**
   * Listeners are made by {@linkcode listen}.
   *
   * @param native The platform's.
   */
  constructor(native: NativeListener) {
    this.#native = native;
    this.addresses = [socketAddress(native.addr)];
    this.#name = formatAddress(this.addresses[0]);
    this.#waiting = new WaitQueue({ kind: "connection to", name: this.#name });
  }

  /** Whether it was closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Waits for a connection. When several wait, the first who asked gets the first.
   *
   * @param options `signal`, `timeout` in milliseconds, and `endOnStop`.
   * @returns The connection; whoever takes it closes it.
   * @throws {ClosedError} When the listener is closed, before or meanwhile.
   * @throws What the system says. Some of it passes (no file descriptors left): accept again later, as
   * `for await` and `serve` do.
   */
  accept(options?: WaitOptions): Promise<SocketStream> {
    return waitFor(this, options);
  }

  /**
   * Takes one connection after the other. It ends when the listener is closed and when the scope is
   * asked to stop; leaving it early leaves the listener open.
   *
   * @returns An iterator of connections; whoever takes one closes it.
   */
  [Symbol.asyncIterator](): AsyncIterator<SocketStream> {
    return {
      next: async () => {
        const value = await acceptNext(this);
        return value === undefined ? { done: true, value } : { done: false, value };
      },
    };
  }

  /** Accepts no more: the port is free, and whoever waits for a connection gets a `ClosedError`. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#native.close();
    this.#kept?.close();
    this.#kept = undefined;
    this.#waiting.failAll(this.#closedError());
  }

  /** Closes it: for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** @ignore */
  [poll](): SocketStream | typeof notReady {
    if (this.#closed) throw this.#closedError();
    const stream = this.#kept;
    if (stream === undefined) return notReady;
    this.#kept = undefined;
    return stream;
  }

  /** @ignore */
  [enqueue](node: Parked<SocketStream>): void {
    this.#waiting.add(node);
    this.#accept();
  }

  #accept(): void {
    if (this.#accepting) return;
    this.#accepting = true;
    this.#native.accept().then(this.#came, this.#failed);
  }

  readonly #came = (native: NativeConnection): void => {
    this.#accepting = false;
    const stream = new SocketStream(native);
    if (this.#closed) stream.close();
    else if (!this.#waiting.wakeFirst(stream)) this.#kept = stream;
    else if (this.#waiting.size > 0) this.#accept();
  };

  readonly #failed = (error: unknown): void => {
    this.#accepting = false;
    // Without anybody waiting it is forgotten: the next accept meets it again, if it lasts.
    this.#waiting.failAll(
      explain(error, `Cannot accept a connection on ${this.#name}`, ACCEPT_REASONS),
    );
  };

  #closedError(): ClosedError {
    return new ClosedError(
      `Cannot accept a connection on ${this.#name} as the listener is closed. Listen again`,
    );
  }
}

/**
 * Accepts the next connection, and waits while errors pass.
 *
 * @param passing Told of each error that passes.
 * @returns The connection; `undefined` when the listener is closed or the scope is asked to stop.
 */
export async function acceptNext(
  listener: Listener,
  passing?: (error: unknown) => void,
): Promise<SocketStream | undefined> {
  for (let pause = FIRST_PAUSE;; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
    try {
      return await listener.accept({ endOnStop: true });
    } catch (error) {
      if (error instanceof ClosedError) return undefined;
      if (!passes(error)) throw error;
      passing?.(error);
      await sleep(pause, { endOnStop: true });
    }
  }
}

/**
 * Listens for connections. It needs the permission `net` for its address.
 *
 * @param options `hostname`, `port` and `backlog`.
 * @returns The listener, which is open until it is closed: hold it by `using`, or give it to `serve`.
 * @throws {TypeError | RangeError} When an option makes no sense.
 * @throws {Deno.errors.AddrInUse} When the port is in use.
 * @throws {Deno.errors.NotCapable} When the program lacks the permission.
 *
 * @example
 * ```ts
 * import { listen } from "@grove/grove";
 *
 * using listener = listen({ hostname: "127.0.0.1", port: 0 });
 * console.log("listening on port", listener.addresses[0].port);
 * ```
 */
export function listen(options: ListenOptions): Listener {
  checkAddress(options, "listen");
  const { hostname = "0.0.0.0", port, backlog } = options;
  if (backlog !== undefined) checkCount(backlog, "listen", "'backlog'", 1);
  const sockets = socketsFor("listen");
  try {
    return new Listener(sockets.listen({ hostname, port, tcpBacklog: backlog }));
  } catch (error) {
    throw listenError(error, { hostname, port });
  }
}

/** Why an address cannot be listened on, in our words. */
export function listenError(error: unknown, address: { hostname: string; port: number }): unknown {
  const name = formatAddress(address);
  return explain(error, `Cannot listen on ${name}`, {
    AddrInUse:
      "the port is in use. Stop the program that uses it, or take another port (0 takes a free one)",
    AddrNotAvailable:
      "this machine has no such address. Take one of its own, or 0.0.0.0 for all of them",
    NotCapable: `the program is not permitted to. Run it with --allow-net=${name}`,
    PermissionDenied:
      "the system does not permit it. Ports below 1024 are for privileged programs: take a higher one",
  });
}

const ACCEPT_REASONS = {
  EMFILE:
    "the process has too many files and sockets open. Raise its limit, or serve fewer at once",
  ENFILE: "the system has too many files and sockets open. Raise its limit, or serve fewer at once",
};
