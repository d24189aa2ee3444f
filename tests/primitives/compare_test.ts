/**
 * The order of items that come without a `compare` function [W7].
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { checkComparable, compareItems } from "../../primitives/compare.ts";

const REMEDY = "Give the queue a 'compare' function, or put [priority, number, item] with a " +
  "number that is never the same twice";

function day(n: number): Date {
  return new Date(2026, 0, n);
}

/** Groups of items with one order each, ascending. */
const ASCENDING: readonly unknown[][] = [
  [-Infinity, -3, -2n, -1.5, 0, Number.MIN_VALUE, 0.5, 1n, 2, 2n ** 53n, 2n ** 53n + 1n, Infinity],
  ["", "A", "B", "a", "aa", "b", "\u{1f600}", "\uffff"],
  [false, true],
  [day(1), day(2), day(30)],
  [[], [0], [0, "a"], [0, "a", {}], [0, "b", undefined], [1], [1, []], [1, [0]], [1, [0, 0]], [2n]],
  [[day(1), 2], [day(2), 1]],
];

/** What has no order, and how messages show it. */
const POISON: readonly [unknown, string][] = [
  [NaN, "NaN"],
  [undefined, "undefined"],
  [null, "null"],
  [{}, "an object"],
  [{ valueOf: () => 1 }, "an object"],
  [Object.create(null), "an object"],
  [new Map(), "a Map"],
  [Object(1), "a Number"],
  [function job() {}, "the function job"],
  [Symbol("s"), "Symbol(s)"],
  [new Date(NaN), "an invalid Date"],
];

Deno.test("compareItems orders numbers, strings, booleans, dates and arrays [W7]", () => {
  for (const items of ASCENDING) {
    for (let i = 0; i < items.length; i++) {
      for (let j = 0; j < items.length; j++) {
        assertEquals(Math.sign(compareItems(items[i], items[j])), Math.sign(i - j));
      }
    }
  }
});

Deno.test("compareItems finds equal what is worth the same", () => {
  assertEquals(compareItems(0, -0), 0);
  assertEquals(compareItems(1, 1n), 0);
  assertEquals(compareItems(2n ** 70n, 2 ** 70), 0);
  assertEquals(compareItems(day(3), day(3)), 0);
  assertEquals(compareItems([1, ["a"]], [1n, ["a"]]), 0);
  assertEquals(compareItems([-0], [0]), 0);
  assertEquals(compareItems([], []), 0);
});

Deno.test("compareItems compares numbers with bigints exactly", () => {
  assert(compareItems(2n ** 53n + 1n, 2 ** 53) > 0);
  assert(compareItems(2 ** 53, 2n ** 53n + 1n) < 0);
  assert(compareItems(0.5, 0n) > 0);
});

Deno.test("compareItems never comes to elements behind the first that differ", () => {
  assert(compareItems([1, {}], [2, {}]) < 0);
  assert(compareItems([2, NaN], [1, NaN]) > 0);
  assert(compareItems([1, [2, {}], null], [1, [3, {}], undefined]) < 0);
  assert(compareItems([1], [1, {}]) < 0);
});

Deno.test("compareItems asks for no order of what is the very same", () => {
  const job = {};
  assertEquals(compareItems([1, job], [1, job]), 0);
  assert(compareItems([1, job, 1], [1, job, 2]) < 0);
  assertEquals(compareItems([1, undefined], [1, undefined]), 0);
  const item = [1, NaN];
  assertEquals(compareItems(item, item), 0);
  const endless: unknown[] = [1];
  endless.push(endless);
  assertEquals(compareItems(endless, endless), 0);
  assert(compareItems([1, endless, 3], [1, endless, 2]) > 0);
});

Deno.test("compareItems refuses what has no order", () => {
  for (const [poison, shown] of POISON) {
    for (const other of [1, "a", true, day(1), [1], poison]) {
      for (const [a, b] of [[poison, other], [other, poison], [[7, poison], [7, other, 1]]]) {
        if (Array.isArray(a) && poison === other && !Number.isNaN(poison)) continue;
        const error = assertThrows(() => compareItems(a, b), TypeError);
        assert(error.message.includes(shown), error.message);
        assert(error.message.endsWith(REMEDY), error.message);
      }
    }
  }
});

Deno.test("compareItems says what has no order, and what to do", () => {
  assertThrows(
    () => compareItems([1, {}], [1, {}]),
    TypeError,
    "Cannot compare an object with an object as only numbers, strings, booleans, dates and " +
      `arrays have an order. ${REMEDY}`,
  );
  assertThrows(
    () => compareItems(3, "a"),
    TypeError,
    'Cannot compare 3 with "a" as there is no order between numbers and strings. ' +
      "Put items of one kind, or give the queue a 'compare' function",
  );
});

Deno.test("compareItems refuses items of different kinds", () => {
  const kinds = [[1, 2n], ["a"], [true], [day(1)], [[1], []]];
  for (const mine of kinds) {
    for (const others of kinds) {
      if (mine === others) continue;
      for (const a of mine) {
        for (const b of others) {
          assertThrows(() => compareItems(a, b), TypeError, "there is no order between ");
          assertThrows(() => compareItems([0, a], [0, b]), TypeError, "there is no order between ");
        }
      }
    }
  }
});

Deno.test("compareItems agrees with itself whichever way it is asked, and is transitive", () => {
  const { item } = fc.letrec<{ item: unknown }>((tie) => ({
    item: fc.oneof(
      { maxDepth: 3 },
      fc.double({ noNaN: true }),
      fc.integer({ min: -2, max: 2 }),
      fc.bigInt({ min: -2n, max: 2n }),
      fc.array(tie("item"), { maxLength: 3 }),
    ),
  }));
  const order = (a: unknown, b: unknown) => {
    try {
      return Math.sign(compareItems(a, b));
    } catch {
      return null;
    }
  };
  fc.assert(
    fc.property(item, item, item, (a, b, c) => {
      const [ab, ba, bc, ac] = [order(a, b), order(b, a), order(b, c), order(a, c)];
      assertEquals(ab, ba === null ? null : 0 - ba);
      assertEquals(order(a, a), 0);
      if (ab === null || bc === null || ac === null) return;
      if (ab <= 0 && bc <= 0) assertEquals(ac, Math.min(ab, bc));
    }),
    { numRuns: 2000 },
  );
});

Deno.test("checkComparable passes all that compares with something", () => {
  for (const items of ASCENDING) {
    for (const item of items) checkComparable(item);
  }
  checkComparable([1, {}]);
  checkComparable([[1, NaN], undefined]);
  checkComparable([[]]);
});

Deno.test("checkComparable refuses what compares with nothing, alone or at the head of an array", () => {
  for (const [poison, shown] of POISON) {
    assertThrows(
      () => checkComparable(poison),
      TypeError,
      `Cannot put the item in order as nothing can be compared with it: received ${shown}. ` +
        REMEDY,
    );
    for (const array of [[poison], [poison, 1], [[poison], 1], [[[poison, 2]]]]) {
      assertThrows(
        () => checkComparable(array),
        TypeError,
        `received an array that begins with ${shown}. ${REMEDY}`,
      );
    }
  }
});
