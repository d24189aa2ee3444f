/**
 * Connects to a NATS server by TCP, up to where the two begin to talk. The server speaks first, and
 * says what it is; where it, or we, want TLS, the connection is encrypted then.
 *
 * @module
 */

import type { ConnectionOptions, Server, ServerInfo } from "@nats-io/nats-core";
import { checkOptions } from "@nats-io/nats-core/internal";
import { connect } from "../../io/connect.ts";
import { startTls } from "../../io/start_tls.ts";
import type { SocketStream } from "../../io/stream.ts";
import type { WaitOptions } from "../../primitives/kernel/wait.ts";
import { readTrust } from "./trust.ts";

/** A server that has said what it is. */
export interface Dialed {
  readonly stream: SocketStream;
  readonly isEncrypted: boolean;
  /** What it has said, with the end of the line. */
  readonly greeting: Uint8Array;
}

// A cluster tells the addresses of all its servers. No server says more than that.
const LONGEST_INFO = 262_144;

/**
 * Connects. Where that fails nothing is left open.
 *
 * @param limits `signal`, and `timeout` in milliseconds, for each wait.
 * @throws When nobody listens there, it is no NATS server, or the two do not agree.
 */
export async function dial(
  server: Server,
  options: ConnectionOptions,
  limits: WaitOptions,
): Promise<Dialed> {
  const { hostname, port, tlsName } = server;
  const { tls } = options;
  const trust = await readTrust(tls);
  const encrypt = (stream: SocketStream) =>
    startTls(stream, { ...trust, ...limits, servername: tlsName || hostname });
  let stream: SocketStream = await connect({ hostname, port, ...limits });
  try {
    const isFirst = tls?.handshakeFirst === true;
    if (isFirst) stream = await encrypt(stream);
    const { line, info } = await readInfo(stream, limits);
    checkOptions(info, options);
    const isEncrypted = info.tls_required === true ||
      (info.tls_available === true && tls !== null);
    if (isEncrypted && !isFirst) stream = await encrypt(stream);
    return { stream, isEncrypted: isEncrypted || isFirst, greeting: line };
  } catch (error) {
    stream.close();
    throw error;
  }
}

async function readInfo(
  stream: SocketStream,
  limits: WaitOptions,
): Promise<{ line: Uint8Array; info: ServerInfo }> {
  const { name } = stream;
  const bytes = await stream.readUntil("\r\n", { ...limits, max: LONGEST_INFO });
  if (bytes === null) {
    throw new Error(
      `Cannot connect to ${name} as it has closed the connection before it said what it is. See the log of the server`,
    );
  }
  const line = new TextDecoder().decode(bytes);
  const info = /^INFO\s+(.+)$/i.exec(line)?.[1];
  try {
    return { info: JSON.parse(info!), line: new TextEncoder().encode(`${line}\r\n`) };
  } catch {
    throw new Error(
      `Cannot connect to ${name} as it is no NATS server: it said ${
        JSON.stringify(line.slice(0, 40))
      }. Check the address`,
    );
  }
}
