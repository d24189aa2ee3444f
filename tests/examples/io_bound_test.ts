import { assertEquals } from "@std/assert";
import { linesOf, timeless } from "./example.ts";

Deno.test("io_bound: a hundred thousand tasks sleep side by side, and all wake up", async () => {
  const lines = await linesOf("io_bound");
  assertEquals(timeless(lines), [
    "100 tasks sleep for 100 ms each",
    "100 have slept, in … ms",
    "100000 tasks sleep for 100 ms each",
    "100000 have slept, in … ms",
    "one after the other: 10000 s, … times as long",
  ]);
});
