/**
 * The process that a program runs in: its signals, its exit code, its terminal. It is looked up when
 * it is needed, as a platform may have none.
 *
 * @module
 */

import { letProcessEnd } from "../primitives/kernel/unref.ts";

/** A signal that asks a program to end. */
export type EndSignal = "SIGINT" | "SIGTERM";

/** A signal that asks a program what it is doing. */
export type StatusSignal = "SIGUSR1" | "SIGQUIT" | "SIGINFO";

/** The process that the program runs in. */
export interface Host {
  /** The signals that ask for an end on this platform. */
  readonly endSignals: readonly EndSignal[];
  /** The signals that ask for the state of things on this platform. */
  readonly statusSignals: readonly StatusSignal[];
  /** Listens to a signal, in place of what it means by default. */
  on(signal: EndSignal | StatusSignal, listener: () => void): void;
  /** Listens no more. */
  off(signal: EndSignal | StatusSignal, listener: () => void): void;
  /** Whether colors mean anything where errors are printed. */
  readonly hasColors: boolean;
  /** Sets the code that the process ends with once nothing is left to do. */
  setExitCode(code: number): void;
  /** Ends the process now: with a code, or with the one that was set. */
  exit(code?: number): void;
  /** Calls back after some milliseconds if the process has not ended by then. */
  unlessEnded(ms: number, fn: () => void): void;
}

interface NodeProcess {
  readonly platform: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stderr?: { readonly isTTY?: boolean };
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
    ...signalsOf(deno.build.os),
    hasColors: !deno.noColor && deno.stderr.isTerminal(),
    on: (signal, listener) => deno.addSignalListener(signal, listener),
    off: (signal, listener) => deno.removeSignalListener(signal, listener),
    setExitCode: (code) => deno.exitCode = code,
    exit: (code) => deno.exit(code),
    unlessEnded,
  };
}

function nodeHost(process: NodeProcess): Host {
  return {
    ...signalsOf(process.platform),
    hasColors: !process.env.NO_COLOR && process.stderr?.isTTY === true,
    on: (signal, listener) => process.on(signal, listener),
    off: (signal, listener) => process.off(signal, listener),
    setExitCode: (code) => process.exitCode = code,
    exit: (code) => process.exit(code),
    unlessEnded,
  };
}

const NO_HOST: Host = {
  endSignals: [],
  statusSignals: [],
  hasColors: false,
  on: () => {},
  off: () => {},
  setExitCode: () => {},
  exit: () => {},
  unlessEnded: () => {},
};

function unlessEnded(ms: number, fn: () => void): void {
  letProcessEnd(setTimeout(fn, ms));
}

function signalsOf(os: string): Pick<Host, "endSignals" | "statusSignals"> {
  // Windows has no SIGTERM, as what asks for it there ends the process at once; and none to ask with.
  if (os === "windows" || os === "win32") return { endSignals: ["SIGINT"], statusSignals: [] };
  // Ctrl-\\ everywhere, Ctrl-T where there is one.
  const statusSignals: StatusSignal[] = ["SIGUSR1", "SIGQUIT"];
  if (os === "darwin" || os.endsWith("bsd")) statusSignals.push("SIGINFO");
  return { endSignals: ["SIGINT", "SIGTERM"], statusSignals };
}
