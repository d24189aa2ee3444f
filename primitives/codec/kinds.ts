/**
 * What the structured clone algorithm takes an object for. It looks at what an object is inside and
 * not at its class; a program cannot, but each kind has a method that throws for all others.
 *
 * @module
 */

import { enqueue } from "../kernel/wait.ts";

/** What an object is cloned as. */
export type CloneKind =
  | "Record"
  | "Map"
  | "Set"
  | "Date"
  | "RegExp"
  | "Boolean"
  | "Number"
  | "String"
  | "BigInt"
  | "Error"
  | "DOMException"
  | "Buffer";

type Probe = (this: unknown) => unknown;

function getter(object: object, key: string): Probe {
  return Object.getOwnPropertyDescriptor(object, key)!.get!;
}

// By what `toString` says. It believes what objects say of themselves, so each is asked for a proof.
const PROBES: ReadonlyMap<string, readonly [CloneKind, Probe]> = new Map([
  ["[object Map]", ["Map", getter(Map.prototype, "size")]],
  ["[object Set]", ["Set", getter(Set.prototype, "size")]],
  ["[object Date]", ["Date", Date.prototype.getTime]],
  ["[object RegExp]", ["RegExp", getter(RegExp.prototype, "hasIndices")]],
  ["[object ArrayBuffer]", ["Buffer", getter(ArrayBuffer.prototype, "byteLength")]],
  ["[object Boolean]", ["Boolean", Boolean.prototype.valueOf]],
  ["[object Number]", ["Number", Number.prototype.valueOf]],
  ["[object String]", ["String", String.prototype.valueOf]],
  ["[object BigInt]", ["BigInt", BigInt.prototype.valueOf]],
  ["[object Error]", ["Error", proveError]],
]);

// Not all platforms can tell an error of another realm.
function proveError(this: unknown): void {
  if (!(Error.isError?.(this) ?? this instanceof Error)) throw new TypeError();
}

const { toString } = Object.prototype;

/**
 * What an object is cloned as, that is no list, no view and no plain object.
 *
 * @returns `undefined` when it cannot be cloned, or can but what comes out of it is of no use.
 */
export function kindOf(value: object): CloneKind | undefined {
  if (enqueue in value) return undefined;
  const tag = toString.call(value);
  return tag === "[object Object]" ? "Record" : probed(value, tag) ?? asked(value);
}

function probed(value: object, tag: string): CloneKind | undefined {
  const entry = PROBES.get(tag);
  if (entry === undefined) return undefined;
  const [kind, probe] = entry;
  try {
    probe.call(value);
    return kind;
  } catch {
    // It only says so.
    return undefined;
  }
}

// Nothing else tells the insides of a promise, a port or a generator apart from those of a class
// that has a tag of its own.
function asked(value: object): CloneKind | undefined {
  if (value instanceof AbortSignal) return undefined;
  if (value instanceof DOMException) return "DOMException";
  try {
    const clone = structuredClone(value);
    if (Object.getPrototypeOf(clone) === Object.prototype) return "Record";
    return probed(value, toString.call(clone));
  } catch {
    return undefined;
  }
}
