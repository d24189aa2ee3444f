/**
 * The errors of the kernel: rule E1 of the design, and what is kept of later failures.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertFalse,
  assertInstanceOf,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import { cancelledIn, suppress } from "../../../primitives/kernel/errors.ts";
import {
  type Cancelled,
  CancelScope,
  ClosedError,
  isCancelled,
  suppressedErrors,
  TimeoutError,
} from "../../../mod.ts";

/** The Cancelled of a scope that was cancelled for a reason. */
function cancelledFor(reason?: unknown): Cancelled {
  const scope = new CancelScope({ name: "search" });
  scope.cancel(reason);
  return scope.cancelled!;
}

Deno.test("E1: the errors have the names that other platforms use, and are errors", () => {
  const errors: [error: Error, name: string][] = [
    [cancelledFor(), "AbortError"],
    [new TimeoutError("late"), "TimeoutError"],
    [new ClosedError("over"), "ClosedError"],
  ];
  for (const [error, name] of errors) {
    assertInstanceOf(error, Error);
    assertEquals(error.name, name);
    assertEquals(String(error), `${name}: ${error.message}`);
    assertFalse(Object.keys(error).includes("name"), "it is not among the error's own fields");
    assertStringIncludes(error.stack ?? "", "errors_test.ts");
  }
});

Deno.test("E1: the name is of the class, and an instance may be given another", () => {
  const error = new TimeoutError("late");
  error.name = "SlowPeerError";
  assertEquals(error.name, "SlowPeerError");
  assertEquals(new TimeoutError("late").name, "TimeoutError");
});

Deno.test("C2: the message of Cancelled names the scope, and the reason in a readable way", () => {
  const start = 'Cancelled, as the scope "search" was';
  assertEquals(cancelledFor().message, start);
  assertEquals(cancelledFor("enough").message, `${start}: enough`);
  assertEquals(cancelledFor(new Error("boom")).message, `${start}: boom`);
  assertEquals(cancelledFor(5).message, `${start}: 5`);
  assertEquals(cancelledFor(null).message, `${start}: null`);
  assertEquals(cancelledFor(Symbol("why")).message, `${start}: Symbol(why)`);
});

Deno.test("C2: a reason that is an error is the cause, any other reason is none", () => {
  const boom = new Error("boom");
  assertStrictEquals(cancelledFor(boom).cause, boom);
  assertFalse("cause" in cancelledFor("enough"));
});

Deno.test("C2: cancelledIn() finds the Cancelled, or the one that an AbortError was made of", () => {
  const cancelled = cancelledFor();
  assertStrictEquals(cancelledIn(cancelled), cancelled);
  const wrapped = new Error("aborted", { cause: cancelled });
  wrapped.name = "AbortError";
  assertStrictEquals(cancelledIn(wrapped), cancelled);
  assertFalse(isCancelled(wrapped));
});

Deno.test("C2: cancelledIn() does not take a failure for a cancellation because it has one as its cause", () => {
  const cancelled = cancelledFor();
  assertStrictEquals(cancelledIn(new Error("while closing", { cause: cancelled })), undefined);
  assertStrictEquals(cancelledIn(new DOMException("aborted", "AbortError")), undefined);
  for (
    const thrown of [undefined, null, 0, "AbortError", { name: "AbortError", cause: cancelled }]
  ) {
    assertStrictEquals(cancelledIn(thrown), undefined);
  }
});

Deno.test("G2: suppress() keeps later errors in their order, each once", () => {
  const first = new Error("first");
  const later = [new Error("second"), "third", undefined];
  assertEquals(suppressedErrors(first), []);
  for (const error of [...later, later[0]]) suppress(first, error);
  assertEquals(suppressedErrors(first), later);
});

Deno.test("G2: an error does not suppress itself", () => {
  const first = new Error("first");
  suppress(first, first);
  assertEquals(suppressedErrors(first), []);
});

Deno.test("G2: a thrown value that is no object suppresses nothing", () => {
  for (const first of [undefined, null, 0, "text", Symbol("thrown")]) {
    suppress(first, new Error("later"));
    assertEquals(suppressedErrors(first), []);
  }
  const frozen = Object.freeze({ thrown: true });
  suppress(frozen, "later");
  assertEquals(suppressedErrors(frozen), ["later"]);
  assert(Object.keys(frozen).length === 1, "the error keeps its shape");
});
