/**
 * What `io` needs of the platform, looked up when it is needed and never while a module loads: a
 * platform may lack any of it.
 *
 * @module
 */

import type { NativeAddress } from "./address.ts";

/** The `Deno` namespace, for its sockets. */
export type Sockets = typeof Deno;

/** The platform's sockets, or an error that says there are none. */
export function socketsFor(action: string): Sockets {
  const { Deno: sockets } = globalThis as { Deno?: Sockets };
  if (typeof sockets?.listen === "function") return sockets;
  throw new Error(
    `Cannot ${action} as this platform has no sockets. Run it under Deno; fetchHandler() serves HTTP everywhere`,
  );
}

/** A connection as the platform has it; a `Deno.Conn` is one. */
export interface NativeConnection {
  readonly localAddr: NativeAddress;
  readonly remoteAddr: NativeAddress;
  read(buffer: Uint8Array): Promise<number | null>;
  write(data: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
  /** Only of connections that are encrypted. */
  handshake?(): Promise<{ readonly alpnProtocol: string | null }>;
}

/** A listener as the platform has it; a `Deno.Listener` is one. */
export interface NativeListener {
  readonly addr: NativeAddress;
  accept(): Promise<NativeConnection>;
  close(): void;
}

/** A signal that asks a program to end. */
export type EndSignal = "SIGINT" | "SIGTERM";

/** The process that the program runs in. */
export interface Host {
  /** The signals that ask for an end on this platform. */
  readonly signals: readonly EndSignal[];
  /** Listens to a signal, in place of the end that it means by default. */
  on(signal: EndSignal, listener: () => void): void;
  /** Listens no more. */
  off(signal: EndSignal, listener: () => void): void;
  /** Sets the code that the process ends with once nothing is left to do. */
  setExitCode(code: number): void;
  /** Ends the process now: with a code, or with the one that was set. */
  exit(code?: number): void;
  /** Calls back after some milliseconds if the process has not ended by then. */
  unlessEnded(ms: number, fn: () => void): void;
}

interface NodeProcess {
  readonly platform: string;
  exitCode?: number;
  on(event: string, listener: () => void): void;
  off(event: string, listener: () => void): void;
  exit(code?: number): void;
}

/** The process: Deno's, or Node's (Bun has the same one), or none at all. */
export function currentHost(): Host {
  const { Deno: deno, process } = globalThis as { Deno?: typeof Deno; process?: NodeProcess };
  if (typeof deno?.addSignalListener === "function") return denoHost(deno);
  if (typeof process?.on === "function") return nodeHost(process);
  return NO_HOST;
}

function denoHost(deno: typeof Deno): Host {
  return {
    signals: signalsOf(deno.build.os),
    on: (signal, listener) => deno.addSignalListener(signal, listener),
    off: (signal, listener) => deno.removeSignalListener(signal, listener),
    setExitCode: (code) => deno.exitCode = code,
    exit: (code) => deno.exit(code),
    unlessEnded: (ms, fn) => deno.unrefTimer(setTimeout(fn, ms)),
  };
}

function nodeHost(process: NodeProcess): Host {
  return {
    signals: signalsOf(process.platform),
    on: (signal, listener) => process.on(signal, listener),
    off: (signal, listener) => process.off(signal, listener),
    setExitCode: (code) => process.exitCode = code,
    exit: (code) => process.exit(code),
    unlessEnded: (ms, fn) => (setTimeout(fn, ms) as unknown as { unref(): void }).unref(),
  };
}

const NO_HOST: Host = {
  signals: [],
  on: () => {},
  off: () => {},
  setExitCode: () => {},
  exit: () => {},
  unlessEnded: () => {},
};

/** Windows has no SIGTERM: what asks for it there ends the process at once. */
function signalsOf(os: string): EndSignal[] {
  return os === "windows" || os === "win32" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
}
