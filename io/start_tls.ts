/**
 * Encrypts a connection that has begun in the clear, for protocols in which both sides agree on that
 * first.
 *
 * @module
 */

import type { WaitOptions } from "../primitives/kernel/wait.ts";
import { socketsFor } from "./platform.ts";
import { SocketStream, takeNative } from "./stream.ts";

/** Whom to trust, and for how long to try. */
export interface StartTlsOptions extends WaitOptions {
  /** The name that the peer has to prove by its certificate. */
  servername: string;
  /** The certificates of those who vouch for the peer, besides those that the platform trusts. */
  caCerts?: readonly string[];
}

/**
 * Encrypts what is sent from now on, as the side that has connected. The stream is closed: the one
 * that is given is to be used in its place.
 *
 * @throws {Deno.errors.InvalidData} When the peer speaks no TLS, or cannot prove its name. When it
 * has sent more than was read: what is not encrypted may come from anybody between the two, and must
 * not be taken for what the peer says when it is known.
 * @throws {TimeoutError} When the time is up.
 */
export async function startTls(
  stream: SocketStream,
  { servername, caCerts = [], ...limits }: StartTlsOptions,
): Promise<SocketStream> {
  const { name } = stream;
  const sockets = socketsFor(`encrypt the connection to ${name}`);
  const native = takeNative(stream) as Deno.TcpConn | undefined;
  if (native === undefined) {
    throw new sockets.errors.InvalidData(
      `Cannot encrypt the connection to ${name} as the peer has sent more than was asked for: somebody may be between the two`,
    );
  }
  let encrypted: Deno.TlsConn;
  try {
    encrypted = await sockets.startTls(native, { hostname: servername, caCerts: [...caCerts] });
  } catch (error) {
    native.close();
    throw error;
  }
  const next = new SocketStream(encrypted);
  try {
    await next.handshake(limits);
    return next;
  } catch (error) {
    next.close();
    throw error;
  }
}
