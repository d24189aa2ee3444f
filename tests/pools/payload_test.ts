/**
 * What may travel to another thread, and how: as text only what JSON does not change, and what
 * cannot travel is named with the way to it.
 *
 * @module
 */

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { Channel, Lock, NotPortableError, transfer } from "../../mod.ts";
import { checkPortable, encodingOf, isSafe } from "../../pools/payload.ts";

const nameOf = (index: number) => `arguments[${index}]`;

/** Asks for the message that values are refused with. */
function refused(...values: unknown[]): string {
  return assertThrows(() => checkPortable(values, nameOf), NotPortableError).message;
}

/** Whether two values cannot be told apart, and are made of the same objects in the same places. */
function isIdentical(a: unknown, b: unknown, seen = new Map<unknown, unknown>()): boolean {
  if (typeof a !== "object" || a === null) return Object.is(a, b);
  if (typeof b !== "object" || b === null) return false;
  if (seen.has(a) || [...seen.values()].includes(b)) return seen.get(a) === b;
  seen.set(a, b);
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  if (Array.isArray(a) && a.length !== (b as unknown[]).length) return false;
  if (Object.prototype.toString.call(a) !== Object.prototype.toString.call(b)) return false;
  if (a instanceof Date) return Object.is(a.getTime(), (b as Date).getTime());
  if (a instanceof Map || a instanceof Set) {
    return isIdentical([...a], [...b as Iterable<unknown>], seen);
  }
  const keys = Object.keys(a);
  const others = Object.keys(b);
  return keys.length === others.length && keys.every((key, i) =>
    key === others[i] &&
    isIdentical((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key], seen)
  );
}

/** Whether JSON makes of a value what a clone of it is. */
function survivesJson(value: unknown): boolean {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch {
    return false;
  }
  return text !== undefined && isIdentical(JSON.parse(text), structuredClone(value));
}

Deno.test("numbers, strings, booleans and null travel as primitives", () => {
  for (
    const values of [[], [1], [0, -1, 1.5, Number.MAX_VALUE], ["", "ä\ud800"], [true, false, null]]
  ) {
    assertEquals(encodingOf(values), "primitives");
  }
});

Deno.test("plain objects and lists of them travel as text", () => {
  const values: unknown[] = [
    {},
    [],
    { a: 1, b: [1, { c: null }] },
    [[[]]],
    Object.assign(Object.create(null), { a: 1 }),
    [1, "two", true, null],
    JSON.parse('{"__proto__": {"a": 1}, "constructor": 1}'),
    Object.defineProperty({ a: 1 }, "hidden", { value: () => {} }),
    { [Symbol("hidden")]: () => {} },
  ];
  for (const value of values) {
    assertEquals(encodingOf([1, value]), "text");
    assert(survivesJson(value));
  }
});

Deno.test("what JSON changes, at whatever depth, does not travel as text", () => {
  const shared = { a: 1 };
  const circle: unknown[] = [];
  circle.push(circle);
  class Point {
    x = 1;
  }
  class Row extends Array {
    toJSON() {
      return "a row";
    }
  }
  const hole = new Array(2);
  hole[0] = 1;
  const holeAndKey: unknown[] & { key?: number } = new Array(1);
  holeAndKey.key = 1;
  const listWithKey: unknown[] & { key?: number } = [1];
  listWithKey.key = 1;
  const values: unknown[] = [
    undefined,
    NaN,
    Infinity,
    -Infinity,
    -0,
    1n,
    new Date(0),
    /x/,
    new Map(),
    new Set(),
    new Uint8Array(1),
    new ArrayBuffer(1),
    new Error("x"),
    new Number(1),
    new String("x"),
    new Boolean(true),
    new Point(),
    hole,
    holeAndKey,
    listWithKey,
    circle,
    [shared, shared],
    { toJSON: () => 1 },
    Object.defineProperty({}, "toJSON", { value: () => 1 }),
    Object.defineProperty([1], "toJSON", { value: () => 1 }),
    Row.from([1]),
    Object.create({ toJSON: () => 1 }),
    () => {},
    Symbol("x"),
  ];
  for (const value of values) {
    for (const around of [value, [value], { a: [1, { b: value }] }]) {
      assertEquals(encodingOf(["x", around]), "clone", Deno.inspect(around));
      assertEquals(isSafe([around]), false, Deno.inspect(around));
    }
  }
  assertEquals(encodingOf([shared, shared]), "clone", "twice the same argument");
});

Deno.test("what has buffers that are to be moved does not travel as text", () => {
  const value = { bytes: 1 };
  assertEquals(encodingOf([value]), "text");
  transfer(value, []);
  assertEquals(encodingOf([value]), "clone");
  assertEquals(encodingOf([{ deeper: value }]), "clone");
});

