/**
 * HTTP servers under structured concurrency: `Deno.serve` as a child of a nursery, each request a
 * task, and an end that is bounded.
 *
 * Three traps of `Deno.serve` (2.9.6) shape it. Its `shutdown()` lets requests finish, but after it
 * nothing can close a connection any more: an `abort()` then is an uncaught error that ends the
 * process, and a client that does not read what it asked for holds the shutdown for ever. It closes
 * WebSockets at once, with what was about to be sent. And its `abort()` closes everything at once. So
 * a server that is asked to stop lets its WebSockets end first, and is shut down then; its requests
 * are cancelled after `drain`, and what is still being sent a little later is left to itself; a
 * server that is cancelled is aborted.
 *
 * @module
 */

import { checkFunction, checkTime } from "../primitives/kernel/check.ts";
import { currentClock } from "../primitives/kernel/clock.ts";
import { ClosedError, isCancelled, TimeoutError } from "../primitives/kernel/errors.ts";
import { waitForPromise } from "../primitives/kernel/wait.ts";
import { nursery } from "../primitives/nursery.ts";
import { shield } from "../primitives/shield.ts";
import {
  checkTransport,
  formatAddress,
  type Listening,
  socketAddress,
  type TcpAddress,
} from "./address.ts";
import { checkSource, listenError, type ListenOptions } from "./bind.ts";
import { explain } from "./errors.ts";
import { socketsFor } from "./platform.ts";
import {
  checkFetchOptions,
  type FetchHandlerOptions,
  openRequests,
  type RequestFunction,
  type RequestGroup,
} from "./request_group.ts";
import { isReported } from "./stream_body.ts";

/** Where {@linkcode serveHttp} listens. */
export type HttpAddress = Pick<ListenOptions, "hostname" | "port" | "backlog">;

/** What {@linkcode serveHttp} can be told, besides what {@linkcode fetchHandler} can. */
export interface ServeHttpOptions extends FetchHandlerOptions {
  /** What `inspect()` and errors call the server. Default: "http". */
  name?: string;
  /**
   * Milliseconds that running requests have to end after the server was asked to stop, before they
   * are cancelled; `Infinity` for as long as they take. Default: 3000, which is less than what `main`
   * gives to the whole program.
   */
  drain?: number;
  /** Called once the server listens: with the `started` of `nursery.start`, it hands out the address. */
  started?: (server: Listening) => void;
}

/** How long the answers of requests that were cut short may take, in milliseconds. */
export const LAST_ANSWERS = 500;

/** What Deno passes besides the request. */
export type ServeHttpInfo = [info: {
  /** Where the client is. */
  readonly remoteAddr: { readonly hostname: string; readonly port: number };
  /** Resolves when the response has been sent, and rejects when it could not be. */
  readonly completed: Promise<void>;
}];

/**
 * Serves HTTP by `Deno.serve`, each request in a task of its own as with {@linkcode fetchHandler},
 * until it is cancelled or asked to stop. Run it as a child of a nursery.
 *
 * When it is asked to stop, accepting ends at once, and the port is free; only as long as there are
 * WebSockets the port is kept, and what comes is answered by 503. Requests, WebSockets and what goes
 * on in the background have `drain` milliseconds to end, and are cancelled then, requests being
 * answered by 503. A response that is still being
 * sent by then, since its client does not read it or its body is an endless stream, is left alone:
 * its connection ends with it, or with the process (`main` sees to that). When the server is
 * cancelled, all connections are closed at once.
 *
 * For HTTPS and HTTP/2, give what {@linkcode fetchHandler} makes to `Deno.serve({ cert, key }, …)`, or
 * have a proxy in front.
 *
 * @param where `hostname` and `port` to listen on, and `backlog`, as with `listen`.
 * @param fn What answers a request; it is called with the request and what Deno tells of the client.
 * @param options Those of `fetchHandler`, `drain` and `started`.
 * @returns Resolves to nothing when the server was asked to stop, and has.
 * @throws {TypeError | RangeError} At the call, when an argument makes no sense.
 * @throws {Deno.errors.AddrInUse} When the port is in use.
 * @throws {Deno.errors.Http} When `Deno.serve` gives up, as it does when the process has no file
 * descriptors left. Spawned with `restart: { on: "failure", backoff: 100 }`, the server comes back.
 *
 * @example
 * ```ts
 * import { type Listening, nursery, serveHttp } from "@grove/grove";
 *
 * await nursery(async (services) => {
 *   const { addresses: [{ port }] } = await services.start<Listening>((_task, started) =>
 *     serveHttp({ hostname: "127.0.0.1", port: 0 }, () => new Response("hello"), { started })
 *   );
 *   const response = await fetch(`http://127.0.0.1:${port}/`);
 *   console.log(await response.text()); // hello
 *   services.stop();
 * });
 * ```
 */
