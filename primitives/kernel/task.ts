/**
 * Tasks. A task is the scope that its function runs in, so one object serves to cancel it, to wait
 * in it and to wait for it. It belongs to an owner (a group), which hears of its end when those who
 * wait for it have been told.
 *
 * A child's promise is watched by two functions that all tasks share; they find their task in the
 * ambient context, which a reaction keeps from the place where `then` was called. A pair of
 * closures for each child would be 150 bytes more.
 *
 * It is one file, and a long one, as its parts know each other's private state, which users are not to
 * see: who starts a task and follows it to its end, who waits for it, and the root, which is a task that
 * does neither start nor end.
 *
 * @module
 */

import { checkFunction, checkOptions, show } from "./check.ts";
import { currentScope, enteredScope, followsAwait, rootScope, runIn, setRoot } from "./context.ts";
import { type Cancelled, cancelledIn } from "./errors.ts";
import { heldBy, HoldWaiter, suspendFor } from "./deadlock.ts";
import { mayFloat } from "./floating.ts";
import { hooks } from "./hooks.ts";
import { held, Hold, type Holder, isAwaited, waiting } from "./hold.ts";
import { Parked, WaitQueue, type WaitTarget } from "./queue.ts";
import {
  type Blocked,
  children,
  drain,
  hasChildren,
  hasEnded,
  isTask,
  markTask,
  parentOf,
  pendingIn,
  Scope,
  unlink,
} from "./scope.ts";
import { keepShape } from "./shapes.ts";
import { enqueue, entry, notReady, poll, type Waitable, type WaitOptions } from "./wait.ts";

/** How far a task has come. "queued" is one that waits for room in a group with a `limit`. */
export type TaskState = "queued" | "running" | "succeeded" | "failed" | "cancelled";

/** What a task runs: it is called with its own task, and may be `async` or not. */
export type TaskFunction<T> = (task: Task<T>) => T | PromiseLike<T>;

/**
 * What owns tasks and answers for their ends: every kind of group.
 *
 * @example
 * ```ts
 * import { sleep, taskGroup, type TaskOwner } from "@grove/grove";
 *
 * function wrapUp(owner: TaskOwner): void {
 *   owner.stop({ grace: 1000 });
 * }
 *
 * await taskGroup((group) => {
 *   group.spawn(async (task) => {
 *     while (!task.stopping) await sleep(1);
 *   });
 *   wrapUp(group);
 * });
 * ```
 */
export abstract class TaskOwner extends Scope {
  /** A task of this owner has ended and left the tree; who waits for it has not been told yet. */
  abstract childEnded(task: Task<unknown>, error: unknown): void;
  /** An `onDone` call-back of one of its tasks has thrown. */
  abstract callbackFailed(error: unknown): void;
}

/** Starts a task: its function is called at once, and runs up to its first `await`. */
export let startTask: <T>(task: Task<T>, fn: TaskFunction<T>) => void;

/**
 * Runs a function in a task that is linked and has not started, and leaves the task running:
 * {@linkcode followTask} or {@linkcode endTask} ends it.
 */
export let enterTask: <R>(task: Task, fn: () => R) => R;

/** Ends a task: takes it out of the tree, and tells those who wait for it and then its owner. */
export let endTask: (task: Task, state: TaskState, outcome: unknown) => void;

/**
 * What a task has for `background`: starts a function as a task that may outlive this one. Only the
 * tasks of requests have it.
 */
export const startBehind: unique symbol = Symbol("grove.startBehind");

/** What `background` can be told. */
export interface BackgroundOptions {
  /** What `inspect()` and errors call the task. Default: the function's name. */
  name?: string;
}

let enterRoot: (task: Task) => void;

// The task kept for its shape is number -1, the root task number 0.
let counter = -2;

/**
 * A running function with an owner: what `group.spawn` returns. Awaiting it gives what the function
 * returned, or throws what it threw; the wait is a checkpoint of the task that waits.
 *
 * @typeParam T What the function resolves to.
 *
 * @example
 * ```ts
 * import { sleep, taskGroup } from "@grove/grove";
 *
 * await taskGroup(async (group) => {
 *   const task = group.spawn(async function answer() {
 *     await sleep(5);
 *     return 42;
 *   });
 *   console.log(task.name, task.state); // answer running
 *   console.log(await task); // 42
 * });
 * ```
 */
