/**
 * The functions that a worker was told of, by number.
 *
 * @module
 */

import { LONGEST_DELAY } from "../../primitives/kernel/clock.ts";
import { outside } from "../../primitives/kernel/context.ts";
import { NotPortableError } from "../errors.ts";
import type { AnyFunction } from "../job.ts";
import { compile, type FunctionReference, loadModule, portableIn } from "../portable.ts";

// See `compile` for the second.
const MISSING = /^(?:(\S+) is not defined|Cannot access '(\S+)' before initialization)$/;

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
    if ("source" in reference) this.fn = compile(reference.source);
  }

  /**
   * What an error means that the function has thrown. One that travels as its source lacks what it
   * uses of the place where it was written; the error says what that is, and here we know why.
   */
  explain(error: unknown): unknown {
    const missing = "source" in this.#reference && error instanceof ReferenceError &&
      MISSING.exec(error.message);
    if (!missing) return error;
    return new NotPortableError(
      `Cannot run "${this.name}" elsewhere as it uses "${
        missing[1] ?? missing[2]
      }", which is not there: only its source has travelled. Hand it in as an argument, or make the function portable: portable(import.meta, function ${this.name}() {})`,
      { cause: error },
    );
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
      }, Math.min(timeout, LONGEST_DELAY));
    });
    // What a module makes, as a pool of its own, belongs to the worker, and not to the job that
    // happened to be the first.
    const loaded = outside(() => loadModule(url));
    return Promise.race([loaded, late]).finally(() => clearTimeout(timer));
  };
}
