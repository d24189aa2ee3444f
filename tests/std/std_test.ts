/**
 * What the tests ask of `@std/assert` and `@std/async`, in code and in types, so that JSR's and those that stand in for
 * them answer alike. A statement that only compiles if a type is right says so.
 *
 * @module
 */

import * as std from "@std/assert";
import {
  abortable,
  allKeyed,
  allSettledKeyed,
  deadline,
  debounce,
  delay,
  Lazy,
  MuxAsyncIterator,
  poll,
  pooledMap,
  retry,
  RetryError,
  tee,
} from "@std/async";

async function* count(to: number): AsyncGenerator<number> {
  for (let n = 1; n <= to; n++) yield n;
}

Deno.test("@std/assert: what holds passes", () => {
  std.assert(1);
  std.assertFalse(0);
  std.assertExists(0);
  std.assertEquals({ a: [1] }, { a: [1] });
  std.assertNotEquals({ a: 1 }, { a: 2 });
  std.assertStrictEquals("a", "a");
  std.assertNotStrictEquals({}, {});
  std.assertObjectMatch({ a: 1, b: 2 }, { a: 1 });
  std.assertArrayIncludes([1, 2, 3], [3, 1]);
  std.assertAlmostEquals(0.1 + 0.2, 0.3);
  std.assertAlmostEquals(10, 11, 2);
  std.assertGreater(2, 1);
  std.assertGreaterOrEqual(2, 2);
  std.assertLess(1, 2);
  std.assertLessOrEqual(2, 2);
  std.assertMatch("grove", /^g/);
  std.assertNotMatch("grove", /^r/);
  std.assertStringIncludes("grove", "rov");
  std.assertInstanceOf(new TypeError(), Error);
  std.assertNotInstanceOf(new Error(), TypeError);
  std.assertIsError(new TypeError("no way"), TypeError, "way");
  std.assertEquals(std.equal(new Map([[1, 2]]), new Map([[1, 2]])), true);
});

Deno.test("@std/assert: what does not hold throws an AssertionError with the message given", () => {
  const wrong = [
    () => std.assert(0, "because"),
    () => std.assertEquals(1, 2, "because"),
    () => std.assertStrictEquals({}, {}, "because"),
    () => std.assertInstanceOf(new Error(), TypeError, "because"),
    () => std.fail("because"),
    () => std.unreachable("because"),
    () => std.unimplemented("because"),
  ];
  for (const assertion of wrong) std.assertThrows(assertion, std.AssertionError, "because");
});

Deno.test("@std/assert: assertThrows() and assertRejects() give the error, in its type", async () => {
  const thrown = std.assertThrows(
    () => {
      throw new RangeError("too far");
    },
    RangeError,
    "far",
  );
  std.assertEquals(thrown.message, "too far");
  const rejected = await std.assertRejects(() => Promise.reject(new RangeError("far")), RangeError);
  std.assertEquals(rejected.message, "far");
  await std.assertRejects(
    () => std.assertRejects(() => Promise.resolve(1)),
    std.AssertionError,
  );
});

Deno.test("@std/assert: assertions narrow types", () => {
  const value = "a" as string | undefined;
  std.assertExists(value);
  value.length satisfies number;
  const error = new DOMException("no", "AbortError") as unknown;
  std.assertInstanceOf(error, DOMException);
  error.name satisfies string;
});

Deno.test("@std/async: delay(), deadline() and abortable() end by their signal", async () => {
  const reason = new Error("enough");
  const signal = AbortSignal.abort(reason);
  const never = Promise.withResolvers<number>().promise;
  for (
    const wait of [
      () => delay(1_000, { signal }),
      () => deadline(never, 1_000, { signal }),
      () => abortable(never, signal),
      () => Array.fromAsync(abortable(count(3), signal)),
    ]
  ) {
    std.assertStrictEquals(await std.assertRejects(wait), reason);
  }
});

Deno.test("@std/async: retry() and poll() try again until it works", async () => {
  let tries = 0;
  const options = { minTimeout: 0, maxTimeout: 1, maxAttempts: 3 };
  const third = await retry(() => {
    if (++tries < 3) throw new Error("not yet");
    return tries;
  }, options);
  std.assertEquals(third, 3);
  const failure = await std.assertRejects(
    () => retry(() => Promise.reject(new Error("never")), options),
    RetryError,
  );
  std.assertIsError(failure.cause, Error, "never");
  std.assertEquals(await poll(() => Promise.resolve(++tries), (n) => n === 6, { interval: 0 }), 6);
});

Deno.test("@std/async: pooledMap(), tee() and MuxAsyncIterator give every item", async () => {
  const squares = pooledMap(2, count(4), (n) => Promise.resolve(n * n));
  std.assertEquals(await Array.fromAsync(squares), [1, 4, 9, 16]);
  const [left, right] = tee(count(2));
  std.assertEquals([await Array.fromAsync(left), await Array.fromAsync(right)], [[1, 2], [1, 2]]);
  const mux = new MuxAsyncIterator<number>();
  mux.add(count(2));
  mux.add(count(3));
  std.assertEquals((await Array.fromAsync(mux)).sort(), [1, 1, 2, 2, 3]);
});

Deno.test("@std/async: debounce() keeps the last call, Lazy one value, allKeyed() the keys", async () => {
  const calls: number[] = [];
  const debounced = debounce((n: number) => void calls.push(n), 1_000);
  debounced(1);
  debounced(2);
  std.assertEquals(debounced.pending, true);
  debounced.flush();
  std.assertEquals(calls, [2]);
  const lazy = new Lazy(() => Promise.resolve({}));
  std.assertStrictEquals(await lazy.get(), await lazy.get());
  std.assertEquals({ ...await allKeyed({ a: Promise.resolve(1), b: 2 }) }, { a: 1, b: 2 });
  const settled = await allSettledKeyed({ a: Promise.reject(new Error()), b: 2 });
  std.assertEquals([settled.a.status, settled.b.status], ["rejected", "fulfilled"]);
});
