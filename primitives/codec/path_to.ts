/**
 * The way to an object in a value, as a program would write it.
 *
 * @module
 */

import { show } from "../kernel/check.ts";

/**
 * The shortest way to something that is in a value.
 *
 * @param sought What is in the value, or the value itself.
 * @param value The value.
 * @param name What the value is called.
 * @returns Such as `name[0].key`; the name alone where it is not found any more.
 */
export function pathTo(sought: unknown, value: unknown, name: string): string {
  const paths = new Map<unknown, string>([[value, name]]);
  // Not only those found first: the map grows while it is walked.
  for (const [object, path] of paths) {
    if (object === sought) return path;
    if (typeof object !== "object" || object === null) continue;
    for (const [part, way] of partsOf(object, path)) if (!paths.has(part)) paths.set(part, way);
  }
  return name;
}

function* partsOf(object: object, path: string): Iterable<[part: unknown, path: string]> {
  if (ArrayBuffer.isView(object)) yield [object.buffer, `${path}.buffer`];
  else if (object instanceof Map) {
    for (const [key, part] of object) {
      yield [key, `a key of ${path}`];
      yield [part, `${path}.get(${show(key)})`];
    }
  } else if (object instanceof Set) {
    for (const part of object) yield [part, `an element of ${path}`];
  } else {
    const isList = Array.isArray(object);
    for (const [key, part] of Object.entries(object)) {
      yield [part, isList ? `${path}[${key}]` : `${path}.${key}`];
    }
    if (object instanceof Error) yield [object.cause, `${path}.cause`];
  }
}
