import { assertEquals } from "@std/assert";
import { windows } from "./app.ts";
import { linesOf } from "./example.ts";

Deno.test({
  name: "pools: tasks, threads and processes answer the same calls alike",
  ignore: windows,
  fn: async () => {
    const answers = (kind: string) => [
      `${kind}: run 9`,
      ...Array(3).fill(`${kind}: call-back, square succeeded`),
      `${kind}: results 9,4,1`,
      `${kind}: RangeError: no negative numbers: -1`,
      `${kind}: map 25,16,9,4,1`,
      `${kind}: 9 succeeded, 1 failed`,
    ];
    assertEquals(await linesOf("pools"), ["tasks", "threads", "processes"].flatMap(answers));
  },
});