export class Task<T = unknown> extends Scope implements PromiseLike<T>, Waitable<T>, WaitTarget {
  /** A number that no other task of this thread has. They count up in the order of creation. */
  readonly id: number = ++counter;
  readonly #name: string;
  #state: TaskState = "queued";
  // The value or the error once it has ended.
  #outcome: unknown = undefined;
  #observers: WaitQueue<T, Task<T>> | null = null;
  /** @ignore */
  [held]: Hold | null = null;
  /** @ignore */
  [waiting]: Blocked<unknown> | null = null;

  /**
   * Tasks are made by the groups that own them.
   *
   * @param name What to call it; "" for a name made of its id.
   */
  constructor(name: string) {
    super();
    markTask(this);
    this.#name = name;
  }

  /**
   * What `inspect()` and errors call it: the `name` option, the function's name, or "task-" and its
   * id.
   */
  get name(): string {
    return this.#name || `task-${this.id}`; // Not before anybody asks: most tasks are never named.
  }

  /** What a wait for it is shown as: "task". */
  get kind(): "task" {
    return "task";
  }

  /** How far it has come. */
  get state(): TaskState {
    return this.#state;
  }

  /** Whether it has not ended yet: queued or running. */
  get isAlive(): boolean {
    return this.#state === "running" || this.#state === "queued";
  }

  /**
   * The task whose group it was spawned in; the root task for a group at top level; `null` for the
   * root task itself.
   */
  get parent(): Task | null {
    return taskAround(parentOf(this));
  }

  /**
   * A signal for foreign APIs. To the task's own code it is that of the innermost scope: it aborts
   * as soon as a wait there would end, be it that the time of a `failAfter` is up, and does not
   * abort in a `shield`. To all others it is that of the task as a whole. It says nothing once its
   * scope has ended: read the body of a response where it was fetched.
   *
   * @example
   * ```ts
   * import { currentTask, failAfter, TimeoutError } from "@grove/grove";
   *
   * const get = (url: string) => fetch(url, { signal: currentTask().signal });
   *
   * using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 }); // never answers
   * await failAfter(10, () => get(`http://127.0.0.1:${silent.addr.port}`)).catch((error) => {
   *   console.log(error instanceof TimeoutError); // true
   * });
   * ```
   */
  override get signal(): AbortSignal {
    const scope = this.#innermost();
    return scope === this ? super.signal : scope.signal;
  }

  /**
   * Whether it was asked to {@linkcode Scope.stop}, or a scope around it was. To its own code: also
   * a scope in it that the code is in.
   */
  override get stopping(): boolean {
    const scope = this.#innermost();
    return scope === this ? super.stopping : scope.stopping;
  }

