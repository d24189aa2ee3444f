/**
 * Errors on their way from one side to the other: what they were, they are again.
 *
 * @module
 */

import { assert, assertEquals, assertNotStrictEquals, assertStrictEquals } from "@std/assert";
import {
  BrokenResourceError,
  cancelScope,
  ClosedError,
  DeadlockError,
  Lock,
  NotPortableError,
  OverloadedError,
  QueueEmpty,
  QueueFull,
  QueueShutDown,
  RemoteError,
  sleep,
  suppressedErrors,
  taskGroup,
  TimeoutError,
  WorkerCrashedError,
} from "../../mod.ts";
import { decodeError, encodeError } from "../../pools/remote_error.ts";
import { thrownBy } from "../primitives/outcome.ts";

/** What comes out on the far side, a clone in between as on the way to another thread. */
function sent(thrown: unknown): unknown {
  return decodeError(structuredClone(encodeError(thrown)), 'worker "pool-1"');
}

function sentError(error: Error): Error & Record<string, unknown> {
  const copy = sent(error);
  assert(copy instanceof Error);
  assertNotStrictEquals(copy, error);
  return copy as Error & Record<string, unknown>;
}

function assertSame(copy: Error, error: Error, type: { prototype: Error }): void {
  assertStrictEquals(Object.getPrototypeOf(copy), type.prototype);
  assertEquals([copy.name, copy.message, String(copy)], [error.name, error.message, String(error)]);
}

Deno.test("the errors of the language keep their class, name and message [P6]", () => {
  for (
    const Type of [Error, RangeError, TypeError, SyntaxError, ReferenceError, URIError, EvalError]
  ) {
    const error = new Type("what happened");
    assertSame(sentError(error), error, Type);
  }
});

Deno.test("the errors of Grove keep their class, name and message [P6]", () => {
  const types = [
    BrokenResourceError,
    ClosedError,
    NotPortableError,
    OverloadedError,
    QueueEmpty,
    QueueFull,
    QueueShutDown,
    RemoteError,
    TimeoutError,
  ];
  for (const Type of types) {
    const error = new (Type as new (message: string) => Error)("what happened");
    const copy = sentError(error);
    assertSame(copy, error, Type);
    assert(!Object.hasOwn(copy, "name"), "a name of the class is none of its own");
  }
});

Deno.test("a DeadlockError, and a WorkerCrashedError with its exit code, keep their class [P6]", async () => {
  const lock = new Lock({ name: "ledger" });
  using _ = await lock.acquire();
  const deadlock = await thrownBy(lock.acquire()) as DeadlockError;
  assertSame(sentError(deadlock), deadlock, DeadlockError);
  const crash = new WorkerCrashedError("gone", 7, new Error("the cause"));
  const copy = sentError(crash);
  assertSame(copy, crash, WorkerCrashedError);
  assertEquals([copy.exitCode, (copy.cause as Error).message], [7, "the cause"]);
});

Deno.test("a DOMException keeps its class, name, message and code [P6]", () => {
  const error = new DOMException("not like this", "DataCloneError");
  const copy = sentError(error);
  assertSame(copy, error, DOMException);
  assertEquals(copy.code, 25);
});

Deno.test("the errors of Deno keep their class, name and message [P6]", () => {
  for (const Type of [Deno.errors.NotFound, Deno.errors.PermissionDenied, Deno.errors.BrokenPipe]) {
    const error = new Type("no such file");
    assertSame(sentError(error), error, Type);
  }
});

Deno.test("an error of a class that nobody knows there comes as a RemoteError, with its name and fields [P6]", () => {
  class PaymentError extends Error {
    override name = "PaymentError";
    amount = 12;
    parts = { of: ["it"] };
    #hidden = 1;
    get doubled() {
      return this.amount * 2 * this.#hidden;
    }
  }
  const copy = sentError(new PaymentError("declined"));
  assertStrictEquals(Object.getPrototypeOf(copy), RemoteError.prototype);
  assertEquals([copy.name, copy.message], ["PaymentError", "declined"]);
  assertEquals({ ...copy }, { amount: 12, parts: { of: ["it"] } });
});

Deno.test("an error of a class of one's own that extends a known one comes as that one, with its name [P6]", () => {
  class OutOfStock extends RangeError {
    override name = "OutOfStock";
  }
  class Late extends TimeoutError {
    after = 5;
  }
  const copy = sentError(new OutOfStock("none left"));
  assertStrictEquals(Object.getPrototypeOf(copy), RangeError.prototype);
  assertEquals([copy.name, String(copy)], ["OutOfStock", "OutOfStock: none left"]);
  const late = sentError(new Late("late"));
  assertStrictEquals(Object.getPrototypeOf(late), TimeoutError.prototype);
  assertEquals([late.name, late.after], ["TimeoutError", 5]);
});

Deno.test("a class of one's own with the name of a known one is not taken for it", () => {
  const Mine = { TypeError: class TypeError extends Error {} }.TypeError;
  assertStrictEquals(Object.getPrototypeOf(sentError(new Mine("x"))), RemoteError.prototype);
});

