/**
 * Whom a connection to NATS trusts, of the options that the client library has for it.
 *
 * @module
 */

import type { ConnectionOptions } from "@nats-io/nats-core";

/** The certificates of those who vouch for the server, besides those that the platform trusts. */
export interface Trust {
  readonly caCerts: readonly string[];
}

/**
 * Reads what the options name.
 *
 * @throws {TypeError} When they have a certificate for this side: the sockets of Deno cannot show one
 * on a connection that has begun in the clear.
 */
export async function readTrust(tls: ConnectionOptions["tls"]): Promise<Trust> {
  const { ca, caFile, cert, certFile, key, keyFile } = tls ?? {};
  if ([cert, certFile, key, keyFile].some((given) => given !== undefined)) {
    throw new TypeError(
      "Cannot connect to the cluster as a client cannot prove who it is by a certificate here. Give it a password, a token or the text of a .creds file",
    );
  }
  const text = caFile === undefined ? ca : await readText(caFile);
  return { caCerts: text === undefined ? [] : [text] };
}

async function readText(path: string): Promise<string> {
  const { readFile } = await import("node:fs/promises");
  return await readFile(path, "utf8");
}
