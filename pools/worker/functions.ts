/**
 * The functions that a worker was told of, by number.
 *
 * @module
 */

import { NotPortableError } from "../errors.ts";
import type { AnyFunction } from "../job.ts";
import { compile, type FunctionReference, loadModule, portableIn } from "../portable.ts";

/** A function, or where it is to be had. */
export class Callee {
  readonly name: string;
  readonly #reference: FunctionReference;
  readonly #load: (url: string) => Promise<unknown>;
  /** The function itself, once it is there. */
  fn: AnyFunction | undefined;

  constructor(reference: FunctionReference, load: (url: string) => Promise<unknown>) {
    this.name = reference.name || "job";
    this.#reference = reference;
    this.#load = load;
    if ("source" in reference) this.fn = explained(compile(reference.source), this.name);
  }

  /** The function itself, with its module loaded if need be. */
  async get(): Promise<AnyFunction> {
    const { url, name } = this.#reference as { url: string; name: string };
    if (this.fn !== undefined) return this.fn;
    await this.#load(url);
    this.fn = portableIn(url, name);
    if (this.fn !== undefined) return this.fn;
    throw new NotPortableError(
      `Cannot run "${name}" elsewhere as its module has no portable function of that name there: ${url}. Make it portable at the top level of the module, and not only where import.meta.main is true`,
    );
  }
}

// What a function uses of the place where it was written is not there. Its message says what it is;
// and here we know why.
function explained(fn: AnyFunction, name: string): AnyFunction {
  return (...args) => {
    let result: unknown;
    try {
      result = fn(...args);
    } catch (error) {
      throw explain(error, name);
    }
    if (!(result instanceof Promise)) return result;
    return result.catch((error) => {
      throw explain(error, name);
    });
  };
}

function explain(error: unknown, name: string): unknown {
  const missing = error instanceof ReferenceError && /^(\S+) is not defined$/.exec(error.message);
  if (!missing) return error;
  return new NotPortableError(
    `Cannot run "${name}" elsewhere as it uses "${
      missing[1]
    }", which is not there: only its source has travelled. Hand it in as an argument, or make the function portable: portable(import.meta, function ${name}() {})`,
    { cause: error },
  );
}

/** Loads modules, and does not wait for one for ever. */
export function loader(timeout: number): (url: string) => Promise<unknown> {
  return (url) => {
    let timer: ReturnType<typeof setTimeout>;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(
          new NotPortableError(
            `Cannot load a module for a job as it takes longer than ${timeout} ms: ${url}. What only the main program is to do belongs under 'if (import.meta.main)'`,
          ),
        );
      }, timeout);
    });
    return Promise.race([loadModule(url), late]).finally(() => clearTimeout(timer));
  };
}
