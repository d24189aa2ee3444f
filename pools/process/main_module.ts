/**
 * The module that a program was started with. Threads cannot ask for it, and in the processes that
 * are started here it is a text; so it is handed down to them.
 *
 * @module
 */

let known: string | undefined;

/** The main module of the program; `undefined` where nobody can tell. */
export function mainModuleOfProgram(): string | undefined {
  return known ?? (globalThis as { Deno?: { mainModule?: string } }).Deno?.mainModule;
}

/** Says what it is, where it was handed down. */
export function setMainModule(url: string | undefined): void {
  known = url;
}
