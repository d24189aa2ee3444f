/**
 * What comes out of bytes is what `structuredClone` makes of the value that they were made of.
 *
 * @module
 */

import { assert, assertEquals, assertNotStrictEquals, assertThrows } from "@std/assert";
import * as fc from "fast-check";
import { Event } from "../../../mod.ts";
import { decode } from "../../../primitives/codec/decode.ts";
import { Encoder } from "../../../primitives/codec/encoder.ts";
import { difference } from "./difference.ts";
import { anyValue, SAMPLES } from "./samples.ts";

class Refusal extends Error {}

const encoder = new Encoder((value, path) =>
  new Refusal(`${path}: ${Object.prototype.toString.call(value)}`)
);

function copy(value: unknown): unknown {
  return decode(encoder.encode(value, "value"));
}

function refused(value: unknown): string {
  return assertThrows(() => encoder.encode(value, "value"), Refusal).message;
}

/** Whether an object is in a value in more than one place, or in itself. */
function hasOneTwice(value: unknown): boolean {
  const seen = new Set<unknown>();
  const toSee = [value];
  for (const value of toSee) {
    if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) continue;
    if (seen.has(value)) return true;
    seen.add(value);
    toSee.push(...Object.values(value));
    if (value instanceof Map || value instanceof Set) toSee.push(...[...value].flat());
    if (value instanceof Error) toSee.push(value.cause);
  }
  return false;
}

for (const [name, value] of Object.entries(SAMPLES)) {
  Deno.test(`copied as by structuredClone: ${name}`, () => {
    // First, as a getter may change what it is in.
    const clone = structuredClone(value);

    assertEquals(difference(copy(value), clone), undefined);
  });
}

Deno.test("whatever value is copied as structuredClone copies it", () => {
  let linked = 0;
  fc.assert(
    fc.property(anyValue, (value) => {
      const clone = structuredClone(value);
      assertEquals(difference(copy(value), clone), undefined);
      if (hasOneTwice(value)) linked++;
    }),
    { numRuns: 3000 },
  );
  assert(linked > 1000, `${linked} of them had an object in two places`);
});

Deno.test("several values after each other do not know of each other", () => {
  fc.assert(
    fc.property(fc.array(anyValue, { minLength: 2, maxLength: 4 }), (values) => {
      const all = values.map((value) => encoder.encode(value, "value").slice());
      values.forEach((value, i) =>
        assertEquals(difference(decode(all[i]), structuredClone(value)), undefined)
      );
    }),
    { numRuns: 300 },
  );
});

Deno.test("what was decoded has nothing of the bytes that it came from", () => {
  const bytes = encoder.encode([Uint8Array.of(1, 2), "string"], "value").slice();
  const value = decode(bytes);
  bytes.fill(0);

  assertEquals(value, [Uint8Array.of(1, 2), "string"]);
  assertNotStrictEquals((value as [Uint8Array])[0].buffer, bytes.buffer);
});

Deno.test("bytes are decoded wherever they are in their buffer, and where threads share it", () => {
  const value = { doubles: Float64Array.of(1.5, 2.5), n: 0.1, text: "€".repeat(300) };
  const bytes = encoder.encode(value, "value");
  for (const Memory of [ArrayBuffer, SharedArrayBuffer]) {
    for (let offset = 0; offset < 9; offset++) {
      const place = new Uint8Array(new Memory(bytes.length + 20), offset, bytes.length);
      place.set(bytes);

      assertEquals(decode(place), value);
    }
  }
});

Deno.test("a small value takes few bytes", () => {
  const sizes = [undefined, 1, -1, "word", [1, 2, 3], { a: 1, b: [] }].map((value) =>
    encoder.encode(value, "value").length
  );

  assertEquals(sizes, [6, 6, 8, 15, 10, 19]);
});

