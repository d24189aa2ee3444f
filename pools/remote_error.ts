/**
 * Errors on their way from one side to the other. The clone algorithm would lose an error's class,
 * name and fields, and the errors in an `AggregateError`; so they travel as plain data.
 *
 * @module
 */

import { DeadlockError } from "../primitives/kernel/deadlock.ts";
import {
  BrokenResourceError,
  ClosedError,
  suppress,
  suppressedErrors,
  TimeoutError,
} from "../primitives/kernel/errors.ts";
import { QueueEmpty, QueueFull, QueueShutDown } from "../primitives/queue_errors.ts";
import { holdsSharedMemory } from "./payload.ts";
import { NotPortableError, OverloadedError, RemoteError, WorkerCrashedError } from "./errors.ts";

/** An error as data that can be cloned. */
export interface ErrorData {
  /** The name of the nearest class that both sides know; "" for what was thrown and is no error. */
  readonly class: string;
  readonly name: string;
  readonly message: string;
  readonly stack: string;
  /** Its own fields, those that can be cloned. */
  readonly fields: readonly [key: string, value: unknown][];
  readonly cause?: ErrorData | undefined;
  readonly errors?: readonly ErrorData[] | undefined;
  /** Of a `SuppressedError`: what was thrown last, and what that has hidden. */
  readonly pair?: { readonly error: ErrorData; readonly suppressed: ErrorData } | undefined;
  /** The failures that came after it, in the group that threw it. */
  readonly later?: readonly ErrorData[] | undefined;
  /** What was thrown, where it is no error. */
  readonly value?: unknown;
}

type ErrorClass = { readonly name: string; readonly prototype: Error };

const CLASSES: readonly ErrorClass[] = [
  RangeError,
  TypeError,
  SyntaxError,
  ReferenceError,
  URIError,
  EvalError,
  AggregateError,
  BrokenResourceError,
  ClosedError,
  DeadlockError,
  TimeoutError,
  QueueEmpty,
  QueueFull,
  QueueShutDown,
  NotPortableError,
  OverloadedError,
  WorkerCrashedError,
  RemoteError,
  ...(typeof SuppressedError === "undefined" ? [] : [SuppressedError]),
  ...Object.values(((globalThis as { Deno?: typeof Deno }).Deno?.errors ?? {}) as object),
];

// By name and not by `constructor.name`, which a minifier shortens in the same way on both sides,
// but a subclass may not have.
const known = new Map<string, ErrorClass>([Error, ...CLASSES].map((known) => [known.name, known]));

const PLAIN = new Set(["name", "message", "stack", "cause", "errors"]);

// A chain of causes can be endless, where a getter makes them.
const DEEPEST = 100;

/** Makes data of whatever was thrown. An error that occurs twice in it, does so in the data too. */
export function encodeError(thrown: unknown): ErrorData {
  return encode(thrown, 0, new Map());
}

function encode(thrown: unknown, depth: number, seen: Map<unknown, ErrorData>): ErrorData {
  if (!isError(thrown)) return encodeOther(thrown);
  const known = seen.get(thrown);
  if (known !== undefined) return known;
  if (depth > DEEPEST) return encodeOther(undefined);
  try {
    const data: { -readonly [Key in keyof ErrorData]: ErrorData[Key] } = {
      class: classOf(thrown),
      name: String(thrown.name),
      message: String(thrown.message),
      stack: String(thrown.stack ?? ""),
      fields: fieldsOf(thrown),
    };
    seen.set(thrown, data);
    const part = (error: unknown) => encode(error, depth + 1, seen);
    if ("cause" in thrown) data.cause = part(thrown.cause);
    const { errors, error, suppressed } = thrown as AggregateError & SuppressedError;
    if (Array.isArray(errors)) data.errors = errors.map(part);
    const later = suppressedErrors(thrown);
    if (later.length > 0) data.later = later.map(part);
    if (data.class === "SuppressedError") {
      data.pair = { error: part(error), suppressed: part(suppressed) };
    }
    return data;
  } catch (error) {
    // A getter of it has thrown.
    return encodeUnknown(`What was thrown is an error that cannot be read: ${textOf(error)}`);
  }
}