  // Who is handed a task, or asks for the current one, means the place where the code is: a signal
  // that knew of no time limit would make that a limit of nothing.
  #innermost(): Scope {
    const scope = currentScope();
    return taskAround(scope) === this as Task ? scope : this;
  }

  /**
   * Calls a function in this task's scope: what it waits for ends when the task is cancelled. For
   * call-backs that come from outside (an event listener, a server's handler) and do not know which
   * task they are for.
   *
   * @param fn What to call.
   * @returns What it returns.
   */
  run<R>(fn: () => R): R {
    checkFunction(fn, "run in a task", "the argument");
    return runIn(this, fn);
  }

  /**
   * Starts what goes on after the response to a request: a log entry, a cache that is filled. It
   * belongs to the group of requests that `fetchHandler` or `serveHttp` keeps, and ends with that: a
   * server that is asked to stop gives it the drain, one that is cancelled cancels it. Platforms with
   * a `waitUntil` are told to wait for it. Its failure goes to `onError`.
   *
   * @typeParam R What the function resolves to.
   * @param fn What to run; it is called with its own task.
   * @param options `name`.
   * @returns The task; it need not be awaited.
   * @throws {TypeError} When an argument makes no sense.
   * @throws {ClosedError} When the group of requests has ended.
   * @throws {Error} When the task is not part of a request: what is to outlive another task is spawned
   * into a nursery that does.
   *
   * @example
   * ```ts
   * import { currentTask, fetchHandler, sleep } from "@grove/grove";
   *
   * const handler = fetchHandler(() => {
   *   currentTask().background(async function count() {
   *     await sleep(1);
   *     console.log("counted");
   *   });
   *   return new Response("hello");
   * });
   *
   * await handler(new Request("http://localhost/"));
   * console.log("answered"); // and then: counted
   * ```
   */
  background<R>(fn: TaskFunction<R>, options: BackgroundOptions = {}): Task<R> {
    const action = `go on in the background of "${this.name}"`;
    checkFunction(fn, action, "the argument");
    checkOptions(options, action);
    const { name = fn.name } = options;
    if (typeof name !== "string") {
      throw new TypeError(`Cannot ${action} as 'name' must be a string: received ${show(name)}`);
    }
    for (let task: Task | null = this as Task; task !== null; task = task.parent) {
      const behind = task[startBehind]?.(fn, name);
      if (behind !== undefined) return behind;
    }
    throw new Error(
      `Cannot ${action} as it is not part of a request. Spawn into a nursery that outlives it`,
    );
  }

  /** @ignore */
  [startBehind]?<R>(fn: TaskFunction<R>, name: string): Task<R>;

  /**
   * Waits until it has ended, in whatever way: unlike `await task`, this does not throw what the
   * task threw.
   *
   * @param options `timeout` in milliseconds and `signal`, which end the wait and not the task.
   * @returns Resolves to nothing, once the task has ended.
   * @throws {TimeoutError} When the time is up; the task goes on.
   * @throws {DeadlockError} When the task waits, over however many others, for the one that asks.
   *
   * @example
   * ```ts
   * import { sleep, taskGroup, TimeoutError } from "@grove/grove";
   *
   * await taskGroup(async (group) => {
   *   const task = group.spawn(() => sleep(50));
   *   try {
   *     await task.join({ timeout: 5 });
   *   } catch (error) {
   *     console.log(error instanceof TimeoutError, task.isAlive); // true true
   *   }
   * });
   * ```
   */
  join(options?: WaitOptions): Promise<void> {
    const scope = currentScope(); // Now: without an AsyncLocalStorage nobody knows it later.
    return mayFloat(
      this.#wait(options).then(ignore, (error) => {
        // What the task threw is not for us; a cancellation of the one who waits is, even where it
        // ended the task too.
        if (this.isAlive || error !== this.#outcome || error === pendingIn(scope)) {
          throw error;
        }
      }),
    );
  }

  /**
   * Calls `fn` with the task when it has ended; at once when it has ended already. Call-backs run
   * in the order in which they were given, before those who `await` the task go on.
   *
   * @param fn What to call. When it throws, the group that owns the task fails with that error:
   * nothing is lost.
   */
  onDone(fn: (task: Task<T>) => void): void {
    checkFunction(fn, `add a call-back to "${this.name}"`, "it");
    if (this.isAlive) this.#queue().add(new Callback(this, fn));
    else notify(this, fn);
  }

  /**
   * Waits for the outcome: what `await task` calls.
   *
   * @param onfulfilled Called with what the function returned.
   * @param onrejected Called with what it threw; with a `Cancelled` when the task, or the one that
   * waits, was cancelled; with a `DeadlockError` when the task waits for the one that waits for it.
   * @returns A promise of what the call-back returns.
   */
  then<A = T, B = never>(
    onfulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onrejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    const ended = this.#wait().then(onfulfilled, onrejected);
    return onrejected ? ended : mayFloat(ended);
  }

  /** @ignore */
  [poll](): T | typeof notReady {
    if (this.isAlive) return notReady;
    if (this.#state === "succeeded") return this.#outcome as T;
    throw this.#outcome;
  }

  /** @ignore */
  [enqueue](node: Parked<T>): void {
    this.#queue().add(node);
  }

  /** @ignore */
  get [isAwaited](): boolean {
    return this.#observers !== null && this.#observers.size > 0;
  }

  /** @ignore */
  [heldBy](): Holder {
    return this;
  }

  #wait(
    options?: WaitOptions,
  ): Promise<T> {
    const scope = currentScope();
    const barred = entry(scope, options);
    if (barred !== undefined) return barred;
    if (this.isAlive) {
      const me = taskAround(scope)!;
      return suspendFor(scope, me, this.#queue(), new HoldWaiter<T>(), options);
    }
    if (this.#state === "succeeded") return Promise.resolve(this.#outcome as T);
    return Promise.reject(this.#outcome);
  }

  #queue(): WaitQueue<T, Task<T>> {
    return this.#observers ??= new WaitQueue<T, Task<T>>(this);
  }

  // What follows is for the kernel and the groups alone.

  static {
    startTask = <T>(task: Task<T>, fn: TaskFunction<T>) => {
      task.#state = "running";
      if (hooks !== null) hooks.started(task);
      starting = task as Task;
      startingFn = fn as TaskFunction<unknown>;
      runIn(task, begin);
    };

    enterTask = (task, fn) => {
      task.#state = "running";
      if (hooks === null) return runIn(task, fn);
      hooks.started(task);
      return runIn(task, hooked(task, fn));
    };

    endTask = (task, state, outcome) => {
      task.#state = state;
      task.#outcome = outcome;
      unlink(task);
      const observers = task.#observers;
      // Before the group: who awaits this very task gets its error, and not the cancellation that
      // the error brings.
      const outer = callbackErrors;
      callbackErrors = null; // A call-back may end tasks of other groups, which have their own.
      if (observers !== null) {
        task.#observers = null;
        if (state === "succeeded") observers.wakeAll(outcome);
        else observers.failAll(outcome);
      }
      const owner = parentOf(task) as TaskOwner;
      owner.childEnded(task, outcome);
      // After the group: where the end is a failure, those who wait for what the task has left
      // locked are cancelled, and not told that it is broken.
      if (task[held] !== null) Hold.abandon(task);
      // Last: the failure of a call-back cancels the group, and who awaits the task is to get its
      // outcome all the same.
      const thrown = callbackErrors as unknown[] | null;
      callbackErrors = outer;
      for (const error of thrown ?? []) owner.callbackFailed(error);
    };

    enterRoot = (task) => {
      task.#state = "running";
    };
  }
}

/** An `onDone` call-back, in line with those who await the task. */
class Callback<T> extends Parked<T> {
  readonly #task: Task<T>;
  readonly #fn: (task: Task<T>) => void;

  constructor(task: Task<T>, fn: (task: Task<T>) => void) {
    super();
    this.#task = task;
    this.#fn = fn;
  }

  override wake(): void {
    this.#call();
  }

  override fail(): void {
    this.#call();
  }

  #call(): void {
    try {
      this.#fn(this.#task);
    } catch (error) {
      (callbackErrors ??= []).push(error);
    }
  }
}