Deno.test("keys that occur again take a byte, and strings what UTF-8 takes", () => {
  const one = encoder.encode([{ alpha: 1, beta: 2 }], "value").length;
  const two = encoder.encode([{ alpha: 1, beta: 2 }, { alpha: 1, beta: 2 }], "value").length;
  assertEquals(two - one, "RECORD alpha 1 beta 2 END".split(" ").length);

  const list = new Array(100).fill(1);
  const plain = encoder.encode(list, "value").length;
  const withKey = encoder.encode(Object.assign(list, { key: 1 }), "value").length;
  assertEquals(withKey - plain, "key 1 END".split(" ").length + 5 + "key".length);

  const text = encoder.encode("x".repeat(100_000), "value").length;
  assertEquals(text - 100_000, 11);
});

Deno.test("views of a buffer that can grow keep the length that they have", () => {
  // structuredClone knows whether a view follows its buffer; a program cannot see it.
  const value = new Uint8Array(new ArrayBuffer(4, { maxByteLength: 8 }));
  const result = copy(value) as Uint8Array<ArrayBuffer>;
  result.buffer.resize(8);

  assertEquals([result.length, result.buffer.maxByteLength], [4, 8]);
});

Deno.test("proxies and arguments, which structuredClone refuses, are copied as what they look like", () => {
  assertEquals(copy(new Proxy({ a: 1 }, {})), { a: 1 });
  assertEquals(copy(new Proxy([1, 2], {})), [1, 2]);
  const args = (function (..._: unknown[]) {
    return arguments;
  })("a", "b");
  assertEquals(copy(args), { 0: "a", 1: "b" });
});

Deno.test("objects of other realms are copied as those of this one", async () => {
  const { runInNewContext } = await import("node:vm");
  const value = runInNewContext(
    "({ map: new Map([[1, [new Date(0)]]]), bytes: new Uint8Array([1, 2]), error: new TypeError('x') })",
  );

  assertEquals(difference(copy(value), structuredClone(value)), undefined);
});

Deno.test("what cannot be copied is refused, with the way to it", () => {
  const shared = new SharedArrayBuffer(4);
  const refusals: [value: unknown, message: string][] = [
    [() => {}, "value: [object Function]"],
    [Symbol("s"), "value: [object Symbol]"],
    [{ a: [1, { f() {} }] }, "value.a[1].f: [object Function]"],
    [[Object(Symbol("s"))], "value[0]: [object Symbol]"],
    [{ p: Promise.resolve() }, "value.p: [object Promise]"],
    [new Map([["x", { y: new WeakMap() }]]), 'value.get("x").y: [object WeakMap]'],
    [new Map([[{ y: new WeakSet() }, 1]]), "a key of value.y: [object WeakSet]"],
    [new Set([[new WeakRef({})]]), "an element of value[0]: [object WeakRef]"],
    [new Error("x", { cause: { f() {} } }), "value.cause.f: [object Function]"],
    [Object.assign([1], { k: function* () {}() }), "value[k]: [object Generator]"],
    [{ shared }, "value.shared: [object SharedArrayBuffer]"],
    [[new Uint8Array(shared)], "value[0].buffer: [object SharedArrayBuffer]"],
    [[new Blob([])], "value[0]: [object Blob]"],
    [{ signal: new AbortController().signal }, "value.signal: [object AbortSignal]"],
    [{ event: new Event() }, "value.event: [object Object]"],
    [new ReadableStream(), "value: [object ReadableStream]"],
    [new URL("http://localhost"), "value: [object URL]"],
    [new Intl.NumberFormat(), "value: [object Intl.NumberFormat]"],
  ];
  for (const [value, message] of refusals) {
    assertEquals(
      assertThrows(() => encoder.encode(value, "value"), Refusal, message).message,
      message,
    );
  }
});

Deno.test("ports and what was moved away are refused", () => {
  const { port1, port2 } = new MessageChannel();
  assertEquals(refused([port1]), "value[0]: [object MessagePort]");
  port1.close();
  port2.close();

  const bytes = new Uint8Array(4);
  const { buffer } = bytes;
  buffer.transfer();
  assertEquals(refused({ bytes }), "value.bytes.buffer: [object ArrayBuffer]");
  assertEquals(refused([buffer]), "value[0]: [object ArrayBuffer]");
});

Deno.test("the shortest way is named, also in a circle", () => {
  const value: Record<string, unknown> = {};
  value.a = { b: { value, f() {} }, value };
  value.z = (value.a as Record<string, Record<string, unknown>>).b;

  assertEquals(refused(value), "value.z.f: [object Function]");
});