Deno.test("what is large is not looked through to the end: it is cloned", () => {
  assertEquals(encodingOf([Array.from({ length: 200 }, (_, n) => n)]), "text");
  assertEquals(encodingOf([Array.from({ length: 300 }, (_, n) => n)]), "clone");
  assertEquals(encodingOf([Array.from({ length: 10 }, () => ({}))]), "text");
  assertEquals(encodingOf([Array.from({ length: 30 }, () => ({}))]), "clone");
  let deep: unknown = {};
  for (let depth = 0; depth < 100_000; depth++) deep = { deep };
  assertEquals(encodingOf([deep]), "clone");
});

const leaf = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.string({ unit: "binary" }),
  fc.constantFrom<unknown>(null, true, false, undefined, NaN, -0, 0, Infinity),
  fc.bigInt(),
  fc.date(),
  fc.constantFrom<unknown>([], {}),
);
const HOLE = Symbol("hole");
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4, depthSize: "small" },
    { weight: 4, arbitrary: leaf },
    {
      weight: 2,
      arbitrary: fc.array(
        fc.oneof({ weight: 20, arbitrary: tie("tree") }, {
          weight: 1,
          arbitrary: fc.constant(HOLE),
        }),
        { maxLength: 5 },
      ).map((list) => {
        list.forEach((element, i) => {
          if (element === HOLE) delete list[i];
        });
        return list;
      }),
    },
    {
      weight: 2,
      arbitrary: fc.dictionary(
        fc.oneof(fc.string({ maxLength: 3 }), fc.constantFrom("0", "1", "__proto__", "toJSON")),
        tie("tree"),
        { maxKeys: 5 },
      ),
    },
    // A list with keys, and some that is missing: they can make up for each other.
    {
      weight: 1,
      arbitrary: fc.tuple(
        fc.array(tie("tree"), { maxLength: 2 }),
        fc.nat(4),
        fc.dictionary(fc.string({ minLength: 1, maxLength: 2 }), tie("tree"), { maxKeys: 2 }),
      ).map(([list, length, keys]) => {
        const result = Object.assign(list, keys);
        if (length > result.length) result.length = length;
        return result;
      }),
    },
    { weight: 1, arbitrary: fc.tuple(tie("tree")).map(([part]) => [part, part]) },
    { weight: 1, arbitrary: fc.array(tie("tree"), { maxLength: 2 }).map((list) => new Set(list)) },
  ),
}));

Deno.test("whatever travels as text or as primitives is the same as its clone when JSON has had it", () => {
  const seen = { primitives: 0, text: 0, clone: 0 };
  let needless = 0;
  fc.assert(
    fc.property(fc.array(tree, { maxLength: 3 }), (values) => {
      const encoding = encodingOf(values);
      const survives = survivesJson(values);
      seen[encoding]++;
      if (encoding !== "clone") assert(survives);
      else if (survives) needless++;
    }),
    { numRuns: 5000 },
  );
  for (const [encoding, count] of Object.entries(seen)) {
    assert(count > 300, `${encoding}: ${count}`);
  }
  // Those that are large, and empty holders with another prototype.
  assert(needless < 0.05 * seen.clone, `${needless} of ${seen.clone} were cloned without need`);
});

Deno.test("the comparison of these tests tells apart what is apart", () => {
  const shared = {};
  const pairs: [unknown, unknown][] = [
    [0, -0],
    [undefined, null],
    [[undefined], new Array(1)],
    [[shared, shared], [{}, {}]],
    [[{}, {}], [shared, shared]],
    [{ a: 1, b: 2 }, { b: 2, a: 1 }],
    [{ a: undefined }, {}],
    [new Date(0), new Date(1)],
    [new Date(0), "1970"],
    [new Set([1]), new Set([2])],
    [[], {}],
    [Object.assign([1], { k: 1 }), [1]],
  ];
  for (const [a, b] of pairs) {
    assertEquals([isIdentical(a, b), isIdentical(a, a)], [false, true], Deno.inspect([a, b]));
  }
});

Deno.test("checkPortable lets pass what the platform clones, with nothing to move", () => {
  class Point {
    x = 1;
  }
  const circle: unknown[] = [];
  circle.push(circle, new Map([[circle, new Set([circle])]]));
  const values = [
    undefined,
    1n,
    new Date(),
    /x/g,
    new Map([["a", { b: [1] }]]),
    new Set([[1]]),
    new Uint8Array(2),
    new Int32Array(new SharedArrayBuffer(8)),
    new SharedArrayBuffer(8),
    new TypeError("x", { cause: new Error("y") }),
    new Point(),
    new Array(3),
    new Blob(["x"]),
    circle,
    new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])),
  ];
  assertEquals(checkPortable(values, nameOf), []);
});

