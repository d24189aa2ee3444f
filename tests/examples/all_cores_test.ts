import { assertEquals, assertMatch } from "@std/assert";
import { linesOf } from "./example.ts";

Deno.test({
  name: "all_cores: tasks in threads in processes are answered by the threads of a server",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const [serving, asking, answering, ...more] = await linesOf("all_cores");
    assertEquals(serving, "2 threads serve one port");
    assertEquals(asking, "2 processes × 2 threads × 100 tasks: 400 answers");
    // Which thread gets a connection, the system decides.
    assertMatch(answering, /^from [12] threads: \d+( \+ \d+)?$/);
    const counts = answering.split(": ")[1].split(" + ").map(Number);
    assertEquals(counts.length, parseInt(answering.slice("from ".length)));
    assertEquals(counts.reduce((sum, count) => sum + count), 400);
    assertEquals(more, []);
  },
});
