import { assert, assertEquals } from "@std/assert";
import { windows } from "./app.ts";
import { linesOf } from "./example.ts";

Deno.test({
  name: "tickets: with a FileLock ten processes buy three tickets and no more",
  ignore: windows,
  fn: async () => {
    const lines = await linesOf("tickets");
    const begins = lines.flatMap((line, i) => line.startsWith("10 customers") ? i : []);
    assertEquals(lines[begins[0]], "10 customers for 3 tickets, without a lock:");
    assertEquals(lines[begins[1]], "10 customers for 3 tickets, with a FileLock:");
    const open = lines.slice(begins[0] + 1, begins[1] - 1);
    const locked = lines.slice(begins[1] + 1, -1);

    const everybody = Array.from({ length: 10 }, (_, i) => i + 1);
    const customerOf = (line: string) => Number(line.match(/^ {2}customer (\d+) /)?.[1]);
    const whatOf = (line: string) => line.replace(/^ {2}customer \d+ /, "");
    for (const sale of [open, locked]) {
      assertEquals(sale.map(customerOf).sort((a, b) => a - b), everybody);
    }

    // Without a lock more can be sold than there were; how many more depends on who is when.
    const sold = open.filter((line) => whatOf(line).startsWith("has a ticket")).length;
    assert(sold >= 3, `${sold} of 3`);
    assertEquals(lines[begins[1] - 1], `${sold} of 3 tickets were sold`);

    // With it the customers come in any order, and what they find does not depend on it.
    assertEquals(locked.map(whatOf), [
      "has a ticket, and leaves 2",
      "has a ticket, and leaves 1",
      "has a ticket, and leaves 0",
      ...Array(7).fill("finds it sold out"),
    ]);
    assertEquals(lines.at(-1), "3 of 3 tickets were sold");
  },
});