Deno.test("fields that can be cloned come along, the others do not, and the error does [P6]", () => {
  const error = Object.assign(new Error("x"), {
    code: "E_FULL",
    when: new Date(5),
    nothing: undefined,
    fn: () => {},
    nested: { fn: () => {} },
    promise: Promise.resolve(),
  });
  Object.defineProperty(error, "broken", {
    enumerable: true,
    get() {
      throw new Error("a getter");
    },
  });
  const copy = sentError(error);
  assertEquals({ ...copy }, { code: "E_FULL", when: new Date(5), nothing: undefined });
  assert("nothing" in copy);
});

Deno.test("a field of the error's own that has the name of a usual one takes its place", () => {
  const error = new Error("first");
  error.message = "changed";
  error.name = "Changed";
  const copy = sentError(error);
  assertEquals([copy.name, copy.message, Object.keys(copy)], ["Changed", "changed", []]);
});

Deno.test("a field that a class of the far side has as a getter is not set: nothing is thrown", () => {
  const copy = sentError(Object.assign(new DOMException("x", "AbortError"), { extra: 1 }));
  assertEquals([copy.code, copy.extra], [20, 1]);
  const data = { ...encodeError(new DOMException("x", "AbortError")), fields: [["code", 5]] };
  const decoded = decodeError(data as unknown as ReturnType<typeof encodeError>, "there");
  assertEquals((decoded as DOMException).code, 20);
});

Deno.test("name, message, cause, errors and stack are no enumerable fields of the copy, as with any error", () => {
  class Own extends AggregateError {
    override name = "Own";
  }
  const copy = sentError(new Own([new Error("part")], "whole", { cause: 1 }));
  assertEquals(Object.keys(copy), []);
  assertEquals([copy.name, (copy.errors as Error[]).length, copy.cause], ["Own", 1, 1]);
});

Deno.test("the stack is the far one, with where it was at its end [P6]", () => {
  const error = new Error("x");
  const copy = sentError(error);
  assertEquals(copy.stack, `${error.stack}\n    in worker "pool-1"`);
  const bare = new Error("x");
  delete bare.stack;
  assertEquals(sentError(bare).stack, '\n    in worker "pool-1"');
});

Deno.test("causes come along: errors with their classes, and whatever else [P6]", () => {
  const error = new TypeError("outer", {
    cause: new RangeError("middle", { cause: new TimeoutError("inner", { cause: { a: [1] } }) }),
  });
  const copy = sentError(error);
  const middle = copy.cause as Error;
  const inner = middle.cause as Error;
  assert(
    copy instanceof TypeError && middle instanceof RangeError && inner instanceof TimeoutError,
  );
  assertEquals([middle.message, inner.message, inner.cause], ["middle", "inner", { a: [1] }]);
  assert(middle.stack?.endsWith('in worker "pool-1"'));
});

Deno.test("an error without a cause has none there, one with a cause of undefined has that", () => {
  assertEquals("cause" in sentError(new Error("x")), false);
  assertEquals(Object.hasOwn(sentError(new Error("x", { cause: undefined })), "cause"), true);
});

Deno.test("the errors of an AggregateError come along, with their classes and causes [P6]", () => {
  const error = new AggregateError(
    [new TypeError("a", { cause: "why" }), "no error", new AggregateError([new RangeError("c")])],
    "several",
  );
  const copy = sentError(error) as unknown as AggregateError;
  assertSame(copy, error, AggregateError);
  const [first, second, third] = copy.errors;
  assert(first instanceof TypeError);
  assertEquals([first.message, first.cause, second], ["a", "why", "no error"]);
  assert(third.errors[0] instanceof RangeError);
});

Deno.test("a SuppressedError keeps its class, what was thrown and what that has hidden [P6]", async () => {
  const error = await thrownBy((async () => {
    await using _ = {
      [Symbol.asyncDispose]: () => Promise.reject(new RangeError("the disposal")),
    };
    throw new TypeError("the body");
  })()) as SuppressedError;
  const copy = sentError(error) as unknown as SuppressedError;
  assertSame(copy, error, SuppressedError);
  assert(copy.error instanceof RangeError && copy.suppressed instanceof TypeError);
  assertEquals([copy.error.message, copy.suppressed.message], ["the disposal", "the body"]);
  assertEquals(Object.keys(copy), []);
});

Deno.test("errors that are in a circle are so there too", () => {
  const error = new Error("a");
  const cause = new Error("b", { cause: error });
  error.cause = cause;
  const copy = sentError(error);
  assertEquals((copy.cause as Error).message, "b");
  assertStrictEquals((copy.cause as Error).cause, copy);
  const own = new Error("own cause");
  own.cause = own;
  const copyOfOwn = sentError(own);
  assertStrictEquals(copyOfOwn.cause, copyOfOwn);
  const all = new AggregateError([], "all");
  for (let n = 0; n < 20; n++) all.errors.push(all, new Error(`${n}`, { cause: all }));
  const copies = sentError(all) as unknown as AggregateError;
  assertEquals(copies.errors.length, 40);
  for (const part of copies.errors) assert(part === copies || part.cause === copies);
});

