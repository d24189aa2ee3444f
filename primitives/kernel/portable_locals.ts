/**
 * Task-local values that travel with a job to another thread. There the same `TaskLocal` is another
 * object, so what they are known by is a name, and a key for each name on each thread.
 *
 * @module
 */

import type { Locals } from "./scope.ts";

class PortableKey {
  readonly name: string;
  isTaken = false;

  constructor(name: string) {
    this.name = name;
  }
}

const keys = new Map<string, PortableKey>();

/**
 * The key of a name. It can be asked for before the local exists: a job may arrive, with its
 * values, ahead of the module that has the local.
 */
function keyOf(name: string): PortableKey {
  let key = keys.get(name);
  if (key === undefined) keys.set(name, key = new PortableKey(name));
  return key;
}

/** Takes the key of a name for a local; `undefined` when another one has it. */
export function takeKey(name: string): object | undefined {
  const key = keyOf(name);
  if (key.isTaken) return undefined;
  key.isTaken = true;
  return key;
}

/** The values that are to travel: pairs of a name and a value, `undefined` when there are none. */
export function packLocals(locals: Locals | null): [name: string, value: unknown][] | undefined {
  let packed: Map<string, unknown> | undefined;
  for (let entry = locals; entry !== null; entry = entry.rest) {
    if (!(entry.key instanceof PortableKey)) continue;
    packed ??= new Map();
    // The innermost comes first, and is the one that holds.
    if (!packed.has(entry.key.name)) packed.set(entry.key.name, entry.value);
  }
  return packed && [...packed];
}

/** What {@linkcode packLocals} gave, on the far side. */
export function unpackLocals(packed: Iterable<[name: string, value: unknown]>): Locals | null {
  let locals: Locals | null = null;
  for (const [name, value] of packed) locals = { key: keyOf(name), value, rest: locals };
  return locals;
}
