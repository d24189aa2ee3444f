/**
 * How a process is started that has one thing to do: to call a function, or to run a module.
 *
 * @module
 */

import { show } from "../../primitives/kernel/check.ts";
import { textOf } from "../../primitives/kernel/errors.ts";
import type { JobEnd } from "../future.ts";
import type { AnyFunction, Job, JobPool } from "../job.ts";
import { referenceTo } from "../portable.ts";
import { RemoteJob } from "../remote/job.ts";
import { Callees, pack } from "../remote/travel.ts";
import type { Death, RemoteWorker, WorkerHost } from "../remote/worker.ts";
import { Child } from "./child.ts";
import { startDeno } from "./command.ts";
import type { Environment } from "./environment.ts";
import { permissionFlags } from "./permissions.ts";
import { reap } from "./reaping.ts";
import { sendSignal } from "./send_signal.ts";
import { PROCESS_WIRE } from "./wire.ts";

/** How a process has ended. */
export interface Exit {
  readonly code: number;
  readonly signal: string | null;
}

/** A process that was started. */
export interface Running {
  readonly pid: number;
  /** Resolves when nothing is left of it. */
  readonly exit: Promise<Exit>;
  signal(signal: Deno.Signal): void;
}

/** What a process is started for. */
export interface Launch {
  /** What the process is called if nobody gives it a name. */
  readonly name: string;
  /** Starts it. The program does not end before it, unless it is a daemon. */
  start(name: string, isDaemon: boolean): Running;
}

// How long a module with a function may take to load, in milliseconds.
const LOAD_TIMEOUT = 10_000;

const NO_PERMISSIONS = { read: [], write: [], net: [] };

/**
 * To call a function.
 *
 * @throws {NotPortableError} When it cannot travel.
 */
export function launchFunction(
  fn: AnyFunction,
  args: readonly unknown[],
  environment: Environment,
): Launch {
  const { name } = referenceTo(fn);
  return {
    name: name || "process",
    start: (name, isDaemon) => new Solo(fn, args, name).start(environment, isDaemon),
  };
}

/**
 * To run a module.
 *
 * @throws {TypeError} When there is none, or an argument is not a text.
 */
export function launchModule(
  module: unknown,
  args: readonly unknown[],
  environment: Environment,
  action: string,
): Launch {
  if (!(module instanceof URL) && !(typeof module === "string" && URL.canParse(module))) {
    throw new TypeError(
      `Cannot ${action} as the first argument must be a function, or the URL of a module: received ${
        show(module)
      }. For a module beside this one that is import.meta.resolve("./name.ts")`,
    );
  }
  const wrong = args.find((arg) => typeof arg !== "string");
  if (wrong !== undefined) {
    throw new TypeError(
      `Cannot ${action} as a module is started with texts: received ${show(wrong)}`,
    );
  }
  const { href, pathname } = new URL(module);
  return {
    name: pathname.slice(pathname.lastIndexOf("/") + 1) || "process",
    start(_name, isDaemon) {
      const { flags } = permissionFlags(environment.permissions, NO_PERMISSIONS);
      const process = startDeno(href, args as string[], environment, flags, "inherit");
      if (isDaemon) process.unref();
      return new Program(process, environment.memoryLimit);
    },
  };
}

class Program implements Running {
  readonly pid: number;
  readonly exit: Promise<Exit>;
  readonly #process: Deno.ChildProcess;

  constructor(process: Deno.ChildProcess, memoryLimit: number) {
    this.#process = process;
    this.pid = process.pid;
    const noMore = reap(process.pid, memoryLimit);
    this.exit = process.status.then(async (status) => {
      await noMore();
      return status;
    });
  }

  signal(signal: Deno.Signal): void {
    sendSignal(this.#process, signal);
  }
}

/** A worker that has one job. */
class Solo implements WorkerHost, JobPool {
  readonly #name: string;
  readonly #job: RemoteJob;
  #child!: Child;

  constructor(fn: AnyFunction, args: readonly unknown[], name: string) {
    this.#name = name;
    const options = { name };
    const travel = pack(PROCESS_WIRE, new Callees().of(fn), args, options, undefined);
    this.#job = new RemoteJob(this, fn, args, options, travel);
    // Whatever becomes of it, somebody has looked at it.
    this.#job.noticed();
  }

  start(environment: Environment, isDaemon: boolean): Running {
    const options = { name: this.#name, loadTimeout: LOAD_TIMEOUT, onStart: undefined };
    const child = this.#child = new Child(this, options, environment);
    if (!isDaemon) child.ref();
    return {
      pid: child.pid,
      exit: child.left.then(() => child.status),
      signal: (signal) => child.signal(signal),
    };
  }

  workerReady(worker: RemoteWorker): void {
    worker.send([this.#job]);
  }

  workerHeard(): void {}

  jobsTook(): void {}

  // What it has died of by itself: all else was its own will, or that of others.
  workerDied(_worker: RemoteWorker, { cause }: Death): void {
    if (cause !== undefined) this.#report(cause);
    this.#job.settle("cancelled", undefined);
  }

  jobSettled(job: Job, state: JobEnd): void {
    if (state === "failed") this.#report(job.outcome);
    this.#child.exit(state === "succeeded" ? 0 : 1);
  }

  cancelJob(): void {}

  failureNoticed(): void {}

  callbackFailed(): void {}

  #report(error: unknown): void {
    const text = error instanceof Error ? error.stack ?? textOf(error) : textOf(error);
    console.error(`Process "${this.#name}" has failed: ${text}`);
  }
}
