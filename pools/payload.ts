/**
 * What may travel, and how. Threads take what the structured clone algorithm takes; but text is
 * several times as fast in bulk, for values that JSON gives back as they were. It does not do so
 * with `undefined`, `NaN`, `-0`, `bigint`, dates, maps, holes, and objects that occur twice.
 *
 * @module
 */

import { show } from "../primitives/kernel/check.ts";
import { enqueue } from "../primitives/kernel/wait.ts";
import { NotPortableError } from "./errors.ts";
import { transferOf } from "./transfer.ts";

/** How a value travels. */
export type Encoding = "primitives" | "text" | "clone";

// More than this is not worth looking at: the clone costs less than the look.
const MOST_VALUES = 256;
const MOST_OBJECTS = 16;

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
    const keys = Object.keys(object);
    const isList = Array.isArray(object);
    if (isList ? !isWhole(object, keys) : !isPlain(object)) return false;
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
 * @returns What of them is to be moved.
 * @throws {NotPortableError} When one cannot be cloned, with the way to it.
 */
export function checkPortable(
  values: readonly unknown[],
  nameOf: (index: number) => string,
): Transferable[] {
  const moved: Transferable[] = [];
  const seen = new Set<unknown>();
  const visit = (value: unknown, path: string): void => {
    if (typeof value === "function" || typeof value === "symbol") refuse(value, path);
    if (typeof value !== "object" || value === null || seen.has(value)) return;
    seen.add(value);
    for (const buffer of transferOf(value) ?? []) {
      if (seen.has(buffer) && buffer !== value) continue;
      seen.add(buffer);
      moved.push(buffer);
    }
    if (moved.includes(value as Transferable) || ArrayBuffer.isView(value)) return;
    if (value instanceof AbortSignal || isMovable(value) || enqueue in value) refuse(value, path);
    if (Array.isArray(value)) {
      for (let i = 0; i < value.length; i++) visit(value[i], `${path}[${i}]`);
    } else if (value instanceof Map) {
      for (const [key, part] of value) {
        visit(key, `a key of ${path}`);
        visit(part, `${path}.get(${show(key)})`);
      }
    } else if (value instanceof Set) {
      for (const part of value) visit(part, `an element of ${path}`);
    } else {
      if (!isRecord(value) && !isCloneable(value)) {
        visitParts(value, path);
        refuse(value, path);
      }
      visitParts(value, path);
    }
  };
  const visitParts = (value: object, path: string): void => {
    for (const key of Object.keys(value)) {
      visit((value as Record<string, unknown>)[key], `${path}.${key}`);
    }
  };
  values.forEach((value, i) => visit(value, nameOf(i)));
  return moved;
}

function isMovable(value: unknown): boolean {
  return value instanceof MessagePort || value instanceof ReadableStream;
}

function isRecord(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

// Only the platform knows: nothing tells a promise's, a port's or a generator's insides apart.
function isCloneable(value: object): boolean {
  try {
    structuredClone(value);
    return true;
  } catch {
    return false;
  }
}

function refuse(value: unknown, path: string): never {
  throw new NotPortableError(
    `Cannot send ${path} to another thread as it is ${show(value)}. ${cureFor(value)}`,
  );
}

function cureFor(value: unknown): string {
  if (typeof value === "function") return "Send data; the function that is called can be portable";
  if (value instanceof AbortSignal) {
    return "The job has a signal of its own: currentTask().signal aborts when the job is cancelled";
  }
  if (isMovable(value)) {
    return "Move it with transfer(value, [value])";
  }
  return "Send data, and let the job make from it what it needs";
}
