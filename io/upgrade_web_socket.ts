/**
 * The way from a request to a WebSocket, whose handler is a task that goes on when the request has
 * been answered.
 *
 * Platforms take the connection over when they are told to, and expect that very response to be
 * returned then: under `Deno.serve` (2.9.6) the whole server ends for good if it is not, as when the
 * handler fails on the way. So nothing happens at the call but a response being made that stands for
 * the upgrade; it is done when that response has come out of the handler.
 *
 * @module
 */

import {
  checkCount,
  checkFunction,
  checkOptions,
  checkTime,
  show,
} from "../primitives/kernel/check.ts";
import { currentScope } from "../primitives/kernel/context.ts";
import { cancelledIn } from "../primitives/kernel/errors.ts";
import { type Locals, localsOf } from "../primitives/kernel/scope.ts";
import { concerns, type Task } from "../primitives/kernel/task.ts";
import { moveOnAfter } from "../primitives/move_on_after.ts";
import { malformed } from "./answers.ts";
import { pathOf } from "./request_task.ts";
import {
  endWebSocket,
  isEndOf,
  type NativeWebSocket,
  WebSocketConnection,
  webSocketOpened,
} from "./web_socket.ts";

/** What talks over a WebSocket: it is called with that and its own task. */
export type WebSocketHandler = (socket: WebSocketConnection, task: Task) => unknown;

/** What {@linkcode upgradeWebSocket} can be told. */
export interface UpgradeWebSocketOptions {
  /** The subprotocols that the handler speaks; of those the first that the client asks for is taken. */
  protocols?: readonly string[];
  /** How many bytes a message of the client may have. Beyond it is closed with 1009. Default: 1 MiB. */
  max?: number;
  /**
   * How many messages of the client may wait to be received; together 16 MiB at most, or two messages
   * of `max`. One more, and it is closed with 1013: a WebSocket cannot be told to wait. Default: 1000.
   */
  capacity?: number;
  /**
   * Milliseconds after which a client is taken for gone that gives no sign of life: when half of them
   * are over, it is asked for one. So is a client, for whom a `send` waits, that takes nothing for so
   * long. On Deno alone, in whole seconds; elsewhere the platform has its own way. Default: 30,000.
   */
  idleTimeout?: number;
}

/** A WebSocket to be opened: how, and what runs then. */
export interface Upgrade {
  readonly locals: Locals | null;
  /** Takes the connection over. */
  open(request: Request): Opened;
}

interface Opened {
  readonly response: Response;
  readonly name: string;
  readonly run: (task: Task) => Promise<void>;
}

interface Pair {
  readonly socket: NativeWebSocket;
  readonly response: Response;
}

/** How a platform goes about it. */
interface Way {
  /** Whether a request that asks for a WebSocket has all that the platform needs. */
  isHandshake(headers: Headers): boolean;
  /** Takes the connection over. */
  take(request: Request, protocol: string, idleTimeout: number): Pair;
}

interface Platform {
  Deno?: {
    upgradeWebSocket?(
      request: Request,
      options: { protocol?: string; idleTimeout: number },
    ): Pair;
  };
  WebSocketPair?: new () => { 0: unknown; 1: NativeWebSocket & { accept(): void } };
}

/** For how many milliseconds a client may take to switch protocols. */
const OPENING = 10_000;

const upgrade = Symbol("grove.upgrade");

/** What a response stands for, if it does for an upgrade. */
export function upgradeOf(response: Response): Upgrade | undefined {
  return (response as { [upgrade]?: Upgrade })[upgrade];
}

/**
 * Answers a request by a WebSocket. The function of `fetchHandler` or `serveHttp` returns what this
 * returns; then `handler` is called, in a task that belongs to the server as requests do: it shows in
 * the tree, gets the drain when the server is asked to stop, and is cancelled with it.
 *
 * The WebSocket is closed when the handler ends: with 1000 when it returns, with 1011 when it throws,
 * which `onError` is told of, and with 1001 when the server ends. That the client goes away is no
 * failure: the loop over the messages ends, and a `send` or `receive` throws a `ClosedError`, which
 * the handler may let pass.
 *
 * A client that does not answer the close keeps its connection until it leaves or the server ends, as
 * Deno has no way to cut it (2.9.6); the handler's task waits for it for a second at most.
 *
 * A request that does not ask for a WebSocket is answered by 426, one that lacks what that takes by
 * 400; a server that stops answers by 503. Who asks from which page is for the
 * handler's function to check, by the header `origin`: browsers let any page ask.
 *
 * @param request The request.
 * @param handler What talks over the WebSocket.
 * @param options `protocols`, `max`, `capacity` and `idleTimeout`.
 * @returns The response, which is to be returned as it is.
 * @throws {TypeError | RangeError} When an argument makes no sense.
 * @throws {Error} When the platform has no way to it, as Node and Bun have none for fetch handlers.
 *
 * @example
 * ```ts
 * import { type Listening, nursery, serveHttp, upgradeWebSocket } from "@grove/grove";
 *
 * await nursery(async (services) => {
 *   const { addresses: [{ port }] } = await services.start<Listening>((_task, started) =>
 *     serveHttp({ hostname: "127.0.0.1", port: 0 }, (request) =>
 *       upgradeWebSocket(request, async (socket) => {
 *         await socket.send("hello");
 *       }), { started })
 *   );
 *   const client = new WebSocket(`ws://127.0.0.1:${port}/`);
 *   client.onmessage = ({ data }) => console.log(data); // hello
 *   await new Promise((resolve) => client.onclose = resolve);
 *   services.stop();
 * });
 * ```
 */
