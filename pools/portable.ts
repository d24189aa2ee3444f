/**
 * Functions that can run elsewhere. What travels is not the function but where to find it: its
 * module and its name, as Python's pickle does it. A plain function that needs nothing of the place
 * where it was written travels as its source.
 *
 * @module
 */

import { checkFunction, show } from "../primitives/kernel/check.ts";
import { NotPortableError } from "./errors.ts";
import type { AnyFunction } from "./job.ts";

/** Where a function is found on the far side. */
export type FunctionReference =
  | { readonly url: string; readonly name: string }
  | { readonly source: string; readonly name: string };

const references = new WeakMap<AnyFunction, FunctionReference>();

// By source too: a function written where it is handed in is another one each time.
const sources = new Map<string, FunctionReference>();

const modules = new Map<string, Map<string, AnyFunction>>();

/**
 * Makes a function one that pools can run elsewhere. It is called here as before; a pool on the far
 * side loads the module and finds the function by its name. It needs not be exported, but it has to
 * be made while its module loads, at the top level.
 *
 * The module is loaded in each worker, with all that stands at its top level: what only the main
 * program is to do belongs under `if (import.meta.main)`.
 *
 * @typeParam F The type of the function.
 * @param module `import.meta` of the module that it stands in.
 * @param fn The function. It must have a name, which no other portable function of the module has.
 * @returns The function itself.
 * @throws {TypeError} When an argument is not what it should be, or the name is taken.
 *
 * @example
 * ```ts
 * import { portable } from "@grove/grove";
 *
 * export const fib = portable(import.meta, function fib(n: number): number {
 *   return n < 2 ? n : fib(n - 1) + fib(n - 2);
 * });
 *
 * console.log(fib(10)); // 55
 * ```
 */
export function portable<
  // deno-lint-ignore no-explicit-any -- a constraint that functions of all types meet
  F extends (...args: any[]) => unknown,
>(module: { readonly url: string }, fn: F): F {
  checkFunction(fn, "make it portable", "the second argument");
  const url: unknown = module?.url;
  if (typeof url !== "string" && !isModuleWithoutUrl(module)) {
    throw new TypeError(
      `Cannot make "${fn.name}" portable as the first argument must be 'import.meta': received ${
        show(module)
      }`,
    );
  }
  if (fn.name === "") {
    throw new TypeError(
      "Cannot make the function portable as it has no name to find it by. Give it one: function name() {}",
    );
  }
  // It runs here then: where modules have no URL there is nothing elsewhere to load them.
  if (typeof url !== "string") return fn;
  let functions = modules.get(url);
  if (functions === undefined) modules.set(url, functions = new Map());
  if (functions.has(fn.name)) {
    throw new TypeError(
      `Cannot make "${fn.name}" portable as its module has a portable function of that name: ${url}. Give it another`,
    );
  }
  functions.set(fn.name, fn);
  references.set(fn, { url, name: fn.name });
  return fn;
}

/** The `import.meta` of workerd is empty. */
function isModuleWithoutUrl(module: unknown): boolean {
  return typeof module === "object" && module !== null && Object.getPrototypeOf(module) === null &&
    Object.keys(module).length === 0;
}

/** The portable function of a name in a module that has been loaded here. */
export function portableIn(url: string, name: string): AnyFunction | undefined {
  return modules.get(url)?.get(name);
}

/** The modules loaded here that have portable functions. */
export function portableModules(): Iterable<string> {
  return modules.keys();
}

/**
 * Where a function is found on the far side.
 *
 * @throws {NotPortableError} When it cannot be found there.
 */
export function referenceTo(fn: AnyFunction): FunctionReference {
  let reference = references.get(fn);
  if (reference === undefined) references.set(fn, reference = sourceOf(fn));
  return reference;
}

let loading = 0;

let imports: Readonly<Record<string, () => Promise<unknown>>> = {};

/**
 * Gives ways to load modules that need no permission to read them, as those have that stand in the
 * module that a program is started with.
 */
export function provideModules(ways: Readonly<Record<string, () => Promise<unknown>>>): void {
  imports = ways;
}

/** Whether this is a worker that loads a module to find a function in it. */
export function isLoadingModule(): boolean {
  return loading > 0;
}

/** Loads a module that has portable functions. */
export async function loadModule(url: string): Promise<unknown> {
  loading++;
  try {
    return await (Object.hasOwn(imports, url) ? imports[url]() : import(url));
  } finally {
    loading--;
  }
}

/** Makes a function of what {@linkcode referenceTo} gave for one without a module. */
export function compile(source: string): AnyFunction {
  // Names that a worker has as globals, and that code is likely to have of its own: they are declared
  // after their use, so that who means its own gets an error, and not the worker's.
  return new Function(`"use strict"; return (${source}\n); let ${WORKER_GLOBALS};`)();
}

const WORKER_GLOBALS = "name, close, postMessage, onmessage, onerror";

function standsAlone(source: string): boolean {
  try {
    return typeof compile(source) === "function";
  } catch (error) {
    // A method's name may be computed, from what is not there.
    if (error instanceof SyntaxError || error instanceof ReferenceError) return false;
    throw error;
  }
}

function sourceOf(fn: AnyFunction): FunctionReference {
  const source = Function.prototype.toString.call(fn);
  const known = sources.get(source);
  if (known !== undefined) return known;
  const cure = "Make it portable: portable(import.meta, function name() {})";
  if (/\{\s*\[native code\]\s*\}$/.test(source)) {
    throw new NotPortableError(
      `Cannot send "${fn.name}" to run elsewhere as it is native or bound, and has no source. ${cure}`,
    );
  }
  if (/^class\b/.test(source)) {
    throw new NotPortableError(
      `Cannot send "${fn.name}" to run elsewhere as it is a class. Send a function that makes one. ${cure}`,
    );
  }
  // A method's source is one only within an object. Out of that it is taken without a look at its
  // value, which would call a getter.
  const ofObject = "(o) => Object.getOwnPropertyDescriptor(o, Reflect.ownKeys(o)[0]).value";
  for (const expression of [source, `(${ofObject})({${source}})`]) {
    if (!standsAlone(expression)) continue;
    const reference = { source: expression, name: fn.name };
    sources.set(source, reference);
    return reference;
  }
  throw new NotPortableError(
    `Cannot send "${fn.name}" to run elsewhere as its source cannot stand alone. ${cure}`,
  );
}
