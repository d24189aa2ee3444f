/**
 * Values that belong to a task and are inherited by its children: Python's `contextvars`,
 * JavaScript's proposed `AsyncContext.Variable`. They live in the tree of scopes, so that a hundred
 * of them cost a spawn nothing; each further `AsyncLocalStorage` would make every spawn slower.
 *
 * @module
 */

import { checkFunction } from "./kernel/check.ts";
import { currentScope, runIn } from "./kernel/context.ts";
import { mayFloat } from "./kernel/floating.ts";
import {
  drained,
  hasChildren,
  link,
  type Locals,
  localsOf,
  Scope,
  unlink,
} from "./kernel/scope.ts";

/** What a {@linkcode TaskLocal} can be told. */
export interface TaskLocalOptions<T> {
  /** What it is called where it is shown. Default: "local". */
  name?: string;
  /** What `get()` gives where no value was set. Default: `undefined`. */
  defaultValue?: T;
}

/**
 * A value that can differ from task to task. A child has the values of the place that spawned it.
 *
 * @typeParam T What it holds.
 *
 * @example
 * ```ts
 * import { taskGroup, TaskLocal } from "@grove/grove";
 *
 * const requestId = new TaskLocal<string>({ defaultValue: "none" });
 *
 * await requestId.run("r-17", () =>
 *   taskGroup((group) => {
 *     group.spawn(() => console.log(requestId.get())); // r-17
 *   }));
 * console.log(requestId.get()); // none
 * ```
 */
export class TaskLocal<T> {
  /** What it is called where it is shown. */
  readonly name: string;
  readonly #defaultValue: T | undefined;

  /**
   * Makes a task-local without a value.
   *
   * @param options A name, and the value that holds where none was set.
   */
  constructor(options: TaskLocalOptions<T> = {}) {
    this.name = options.name ?? "local";
    this.#defaultValue = options.defaultValue;
  }

  /**
   * The value that holds here.
   *
   * @returns The value of the innermost `run` around this call, also across spawns; else the
   * default.
   */
  get(): T | undefined {
    for (let entry = localsOf(currentScope()); entry !== null; entry = entry.rest) {
      if (entry.key === this) return entry.value as T;
    }
    return this.#defaultValue;
  }

  /**
   * Runs a function in which another value holds, and in the children that it spawns. Nothing else
   * changes: what the function opens and does not close, goes on.
   *
   * @typeParam R What the function returns.
   * @param value The value.
   * @param fn What to run.
   * @returns What the function returns; a promise, if it returns one.
   * @throws {TypeError} When `fn` is no function.
   * @throws What the function throws.
   */
  run<R>(value: T, fn: () => R): R {
    checkFunction(fn, `set "${this.name}"`, "the second argument");
    const around = currentScope();
    const scope = new LocalScope(this.name);
    const locals: Locals = { key: this, value, rest: localsOf(around) };
    link(scope, around, locals);
    let result: R;
    try {
      result = runIn(scope, fn);
    } catch (error) {
      close(scope);
      throw error;
    }
    if (result instanceof Promise) return mayFloat(closeAfter(result, scope)) as R;
    close(scope);
    return result;
  }
}

class LocalScope extends Scope {
  readonly name: string;

  constructor(name: string) {
    super();
    this.name = name;
  }
}

async function closeAfter<R>(result: Promise<R>, scope: Scope): Promise<R> {
  try {
    return await result;
  } finally {
    close(scope);
  }
}

// A nursery that was opened in here and returned lives on: so does the scope, as its place in the
// tree.
async function close(scope: Scope): Promise<void> {
  while (hasChildren(scope)) await drained(scope);
  unlink(scope);
}
