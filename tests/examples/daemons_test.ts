import { assertEquals } from "@std/assert";
import { windows } from "./app.ts";
import { linesOf } from "./example.ts";

Deno.test({
  name: "daemons: they end with the rest, children and all, in tasks, threads and processes [G6]",
  ignore: windows,
  fn: async () => {
    const ends = (where: string) => [
      `${where}: the work is done`,
      `${where}: nobody watches the disk any more`,
      `${where}: nobody watches the clock any more`,
    ];
    assertEquals(await linesOf("daemons"), [
      ...ends("a task"),
      ...ends("a thread"),
      ...ends("a process"),
      "a daemon process is alive: true",
      "its group is over, and it is alive: false",
    ]);
  },
});
