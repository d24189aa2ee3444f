/**
 * Connecting to a listener.
 *
 * @module
 */

import { show } from "../primitives/kernel/check.ts";
import { currentScope } from "../primitives/kernel/context.ts";
import { entry, waitForPromise, type WaitOptions } from "../primitives/kernel/wait.ts";
import {
  type AddressOf,
  checkAlpn,
  checkPem,
  checkTransport,
  formatAddress,
  type NativeAddress,
} from "./address.ts";
import { backendFor, type BackendOptions, type Backing, checkBackend } from "./backend.ts";
import { explain } from "./errors.ts";
import { connectByNode } from "./node/connection.ts";
import type { AnyConnection, Sockets } from "./platform.ts";
import { SocketStream } from "./stream.ts";

/** Where to connect to by TCP, and for how long to try. */
export interface ConnectOptions extends WaitOptions, BackendOptions {
  /** What carries the bytes. Default: "tcp". */
  transport?: "tcp";
  /** A host name or an IP address. Default: "127.0.0.1". */
  hostname?: string;
  /** The port. */
  port: number;
}

/** Where to connect to, encrypted, and whom to trust. */
export interface ConnectTlsOptions extends Omit<ConnectOptions, "transport" | "backend"> {
  /** Says that the connection is encrypted. */
  transport: "tls";
  /** The name that the peer has to prove by its certificate. Default: `hostname`. */
  servername?: string;
  /**
   * The certificates of those who vouch for the peer, as the texts of PEM files: besides those that
   * the platform trusts.
   */
  caCerts?: readonly string[];
  /** The protocols that are spoken here; the peer takes one of them. Default: none. */
  alpnProtocols?: readonly string[];
}

/** Where to connect to within this machine. */
export interface ConnectUnixOptions extends WaitOptions {
  /** What carries the bytes. Default, where there is a `path`: "unix". */
  transport?: "unix";
  /** The file that stands for the socket. */
  path: string;
}

/** Where to connect to: by TCP, encrypted or not, or within this machine. */
export type ConnectSource = ConnectOptions | ConnectTlsOptions | ConnectUnixOptions;

/**
 * Connects to a listener: by TCP, encrypted by TLS, or by a Unix socket. It needs the permission `net`
 * for the address; for a Unix socket also to read and write its file.
 *
 * @typeParam S What the options are; the addresses are of the kind that they ask for.
 * @param options For TCP `hostname` and `port`. For TLS besides that `transport: "tls"`, `servername`,
 * `caCerts` and `alpnProtocols`. For a Unix socket `path`. (An entry of `listener.addresses` will do.)
 * And `signal`, and `timeout` in milliseconds for all of it.
 * @returns The connection, which is open until it is closed: hold it by `using`. One that is encrypted
 * has shaken hands.
 * @throws {TypeError | RangeError} At the call, when an option makes no sense.
 * @throws {Deno.errors.ConnectionRefused} When nobody listens there.
 * @throws {Deno.errors.InvalidData} When the peer speaks no TLS, or cannot prove its name.
 * @throws {TimeoutError} When the time is up.
 *
 * @example
 * ```ts
 * import { connect, listen } from "@grove/grove";
 *
 * using listener = listen({ hostname: "127.0.0.1", port: 0 });
 * using stream = await connect({ ...listener.addresses[0], timeout: 10_000 });
 * console.log("connected from port", stream.localAddress.port);
 * ```
 *
 * @example Encrypted, to a service that has its own authority
 * ```ts ignore
 * import { connect } from "@grove/grove";
 *
 * using stream = await connect({
 *   transport: "tls",
 *   hostname: "10.0.0.7",
 *   port: 8443,
 *   servername: "ledger.internal",
 *   caCerts: [Deno.readTextFileSync("authority.pem")],
 *   alpnProtocols: ["ledger/2", "ledger/1"],
 * });
 * console.log(stream.alpnProtocol); // the one that the peer has taken
 * ```
 */
export function connect<const S extends ConnectSource>(
  options: S,
): Promise<SocketStream<AddressOf<S>>> {
  const action = "connect";
  const transport = checkTransport(options, action);
  checkBackend(options, transport, action);
  if (transport === "tls") checkTls(options as ConnectTlsOptions, action);
  const barred = entry(currentScope(), options);
  if (barred !== undefined) return barred;
  return open(options) as Promise<SocketStream<AddressOf<S>>>;
}

