/**
 * Task groups: the place where tasks are spawned, and the promise that none of them is lost. A
 * group is a scope with children; what it adds is the count of those that hold it open, and the
 * rules of what its end means. A third of the file is their documentation; the rules stand together,
 * as none of them can be read without the others.
 *
 * @module
 */

import { checkCount, checkFunction, checkOptions, show } from "./kernel/check.ts";
import { currentScope, runIn } from "./kernel/context.ts";
import { type Cancelled, cancelledIn, ClosedError, suppress, thrownHere } from "./kernel/errors.ts";
import { floats } from "./kernel/floating.ts";
import {
  causeOf,
  children,
  drain,
  hasChildren,
  limitScope,
  link,
  localsOf,
  onReached,
  pendingIn,
  type Scope,
  shieldScope,
  unlink,
  youngest,
} from "./kernel/scope.ts";
import { checkScopeOptions, type ScopeOptions } from "./kernel/scope_options.ts";
import { keepShape } from "./kernel/shapes.ts";
import { isTracingSpawns, noteSpawn } from "./kernel/call_site.ts";
import { concerns, endTask, startTask, Task, type TaskFunction, TaskOwner } from "./kernel/task.ts";
import { waitFor, type WaitOptions } from "./kernel/wait.ts";
import { Slots } from "./slots.ts";

/** What a group can be told. */
export interface TaskGroupOptions extends ScopeOptions {
  /**
   * What the failure of one does to the others: "cancel" (the default) cancels them and throws that
   * failure as it is; "continue" lets them end, and throws an `AggregateError` of all failures.
   */
  onFailure?: "cancel" | "continue";
  /** How many children may run at once; further ones are queued. Default: `Infinity`. */
  limit?: number;
  /**
   * How a cancellation ends the children: "together" (the default), or one by one, the youngest
   * first.
   */
  shutdown?: "together" | "reverse";
}

/** What a spawn can be told. */
export interface SpawnOptions {
  /** What `inspect()` and errors call the task. Default: the function's name. */
  name?: string;
  /**
   * A daemon does not hold the group open: it is cancelled when the body and all others have ended.
   * Default: `false`.
   */
  daemon?: boolean;
}

/** What a group's body is: it is called with the group, whose children it may spawn. */
export type GroupBody<T, G extends TaskGroup = TaskGroup> = (group: G) => T | PromiseLike<T>;

/** Puts a new group into the current scope. */
export let openGroup: (group: TaskGroup, options: TaskGroupOptions) => void;

/**
 * Runs the body of an open group, and resolves as the group ends: `undefined` for a body that was
 * cut short.
 */
export let conduct: <G extends TaskGroup, T>(
  group: G,
  body: GroupBody<T, G>,
) => Promise<T | undefined>;

/** Tells a group that it has no body: a reverse shutdown need not wait for the end of one. */
export let withoutBody: (group: TaskGroup) => void;

/** Whether a group only waits for its children any more. */
export let isClosing: (group: TaskGroup) => boolean;

/** The children that a group has to wait for: all but the daemons. */
export let awaitedBy: (group: TaskGroup) => Task[];

/** Ends an open group that has no body. */
export let closeGroup: (group: TaskGroup) => Promise<void>;

const NO_OPTIONS: SpawnOptions = {};

/** The room in a group without a limit. */
const unlimited = new Slots("", Infinity);

/**
 * A set of tasks with one fate. It is made by {@linkcode taskGroup} and handed to its body.
 *
 * @example
 * ```ts
 * import { sleep, taskGroup } from "@grove/grove";
 *
 * await taskGroup((group) => {
 *   group.spawn(async () => {
 *     await sleep(2);
 *     console.log("second");
 *   });
 *   group.spawn(async () => {
 *     await sleep(1);
 *     console.log("first");
 *   });
 * });
 * console.log("and only now the group is over");
 * ```
 */
