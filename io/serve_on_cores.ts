/**
 * HTTP on several cores: threads that each run the same server, on the same port. The system gives
 * every new connection to one of them (`SO_REUSEPORT`), so nothing is handed over here, and a thread
 * costs what a program of its own would. A thread that dies is replaced; one that is blocked ends the
 * server, as nothing but the end of the process frees its share of the port.
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
import { TimeoutError } from "../primitives/kernel/errors.ts";
import { all } from "../primitives/all.ts";
import { checkScopeOptions } from "../primitives/kernel/scope_options.ts";
import type { Task } from "../primitives/kernel/task.ts";
import { type Nursery, nursery } from "../primitives/nursery.ts";
import { checkRestart, type RestartPolicy } from "../primitives/restart.ts";
import type { Listening, TcpAddress } from "./address.ts";
import { Core } from "./core.ts";
import type { Opening } from "./core_protocol.ts";
import { beatOf } from "./heartbeat.ts";
import { socketsFor } from "./platform.ts";
import { checkHttpAddress, LAST_ANSWERS } from "./serve_http.ts";

/** What {@linkcode serveOnCores} can be told. */
export interface ServeOnCoresOptions {
  /** The port; 0 takes a free one, which `addresses` then tells. */
  port: number;
  /** The address of an interface of this machine, or a name for it. Default: "0.0.0.0", all of them. */
  hostname?: string;
  /** How many connections the system may hold for each worker that were not accepted yet. Default: 511. */
  backlog?: number;
  /** How many workers serve. Default: `navigator.hardwareConcurrency`, one for each core. */
  workers?: number;
  /** Which export of the module answers requests. Default: "default". */
  entry?: string;
  /** What `inspect()` and errors call it. Default: "cores". */
  name?: string;
  /**
   * Milliseconds that running requests have to end after the server was asked to stop, before they
   * are cancelled; it is bounded, as a worker may not answer. Default: 3000.
   */
  drain?: number;
  /**
   * Milliseconds of silence after which a worker is taken for blocked, which ends the server with an
   * error. `Infinity` waits for ever: set it to halt a worker in a debugger. Default: 60000.
   */
  unresponsiveAfter?: number;
  /**
   * How often a worker that died is replaced, and after which pause. One death more ends the server
   * with its error. Default: 5 times within a minute, each, after 100 ms, 200 ms, 400 ms and so on.
   */
  restart?: Omit<RestartPolicy, "on">;
  /** Called once all workers serve: with the `started` of `nursery.start`, it hands out the address. */
  started?: (server: CoreServer) => void;
}

/** A server on several cores. */
export interface CoreServer extends Listening {
  /** How it is doing: a frozen snapshot. */
  stats(): CoreStats;
}

/** How a server on several cores is doing. */
export interface CoreStats {
  /** How many workers it has. */
  readonly workers: number;
  /** How many of them serve. The others are being replaced. */
  readonly serving: number;
  /** How often a worker was replaced. */
  readonly restarts: number;
}

/**
 * Serves HTTP by a module on several workers behind one port, until it is cancelled or asked to stop.
 * Run it as a child of a nursery.
 *
 * The module is one for `deno serve`: its default export has a method `fetch`, best one made by
 * `fetchHandler`, whose limits then hold in each worker for itself; any other function gets one. Each
 * worker loads the module anew, and nothing but `Shared…` objects and files is in common to them.
 *
 * A worker that dies, of an error outside any request or by `self.close()`, takes its connections with
 * it, and is replaced. A module that cannot be loaded ends the server with that error. When the server
 * is asked to stop, all workers accept no more at once, and their requests have `drain` milliseconds;
 * when it is cancelled, all connections are closed.
 *
 * A worker that is blocked, by a loop in a handler, cannot be ended (Deno 2.9.6), nor replaced: it
 * keeps its share of the port, and the connections that the system gives to it wait. So one that has
 * been silent for `unresponsiveAfter` ends the server with an error; the others may finish their
 * requests before. The process must be ended then, as `main` does, and whoever has started it may
 * start it anew; a health check from outside would mostly meet a worker that works. What computes for
 * long goes to a pool.
 *
 * Several workers need Linux, which shares connections out among them, and the flag `--unstable-net`
 * of Deno; one worker needs neither. Another program of the same user that shares the port in the same
 * way is not noticed.
 *
 * @param module The URL of the module: `new URL("./app.ts", import.meta.url)`.
 * @param options `port`, and whatever else.
 * @returns Resolves to nothing when the server was asked to stop, and has.
 * @throws {TypeError | RangeError} At the call, when an argument makes no sense.
 * @throws {Error} At the call, when the platform lacks something, which the error names; later, when
 * the module cannot be loaded, a worker died too often, or one is blocked.
 * @throws {Deno.errors.AddrInUse} When the port is in use.
 *
 * @example
 * ```ts
 * import { type CoreServer, nursery, serveOnCores } from "@grove/grove";
 *
 * // Stands for new URL("./app.ts", import.meta.url).
 * const app = "data:text/javascript,export default { fetch: () => new Response('hello') }";
 *
 * await nursery(async (services) => {
 *   const { addresses: [{ port }] } = await services.start<CoreServer>((_task, started) =>
 *     serveOnCores(app, { hostname: "127.0.0.1", port: 0, workers: 1, started })
 *   );
 *   const response = await fetch(`http://127.0.0.1:${port}/`);
 *   console.log(await response.text()); // hello
 *   services.stop();
 * });
 * ```
 */
