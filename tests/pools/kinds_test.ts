/**
 * Which modules are loaded for what was passed on.
 *
 * @module
 */

import { assertEquals, assertRejects } from "@std/assert";
import { NotPortableError } from "../../pools/errors.ts";
import "../../pools/kinds.ts";
import { loadKinds, unpackValues } from "../../pools/passing.ts";
import { isReceivable } from "../../primitives/kernel/passing.ts";

Deno.test("a kind is loaded when the first of it comes", async () => {
  const kinds = ["SharedLock", "RemoteObject"];
  assertEquals(kinds.map(isReceivable), [false, false]);

  await loadKinds(kinds);

  assertEquals(kinds.map(isReceivable), [true, true]);
});

for (const kind of ["constructor", "__defineGetter__", "__proto__", "Nothing"]) {
  Deno.test(`"${kind}" is a kind that nobody knows`, async () => {
    const unpack = async () => await unpackValues([{}], [{ kind, data: 1, paths: [[0]] }]);

    await assertRejects(unpack, NotPortableError, `Cannot receive a ${kind}`);
  });
}
