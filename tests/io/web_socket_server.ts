/**
 * Servers of WebSockets, really started, and clients of them: for the tests of `upgradeWebSocket`.
 *
 * @module
 */

import {
  connect,
  type Nursery,
  nursery,
  type ServeHttpOptions,
  type SocketStream,
  upgradeWebSocket,
  type UpgradeWebSocketOptions,
  type WebSocketConnection,
  type WebSocketHandler,
} from "../../mod.ts";
import { withLeakCheck } from "../../primitives/testing/mod.ts";
import { start } from "./http_server.ts";
import { bytes } from "./pair.ts";

export const HANDSHAKE = {
  upgrade: "websocket",
  connection: "upgrade",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
};

/** Starts a server that answers each request by a WebSocket. */
export async function sockets(
  services: Nursery,
  handler: WebSocketHandler,
  options: UpgradeWebSocketOptions & ServeHttpOptions = {},
) {
  const fn = (request: Request) => upgradeWebSocket(request, handler, options);
  const { address, base } = await start(services, fn, options);
  return { address, base, url: base.replace("http", "ws") };
}

/** A client, once its WebSocket is open; and how that was closed. */
export async function open(url: string, protocols: string[] = []) {
  const socket = new WebSocket(url, protocols);
  const received: unknown[] = [];
  socket.binaryType = "arraybuffer";
  socket.onmessage = ({ data }) =>
    received.push(typeof data === "string" ? data : new Uint8Array(data));
  const closed = new Promise<[number, string]>((resolve) => {
    socket.onclose = ({ code, reason }) => resolve([code, reason]);
  });
  await new Promise((resolve) => socket.onopen = socket.onerror = resolve);
  return { socket, received, closed };
}

/** A client that says only what it is told to. */
export async function openRaw(
  address: { hostname: string; port: number },
  upgrade = "websocket",
): Promise<SocketStream> {
  const stream = await connect(address);
  await stream.write(bytes(
    `GET /raw HTTP/1.1\r\nhost: x\r\nupgrade: ${upgrade}\r\nconnection: keep-alive, Upgrade\r\n` +
      "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n",
  ));
  await stream.readUntil("\r\n\r\n");
  return stream;
}

export async function echo(socket: WebSocketConnection): Promise<void> {
  for await (const message of socket) await socket.send(message);
}

/** A server for the time of a function, which must leave nothing behind. */
export function serving(
  handler: WebSocketHandler,
  fn: (server: Awaited<ReturnType<typeof sockets>>, services: Nursery) => Promise<void>,
  options?: UpgradeWebSocketOptions & ServeHttpOptions,
): Promise<void> {
  return withLeakCheck(async () => {
    await nursery(async (services) => {
      const server = await sockets(services, handler, options);
      await fn(server, services);
      services.stop();
    });
  });
}
