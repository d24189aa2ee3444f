/**
 * A process of its own, for one function or one program: what `multiprocessing.Process` is.
 *
 * @module
 */

import { checkOptions, checkTime, show } from "../primitives/kernel/check.ts";
import { LONGEST_DELAY } from "../primitives/kernel/clock.ts";
import { currentScope } from "../primitives/kernel/context.ts";
import { type Account, inspected, register, unregister } from "../primitives/kernel/inspected.ts";
import { parentOf, type Scope } from "../primitives/kernel/scope.ts";
import type { Task } from "../primitives/kernel/task.ts";
import { waitForPromise, type WaitOptions } from "../primitives/kernel/wait.ts";
import { checkNamed } from "../primitives/named.ts";
import { openNursery } from "../primitives/nursery.ts";
import { shield } from "../primitives/shield.ts";
import { TaskGroup } from "../primitives/task_group.ts";
import type { AnyFunction } from "./job.ts";
import { environmentOf, type ProcessEnvironment } from "./process/environment.ts";
import {
  type Exit,
  type Launch,
  launchFunction,
  launchModule,
  type Running,
} from "./process/launch.ts";

/** What a {@linkcode Process} can be told. */
export interface ProcessOptions extends ProcessEnvironment {
  /** What errors and `inspect()` call it. Default: the name of the function or module. */
  name?: string;
  /**
   * Whether it holds nobody up: its group, or the program, ends without waiting for it, and ends it.
   * Default: `false`.
   */
  daemon?: boolean;
  /**
   * How many milliseconds it has to end by itself when it is cancelled: it is told by SIGTERM, and
   * killed after that. Default: 1000.
   */
  grace?: number;
}

/**
 * Runs a function, or a module as a program, in a process of its own. It does nothing before it is
 * started, and can be started once.
 *
 * It belongs to the task group that it is started in: the group ends when it has ended, and ends it
 * when it is cancelled. One that is a `daemon` is ended with the group. Outside of all groups it
 * belongs to the task. Whatever becomes of this program, no process is left behind.
 *
 * Its exit code is all that it tells: what the function returns is lost, and what it throws is
 * written to the standard error, for an exit code of 1. So it does not fail its group, as a task
 * does: an exit code may be an answer, and which ones are failures is known to who has started it.
 * See the second example for how it fails the group all the same. With a `ProcessPool` of one process
 * that needs nothing more: its `run` gives what the function returns, and throws what it throws.
 * Other values go through a `Pipe` or `ProcessQueue` that the process is handed.
 *
 * @example
 * ```ts
 * import { Process, taskGroup } from "@grove/grove";
 *
 * await taskGroup(() => {
 *   new Process((name: string) => console.log(`hello, ${name}`), ["process"]).start();
 * }); // the process has ended
 * ```
 *
 * @example A process whose failure is that of its group
 * ```ts
 * import { Process, taskGroup } from "@grove/grove";
 *
 * const work = taskGroup((group) => {
 *   group.spawn(async () => {
 *     const code = await new Process(() => Deno.exit(3), [], { name: "press" }).start().join();
 *     if (code !== 0) throw new Error(`"press" has exited with ${code}`);
 *   });
 * });
 * console.log(await work.catch((error) => error.message)); // "press" has exited with 3
 * ```
 */
export class Process implements AsyncDisposable {
  /** What errors and `inspect()` call it. */
  readonly name: string;
  /** Whether it holds nobody up. */
  readonly daemon: boolean;
  readonly #launch: Launch;
  readonly #grace: number;
  #running: Running | undefined;
  #task: Task<void> | undefined;
  #exit: Exit | undefined;

  /**
   * Makes a process, of a function.
   *
   * @param fn A portable function, or one that needs nothing of the place where it was written.
   * @param args What it is called with. Default: nothing.
   * @param options What it may do, its name, and whether it is a daemon.
   * @throws {TypeError | RangeError} When an option makes no sense, or there can be no processes.
   * @throws {NotPortableError} When the function cannot travel.
   */
  constructor(
    fn: (...args: never[]) => unknown,
    args?: readonly unknown[],
    options?: ProcessOptions,
  );
  /**
   * Makes a process, of a module.
   *
   * @param module Where it is: a `URL`, or the text of one.
   * @param args What it finds in `Deno.args`. Default: nothing.
   * @param options What it may do, its name, and whether it is a daemon.
   * @throws {TypeError | RangeError} When an option makes no sense, or there can be no processes.
   */
  constructor(module: URL | string, args?: readonly string[], options?: ProcessOptions);
  constructor(
    what: ((...args: never[]) => unknown) | URL | string,
    args: readonly unknown[] = [],
    options: ProcessOptions = {},
  ) {
    const action = "make a Process";
    checkOptions(options, action);
    const environment = environmentOf(options, action);
    const { daemon = false, grace = 1000 } = options;
    checkTime(grace, action, "'grace'");
    if (!Array.isArray(args)) {
      throw new TypeError(
        `Cannot ${action} as the second argument must be a list of arguments: received ${
          show(args)
        }`,
      );
    }
    this.#launch = typeof what === "function"
      ? launchFunction(what as AnyFunction, args, environment)
      : launchModule(what, args, environment, action);
    this.name = checkNamed(options, action) || this.#launch.name;
    this.daemon = daemon;
    this.#grace = grace;
  }

