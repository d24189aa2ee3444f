import { assert, assertEquals } from "@std/assert";
import { linesOf } from "./example.ts";

Deno.test("semaphore: five at once, in the order in which they came [W1]", async () => {
  const lines = await linesOf("semaphore");
  const guests = lines.slice(0, 20).map((line) => {
    const match = line.match(/^guest (\d+) sits down, of (\d) who sit; (\d+) wait$/);
    return match?.slice(1).map(Number) ?? [];
  });
  assertEquals(guests.map(([guest]) => guest), Array.from({ length: 20 }, (_, i) => i + 1));
  assertEquals(Math.max(...guests.map(([, seated]) => seated)), 5);
  assert(guests.every(([guest, , waiting]) => guest + waiting <= 20));
  assertEquals(lines.slice(20), [
    "at most 5 sat at once",
    "a Semaphore now has 6 tables",
    'a BoundedSemaphore does not: RangeError: Cannot release semaphore "tables" as no more than 0 ' +
    "of its 5 permits are taken: received 1. Release what was acquired, once",
  ]);
});
