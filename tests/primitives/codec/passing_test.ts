/**
 * What is to be passed on is no business of the codec: it refuses it, and makes nothing but data of
 * any bytes.
 *
 * @module
 */

import { assertThrows } from "@std/assert";
import { Encoder } from "../../../primitives/codec/encoder.ts";
import { pass } from "../../../primitives/kernel/passing.ts";

const encoder = new Encoder((value, path) =>
  new TypeError(`${path}: ${(value as object).constructor.name}`)
);

class Thing {
  [pass](): never {
    throw new Error("it is not to be asked");
  }
}

for (
  const [what, thing, name] of [
    ["an object of a class", new Thing(), "Thing"],
    ["an object like any other", { [pass]: () => ({ kind: "Thing", data: 1 }) }, "Object"],
    ["a function", Object.assign(() => {}, { [pass]: () => ({}) }), "Function"],
  ] as const
) {
  Deno.test(`${what} that is to be passed on is refused, with the way to it`, () => {
    assertThrows(() => encoder.encode({ a: [thing] }, "value"), TypeError, `value.a[0]: ${name}`);
    assertThrows(
      () => encoder.encode(new Map([[1, new Set([thing])]]), "value"),
      TypeError,
      `an element of value.get(1): ${name}`,
    );
  });
}
