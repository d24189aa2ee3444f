import { assertEquals, assertThrows } from "@std/assert";
import {
  decodeRoll,
  emptyRoll,
  encodeRoll,
  isUnused,
  type Roll,
  takeTurn,
  type Turn,
} from "../../../pools/cluster/lease_roll.ts";

const NOBODY: ReadonlySet<string> = new Set();

function turn(member: string, wanted: readonly string[], more: Partial<Turn> = {}): Turn {
  const plain = { beat: 1, lease: 1000, permits: 1, impatient: NOBODY, silent: NOBODY };
  return { ...plain, member, wanted, ...more };
}

Deno.test("W1: a permit goes to the first who wait, in the write that gives it back", () => {
  let roll = takeTurn(emptyRoll(1), 1, turn("a", ["a.1", "a.2"]));
  roll = takeTurn(roll, 2, turn("b", ["b.1"]));
  roll = takeTurn(roll, 3, turn("c", ["c.1"]));
  assertEquals(roll.holders, [{ ticket: "a.1", token: 2 }]);
  assertEquals(roll.waiting, ["a.2", "b.1", "c.1"]);
  roll = takeTurn(roll, 4, turn("a", []));
  assertEquals(roll.holders, [{ ticket: "b.1", token: 5 }]);
  assertEquals(roll.waiting, ["c.1"]);
  assertEquals(Object.keys(roll.members).sort(), ["b", "c"]);
  roll = takeTurn(takeTurn(roll, 5, turn("c", [])), 6, turn("b", []));
  assertEquals([isUnused(roll), roll.members], [true, {}]);
});

Deno.test("who has been silent for too long is struck off with all that it had", () => {
  let roll = takeTurn(emptyRoll(2), 1, turn("a", ["a.1", "a.2", "a.3"], { permits: 2 }));
  roll = takeTurn(roll, 2, turn("b", ["b.1"], { permits: 2 }));
  roll = takeTurn(roll, 3, turn("b", ["b.1"], { permits: 2, silent: new Set(["a"]) }));
  assertEquals(roll.holders, [{ ticket: "b.1", token: 4 }]);
  assertEquals([roll.waiting, Object.keys(roll.members)], [[], ["b"]]);
});

Deno.test("tickets of nobody are struck off", () => {
  const roll: Roll = { ...emptyRoll(1), holders: [{ ticket: "x.1", token: 1 }], waiting: ["y.1"] };
  const next = takeTurn(roll, 2, turn("a", ["a.1"]));
  assertEquals([next.holders, next.waiting], [[{ ticket: "a.1", token: 3 }], []]);
});

Deno.test("who does not wait gets a permit or leaves nothing, and overtakes nobody", () => {
  const impatient = new Set(["a.1"]);
  assertEquals(takeTurn(emptyRoll(1), 1, turn("a", ["a.1"], { impatient })).holders.length, 1);
  const held = takeTurn(emptyRoll(1), 1, turn("b", ["b.1"]));
  assertEquals(takeTurn(held, 2, turn("a", ["a.1"], { impatient })), held);
  const free: Roll = { ...held, holders: [], waiting: ["b.1"] };
  const next = takeTurn(free, 2, turn("a", ["a.1"], { impatient }));
  assertEquals(next.holders.map(({ ticket }) => ticket), ["b.1"]);
  assertEquals(next.waiting, []);
});

Deno.test("a roll is read as it was written, and nothing else is read", () => {
  const roll = takeTurn(emptyRoll(2), 1, turn("a", ["a.1", "a.2", "a.3"], { permits: 2 }));
  assertEquals(decodeRoll(encodeRoll(roll)), roll);
  const good = JSON.parse(encodeRoll(roll));
  const bad = [
    { version: 2 },
    { permits: 0 },
    { permits: "2" },
    { members: [] },
    { members: { a: { beat: -1, lease: 1 } } },
    { members: { a: { beat: 1 } } },
    { members: { a: null } },
    { holders: {} },
    { holders: [{ ticket: "a.1" }] },
    { holders: [null] },
    { waiting: [1] },
    { waiting: ["a"] },
    { waiting: null },
  ];
  for (const part of bad) {
    assertThrows(() => decodeRoll(JSON.stringify({ ...good, ...part })), TypeError, "Cannot read");
  }
  for (const text of ["", "{", "null", "[]", "1", '"a"']) {
    assertThrows(() => decodeRoll(text), TypeError, "written by something else");
  }
});
