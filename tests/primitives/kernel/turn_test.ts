/**
 * The next turn of the event loop.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { nextTurn } from "../../../primitives/kernel/turn.ts";

Deno.test("nextTurn() calls back after all that is ready in this turn, and in order", async () => {
  const steps: string[] = [];
  await new Promise<void>((resolve) => {
    nextTurn(() => steps.push("the next turn"));
    nextTurn(() => {
      steps.push("the second to ask");
      resolve();
    });
    Promise.resolve().then(() => steps.push("a microtask")).then(() => steps.push("and its own"));
    steps.push("this turn");
  });
  const order = ["this turn", "a microtask", "and its own", "the next turn", "the second to ask"];
  assertEquals(steps, order);
});

Deno.test("nextTurn() again and again does not keep timers out", async () => {
  let fired = false;
  setTimeout(() => fired = true, 0);
  for (let turns = 0; !fired; turns++) {
    assert(turns < 1_000_000, "the timer never came");
    await new Promise<void>(nextTurn);
  }
});

Deno.test("nextTurn() falls back on a timer where the platform has no setImmediate", async () => {
  const platform = globalThis as { setImmediate?: unknown };
  const { setImmediate } = platform;
  const module = new URL(
    "../../../primitives/kernel/turn.ts?without-set-immediate",
    import.meta.url,
  );
  delete platform.setImmediate;
  try {
    const { nextTurn }: { nextTurn: (fn: () => void) => void } = await import(module.href);
    await new Promise<void>(nextTurn);
  } finally {
    platform.setImmediate = setImmediate;
  }
});
