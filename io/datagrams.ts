/**
 * Datagrams: messages by UDP, each of which arrives as a whole, or not at all.
 *
 * The platform's `receive` can be ended only by closing the socket. As with a listener, one at most is
 * under way, started when somebody waits; a wait that is cancelled leaves it behind, and what it
 * brings is kept for the next who asks.
 *
 * @module
 */

import { show } from "../primitives/kernel/check.ts";
import { currentScope } from "../primitives/kernel/context.ts";
import { ClosedError } from "../primitives/kernel/errors.ts";
import { type Parked, WaitQueue } from "../primitives/kernel/queue.ts";
import {
  enqueue,
  entry,
  notReady,
  poll,
  type Waitable,
  waitFor,
  waitForPromise,
  type WaitOptions,
} from "../primitives/kernel/wait.ts";
import { checkAddress, formatAddress } from "./address.ts";
import { listenError } from "./bind.ts";
import { explain } from "./errors.ts";
import { socketsFor } from "./platform.ts";

/** Where datagrams come from and go to. */
export interface UdpAddress {
  /** What carries them. */
  readonly transport: "udp";
  /** An IP address, as text. */
  readonly hostname: string;
  /** The port. */
  readonly port: number;
}

/** Where to receive datagrams. */
export interface DatagramOptions {
  /** The address of an interface of this machine. Default: "0.0.0.0", all of them. */
  hostname?: string;
  /** The port; 0, the default, takes a free one, which `address` then tells. */
  port?: number;
}

/** A message, and who has sent it. */
export interface Datagram {
  /** The message. */
  readonly data: Uint8Array;
  /** Where an answer goes. */
  readonly address: UdpAddress;
}

/** A socket as the platform has it; a `Deno.DatagramConn` is one. */
export interface NativeDatagrams {
  /** Where it receives. */
  readonly addr: unknown;
  /** Waits for a datagram, and gives it with the address of its sender. */
  receive(buffer: Uint8Array): Promise<[Uint8Array, unknown]>;
  /** Sends one. */
  send(data: Uint8Array, address: UdpAddress): Promise<number>;
  /** Closes it. */
  close(): void;
}

/** As much as a datagram can have. */
const MOST = 65_536;

/**
 * A socket for datagrams, made by {@linkcode datagrams}. `for await` takes one after the other, until it
 * is closed or its scope is asked to stop; in a `select` it stands for the next one. Those that come
 * while nobody takes any are held by the system, as many as it has room for.
 *
 * @example
 * ```ts ignore
 * import { datagrams } from "@grove/grove";
 *
 * using socket = datagrams({ hostname: "127.0.0.1" });
 * await socket.send(new TextEncoder().encode("hello"), { hostname: "127.0.0.1", port: 5353 });
 * const { data, address } = await socket.receive({ timeout: 10_000 });
 * ```
 */
export class DatagramSocket implements AsyncIterable<Datagram>, Disposable, Waitable<Datagram> {
  /** Where it receives. */
  readonly address: UdpAddress;
  readonly #native: NativeDatagrams;
  readonly #name: string;
  readonly #waiting: WaitQueue<Datagram>;
  // What is received is copied out of it: a datagram is small, as a rule.
  readonly #buffer = new Uint8Array(MOST);
  #isReceiving = false;
  #kept: Datagram | undefined;
  #isClosed = false;

  /**
   * Sockets are made by `datagrams`.
   *
   * @param native The platform's.
   */
  constructor(native: NativeDatagrams) {
    this.#native = native;
    this.address = udpAddress(native.addr);
    this.#name = formatAddress(this.address);
    this.#waiting = new WaitQueue({ kind: "datagram to", name: this.#name });
  }

  /** Whether it was closed. */
  get closed(): boolean {
    return this.#isClosed;
  }

  /**
   * Waits for a datagram. When several wait, the first who asked gets the first.
   *
   * @param options `signal`, `timeout` in milliseconds, and `endOnStop`.
   * @returns The message, which is the taker's, and who has sent it.
   * @throws {ClosedError} When the socket is closed, before or meanwhile.
   */
  receive(options?: WaitOptions): Promise<Datagram> {
    return waitFor(this, options);
  }

