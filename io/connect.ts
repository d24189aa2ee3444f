/**
 * Connecting to a listener.
 *
 * @module
 */

import { currentScope } from "../primitives/kernel/context.ts";
import { entry, waitForPromise, type WaitOptions } from "../primitives/kernel/wait.ts";
import { checkAddress, formatAddress } from "./address.ts";
import { explain } from "./errors.ts";
import { type NativeConnection, socketsFor } from "./platform.ts";
import { SocketStream } from "./stream.ts";

/** Where to connect to, and for how long to try. */
export interface ConnectOptions extends WaitOptions {
  /** A host name or an IP address. Default: "127.0.0.1". */
  hostname?: string;
  /** The port. */
  port: number;
}

/**
 * Connects to a listener. It needs the permission `net` for the address.
 *
 * @param options `hostname` and `port` (an entry of `listener.addresses` will do), `signal`, and
 * `timeout` in milliseconds.
 * @returns The connection, which is open until it is closed: hold it by `using`.
 * @throws {TypeError | RangeError} At the call, when an option makes no sense.
 * @throws {Deno.errors.ConnectionRefused} When nobody listens there.
 * @throws {TimeoutError} When the time is up.
 *
 * @example
 * ```ts
 * import { connect, listen } from "@grove/grove";
 *
 * using listener = listen({ hostname: "127.0.0.1", port: 0 });
 * using stream = await connect({ ...listener.addresses[0], timeout: 1000 });
 * console.log("connected from port", stream.localAddress.port);
 * ```
 */
export function connect(options: ConnectOptions): Promise<SocketStream> {
  checkAddress(options, "connect");
  const barred = entry(currentScope(), options);
  if (barred !== undefined) return barred;
  return open(options);
}

async function open(options: ConnectOptions): Promise<SocketStream> {
  const { hostname = "127.0.0.1", port } = options;
  const attempt = new AbortController();
  const connecting: Promise<NativeConnection> = socketsFor("connect")
    .connect({ hostname, port, signal: attempt.signal })
    .catch((error) => {
      throw connectError(error, formatAddress({ hostname, port }));
    });
  try {
    return new SocketStream(await waitForPromise(connecting, options));
  } catch (error) {
    // Where it succeeds at this very moment all the same, nobody is left to close it.
    connecting.then((native) => native.close()).catch(() => {});
    attempt.abort();
    throw error;
  }
}

function connectError(error: unknown, name: string): unknown {
  return explain(error, `Cannot connect to ${name}`, {
    ConnectionRefused: "nobody listens there. Start the server, or check the address",
    TimedOut: "nobody answers there. Check the address",
    NotCapable: `the program is not permitted to. Run it with --allow-net=${name}`,
  });
}
