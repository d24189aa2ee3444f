/**
 * The benchmark's own arithmetic, on samples made up for it: no test here asserts how long anything takes.
 *
 * @module
 */

import { assertAlmostEquals, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { orderOf, runRow } from "../../bench/harness.ts";
import { Lasting } from "../../bench/lasting.ts";
import type { Contender, RowResult } from "../../bench/row.ts";
import { rowIds } from "../../bench/rows.ts";
import { median, quantile, ratios, spread } from "../../bench/statistics.ts";
import { goalLine, linesOf, tableOf } from "../../bench/table.ts";

/** Four rounds in which the machine became three times slower half-way, and a contender that took double the floor's time. */
const slowed: RowResult = {
  row: "spawn-100",
  title: "start and join 100 children",
  unit: "ns",
  samples: [
    { contender: "floor", values: [100, 100, 300, 300] },
    { contender: "grove", values: [200, 190, 600, 630], note: "with everything" },
  ],
  goals: [{ times: 2, of: "floor" }],
};

Deno.test("median() is the middle value, or the mean of the two", () => {
  assertEquals(median([5, 1, 9]), 5);
  assertEquals(median([4, 1, 9, 2]), 3);
  assertEquals(median([7]), 7);
});

Deno.test("median() leaves its argument in order", () => {
  const values = [3, 1, 2];
  median(values);
  assertEquals(values, [3, 1, 2]);
});

Deno.test("median() of nothing throws", () => {
  assertThrows(() => median([]), RangeError, "there are no values");
});

Deno.test("quantile() interpolates between neighbors", () => {
  assertEquals(quantile([10, 20, 30, 40, 50], 0.25), 20);
  assertEquals(quantile([10, 20], 0.75), 17.5);
  assertEquals(quantile([10, 20], 1), 20);
});

Deno.test("spread() is the distance of the quartiles in medians, and one outlier does not move it", () => {
  assertEquals(spread([8, 9, 10, 11, 12]), 0.2);
  assertEquals(spread([8, 9, 10, 11, 1200]), 0.2);
  assertEquals(spread([5, 5, 5]), 0);
  assertEquals(spread([0, 0, 0]), 0);
});

Deno.test("ratios() compares within each round", () => {
  assertEquals(ratios([200, 190, 600], [100, 100, 300]), [2, 1.9, 2]);
  assertThrows(() => ratios([1, 2], [1]), RangeError, "the rounds differ");
});

Deno.test("linesOf() gives a line a contender, whose ratio a slower machine does not change", () => {
  const [floor, grove] = linesOf(slowed);
  assertEquals(floor, { row: "spawn-100", contender: "floor", ns: 200, ratio: 1, spread: 1 });
  assertEquals(grove, { row: "spawn-100", contender: "grove", ns: 400, ratio: 2, spread: 0.025 });
});

Deno.test("linesOf() says bytes in place of ns in a row of bytes", () => {
  const [floor] = linesOf({ ...slowed, unit: "bytes" });
  assertEquals(Object.keys(floor), ["row", "contender", "bytes", "ratio", "spread"]);
});

Deno.test("goalLine() judges by the per-round ratios, against any contender, or by time or bytes alone", () => {
  assertEquals(
    goalLine(slowed, { times: 2, of: "floor" }),
    "goal: grove ≤ 2 × floor: 2.00, reached",
  );
  assertEquals(
    goalLine(slowed, { subject: "floor", times: 0.4, of: "grove", stretch: "in a better world" }),
    "stretch goal (in a better world): floor ≤ 0.4 × grove: 0.50, NOT REACHED",
  );
  assertEquals(
    goalLine({ ...slowed, unit: "bytes" }, { bytes: 1200 }),
    "goal: grove ≤ 1,200 bytes: 400.0, reached",
  );
  assertEquals(goalLine(slowed, { ns: 5 }), "goal: grove ≤ 5.00 ns: 400.0, NOT REACHED");
  const fast = {
    ...slowed,
    samples: [...slowed.samples, { contender: "ash", values: [4, 4, 12, 9] }],
  };
  assertEquals(
    goalLine(fast, { subject: "ash", times: 0.05, of: "floor" }),
    "goal: ash ≤ 0.05 × floor: 0.040, reached",
  );
  assertThrows(() => goalLine(slowed, { times: 1, of: "oak" }), Error, "no such contender");
});

Deno.test("tableOf() aligns its columns and closes with notes and goals", () => {
  assertEquals(
    tableOf(slowed),
    [
      "spawn-100: start and join 100 children (4 rounds)",
      "  contender  ns/op  × floor  spread",
      "  floor      200.0     1.00   100 %",
      "  grove      400.0     2.00     3 %",
      "  note: grove: with everything",
      "  goal: grove ≤ 2 × floor: 2.00, reached",
    ].join("\n"),
  );
});

Deno.test("orderOf() has every contender once in each round, and nobody always behind the same one", () => {
  const rounds = [0, 1, 2, 3].map((round) => orderOf(round, 4));
  assertEquals(rounds, [[0, 1, 2, 3], [0, 3, 2, 1], [2, 3, 0, 1], [2, 1, 0, 3]]);
});

Deno.test("runRow() takes one sample of each contender in each of at least seven rounds", async () => {
  let taken = 0;
  function counting(name: string): Contender {
    return { name, sample: (repeats) => Promise.resolve(repeats * ++taken) };
  }
  const contenders = [counting("floor"), counting("grove")];
  const result = await runRow({ ...slowed, id: slowed.row, contenders, goals: [], long: true });
  const [floor, grove] = result.samples.map(({ values }) => values);
  assertEquals(floor.length, grove.length);
  assertEquals(floor.length >= 7, true);
  assertEquals(
    [...floor, ...grove].sort((a, b) => a - b),
    Array.from({ length: taken }, (_, i) => i + 1),
  );
  floor.forEach((value, round) => assertAlmostEquals(value, grove[round], 1));
});

Deno.test("runRow() ends what contenders keep, once each, when all samples are taken", async () => {
  const events: string[] = [];
  function keeping(name: string): Contender {
    return {
      name,
      sample: () => Promise.resolve(events.push("sample")),
      end: async () => {
        await Promise.resolve();
        events.push(`end of ${name}`);
      },
    };
  }
  const contenders = [keeping("floor"), keeping("grove")];
  await runRow({ ...slowed, id: slowed.row, contenders, goals: [], long: true });
  assertEquals(events.slice(events.indexOf("end of floor")), ["end of floor", "end of grove"]);
});

Deno.test("a Lasting makes its thing when it is asked for, once, and ends it with the row, once", async () => {
  const events: string[] = [];
  const lasting = new Lasting(() => {
    events.push("made");
    return "thing";
  }, (thing) => events.push(`ended ${thing}`));
  const [one, two] = ["one", "two"].map((name) =>
    lasting.ended({ name, sample: () => Promise.resolve(lasting.thing.length) })
  );
  await one.end?.(); // Nobody has asked for it.
  assertEquals(events, []);
  assertEquals([await one.sample(1), await two.sample(1)], [5, 5]);
  assertEquals([one.name, two.name], ["one", "two"]);
  await one.end?.();
  await two.end?.();
  assertEquals(events, ["made", "ended thing"]);
});

Deno.test("the rows are named once each, in what can be typed", () => {
  assertEquals(new Set(rowIds).size, rowIds.length);
  for (const id of rowIds) assertEquals(/^[a-z0-9]+(-[a-z0-9]+)*$/.test(id), true, id);
});

Deno.test("an unknown row ends the benchmark with the names of those there are", async () => {
  const program = new URL("../../bench/main.ts", import.meta.url).href;
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-run", program, "spawn-100", "no-such-row", "--json"],
  }).output();
  const said = new TextDecoder().decode(stderr);
  assertEquals(code, 1);
  assertEquals(stdout.length, 0);
  for (const part of ["no-such-row", ...rowIds]) assertStringIncludes(said, part);
});