Deno.test("an error that occurs twice is one error there too", () => {
  const cause = new Error("shared");
  const error = new AggregateError([new Error("a", { cause }), new Error("b", { cause })]);
  const { errors } = sentError(error) as unknown as AggregateError;
  assertStrictEquals(errors[0].cause, errors[1].cause);
  assertEquals(errors[0].cause.message, "shared");
});

Deno.test("a chain of causes is cut where it is endless", () => {
  let made = 0;
  class Endless extends Error {
    override get cause(): unknown {
      made++;
      return new Endless("again");
    }
    override set cause(_: unknown) {
      // Whatever is assigned.
    }
  }
  let depth = 0;
  for (let copy: unknown = sent(new Endless("first")); copy !== undefined; depth++) {
    copy = (copy as Error).cause;
  }
  assert(depth > 10 && made < 1000, `${depth}, ${made}`);
});

Deno.test("a chain of causes of some length comes along", () => {
  let error = new Error("0");
  for (let n = 1; n <= 50; n++) error = new Error(`${n}`, { cause: error });
  let copy = sentError(error) as Error;
  while (copy.cause !== undefined) copy = copy.cause as Error;
  assertEquals(copy.message, "0");
});

Deno.test("what was thrown and is no error comes as it is, where it can be cloned [P6]", () => {
  for (const thrown of [undefined, null, 0, -0, "text", 5n, true, { a: [1] }, [undefined]]) {
    assertEquals(sent(thrown), thrown);
  }
  assert(Object.is(sent(-0), -0));
  assertEquals(sent(new Date(5)), new Date(5));
});

Deno.test("what was thrown, is no error and cannot be cloned comes as a RemoteError that shows it [P6]", () => {
  const cases: [unknown, string][] = [
    [Symbol("x"), "Symbol(x)"],
    [() => 1, "() => 1"],
    [{ fn: () => {} }, "[object Object]"],
    [Promise.resolve(), "[object Promise]"],
    [Object.assign(Object.create(null), { fn: () => {} }), "an object"],
  ];
  for (const [thrown, shown] of cases) {
    const copy = sent(thrown);
    assert(copy instanceof RemoteError);
    assertEquals(
      copy.message.replaceAll("=>1", "=> 1").replace("()=>", "() =>"),
      `What was thrown cannot be sent from there, and is no error: ${shown}`,
    );
    assert(copy.stack?.startsWith(`RemoteError: ${copy.message}`));
  }
});

Deno.test("a cause that cannot be cloned is shown, and the error comes along", () => {
  const copy = sentError(new TypeError("x", { cause: () => {} }));
  assert(copy instanceof TypeError);
  assert(copy.cause instanceof RemoteError);
});

Deno.test("a cancellation that was thrown as a failure comes as a RemoteError with its name and reason", async () => {
  const scope = await cancelScope((scope) => {
    scope.cancel("enough");
    return scope;
  });
  const copy = sentError(scope!.cancelled!);
  assert(copy instanceof RemoteError);
  assertEquals([copy.name, copy.reason, copy.message], [
    "AbortError",
    "enough",
    scope!.cancelled!.message,
  ]);
});

Deno.test("an error that cannot be read comes as a RemoteError that says so; nothing is thrown", () => {
  const throwing = {
    get() {
      throw new TypeError("not for you");
    },
  };
  const evil = [
    Object.defineProperty(new Error("x"), "message", throwing),
    Object.defineProperty(new Error("x"), "name", throwing),
    Object.defineProperty(new Error("x"), "cause", throwing),
    Object.defineProperty(new Error("x"), "stack", throwing),
    Object.assign(new Error("x"), { message: Object.create(null) }),
    new Proxy(new Error("x"), { ownKeys: throwing.get }),
  ];
  for (const error of evil) {
    const copy = sent(error);
    assert(copy instanceof RemoteError);
    assert(
      copy.message.startsWith("What was thrown is an error that cannot be read: TypeError"),
      copy.message,
    );
  }
  const cause = Object.defineProperty(new Error("x"), "message", throwing);
  assert(sentError(new TypeError("outer", { cause })) instanceof TypeError);
  const proxy = new Proxy(new Error("x"), { getPrototypeOf: throwing.get });
  assert(sent(proxy) instanceof RemoteError);
});

Deno.test("names and messages that are no text are made text", () => {
  const error = Object.assign(new Error(), { name: Symbol("odd"), message: 5 });
  const copy = sentError(error as unknown as Error);
  assertEquals([copy.name, copy.message], ["Symbol(odd)", "5"]);
});

Deno.test("the later failures of a group come along with the first [G2, P6]", async () => {
  const first = new TypeError("first");
  await taskGroup((group) => {
    group.spawn(async () => {
      try {
        await sleep(Infinity);
      } finally {
        // deno-lint-ignore no-unsafe-finally -- a clean-up that fails
        throw new RangeError("later");
      }
    });
    throw first;
  }).catch(() => {});
  const [later] = suppressedErrors(sentError(first));
  assert(later instanceof RangeError);
  assertEquals(later.message, "later");
  assertEquals(suppressedErrors(sentError(new Error("alone"))), []);
});