/** Makes of data what was thrown. */
export function decodeError(data: ErrorData, where: string): unknown {
  return decode(data, where, new Map());
}

function decode(data: ErrorData, where: string, seen: Map<ErrorData, unknown>): unknown {
  if (data.class === "") return data.value;
  const known = seen.get(data);
  if (known !== undefined) return known;
  const error = blank(data);
  seen.set(data, error);
  const part = (data: ErrorData) => decode(data, where, seen);
  hide(error, "stack", `${data.stack}\n    in ${where}`);
  if (error.name !== data.name) hide(error, "name", data.name);
  if (data.cause !== undefined) hide(error, "cause", part(data.cause));
  if (data.errors !== undefined) hide(error, "errors", data.errors.map(part));
  for (const later of data.later ?? []) suppress(error, part(later));
  if (data.pair !== undefined) {
    hide(error, "error", part(data.pair.error));
    hide(error, "suppressed", part(data.pair.suppressed));
  }
  for (const [key, value] of data.fields) {
    // A field that its class has as a getter is not to be set.
    if (!(key in error) || Object.hasOwn(error, key)) {
      Object.defineProperty(error, key, {
        value,
        configurable: true,
        enumerable: true,
        writable: true,
      });
    }
  }
  return error;
}

function isError(value: unknown): value is Error {
  try {
    return value instanceof Error;
  } catch {
    return false;
  }
}

function encodeOther(thrown: unknown): ErrorData {
  try {
    const value = copyOf(thrown);
    return { class: "", name: "", message: "", stack: "", fields: [], value };
  } catch {
    return encodeUnknown(
      `What was thrown cannot be sent from there, and is no error: ${textOf(thrown)}`,
    );
  }
}

function encodeUnknown(message: string): ErrorData {
  const name = "RemoteError";
  return { class: name, name, message, stack: `${name}: ${message}`, fields: [] };
}

function textOf(value: unknown): string {
  try {
    return String(value);
  } catch {
    return "an object";
  }
}

// The nearest of its classes that the other side has. Where that is `Error` itself, the error's own
// class is one that nobody knows there.
function classOf(error: Error): string {
  if (error instanceof DOMException) return "DOMException";
  for (let proto = Object.getPrototypeOf(error); proto !== null;) {
    const name = proto.constructor?.name;
    if (known.get(name)?.prototype === proto) {
      return name === "Error" && Object.getPrototypeOf(error) !== proto ? "RemoteError" : name;
    }
    proto = Object.getPrototypeOf(proto);
  }
  return "RemoteError";
}

// Nobody knows here how far it goes, and memory that threads share goes to no process.
function copyOf(value: unknown): unknown {
  const copy = structuredClone(value);
  if (holdsSharedMemory(copy)) throw new TypeError("It has memory that threads share");
  return copy;
}

function fieldsOf(error: Error): [string, unknown][] {
  const fields: [string, unknown][] = [];
  for (const key of Object.keys(error)) {
    if (PLAIN.has(key)) continue;
    try {
      fields.push([key, copyOf((error as unknown as Record<string, unknown>)[key])]);
    } catch {
      // It cannot travel: the rest of the error can.
    }
  }
  return fields;
}

function blank({ class: className, message, name }: ErrorData): Error {
  if (className === "DOMException") return new DOMException(message, name);
  const { prototype } = known.get(className) ?? RemoteError;
  // Not by its constructor, whose arguments nobody knows here.
  const error = new Error(message);
  return Object.setPrototypeOf(error, prototype);
}

function hide(error: Error, key: string, value: unknown): void {
  Object.defineProperty(error, key, { value, configurable: true, writable: true });
}
