import { assertEquals } from "@std/assert";
import { windows } from "./app.ts";
import { linesOf } from "./example.ts";

Deno.test({
  name: "processes: one that ends, one that is ended; a queue and a pipe between them [P10]",
  ignore: windows,
  fn: async () => {
    assertEquals(await linesOf("processes"), [
      "hello: has a pid false, alive false",
      "hello: has a pid true, alive true",
      "hello, reader; I was started by this program: true",
      "hello: ended with 0, alive false",
      "endless: ended with 143",
      ...[1, 4, 9, 16, 25].map((square) => `from the queue: ${square}`),
      "sent 1, received x",
      "sent 2, received xx",
      "sent 3, received xxx",
    ]);
  },
});
