/**
 * What may travel, and how. Threads take what the structured clone algorithm takes; but text is
 * several times as fast in bulk, for values that JSON gives back as they were. It does not do so
 * with `undefined`, `NaN`, `-0`, `bigint`, dates, maps, holes, and objects that occur twice.
 *
 * @module
 */

import { show } from "../primitives/kernel/check.ts";
import { pathTo } from "../primitives/codec/path_to.ts";
import { isPassable, type Passable } from "../primitives/kernel/passing.ts";
import { enqueue } from "../primitives/kernel/wait.ts";
import { NotPortableError } from "./errors.ts";
import { transferOf } from "./transfer.ts";

/** How a value travels. */
export type Encoding = "primitives" | "text" | "clone";

// More than this is not worth looking at: the clone costs less than the look.
const MOST_VALUES = 256;
const MOST_OBJECTS = 16;

// Nor can a text be of any length, and a message has many of these.
const LONGEST_STRING = 65_536;

/**
 * How a list of values can travel: "primitives" as text, whatever happens; "text" as text while
 * nobody changes them; "clone" only by the structured clone algorithm, if at all.
 */
export function encodingOf(values: readonly unknown[]): Encoding {
  for (const value of values) {
    if (!isSafePrimitive(value)) return isSafe(values) ? "text" : "clone";
  }
  return "primitives";
}

function isSafePrimitive(value: unknown): boolean {
  switch (typeof value) {
    case "number":
      return Number.isFinite(value) && !Object.is(value, -0);
    case "string":
      return value.length <= LONGEST_STRING;
    case "boolean":
      return true;
    default:
      return value === null;
  }
}

/** Whether JSON gives a value back as it is. */
export function isSafe(value: unknown): boolean {
  if (isSafePrimitive(value)) return true;
  if (typeof value !== "object") return false;
  const objects = [value as object];
  let left = MOST_VALUES;
  // Not only those found first: the list grows while it is walked.
  for (const object of objects) {
    const isList = Array.isArray(object);
    // Before its keys are made, of which a list of bytes has as many as bytes.
    if (isList ? object.length > left : !isPlain(object)) return false;
    const keys = Object.keys(object);
    if (isList && !isWhole(object, keys)) return false;
    if ((left -= keys.length) < 0) return false;
    for (const key of keys) {
      const part = (object as Record<string, unknown>)[key];
      if (isSafePrimitive(part)) continue;
      if (typeof part !== "object" || objects.includes(part!)) return false;
      if (objects.push(part!) > MOST_OBJECTS) return false;
    }
  }
  return true;
}

function isWhole(list: readonly unknown[], keys: readonly string[]): boolean {
  const { length } = list;
  // The last key too: those that are no index come after those that are, and count for a hole.
  return keys.length === length && (length === 0 || keys[length - 1] === `${length - 1}`) &&
    !("toJSON" in list);
}

function isPlain(object: object): boolean {
  const prototype = Object.getPrototypeOf(object);
  return (prototype === Object.prototype || prototype === null) && !("toJSON" in object) &&
    transferOf(object) === undefined;
}

/**
 * Looks through values that are to be cloned.
 *
 * @param values The values.
 * @param nameOf What each is called.
 * @param passables Gets those that are to be passed on. Where it is left out they are refused.
 * @param to Where they go.
 * @returns What of them is to be moved.
 * @throws {NotPortableError} When one cannot be cloned, with the way to it.
 */
export function checkPortable(
  values: readonly unknown[],
  nameOf: (index: number) => string,
  passables?: Set<Passable>,
  to: Destination = "thread",
): Transferable[] {
  const moved = new Set<unknown>();
  const seen = new Set<unknown>();
  const toSee = values.filter(isOfInterest);
  const doubtful: unknown[] = [];
  // Not only those found first: the list grows while it is walked.
  for (const value of toSee) {
    if (seen.has(value)) continue;
    seen.add(value);
    for (const buffer of transferOf(value as object) ?? []) moved.add(buffer);
    if (passables !== undefined && typeof value === "object" && isPassable(value!)) {
      passables.add(value);
    } else if (isDoubtful(value)) doubtful.push(value);
    else for (const part of partsOf(value as object)) if (isOfInterest(part)) toSee.push(part);
  }
  // Only now, as what is to be moved may be named after it was met.
  const refused = doubtful.find((value) => !moved.has(value) && !isCloneable(value));
  // The way there is looked for only where it is needed: it takes several times as long as the clone.
  if (refused !== undefined) {
    throw refusal(refused, named(pathTo(refused, values, ""), nameOf), to);
  }
  return [...moved] as Transferable[];
}

