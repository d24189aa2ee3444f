/**
 * The sorted list under the priority queue, against an array and a search in it, with ties, with comparisons that fail, and
 * with what it gives back to the garbage collector.
 *
 * @module
 */

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { SortedList } from "../../primitives/sorted_list.ts";

interface Item {
  readonly priority: number;
  readonly id: number;
}

function byPriority(a: Item, b: Item): number {
  return a.priority - b.priority;
}

function numbers(...items: number[]): SortedList<number> {
  const list = new SortedList<number>((a, b) => a - b);
  for (const item of items) list.insert(item);
  return list;
}

function drain<T>(list: SortedList<T>): T[] {
  const items: T[] = [];
  while (list.size > 0) items.push(list.shift());
  return items;
}

/** The place behind all in `model` that are smaller or equal. */
function placeOf(model: readonly Item[], item: Item): number {
  let low = 0;
  let high = model.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (byPriority(item, model[middle]) < 0) high = middle;
    else low = middle + 1;
  }
  return low;
}

Deno.test("SortedList gives back the smallest first", () => {
  assertEquals(drain(numbers(3, 1, 2, -5, 10, 0)), [-5, 0, 1, 2, 3, 10]);
});

Deno.test("SortedList gives back equal items in the order in which they came", () => {
  const list = new SortedList<Item>(byPriority);
  for (let id = 0; id < 10_000; id++) list.insert({ priority: id % 3, id });
  const ids = drain(list).map((item) => item.id);
  const want = Array.from({ length: 10_000 }, (_, id) => id)
    .sort((a, b) => a % 3 - b % 3 || a - b);
  assertEquals(ids, want);
});

Deno.test("SortedList counts what is in it", () => {
  const list = numbers();
  assertEquals(list.size, 0);
  list.insert(1);
  list.insert(1);
  assertEquals(list.size, 2);
  list.shift();
  assertEquals(list.size, 1);
});

Deno.test("SortedList can be used again after a clear", () => {
  for (const count of [0, 1, 64, 65, 10_000]) {
    const list = numbers(...Array.from({ length: count }, (_, i) => -i));
    list.clear();
    assertEquals(list.size, 0);
    for (const item of [2, 3, 1]) list.insert(item);
    assertEquals(drain(list), [1, 2, 3]);
  }
});

Deno.test("SortedList compares once per item that is not smaller than any before it", () => {
  let comparisons = 0;
  const list = new SortedList<number>((a, b) => (comparisons++, a - b));
  for (let i = 0; i < 100_000; i++) list.insert(i >> 3);
  assertEquals(comparisons, 99_999);
});

Deno.test("SortedList compares some log2(size) times per item, and never to give one back", () => {
  let comparisons = 0;
  let random = 1;
  const list = new SortedList<number>((a, b) => (comparisons++, a - b));
  for (let i = 0; i < 100_000; i++) {
    comparisons = 0;
    list.insert(random = random * 48271 % 0x7fffffff);
    assert(comparisons <= Math.log2(i + 1) + 6, `${comparisons} comparisons among ${i}`);
  }
  comparisons = 0;
  drain(list);
  assertEquals(comparisons, 0);
});

Deno.test("SortedList does not grow with what has passed through it", () => {
  let comparisons = 0;
  const list = new SortedList<number>((a, b) => (comparisons++, a - b));
  let random = 1;
  let now = 0;
  for (let i = 0; i < 10; i++) list.insert(i);
  for (let i = 0; i < 200_000; i++) {
    comparisons = 0;
    list.insert(now + (random = random * 48271 % 0x7fffffff) % 1000);
    assert(comparisons <= 8, `${comparisons} comparisons among 10`);
    now = list.shift();
  }
});