let callbackErrors: unknown[] | null = null;

function notify<T>(task: Task<T>, fn: (task: Task<T>) => void): void {
  try {
    fn(task);
  } catch (error) {
    const owner = parentOf(task) as TaskOwner;
    // Only onDone() itself can be so late: its caller hears of it.
    if (hasEnded(owner)) throw error;
    owner.callbackFailed(error);
  }
}

// Handed over in variables, as `begin` is called before anything else can happen: arguments that go
// through `AsyncLocalStorage.run`, or a closure for each task, would be allocated.
let starting: Task;
let startingFn: TaskFunction<unknown>;

function begin(): void {
  const task = starting;
  const fn = startingFn;
  starting = startingFn = undefined!; // They keep nobody alive.
  let promise: Promise<unknown>;
  try {
    const result = hooks === null ? fn(task) : callHooked(task, fn);
    if (!isThenable(result)) {
      succeeded(task, result);
      return;
    }
    // Foreign code in a `then` may call back at once, twice, or in a context of its own: the
    // platform's promise does not.
    promise = isPlain(result) ? result : new Promise((resolve) => resolve(result));
  } catch (error) {
    failed(task, error);
    return;
  }
  if (followsAwait) promise.then(fulfilled, rejected);
  else promise.then((value) => succeeded(task, value), (error) => failed(task, error));
}

// Functions of their own: a closure in those above would cost them a context each time, also when
// nobody makes it.

function callHooked<T>(task: Task<T>, fn: TaskFunction<T>): T | PromiseLike<T> {
  return hooked(task as Task, () => fn(task))();
}

function hooked<R>(task: Task, fn: () => R): () => R {
  return () => hooks === null ? fn() : hooks.call(task, fn);
}

/** Ends a task as a promise does, once what was opened in it has ended. */
export function followTask(task: Task, promise: PromiseLike<unknown>): void {
  (promise instanceof Promise ? promise : new Promise((resolve) => resolve(promise))).then(
    (value) => succeeded(task, value),
    (error) => failed(task, error),
  );
}

