/**
 * Binding: from the options of `listen` to a listener of the platform's, whatever the transport.
 *
 * @module
 */

import { checkCount } from "../primitives/kernel/check.ts";
import {
  checkAlpn,
  checkPem,
  checkTransport,
  formatAddress,
  type NativeAddress,
  type SocketAddress,
  socketAddress,
} from "./address.ts";
import { backendFor, type BackendOptions, checkBackend } from "./backend.ts";
import { explain } from "./errors.ts";
import { listenByNode } from "./node/listener.ts";
import type { NativeListener, Sockets } from "./platform.ts";
import { claimPath } from "./unix_path.ts";

/** Where to listen for connections by TCP. */
export interface ListenOptions extends BackendOptions {
  /** What carries the bytes. Default: "tcp". */
  transport?: "tcp";
  /** The address of an interface of this machine, or a name for it. Default: "0.0.0.0", all of them. */
  hostname?: string;
  /** The port; 0 takes a free one, which `addresses` then tells. */
  port: number;
  /** How many connections the system may hold that were not accepted yet. Default: 511. */
  backlog?: number;
}

/** A certificate and its key. */
export interface Certificate {
  /** The certificate, and those that vouch for it, in the text of a PEM file. */
  cert: string;
  /** The private key of the certificate, in the text of a PEM file. */
  key: string;
}

/** Where to listen for encrypted connections, and what to prove one's name by. */
export interface ListenTlsOptions
  extends Omit<ListenOptions, "transport" | "backend">, Certificate {
  /** Says that connections are encrypted. */
  transport: "tls";
  /**
   * The protocols that are spoken here, the preferred first, for clients that name some themselves.
   * Default: none, and such clients are told none.
   */
  alpnProtocols?: readonly string[];
}

/** Where to listen for connections from within this machine. */
export interface ListenUnixOptions {
  /** What carries the bytes. Default, where there is a `path`: "unix". */
  transport?: "unix";
  /** The file that stands for the socket. It is made, and removed when the listener is closed. */
  path: string;
}

/** Where to listen: by TCP, encrypted or not, or within this machine. */
export type ListenSource = ListenOptions | ListenTlsOptions | ListenUnixOptions;

/** A listener of the platform's, and where it is. */
export interface Bound {
  readonly native: NativeListener;
  readonly address: SocketAddress;
  /** Makes one like it with another certificate, where it has one: at the same address, or at a free one. */
  readonly again?: (certificate: Certificate, probe: boolean) => NativeListener;
}

/** Checks options of `listen` at the call that was given them. */
export function checkSource(options: ListenSource, action: string): void {
  const transport = checkTransport(options, action);
  checkBackend(options, transport, action);
  const { backlog, alpnProtocols, cert, key } = options as Partial<ListenTlsOptions>;
  if (transport === "tls") {
    checkPem(cert, action, "'cert'");
    checkPem(key, action, "'key'");
    checkAlpn(alpnProtocols, action);
  } else if (cert !== undefined || key !== undefined) {
    // Without a word it would listen all the same, and nothing would be encrypted.
    throw new TypeError(
      `Cannot ${action} as there is a certificate and 'transport' is "${transport}". Pass transport: "tls"`,
    );
  }
  if (backlog !== undefined) checkCount(backlog, action, "'backlog'", 1);
}

/** Listens by the platform. The options have been checked. */
export function bind(options: ListenSource): Bound {
  const backend = backendFor(options, "listen");
  if ("path" in options && options.path !== undefined) {
    return bindUnix((backend as { deno: Sockets }).deno, options.path);
  }
  const { hostname = "0.0.0.0", port, backlog } = options as ListenOptions;
  const where = { hostname, port, tcpBacklog: backlog };
  if ("node" in backend) {
    const native = attempt(where, () => listenByNode(backend.node, { hostname, port }, backlog));
    return { native, address: socketAddress(native.addr) };
  }
  const sockets = backend.deno;
  if (options.transport !== "tls") {
    const native = attempt(where, () => sockets.listen(where));
    return { native, address: socketAddress(native.addr) };
  }
  const { cert, key, alpnProtocols } = options;
  const alpn = alpnProtocols === undefined ? {} : { alpnProtocols: [...alpnProtocols] };
  const encrypted = (where: { hostname: string; port: number }, certificate: Certificate) =>
    attempt(where, () => sockets.listenTls({ ...where, ...certificate, ...alpn }));
  const native = encrypted(where, { cert, key });
  const bound = { ...where, port: native.addr.port };
  return {
    native,
    address: socketAddress(native.addr, true),
    again: (certificate, probe) => encrypted(probe ? { hostname, port: 0 } : bound, certificate),
  };
}

function bindUnix(sockets: Sockets, path: string): Bound {
  const claim = claimPath(sockets, path);
  try {
    const native = attempt({ path }, () => sockets.listen({ transport: "unix", path }));
    const close = () => {
      native.close();
      claim?.release();
    };
    return {
      native: { addr: native.addr, accept: () => native.accept(), close },
      address: { transport: "unix", path },
    };
  } catch (error) {
    claim?.release();
    throw error;
  }
}

function attempt<T>(address: NativeAddress, listen: () => T): T {
  try {
    return listen();
  } catch (error) {
    throw listenError(error, address);
  }
}

/** Why an address cannot be listened on, in our words. */
export function listenError(error: unknown, address: NativeAddress): unknown {
  const name = formatAddress(address);
  const isFile = "path" in address;
  return explain(error, `Cannot listen on ${name}`, {
    AddrInUse: isFile
      ? "the file is there already. Stop the program that listens there; if none does, remove the file"
      : "the port is in use. Stop the program that uses it, or take another port (0 takes a free one)",
    AddrNotAvailable:
      "this machine has no such address. Take one of its own, or 0.0.0.0 for all of them",
    NotCapable: `the program is not permitted to. Run it with ${
      isFile
        ? `--allow-net=unix:${name} --allow-read=${name} --allow-write=${name},${name}.lock`
        : `--allow-net=${name}`
    }`,
    PermissionDenied: isFile
      ? "the system does not permit it. Take a folder that the program may write to"
      : "the system does not permit it. Ports below 1024 are for privileged programs: take a higher one",
    ...(isFile
      ? {
        NotFound: "its folder is not there. Make the folder",
        EINVAL:
          "the path is too long for a socket, or makes no sense. Take one of 100 bytes at most",
      }
      : { InvalidData: `the certificate or its key cannot be read: ${messageOf(error)}` }),
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
