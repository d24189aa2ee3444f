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
  #unsettled = 0;
  #isClosing = false;
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

  /** Notes where the peer is: a socket that has failed does not know it any more. */
  connected(): this {
    void this.remoteAddr;
    return this;
  }

  resume(to: Arrivals): void {
    const socket = this.#socket;
    if (this.#receiver === null) {
      this.#receiver = to;
      if (this.#failure !== null) return queueMicrotask(() => to.failed(this.#failure!.error));
      // A view of its memory: what Node calls a slice of a Buffer is no copy.
      socket.on("data", ({ buffer, byteOffset, length }: Uint8Array) => {
        this.#isNew = false;
        to.arrived(new Uint8Array(buffer, byteOffset, length));
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
    let settle: ((error: unknown) => void) | null = null;
    const socket = this.#socket;
    this.#unsettled++;
    socket.write(data, (error) => {
      this.#unsettled--;
      if (this.#isClosing) queueMicrotask(() => socket.destroy());
      settle?.(error);
    });
    if (socket.writableLength === 0 && this.#failure === null) return data.length;
    return new Promise((resolve, reject) => {
      settle = (error) => {
        if (error) reject(this.#failure?.error ?? asDenoError(error));
        else resolve(data.length);
      };
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
    // Node is to tell that the last write has ended, though the system has its bytes. Destroyed before,
    // it would make an error of it for nobody to see, which costs as much as all else about a connection.
    if (this.#unsettled > 0 && this.#socket.writableLength === 0) this.#isClosing = true;
    else this.#socket.destroy();
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
    const socket = net.connect({
      host: to.hostname,
      port: to.port,
      allowHalfOpen: true,
      noDelay: true,
    });
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