export function upgradeWebSocket(
  request: Request,
  handler: WebSocketHandler,
  options: UpgradeWebSocketOptions = {},
): Response {
  const action = "upgrade to a WebSocket";
  if (!(request instanceof Request)) {
    throw new TypeError(
      `Cannot ${action} as the first argument must be a Request: received ${show(request)}`,
    );
  }
  checkFunction(handler, action, "the handler");
  checkOptions(options, action);
  const { protocols = [], max = 2 ** 20, capacity = 1000, idleTimeout = 30_000 } = options;
  if (!Array.isArray(protocols) || !protocols.every((each) => typeof each === "string")) {
    throw new TypeError(
      `Cannot ${action} as 'protocols' must be an array of strings: received ${show(protocols)}`,
    );
  }
  checkCount(max, action, "'max'", 1);
  checkCount(capacity, action, "'capacity'", 1);
  checkTime(idleTimeout, action, "'idleTimeout'");
  const { take, isHandshake } = platformFor(action);
  const { headers } = request;
  if (!tokensOf(headers, "upgrade").includes("websocket")) {
    return new Response("Upgrade Required", {
      status: 426,
      headers: { connection: "Upgrade", upgrade: "websocket" },
    });
  }
  // It is the client's mistake: nothing has failed here.
  if (!isHandshake(headers)) return malformed();
  const offered = headers.get("sec-websocket-protocol")?.split(",").map((each) => each.trim());
  const protocol = protocols.find((each) => offered?.includes(each)) ?? "";
  const standIn = new Response("A WebSocket is opened by fetchHandler() or serveHttp() alone", {
    status: 500,
  });
  return Object.assign(standIn, {
    [upgrade]: {
      locals: localsOf(currentScope()),
      open(request: Request): Opened {
        const { socket, response } = take(request, protocol, idleTimeout);
        const name = `WebSocket ${pathOf(request)}`;
        const connection = new WebSocketConnection(socket, name, protocol, {
          max,
          capacity,
          idleTimeout,
        });
        return { response, name, run: (task) => attend(connection, handler, task) };
      },
    } satisfies Upgrade,
  });
}

/** Runs the handler of a WebSocket, and sees to its end. */
async function attend(
  socket: WebSocketConnection,
  handler: WebSocketHandler,
  task: Task,
): Promise<void> {
  let code = 1011;
  try {
    const { timedOut } = await moveOnAfter(OPENING, () => webSocketOpened(socket));
    // A client that has left before it was there is no business of the handler.
    if (timedOut || socket.closed !== undefined) return;
    // By the task: where the platform follows no `await`, nothing is in it after one.
    await task.run(() => handler(socket, task));
    code = task.stopping ? 1001 : 1000;
  } catch (error) {
    const cancelled = cancelledIn(error);
    if (cancelled !== undefined && concerns(cancelled, task)) code = 1001;
    // That its peer has left is no failure of a handler.
    else if (isEndOf(socket, error)) return;
    throw error;
  } finally {
    const reason = code === 1001 ? "the server is stopping" : "";
    await endWebSocket(socket, code, reason);
  }
}

function platformFor(action: string): Way {
  const { Deno: deno, WebSocketPair } = globalThis as unknown as Platform;
  if (typeof deno?.upgradeWebSocket === "function") {
    return {
      isHandshake: (headers) =>
        headers.has("sec-websocket-key") && tokensOf(headers, "connection").includes("upgrade"),
      take: (request, protocol, idleTimeout) =>
        deno.upgradeWebSocket!(request, {
          ...(protocol && { protocol }),
          // In seconds; zero is none.
          idleTimeout: idleTimeout === Infinity ? 0 : Math.max(1, Math.ceil(idleTimeout / 1000)),
        }),
    };
  }
  if (typeof WebSocketPair === "function") {
    return {
      isHandshake: () => true,
      take: (_request, protocol) => {
        const { 0: webSocket, 1: socket } = new WebSocketPair();
        socket.accept();
        const headers: HeadersInit = protocol ? { "sec-websocket-protocol": protocol } : {};
        const init = { status: 101, webSocket, headers } as ResponseInit;
        return { socket, response: new Response(null, init) };
      },
    };
  }
  throw new Error(
    `Cannot ${action} as this platform has no way to it from a Request. Run it under Deno or workerd`,
  );
}

/** The values of a header that is a list of names in any case. */
function tokensOf(headers: Headers, name: string): string[] {
  return (headers.get(name) ?? "").split(",").map((token) => token.trim().toLowerCase());
}
