/**
 * What is passed on among values that are copied, by the codec.
 *
 * @module
 */

import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { decode, kindsIn } from "../../../primitives/codec/decode.ts";
import { Encoder } from "../../../primitives/codec/encoder.ts";
import { MalformedError } from "../../../primitives/codec/malformed_error.ts";
import { pass, type Passed, receive } from "../../../primitives/kernel/passing.ts";

const encoder = new Encoder((value, path) =>
  new TypeError(`${path}: ${(value as object).constructor.name}`)
);

/** What is the same object everywhere. */
class Thing {
  static readonly all: Thing[] = [];
  static made = 0;
  passes = 0;
  readonly kind: string;
  readonly #data: unknown;

  constructor(kind: string, data?: unknown) {
    this.kind = kind;
    this.#data = data;
    Thing.all.push(this);
  }

  [pass](): Passed {
    this.passes++;
    return { kind: this.kind, data: this.#data ?? { number: [Thing.all.indexOf(this)] } };
  }
}

for (const kind of ["codec.Thing", "codec.Other"]) {
  receive(kind, ({ number: [number] }: { number: [number] }) => {
    Thing.made++;
    return Thing.all[number];
  });
}

function copy(value: unknown): unknown {
  return decode(encoder.encode(value, "value"));
}

Deno.test("what is passed on arrives as the object itself, wherever it was", () => {
  const thing = new Thing("codec.Thing");
  const other = new Thing("codec.Other");
  const made = Thing.made;
  const shared = {};

  const result = copy([
    shared,
    thing,
    { a: [{ thing }] },
    new Map<unknown, unknown>([[thing, other]]),
    new Set([other]),
    shared,
  ]) as [object, Thing, { a: [{ thing: Thing }] }, Map<Thing, Thing>, Set<Thing>, object];

  assertStrictEquals(result[1], thing);
  assertStrictEquals(result[2].a[0].thing, thing);
  assertStrictEquals(result[3].get(thing), other);
  assertStrictEquals(result[4].has(other), true);
  assertStrictEquals(result[0], result[5], "what comes after it has its number");
  assertEquals([thing.passes, other.passes], [1, 1], "each is asked once");
  assertEquals(Thing.made - made, 2, "and made once");
});

Deno.test("a function can be passed on, and an object that nobody can tell from a plain one", () => {
  const fn = Object.assign(() => {}, {
    [pass]: () => ({ kind: "codec.Function", data: 1 }),
  });
  const proxy = new Proxy({}, {
    has: (_, key) => key === pass,
    get: (_, key) => key === pass ? () => ({ kind: "codec.Function", data: 2 }) : undefined,
  });
  const made: unknown[] = [() => "zero", () => "one", () => "two"];
  receive("codec.Function", (number: number) => made[number]);

  const [one, again, two] = copy([fn, fn, proxy]) as unknown[];

  assertEquals([one, again, two], [made[1], made[1], made[2]]);
});

Deno.test("the kinds of what is passed on are known before anything is made", () => {
  const made = Thing.made;
  const bytes = encoder.encode([
    new Thing("codec.Thing"),
    new Thing("codec.Unknown"),
    ...Array.from({ length: 5 }, () => new Thing("codec.Thing")),
    "text",
  ], "value");

  assertEquals(kindsIn(bytes), ["codec.Thing", "codec.Unknown"]);
  assertEquals(Thing.made, made);
  assertThrows(
    () => decode(bytes),
    MalformedError,
    'nothing here knows what the kind "codec.Unknown" is',
  );
});

Deno.test("most values have no kinds in them", () => {
  for (const value of [undefined, { a: ["text"] }, new Map([[1, new Uint8Array(4)]])]) {
    assertEquals(kindsIn(encoder.encode(value, "value")), []);
  }
});

Deno.test("where what stands for an object cannot be copied, the object is refused", () => {
  const thing = new Thing("codec.Thing", { memory: [new SharedArrayBuffer(4)] });
  const outer = new Thing("codec.Other", { thing });

  const { message } = assertThrows(() => encoder.encode({ a: [thing] }, "value"), TypeError);
  assertEquals(message, "value.a[0]: Thing");
  assertThrows(() => encoder.encode({ outer }, "value"), TypeError, "value.outer: Thing");
});

Deno.test("what the maker of an object throws is not taken for malformed bytes", () => {
  const failure = new Error("not now");
  receive("codec.Failing", () => {
    throw failure;
  });
  const bytes = encoder.encode([new Thing("codec.Failing")], "value");

  assertStrictEquals(assertThrows(() => decode(bytes)), failure);
});

Deno.test("a maker can decode something itself", () => {
  receive("codec.Nested", (bytes: Uint8Array) => decode(bytes));
  const inner = encoder.encode({ inner: ["a", { b: 1 }] }, "value").slice();
  const value = { first: "text", nested: new Thing("codec.Nested", inner), last: ["text"] };

  assertEquals(copy(value), { first: "text", nested: { inner: ["a", { b: 1 }] }, last: ["text"] });
});
