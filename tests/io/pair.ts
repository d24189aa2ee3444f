/**
 * Two ends of a connection, for tests.
 *
 * @module
 */

import type { SocketStream, TcpAddress } from "../../mod.ts";
import { connect, listen } from "./backends.ts";

/** A real connection over the loopback interface, both ends of it. */
export class Pair implements Disposable {
  readonly here: SocketStream<TcpAddress>;
  readonly there: SocketStream<TcpAddress>;

  constructor(here: SocketStream<TcpAddress>, there: SocketStream<TcpAddress>) {
    this.here = here;
    this.there = there;
  }

  [Symbol.dispose](): void {
    this.here.close();
    this.there.close();
  }
}

/** Connects two streams with each other. */
export async function pair(): Promise<Pair> {
  using listener = listen({ hostname: "127.0.0.1", port: 0 });
  const [here, there] = await Promise.all([
    connect(listener.addresses[0]),
    listener.accept(),
  ]);
  return new Pair(here, there);
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The bytes of a text. */
export function bytes(text: string): Uint8Array {
  return encoder.encode(text);
}

/** The text of bytes. */
export function text(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** Reads until the peer sends no more. */
export async function readAll(stream: SocketStream): Promise<string> {
  let all = "";
  for await (const chunk of stream) all += text(chunk);
  return all;
}
