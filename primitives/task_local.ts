/**
 * Values that belong to a task and are inherited by its children: Python's `contextvars`,
 * JavaScript's proposed `AsyncContext.Variable`. They live in the tree of scopes, so that a hundred
 * of them cost a spawn nothing; each further `AsyncLocalStorage` would make every spawn slower.
 *
 * @module
 */

import { checkFunction, checkOptions, show } from "./kernel/check.ts";
import { currentScope, runIn } from "./kernel/context.ts";
import { mayFloat } from "./kernel/floating.ts";
import { takeKey } from "./kernel/portable_locals.ts";
import {
  children,
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
  /**
   * Whether its value goes along with a job to a worker, where the module that makes this local
   * makes its counterpart. It then needs a name that no other one has, and values that can be
   * cloned. Default: `false`.
   */
  portable?: boolean;
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
  readonly #key: object;

  /**
   * Makes a task-local without a value.
   *
   * @param options A name, the value that holds where none was set, and whether it is portable.
   * @throws {TypeError} When an option makes no sense, or the name of a portable one is taken.
   */
  constructor(options: TaskLocalOptions<T> = {}) {
    checkOptions(options, "make a TaskLocal");
    const { name, defaultValue, portable = false } = options;
    if (typeof portable !== "boolean") {
      throw new TypeError(
        `Cannot make a TaskLocal as 'portable' must be a boolean: received ${show(portable)}`,
      );
    }
    this.name = name ?? "local";
    this.#defaultValue = defaultValue;
    this.#key = portable ? portableKey(name) : this;
  }

  /**
   * The value that holds here.
   *
   * @returns The value of the innermost `run` around this call, also across spawns; else the
   * default.
   */
  get(): T | undefined {
    for (let entry = localsOf(currentScope()); entry !== null; entry = entry.rest) {
      if (entry.key === this.#key) return entry.value as T;
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
    const locals: Locals = { key: this.#key, value, rest: localsOf(around) };
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

function portableKey(name: string | undefined): object {
  if (!name) {
    throw new TypeError(
      "Cannot make a portable TaskLocal without a name, as that is what it is found by elsewhere. Give it one",
    );
  }
  const key = takeKey(name);
  if (key !== undefined) return key;
  throw new TypeError(
    `Cannot make a portable TaskLocal "${name}" as there is one of that name. Make it once, at the top level of its module`,
  );
}

class LocalScope extends Scope {
  readonly name: string;

  constructor(name: string) {
    super();
    this.name = name;
  }

  override abandoned(): void {
    for (const child of children(this)) child.abandoned();
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
