import { assertEquals } from "@std/assert";
import { windows } from "./app.ts";
import { linesOf } from "./example.ts";

Deno.test({
  name: "manager: what ten processes write is all there [P10]",
  ignore: windows,
  fn: async () => {
    const lines = await linesOf("manager");
    const numbers = Array.from({ length: 10 }, (_, i) => i + 1);
    assertEquals(lines.slice(0, 10), numbers.map((n) => `dict: ${n} → ${n * n}`));
    assertEquals(lines[10], "dict: the sum of all is 55");
    const [first, ...others] = lines[11].replace("list, as they came: ", "").split(", ");
    assertEquals(first, "main");
    // They come as they please.
    assertEquals(new Set(others), new Set(numbers.map((n) => `process ${n}`)));
    assertEquals(others.length, 10);
    assertEquals(lines.slice(12), ["account: 55"]);
  },
});
