/**
 * Which scope the running code belongs to. One `AsyncLocalStorage` for all of Grove carries it
 * across every `await`; entering it costs a task half a microsecond, being inside costs nothing.
 *
 * It is looked up, not imported: a static import of `node:async_hooks` does not load on every
 * platform. Where there is none, the current scope is known up to the first `await` of a function,
 * and what follows belongs to the root; `run(fn)` of a task or group then says it explicitly.
 *
 * @module
 */

import { hasEnded, parentOf, type Scope } from "./scope.ts";

interface Ambient {
  run<R>(scope: Scope, fn: () => R): R;
  getStore(): Scope | undefined;
}

/**
 * What is left without an `AsyncLocalStorage`: the scope of the function called last, while it runs
 * synchronously.
 */
class SynchronousAmbient implements Ambient {
  #scope: Scope | undefined;

  run<R>(scope: Scope, fn: () => R): R {
    const before = this.#scope;
    this.#scope = scope;
    try {
      return fn();
    } finally {
      this.#scope = before;
    }
  }

  getStore(): Scope | undefined {
    return this.#scope;
  }
}

interface AmbientClass {
  new (): Ambient;
  snapshot?(): <R>(fn: () => R) => R;
}

interface Platform {
  AsyncLocalStorage?: AmbientClass;
  process?: {
    getBuiltinModule?: (name: string) => { AsyncLocalStorage?: AmbientClass } | undefined;
  };
}

const platform = globalThis as Platform;
const Storage = platform.AsyncLocalStorage ??
  platform.process?.getBuiltinModule?.("node:async_hooks")?.AsyncLocalStorage;

/** Whether the current scope is known after an `await` too. */
export const followsAwait: boolean = Storage !== undefined;

const ambient: Ambient = Storage === undefined ? new SynchronousAmbient() : new Storage();

/**
 * Calls a function outside all tasks, and outside the stores of others: for what serves many, as a
 * timer or a worker does, and would else belong to who happened to need it first, and keep that
 * alive.
 */
export const outside: <R>(fn: () => R) => R = Storage?.snapshot?.() ?? ((fn) => runIn(root, fn));

let root: Scope;

/** Names the scope of all code outside any task. Called once, while the kernel loads. */
export function setRoot(scope: Scope): void {
  root = scope;
}

/** The root of the tree. */
export function rootScope(): Scope {
  return root;
}

/**
 * The innermost scope that the running code is in. Code that has outlived its scope, as a
 * connection pool's call-back does that was made in the task of an earlier request, is in the
 * nearest one outside that still lives.
 */
export function currentScope(): Scope {
  let scope = ambient.getStore();
  if (scope === undefined) return root;
  while (hasEnded(scope)) scope = parentOf(scope)!;
  return scope;
}

/** The scope that was entered last, also when it has ended. */
export function enteredScope(): Scope | undefined {
  return ambient.getStore();
}

/** Calls a function in a scope. */
export function runIn<R>(scope: Scope, fn: () => R): R {
  return ambient.run(scope, fn);
}
