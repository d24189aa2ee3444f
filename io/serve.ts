/**
 * Servers of connections. A server is a listener and a nursery of handlers: it accepts as long as there is room
 * for one more handler, and it is over when the last handler has ended.
 *
 * @module
 */

import { checkCount, checkFunction, checkTime } from "../primitives/kernel/check.ts";
import { cancelledIn, ClosedError, TimeoutError } from "../primitives/kernel/errors.ts";
import { checkScopeOptions } from "../primitives/kernel/scope_options.ts";
import { concerns, type Task } from "../primitives/kernel/task.ts";
import { type Nursery, nursery } from "../primitives/nursery.ts";
import { type AddressOf, formatAddress, type SocketAddress } from "./address.ts";
import type { ListenSource } from "./bind.ts";
import { checkSources, listen } from "./listen.ts";
import { acceptNext, type AnyListener, Listener } from "./listener.ts";
import { closeAs, closeIdle, idleErrorOf, limitIdle, type SocketStream } from "./stream.ts";

/**
 * What serves one connection: it is called with the connection and its own task.
 *
 * @typeParam A What kind of addresses the connection has.
 */
export type ConnectionHandler<A extends SocketAddress = SocketAddress> = (
  stream: SocketStream<A>,
  task: Task,
) => unknown;

/**
 * What {@linkcode serve} can be told.
 *
 * @typeParam A What kind of addresses the server has.
 */
export interface ServeOptions<A extends SocketAddress = SocketAddress> {
  /** What `inspect()` and errors call the server. Default: "serve". */
  name?: string;
  /**
   * How many connections are served at once. Beyond it nothing is accepted: the system holds what
   * comes. Default: `Infinity`.
   */
  maxConnections?: number;
  /**
   * Milliseconds that a peer may keep a read or a write waiting, before its connection is closed.
   * Default: `Infinity`.
   */
  idleTimeout?: number;
  /**
   * Milliseconds that running handlers have to end after the server was asked to stop, before they
   * are cancelled. Default: 3000, which is less than what `main` gives to the whole program.
   */
  drain?: number;
  /**
   * Told of what a handler throws, with the peer's address, and of errors of `accept` that pass,
   * without. The server goes on. Default: it is printed to stderr.
   */
  onError?: (error: unknown, peer: A | undefined) => void;
  /** Called once the server listens: with the `started` of `nursery.start`, it hands out the address. */
  started?: (listener: Listener<A>) => void;
}

/**
 * Serves connections, each in a task of its own, until it is cancelled or asked to stop. Run it as a
 * child of a nursery.
 *
 * A connection that is encrypted shakes hands before its handler is called, in the same task: a peer
 * that never does so holds up nobody else, and `idleTimeout` limits that too. A hand-shake that fails
 * goes to `onError`.
 *
 * A handler's connection is closed when the handler ends, in whatever way. What a handler throws
 * goes to `onError`; neither the server nor the other handlers notice.
 *
 * When the server is asked to stop, or its listener is closed, accepting ends at once, and the port
 * is free; the handlers have `drain` milliseconds to end, and are cancelled then. When it is
 * cancelled, so are the handlers.
 *
 * @typeParam S What the server is given; its addresses are of the kind that this stands for.
 * @param source Where to listen, as for `listen`; or a listener, which is the server's from then on.
 * @param handler What to do with a connection.
 * @param options Name, limits, `drain`, `onError` and `started`.
 * @returns Resolves to nothing when the server was asked to stop and all handlers have ended.
 * @throws {TypeError | RangeError} At the call, when an argument makes no sense.
 * @throws {Deno.errors.AddrInUse} When the port is in use.
 * @throws What `accept` throws, but for the errors that pass: then it is tried again after a pause.
 *
 * @example
 * ```ts
 * import { connect, type Listener, nursery, serve } from "@grove/grove";
 *
 * await nursery(async (services) => {
 *   const echo = await services.start<Listener>((_task, started) =>
 *     serve({ hostname: "127.0.0.1", port: 0 }, async (stream) => {
 *       for await (const chunk of stream) await stream.write(chunk);
 *     }, { name: "echo", maxConnections: 1000, started })
 *   );
 *
 *   using stream = await connect(echo.addresses[0]);
 *   await stream.write(new TextEncoder().encode("hello"));
 *   console.log(new TextDecoder().decode(await stream.readExactly(5))); // hello
 *   services.cancel();
 * });
 * ```
 */
