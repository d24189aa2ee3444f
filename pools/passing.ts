/**
 * How objects that are the same object elsewhere travel among values that are copied: they are
 * taken out before, with a note of where each was, and put in again on the other side.
 *
 * A list of values that has none, as nearly all, is not copied for it. One that has some is: the
 * caller's own lists and objects are not to be changed.
 *
 * @module
 */

import { MalformedError } from "../primitives/codec/malformed_error.ts";
import {
  dropped,
  isPassable,
  isReceivable,
  pass,
  type Passable,
  type Passed,
  received,
} from "../primitives/kernel/passing.ts";
import { NotPortableError } from "./errors.ts";
import { checkPortable, type Destination, encodingOf } from "./payload.ts";

/** The key of a property, the index of an element, or the place in the order of a map or set. */
type Step = string | number;

/** An object that was taken out. */
export interface PassedOn extends Passed {
  /** Where it was: more than one place, if it was there more than once. */
  readonly paths: readonly (readonly Step[])[];
}

/** Values, ready for their way. */
export interface Packed {
  readonly values: readonly unknown[];
  /** What was taken out of them; left out for nothing. */
  readonly passed?: readonly PassedOn[] | undefined;
  /** What is moved with them. */
  readonly moved: readonly Transferable[];
}

const NOTHING: readonly never[] = [];

/**
 * Packs values for their way to another thread or process.
 *
 * @param values The values.
 * @param nameOf What each is called.
 * @param to Where they go.
 * @returns What can be cloned, of which nothing was changed.
 * @throws {NotPortableError} When one of them cannot travel, with the way to it. Nothing has been
 * taken along then.
 */
export function packValues(
  values: readonly unknown[],
  nameOf: (index: number) => string,
  to: Destination = "thread",
): Packed {
  if (encodingOf(values) !== "clone") return { values, moved: NOTHING };
  const passables = new Set<Passable>();
  const moved = checkPortable(values, nameOf, passables, to);
  return passables.size === 0 ? { values, moved } : { ...packPassed(values), moved };
}

/**
 * Packs a copy of values, to be kept here.
 *
 * @param values The values.
 * @param nameOf What each is called.
 * @returns A copy that nobody else has; what was to be moved is gone from the original.
 * @throws {NotPortableError} When one of them could not travel, with the way to it.
 */
export function packCopy(
  values: readonly unknown[],
  nameOf: (index: number) => string,
): Omit<Packed, "moved"> {
  switch (encodingOf(values)) {
    case "primitives":
      return { values };
    case "text":
      // What is safe as text is the same, in a fifth of the time.
      return { values: JSON.parse(JSON.stringify(values)) };
    case "clone": {
      const { values: packed, passed, moved } = packValues(values, nameOf);
      return { values: structuredClone(packed, { transfer: [...moved] }), passed };
    }
  }
}

/** Takes out of values what is to be passed on. It copies them: there must be some. */
function packPassed(
  values: readonly unknown[],
): { values: readonly unknown[]; passed: readonly PassedOn[] } {
  const packing = new Packing();
  const copy = packing.copy(values);
  return { values: copy as readonly unknown[], passed: packing.passed };
}

class Packing {
  // Those that are asked for last, when all has been looked through, so that nothing is passed on
  // where something cannot be read.
  readonly #passables: Map<Passable, (readonly Step[])[]> = new Map();
  readonly #copies: Map<object, object> = new Map();
  readonly #toFill: { from: object; to: object; path: readonly Step[] }[] = [];

  copy(values: unknown): unknown {
    const copy = this.#copyOf(values, []);
    // Not only those found first: the list grows while it is walked.
    for (const { from, to, path } of this.#toFill) this.#fill(from, to, path);
    return copy;
  }

  get passed(): PassedOn[] {
    return [...this.#passables].map(([passable, paths]) => {
      const { kind, data } = passable[pass]();
      return { kind, data, paths };
    });
  }

