/**
 * Which functions a cluster knows, and by what names: both sides have a list of modules, and what
 * travels is the name of a module in it and the name of a function. Where a module is may differ
 * from machine to machine; and nothing is ever loaded because a message says so.
 *
 * @module
 */

import { show } from "../../primitives/kernel/check.ts";
import { NotPortableError } from "../errors.ts";
import type { AnyFunction } from "../job.ts";
import { loadModule, portableIn, referenceTo } from "../portable.ts";

/** A module, by its address; or some functions of it, by their names. */
export type ModuleEntry =
  | string
  | URL
  | { readonly url: string | URL; readonly functions: readonly string[] };

/**
 * The modules that a cluster knows, by the names that they have in it: the same names on both
 * sides, each for the address that the module has there, as `import.meta.resolve("./jobs.ts")`
 * gives it.
 */
export type ClusterModules = Readonly<Record<string, ModuleEntry>>;

interface Known {
  readonly url: string;
  readonly functions: ReadonlySet<string> | undefined;
}

/** What a function is called in a cluster. */
export interface FunctionName {
  readonly module: string;
  readonly name: string;
}

/** See above. */
export class ModuleList {
  readonly #modules: Map<string, Known> = new Map();
  readonly #names: Map<string, string> = new Map();

  /** @throws {TypeError} When it is no list of modules. */
  constructor(modules: ClusterModules, action: string) {
    if (typeof modules !== "object" || modules === null) {
      throw new TypeError(
        `Cannot ${action} as 'modules' must be an object of names and addresses: received ${
          show(modules)
        }`,
      );
    }
    for (const [name, entry] of Object.entries(modules)) {
      const known = knownOf(name, entry, action);
      this.#modules.set(name, known);
      this.#names.set(known.url, name);
    }
  }

  /** Loads the modules. */
  async load(): Promise<void> {
    await Promise.all(Array.from(this.#modules.values(), ({ url }) => loadModule(url)));
  }

  /**
   * What a function is called.
   *
   * @throws {NotPortableError} When it has no name in the cluster.
   */
  nameOf(fn: AnyFunction): FunctionName {
    const reference = referenceTo(fn);
    if ("source" in reference) {
      throw new NotPortableError(
        `Cannot send "${
          fn.name || "the function"
        }" to another machine as it is not portable: workers run what stands in their modules, and never what a message says. Make it portable: portable(import.meta, function name() {})`,
      );
    }
    const module = this.#names.get(reference.url);
    if (module === undefined) {
      throw new NotPortableError(
        `Cannot send "${fn.name}" to another machine as its module is not in the list: ${reference.url}. Add it to 'modules', here and where the workers are`,
      );
    }
    return { module, name: reference.name };
  }

  /**
   * The function of a name.
   *
   * @throws {NotPortableError} When there is none, or it may not be run.
   */
  functionOf({ module, name }: FunctionName, worker: string): AnyFunction {
    const known = this.#modules.get(module);
    const fault = known === undefined
      ? `it has no module of that name in its list`
      : known.functions?.has(name) === false
      ? `its list does not allow that function`
      : undefined;
    const fn = fault === undefined ? portableIn(known!.url, name) : undefined;
    if (fn !== undefined) return fn;
    throw new NotPortableError(
      `Cannot run ${show(name)} of ${show(module)} in the worker "${worker}" as ${
        fault ?? "its module has no portable function of that name"
      }. Give the worker's 'modules' the same release of the same modules`,
    );
  }
}

function knownOf(name: string, entry: ModuleEntry, action: string): Known {
  const { url, functions } = typeof entry === "string" || entry instanceof URL
    ? { url: entry, functions: undefined }
    : entry ?? {};
  if (!(url instanceof URL) && typeof url !== "string" || !URL.canParse(String(url))) {
    throw new TypeError(
      `Cannot ${action} as the module ${show(name)} has no address: received ${
        show(url)
      }. Take import.meta.resolve("./module.ts")`,
    );
  }
  if (functions !== undefined && !Array.isArray(functions)) {
    throw new TypeError(
      `Cannot ${action} as the 'functions' of the module ${
        show(name)
      } must be a list of names: received ${show(functions)}`,
    );
  }
  return { url: String(url), functions: functions && new Set(functions) };
}
