import { assertEquals } from "@std/assert";
import { linesOf } from "./example.ts";

Deno.test("coroutines: channels bring about the order of a generator and of greenlets [W6]", async () => {
  const dialog = [1, 2, 3].flatMap((item) => [
    `sends ${item}`,
    `  consumes ${item}`,
    `is told: ${item} was fine`,
  ]);
  assertEquals(await linesOf("coroutines"), [
    "a generator, by hand:",
    ...dialog,
    "two tasks and a channel:",
    ...dialog,
    "a baton:",
    "first: 12",
    "second: 56",
    "first: 34",
    "second: 78",
  ]);
});
