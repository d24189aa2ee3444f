/**
 * What carries the bytes below a stream: the sockets of Deno, or those of `node:net`.
 *
 * @module
 */

import { show } from "../primitives/kernel/check.ts";
import type { Transport } from "./address.ts";
import { type NodeNet, nodeNet } from "./node/net.ts";
import { type Sockets, socketsFor } from "./platform.ts";

/**
 * Whose sockets to use: Deno's, or those of `node:net`, which Deno, Node and Bun have. Streams and
 * listeners do the same with both.
 *
 * | | "deno" | "node" |
 * | --- | --- | --- |
 * | best for | bulk, and up to about 1,000 connections | thousands of connections |
 * | thousands of busy connections | some wait much longer than others | all wait about as long |
 * | idle connections | half a kilobyte of buffer each | no buffer |
 * | beyond `maxConnections` | wait in the system | wait in this process, unread |
 * | TLS, Unix sockets | yes | no |
 */
export type Backend = "deno" | "node";

/** What a program may ask for where it listens or connects. */
export interface BackendOptions {
  /**
   * Whose sockets to use: "deno" or "node". Default: "deno", where there is Deno; see
   * {@linkcode Backend} for when "node" is the better one.
   */
  backend?: Backend;
}

/** The sockets of one of the platforms. */
export type Backing = { readonly deno: Sockets } | { readonly node: NodeNet };

/** Checks which back-end options ask for. */
export function checkBackend(options: unknown, transport: Transport, action: string): void {
  const { backend } = options as { backend?: unknown };
  if (backend === undefined || backend === "deno") return;
  if (backend !== "node") {
    throw new TypeError(
      `Cannot ${action} as 'backend' must be "deno" or "node": received ${show(backend)}`,
    );
  }
  if (transport !== "tcp") {
    throw new TypeError(
      `Cannot ${action} as the back-end "node" is for TCP, and the transport is "${transport}". Leave 'backend' out`,
    );
  }
}

/** The sockets to use: those of Node where they are asked for, or are the only ones. */
export function backendFor(
  options: BackendOptions & { readonly transport?: Transport; readonly path?: string },
  action: string,
): Backing {
  const { backend, transport, path } = options;
  const isTcp = path === undefined && transport !== "tls";
  if (backend === "deno" || !isTcp || (backend === undefined && hasDeno())) {
    return { deno: socketsFor(action) };
  }
  const node = nodeNet();
  if (node !== undefined) return { node };
  if (backend === undefined) return { deno: socketsFor(action) };
  throw new Error(`Cannot ${action} as this platform has no node:net. Leave 'backend' out`);
}

function hasDeno(): boolean {
  return typeof (globalThis as { Deno?: { listen?: unknown } }).Deno?.listen === "function";
}
