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

/** Reads what the options name. */
export async function readTrust(tls: ConnectionOptions["tls"]): Promise<Trust> {
  const { ca, caFile } = tls ?? {};
  const text = caFile === undefined ? ca : await readText(caFile);
  return { caCerts: text === undefined ? [] : [text] };
}

async function readText(path: string): Promise<string> {
  const { readFile } = await import("node:fs/promises");
  return await readFile(path, "utf8");
}
