/**
 * Nurseries: groups for services. A nursery keeps no results and owes none; it can wait until a
 * child is ready to serve, and start one again that failed.
 *
 * @module
 */

import { checkFunction } from "./kernel/check.ts";
import { isCancelled } from "./kernel/errors.ts";
import { keepShape } from "./kernel/shapes.ts";
import { type Parked, WaitQueue } from "./kernel/queue.ts";
import type { Task, TaskFunction } from "./kernel/task.ts";
import { enqueue, notReady, poll, type Waitable, waitFor } from "./kernel/wait.ts";
import { checkRestart, type RestartPolicy, supervise } from "./restart.ts";
import {
  checkGroupOptions,
  closeGroup,
  conduct,
  type GroupBody,
  openGroup,
  type SpawnOptions,
  TaskGroup,
  type TaskGroupOptions,
  withoutBody,
} from "./task_group.ts";

/** What a spawn into a nursery can be told. */
export interface NurserySpawnOptions extends SpawnOptions {
  /** Starts the child again when it ends. Default: it is not. */
  restart?: RestartPolicy;
}

/**
 * What {@linkcode Nursery.start} runs: it is called with its own task, and with the function to
 * call once it is ready.
 */
export type ServiceFunction<V> = (
  task: Task<unknown>,
  started: (value: V) => void,
) => unknown;

/** Whether a service is ready, to be waited for. What came first stands. */
class Readiness<V> implements Waitable<V> {
  readonly #waiting: WaitQueue<V>;
  readonly #name: string;
  #outcome: { value: V } | { error: unknown } | undefined;

  constructor(name: string) {
    this.#name = name;
    this.#waiting = new WaitQueue({ kind: "start of", name });
  }

  come(value: V): void {
    if (this.#outcome !== undefined) {
      throw new Error(
        `Cannot report "${this.#name}" as started as it has called started() before. Call it once`,
      );
    }
    this.#outcome = { value };
    this.#waiting.wakeAll(value);
  }

