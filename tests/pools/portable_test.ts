/**
 * `portable`, and what functions travel as: their module and name, or their source.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertNotStrictEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { NotPortableError, portable, TaskPool } from "../../mod.ts";
import type { AnyFunction } from "../../pools/job.ts";
import { compile, portableIn, referenceTo } from "../../pools/portable.ts";
import { assertType, calling, type Same } from "../primitives/probes.ts";

const CURE = "Make it portable: portable(import.meta, function name() {})";

let modules = 0;

/** An `import.meta` of a module that there is not. */
function meta(): { url: string } {
  return { url: `test:module-${++modules}` };
}

/** A function made again from what it would travel as. */
function traveled(fn: AnyFunction): AnyFunction {
  const reference = referenceTo(fn);
  assert("source" in reference);
  const copy = compile(reference.source);
  assertNotStrictEquals(copy, fn);
  return copy;
}

/** Asks for the message that a function is refused with. */
function refused(fn: unknown): string {
  return assertThrows(() => referenceTo(fn as AnyFunction), NotPortableError).message;
}

Deno.test("portable returns the function itself, of the same type, to be called as before [P1]", () => {
  const add = (a: number, b = 1) => a + b;
  const same = portable(meta(), add);
  assertStrictEquals(same, add);
  assertType<Same<typeof same, (a: number, b?: number) => number>>();
  assertEquals(same(1), 2);
});

Deno.test("where modules have no URL a portable function is one that runs here [P1, P11]", async () => {
  const meta = Object.create(null); // As in workerd.
  const twice = portable(meta, function twice(n: number) {
    return n * 2;
  });
  await using pool = new TaskPool(1);
  assertEquals(await pool.run(twice, 2), 4);
  // Another module, and the same `import.meta` as far as anybody can tell.
  portable(meta, function twice() {});
  for (const none of [{}, [], Object.assign(Object.create(null), { name: "module" })]) {
    assertThrows(
      () => portable(none as { url: string }, twice),
      TypeError,
      "must be 'import.meta'",
    );
  }
});

Deno.test("a portable function travels as its module and name, and is found by them [P1]", () => {
  const module = meta();
  const fib = portable(module, function fib(n: number): number {
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
  });
  assertEquals(referenceTo(fib), { url: module.url, name: "fib" });
  assertStrictEquals(portableIn(module.url, "fib"), fib);
  assertEquals(portableIn(module.url, "fob"), undefined);
  assertEquals(portableIn("test:elsewhere", "fib"), undefined);
});

Deno.test("functions of one name can be portable in different modules, and of different names in one", () => {
  const [first, second] = [meta(), meta()];
  const one = portable(first, function work() {});
  const two = portable(second, function work() {});
  const three = portable(first, function rest() {});
  assertStrictEquals(portableIn(first.url, "work"), one);
  assertStrictEquals(portableIn(second.url, "work"), two);
  assertStrictEquals(portableIn(first.url, "rest"), three);
});

Deno.test("functions of all sorts can be portable: async ones, generators, arrows with a name, classes' methods, natives", () => {
  const module = meta();
  const shout = async (text: string) => await Promise.resolve(text.toUpperCase());
  class Codec {
    static encode() {}
  }
  for (const fn of [shout, function* count() {}, Codec.encode, Math.max]) {
    portable(module, fn as AnyFunction);
    assertEquals(referenceTo(fn as AnyFunction), { url: module.url, name: fn.name });
  }
});

Deno.test("portable says what is wrong with its arguments, and notes nothing [E1]", () => {
  assertThrows(
    calling(portable, meta(), 5),
    TypeError,
    "Cannot make it portable as the second argument must be a function: received 5",
  );
  for (const module of [undefined, null, "file:///x.ts", {}, { url: 5 }]) {
    assertThrows(
      calling(portable, module, function work() {}),
      TypeError,
      `Cannot make "work" portable as the first argument must be 'import.meta': received`,
    );
  }
  assertThrows(
    calling(portable, meta(), () => {}),
    TypeError,
    "Cannot make the function portable as it has no name to find it by. Give it one: function name() {}",
  );
  const module = meta();
  const first = portable(module, function work() {});
  const second = function work() {};
  assertThrows(
    calling(portable, module, second),
    TypeError,
    `Cannot make "work" portable as its module has a portable function of that name: ${module.url}. Give it another`,
  );
  assertStrictEquals(portableIn(module.url, "work"), first);
  assert("source" in referenceTo(second), "it is none of that module");
});

Deno.test("a plain function travels as its source: functions, arrows, async ones, generators [P1]", async () => {
  assertEquals(traveled((a: number, b: number) => a + b)(1, 2), 3);
  assertEquals(
    traveled(function named(n: number): number {
      return n < 2 ? 1 : n * named(n - 1);
    })(5),
    120,
  );
  assertEquals(traveled((n: number) => ({ n }))(1), { n: 1 });
  assertEquals(await traveled(async (n: number) => await Promise.resolve(n))(1), 1);
  assertEquals([
    ...traveled(function* (n: number) {
      while (n-- > 0) yield n;
    })(3) as Iterable<number>,
  ], [2, 1, 0]);
  const counted = traveled(async function* (n: number) {
    while (n-- > 0) yield await Promise.resolve(n);
  })(2);
  assertEquals(await Array.fromAsync(counted as AsyncIterable<number>), [1, 0]);
  assertEquals(
    traveled((n: number) => {
      return n; // With a remark at its end.
    } /* and one after it */)(1),
    1,
  );
});