Deno.test("SortedList has compared an item with both its neighbors by the time that it is in", () => {
  const seen = new Set<Item>();
  const list = new SortedList<Item>((a, b) => {
    seen.add(a).add(b);
    return byPriority(a, b);
  });
  const model: Item[] = [];
  let random = 1;
  for (let id = 0; id < 30_000; id++) {
    random = random * 48271 % 0x7fffffff;
    // Fewer go than come, so that the list grows while its left edge moves.
    if (random % 5 === 0) assertStrictEquals(list.shift(), model.shift());
    const item = { priority: (random >> 8) % (id % 2 === 0 ? 100 : 1_000_000), id };
    seen.clear();
    list.insert(item);
    const place = placeOf(model, item);
    model.splice(place, 0, item);
    if (place > 0) assert(seen.has(model[place - 1]), "not compared with the one before");
    if (place < model.length - 1) {
      assert(seen.has(model[place + 1]), "not compared with the one behind");
    }
  }
});

Deno.test("SortedList calls 'compare' with no receiver", () => {
  const list = new SortedList<number>(function (this: unknown, a, b) {
    assertStrictEquals(this, undefined);
    return a - b;
  });
  for (const item of [5, 3, 4, 9]) list.insert(item);
  assertEquals(drain(list), [3, 4, 5, 9]);
});

Deno.test("SortedList refuses an order that is not a number and stays as it was", () => {
  for (const order of [NaN, undefined, "before"]) {
    const list = new SortedList<number | string>((a, b) =>
      typeof a === "number" && typeof b === "number" ? a - b : order as number
    );
    for (const item of [3, 1, 2]) list.insert(item);
    assertThrows(() => list.insert("x"), TypeError, "'compare' must return a number: received ");
    assertEquals(list.size, 3);
    assertEquals(drain(list), [1, 2, 3]);
  }
});

Deno.test("SortedList refuses NaN below the largest item, too", () => {
  const list = new SortedList<number>((a, b) => b === 2 && a === 1.5 ? NaN : a - b);
  for (const item of [1, 2, 3]) list.insert(item);
  assertThrows(
    () => list.insert(1.5),
    TypeError,
    "Cannot insert the item as 'compare' must return a number: received NaN. Return",
  );
  assertEquals(drain(list), [1, 2, 3]);
});

Deno.test("SortedList takes bigints for an order", () => {
  const list = new SortedList<bigint>((a, b) => a - b as unknown as number);
  for (const item of [5n, 3n, 4n, 9n]) list.insert(item);
  assertEquals(drain(list), [3n, 4n, 5n, 9n]);
});

Deno.test("SortedList loses nothing to an order that makes no sense", () => {
  let random = 1;
  const list = new SortedList<number>(() => (random = random * 48271 % 0x7fffffff) % 3 - 1);
  const out: number[] = [];
  for (let i = 0; i < 20_000; i++) {
    list.insert(i);
    if (i % 3 === 0) out.push(list.shift());
  }
  out.push(...drain(list));
  assertEquals(out.sort((a, b) => a - b), Array.from({ length: 20_000 }, (_, i) => i));
});

/** Inserts `count` items whose priorities go up or down by `by`, and come round after `range`. */
interface Insert {
  readonly do: "insert";
  readonly count: number;
  readonly from: number;
  readonly by: number;
  readonly range: number;
}

/** Inserts one item, whose comparison number `at` fails. */
interface Fail {
  readonly do: "fail";
  readonly priority: number;
  readonly at: number;
}

type Step = Insert | Fail | { readonly do: "shift"; readonly count: number } | { do: "clear" };

const insert = (count: number): fc.Arbitrary<Insert> =>
  fc.record({
    do: fc.constant("insert"),
    count: fc.nat(count),
    from: fc.nat(2000),
    by: fc.oneof(fc.constantFrom(-1, 0, 1), fc.integer({ min: -2000, max: 2000 })),
    range: fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 2000 })),
  });

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: insert(3000) },
  { weight: 4, arbitrary: insert(70) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("shift"),
      count: fc.oneof(fc.nat(70), fc.nat(3000)),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant("fail"), priority: fc.nat(2000), at: fc.nat(12) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("clear") }) },
) as fc.Arbitrary<Step>;

