/**
 * Values of every kind that the codec knows, and values made of such at random.
 *
 * @module
 */

import * as fc from "fast-check";

class Point {
  x = 1;
  #y = 2;
  get sum(): number {
    return this.x + this.#y;
  }
}

class Tagged {
  at = new Date(1);
  get [Symbol.toStringTag](): string {
    return "Tagged";
  }
}

class TaggedMap extends Map<unknown, unknown> {
  override get [Symbol.toStringTag](): string {
    return "Anything";
  }
}

class OwnError extends RangeError {
  extra = 1;
  override name = "OwnError";
}

function withHole(length: number, keys: object = {}): unknown[] {
  const list: unknown[] = new Array(length);
  if (length > 1) list[1] = "one";
  return Object.assign(list, keys);
}

function circle(): unknown[] {
  const map = new Map();
  const set = new Set();
  const error = new Error("circle");
  const list: unknown[] = [map, set, { error }, map];
  map.set(list, set);
  set.add(map).add(list).add(error);
  error.cause = list;
  return list;
}

function resizable(length: number, maxByteLength: number): ArrayBuffer {
  const buffer = new ArrayBuffer(length, { maxByteLength });
  new Uint8Array(buffer).fill(7);
  return buffer;
}

function views(): unknown[] {
  const { buffer } = Uint8Array.from({ length: 64 }, (_, i) => i * 5);
  return [
    new DataView(buffer, 3, 5),
    new Uint8Array(buffer, 1, 2),
    new Uint8ClampedArray(buffer, 1, 0),
    new Int8Array(buffer),
    new Uint16Array(buffer, 2, 3),
    new Int16Array(buffer, 4),
    new Uint32Array(buffer, 8, 2),
    new Int32Array(buffer, 8),
    new Float16Array(buffer, 10, 3),
    new Float32Array(buffer, 8, 2),
    new Float64Array(buffer, 16, 3),
    new BigUint64Array(buffer, 24, 2),
    new BigInt64Array(buffer),
    buffer,
  ];
}

function error(change: (error: Error) => void): Error {
  const error = new Error("changed");
  change(error);
  return error;
}

function nested(depth: number): unknown {
  let value: unknown = "innermost";
  for (let i = 0; i < depth; i++) value = { value };
  return value;
}

function numbers(): number[] {
  const powers = Array.from({ length: 70 }, (_, n) => 2 ** n);
  return [...powers, ...powers.map((n) => n - 1), ...powers.map((n) => -n), 0.1, 5e-324];
}

