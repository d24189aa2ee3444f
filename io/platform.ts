/**
 * What `io` needs of the platform, looked up when it is needed and never while a module loads: a
 * platform may lack any of it.
 *
 * @module
 */

import type { NativeAddress } from "./address.ts";

/** The `Deno` namespace, for its sockets. */
export type Sockets = typeof Deno;

/** The platform's sockets, or an error that says there are none. */
export function socketsFor(action: string): Sockets {
  const { Deno: sockets } = globalThis as { Deno?: Sockets };
  if (typeof sockets?.listen === "function") return sockets;
  throw new Error(
    `Cannot ${action} as this platform has no sockets. Run it under Deno; fetchHandler() serves HTTP everywhere`,
  );
}

/** What all connections of a platform have. */
interface BothWays {
  readonly localAddr: NativeAddress;
  readonly remoteAddr: NativeAddress;
  /** Sends bytes, and tells how many: at once, where the system has taken them already. */
  write(data: Uint8Array): number | Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
  /** Whether small pieces are sent at once. Only of connections by TCP that are not encrypted. */
  setNoDelay?(noDelay: boolean): void;
  /** Only of connections that are encrypted. */
  handshake?(): Promise<{ readonly alpnProtocol: string | null }>;
}

/** A connection that is asked for its bytes; a `Deno.Conn` is one. */
export interface NativeConnection extends BothWays {
  read(buffer: Uint8Array): Promise<number | null>;
  readonly inflow?: undefined;
}

/** A connection whose bytes come by themselves, as those of `node:net` do. */
export interface PushedConnection extends BothWays {
  readonly inflow: Inflow;
}

/** The bytes of a connection, which come as long as they are let. */
export interface Inflow {
  /** Lets bytes come: to the same receiver each time. */
  resume(to: Arrivals): void;
  /** Holds back what comes, by letting the system keep it. */
  pause(): void;
}

/** Where bytes go that come by themselves. */
export interface Arrivals {
  /** Some have come; the memory is the receiver's. They may be a `Buffer` of Node's. */
  arrived(bytes: Uint8Array): void;
  /** The peer has sent its last. */
  ended(): void;
  /** There will be no more, of a failure. */
  failed(error: unknown): void;
}

/** A connection as a platform has it. */
export type AnyConnection = NativeConnection | PushedConnection;

/** A listener as the platform has it; a `Deno.Listener` is one. */
export interface NativeListener {
  readonly addr: NativeAddress;
  accept(): Promise<AnyConnection>;
  close(): void;
}