  /**
   * Sends a datagram. That the system has taken it does not say that it arrives.
   *
   * @param data The message; it must not be changed before it is sent.
   * @param to Where it goes.
   * @param options `signal`, `timeout` in milliseconds, and `endOnStop`. Where they end the wait it may
   * be sent all the same.
   * @returns Resolves to nothing, when the system has taken it.
   * @throws {TypeError | RangeError} At the call, when an argument makes no sense.
   * @throws {ClosedError} When the socket is closed.
   * @throws {Error} When the system does not take it: it is too long (65,507 bytes at most by IPv4).
   */
  send(
    data: Uint8Array,
    to: { hostname?: string; port: number },
    options?: WaitOptions,
  ): Promise<void> {
    const action = `send a datagram from ${this.#name}`;
    if (!(data instanceof Uint8Array)) {
      throw new TypeError(
        `Cannot ${action} as the data must be a Uint8Array: received ${
          show(data)
        }. Encode text: new TextEncoder().encode(text)`,
      );
    }
    checkAddress(to, action);
    const barred = entry(currentScope(), options);
    if (barred !== undefined) return barred;
    if (this.#isClosed) return Promise.reject(this.#closedError("send a datagram from"));
    const { hostname = "127.0.0.1", port } = to;
    return waitForPromise(this.#send(data, { transport: "udp", hostname, port }), options);
  }

  async #send(data: Uint8Array, to: UdpAddress): Promise<void> {
    try {
      await this.#native.send(data, to);
    } catch (error) {
      if (this.#isClosed) throw this.#closedError("send a datagram from");
      throw explain(error, `Cannot send a datagram to ${formatAddress(to)}`, {
        EMSGSIZE: `it is too long: ${data.length} bytes. Send it in several`,
        NotCapable: `the program is not permitted to. Run it with --allow-net=${formatAddress(to)}`,
      });
    }
  }

  /**
   * Takes one datagram after the other. It ends when the socket is closed and when the scope is asked to
   * stop; leaving it early leaves the socket open.
   *
   * @returns An iterator of datagrams.
   */
  [Symbol.asyncIterator](): AsyncIterator<Datagram> {
    return {
      next: () => waitFor(this, { endOnStop: true }).then(given, ended),
    };
  }

  /** Closes it: whoever waits for a datagram gets a `ClosedError`. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#native.close();
    this.#kept = undefined;
    this.#waiting.failAll(this.#closedError("receive a datagram on"));
  }

  /** Closes it: for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** @ignore */
  [poll](): Datagram | typeof notReady {
    if (this.#isClosed) throw this.#closedError("receive a datagram on");
    const datagram = this.#kept;
    if (datagram === undefined) return notReady;
    this.#kept = undefined;
    return datagram;
  }

  /** @ignore */
  [enqueue](node: Parked<Datagram>): void {
    this.#waiting.add(node);
    this.#receive();
  }

  #receive(): void {
    if (this.#isReceiving) return;
    this.#isReceiving = true;
    this.#native.receive(this.#buffer).then(this.#came, this.#failed);
  }

  readonly #came = ([bytes, from]: [Uint8Array, unknown]): void => {
    this.#isReceiving = false;
    if (this.#isClosed) return;
    const datagram = { data: bytes.slice(), address: udpAddress(from) };
    if (!this.#waiting.wakeFirst(datagram)) this.#kept = datagram;
    else if (this.#waiting.size > 0) this.#receive();
  };

  readonly #failed = (error: unknown): void => {
    this.#isReceiving = false;
    this.#waiting.failAll(explain(error, `Cannot receive a datagram on ${this.#name}`, {}));
  };

  #closedError(action: string): ClosedError {
    return new ClosedError(
      `Cannot ${action} ${this.#name} as the socket is closed. Open another one`,
    );
  }
}

/**
 * Opens a socket for datagrams, by UDP. It needs the permission `net` for its address, and Deno's flag
 * `--unstable-net`: without that, calling it is an error that says so.
 *
 * @param options `hostname` and `port`.
 * @returns The socket, which is open until it is closed: hold it by `using`.
 * @throws {TypeError | RangeError} When an option makes no sense.
 * @throws {Error} When the platform has no datagrams, or not without a flag.
 * @throws {Deno.errors.AddrInUse} When the port is in use.
 * @throws {Deno.errors.NotCapable} When the program lacks the permission.
 *
 * @example
 * ```ts ignore
 * import { datagrams } from "@grove/grove";
 *
 * using socket = datagrams({ hostname: "127.0.0.1", port: 5353 });
 * for await (const { data, address } of socket) await socket.send(data, address);
 * ```
 */
export function datagrams(options: DatagramOptions = {}): DatagramSocket {
  const action = "open datagrams";
  checkAddress({ port: 0, ...options }, action);
  const sockets = socketsFor(action);
  const { hostname = "0.0.0.0", port = 0 } = options;
  const { listenDatagram } = sockets as Partial<typeof sockets>;
  if (typeof listenDatagram !== "function") {
    throw new Error(
      `Cannot ${action} as Deno has them behind a flag. Run it with --unstable-net`,
    );
  }
  try {
    return new DatagramSocket(listenDatagram({ transport: "udp", hostname, port }));
  } catch (error) {
    throw listenError(error, { hostname, port });
  }
}

function udpAddress(address: unknown): UdpAddress {
  const { hostname, port } = address as { hostname: string; port: number };
  return { transport: "udp", hostname, port };
}

function given(value: Datagram): IteratorResult<Datagram> {
  return { done: false, value };
}

function ended(error: unknown): IteratorResult<Datagram> {
  if (error instanceof ClosedError) return { done: true, value: undefined };
  throw error;
}