Deno.test("what a getter throws comes out, and the encoder is as it was", () => {
  const failure = new Error("from a getter");
  const value = {
    before: ["text", { key: 1 }],
    get a() {
      throw failure;
    },
  };

  assertEquals(assertThrows(() => encoder.encode(value, "value")), failure);
  refused([{ key: () => {} }]);
  assertEquals(copy({ key: ["text"] }), { key: ["text"] });
});

Deno.test("a getter can encode another value with the same encoder", () => {
  let inner: unknown;
  const value = {
    first: "outer",
    get second() {
      inner = copy({ second: "inner", first: [{}] });
      return { second: "of the outer" };
    },
    last: "outer, too",
  };

  assertEquals(copy(value), {
    first: "outer",
    second: { second: "of the outer" },
    last: "outer, too",
  });
  assertEquals(inner, { second: "inner", first: [{}] });
});

Deno.test("a getter can change the list, the map and the set that it is in", () => {
  const list: unknown[] = [{
    get a() {
      list.length = 1;
      return 1;
    },
  }, 2];
  const map = new Map<unknown, unknown>();
  map.set({
    get a() {
      map.set("added", 1);
      return 1;
    },
  }, 2);
  const set = new Set<unknown>();
  set.add({
    get a() {
      set.add({});
      return 1;
    },
  });

  const [first, ...others] = copy([list, map, set]) as [unknown[], unknown, unknown];

  assertEquals([first.length, Object.entries(first)], [2, [["0", { a: 1 }]]]);
  assertEquals(others, [new Map([[{ a: 1 }, 2]]), new Set([{ a: 1 }])]);
});

Deno.test("objects too deep in each other are an error on both ways, not an overflow", () => {
  for (const around of [(value: unknown) => ({ value }), (value: unknown) => [value]]) {
    let value: unknown = 1;
    for (let i = 0; i < 1000; i++) value = around(value);
    copy(value);
    const { message } = assertThrows(() => copy(around(value)), RangeError);
    assertEquals(
      message,
      "Cannot copy a value as its objects are more than 1000 deep in each other. Send a list of them",
    );
  }
  copy([1]);
});

Deno.test("the comparison of these tests tells apart what is apart", () => {
  const shared = {};
  const buffer = new ArrayBuffer(4);
  const pairs: [unknown, unknown][] = [
    [0, -0],
    [1, 1n],
    [[shared, shared], [{}, {}]],
    [[{}, {}], [shared, shared]],
    [{ a: 1, b: 2 }, { b: 2, a: 1 }],
    [{ a: undefined }, {}],
    [{ a: 1 }, Object.defineProperty({}, "a", { value: 1 })],
    [{}, Object.create(null)],
    [[], {}],
    [[undefined], new Array(1)],
    [Object.assign([1], { k: 1 }), [1]],
    [new Date(0), new Date(1)],
    [/x/g, /x/],
    [/x/, Object.assign(/x/, { lastIndex: 1 })],
    [new Map([[1, 2]]), new Map([[1, 3]])],
    [new Map([[[1, 2], 1]]), new Map([[[1, 3], 1]])],
    [new Set([[1, 2]]), new Set([[1, 3]])],
    [new Number(1), new Number(2)],
    [new Error("x"), new TypeError("x")],
    [new Error("x"), new Error("y")],
    [new Error("x", { cause: undefined }), new Error("x")],
    [Uint8Array.of(1), Int8Array.of(1)],
    [Uint8Array.of(1), Uint8Array.of(2)],
    [[new Uint8Array(buffer), new Uint8Array(buffer)], [new Uint8Array(4), new Uint8Array(4)]],
    [new Uint8Array(buffer, 1, 1), new Uint8Array(buffer, 2, 1)],
    [new ArrayBuffer(1), new ArrayBuffer(1, { maxByteLength: 1 })],
  ];
  for (const [a, b] of pairs) {
    assert(difference(a, b) !== undefined, Deno.inspect([a, b]));
    assertEquals([difference(a, a), difference(b, b)], [undefined, undefined]);
  }
});
