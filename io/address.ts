/**
 * Addresses of sockets: their types, their text, and the checks of what callers hand in.
 *
 * @module
 */

import { checkOptions, show } from "../primitives/kernel/check.ts";

/** Where one end of a TCP connection is. */
export interface TcpAddress {
  /** What carries the bytes. */
  readonly transport: "tcp";
  /** An IP address, as text. */
  readonly hostname: string;
  /** The port. */
  readonly port: number;
}

/** Where one end of an encrypted TCP connection is. */
export interface TlsAddress {
  /** What carries the bytes. */
  readonly transport: "tls";
  /** An IP address, as text. */
  readonly hostname: string;
  /** The port. */
  readonly port: number;
}

/** Where one end of a connection within this machine is. */
export interface UnixAddress {
  /** What carries the bytes. */
  readonly transport: "unix";
  /** The file of the socket; "" for the end that has none, which is the one that has connected. */
  readonly path: string;
}

/** Where one end of a connection is: `transport` tells which kind of address it is. */
export type SocketAddress = TcpAddress | TlsAddress | UnixAddress;

/**
 * The kind of address that options or a listener stand for.
 *
 * @typeParam S Options of `listen`, `connect` or `serve`, an array of them, or a listener.
 */
export type AddressOf<S> = S extends readonly (infer O)[] ? AddressOf<O>
  : S extends Listening<infer A> ? A
  : S extends { readonly path: string } ? UnixAddress
  : S extends { readonly transport: "tls" } ? TlsAddress
  : TcpAddress;

/**
 * What serves somewhere: a listener, an HTTP server.
 *
 * @typeParam A What kind of addresses it has.
 */
export interface Listening<A extends SocketAddress = TcpAddress> {
  /** Where it can be reached. */
  readonly addresses: readonly A[];
}

/** An address as the platform tells it. */
export type NativeAddress =
  | { readonly hostname: string; readonly port: number }
  | { readonly path: string | null };

/** An address as messages and names of tasks show it: `127.0.0.1:8000`, `[::1]:8000`, a path. */
export function formatAddress(address: NativeAddress): string {
  if ("path" in address) return address.path || "a Unix socket";
  const { hostname, port } = address;
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/** What the platform says of an address, in our own type. */
export function socketAddress(
  address: { readonly hostname: string; readonly port: number },
): TcpAddress;
export function socketAddress(address: NativeAddress, encrypted?: boolean): SocketAddress;
export function socketAddress(address: NativeAddress, encrypted = false): SocketAddress {
  if ("path" in address) return { transport: "unix", path: address.path ?? "" };
  const { hostname, port } = address;
  return { transport: encrypted ? "tls" : "tcp", hostname, port };
}

/** Checks the parts of an address of TCP at the call that was given them. */
export function checkAddress(
  address: { hostname?: string; port: number },
  action: string,
): void {
  if (typeof address !== "object" || address === null) {
    throw new TypeError(
      `Cannot ${action} as the options must be an object: received ${show(address)}. Pass { port }`,
    );
  }
  const { hostname, port } = address;
  if (typeof port !== "number") {
    throw new TypeError(`Cannot ${action} as 'port' must be a number: received ${show(port)}`);
  }
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new RangeError(
      `Cannot ${action} as 'port' must be a whole number from 0 to 65535: received ${port}`,
    );
  }
  if (hostname !== undefined && typeof hostname !== "string") {
    throw new TypeError(
      `Cannot ${action} as 'hostname' must be a string: received ${show(hostname)}`,
    );
  }
}

/** What options are about, once it is known that they make sense. */
export type Transport = "tcp" | "tls" | "unix";

/** Checks which transport options ask for, and the address in them. */
export function checkTransport(options: unknown, action: string): Transport {
  if (typeof options !== "object" || options === null) {
    checkAddress(options as { port: number }, action);
  }
  checkOptions(options, action);
  const given = options as { transport?: unknown; path?: unknown; port: number };
  const { transport = given.path === undefined ? "tcp" : "unix" } = given;
  if (transport !== "tcp" && transport !== "tls" && transport !== "unix") {
    throw new TypeError(
      `Cannot ${action} as 'transport' must be "tcp", "tls" or "unix": received ${show(transport)}`,
    );
  }
  if (transport === "unix") checkPath(given.path, action);
  else if (given.path !== undefined) {
    throw new TypeError(
      `Cannot ${action} as 'path' is for Unix sockets, and 'transport' is "${transport}". Leave one of them out`,
    );
  } else checkAddress(given, action);
  return transport;
}

/** Checks the path of a Unix socket. */
export function checkPath(path: unknown, action: string): void {
  if (typeof path !== "string") {
    throw new TypeError(`Cannot ${action} as 'path' must be a string: received ${show(path)}`);
  }
  if (path === "") throw new RangeError(`Cannot ${action} as 'path' must not be empty`);
}

/** Checks a text in PEM format, as far as that can be seen. */
export function checkPem(pem: unknown, action: string, what: string): void {
  if (typeof pem === "string" && pem.includes("-----BEGIN")) return;
  // What was received is not shown: it may be a private key.
  throw new TypeError(
    `Cannot ${action} as ${what} must be the text of a PEM file: received ${
      typeof pem === "string" ? "another text" : show(pem)
    }. Read the file: Deno.readTextFileSync(path)`,
  );
}

/** Checks the names of protocols to offer in a TLS handshake. */
export function checkAlpn(protocols: unknown, action: string): void {
  if (protocols === undefined) return;
  if (
    Array.isArray(protocols) &&
    protocols.every((name) => typeof name === "string" && name.length > 0 && name.length < 256)
  ) return;
  throw new TypeError(
    `Cannot ${action} as 'alpnProtocols' must be an array of names, "h2" say: received ${
      show(protocols)
    }`,
  );
}
