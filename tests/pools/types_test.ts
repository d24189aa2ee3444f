/**
 * The types at `submit`, `run`, `map` and `stream`: what a function takes and gives is known from
 * the function, through every pool, and what does not fit does not compile.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import {
  type Executor,
  type Future,
  type JobFunction,
  portable,
  TaskPool,
  transfer,
  type WorkerPool,
} from "../../mod.ts";
import { assertType, type Same } from "../primitives/probes.ts";

const add = (a: number, b: number): number => a + b;
const later = (text: string): Promise<string> => Promise.resolve(text);
const thenable = (): PromiseLike<boolean> => Promise.resolve(true);
const optional = (a: number, b?: string): string => `${a}${b ?? ""}`;
const several = (...numbers: number[]): number => numbers.length;

function* numbers(end: number): Generator<number> {
  for (let n = 0; n < end; n++) yield n;
}

async function* texts(...all: string[]): AsyncGenerator<string, number> {
  yield* all;
  return all.length;
}

/** Nothing of this runs: it is there to be compiled. */
function compiled(pool: Executor): void {
  const sum = pool.submit(add, 1, 2);
  assertType<Same<typeof sum, Future<number>>>();
  const text = pool.submit(later, "text");
  assertType<Same<typeof text, Future<string>>>();
  const truth = pool.submit(thenable);
  assertType<Same<typeof truth, Future<boolean>>>();
  const nothing = pool.submit(() => {});
  assertType<Same<typeof nothing, Future<void>>>();
  const never = pool.submit((): never => {
    throw new Error();
  });
  assertType<Same<typeof never, Future<never>>>();

  const ran = pool.run(add, 1, 2);
  assertType<Same<typeof ran, Promise<number>>>();
  const ranLater = pool.run(later, "text");
  assertType<Same<typeof ranLater, Promise<string>>>();
  const either = pool.run((n: number) => n > 0 ? n : Promise.resolve(0), 1);
  assertType<Same<typeof either, Promise<number>>>();

  pool.run(optional, 1);
  pool.run(optional, 1, "b");
  pool.run(several);
  pool.run(several, 1, 2, 3);

  const mapped = pool.map((n: number) => `${n}`, [1, 2]);
  assertType<Same<typeof mapped, AsyncIterable<string>>>();
  const mappedLater = pool.map(later, new Set(["a"]));
  assertType<Same<typeof mappedLater, AsyncIterable<string>>>();
  const chained = pool.map((n: number) => n, pool.map(later, ["1"], { ordered: false }) as never);
  assertType<Same<typeof chained, AsyncIterable<number>>>();

  const streamed = pool.stream(numbers, 3);
  assertType<Same<typeof streamed, AsyncIterable<number>>>();
  const streamedTexts = pool.stream(texts, "a", "b");
  assertType<Same<typeof streamedTexts, AsyncIterable<string>>>();
  const list = pool.stream((n: number) => [n, `${n}`] as const, 1);
  assertType<Same<typeof list, AsyncIterable<number | `${number}`>>>();

  // A portable function, and an argument that is moved, are what they were.
  const fib = portable(import.meta, function fib(n: number): number {
    return n;
  });
  assertType<Same<typeof fib, (n: number) => number>>();
  const number = pool.run(fib, 30);
  assertType<Same<typeof number, Promise<number>>>();
  const length = pool.run((bytes: Uint8Array) => bytes.length, transfer(new Uint8Array(1)));
  assertType<Same<typeof length, Promise<number>>>();

  // What is told by with() is the same kind of thing.
  const told = pool.with({ name: "told" });
  assertType<Same<typeof told, Executor>>();
  assertType<
    Same<Parameters<typeof told.submit<[a: string], number>>[0], JobFunction<[a: string], number>>
  >();

  // @ts-expect-error -- an argument is missing
  pool.submit(add, 1);
  // @ts-expect-error -- one is too many
  pool.submit(add, 1, 2, 3);
  // @ts-expect-error -- one is of the wrong type
  pool.submit(add, 1, "2");
  // @ts-expect-error -- an argument is missing
  pool.run(add);
  // @ts-expect-error -- one is of the wrong type
  pool.run(later, 5);
  // @ts-expect-error -- what is called is no function
  pool.run(5);
  // @ts-expect-error -- the items are no arguments of the function
  pool.map(add, [1, 2]);
  // @ts-expect-error -- the items are of the wrong type
  pool.map(later, [1, 2]);
  // @ts-expect-error -- there is no such option
  pool.map(later, ["a"], { limit: 1 });
  // @ts-expect-error -- what it returns cannot be iterated over
  pool.stream(add, 1, 2);
  // @ts-expect-error -- an argument is of the wrong type
  pool.stream(numbers, "3");
  // @ts-expect-error -- there is no such option
  pool.with({ nickname: "told" });
}

Deno.test("the types of submit, run, map and stream follow from the function, in every pool", async () => {
  assertEquals(typeof compiled, "function");
  await using pool = new TaskPool(2);
  const executor: Executor = pool;
  assertEquals(await executor.submit(add, 1, 2), 3);
  assertEquals(await executor.run(optional, 1, "b"), "1b");
  assertEquals(await Array.fromAsync(executor.map(later, ["a"])), ["a"]);
  assertEquals(await Array.fromAsync(executor.stream(numbers, 2)), [0, 1]);
  assertType<WorkerPool extends Executor ? true : false>();
  assertType<TaskPool extends Executor ? true : false>();
});

Deno.test("a future of a narrower type is one of a wider type, and not the other way round", async () => {
  await using pool = new TaskPool(1);
  const narrow = pool.submit(() => "text");
  const wide: Future<string | number> = narrow;
  // @ts-expect-error -- it may come to a number
  const wrong: Future<string> = wide;
  assertEquals([await wide, await wrong], ["text", "text"]);
});