/** Each kind of value, by name. */
export const SAMPLES: Readonly<Record<string, unknown>> = {
  undefined: undefined,
  null: null,
  true: true,
  false: false,
  "minus zero": -0,
  NaN: NaN,
  infinities: [Infinity, -Infinity],
  numbers: numbers(),
  bigints: [
    0n,
    1n,
    -1n,
    2n ** 63n - 1n,
    2n ** 63n,
    -(2n ** 63n),
    -(2n ** 63n) - 1n,
    3n ** 500n,
    -(3n ** 500n),
  ],
  "strings of all lengths": Array.from({ length: 300 }, (_, length) => "é".repeat(length)),
  "strings of all kinds": [
    "",
    "latin",
    "\u00ff",
    "€",
    "😀",
    "\ufeff",
    "\0",
    "x".repeat(5000),
    "€".repeat(5000),
  ],
  "halves of pairs": ["\ud83d", "\ude00", "\ude00\ud83d", "\ud83d".repeat(300), "x"],
  "halves that are a pair when they meet": ["\ud83d", "\ude00"],
  "many halves of pairs": Array.from(
    { length: 20_000 },
    (_, i) => String.fromCharCode(i % 500 + 0xd800),
  ).join(""),
  "a mark at the beginning of a long string": "\ufeff".repeat(300),
  "more strings than one text has": Array.from({ length: 2000 }, (_, i) => `string ${i}`),
  "a plain object": { a: 1, b: "two", c: [3], d: { e: null } },
  "keys in an order": { z: 1, 10: 2, a: 3, 2: 4, "-1": 5, "": 6, "€": 7, length: 8 },
  "keys that are something": JSON.parse('{"__proto__":{"x":1},"constructor":1,"toString":2}'),
  "a long key": { ["k".repeat(100)]: 1, ["k".repeat(1000)]: { ["k".repeat(100)]: 2 } },
  "keys again after a long one": [{ ["k".repeat(100)]: 1, a: 2, b: 3 }, { a: 4, b: 5 }],
  "more keys than a byte counts, again": Array.from(
    { length: 2 },
    () => Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`key ${i}`, i])),
  ),
  "many keys, again": Array.from(
    { length: 2 },
    () => Object.fromEntries(Array.from({ length: 1500 }, (_, i) => [`key ${i}`, i])),
  ),
  "no prototype": Object.assign(Object.create(null), { a: 1 }),
  "an instance": new Point(),
  "an instance with a tag": [new Tagged()],
  "an inherited property": Object.create({ inherited: 1 }, { own: { value: 2, enumerable: true } }),
  "hidden properties": Object.defineProperty({ [Symbol("s")]: () => {}, a: 1 }, "hidden", {
    value: () => {},
  }),
  "a getter": {
    get a() {
      return [1];
    },
  },
  "a getter that takes away": {
    get a() {
      delete (this as { b?: number }).b;
      return 1;
    },
    b: 2,
  },
  "what only says what it is": [
    { [Symbol.toStringTag]: "Date" },
    Object.create(Map.prototype),
    Object.create({ [Symbol.toStringTag]: "Date" }),
  ],
  lists: [[], [[]], [undefined], [1, "a", null]],
  "a hole": withHole(3),
  "a hole at the end": withHole(5),
  "only holes": new Array(7),
  "keys of a list": withHole(2, { k: 1, "-1": 2, "01": 3, "1.5": 4 }),
  "keys of a list in place of holes": withHole(4, { a: 1, b: 2, c: 3 }),
  "the result of a match": "abc".match(/(?<letter>b)/),
  "a sparse list": withHole(100_000, { 5000: "far", k: {} }),
  "the longest list": withHole(2 ** 32 - 1),
  "a list that is nearly sparse": withHole(1100),
  "a list of another class": class extends Array {}.from([1, 2]),
  map: new Map<unknown, unknown>([[1, 2], ["a", new Map()], [{ k: 1 }, undefined], [NaN, -0]]),
  set: new Set<unknown>([1, "a", {}, new Set([undefined])]),
  "a map of another class": new (class extends Map<number, number> {})([[1, 2]]),
  "a map with a tag of its own": new TaggedMap([[1, 2]]),
  "a map with properties": Object.assign(new Map([[1, 2]]), { lost: 1 }),
  dates: [new Date(0), new Date(-1.7e12), new Date(NaN), new Date(8.64e15)],
  "regular expressions": [
    /a+/,
    /[/\]\n]"/dgimsuy,
    /\p{L}/v,
    Object.assign(/x/g, { lastIndex: 3 }),
    new RegExp(""),
  ],
  boxes: [
    new Boolean(false),
    new Number(-0),
    new String("s"),
    Object(5n),
    Object(2n ** 70n),
    Object.assign(new Number(1), { lost: 1 }),
  ],
  errors: [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError].map((
    Class,
  ) => new Class(Class.name)),
  "an error with a cause": new Error("outer", {
    cause: new TypeError("inner", { cause: { code: 1 } }),
  }),
  "an error whose cause is undefined": new Error("x", { cause: undefined }),
  "an error of another class": new OwnError("own"),
  "an error with a name that is known": error((error) => error.name = "TypeError"),
  "an error without message": new Error(),
  "an error with a strange message": error((error) => (error as { message: unknown }).message = 5),
  "an error whose message is computed": error((error) =>
    Object.defineProperty(error, "message", { get: () => "computed" })
  ),
  "an error without stack": error((error) => delete error.stack),
  "an error with a strange stack": error((error) => (error as { stack: unknown }).stack = 5),
  "several errors": new AggregateError([1], "several"),
  "an exception": new DOMException("message", "DataCloneError"),
  buffers: [new ArrayBuffer(0), Uint8Array.of(1, 2, 3).buffer, new ArrayBuffer(10_000)],
  "buffers that can grow": [resizable(5, 50), resizable(0, 0)],
  "part of a buffer that can grow": new Uint8Array(resizable(8, 80), 2, 4),
  views: views(),
  "a large view": Uint8Array.from({ length: 100_000 }, (_, i) => i),
  "the same object twice": ((one) => [one, { one }, one])({}),
  "the same of all kinds twice": ((things) => [things, ...things])([
    new Date(0),
    /x/,
    new Map(),
    new Set(),
    new Number(1),
    new Error("x"),
    new ArrayBuffer(1),
    new Uint8Array(1),
  ]),
  "more than a few objects, twice": ((list) => [list, list.toReversed()])(
    Array.from({ length: 200 }, (_, i) => ({ i })),
  ),
  "a circle": circle(),
  "many objects beside each other": Array.from({ length: 5000 }, () => ({ list: [] })),
  "deep in each other": nested(900),
};