export function serveOnCores(module: string | URL, options: ServeOnCoresOptions): Promise<void> {
  const action = "serve on cores";
  checkOptions(options, action);
  checkHttpAddress(options, action);
  const {
    backlog,
    name = "cores",
    entry = "default",
    drain = 3000,
    unresponsiveAfter = 60_000,
    restart = {},
    started,
  } = options;
  if (!URL.canParse(String(module))) {
    throw new TypeError(
      `Cannot ${action} as the module must be a URL: received ${
        show(module)
      }. Pass new URL("./app.ts", import.meta.url)`,
    );
  }
  checkScopeOptions({ name }, action);
  if (typeof entry !== "string") {
    throw new TypeError(`Cannot ${action} as 'entry' must be a string: received ${show(entry)}`);
  }
  checkTime(drain, action, "'drain'", false);
  checkTime(unresponsiveAfter, action, "'unresponsiveAfter'");
  if (unresponsiveAfter === 0) {
    throw new RangeError(
      `Cannot ${action} as 'unresponsiveAfter' must be more than 0 milliseconds. Set it to Infinity to wait for ever`,
    );
  }
  checkRestart({ ...restart, on: "failure" }, action);
  if (started !== undefined) checkFunction(started, action, "'started'");
  // Node 20 has no navigator; what else it lacks is said below.
  const workers = options.workers ?? globalThis.navigator?.hardwareConcurrency ?? 1;
  checkCount(workers, action, "'workers'", 1);
  checkPlatform(workers, action);
  const { hostname = "0.0.0.0", port } = options;
  return new Cores(
    {
      type: "start",
      module: String(module),
      entry,
      where: { hostname, port, backlog },
      reusePort: workers > 1,
      name,
      drain,
      beat: beatOf(unresponsiveAfter),
    },
    workers,
    { backoff, ...restart, on: "failure" },
  ).run(started);
}

function backoff(restarts: number): number {
  return Math.min(100 * 2 ** (restarts - 1), 5000);
}

class Cores implements CoreServer {
  readonly addresses: TcpAddress[] = [];
  readonly #opening: Opening;
  readonly #workers: number;
  readonly #restart: RestartPolicy;
  #serving = 0;
  #restarts = 0;
  #blocked: { readonly error: unknown } | undefined;

  constructor(opening: Opening, workers: number, restart: RestartPolicy) {
    this.#opening = opening;
    this.#workers = workers;
    this.#restart = restart;
  }

  stats(): CoreStats {
    return Object.freeze({
      workers: this.#workers,
      serving: this.#serving,
      restarts: this.#restarts,
    });
  }

  async run(started: ServeOnCoresOptions["started"]): Promise<void> {
    const { name, where } = this.#opening;
    await nursery(async (cores) => {
      // The first finds the port, and whether the module can be loaded.
      const first = await this.#start(cores, 1, where.port);
      if (first === undefined) return;
      this.addresses.push(first);
      const starts = Array.from(
        { length: this.#workers - 1 },
        (_, i) => () => this.#start(cores, i + 2, first.port),
      );
      const others = await all(starts);
      if (!others.includes(undefined)) started?.(this);
    }, { name });
    if (this.#blocked) throw this.#blocked.error;
  }

  /**
   * Starts a worker, and sees to it that there is one from then on. Resolves to nothing when the
   * server is asked to stop before.
   */
  async #start(cores: Nursery, number: number, port: number): Promise<TcpAddress | undefined> {
    const { name, where } = this.#opening;
    const opening = { ...this.#opening, name: `${name} ${number}`, where: { ...where, port } };
    // Not under the policy of restarts: what fails at the start would fail again.
    const core = new Core(opening);
    let next: Core | undefined = core;
    try {
      const address = await core.serving();
      if (!address) {
        core.end();
        return undefined;
      }
      opening.where.port = address.port;
      cores.spawn((task) => {
        const current = next ?? new Core(opening);
        if (next === undefined) this.#restarts++;
        next = undefined;
        return this.#attend(current, task, cores);
      }, { name: opening.name, restart: this.#restart });
      return address;
    } catch (error) {
      core.end();
      throw error;
    }
  }

  async #attend(core: Core, task: Task, cores: Nursery): Promise<void> {
    const { drain } = this.#opening;
    try {
      if (!await core.serving()) return;
      this.#serving++;
      try {
        await core.served();
      } finally {
        this.#serving--;
      }
      // More than its own, which it is to keep: this is for one that does not answer.
      if (task.stopping) await core.stop(drain + 2 * LAST_ANSWERS);
    } catch (error) {
      if (core.isBlocked) {
        // None in its place can take its connections, nor its share of those to come. The others
        // finish what they have begun.
        this.#blocked ??= { error };
        return cores.stop({ grace: Infinity });
      }
      // What it has cut short then is cut short by the end of its thread.
      if (!(error instanceof TimeoutError)) throw error;
      await core.endOrTell();
    } finally {
      core.end();
    }
  }
}

function checkPlatform(workers: number, action: string): void {
  const sockets = socketsFor(action);
  if (typeof Worker !== "function") {
    throw new Error(
      `Cannot ${action} as this platform has no workers. Run it under Deno; fetchHandler() serves HTTP everywhere`,
    );
  }
  if (workers === 1) return;
  const { os } = sockets.build;
  if (os !== "linux" && os !== "android") {
    throw new Error(
      `Cannot ${action} with ${workers} workers as connections are not shared out among them on ${os}. Run it on Linux, or set 'workers' to 1`,
    );
  }
  // To ask for a port that is shared would end the process if the flag is not there.
  if (typeof (sockets as { listenDatagram?: unknown }).listenDatagram !== "function") {
    throw new Error(
      `Cannot ${action} with ${workers} workers as Deno shares a port behind a flag only. Run it with --unstable-net, or set 'workers' to 1`,
    );
  }
}