/** Whether a value may not be clonable, or have parts that are not. */
function isOfInterest(value: unknown): boolean {
  const type = typeof value;
  return type === "object" ? value !== null : type === "function" || type === "symbol";
}

/** Whether only the platform knows if it can be cloned, and not its parts. */
function isDoubtful(value: unknown): boolean {
  if (typeof value !== "object") return true;
  if (ArrayBuffer.isView(value) || Array.isArray(value) || isRecord(value!)) return false;
  if (value instanceof Map || value instanceof Set || value instanceof ArrayBuffer) return false;
  return enqueue in value! || isPassable(value!) ||
    Object.prototype.toString.call(value) !== "[object Object]";
}

function* partsOf(value: object): Iterable<unknown> {
  if (ArrayBuffer.isView(value)) return;
  if (value instanceof Map) {
    for (const entry of value) yield* entry;
  } else if (Array.isArray(value) || value instanceof Set) yield* value;
  else for (const key of Object.keys(value)) yield (value as Record<string, unknown>)[key];
}

function isRecord(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

// Nothing else tells the insides of a promise, a port or a generator apart from those of a date.
function isCloneable(value: unknown): boolean {
  // They can, but what comes out of it is of no use.
  if (value instanceof AbortSignal || isMovable(value)) return false;
  if (typeof value === "object" && (enqueue in value! || isPassable(value!))) return false;
  try {
    structuredClone(value);
    return true;
  } catch {
    return false;
  }
}

function isMovable(value: unknown): boolean {
  return value instanceof MessagePort || value instanceof ReadableStream;
}

/** Whether there is memory in a clone that threads share. */
export function holdsSharedMemory(clone: unknown): boolean {
  const toSee = new Set([clone]);
  // Not only what was found first: the set grows while it is walked.
  for (const value of toSee) {
    if (value instanceof SharedArrayBuffer) return true;
    if (typeof value !== "object" || value === null) continue;
    if (ArrayBuffer.isView(value)) toSee.add(value.buffer);
    else for (const part of partsOf(value)) toSee.add(part);
    if (value instanceof Error) toSee.add(value.cause);
  }
  return false;
}

/** A way into a list of values, with the one that it begins at called by its name. */
export function named(path: string, nameOf: (index: number) => string): string {
  return path.replace(/\[(\d+)\]/, (_, index) => nameOf(Number(index)));
}

/** Where values go. */
export type Destination = "thread" | "process" | "machine";

/** The error for what cannot travel. */
export function refusal(value: unknown, path: string, to: Destination): NotPortableError {
  return new NotPortableError(
    `Cannot send ${path} to another ${to} as it is ${show(value)}. ${cureFor(value, to)}`,
  );
}

/** The error for an object that lives in memory that threads share. */
export function sharedRefusal(kind: string, path: string): NotPortableError {
  return new NotPortableError(
    `Cannot send ${path} to another process as it is a ${kind}. ${NO_SHARED_MEMORY}`,
  );
}

const NO_SHARED_MEMORY =
  "Processes share no memory. Send a copy, a ProcessQueue or what a Manager hosts, or use a WorkerPool";

function cureFor(value: unknown, to: Destination): string {
  if (to === "process" && value instanceof SharedArrayBuffer) return NO_SHARED_MEMORY;
  if (typeof value === "function") return "Send data; the function that is called can be portable";
  if (value instanceof AbortSignal) {
    return "The job has a signal of its own: currentTask().signal aborts when the job is cancelled";
  }
  if (to === "thread" && isMovable(value)) {
    return "Move it with transfer(value, [value])";
  }
  return "Send data, and let the job make from it what it needs";
}
