/**
 * What is passed on among values that are copied: that it arrives in every place that it was in, and that the rest arrives as
 * the structured clone algorithm has it.
 *
 * @module
 */

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import * as fc from "fast-check";
import { MalformedError, NotPortableError, transfer } from "../../mod.ts";
import { pass, type Passed, receive } from "../../primitives/kernel/passing.ts";
import {
  dropPassed,
  loadKindsBy,
  loadPassed,
  packValues,
  type PassedOn,
  unpackPassed,
  unpackValues,
} from "../../pools/passing.ts";

/** What is the same object everywhere. */
class Thing {
  static readonly all: Thing[] = [];
  passes = 0;
  readonly number: number = Thing.all.push(this) - 1;

  [pass](): Passed {
    this.passes++;
    return { kind: "Thing", data: this.number };
  }
}

receive("Thing", (number: number) => Thing.all[number]);

/** Sends values as a message would. */
function send(values: readonly unknown[]): unknown[] {
  const { values: packed, passed, moved } = packValues(values, (i) => `values[${i}]`);
  const arrived = structuredClone({ packed, passed }, { transfer: [...moved] });
  if (arrived.passed !== undefined) unpackPassed(arrived.packed, arrived.passed);
  return arrived.packed as unknown[];
}

Deno.test("what is passed on arrives as the object itself, wherever it was", () => {
  const thing = new Thing();
  const key = { key: "object" };
  const values = [
    thing,
    { a: [1, { thing }] },
    new Map<unknown, unknown>([["thing", thing], [thing, "as a key"], [key, [thing]]]),
    new Set<unknown>([1, thing, [thing]]),
  ];

  const [bare, nested, map, set] = send(values) as [
    unknown,
    { a: [number, { thing: Thing }] },
    Map<unknown, unknown>,
    Set<unknown>,
  ];

  assertStrictEquals(bare, thing);
  assertStrictEquals(nested.a[1].thing, thing);
  assertStrictEquals(map.get("thing"), thing);
  assertEquals(map.get(thing), "as a key");
  assertStrictEquals(([...map.values()][2] as Thing[])[0], thing);
  assertEquals([...map.keys()][2], key);
  const elements = [...set];
  assertEquals([elements[0], elements[1] === thing], [1, true]);
  assertStrictEquals((elements[2] as Thing[])[0], thing);
  assertEquals(thing.passes, 1, "it is asked once, in however many places it is");
});

Deno.test("the caller's values are not changed", () => {
  const thing = new Thing();
  const list = [thing];
  const object = { list };

  send([object]);

  assertStrictEquals(object.list, list);
  assertStrictEquals(list[0], thing);
});

Deno.test("values that have nothing to be passed on are not copied", () => {
  const values = [{ date: new Date(0) }];

  assertStrictEquals(packValues(values, String).values, values);
});

Deno.test("circles and objects that occur twice arrive as they are", () => {
  const thing = new Thing();
  const shared = { thing };
  const circle: Record<string, unknown> = { shared, again: shared };
  circle.self = circle;

  const [arrived] = send([circle]) as [typeof circle];

  assertStrictEquals(arrived.self, arrived);
  assertStrictEquals(arrived.again, arrived.shared);
  assertStrictEquals((arrived.shared as typeof shared).thing, thing);
});

Deno.test("a key of __proto__ stays one", () => {
  const tricky = JSON.parse('{"__proto__": {"isAdmin": true}}');
  tricky.thing = new Thing();

  const [arrived] = send([tricky]) as [Record<string, unknown>];

  assertEquals(Object.getPrototypeOf(arrived), Object.prototype);
  assertEquals(Object.keys(arrived), ["__proto__", "thing"]);
});

Deno.test("what is to be moved is moved, where the list around it is copied too", () => {
  const bytes = new Uint8Array(8);
  const [arrived] = send([transfer([new Thing(), bytes], [bytes.buffer])]) as [[Thing, Uint8Array]];

  assertEquals(bytes.length, 0, "it is gone here");
  assertEquals(arrived[1].length, 8);
});

Deno.test("nothing is passed on where something beside it cannot travel", () => {
  const thing = new Thing();
  const error = assertThrows(
    () => packValues([thing, { fn: () => {} }], (i) => `arguments[${i}]`),
    NotPortableError,
    "arguments[1].fn",
  );

  assert(error !== undefined);
  assertEquals(thing.passes, 0);
});

Deno.test("a kind of object whose module is not there is loaded, and one that nobody knows is an error", async () => {
  const passed = [{ kind: "Late", data: 5, paths: [[0]] }];
  const values: unknown[] = [{}];
  assertThrows(() => unpackPassed(values, passed), NotPortableError, "Cannot receive a Late");
  const loaded: string[] = [];
  loadKindsBy((kind) => {
    loaded.push(kind);
    receive(kind, (data: number) => ({ late: data }));
    return Promise.resolve();
  });
  try {
    await loadPassed(passed);
    unpackPassed(values, passed);

    assertEquals(values, [{ late: 5 }]);
    assertEquals(loaded, ["Late"]);
    assertEquals(loadPassed(passed), undefined, "it is there now");
  } finally {
    loadKindsBy(() => undefined);
  }
});

