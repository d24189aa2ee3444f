/**
 * Compares two values as nobody can tell them apart: classes, all properties with their attributes and in their order, what is
 * inside, and which objects are the same.
 *
 * @module
 */

type Way = string;

/** Where two values differ, with the way there; `undefined` where they do not. */
export function difference(a: unknown, b: unknown): Way | undefined {
  return compare(a, b, "value", new Map(), new Map());
}

function compare(
  a: unknown,
  b: unknown,
  way: Way,
  known: Map<unknown, unknown>,
  inverse: Map<unknown, unknown>,
): Way | undefined {
  if (typeof a !== "object" || a === null || typeof b !== "object" || b === null) {
    return Object.is(a, b) ? undefined : way;
  }
  if (known.has(a) || inverse.has(b)) {
    return known.get(a) === b && inverse.get(b) === a ? undefined : `${way}: not the same object`;
  }
  known.set(a, b);
  inverse.set(b, a);
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return `${way}: prototype`;
  const more = (a: unknown, b: unknown, step: string) =>
    compare(a, b, `${way} ${step}`, known, inverse);
  return inside(a, b, way, more) ?? properties(a, b, way, more);
}

type More = (a: unknown, b: unknown, step: string) => Way | undefined;

function inside(a: object, b: object, way: Way, more: More): Way | undefined {
  if (Array.isArray(a) !== Array.isArray(b)) return `${way}: a list`;
  if (a instanceof Map) {
    return all([...a].flatMap(apart), [...b as typeof a].flatMap(apart), more, "part");
  }
  if (a instanceof Set) return all([...a], [...b as typeof a], more, "part");
  if (a instanceof Date) return more(a.getTime(), (b as Date).getTime(), "time");
  if (a instanceof RegExp) return more(`${a}`, `${b}`, "text");
  if (a instanceof Error) {
    // Deno gives each error an accessor, which is another function each time.
    return more(a.stack, (b as Error).stack, "stack") ?? more(`${a}`, `${b}`, "text");
  }
  if (a instanceof ArrayBuffer) {
    const other = b as ArrayBuffer;
    return more(a.resizable, other.resizable, "resizable") ??
      more(a.maxByteLength, other.maxByteLength, "maxByteLength") ??
      all([...new Uint8Array(a)], [...new Uint8Array(other)], more, "byte");
  }
  if (ArrayBuffer.isView(a)) {
    const other = b as DataView;
    return more(a.byteOffset, other.byteOffset, "offset") ??
      more(a.byteLength, other.byteLength, "length") ?? more(a.buffer, other.buffer, "buffer");
  }
  if ([Boolean, Number, String, BigInt].some((Box) => a instanceof Box)) {
    return more(a.valueOf(), b.valueOf(), "primitive");
  }
  return undefined;
}

function properties(a: object, b: object, way: Way, more: More): Way | undefined {
  if (ArrayBuffer.isView(a)) return undefined;
  const keys = keysOf(a);
  const others = keysOf(b);
  if (keys.length !== others.length || keys.some((key, i) => key !== others[i])) {
    return `${way}: keys ${keys.map(String)} and ${others.map(String)}`;
  }
  for (const key of keys) {
    const { value, ...rest } = Object.getOwnPropertyDescriptor(a, key)!;
    const { value: other, ...others } = Object.getOwnPropertyDescriptor(b, key)!;
    const found = more(value, other, `.${String(key)}`) ??
      more(JSON.stringify(rest), JSON.stringify(others), `attributes of ${String(key)}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

function keysOf(object: object): PropertyKey[] {
  const keys = Reflect.ownKeys(object);
  if (!(object instanceof Error)) return keys;
  // A DOMException has marks of the platform.
  return keys.filter((key) => key !== "stack" && typeof key === "string");
}

// Not by `flat`, which would go into a key that is a list.
function apart([key, value]: [unknown, unknown]): unknown[] {
  return [key, value];
}

function all(a: unknown[], b: unknown[], more: More, what: string): Way | undefined {
  if (a.length !== b.length) return more(a.length, b.length, `number of each ${what}`);
  for (const [i, part] of a.entries()) {
    const found = more(part, b[i], `${what} ${i}`);
    if (found !== undefined) return found;
  }
  return undefined;
}