  /** Its id for the system; `undefined` before it is started. */
  get pid(): number | undefined {
    return this.#running?.pid;
  }

  /** Whether it was started and has not ended. */
  get isAlive(): boolean {
    return this.#running !== undefined && this.#exit === undefined;
  }

  /**
   * What it has exited with: 0 when all went well, and 128 and the number of a signal where that has
   * ended it; `undefined` as long as it has not.
   */
  get exitCode(): number | undefined {
    return this.#exit?.code;
  }

  /**
   * Starts it. Its group ends it, and waits for it, and is not failed by it.
   *
   * @returns The process itself.
   * @throws {TypeError} When it was started already.
   * @throws {NotPortableError} When an argument cannot travel.
   * @throws {Deno.errors.NotCapable} When the program may not start processes.
   */
  start(): this {
    if (this.#running !== undefined) {
      throw new TypeError(`Cannot start "${this.name}" again. Make another one`);
    }
    const running = this.#running = this.#begin();
    register(this);
    running.exit.then((exit) => {
      this.#exit = exit;
      unregister(this);
    });
    this.#task = this.#watchOver(running);
    return this;
  }

  /**
   * Waits until it has ended.
   *
   * @param options `signal`, and `timeout` in milliseconds: it goes on after that.
   * @returns Resolves to its exit code.
   * @throws {TypeError} When it was not started.
   * @throws {TimeoutError} When the `timeout` was up.
   */
  async join(options?: WaitOptions): Promise<number> {
    if (this.#running === undefined) {
      throw new TypeError(`Cannot join "${this.name}" as it was not started. Call start()`);
    }
    return (await waitForPromise(this.#running.exit, options)).code;
  }

  /** Asks it to end, by SIGTERM: it does at once, if it does not listen to that. */
  terminate(): void {
    this.#signal("SIGTERM");
  }

  /** Ends it, by SIGKILL. */
  kill(): void {
    this.#signal("SIGKILL");
  }

  /**
   * Ends it and waits until it has ended: with SIGTERM first.
   *
   * @returns Resolves to nothing.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#task?.cancel(`"${this.name}" is disposed of`);
    await this.#running?.exit;
  }

  /** @ignore */
  [inspected](): Account {
    const { name, daemon } = this;
    return { kind: "process", name, state: "running", details: { pid: this.pid!, daemon } };
  }

  #signal(signal: Deno.Signal): void {
    if (this.#running === undefined) {
      throw new TypeError(`Cannot end "${this.name}" as it was not started`);
    }
    this.#running.signal(signal);
  }

  #begin(): Running {
    try {
      return this.#launch.start(this.name, this.daemon);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotCapable)) throw error;
      throw new Deno.errors.NotCapable(
        `Cannot start "${this.name}" as the program may not start processes: ${error.message}. It needs --allow-run, and --allow-read, --allow-write and --allow-net for sockets in the folder for temporary files`,
        { cause: error },
      );
    }
  }

  #watchOver(running: Running): Task<void> {
    const { name, daemon } = this;
    const live = () => this.#live(running);
    const group = groupAround(currentScope());
    if (group !== undefined) return group.spawn(live, { name, daemon });
    const nursery = openNursery({ name });
    const task = nursery.spawn(live, { name, daemon });
    task.onDone(() => void nursery[Symbol.asyncDispose]());
    return task;
  }

  async #live(running: Running): Promise<void> {
    try {
      await waitForPromise(running.exit);
    } finally {
      if (this.isAlive) await shield(() => this.#end(running));
    }
  }

  async #end(running: Running): Promise<void> {
    running.signal("SIGTERM");
    // No timer takes longer than that.
    const killer = this.#grace > LONGEST_DELAY
      ? undefined
      : setTimeout(() => running.signal("SIGKILL"), this.#grace);
    await running.exit;
    clearTimeout(killer);
  }
}

function groupAround(scope: Scope | null): TaskGroup | undefined {
  while (scope !== null && !(scope instanceof TaskGroup)) scope = parentOf(scope);
  return scope ?? undefined;
}
