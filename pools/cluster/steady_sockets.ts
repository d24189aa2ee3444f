/**
 * Keeps an error of a socket from ending the program. The client library takes its listeners off a
 * socket between two steps of connecting, and before it destroys it; what the socket still has to
 * say then, that its peer has reset it, nobody would catch.
 *
 * It is done to the class of its transports, as the library makes a new one at each reconnection.
 *
 * @module
 */

interface Socket {
  on(event: "error", listener: () => void): unknown;
  listeners(event: "error"): unknown[];
  removeAllListeners(event?: string): unknown;
}

type Step = (...args: unknown[]) => Promise<Socket>;

// The methods of a transport that make a socket.
const STEPS = ["dial", "startTLS", "tlsFirst"];

const done = new WeakSet<object>();

/** Sees to the sockets of a connection, and of all that come after it. */
export function steadySockets(connection: object): void {
  const { transport } = (connection as Internals).protocol ?? {};
  if (transport === undefined) return;
  const { socket } = transport;
  if (socket !== undefined) steady(socket);
  const prototype = Object.getPrototypeOf(transport);
  if (done.has(prototype)) return;
  done.add(prototype);
  for (const step of STEPS) {
    const original: Step | undefined = prototype[step];
    if (original === undefined) continue;
    prototype[step] = async function (...args: unknown[]): Promise<Socket> {
      return steady(await original.apply(this, args));
    };
  }
}

interface Internals {
  readonly protocol?: { readonly transport?: { readonly socket?: Socket } };
}

function steady(socket: Socket): Socket {
  const remove = socket.removeAllListeners;
  socket.removeAllListeners = function (event) {
    remove.call(socket, ...(event === undefined ? [] : [event]) as [string?]);
    if (!socket.listeners("error").includes(nothing)) socket.on("error", nothing);
    return socket;
  };
  socket.on("error", nothing);
  return socket;
}

function nothing(): void {}
