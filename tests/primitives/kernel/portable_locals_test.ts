/**
 * Task-local values that travel: by which key they are known, and what is sent of them.
 *
 * @module
 */

import { assert, assertEquals, assertNotStrictEquals, assertStrictEquals } from "@std/assert";
import { TaskLocal } from "../../../mod.ts";
import { currentScope, runIn } from "../../../primitives/kernel/context.ts";
import { packLocals, takeKey, unpackLocals } from "../../../primitives/kernel/portable_locals.ts";
import { link, type Locals, localsOf, Scope, unlink } from "../../../primitives/kernel/scope.ts";

class Place extends Scope {
  readonly name = "place";
}

let names = 0;

/** A name that no other local has. */
function unique(): string {
  return `local ${++names} of portable_locals_test`;
}

/** What is sent from here. */
function packed(): [name: string, value: unknown][] | undefined {
  return packLocals(localsOf(currentScope()));
}

/** Runs a function where some values hold that have come from elsewhere. */
function within<R>(locals: Locals | null, fn: () => R): R {
  const scope = new Place();
  link(scope, currentScope(), locals);
  try {
    return runIn(scope, fn);
  } finally {
    unlink(scope);
  }
}

Deno.test("Where no value is set, nothing is sent", () => {
  new TaskLocal({ name: unique(), portable: true, defaultValue: 1 });
  assertStrictEquals(packLocals(null), undefined);
  assertStrictEquals(packed(), undefined);
});

Deno.test("The values of portable locals are sent, by name, and no others [P3]", () => {
  const [a, b] = [unique(), unique()];
  const first = new TaskLocal<number>({ name: a, portable: true });
  const second = new TaskLocal<unknown>({ name: b, portable: true });
  const plain = new TaskLocal<number>({ name: unique() });
  plain.run(1, () => assertStrictEquals(packed(), undefined));
  const value = { deep: [1] };
  first.run(1, () =>
    plain.run(2, () =>
      second.run(value, () => {
        const sent = packed()!;
        assertEquals(new Map(sent), new Map<string, unknown>([[a, 1], [b, value]]));
        assertEquals(sent.length, 2);
      })));
});

Deno.test("Of several values of one local the innermost is sent, also undefined", () => {
  const name = unique();
  const local = new TaskLocal<number | undefined>({ name, portable: true });
  local.run(1, () => {
    local.run(2, () => assertEquals(packed(), [[name, 2]]));
    local.run(undefined, () => assertEquals(packed(), [[name, undefined]]));
    assertEquals(packed(), [[name, 1]]);
  });
});

Deno.test("Values that have come hold for the locals of their names, and can be sent on", () => {
  const [a, b] = [unique(), unique()];
  const local = new TaskLocal<number>({ name: a, portable: true });
  const other = new TaskLocal<number>({ name: b, portable: true, defaultValue: 0 });
  within(unpackLocals([[a, 1]]), () => {
    assertEquals([local.get(), other.get(), packed()], [1, 0, [[a, 1]]]);
    local.run(2, () => assertEquals([local.get(), packed()], [2, [[a, 2]]]));
    other.run(3, () => assertEquals(new Map(packed()), new Map([[a, 1], [b, 3]])));
  });
  assertStrictEquals(local.get(), undefined);
  assertStrictEquals(unpackLocals([]), null);
});

Deno.test("A value can come before its local is made: a job may arrive ahead of its module", () => {
  const name = unique();
  within(unpackLocals([[name, "early"]]), () => {
    const local = new TaskLocal<string>({ name, portable: true });
    assertEquals(local.get(), "early");
  });
});

Deno.test("A local that is not portable does not see what has come for its name", () => {
  const name = unique();
  const plain = new TaskLocal<string>({ name, defaultValue: "none" });
  within(unpackLocals([[name, "come"]]), () => assertEquals(plain.get(), "none"));
});

Deno.test("What was sent and has come is what it was, many at once", () => {
  const locals = Array.from({ length: 50 }, () => {
    const name = unique();
    return { name, local: new TaskLocal<number>({ name, portable: true }) };
  });
  const nest = (index: number): [string, unknown][] =>
    index === locals.length ? packed()! : locals[index].local.run(index, () => nest(index + 1));
  within(unpackLocals(structuredClone(nest(0))), () => {
    assertEquals(locals.map(({ local }) => local.get()), locals.map((_, index) => index));
  });
});

Deno.test("A key is given to one taker only; each name has its own", () => {
  const [a, b] = [unique(), unique()];
  const key = takeKey(a);
  assert(key !== undefined);
  assertNotStrictEquals(takeKey(b), key);
  assertStrictEquals(takeKey(a), undefined);
});
