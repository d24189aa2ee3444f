/**
 * Node's sockets, as far as they are used here: the module, its types, and its errors as those of
 * Deno. Deno, Node and Bun have it; it is loaded when it is asked for.
 *
 * @module
 */

/** The module `node:net`. */
export interface NodeNet {
  connect(options: object): NodeSocket;
  createServer(options: object): NodeServer;
  isIP(address: string): 0 | 4 | 6;
  /**
   * Binds at once, which `server.listen` does not where it is given a host; Node's own `cluster` does
   * it by this. Gives the number of an error where that is not possible.
   */
  _createServerHandle?(
    address: string,
    port: number,
    family: 4 | 6,
  ): NodeHandle | number;
}

/** A connection of Node's. */
export interface NodeSocket {
  readonly localAddress?: string;
  readonly localPort?: number;
  readonly remoteAddress?: string;
  readonly remotePort?: number;
  readonly writableLength: number;
  setNoDelay(noDelay: boolean): void;
  on(event: string, listener: (argument: never) => void): void;
  pause(): void;
  resume(): void;
  write(data: Uint8Array, done?: (error?: Error | null) => void): boolean;
  end(done: (error?: Error | null) => void): void;
  destroy(): void;
}

/** A listener of Node's. */
export interface NodeServer {
  listen(handle: NodeHandle): void;
  address(): { readonly address: string; readonly port: number } | null;
  on(event: string, listener: (argument: never) => void): void;
  close(): void;
}

/** What is below a listener of Node's. */
export interface NodeHandle {
  /** Gives the number of an error, or 0. */
  listen(backlog: number): number;
  close(): void;
}

interface NodeProcess {
  getBuiltinModule?(name: "node:net"): NodeNet | undefined;
  getBuiltinModule?(name: "node:util"): { getSystemErrorName(code: number): string };
}

const { process } = globalThis as { process?: NodeProcess };

/** Node's sockets, where the platform has them. */
export function nodeNet(): NodeNet | undefined {
  const net = process?.getBuiltinModule?.("node:net");
  return typeof net?.connect === "function" ? net : undefined;
}

/** What Deno calls the errors that Node tells by their codes. */
const NAMES: Readonly<Record<string, string>> = {
  EACCES: "PermissionDenied",
  EPERM: "PermissionDenied",
  EADDRINUSE: "AddrInUse",
  EADDRNOTAVAIL: "AddrNotAvailable",
  ECONNABORTED: "ConnectionAborted",
  ECONNREFUSED: "ConnectionRefused",
  ECONNRESET: "ConnectionReset",
  EPIPE: "BrokenPipe",
  // What is told of writes when a reset has ended the connection.
  ECANCELED: "BrokenPipe",
  ERR_STREAM_DESTROYED: "BrokenPipe",
  ETIMEDOUT: "TimedOut",
  ENOENT: "NotFound",
};

/** An error of Node's as the other back-end has it: in Deno's class, where there is Deno, or by its name. */
export function asDenoError(error: unknown): unknown {
  const code = (error as { code?: string } | null)?.code;
  const name = NAMES[code ?? ""];
  if (!(error instanceof Error) || name === undefined) return error;
  const { Deno: deno } = globalThis as unknown as {
    Deno?: { errors?: Record<string, ErrorConstructor> };
  };
  const Class = deno?.errors?.[name] ?? Error;
  const same = new Class(error.message, { cause: error });
  if (same.name !== name) Object.defineProperty(same, "name", { value: name, configurable: true });
  return Object.assign(same, { code });
}

/** The error that a number of the system's stands for. */
export function systemError(number: number, what: string): unknown {
  const code = process!.getBuiltinModule!("node:util").getSystemErrorName(number);
  return asDenoError(Object.assign(new Error(`${what} ${code}`), { code }));
}
