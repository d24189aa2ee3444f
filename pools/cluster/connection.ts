/**
 * Connections to NATS: over TCP on machines, over WebSockets from everywhere.
 *
 * @module
 */

import {
  type ConnectionOptions,
  credsAuthenticator,
  type NatsConnection,
  wsconnect,
} from "@nats-io/nats-core";
import { NatsConnectionImpl } from "@nats-io/nats-core/internal";
import { checkOptions, show } from "../../primitives/kernel/check.ts";
import { outside } from "../../primitives/kernel/context.ts";
import type { ClusterLock } from "./lock.ts";
import { useSockets } from "./transport.ts";

/** A connection as `ClusterLock` takes it: a `NatsConnection` of `@nats-io/nats-core`. */
export type ClusterConnection = ConstructorParameters<typeof ClusterLock>[0];

/** How to get to the servers of a cluster. */
export interface ConnectOptions {
  /**
   * Where the servers are: `nats://` and `tls://` addresses, or `ws://` and `wss://` ones, which
   * need nothing but `WebSocket`. Of several one is taken, and another when that is lost.
   */
  servers: string | readonly string[];
  /** Who to be there: a user with a password. Default: nobody. */
  user?: string;
  /** See `user`. */
  password?: string;
  /** Who to be there: whoever has this token. Default: nobody. */
  token?: string;
  /** Who to be there: the text of a `.creds` file. Default: nobody. */
  credentials?: string;
  /**
   * For `tls://`: the certificate of who vouches for the servers, as the text of a PEM file, besides
   * those whom the system trusts. Default: none.
   */
  tls?: { readonly ca?: string };
}

/**
 * Connects to NATS, for what takes a connection: `ClusterLock` and `ClusterSemaphore`, and the modules
 * of the NATS client itself. Under Deno it needs no permission but `net` for the addresses.
 *
 * The connection belongs to nobody: close it. It comes back after it was lost, to this server or to
 * another, and tries as long as it takes.
 *
 * @param options `servers`, and who to be there.
 * @returns The connection, a `NatsConnection` of `@nats-io/nats-core`.
 * @throws {TypeError} At the call, when an option makes no sense.
 * @throws {ConnectionError} When no server can be reached.
 *
 * @example
 * ```ts ignore
 * import { ClusterLock, connectCluster } from "@grove/grove/cluster";
 *
 * const connection = await connectCluster({ servers: "nats://nats.internal" });
 * const lock = new ClusterLock(connection, "nightly report");
 * ```
 */
export function connectCluster(options: ConnectOptions): Promise<ClusterConnection> {
  const action = "connect to the cluster";
  checkOptions(options, action);
  return open(options, action);
}

/**
 * Connects. The connection belongs to nobody: not to the task that has asked for it.
 *
 * @throws {TypeError} When an option makes no sense.
 * @throws When no server can be reached.
 */
export function open(options: ConnectOptions, action: string): Promise<NatsConnection> {
  const { servers, user, password: pass, token, credentials, tls } = options;
  const list = typeof servers === "string" ? [servers] : servers;
  const isList = Array.isArray(list) && list.length > 0 &&
    list.every((server) => typeof server === "string" && server !== "");
  if (!isList) {
    throw new TypeError(
      `Cannot ${action} as 'servers' must be an address, or a list of some: received ${
        show(servers)
      }`,
    );
  }
  const isTls = (server: string) => server.startsWith("tls://");
  const isWeb = (server: string) => /^wss?:/.test(server);
  if (list.some(isWeb) !== list.every(isWeb)) {
    throw new TypeError(
      `Cannot ${action} as 'servers' are partly for WebSockets, and partly not: a connection is of one kind`,
    );
  }
  const settings: ConnectionOptions = {
    // A server that is lost comes back, or another takes its place: nobody has to be told.
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    // One that accepts and falls silent is given up, for another or for the next attempt.
    timeout: 5000,
    servers: [...list],
    ...(user === undefined ? {} : { user, pass }),
    ...(token === undefined ? {} : { token }),
    ...(credentials === undefined
      ? {}
      : { authenticator: credsAuthenticator(new TextEncoder().encode(credentials)) }),
    // An address that asks for TLS would be connected to without it, if the server said that it has none.
    ...(tls !== undefined || list.some(isTls) ? { tls: tls ?? {} } : {}),
  };
  return outside(() => {
    if (isWeb(list[0])) return wsconnect(settings);
    useSockets();
    return NatsConnectionImpl.connect(settings);
  });
}
