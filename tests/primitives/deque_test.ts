/**
 * The deque under the queues, against an array that does the same, across the borders of its chunks; and what it gives
 * back to the garbage collector.
 *
 * @module
 */

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { Deque } from "../../primitives/deque.ts";

function filled(count: number): Deque<number> {
  const deque = new Deque<number>();
  for (let i = 0; i < count; i++) deque.push(i);
  return deque;
}

Deno.test("Deque gives back in FIFO order from the front", () => {
  const deque = filled(3);
  assertEquals([deque.shift(), deque.shift(), deque.shift()], [0, 1, 2]);
  assertEquals(deque.size, 0);
});

Deno.test("Deque gives back in LIFO order from the end", () => {
  const deque = filled(3);
  assertEquals([deque.pop(), deque.pop(), deque.pop()], [2, 1, 0]);
  assertEquals(deque.size, 0);
});

Deno.test("Deque holds undefined like any other item", () => {
  const deque = new Deque<undefined>();
  deque.push(undefined);
  deque.push(undefined);
  assertEquals(deque.size, 2);
  assertStrictEquals(deque.shift(), undefined);
  assertEquals(deque.size, 1);
});

Deno.test("Deque keeps the order of 100,000 items from both ends at once", () => {
  const deque = filled(100_000);
  for (let i = 0; i < 50_000; i++) {
    assertStrictEquals(deque.shift(), i);
    assertStrictEquals(deque.pop(), 99_999 - i);
  }
  assertEquals(deque.size, 0);
});

Deno.test("Deque keeps its order at every depth while it goes round", () => {
  for (let depth = 0; depth < 1200; depth += depth < 70 ? 1 : 97) {
    const deque = filled(depth);
    for (let i = 0; i < 2000; i++) {
      deque.push(depth + i);
      assertStrictEquals(deque.shift(), i);
      assertStrictEquals(deque.size, depth);
    }
  }
});

Deno.test("Deque hovers round every size without a mistake", () => {
  const deque = new Deque<number>();
  for (let size = 1; size < 1200; size++) {
    deque.push(size);
    for (let i = 0; i < 3; i++) {
      deque.push(-i);
      assertStrictEquals(deque.pop(), -i);
      assertStrictEquals(deque.pop(), size);
      deque.push(size);
    }
  }
  for (let size = 1; size < 1200; size++) assertStrictEquals(deque.shift(), size);
});

Deno.test("Deque can be used again after a clear", () => {
  for (const count of [0, 1, 16, 17, 5000]) {
    const deque = filled(count);
    deque.clear();
    assertEquals(deque.size, 0);
    for (let i = 0; i < 1000; i++) deque.push(i);
    for (let i = 0; i < 1000; i++) assertStrictEquals(deque.shift(), i);
    assertEquals(deque.size, 0);
  }
});

Deno.test("Deque does what an array does, whatever the program", () => {
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ do: fc.constant("push"), count: fc.nat(700) }) },
    { weight: 5, arbitrary: fc.record({ do: fc.constant("push"), count: fc.nat(20) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("shift"), count: fc.nat(700) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("shift"), count: fc.nat(20) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("pop"), count: fc.nat(700) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("pop"), count: fc.nat(20) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("clear"), count: fc.constant(1) }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40, size: "max" }), (program) => {
      const deque = new Deque<number>();
      const model: number[] = [];
      let next = 0;
      for (const { do: action, count } of program) {
        if (action === "clear") {
          deque.clear();
          model.length = 0;
        }
        for (let i = 0; i < count; i++) {
          if (action === "push") {
            deque.push(next);
            model.push(next++);
          } else if (model.length > 0) {
            if (action === "shift") assertStrictEquals(deque.shift(), model.shift());
            if (action === "pop") assertStrictEquals(deque.pop(), model.pop());
          }
          assertStrictEquals(deque.size, model.length);
        }
      }
      while (model.length > 0) assertStrictEquals(deque.shift(), model.shift());
    }),
    { numRuns: 300 },
  );
});

/** Runs a program in a process of its own, whose garbage it can have collected; what it logs is its result. */
async function measure(program: string) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "eval",
      "--no-check",
      "--v8-flags=--expose-gc",
      `import { Deque } from ${JSON.stringify(import.meta.resolve("../../primitives/deque.ts"))};
      async function collect() {
        for (let turn = 0; turn < 3; turn++) {
          await new Promise((resolve) => setTimeout(resolve, 0));
          gc();
        }
        return Deno.memoryUsage().heapUsed;
      }
      ${program}`,
    ],
  }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

Deno.test("Deque gives its memory back as it drains, from either end and by a clear", async () => {
  const sizes = await measure(`
    const sizes = [];
    for (const drain of ["shift", "pop"]) {
      for (let round = 0; round < 2; round++) {
        const deque = new Deque();
        const before = await collect();
        for (let i = 0; i < 1_000_000; i++) deque.push(i);
        const full = await collect() - before;
        for (let i = 0; i < 900_000; i++) deque[drain]();
        const tenth = await collect() - before;
        for (let i = 0; i < 100_000; i++) deque[drain]();
        const empty = await collect() - before;
        for (let i = 0; i < 1_000_000; i++) deque.push(i);
        deque.clear();
        const cleared = await collect() - before;
        if (round > 0) sizes.push({ full, tenth, empty, cleared });
        deque.push(0);
      }
    }
    console.log(JSON.stringify(sizes));
  `);
  for (const { full, tenth, empty, cleared } of sizes) {
    assert(full > 7_500_000 && full < 10_000_000, `${full} bytes for 1,000,000`);
    assert(tenth < 1_500_000, `${tenth} bytes for 100,000`);
    assert(empty < 100_000, `${empty} bytes for none`);
    assert(cleared < 100_000, `${cleared} bytes for none after a clear`);
  }
});

Deno.test("Deque is small while little is in it", async () => {
  const [five, forty] = await measure(`
    const sizes = [];
    for (const count of [1, 5, 40]) {
      const deques = new Array(10_000).fill(null);
      const before = await collect();
      for (let i = 0; i < 10_000; i++) {
        deques[i] = new Deque();
        for (let n = 0; n < count; n++) deques[i].push(n);
      }
      sizes.push((await collect() - before) / deques.length);
    }
    console.log(JSON.stringify(sizes.slice(1)));
  `);
  assert(five > 0 && five < 400, `${five} bytes for 5`);
  assert(forty > 0 && forty < 1200, `${forty} bytes for 40`);
});

Deno.test("Deque retains nothing that was taken out", async () => {
  const alive = await measure(`
    const alive = {};
    for (const taking of ["shift", "pop", "clear"]) {
      const deque = new Deque();
      const taken = [];
      (() => {
        for (let i = 0; i < 2000; i++) deque.push({ i });
        if (taking === "clear") {
          for (let i = 0; i < 1000; i++) taken.push(new WeakRef(deque.shift()));
          deque.clear();
        } else {
          for (let i = 0; i < 1000; i++) taken.push(new WeakRef(deque[taking]()));
        }
      })();
      await collect();
      alive[taking] = taken.filter((ref) => ref.deref() !== undefined).length;
      deque.push({});
    }
    console.log(JSON.stringify(alive));
  `);
  assertEquals(alive, { shift: 0, pop: 0, clear: 0 });
});