Deno.test("what cannot be cloned is an error that names the way to it [P8]", () => {
  const cases: [unknown, string, string][] = [
    [() => {}, "arguments[0]", "the function (anonymous)"],
    [Symbol("x"), "arguments[0]", "Symbol(x)"],
    [
      { user: { posts: [1, { render() {} }] } },
      "arguments[0].user.posts[1].render",
      "the function render",
    ],
    [
      new Map([["key", [Symbol.iterator]]]),
      'arguments[0].get("key")[0]',
      "Symbol(Symbol.iterator)",
    ],
    [new Map([[{ a: () => {} }, 1]]), "a key of arguments[0].a", "the function a"],
    [new Set([[function f() {}]]), "an element of arguments[0][0]", "the function f"],
    [{ at: [Promise.resolve()] }, "arguments[0].at[0]", "a Promise"],
    [new WeakMap(), "arguments[0]", "a WeakMap"],
    [
      new (class Socket {
        write = () => {};
      })(),
      "arguments[0].write",
      "the function write",
    ],
    [new Error("x", { cause: () => {} }), "arguments[0]", "an Error"],
    [{ lock: new Lock() }, "arguments[0].lock", "a Lock"],
    [[new Channel(1)], "arguments[0][0]", "a Channel"],
    [(function* () {})(), "arguments[0]", "a"],
  ];
  for (const [value, path, shown] of cases) {
    const message = refused(value);
    assert(
      message.startsWith(`Cannot send ${path} to another thread as it is ${shown}`),
      `${message}, and not ${path}, ${shown}`,
    );
  }
});

Deno.test("the path begins with what the value is called", () => {
  assertEquals(
    assertThrows(() => checkPortable([1, { f: Symbol("x") }], (i) => `item ${i}`), NotPortableError)
      .message.split(" to ")[0],
    "Cannot send item 1.f",
  );
  assert(refused(1, 2, [() => {}]).startsWith("Cannot send arguments[2][0] to"));
});

Deno.test("the error says what to do instead: for functions, signals, ports, streams, and the rest", () => {
  const cure = (value: unknown) => refused(value).split(". ")[1];
  assertEquals(cure(() => {}), "Send data; the function that is called can be portable");
  assertEquals(
    cure({ signal: new AbortController().signal }),
    "The job has a signal of its own: currentTask().signal aborts when the job is cancelled",
  );
  const { port1, port2 } = new MessageChannel();
  assertEquals(cure({ port: port1 }), "Move it with transfer(value, [value])");
  assertEquals(cure([new ReadableStream()]), "Move it with transfer(value, [value])");
  port1.close();
  port2.close();
  assertEquals(cure(new Lock()), "Send data, and let the job make from it what it needs");
});

Deno.test("checkPortable gives what is to be moved, each once, also where it lies deep", () => {
  const [first, second] = [new ArrayBuffer(1), new ArrayBuffer(2)];
  const bytes = transfer(new Uint8Array(first));
  const { port1, port2 } = new MessageChannel();
  const values = [
    { deep: [bytes, bytes] },
    transfer(first),
    transfer({ port: port1, second }, [port1, second]),
    second,
  ];
  const moved = checkPortable(values, nameOf);
  assertEquals(moved.length, 3);
  assertStrictEquals(moved[0], first);
  assertStrictEquals(moved[1], port1);
  assertStrictEquals(moved[2], second);
  port1.close();
  port2.close();
});

Deno.test("what is to be moved may be met before it is said so", () => {
  const { port1, port2 } = new MessageChannel();
  const values = [{ port: port1 }, transfer({ again: port1 }, [port1])];
  assertEquals(checkPortable(values, nameOf).length, 1);
  assert(refused(port2).includes("a MessagePort"));
  port1.close();
  port2.close();
});

Deno.test("what checkPortable lets pass can be cloned, and what it does not cannot", () => {
  const uncloneable = fc.constantFrom<unknown>(
    () => {},
    Symbol("x"),
    Promise.resolve(),
    new WeakSet(),
  );
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      { weight: 5, arbitrary: leaf },
      { weight: 1, arbitrary: uncloneable },
      { weight: 2, arbitrary: fc.array(tie("value"), { maxLength: 4 }) },
      { weight: 2, arbitrary: fc.dictionary(fc.string(), tie("value"), { maxKeys: 4 }) },
      {
        weight: 1,
        arbitrary: fc.array(fc.tuple(tie("value"), tie("value")), { maxLength: 3 }).map((entries) =>
          new Map(entries)
        ),
      },
    ),
  }));
  const seen = { passed: 0, refused: 0 };
  fc.assert(
    fc.property(fc.array(value, { maxLength: 3 }), (values) => {
      let isCloneable = true;
      try {
        structuredClone(values);
      } catch {
        isCloneable = false;
      }
      seen[isCloneable ? "passed" : "refused"]++;
      if (isCloneable) assertEquals(checkPortable(values, nameOf), []);
      else assertThrows(() => checkPortable(values, nameOf), NotPortableError, "Cannot send");
    }),
    { numRuns: 1000 },
  );
  assert(seen.passed > 100 && seen.refused > 100, Deno.inspect(seen));
});
