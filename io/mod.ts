/**
 * Input and output under structured concurrency: the entry of a program, sockets whose every wait
 * can be cancelled, and servers that end in an orderly way.
 *
 * | Use | when you want |
 * | --- | --- |
 * | {@linkcode main} | signals, and an exit code |
 * | {@linkcode serve} | a server of connections: TCP, TLS, Unix sockets |
 * | {@linkcode serveHttp} | an HTTP server under Deno |
 * | {@linkcode fetchHandler} | requests as tasks, under any HTTP server and on the edge |
 * | {@linkcode listen}, {@linkcode connect} | the two ends of a connection |
 * | {@linkcode Selector} | one task that looks after many connections |
 * | {@linkcode datagrams} | messages by UDP |
 *
 * Loading it needs no permission, starts nothing, and works where there are no sockets.
 *
 * @example An echo server beside an HTTP server, until Ctrl-C
 * ```ts ignore
 * import { main, nursery, serve, serveHttp } from "@grove/grove";
 *
 * await main(() =>
 *   nursery((services) => {
 *     services.spawn(() =>
 *       serve({ port: 8007 }, async (stream) => {
 *         for await (const chunk of stream) await stream.write(chunk);
 *       })
 *     );
 *     services.spawn(() => serveHttp({ port: 8000 }, () => new Response("hello")));
 *   })
 * );
 * ```
 *
 * @module
 */

export type {
  AddressOf,
  Listening,
  SocketAddress,
  TcpAddress,
  TlsAddress,
  UnixAddress,
} from "./address.ts";
export type { Backend, BackendOptions } from "./backend.ts";
export type {
  Certificate,
  ListenOptions,
  ListenSource,
  ListenTlsOptions,
  ListenUnixOptions,
} from "./bind.ts";
export {
  connect,
  type ConnectOptions,
  type ConnectSource,
  type ConnectTlsOptions,
  type ConnectUnixOptions,
} from "./connect.ts";
export {
  type Datagram,
  type DatagramOptions,
  datagrams,
  type DatagramSocket,
  type NativeDatagrams,
  type UdpAddress,
} from "./datagrams.ts";
export { BusyError, TooLongError } from "./errors.ts";
export { type FetchHandler, fetchHandler } from "./fetch_handler.ts";
export type { FrameFormat, FrameOptions } from "./frames.ts";
export type { LineOptions } from "./lines.ts";
export { listen } from "./listen.ts";
export type { Listener, ListenerStats } from "./listener.ts";
export { main, type MainOptions } from "./main.ts";
export type { Pieces } from "./pieces.ts";
export type { FetchHandlerOptions, RequestFunction } from "./request_group.ts";
export { Selector, type SelectorEvent, type SelectorKey } from "./selector.ts";
export type { Readiness, SelectorSource } from "./watches.ts";
export { type ConnectionHandler, serve, type ServeOptions } from "./serve.ts";
export {
  type CoreServer,
  type CoreStats,
  serveOnCores,
  type ServeOnCoresOptions,
} from "./serve_on_cores.ts";
export {
  type HttpAddress,
  serveHttp,
  type ServeHttpInfo,
  type ServeHttpOptions,
} from "./serve_http.ts";
export type { SocketStream, UntilOptions } from "./stream.ts";
export type { CloseReason } from "./stream_core.ts";
export {
  type BodyChunk,
  type BodyChunks,
  streamBody,
  type StreamBodyOptions,
} from "./stream_body.ts";
export {
  upgradeWebSocket,
  type UpgradeWebSocketOptions,
  type WebSocketHandler,
} from "./upgrade_web_socket.ts";
export type { WebSocketClose, WebSocketConnection, WebSocketMessage } from "./web_socket.ts";