Deno.test("methods travel as their source: plain, async, generators, static, with strange names", async () => {
  const object = {
    plain(n: number) {
      return n + 1;
    },
    async later(n: number) {
      return await Promise.resolve(n + 2);
    },
    *several(n: number) {
      yield n;
    },
    async *slowly(n: number) {
      yield await Promise.resolve(n);
    },
    "with a blank"(n: number) {
      return n + 3;
    },
    17(n: number) {
      return n + 4;
    },
    [Symbol.iterator](n: number) {
      return n + 5;
    },
    ["comp" + "uted"](n: number) {
      return n + 6;
    },
    async(n: number) {
      return n + 7;
    },
    get(n: number) {
      return n + 8;
    },
    function(n: number) {
      return n + 9;
    },
    classify(n: number) {
      return n + 11;
    },
  };
  class Codec {
    static encode(n: number) {
      return n + 10;
    }
  }
  assertEquals(traveled(object.plain)(1), 2);
  assertEquals(await traveled(object.later)(1), 3);
  assertEquals([...traveled(object.several)(1) as Iterable<number>], [1]);
  assertEquals(await Array.fromAsync(traveled(object.slowly)(1) as AsyncIterable<number>), [1]);
  assertEquals(traveled(object["with a blank"])(1), 4);
  assertEquals(traveled(object[17])(1), 5);
  assertEquals(traveled(object[Symbol.iterator])(1), 6);
  assertEquals(traveled(object["computed"] as AnyFunction)(1), 7);
  assertEquals(traveled(object.async)(1), 8);
  assertEquals(traveled(object.get)(1), 9);
  assertEquals(traveled(object.function)(1), 10);
  assertEquals(traveled(Codec.encode)(1), 11);
  assertEquals(traveled(object.classify)(1), 12);
});

Deno.test("a function that came as its source runs in strict mode, as in the module that it is from", () => {
  const fn = new Function("return this === undefined") as AnyFunction;
  assertEquals(fn(), false);
  assertEquals(traveled(fn)(), true);
});

Deno.test("a name that is there as a global of workers, and was meant to be another, is an error and not that", () => {
  const name = "ours";
  assertThrows(traveled(() => name), ReferenceError, "name");
  assertThrows(traveled(() => close()), ReferenceError, "close");
  assertEquals(traveled((name: string) => name)("an argument"), "an argument");
});

Deno.test("the reference of a function is made once, and the same for functions of the same source", () => {
  const make = () => (n: number) => n * 31;
  const [first, second] = [make(), make()];
  assertNotStrictEquals(first, second);
  assertStrictEquals(referenceTo(first), referenceTo(first));
  assertStrictEquals(referenceTo(first), referenceTo(second));
});

Deno.test("to ask for a function's reference calls neither the function nor a getter that it is", () => {
  let calls = 0;
  const object = {
    get size() {
      calls++;
      return () => 1;
    },
  };
  assertThrows(
    () => referenceTo(Object.getOwnPropertyDescriptor(object, "size")!.get!),
    NotPortableError,
  );
  referenceTo(() => calls++);
  assertEquals(calls, 0);
});

Deno.test("what has no source is refused, with its name and the cure: natives, bound functions, proxies [P1]", () => {
  for (const fn of [Math.abs, (() => 1).bind(null), console.log.bind(console)]) {
    assertEquals(
      refused(fn),
      `Cannot send "${fn.name}" to run elsewhere as it is native or bound, and has no source. ${CURE}`,
    );
  }
  assert(refused(new Proxy(() => 1, {})).includes("native or bound"));
});

Deno.test("a function that speaks of native code is not taken for native", () => {
  assertEquals(traveled(() => "{ [native code] }")(), "{ [native code] }");
});

Deno.test("a class is refused, with the cure; a function with such a name is not [P1]", () => {
  class Codec {}
  assertEquals(
    refused(Codec),
    `Cannot send "Codec" to run elsewhere as it is a class. Send a function that makes one. ${CURE}`,
  );
  assert(refused(class extends Codec {}).includes("it is a class"));
  assertEquals(
    traveled(function classOf() {
      return 1;
    })(),
    1,
  );
});

Deno.test("a source that cannot stand alone is refused, with the cure [P1]", () => {
  class Codec {
    #state = 1;
    static reach(codec: Codec) {
      return codec.#encode;
    }
    #encode() {
      return this.#state;
    }
  }
  const key = "dynamic";
  const object = {
    [key]() {},
    set size(_: number) { // Nothing.
    },
  };
  const functions = [
    Codec.reach(new Codec()),
    object[key],
    Object.getOwnPropertyDescriptor(object, "size")!.set!,
    () => import.meta.url,
  ];
  for (const fn of functions) {
    assertEquals(
      refused(fn),
      `Cannot send "${fn.name}" to run elsewhere as its source cannot stand alone. ${CURE}`,
    );
  }
});

Deno.test("a function that was refused can be made portable, and is taken then", () => {
  const module = meta();
  const { min } = Math;
  refused(min);
  portable(module, min);
  assertEquals(referenceTo(min), { url: module.url, name: "min" });
});