  fail(task: Task): void {
    if (this.#outcome !== undefined) return;
    try {
      task[poll]();
      throw new Error(
        `Cannot start "${task.name}" as it exited without calling started(). Call it when it is ready to serve`,
      );
    } catch (error) {
      this.#outcome = { error };
      this.#waiting.failAll(error);
    }
  }

  [poll](): V | typeof notReady {
    if (this.#outcome === undefined) return notReady;
    if ("error" in this.#outcome) throw this.#outcome.error;
    return this.#outcome.value;
  }

  [enqueue](node: Parked<V>): void {
    this.#waiting.add(node);
  }
}

/**
 * A group of services. It is made by {@linkcode nursery} or {@linkcode openNursery}.
 *
 * @example
 * ```ts
 * import { nursery, sleep } from "@grove/grove";
 *
 * await nursery(async (services) => {
 *   services.spawn(async () => {
 *     for (;;) await sleep(1);
 *   }, { name: "heartbeat", daemon: true });
 *   await sleep(5);
 * });
 * ```
 */
export class Nursery extends TaskGroup {
  // Children whose start() has not returned: their failures are its, and not the nursery's.
  #starting: Set<Task> | null = null;

  /**
   * Starts a child, as in every group, and again when it ends, if it is told to.
   *
   * @typeParam T What the function resolves to.
   * @param fn What to run; called anew for each start.
   * @param options `name`, `daemon` and `restart`.
   * @returns The task; with `restart` it is one task, however often its function is started.
   * @throws {TypeError | RangeError} When `fn` is no function or an option makes no sense.
   * @throws {ClosedError} When the nursery has ended.
   */
  override spawn<T>(fn: TaskFunction<T>, options: NurserySpawnOptions = {}): Task<T> {
    const { restart } = options;
    if (restart === undefined) return super.spawn(fn, options);
    checkFunction(fn, `spawn into "${this.name}"`, "the task");
    checkRestart(restart, `spawn into "${this.name}"`);
    return super.spawn(supervise(fn, restart), {
      ...options,
      name: options.name ?? fn.name,
    });
  }

  /**
   * Starts a child and waits until it says that it serves. Until then its failure is thrown here,
   * and the nursery lives on; after that it is a child like any other.
   *
   * @typeParam V What the child tells.
   * @param fn What to run: called with its task and with `started`, which it calls once, with what
   * its users need to know (an address, say).
   * @param options `name` and `daemon`.
   * @returns What was given to `started`.
   * @throws What the child threw before it called `started`; an `Error` when it returned without a
   * call; a `Cancelled` when the caller was cancelled, once the child has ended, which is cancelled
   * with it.
   *
   * @example
   * ```ts
   * import { nursery, sleep } from "@grove/grove";
   *
   * await nursery(async (services) => {
   *   const port = await services.start<number>(async (_task, started) => {
   *     await sleep(1);
   *     started(8080);
   *     await sleep(1000);
   *   });
   *   console.log("serving on", port); // serving on 8080
   *   services.cancel();
   * });
   * ```
   */
  start<V = void>(fn: ServiceFunction<V>, options: SpawnOptions = {}): Promise<V> {
    checkFunction(fn, `start in "${this.name}"`, "the service");
    const starting = this.#starting ??= new Set();
    const readiness = new Readiness<V>(options.name ?? fn.name);
    const task = super.spawn((task) => {
      starting.add(task);
      return fn(task, (value) => {
        starting.delete(task);
        readiness.come(value);
      });
    }, { ...options, name: options.name ?? fn.name });
    task.onDone(() => readiness.fail(task));
    return this.#started(task, readiness);
  }

  async #started<V>(task: Task<unknown>, readiness: Readiness<V>): Promise<V> {
    try {
      return await waitFor(readiness);
    } catch (error) {
      if (isCancelled(error) && task.isAlive) {
        task.cancel("its start was cancelled");
        await new Promise<void>((resolve) => task.onDone(() => resolve()));
        if (task.state === "failed") task[poll](); // Its clean-up failed: that is not to be lost.
      }
      throw error;
    } finally {
      this.#starting?.delete(task);
    }
  }

  /** @ignore */
  protected override childFailed(task: Task, error: unknown): void {
    if (!this.#starting?.delete(task)) super.childFailed(task, error);
  }

  /** @ignore */
  protected override get owesValue(): boolean {
    return false;
  }
}

keepShape(new Nursery({}));

/**
 * Opens a group for services, runs `body` in it and waits for all children. It differs from
 * `taskGroup` in what it adds (`start`, `restart`) and in its quiet end: a nursery that was told to
 * `cancel()` returns `undefined`.
 *
 * It keeps nothing of children that have ended: one that has served ten million connections is no
 * larger than on the first.
 *
 * @typeParam T What the body resolves to.
 * @param body Called with the nursery.
 * @param options As for `taskGroup`.
 * @returns What the body returned, once all children have ended; `undefined` when `cancel()` cut it
 * short.
 * @throws {TypeError | RangeError} At once, when an argument makes no sense; nothing has started
 * then.
 * @throws What `taskGroup` throws, but for its own `cancel()`.
 *
 * @example
 * ```ts
 * import { nursery, sleep } from "@grove/grove";
 *
 * await nursery(async (services) => {
 *   services.spawn(async function flaky() {
 *     await sleep(1);
 *     throw new Error("lost the connection");
 *   }, { restart: { on: "failure", max: 10, backoff: 500 } });
 *   await sleep(20);
 *   services.cancel();
 * });
 * ```
 */
export function nursery<T>(
  body: GroupBody<T, Nursery>,
  options: TaskGroupOptions = {},
): Promise<T | undefined> {
  checkFunction(body, "open a nursery", "its body");
  checkGroupOptions(options, "open a nursery");
  if (options.signal?.aborted) return Promise.reject(options.signal.reason);
  const nursery = new Nursery({ ...options, name: options.name ?? "nursery" });
  openGroup(nursery, options);
  return conduct(nursery, body);
}

/**
 * A nursery without a body, whose life ends with its disposal. It is made by
 * {@linkcode openNursery}.
 *
 * @example
 * ```ts
 * import { openNursery, sleep } from "@grove/grove";
 *
 * await using background = openNursery();
 * const task = background.spawn(() => sleep(60_000));
 * console.log(task.isAlive, background.tasks.length); // true 1
 * ```
 */
export class OpenNursery extends Nursery implements AsyncDisposable {
  #closing: Promise<void> | undefined;

  /**
   * Cancels what still runs and waits for it.
   *
   * @returns Resolves to nothing, once all children have ended.
   * @throws The first failure of a child, if there was one.
   */
  [Symbol.asyncDispose](): Promise<void> {
    this.cancel("it is disposed of");
    // A cancellation from outside is not for a disposer to report: the next checkpoint of who
    // disposes throws it, and thrown here it would turn the one that leaves the block into a
    // SuppressedError.
    return this.#closing ??= closeGroup(this).catch((error) => {
      if (!isCancelled(error)) throw error;
    });
  }

  /** @ignore */
  override abandoned(): void {
    // Nobody disposed of it in time. A failure is thrown where nobody catches it: that is loud, but
    // the error is not lost.
    this[Symbol.asyncDispose]();
  }
}

/**
 * Opens a nursery for an object whose life is not one call: the object holds it, spawns into it,
 * and disposes of it. It belongs to the scope it is opened in, and is ended with it at the latest.
 *
 * A failed child cancels its siblings; the failure is thrown by the disposal, since there is no
 * body to throw it in. Prefer `nursery(body)` where it fits: a disposer cannot see the error of the
 * block it leaves.
 *
 * @param options As for `taskGroup`.
 * @returns The nursery, to be held by `await using` or disposed of by its owner.
 * @throws {TypeError | RangeError} When an option makes no sense.
 *
 * @example
 * ```ts
 * import { openNursery, sleep } from "@grove/grove";
 *
 * class Cache implements AsyncDisposable {
 *   #tasks = openNursery({ name: "cache" });
 *
 *   constructor() {
 *     this.#tasks.spawn(async function refresh() {
 *       for (;;) await sleep(1000);
 *     });
 *   }
 *
 *   [Symbol.asyncDispose]() {
 *     return this.#tasks[Symbol.asyncDispose]();
 *   }
 * }
 *
 * await using cache = new Cache();
 * ```
 */
export function openNursery(options: TaskGroupOptions = {}): OpenNursery {
  checkGroupOptions(options, "open a nursery");
  const nursery = new OpenNursery({ ...options, name: options.name ?? "nursery" });
  openGroup(nursery, options);
  withoutBody(nursery);
  return nursery;
}
