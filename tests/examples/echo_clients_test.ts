import { assertEquals } from "@std/assert";
import { linesOf, timeless } from "./example.ts";

Deno.test("echo_clients: five hundred at once, and every line comes back to who has said it", async () => {
  const lines = await linesOf("echo_clients");
  assertEquals(timeless(lines), [
    "500 connections are open",
    "500 clients have said 1500 lines",
    "1500 came back as they were, in … ms",
  ]);
});