export class TaskGroup extends TaskOwner {
  /** What errors and `inspect()` call it: the `name` option, or "group". */
  readonly name: string;
  readonly #continues: boolean;
  readonly #reverse: boolean;
  readonly #slots: Slots | null;
  #bodyEnded = false;
  #closing = false;
  #ended = false;
  // The cancellation that cut the body or a child short, of this group or a scope around it.
  #cut: Cancelled | null = null;
  #failures: unknown[] | null = null;
  // The children that hold the group open: all but the daemons.
  #holding = 0;
  #daemons: Set<Task<unknown>> | null = null;
  #released: (() => void) | null = null;
  #end: Promise<unknown> | undefined;
  // In a reverse shutdown: the child that is being ended.
  #ending: Task | null = null;

  /**
   * Groups are opened by {@linkcode taskGroup} and its kin.
   *
   * @param options What those were told.
   */
  constructor(options: TaskGroupOptions) {
    super();
    this.name = options.name ?? "group";
    this.#continues = options.onFailure === "continue";
    this.#reverse = options.shutdown === "reverse";
    const { limit = Infinity } = options;
    this.#slots = limit === Infinity ? null : new Slots(this.name, limit);
  }

  /** The children that have not ended, the oldest first. */
  get tasks(): Task[] {
    return children(this).filter(isTask);
  }

