/**
 * Sources: one way to take items from iterables and async iterables, as their protocols have it.
 *
 * @module
 */

import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { openSource } from "../../primitives/source.ts";
import { waitAllTasksBlocked } from "../../primitives/testing/mod.ts";
import { foreign, Numbers, NumberStream } from "./probes.ts";

Deno.test("a source of an iterable answers at once, and opens it with the first question", () => {
  const numbers = new Numbers(2);
  const source = openSource(numbers, "read");
  assert(source.synchronous);
  assertEquals(numbers.opened, 0);
  assertEquals(source.next(), { done: false, value: 0 });
  assertEquals(source.next(), { done: false, value: 1 });
  assertEquals(source.next(), { done: true, value: undefined });
  assertEquals(numbers.opened, 1);
});

Deno.test("a source that has said that there is no more is neither asked nor closed again", async () => {
  for (const numbers of [new Numbers(0), new NumberStream(0)]) {
    const source = openSource<number>(numbers, "read");
    assertEquals((await source.next()).done, true);
    numbers.ended = false;
    assertEquals((await source.next()).done, true);
    assertEquals(numbers.ended, false, "it was asked again");
    await source.close();
    assertEquals(numbers.closed, 0);
  }
});

Deno.test("closing a source closes what it reads from once, however often it is closed", async () => {
  for (const numbers of [new Numbers(), new NumberStream()]) {
    const source = openSource<number>(numbers, "read");
    await source.next();
    await source.close();
    await source.close();
    assertEquals(numbers.closed, 1);
    assertEquals((await source.next()).done, true);
    assertEquals(numbers.taken, 1);
  }
});

Deno.test("closing a source that nobody has asked opens nothing, and what is asked later is the end", async () => {
  for (const numbers of [new Numbers(), new NumberStream()]) {
    const source = openSource<number>(numbers, "read");
    await source.close();
    assertEquals((await source.next()).done, true);
    assertEquals([numbers.opened, numbers.closed], [0, 0]);
  }
});

Deno.test("what is both iterable and async iterable is read as the latter", () => {
  const both = { ...asyncOnly(), [Symbol.iterator]: () => [1][Symbol.iterator]() };
  assertEquals(openSource<number>(both, "read").synchronous, false);
});

function asyncOnly(): AsyncIterable<number> {
  const numbers = new NumberStream(1);
  return { [Symbol.asyncIterator]: () => numbers[Symbol.asyncIterator]() };
}

Deno.test("an async iterator is not asked again before it has answered; who asks meanwhile waits in line", async () => {
  const { promise, resolve } = foreign();
  const numbers = new NumberStream(3, () => promise);
  const source = openSource<number>(numbers, "read");
  const answers = [source.next(), source.next(), source.next(), source.next()];
  await waitAllTasksBlocked();
  assertEquals(numbers.asked, 1);
  resolve();
  const values = (await Promise.all(answers)).map(({ value }) => value);
  assertEquals(values, [0, 1, 2, undefined]);
  assertEquals(numbers.mostAsked, 1);
});

Deno.test("an iterator that threw is over: it is neither asked nor closed again", async () => {
  const boom = new Error("boom");
  let asked = 0;
  let closed = 0;
  const iterator = {
    next: () => {
      asked++;
      throw boom;
    },
    return: () => {
      closed++;
      return { done: true as const, value: undefined };
    },
  };
  const synchronous = openSource<never>({ [Symbol.iterator]: () => iterator }, "read");
  assertStrictEquals(assertThrows(() => synchronous.next()), boom);
  assertEquals((await synchronous.next()).done, true);
  await synchronous.close();
  assertEquals([asked, closed], [1, 0]);

  const rejecting = {
    next: async () => iterator.next(),
    return: async () => iterator.return(),
  };
  const asynchronous = openSource<never>({ [Symbol.asyncIterator]: () => rejecting }, "read");
  assertStrictEquals(await assertRejects(async () => await asynchronous.next()), boom);
  assertEquals((await asynchronous.next()).done, true);
  await asynchronous.close();
  assertEquals([asked, closed], [2, 0]);
});

Deno.test("an iterator without return() is closed without it", async () => {
  let n = 0;
  const next = () => ({ done: false, value: n++ });
  const synchronous = openSource<number>({ [Symbol.iterator]: () => ({ next }) }, "read");
  synchronous.next();
  await synchronous.close();
  const asynchronous = openSource<number>(
    { [Symbol.asyncIterator]: () => ({ next: async () => next() }) },
    "read",
  );
  await asynchronous.next();
  await asynchronous.close();
  assertEquals((await asynchronous.next()).done, true);
});

Deno.test("what an iterator throws when it is closed comes out of close()", async () => {
  const boom = new Error("boom");
  function* synchronous(): Generator<number> {
    try {
      yield 1;
    } finally {
      // deno-lint-ignore no-unsafe-finally
      throw boom;
    }
  }
  async function* asynchronous(): AsyncGenerator<number> {
    yield* synchronous();
  }
  for (const items of [synchronous(), asynchronous()]) {
    const source = openSource<number>(items, "read");
    await source.next();
    assertStrictEquals(await assertRejects(async () => await source.close()), boom);
  }
});

Deno.test("closing does not wait for an answer that something foreign holds back; who waits for it gets it", async () => {
  const { promise, resolve } = foreign();
  const log: string[] = [];
  async function* stuck(): AsyncGenerator<number> {
    try {
      await promise;
      yield 1;
    } finally {
      log.push("closed");
    }
  }
  const source = openSource(stuck(), "read");
  const answer = source.next();
  await waitAllTasksBlocked();
  await source.close();
  assertEquals(log, []);
  resolve();
  assertEquals(await answer, { done: false, value: 1 });
  await waitAllTasksBlocked();
  assertEquals(log, ["closed"]);
});

Deno.test("an iterator whose return() answers at once, and not with a promise, can be closed while it is asked", async () => {
  const { promise, resolve } = foreign<IteratorResult<number>>();
  let closed = 0;
  const iterator = {
    next: () => promise,
    return: () => {
      closed++;
      return { done: true, value: undefined };
    },
  } as unknown as AsyncIterator<number>;
  const source = openSource<number>({ [Symbol.asyncIterator]: () => iterator }, "read");
  const answer = source.next();
  await waitAllTasksBlocked();
  await source.close();
  assertEquals(closed, 1);
  resolve({ done: true, value: undefined });
  await answer;
});

Deno.test("what is no iterable is refused, with the name of the call in the message [E1]", () => {
  for (
    const [items, shown] of [
      [undefined, "undefined"],
      [null, "null"],
      [7, "7"],
      [{}, "an object"],
      [() => {}, "the function (anonymous)"],
      [Promise.resolve([]), "a Promise"],
    ]
  ) {
    assertThrows(
      () => openSource(items as Iterable<never>, "juggle"),
      TypeError,
      `Cannot juggle as the items must be an iterable or async iterable: received ${shown}`,
    );
  }
});
