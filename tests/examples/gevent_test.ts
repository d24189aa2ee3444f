import { assertEquals } from "@std/assert";
import { linesOf, timeless } from "./example.ts";

Deno.test("gevent: tasks take turns, and do the same at once as one by one", async () => {
  const lines = await linesOf("gevent");
  const tasks = Array.from({ length: 10 }, (_, i) => `  task ${i + 1} is done`);
  assertEquals(timeless(lines), [
    "foo runs",
    "bar runs",
    "foo runs again",
    "bar runs again",
    ...tasks,
    "one by one: 10 times 20 ms took … ms",
    ...tasks,
    "all at once: 10 times 20 ms took … ms",
  ]);
});
