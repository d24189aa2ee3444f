/**
 * Addresses of sockets: their type, their text, and the checks of what callers hand in.
 *
 * @module
 */

import { show } from "../primitives/kernel/check.ts";

/** Where one end of a connection is. */
export interface SocketAddress {
  /** What carries the bytes. */
  readonly transport: "tcp";
  /** An IP address, as text. */
  readonly hostname: string;
  /** The port. */
  readonly port: number;
}

/** What serves somewhere: a listener, an HTTP server. */
export interface Listening {
  /** Where it can be reached. */
  readonly addresses: readonly SocketAddress[];
}

/** An address as messages and names of tasks show it: `127.0.0.1:8000`, `[::1]:8000`. */
export function formatAddress({ hostname, port }: { hostname: string; port: number }): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/** What the platform says of an address, in our own type. */
export function socketAddress(address: { hostname: string; port: number }): SocketAddress {
  return { transport: "tcp", hostname: address.hostname, port: address.port };
}

/** Checks the parts of an address at the call that was given them. */
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
