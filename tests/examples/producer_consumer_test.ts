import { assert, assertEquals } from "@std/assert";
import { linesOf } from "./example.ts";

Deno.test("producer_consumer: every bun is eaten once, in order, and the counter is never overfull", async () => {
  const lines = await linesOf("producer_consumer");
  const baked = lines.flatMap((line) => {
    const match = line.match(/^(\w+) has put bun (\d); on the counter: (\d)$/);
    if (match === null) return [];
    assert(Number(match[3]) <= 3, line);
    return `${match[1]} ${match[2]}`;
  });
  const eaten = lines.flatMap((line) => {
    const match = line.match(/^ {2}(?:Quick|Slow) eats bun (\d) of (\w+)$/);
    return match === null ? [] : `${match[2]} ${match[1]}`;
  });
  for (const buns of [baked, eaten]) {
    for (const baker of ["Ann", "Bob"]) {
      const numbers = buns.filter((bun) => bun.startsWith(baker));
      assertEquals(numbers, [1, 2, 3, 4].map((number) => `${baker} ${number}`));
    }
    assertEquals(buns.length, 8);
  }
  const [, quick, slow] = lines.at(-2)?.match(/^Quick has had (\d), Slow (\d)$/) ?? [];
  assertEquals(Number(quick) + Number(slow), 8);
  assertEquals(lines.at(-1), "never more than 3 were on the counter");
  assertEquals(lines.length, 18);
});