function checkTls({ servername, caCerts, alpnProtocols }: ConnectTlsOptions, action: string): void {
  if (servername !== undefined && (typeof servername !== "string" || servername === "")) {
    throw new TypeError(
      `Cannot ${action} as 'servername' must be a name: received ${show(servername)}`,
    );
  }
  if (caCerts !== undefined) {
    if (!Array.isArray(caCerts)) {
      throw new TypeError(
        `Cannot ${action} as 'caCerts' must be an array: received ${show(caCerts)}`,
      );
    }
    // The platform takes whatever it is given, and trusts nobody then.
    for (const pem of caCerts) checkPem(pem, action, "what is in 'caCerts'");
  }
  checkAlpn(alpnProtocols, action);
}

async function open(options: ConnectSource): Promise<SocketStream> {
  const attempt = new Attempt(backendFor(options, "connect"));
  const connecting = attempt.run(options);
  try {
    return await waitForPromise(connecting, options);
  } catch (error) {
    // Where it succeeds at this very moment all the same, nobody is left to close it.
    connecting.then((stream) => stream.close(), () => {});
    attempt.giveUp();
    throw error;
  }
}

/** One attempt to connect, which can be given up at any moment. */
class Attempt {
  readonly #backend: Backing;
  readonly #abort = new AbortController();
  #stream: SocketStream | undefined;

  constructor(backend: Backing) {
    this.#backend = backend;
  }

  async run(options: ConnectSource): Promise<SocketStream> {
    const address = addressOf(options);
    const native = await this.#reach(address).catch((error) => {
      throw connectError(error, address);
    });
    if (options.transport !== "tls") return new SocketStream(native);
    const { servername = (address as Deno.NetAddr).hostname } = options;
    return await this.#encrypt(native as Deno.TcpConn, servername, options);
  }

  #reach(address: NativeAddress): Promise<AnyConnection> {
    const backend = this.#backend;
    const { signal } = this.#abort;
    if ("node" in backend) {
      return connectByNode(backend.node, address as Deno.NetAddr, signal);
    }
    return "path" in address
      ? backend.deno.connect({ transport: "unix", path: address.path! })
      : backend.deno.connect({ ...address, signal }).then(atOnce);
  }

  async #encrypt(
    native: Deno.TcpConn,
    hostname: string,
    { caCerts = [], alpnProtocols }: ConnectTlsOptions,
  ): Promise<SocketStream> {
    if (this.#abort.signal.aborted) {
      native.close();
      throw this.#abort.signal.reason;
    }
    const { deno: sockets } = this.#backend as { deno: Sockets };
    // Not by `connectTls`, which takes no other name than that of the host.
    const stream = this.#stream = new SocketStream(
      await sockets.startTls(native, {
        hostname,
        caCerts: [...caCerts],
        ...(alpnProtocols === undefined ? {} : { alpnProtocols: [...alpnProtocols] }),
      }),
    );
    try {
      if (this.#abort.signal.aborted) throw this.#abort.signal.reason;
      await stream.handshake();
      return stream;
    } catch (error) {
      stream.close();
      throw error;
    }
  }

  giveUp(): void {
    this.#abort.abort();
    this.#stream?.close();
  }
}

/** Has small pieces sent at once. Else each waits until the peer has confirmed the one before: 40 ms. */
function atOnce(native: Deno.TcpConn): Deno.TcpConn {
  native.setNoDelay(true);
  return native;
}

function addressOf(options: ConnectSource): NativeAddress {
  if ("path" in options && options.path !== undefined) return { path: options.path };
  const { hostname = "127.0.0.1", port } = options as ConnectOptions;
  return { hostname, port };
}

function connectError(error: unknown, address: NativeAddress): unknown {
  const name = formatAddress(address);
  const isFile = "path" in address;
  const reasons = {
    ConnectionRefused: "nobody listens there. Start the server, or check the address",
    TimedOut: "nobody answers there. Check the address",
    NotCapable: `the program is not permitted to. Run it with ${
      isFile
        ? `--allow-net=unix:${name} --allow-read=${name} --allow-write=${name}`
        : `--allow-net=${name}`
    }`,
    ...(isFile ? { NotFound: "there is no such file. Start the server, or check the path" } : {}),
  };
  return explain(error, `Cannot connect to ${name}`, reasons);
}