const fulfilled = (value: unknown): void => succeeded(enteredScope() as Task, value);
const rejected = (error: unknown): void => failed(enteredScope() as Task, error);

function succeeded<T>(task: Task<T>, value: T): void {
  // Again and not just once: others may have opened a scope here between the end of the last and
  // this turn.
  if (hasChildren(task)) drain(task).then(() => succeeded(task, value));
  else endTask(task as Task, "succeeded", value);
}

function failed<T>(task: Task<T>, error: unknown): void {
  if (hasChildren(task)) drain(task).then(() => failed(task, error));
  else fail(task, error);
}

function fail<T>(task: Task<T>, error: unknown): void {
  const cancelled = cancelledIn(error);
  if (cancelled !== undefined && concerns(cancelled, task)) {
    endTask(task as Task, "cancelled", cancelled);
  } else {
    endTask(task as Task, "failed", error);
  }
}

/**
 * Whether a cancellation is one of a scope or of one around it. Any other one was thrown by waiting
 * for something that was cancelled elsewhere, and is a failure of who let it pass.
 */
export function concerns(cancelled: Cancelled, scope: Scope): boolean {
  if (cancelled === pendingIn(scope)) return true;
  for (let around: Scope | null = scope; around !== null; around = parentOf(around)) {
    if (around === cancelled.scope) return true;
  }
  return false;
}

class RootTask extends Task<never> {
  constructor() {
    super("root");
    enterRoot(this as Task);
  }

  override get parent(): null {
    return null;
  }

  override cancel(): void {
    throw new TypeError(
      "Cannot cancel the root task as all code outside any task runs in it. Cancel the group or task that is meant",
    );
  }

  override stop(): void {
    throw new TypeError(
      "Cannot stop the root task. Run the program under main(), and stop what runs there",
    );
  }
}

keepShape(new Task(""));
setRoot(new RootTask());

/**
 * The task that the running code belongs to. Outside any task that is the root task, which is never
 * cancelled and never ends.
 *
 * @returns The task. In a group's body it is the one that called `taskGroup`, whose body it is.
 *
 * @example
 * ```ts
 * import { currentTask, taskGroup } from "@grove/grove";
 *
 * console.log(currentTask().name); // root
 * await taskGroup((group) => {
 *   group.spawn(async function child() {
 *     await Promise.resolve();
 *     console.log(currentTask().name); // child
 *   });
 * });
 * ```
 */
export function currentTask(): Task {
  return taskAround(currentScope())!;
}

/** The innermost task that a scope is in, itself included. */
export function taskAround(scope: Scope | null): Task | null {
  while (scope !== null && !isTask(scope)) scope = parentOf(scope);
  return scope as Task | null;
}

/** The task that is suspended with a node of a queue, which must be a wait or an arm of one. */
export function taskOf<T>(node: Parked<T>): Task {
  return taskAround((node as Parked<T> & { scope: Scope }).scope)!;
}

/**
 * All tasks that have not ended, parents before their children and the older before the younger;
 * the root task is not among them.
 *
 * @returns The tasks as they are now.
 *
 * @example
 * ```ts
 * import { activeTasks, sleep, taskGroup } from "@grove/grove";
 *
 * await taskGroup((group) => {
 *   for (const name of ["a", "b"]) group.spawn(() => sleep(1), { name });
 *   console.log(activeTasks().map((task) => task.name)); // ["a", "b"]
 * });
 * ```
 */
export function activeTasks(): Task[] {
  const tasks: Task[] = [];
  const scopes = children(rootScope()).reverse();
  for (let scope = scopes.pop(); scope !== undefined; scope = scopes.pop()) {
    if (scope instanceof Task) tasks.push(scope);
    for (const child of children(scope).reverse()) scopes.push(child);
  }
  return tasks;
}

/** Whether a value is to be waited for. */
export function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return (typeof value === "object" && value !== null || typeof value === "function") &&
    typeof (value as PromiseLike<T>).then === "function";
}

const { then } = Promise.prototype;

function isPlain<T>(value: PromiseLike<T>): value is Promise<T> {
  return value.then === then && Object.getPrototypeOf(value) === Promise.prototype;
}

function ignore(): void {}
