/**
 * Connections by `node:net`: what comes is pushed to whoever reads the stream, without a promise for
 * each piece, and a write that the system has taken at once needs no wait.
 *
 * In Deno one that is new cannot write yet. What it is given to write waits; and if the peer has closed
 * its half meanwhile, which is not known before something is read, that write fails as if the peer had
 * gone. So reading is begun at once, and the first write is kept back until the event loop has looked
 * at the socket.
 *
 * @module
 */

import type { NativeAddress } from "../address.ts";
import type { Arrivals, Inflow, PushedConnection } from "../platform.ts";
import { asDenoError, type NodeNet, type NodeSocket } from "./net.ts";

const NO_BYTES = new Uint8Array(0);

/** A connection by `node:net`. It holds its bytes back until they are asked for. */
export class NodeConnection implements PushedConnection, Inflow {
  readonly #socket: NodeSocket;
  readonly #closed: (() => void) | undefined;
  #local: NativeAddress | null = null;
  #remote: NativeAddress | null = null;
  #receiver: Arrivals | null = null;
  #failure: { readonly error: unknown } | null = null;
  // Accepted, and not known to the event loop.
  #isNew: boolean;
  #timer: ReturnType<typeof setTimeout> | undefined = undefined;

  /**
   * @param socket Node's connection, which is paused.
   * @param closed Of one that was accepted: called when it is closed.
   */
  constructor(socket: NodeSocket, closed?: () => void) {
    this.#socket = socket;
    this.#closed = closed;
    this.#isNew = closed !== undefined;
    // From the first: an error that nobody listens to would end the program.
    socket.on("error", (error: Error) => {
      this.#failure = { error: asDenoError(error) };
      this.#receiver?.failed(this.#failure.error);
    });
  }

  get inflow(): Inflow {
    return this;
  }

  get localAddr(): NativeAddress {
    const { localAddress, localPort } = this.#socket;
    return this.#local ??= addressOf(localAddress, localPort);
  }

  get remoteAddr(): NativeAddress {
    const { remoteAddress, remotePort } = this.#socket;
    return this.#remote ??= addressOf(remoteAddress, remotePort);
  }

  /** Has small pieces sent at once, and notes where the peer is: a socket that has failed does not know. */
  connected(): this {
    this.#socket.setNoDelay(true);
    void this.remoteAddr;
    return this;
  }

  resume(to: Arrivals): void {
    const socket = this.#socket;
    if (this.#receiver === null) {
      this.#receiver = to;
      if (this.#failure !== null) return queueMicrotask(() => to.failed(this.#failure!.error));
      socket.on("data", (bytes: Uint8Array) => {
        this.#isNew = false;
        to.arrived(bytes);
      });
      socket.on("end", () => to.ended());
    }
    socket.resume();
  }

  pause(): void {
    this.#socket.pause();
  }

  write(data: Uint8Array): number | Promise<number> {
    if (this.#failure !== null) return Promise.reject(this.#failure.error);
    if (this.#isNew) return this.#writeLater(data);
    const socket = this.#socket;
    // Not with a call-back: it would have to be called later, though the system has the bytes; and
    // where the connection is closed before, with an error that is made for nobody to see, and costs
    // as much as all else about a connection.
    socket.write(data);
    if (socket.writableLength === 0 && this.#failure === null) return data.length;
    return new Promise((resolve, reject) => {
      // The end of what comes behind them is that of the bytes.
      socket.write(NO_BYTES, (error) => {
        if (error) reject(this.#failure?.error ?? asDenoError(error));
        else resolve(data.length);
      });
    });
  }

  #writeLater(data: Uint8Array): Promise<number> {
    return new Promise((resolve) => {
      // Not by `setImmediate`: that lets the loop go on without a look at its sockets. Twice, as the
      // first may be late already.
      this.#timer = setTimeout(() => {
        this.#timer = setTimeout(() => {
          this.#isNew = false;
          resolve(this.write(data));
        }, 0);
      }, 0);
    });
  }

  closeWrite(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== null) return reject(this.#failure.error);
      this.#socket.end((error) => error ? reject(asDenoError(error)) : resolve());
    });
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#socket.destroy();
    this.#closed?.();
  }
}

function addressOf(hostname = "", port = 0): NativeAddress {
  return { hostname, port };
}

/** Connects; a signal that aborts ends the attempt. */
export function connectByNode(
  net: NodeNet,
  to: { readonly hostname: string; readonly port: number },
  signal: AbortSignal,
): Promise<NodeConnection> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host: to.hostname, port: to.port, allowHalfOpen: true });
    // What comes before somebody reads is left to the system.
    socket.pause();
    const connection = new NodeConnection(socket);
    const giveUp = () => {
      socket.destroy();
      reject(signal.reason);
    };
    signal.addEventListener("abort", giveUp);
    socket.on("connect", () => {
      signal.removeEventListener("abort", giveUp);
      resolve(connection.connected());
    });
    socket.on("error", (error: Error) => {
      signal.removeEventListener("abort", giveUp);
      reject(asDenoError(error));
    });
  });
}
