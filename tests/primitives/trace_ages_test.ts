/**
 * Whether ages are noted. What they are is tested with `inspect()`.
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { inspect, taskGroup, traceAges, traceLocks, traceSpawns } from "../../mod.ts";
import { watchAges } from "../../primitives/trace_ages.ts";
import { program } from "../io/program.ts";

/** Whether what is opened now has an age. */
function areNoted(): Promise<boolean> {
  return taskGroup(() => "age" in inspect().children[0]);
}

Deno.test("traceAges(false) ends it, however often it was turned on", async () => {
  assert(!await areNoted());
  traceAges(true);
  traceAges(true);
  assert(await areNoted());
  traceAges(false);
  assert(!await areNoted());
  traceAges(false);
  traceAges(true);
  assert(await areNoted());
  traceAges(false);
});

Deno.test("traceAges(false) ends it for nobody else", async () => {
  const unwatch = watchAges();
  traceAges(true);
  traceAges(false);
  assert(await areNoted());
  unwatch();
  unwatch();
  assert(!await areNoted());
  traceAges(true);
  assert(await areNoted());
  traceAges(false);
});

Deno.test("traceAges(true) does not keep the process alive", async () => {
  await using run = await program(`grove.traceAges(true); console.log("over");`);
  const { code, stdout } = await run.end();
  assertEquals([code, stdout], [0, "over\n"]);
});

Deno.test("E1: traceAges(), traceSpawns() and traceLocks() ask for a boolean", () => {
  for (const [name, trace] of Object.entries({ traceAges, traceSpawns, traceLocks })) {
    assertThrows(
      () => trace("on" as unknown as boolean),
      TypeError,
      'a boolean: received "on"',
      name,
    );
  }
});
