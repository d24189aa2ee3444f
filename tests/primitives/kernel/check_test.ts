/**
 * The checks of what callers hand in: rule E1 of the design.
 *
 * @module
 */

import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  checkCount,
  checkDate,
  checkFunction,
  checkSignal,
  checkTime,
  show,
} from "../../../primitives/kernel/check.ts";

Deno.test("E1: checkFunction() takes functions of every kind", () => {
  const functions = [() => {}, async () => {}, function* () {}, class {}, Math.max];
  for (const fn of functions) checkFunction(fn, "act", "it");
});

Deno.test("E1: checkFunction() says what was given, and what to do with a promise", () => {
  const cases: [value: unknown, message: string][] = [
    [undefined, "Cannot act as it must be a function: received undefined"],
    [{}, "Cannot act as it must be a function: received an object"],
    [
      Promise.resolve(),
      "received a Promise. Pass the function itself, not the promise of a call already made: () => work()",
    ],
  ];
  for (const [value, message] of cases) {
    assertThrows(() => checkFunction(value, "act", "it"), TypeError, message);
  }
});

Deno.test("E1: checkTime() takes zero and more, fractions, and Infinity where there may be no end", () => {
  for (const ms of [0, -0, 0.5, 1, 2 ** 40, Number.MAX_VALUE, Infinity]) checkTime(ms, "act", "it");
  const message =
    "Cannot act as it must be zero or more and finite, in milliseconds: received Infinity";
  assertThrows(() => checkTime(Infinity, "act", "it", false), RangeError, message);
});

Deno.test("E1: checkTime() refuses what is no number, and what is no time", () => {
  for (const ms of ["5", null, undefined, 5n, {}, [], new Date(), true, new Number(5)]) {
    const message = `Cannot act as it must be a number of milliseconds: received ${show(ms)}`;
    assertThrows(() => checkTime(ms, "act", "it"), TypeError, message);
  }
  for (const ms of [-1, -0.001, NaN, -Infinity]) {
    const message = `Cannot act as it must be zero or more, in milliseconds: received ${ms}`;
    assertThrows(() => checkTime(ms, "act", "it"), RangeError, message);
  }
});

Deno.test("E1: checkDate() gives milliseconds for a Date or a number, and refuses the rest", () => {
  assertEquals(checkDate(new Date(5), "act", "it"), 5);
  assertEquals(checkDate(-5.5, "act", "it"), -5.5);
  assertEquals(checkDate(Infinity, "act", "it"), Infinity);
  for (const date of ["2030-01-01", null, undefined, {}, 5n]) {
    const message = "Cannot act as it must be a Date or milliseconds since 1970: received";
    assertThrows(() => checkDate(date, "act", "it"), TypeError, message);
  }
  for (const date of [NaN, new Date(NaN)]) {
    const message = `Cannot act as it must be a valid date: received ${date}`;
    assertThrows(() => checkDate(date, "act", "it"), RangeError, message);
  }
});

Deno.test("E1: checkCount() takes whole numbers from the least up, and Infinity", () => {
  for (const count of [1, 2, 1e9, Infinity]) checkCount(count, "act", "it", 1);
  checkCount(0, "act", "it", 0);
  for (const count of [0, -1, 1.5, NaN, -Infinity]) {
    const message =
      `Cannot act as it must be a whole number from 1 up, or Infinity: received ${count}`;
    assertThrows(() => checkCount(count, "act", "it", 1), RangeError, message);
  }
  for (const count of ["1", null, 1n]) {
    const message = `Cannot act as it must be a number: received ${show(count)}`;
    assertThrows(() => checkCount(count, "act", "it", 1), TypeError, message);
  }
});

Deno.test("E1: checkSignal() takes signals, those of another realm too, and tells a controller from one", () => {
  checkSignal(new AbortController().signal, "act");
  checkSignal(AbortSignal.abort(), "act");
  checkSignal({ aborted: false, addEventListener() {}, removeEventListener() {} }, "act");
  const message = "Cannot act as 'signal' must be an AbortSignal: received";
  for (const signal of [null, undefined, {}, "abort", { aborted: true }, new EventTarget()]) {
    assertThrows(() => checkSignal(signal, "act"), TypeError, message);
  }
  const controller = new AbortController();
  assertThrows(
    () => checkSignal(controller, "act"),
    TypeError,
    "AbortController. Pass its 'signal'",
  );
});

Deno.test("E1: show() is short, and never throws", () => {
  const cases: [value: unknown, text: string][] = [
    [undefined, "undefined"],
    [null, "null"],
    [5, "5"],
    [-0.5, "-0.5"],
    [5n, "5n"],
    [true, "true"],
    ["text", '"text"'],
    ['"quoted"\n', '"\\"quoted\\"\\n"'],
    ["x".repeat(100), `"${"x".repeat(40)}…"`],
    [Symbol("mark"), "Symbol(mark)"],
    [function work() {}, "the function work"],
    [() => {}, "the function (anonymous)"],
    [{}, "an object"],
    [Object.create(null), "an object"],
    [new Map(), "a Map"],
    [{ constructor: 5 }, "an object"],
  ];
  for (const [value, text] of cases) assertStrictEquals(show(value), text);
});