  #fill(from: object, to: object, path: readonly Step[]): void {
    let place = 0;
    if (to instanceof Map) {
      for (const [key, part] of from as Map<unknown, unknown>) {
        to.set(this.#copyOf(key, path, place++), this.#copyOf(part, path, place++));
      }
    } else if (to instanceof Set) {
      for (const part of from as Set<unknown>) to.add(this.#copyOf(part, path, place++));
    } else {
      for (const key of Object.keys(from)) {
        define(to, key, this.#copyOf((from as Record<string, unknown>)[key], path, key));
      }
    }
  }

  #copyOf(value: unknown, path: readonly Step[], step?: Step): unknown {
    if (typeof value !== "object" || value === null) return value;
    if (isPassable(value)) return this.#takeOut(value, [...path, step!]);
    const known = this.#copies.get(value);
    if (known !== undefined) return known;
    if (!isContainer(value)) return value;
    const copy = blankOf(value);
    this.#copies.set(value, copy);
    this.#toFill.push({ from: value, to: copy, path: step === undefined ? path : [...path, step] });
    return copy;
  }

  // In its place stands an object, as two of any other thing would be one in a set.
  #takeOut(value: Passable, path: readonly Step[]): object {
    const paths = this.#passables.get(value);
    if (paths === undefined) this.#passables.set(value, [path]);
    else paths.push(path);
    return {};
  }
}

/** Whether the clone algorithm goes into it: all but what has insides of its own, as a date has. */
function isContainer(value: object): boolean {
  if (Array.isArray(value) || value instanceof Map || value instanceof Set) return true;
  return !ArrayBuffer.isView(value) &&
    Object.prototype.toString.call(value) === "[object Object]";
}

function blankOf(value: object): object {
  if (Array.isArray(value)) return new Array(value.length);
  if (value instanceof Map) return new Map();
  if (value instanceof Set) return new Set();
  return {};
}

// Not by assignment, which a key of "__proto__" would turn into something else.
function define(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, {
    value,
    configurable: true,
    enumerable: true,
    writable: true,
  });
}

let load: (kind: string) => Promise<unknown> | undefined = () => undefined;

/** Names who loads the module of a kind of objects, where they are not all loaded from the start. */
export function loadKindsBy(loader: (kind: string) => Promise<unknown> | undefined): void {
  load = loader;
}

/**
 * Loads what is needed to put in what was taken out.
 *
 * @returns `undefined` when all is there, as mostly.
 */
export function loadKinds(kinds: readonly string[]): Promise<unknown> | undefined {
  const missing = kinds.filter((kind) => !isReceivable(kind));
  if (missing.length === 0) return undefined;
  return Promise.all(missing.map((kind) => load(kind)));
}

/** As {@linkcode loadKinds}, of what was taken out. */
export function loadPassed(passed: readonly Passed[]): Promise<unknown> | undefined {
  return loadKinds(passed.map(({ kind }) => kind));
}

/** Whether it can be what was taken out: whoever has sent it may have sent anything. */
export function arePassed(passed: unknown): passed is readonly PassedOn[] | undefined {
  return passed === undefined || Array.isArray(passed) && passed.every(isPassedOn);
}

function isPassedOn(one: Partial<PassedOn> | null | undefined): boolean {
  return typeof one?.kind === "string" && Array.isArray(one.paths) && one.paths.every(isPath);
}

function isPath(path: unknown): boolean {
  return Array.isArray(path) &&
    path.every((step) => typeof step === "string" || typeof step === "number");
}

/**
 * Puts in again what was taken out of values: in place, as they are a copy already.
 *
 * @throws {NotPortableError} When there is no object of that kind here.
 * @throws {MalformedError} When nothing can have been taken out where one of them was.
 */
