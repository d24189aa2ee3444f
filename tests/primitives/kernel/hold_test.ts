/**
 * Who holds what: the list of the things in a holder's hands.
 *
 * @module
 */

import { assertEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { held, Hold, type Holder, waiting } from "../../../primitives/kernel/hold.ts";

/** What a holder has to be for this. */
function holder(name: string): Holder {
  return { kind: "task", name, [held]: null, [waiting]: null } as Partial<Holder> as Holder;
}

function thing(name: string, abandoned: (owner: Holder) => void = () => {}): Hold {
  return new Hold({ kind: "thing", name }, abandoned);
}

/** What is in a holder's hands, what was taken last first. */
function inHands(of: Holder): string[] {
  const names: string[] = [];
  for (let hold = of[held]; hold !== null; hold = hold.next) {
    assertStrictEquals(hold.owner, of);
    names.push(hold.target.name);
  }
  return names;
}

Deno.test("Hold: what is taken is in its owner's hands, with the place where, until it is released", () => {
  const me = holder("me");
  const it = thing("it");
  assertEquals([it.owner, me[held]], [null, null]);
  const site = {};
  it.take(me, site);
  assertStrictEquals(it.owner, me);
  assertStrictEquals(it.site, site);
  assertEquals(inHands(me), ["it"]);
  it.release();
  assertEquals([it.owner, it.next, me[held]], [null, null, null]);
  assertEquals(it.site, undefined, "it would keep alive what stood on the stack");
});

Deno.test("Hold: a place that was noted for one owner is not that of the next", () => {
  const it = thing("it");
  it.take(holder("first"), {});
  it.release();
  it.take(holder("second"));
  assertEquals(it.site, undefined);
});

Deno.test("Hold: things may be released in any order", () => {
  for (const order of [[0, 1, 2], [2, 1, 0], [1, 0, 2], [1, 2, 0], [0, 2, 1], [2, 0, 1]]) {
    const me = holder("me");
    const things = ["a", "b", "c"].map((name) => thing(name));
    for (const it of things) it.take(me);
    assertEquals(inHands(me), ["c", "b", "a"]);
    for (const [count, index] of order.entries()) {
      things[index].release();
      assertEquals(inHands(me).length, 2 - count);
    }
  }
});

Deno.test("Hold: what goes from hand to hand is in one list only", () => {
  const [a, b] = [holder("a"), holder("b")];
  const [it, other, third] = [thing("it"), thing("other"), thing("third")];
  other.take(a);
  it.take(a);
  third.take(b);
  it.release();
  it.take(b);
  assertEquals([inHands(a), inHands(b)], [["other"], ["it", "third"]]);
});

Deno.test("Hold.abandon() takes all from one who has ended, and tells each whose it was [W2]", () => {
  const me = holder("me");
  const told: string[] = [];
  const things = ["a", "b", "c"].map((name) =>
    thing(name, (owner) => told.push(`${name} of ${owner.name}, who has ${inHands(me)}`))
  );
  for (const it of things) it.take(me);
  things[1].release();
  Hold.abandon(me);
  assertEquals(told, ["c of me, who has a", "a of me, who has "]);
  assertEquals(things.map(({ owner }) => owner), [null, null, null]);
  Hold.abandon(me);
  assertEquals(told.length, 2);
});

Deno.test("Hold.abandon() also takes what comes into the hands of the one who has ended meanwhile", () => {
  const me = holder("me");
  const told: string[] = [];
  const late = thing("late", () => told.push("late"));
  const first = thing("first", () => {
    told.push("first");
    late.take(me);
  });
  first.take(me);
  Hold.abandon(me);
  assertEquals([told, me[held]], [["first", "late"], null]);
});

Deno.test("Hold: random taking, releasing and abandoning is as in a plain list", () => {
  const step = fc.record({
    owner: fc.nat(2),
    thing: fc.nat(6),
    abandons: fc.integer({ min: 0, max: 9 }).map((number) => number === 0),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const owners = ["x", "y", "z"].map(holder);
      const left: string[] = [];
      const things = Array.from(
        { length: 7 },
        (_, id) => thing(String(id), (owner) => left.push(`${id} of ${owner.name}`)),
      );
      const lists: string[][] = [[], [], []];
      for (const { owner, thing, abandons } of steps) {
        if (abandons) {
          left.length = 0;
          Hold.abandon(owners[owner]);
          assertEquals(left, lists[owner].map((id) => `${id} of ${owners[owner].name}`));
          lists[owner] = [];
        } else if (things[thing].owner === null) {
          things[thing].take(owners[owner]);
          lists[owner].unshift(String(thing));
        } else {
          things[thing].release();
          for (const list of lists) {
            if (list.includes(String(thing))) list.splice(list.indexOf(String(thing)), 1);
          }
        }
        assertEquals(owners.map(inHands), lists);
      }
    }),
    { numRuns: 500 },
  );
});