Deno.test("two that are one object on the other side are one element of a set, and the rest stays in its place", () => {
  const [first, second, last] = [new Thing(), new Thing(), new Thing()];
  Thing.all[second.number] = first;

  const [set, map] = send([
    new Set<unknown>([first, second, last]),
    new Map([[first, 1], [second, 2], [last, 3]]),
  ]);

  assertEquals([...set as Set<unknown>].map((part) => part === first), [true, false]);
  assertStrictEquals([...set as Set<unknown>][1], last);
  assertEquals([...(map as Map<unknown, number>).values()], [2, 3]);
});

for (
  const [what, path] of [
    ["the constructor of an object", [0, "constructor", "prototype", "polluted"]],
    ["a prototype", [0, "__proto__", "polluted"]],
    ["what every list has", ["constructor", "prototype", "polluted"]],
    ["a property that is not there", [0, "polluted"]],
    ["an element that is not there", [9]],
    ["the length of a list", ["length"]],
    ["the length of a map", [2, "length"]],
    ["a place that a map does not have", [2, 2]],
    ["a place between those of a set", [3, 0.5]],
    ["what every map has", [2, "constructor"]],
    ["a number", [1, 0]],
    ["a date", [4, "valueOf"]],
    ["a regular expression", [5, "lastIndex"]],
    ["bytes", [6, 0]],
    ["what was passed on itself", [7, "number"]],
    ["nowhere", []],
  ] as [string, (string | number)[]][]
) {
  Deno.test(`a forged path to ${what} is malformed, and nothing is made or changed`, () => {
    const thing = new Thing();
    const values = [{}, 1, new Map([[1, 2]]), new Set([1]), new Date(), /./, new Uint8Array(2), {}];
    const before = structuredClone(values);
    let made = 0;
    receive("Counted", () => {
      made++;
      return thing;
    });
    const passed = [[[7]], [path]].map((paths) => ({ kind: "Counted", data: 1, paths }));

    assertThrows(() => unpackPassed(values, passed), MalformedError, "what was passed on");

    assertEquals([made, values], [0, before]);
    assertEquals("polluted" in {} || "polluted" in [], false);
  });
}

Deno.test("what is no list of what was passed on is malformed, wherever it is read", () => {
  for (
    const passed of [
      null,
      "text",
      {},
      [1],
      [null],
      [{}],
      [{ kind: 1, data: 1, paths: [[0]] }],
      [{ kind: "Thing", data: 1 }],
      [{ kind: "Thing", data: 1, paths: [0] }],
      [{ kind: "Thing", data: 1, paths: ["0"] }],
      [{ kind: "Thing", data: 1, paths: [[null]] }],
      [{ kind: "Thing", data: 1, paths: [[[0]]] }],
    ]
  ) {
    const forged = passed as unknown as PassedOn[];
    assertThrows(() => unpackValues([{}], forged), MalformedError, "it is no list of such");
    assertThrows(() => dropPassed(forged), MalformedError, "it is no list of such");
  }
});

/** A value with things in it, and the same with numbers in their place. */
const trees = fc.letrec<{ tree: unknown }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(1, "text", null, undefined, "thing", 12n),
    fc.array(tie("tree"), { maxLength: 4 }),
    fc.dictionary(fc.string({ maxLength: 4 }), tie("tree"), { maxKeys: 4 }),
    fc.array(fc.tuple(fc.string(), tie("tree")), { maxLength: 3 }).map((list) => new Map(list)),
    fc.array(tie("tree"), { maxLength: 3 }).map((list) => new Set(list)),
  ),
})).tree;

/** A copy of a tree, each "thing" in it replaced. */
function replace(tree: unknown, by: () => unknown): unknown {
  if (tree === "thing") return by();
  if (Array.isArray(tree)) return tree.map((part) => replace(part, by));
  if (tree instanceof Map) return new Map([...tree].map(([k, v]) => [k, replace(v, by)]));
  if (tree instanceof Set) return new Set([...tree].map((part) => replace(part, by)));
  if (typeof tree !== "object" || tree === null) return tree;
  return Object.fromEntries(Object.entries(tree).map(([k, v]) => [k, replace(v, by)]));
}

Deno.test("any tree of values arrives whole, whatever is passed on in it", () => {
  const pool = Array.from({ length: 3 }, () => new Thing());
  fc.assert(
    fc.property(fc.array(trees, { maxLength: 3 }), (values) => {
      let turn = 0;
      const next = () => pool[turn++ % pool.length];
      const sent = replace(values, next) as unknown[];
      turn = 0;
      const expected = replace(values, next) as unknown[];

      const arrived = send(sent);

      assertEquals(arrived, expected);
      assertEquals(thingsIn(arrived), thingsIn(expected));
    }),
    { numRuns: 300 },
  );
});

/** The numbers of the things in a tree, in order. */
function thingsIn(tree: unknown): number[] {
  if (tree instanceof Thing) return [Thing.all.indexOf(tree)];
  if (Array.isArray(tree) || tree instanceof Set) return [...tree].flatMap(thingsIn);
  if (tree instanceof Map) return [...tree.values()].flatMap(thingsIn);
  if (typeof tree !== "object" || tree === null) return [];
  return Object.values(tree).flatMap(thingsIn);
}