export function serveHttp(
  where: HttpAddress,
  fn: RequestFunction<ServeHttpInfo>,
  options: ServeHttpOptions = {},
): Promise<void> {
  const { drain, started } = options;
  const action = "serve HTTP";
  checkHttpAddress(where, action);
  checkFunction(fn, action, "the second argument");
  checkFetchOptions(options, action);
  if (drain !== undefined) checkTime(drain, action, "'drain'");
  if (started !== undefined) checkFunction(started, action, "'started'");
  return run(where, fn, options);
}

/** Checks where to listen. What `listen` may be told besides is no use here, and must not be dropped. */
export function checkHttpAddress(where: HttpAddress, action: string): void {
  checkSource(where, action);
  const transport = checkTransport(where, action);
  if (transport !== "tcp") {
    throw new TypeError(
      `Cannot ${action} as that goes over TCP, and the transport is "${transport}". Give fetchHandler() to Deno.serve()`,
    );
  }
  const { backend = "deno" } = where as ListenOptions;
  if (backend !== "deno") {
    throw new TypeError(
      `Cannot ${action} as 'backend' must be "deno": received "${backend}". Leave it out`,
    );
  }
}

async function run(
  where: HttpAddress,
  fn: RequestFunction<ServeHttpInfo>,
  options: ServeHttpOptions,
): Promise<void> {
  const { name = "http" } = options;
  await nursery(
    () => serveRequests(where, openRequests(fn, { ...options, name: "requests" }), options),
    { name },
  );
}

/** How requests are served. */
export interface ServeRequestsOptions extends Pick<ServeHttpOptions, "name" | "drain" | "started"> {
  /** Whether others may listen on the same port; the system then shares the connections out. */
  reusePort?: boolean;
}

/** Serves the requests of a group, until the scope is cancelled or asked to stop. */
export async function serveRequests(
  where: HttpAddress,
  requests: RequestGroup<ServeHttpInfo>,
  { name = "http", drain = 3000, started, reusePort = false }: ServeRequestsOptions,
): Promise<void> {
  const server = new Server(where, requests, name, reusePort);
  try {
    started?.(server);
    if (await server.isAskedToStop()) await server.drain(drain);
  } catch (error) {
    await server.abort();
    throw error;
  }
}

class Server implements Listening {
  readonly addresses: readonly TcpAddress[];
  readonly #finished: Promise<void>;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #requests: RequestGroup<ServeHttpInfo>;
  readonly #abort = new AbortController();
  #isOver = false;

  constructor(
    where: HttpAddress,
    requests: RequestGroup<ServeHttpInfo>,
    title: string,
    reusePort: boolean,
  ) {
    const { hostname = "0.0.0.0", port, backlog } = where;
    const sockets = socketsFor("serve HTTP");
    try {
      this.#server = sockets.serve({
        hostname,
        port,
        tcpBacklog: backlog,
        // Only if it was asked for: without a flag of Deno's the process would end here.
        ...(reusePort && { reusePort }),
        signal: this.#abort.signal,
        onListen: () => {},
        onError: (error) => bodyFailed(error, title),
      }, (request, info) => requests.answer(request, [info]));
    } catch (error) {
      throw listenError(error, { hostname, port });
    }
    this.#requests = requests;
    this.addresses = [socketAddress(this.#server.addr)];
    const name = formatAddress(this.addresses[0]);
    this.#finished = this.#server.finished
      .catch((error) => {
        throw explain(error, `Cannot go on serving HTTP on ${name}`, {});
      })
      .finally(() => this.#isOver = true);
  }

  /** Resolves when it is asked to stop, to whether it was: it may also have ended. */
  async isAskedToStop(): Promise<boolean> {
    try {
      await waitForPromise(this.#finished, { endOnStop: true });
      return false;
    } catch (error) {
      if (error instanceof ClosedError) return true;
      throw error;
    }
  }

  /** Ends it in an orderly way, in so many milliseconds at most and a little. */
  async drain(ms: number): Promise<void> {
    const until = currentClock().now() + ms + LAST_ANSWERS;
    this.#requests.stop({ grace: ms });
    // First, as the platform closes them at once when it is shut down, with what they had to say.
    await waitForPromise(this.#requests.endSockets());
    // An abort after this would be an uncaught error.
    this.#isOver = true;
    try {
      await waitForPromise(this.#server.shutdown(), {
        timeout: Math.max(0, until - currentClock().now()),
      });
    } catch (error) {
      if (!(error instanceof TimeoutError)) throw error;
    }
    // For what goes on in the background no platform waits.
    await waitForPromise(this.#requests.drained);
  }

  /** Ends it at once, unless it has begun to shut down: that ends it too. */
  async abort(): Promise<void> {
    if (this.#isOver) return;
    this.#abort.abort();
    await shield(() => this.#finished);
  }
}

/** The end of a response whose body could not be produced. */
function bodyFailed(error: unknown, name: string): Response {
  if (!isCancelled(error) && !isReported(error)) {
    console.error(`In "${name}", the body of a response:`, error);
  }
  return new Response(null, { status: 500 });
}