export function serve<
  const S extends Listener<SocketAddress> | ListenSource | readonly ListenSource[],
>(
  source: S,
  handler: ConnectionHandler<AddressOf<S>>,
  options: ServeOptions<AddressOf<S>> = {},
): Promise<void> {
  const { name = "serve", maxConnections, idleTimeout, drain, onError, started } = options;
  const action = "serve";
  if (!(source instanceof Listener)) {
    checkSources((Array.isArray(source) ? source : [source]) as ListenSource[], action);
  }
  checkScopeOptions({ name }, action);
  checkFunction(handler, action, "the handler");
  if (maxConnections !== undefined) checkCount(maxConnections, action, "'maxConnections'", 1);
  if (idleTimeout !== undefined) checkTime(idleTimeout, action, "'idleTimeout'");
  if (drain !== undefined) checkTime(drain, action, "'drain'");
  if (onError !== undefined) checkFunction(onError, action, "'onError'");
  if (started !== undefined) checkFunction(started, action, "'started'");
  // Whatever kind of address it is: here all are the same.
  const server = new Server(handler as ConnectionHandler, { ...options as ServeOptions, name });
  return server.run(source);
}

class Server {
  readonly #handler: ConnectionHandler;
  readonly #options: ServeOptions & { name: string };

  constructor(handler: ConnectionHandler, options: ServeOptions & { name: string }) {
    this.#handler = handler;
    this.#options = options;
  }

  async run(source: AnyListener | ListenSource | readonly ListenSource[]): Promise<void> {
    const { name, maxConnections, drain = 3000, started } = this.#options;
    const listener: AnyListener = source instanceof Listener ? source : listen(source);
    await nursery(async (handlers) => {
      // Not by `using`: there are platforms that do not load it.
      try {
        started?.(listener);
        await this.#accept(listener, handlers);
      } finally {
        // At once however accepting ends; the handlers may go on for a while.
        listener.close();
      }
      handlers.stop({ grace: drain });
    }, { name, limit: maxConnections });
  }

  /** Accepts until the listener is closed or the server is asked to stop. */
  async #accept(listener: AnyListener, handlers: Nursery): Promise<void> {
    const limited = this.#options.maxConnections !== undefined;
    const passing = (error: unknown) => this.#report(error, undefined);
    for (;;) {
      if (limited && !(await hasRoom(handlers))) return;
      const stream = await acceptNext(listener, passing);
      if (stream === undefined) return;
      handlers.spawn((task) => this.#attend(stream, task), { name: stream.name });
    }
  }

  async #attend(stream: SocketStream, task: Task): Promise<void> {
    const { idleTimeout = Infinity } = this.#options;
    if (idleTimeout !== Infinity) limitIdle(stream, idleTimeout);
    try {
      if (stream.encrypted) await shakeHands(stream, idleTimeout);
      await this.#handler(stream, task);
    } catch (error) {
      const cancelled = cancelledIn(error);
      if (cancelled !== undefined && concerns(cancelled, task)) {
        closeAs(stream, "cancelled");
        throw error;
      }
      // What the server did itself to the connection is no failure of its handler.
      if (error === idleErrorOf(stream)) return;
      if (error instanceof ClosedError && task.stopping) return;
      const peer = stream.remoteAddress;
      closeAs(stream, "failed");
      this.#report(error, peer);
    } finally {
      stream.close();
    }
  }

  #report(error: unknown, peer: SocketAddress | undefined): void {
    const { name, onError } = this.#options;
    try {
      if (onError !== undefined) return onError(error, peer);
    } catch (failure) {
      // The server outlives a faulty call-back too, but not in silence.
      console.error(`The onError of "${name}" failed:`, failure);
    }
    const from = peer === undefined ? "" : ` (connection from ${formatAddress(peer)})`;
    console.error(`In "${name}"${from}:`, error);
  }
}

/** Completes the hand-shake of a peer that may take so many milliseconds for it. */
async function shakeHands(stream: SocketStream, timeout: number): Promise<void> {
  try {
    await stream.handshake({ timeout });
  } catch (error) {
    if (error instanceof TimeoutError) closeIdle(stream, error);
    throw error;
  }
}

/** Waits for room for one more handler; `false` when the server is asked to stop before. */
async function hasRoom(handlers: Nursery): Promise<boolean> {
  try {
    await handlers.ready({ endOnStop: true });
    return true;
  } catch (error) {
    if (error instanceof ClosedError) return false;
    throw error;
  }
}