export function unpackPassed(values: readonly unknown[], passed: readonly PassedOn[]): void {
  for (const { kind } of passed) {
    if (isReceivable(kind)) continue;
    throw new NotPortableError(
      `Cannot receive a ${kind} as nothing here knows what that is. Use the same release of Grove on both sides`,
    );
  }
  const unpacking = new Unpacking(values);
  // All places are found first: no path leads into an object that somebody here has.
  const places = passed.map(({ paths }) => paths.map((path) => unpacking.placeAt(path)));
  for (const [i, one] of passed.entries()) {
    const object = received(one);
    for (const { parts, step } of places[i]) define(parts, `${step}`, object);
  }
  unpacking.refill();
}

/**
 * Does all of that: loads, if need be, and puts in.
 *
 * @returns The values; a promise of them where something has to be loaded first.
 * @throws {NotPortableError} When there is no object of a kind here.
 * @throws {MalformedError} When nobody can have taken that out of the values.
 */
export function unpackValues(
  values: readonly unknown[],
  passed: readonly PassedOn[] | undefined,
): readonly unknown[] | Promise<readonly unknown[]> {
  if (passed === undefined) return values;
  if (!arePassed(passed)) throw malformed("it is no list of such");
  const unpack = () => {
    unpackPassed(values, passed);
    return values;
  };
  return loadPassed(passed)?.then(unpack) ?? unpack();
}

/**
 * Deals with what was passed on and does not arrive, as what it was part of is thrown away: nobody
 * is to wait for it.
 *
 * @throws {MalformedError} When it is nothing that was passed on.
 */
export function dropPassed(passed: readonly PassedOn[] | undefined): void {
  if (!arePassed(passed)) throw malformed("it is no list of such");
  for (const one of passed ?? []) {
    // What nobody here has heard of was not made here, and its module has not been needed yet.
    const loading = loadKinds([one.kind]);
    if (loading === undefined) drop(one);
    else loading.then(() => drop(one), () => {});
  }
}

function drop(one: Passed): void {
  try {
    dropped(one);
  } catch (error) {
    // It stands for nothing: there is nobody who waits for it.
    if (!(error instanceof MalformedError)) throw error;
  }
}

/** Where an object is put in. */
interface Place {
  readonly parts: object;
  readonly step: Step;
}

class Unpacking {
  readonly #values: unknown;
  // What is in maps and sets, which are filled anew at the end: one may become smaller, when two
  // that stood for the same object are that object again.
  readonly #contents: Map<Map<unknown, unknown> | Set<unknown>, unknown[]> = new Map();

  constructor(values: unknown) {
    this.#values = values;
  }

  placeAt(path: readonly Step[]): Place {
    if (path.length === 0) throw malformed("one of them was nowhere");
    let parts = this.#partsOf(this.#values);
    const last = path.length - 1;
    for (let i = 0; i < last; i++) parts = this.#partsOf(partAt(parts, path[i]));
    const step = path[last];
    partAt(parts, step);
    return { parts, step };
  }

  refill(): void {
    for (const [container, parts] of this.#contents) {
      container.clear();
      if (container instanceof Set) { for (const part of parts) container.add(part); }
      else for (let i = 0; i < parts.length; i += 2) container.set(parts[i], parts[i + 1]);
    }
  }

  #partsOf(container: unknown): object {
    if (typeof container !== "object" || container === null || !isContainer(container)) {
      throw malformed("one of them was in what has no parts");
    }
    if (!(container instanceof Map || container instanceof Set)) return container;
    let parts = this.#contents.get(container);
    if (parts === undefined) {
      parts = container instanceof Map ? [...container].flat() : [...container];
      this.#contents.set(container, parts);
    }
    return parts;
  }
}

// Nothing but its own: by "constructor" or "__proto__" a path would lead to what all objects share.
function partAt(parts: object, step: Step): unknown {
  if (!Object.hasOwn(parts, step) || Array.isArray(parts) && step === "length") {
    throw malformed(`one of them was at "${step}", where there is nothing`);
  }
  return (parts as Record<Step, unknown>)[step];
}

function malformed(why: string): MalformedError {
  return new MalformedError("what was passed on with a message", why);
}