  /**
   * Starts a child. Its function is called at once and runs up to its first `await` before this
   * returns; in a group that has a `limit` and no room, it is queued.
   *
   * @typeParam T What the function resolves to.
   * @param fn What to run; it is called with its own task. When it fails, so does the group: an
   * exception it throws is never thrown by `spawn`.
   * @param options `name` and `daemon`.
   * @returns The task: to await its result, to cancel it, or to be ignored.
   * @throws {TypeError} When `fn` is no function.
   * @throws {ClosedError} When the group has ended.
   */
  spawn<T>(fn: TaskFunction<T>, options: SpawnOptions = NO_OPTIONS): Task<T> {
    if (typeof fn !== "function") checkFunction(fn, `spawn into "${this.name}"`, "the task");
    if (typeof options !== "object" || options === null) {
      checkOptions(options, `spawn into "${this.name}"`);
    }
    const { name = fn.name, daemon } = options;
    if (typeof name !== "string") {
      throw new TypeError(
        `Cannot spawn into "${this.name}" as 'name' must be a string: received ${show(name)}`,
      );
    }
    if (daemon !== undefined && typeof daemon !== "boolean") {
      throw new TypeError(
        `Cannot spawn into "${this.name}" as 'daemon' must be a boolean: received ${show(daemon)}`,
      );
    }
    if (this.#ended) {
      throw new ClosedError(
        `Cannot spawn into "${this.name}" as it has ended. Spawn while its body or a child still runs`,
      );
    }
    const task = new Task<T>(name);
    if (isTracingSpawns()) noteSpawn(task);
    if (daemon) (this.#daemons ??= new Set()).add(task as Task);
    else this.#holding++;
    const cancelled = pendingIn(this) !== null;
    link(task, this, localsOf(currentScope()));
    // In a cancelled group nothing is queued: a child runs to its first checkpoint, whatever the
    // limit.
    const slots = this.#slots;
    if (slots === null) {
      this.#start(task, fn);
    } else if (slots.free || cancelled) {
      slots.take();
      this.#start(task, fn);
    } else {
      const turn = slots.queue(() => this.#start(task, fn));
      onReached(task, () => {
        if (!turn.giveUp()) return;
        slots.take(); // It never ran, but its end is counted as the end of one that did.
        endTask(task as Task, "cancelled", pendingIn(task));
      });
    }
    return task;
  }

  /**
   * Waits until a child can start at once: the back-pressure of a group with a `limit`. When
   * several wait, all are let in together, and what has no room then is queued.
   *
   * @param options `timeout` in milliseconds and `signal`.
   * @returns Resolves to nothing, once there is room.
   * @throws {TimeoutError} When the time is up.
   *
   * @example
   * ```ts
   * import { sleep, taskGroup } from "@grove/grove";
   *
   * await taskGroup(async (group) => {
   *   for (let page = 1; page <= 5; page++) {
   *     await group.ready();
   *     group.spawn(() => sleep(1));
   *   }
   * }, { limit: 2 });
   * ```
   */
  ready(options?: WaitOptions): Promise<void> {
    return waitFor(this.#slots ?? unlimited, options);
  }

  /**
   * Calls a function in this group's scope: what it waits for ends when the group is cancelled. For
   * call-backs that come from outside, and for platforms that do not follow the current scope
   * across an `await`.
   *
   * @param fn What to call.
   * @returns What it returns.
   */
  run<R>(fn: () => R): R {
    checkFunction(fn, `run in "${this.name}"`, "the argument");
    return runIn(this, fn);
  }

  /** @ignore */
  override childEnded(task: Task, error: unknown): void {
    if (this.#daemons === null || !this.#daemons.delete(task)) this.#holding--;
    if (task.state === "failed") this.childFailed(task, error);
    else if (task.state === "cancelled" && !task.cancelled) this.#cut ??= error as Cancelled;
    this.#slots?.leave(pendingIn(this) !== null);
    if (this.#ending === task) {
      this.#ending = null;
      if (pendingIn(this) !== null) this.#endNext();
    }
    if (this.#holding === 0) this.#released?.();
  }

  /** @ignore */
  override callbackFailed(error: unknown): void {
    this.#fail(error);
  }

  /** What the failure of a child means here. */
  protected childFailed(_task: Task, error: unknown): void {
    this.#fail(error);
  }

  /**
   * Whether its caller waits for a value, so that a body cut short by `cancel()` has to be told by
   * an error.
   */
  protected get owesValue(): boolean {
    return true;
  }

  #fail(error: unknown): void {
    if (this.#continues) {
      (this.#failures ??= []).push(error);
    } else if (this.#failures === null) {
      this.#failures = [error];
      this.cancel(error);
    } else {
      suppress(this.#failures[0], error);
    }
  }

  #start<T>(task: Task<T>, fn: TaskFunction<T>): void {
    if (this.#reverse && pendingIn(task) === null) shieldScope(task, true);
    startTask(task, fn);
  }

  // In a reverse shutdown each child is shielded until its turn has come.
  #endNext(): void {
    // A loop: those that are still queued end at once.
    for (let child = youngest(this, isTask); child !== null; child = youngest(this, isTask)) {
      shieldScope(child, false);
      if (pendingIn(this) === null) child.cancel(`"${this.name}" is closing`);
      if (!child.isAlive) continue;
      this.#ending = child;
      return;
    }
  }

  #bodyThrew(error: unknown): void {
    const cancelled = cancelledIn(error);
    if (cancelled !== undefined && concerns(cancelled, this)) this.#cut = cancelled;
    else if (!this.#failures?.includes(error)) this.#fail(error); // else it is a child's, rethrown
  }

  async #conduct<T>(body: () => T | PromiseLike<T>): Promise<T | undefined> {
    let value: T | undefined;
    let returned = true;
    // Awaited in there too: it may be a task or a moment, which is waited for where it is awaited.
    // And caught in there: a step further out, the failure of a child could overtake it.
    await runIn(this, async () => {
      try {
        value = await body();
      } catch (error) {
        returned = false;
        this.#bodyThrew(error);
      }
    });
    await this.#close();
    this.#conclude(returned);
    return value;
  }

  async #close(): Promise<void> {
    this.#bodyEnded = this.#closing = true;
    if (this.#reverse && pendingIn(this) !== null && this.#ending === null) this.#endNext();
    while (hasChildren(this)) {
      if (this.#reverse && this.#holding === 0 && this.#ending === null) this.#endNext();
      if (this.#holding > 0 || this.#ending !== null) {
        await new Promise<void>((resolve) => this.#released = resolve);
      } else {
        await drain(this, (child) => isTask(child) && !this.#daemons?.has(child));
      }
    }
    this.#ended = true;
    unlink(this);
  }

  /** Throws what the end of this group means, if it means an error. */
  #conclude(returned: boolean): void {
    const failures = this.#failures;
    if (failures !== null) {
      if (!this.#continues) throw failures[0];
      const count = failures.length === 1 ? "1 task" : `${failures.length} tasks`;
      throw new AggregateError(failures, `In "${this.name}" ${count} failed. See 'errors'`);
    }
    if (this.#cut === null) return;
    // Where none is in force, it came in through a shield: by a wait for something that a scope
    // outside the shield had cancelled.
    const pending = pendingIn(this) ?? this.#cut;
    if (pending.scope === this) {
      if (causeOf(this) === "deadline") throw thrownHere(pending.reason);
      if (causeOf(this) === "signal") throw pending.reason;
      if (returned || !this.owesValue) return;
    }
    if (this.#end !== undefined) floats(this.#end);
    throw pending;
  }

  // What follows is for those who open groups.

  static {
    openGroup = (group, options) => {
      limitScope(group, options);
      link(group, currentScope(), localsOf(currentScope()));
      if (group.#reverse) {
        onReached(group, () => {
          if (group.#bodyEnded && group.#ending === null) group.#endNext();
        });
      }
    };

    conduct = <G extends TaskGroup, T>(group: G, body: GroupBody<T, G>) => {
      const end = group.#conduct(() => body(group));
      group.#end = end;
      return end;
    };

    withoutBody = (group) => {
      group.#bodyEnded = true;
    };

    isClosing = (group) => group.#closing;

    awaitedBy = (group) => group.tasks.filter((task) => !group.#daemons?.has(task));

    closeGroup = async (group) => {
      await group.#close();
      group.#conclude(true);
    };
  }
}

keepShape(new TaskGroup({}));

/** Checks what was given to `taskGroup` or one of its kin, at the call. */
export function checkGroupOptions(options: TaskGroupOptions, action: string): void {
  checkScopeOptions(options, action);
  const { limit, onFailure, shutdown } = options;
  if (limit !== undefined) checkCount(limit, action, "'limit'", 1);
  checkChoice(onFailure, ["cancel", "continue"], action, "'onFailure'");
  checkChoice(shutdown, ["together", "reverse"], action, "'shutdown'");
}

/**
 * Opens a group, runs `body` in it, and waits for all children: whatever happens, none outlives
 * this call.
 *
 * When the body or a child fails, the others are cancelled and waited for, and the first failure is
 * thrown as it is; what fails meanwhile is kept for `suppressedErrors`.
 *
 * @typeParam T What the body resolves to.
 * @param body Called with the group.
 * @param options Limits, deadline, signal and the policy on failures.
 * @returns What the body returned, once all children have ended.
 * @throws {TypeError | RangeError} At once, when an argument makes no sense; nothing has started
 * then.
 * @throws The first failure; an `AggregateError` of all with `onFailure: "continue"`; a
 * `TimeoutError` when the group's own time is up; the signal's reason when its own signal aborts; a
 * `Cancelled` when a scope outside is cancelled, or the body was cut short by `group.cancel()`.
 *
 * @example
 * ```ts
 * import { sleep, taskGroup } from "@grove/grove";
 *
 * const sum = await taskGroup(async (group) => {
 *   const a = group.spawn(async () => {
 *     await sleep(1);
 *     return 1;
 *   });
 *   const b = group.spawn(() => 2);
 *   return await a + await b;
 * });
 * console.log(sum); // 3
 * ```
 */
export function taskGroup<T>(body: GroupBody<T>, options: TaskGroupOptions = {}): Promise<T> {
  checkFunction(body, "open a task group", "its body");
  checkGroupOptions(options, "open a task group");
  if (options.signal?.aborted) return Promise.reject(options.signal.reason);
  const group = new TaskGroup(options);
  openGroup(group, options);
  return conduct(group, body) as Promise<T>;
}

function checkChoice(value: unknown, choices: string[], action: string, what: string): void {
  if (value === undefined || choices.includes(value as string)) return;
  const list = choices.map((choice) => `"${choice}"`).join(" or ");
  throw new TypeError(`Cannot ${action} as ${what} must be ${list}: received ${show(value)}`);
}

function isTask(scope: Scope): scope is Task {
  return scope instanceof Task;
}