const leaf = fc.oneof(
  fc.integer(),
  fc.double(),
  fc.maxSafeInteger(),
  fc.bigInt(),
  fc.boolean(),
  fc.constantFrom<unknown>(undefined, null, -0, "", "__proto__", "\ud800"),
  fc.string({ unit: "binary" }),
  fc.string({ minLength: 60, maxLength: 600 }),
  fc.string({ unit: "binary", minLength: 200, maxLength: 300 }),
);

const key = fc.oneof(
  fc.string({ maxLength: 3 }),
  fc.string({ unit: "binary" }),
  fc.nat(40).map(String),
  fc.constantFrom("__proto__", "constructor", "length", "a", "b", "c"),
);

type Fill = (node: object, key: string, part: unknown) => void;

// Before the attributes of a property, as an assignment would call the setter of "__proto__".
const define: Fill = (node, key, value) => {
  if (key === "length" && Array.isArray(node)) return;
  Object.defineProperty(node, key, { value, configurable: true, enumerable: true, writable: true });
};

const nodeKinds: readonly (readonly [make: (seed: number) => object, fill: Fill])[] = [
  [() => ({}), define],
  [() => new Point(), define],
  [() => [], (list, _, part) => (list as unknown[]).push(part)],
  [() => [], define],
  [(seed) => new Array(seed % 9), define],
  [(seed) => new Array(seed % 5000), (list, _, part) => (list as unknown[]).push(part)],
  [() => new Map(), (map, key, part) => (map as Map<unknown, unknown>).set(part, key)],
  [() => new Map(), (map, key, part) => (map as Map<unknown, unknown>).set(key, part)],
  [() => new Set(), (set, _, part) => (set as Set<unknown>).add(part)],
  [(seed) => new Error(`${seed}`), (error, _, cause) => (error as Error).cause = cause],
  [(seed) => new Date(seed * 1000), define],
  [(seed) => Object(seed), define],
  [(seed) => new Uint8Array(seed % 40), () => {}],
  [(seed) => new Float64Array(seed % 10).fill(seed / 3), () => {}],
  [(seed) => new DataView(new ArrayBuffer(seed % 40)), () => {}],
];

const node = fc.record({
  kind: fc.nat(nodeKinds.length - 1),
  seed: fc.nat(100_000),
  parts: fc.array(fc.tuple(key, fc.oneof(leaf, fc.nat(20).map((to) => ({ to })))), {
    maxLength: 6,
  }),
});

/** Values of all kinds, whose objects are in each other in whatever way. */
export const anyValue: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 1, arbitrary: leaf },
  {
    weight: 9,
    arbitrary: fc.array(node, { minLength: 1, maxLength: 25 }).map((specs) => {
      const nodes = specs.map(({ kind, seed }) => nodeKinds[kind][0](seed));
      specs.forEach(({ kind, parts }, i) => {
        for (const [key, part] of parts) {
          const isLink = typeof part === "object" && part !== null;
          nodeKinds[kind][1](
            nodes[i],
            key,
            isLink ? nodes[(part as { to: number }).to % nodes.length] : part,
          );
        }
      });
      return nodes[0];
    }),
  },
);