Deno.test("SortedList does what a sorted array does, also when comparisons fail", () => {
  const failure = new Error("no order");
  let comparisonsLeft = Infinity;
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 25, size: "max" }), (program) => {
      const list = new SortedList<Item>((a, b) => {
        if (comparisonsLeft-- === 0) throw failure;
        return byPriority(a, b);
      });
      const model: Item[] = [];
      let id = 0;
      const add = (priority: number) => {
        const item = { priority, id: id++ };
        list.insert(item);
        model.splice(placeOf(model, item), 0, item);
      };
      for (const step of program) {
        if (step.do === "insert") {
          for (let i = 0; i < step.count; i++) add((step.from + i * step.by) % step.range);
        } else if (step.do === "shift") {
          for (let i = 0; i < step.count && model.length > 0; i++) {
            assertStrictEquals(list.shift(), model.shift());
          }
        } else if (step.do === "fail") {
          comparisonsLeft = step.at;
          try {
            add(step.priority);
          } catch (error) {
            if (error !== failure) throw error;
          }
          comparisonsLeft = Infinity;
        } else {
          list.clear();
          model.length = 0;
        }
        assertStrictEquals(list.size, model.length);
      }
      const rest = drain(list);
      assertEquals(rest.length, model.length);
      for (let i = 0; i < rest.length; i++) assertStrictEquals(rest[i], model[i]);
    }),
    { numRuns: 200 },
  );
});

/** Runs a program in a process of its own, whose garbage it can have collected; what it logs is its result. */
async function measure(program: string) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "eval",
      "--no-check",
      "--v8-flags=--expose-gc",
      `import { SortedList } from ${
        JSON.stringify(import.meta.resolve("../../primitives/sorted_list.ts"))
      };
      async function collect() {
        for (let turn = 0; turn < 3; turn++) {
          await new Promise((resolve) => setTimeout(resolve, 0));
          gc();
        }
        return Deno.memoryUsage().heapUsed;
      }
      let random = 1;
      function next() {
        return random = random * 48271 % 0x7fffffff;
      }
      ${program}`,
    ],
  }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

Deno.test("SortedList gives its memory back as it drains and by a clear", async () => {
  const { full, tenth, empty, cleared } = await measure(`
    let sizes;
    for (let round = 0; round < 2; round++) {
      const list = new SortedList((a, b) => a - b);
      const before = await collect();
      for (let i = 0; i < 500_000; i++) list.insert(next() % 1000);
      const full = await collect() - before;
      for (let i = 0; i < 450_000; i++) list.shift();
      const tenth = await collect() - before;
      for (let i = 0; i < 50_000; i++) list.shift();
      const empty = await collect() - before;
      for (let i = 0; i < 500_000; i++) list.insert(next() % 1000);
      list.clear();
      const cleared = await collect() - before;
      sizes = { full, tenth, empty, cleared };
      list.insert(0);
    }
    console.log(JSON.stringify(sizes));
  `);
  assert(full > 3_900_000 && full < 12_000_000, `${full} bytes for 500,000`);
  assert(tenth < 1_500_000, `${tenth} bytes for 50,000`);
  assert(empty < 100_000, `${empty} bytes for none`);
  assert(cleared < 100_000, `${cleared} bytes for none after a clear`);
});

Deno.test("SortedList retains nothing that was taken out", async () => {
  const alive = await measure(`
    const list = new SortedList((a, b) => a.priority - b.priority);
    const taken = [];
    (() => {
      // Three levels of nodes, and the left edge a little behind the border of two on each.
      for (let i = 0; i < 20_000; i++) list.insert({ priority: i });
      for (let i = 0; i < 2 * 64 * 64 + 4; i++) taken.push(new WeakRef(list.shift()));
    })();
    await collect();
    const some = taken.filter((ref) => ref.deref() !== undefined).length;
    taken.length = 0;
    (() => {
      for (let i = 0; i < 20_000; i++) list.insert({ priority: next() % 20_000 });
      while (list.size > 0) taken.push(new WeakRef(list.shift()));
    })();
    await collect();
    const all = taken.filter((ref) => ref.deref() !== undefined).length;
    console.log(JSON.stringify({ some, all, size: list.size }));
  `);
  assertEquals(alive, { some: 0, all: 0, size: 0 });
});
