import { assertEquals } from "@std/assert";
import { windows } from "./app.ts";
import { linesOf, timeless } from "./example.ts";

Deno.test({
  name: "echo_server: each client hears its own words, from a task and from a process",
  ignore: windows,
  fn: async () => {
    const lines = timeless(await linesOf("echo_server"));
    // They are answered in any order.
    const answers = Array.from({ length: 10 }, (_, i) => `  client ${i + 1} hears: hello ${i + 1}`);
    assertEquals(lines.slice(0, 10).sort(), answers.sort());
    assertEquals(lines[10], "a task for each: 10 connections, … ms");
    assertEquals(lines.slice(11, 21).sort(), answers);
    assertEquals(lines.slice(21), ["a process for each: 10 connections, … ms"]);
  },
});
