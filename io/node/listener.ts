/**
 * Listeners by `node:net`. Node accepts by itself, whether somebody waits for a connection or not, and
 * cannot be told to stop but by closing. So what nobody has taken yet waits here: connected, and
 * unread. None is dropped; each keeps a descriptor.
 *
 * @module
 */

import { currentClock } from "../../primitives/kernel/clock.ts";
import { Alarm } from "../../primitives/kernel/timers.ts";
import type { NativeListener } from "../platform.ts";
import { NodeConnection } from "./connection.ts";
import {
  asDenoError,
  type NodeHandle,
  type NodeNet,
  type NodeServer,
  type NodeSocket,
  systemError,
} from "./net.ts";

/** How many milliseconds after a connection was closed to look for those that found no room. */
const PAUSE = 50;

/** Listens at once, or throws what is in the way of it. */
export function listenByNode(
  net: NodeNet,
  at: { readonly hostname: string; readonly port: number },
  backlog = 511,
): NodeListener {
  const address = at.hostname === "localhost" ? "127.0.0.1" : at.hostname;
  const family = net.isIP(address);
  if (family === 0) {
    throw new TypeError(`it must be an IP address, or "localhost": received ${address}`);
  }
  if (net._createServerHandle === undefined) {
    throw new Error("this platform cannot listen at the call. Run it under Deno or Node");
  }
  const handle = net._createServerHandle(address, at.port, family);
  if (typeof handle === "number") throw bindError(handle);
  const failure = handle.listen(backlog);
  if (failure !== 0) {
    handle.close();
    throw systemError(failure, "listen");
  }
  return new NodeListener(net, handle, backlog);
}

function bindError(number: number): unknown {
  const error = systemError(number, "bind");
  if ((error as { code?: string }).code !== "EINVAL") return error;
  // Deno has this code for an address of another machine; that it is an address has been checked.
  return asDenoError(
    Object.assign(new Error("bind EADDRNOTAVAIL", { cause: error }), { code: "EADDRNOTAVAIL" }),
  );
}

interface Accepting {
  resolve(connection: NodeConnection): void;
  reject(error: unknown): void;
}

/** A listener by `node:net`. */
export class NodeListener implements NativeListener {
  readonly addr: { readonly hostname: string; readonly port: number };
  readonly #server: NodeServer;
  readonly #handle: NodeHandle;
  readonly #backlog: number;
  #accepting: Accepting | null = null;
  // Those that nobody has taken yet, from #first on.
  #untaken: NodeConnection[] = [];
  #first = 0;
  #alarm: Alarm | null = null;
  #closed = false;

  /**
   * @param net The module.
   * @param handle What listens already.
   * @param backlog How many connections the system may hold.
   */
  constructor(net: NodeNet, handle: NodeHandle, backlog: number) {
    const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true });
    this.#server = server;
    this.#handle = handle;
    this.#backlog = backlog;
    server.on("connection", (socket: NodeSocket) => this.#came(socket));
    server.on("error", (error: Error) => {
      // Without anybody waiting it is forgotten: what lasts is met again.
      this.#accepting?.reject(asDenoError(error));
      this.#accepting = null;
    });
    server.listen(handle);
    const { address, port } = server.address()!;
    this.addr = { hostname: address, port };
  }

  accept(): Promise<NodeConnection> {
    if (this.#first < this.#untaken.length) return Promise.resolve(this.#shift());
    return new Promise((resolve, reject) => this.#accepting = { resolve, reject });
  }

  close(): void {
    this.#closed = true;
    this.#alarm?.lift();
    this.#server.close();
    this.#accepting = null;
    while (this.#first < this.#untaken.length) this.#shift().close();
  }

  #came(socket: NodeSocket): void {
    const connection = new NodeConnection(socket, this.#left).connected();
    const accepting = this.#accepting;
    this.#accepting = null;
    if (accepting === null) this.#untaken.push(connection);
    else accepting.resolve(connection);
  }

  #shift(): NodeConnection {
    const connection = this.#untaken[this.#first++];
    if (this.#first === this.#untaken.length) {
      this.#untaken = [];
      this.#first = 0;
    }
    return connection;
  }

  /**
   * Without a descriptor left Deno's `node:net` accepts no more, for good, and tells nobody. To listen
   * once more with the same handle wakes it. So that is done a little after there is room.
   */
  readonly #left = (): void => {
    if (this.#closed || this.#alarm !== null) return;
    this.#alarm = new Alarm(currentClock().now() + PAUSE, () => {
      this.#alarm = null;
      if (!this.#closed) this.#handle.listen(this.#backlog);
    });
  };
}
