import { assert, assertEquals } from "@std/assert";
import { moveOnAfter, TaskPool } from "../../mod.ts";

/** Never waits, and would hold up the event loop for as long as this test waits for anything. */
function* restless(isEnough: () => boolean): Generator<number> {
  const began = performance.now();
  for (let i = 0; !isEnough() && performance.now() - began < 10_000; i++) yield i;
}

Deno.test("a stream of a generator that never waits lets timers and sockets in", async () => {
  await using pool = new TaskPool(1);
  let hasTurned = false;
  setTimeout(() => hasTurned = true);
  for await (const _ of pool.stream(restless, () => hasTurned));
  assert(hasTurned, "the timer has come while the generator ran");
});

Deno.test("a stream of a generator that never waits ends at its deadline", async () => {
  await using pool = new TaskPool(1);
  let isOver = false;
  const { timedOut } = await moveOnAfter(30, async () => {
    for await (const _ of pool.stream(restless, () => false));
    isOver = true;
  });
  assertEquals([timedOut, isOver], [true, false]);
});
