import { assertEquals } from "@std/assert";
import { linesOf, timeless } from "./example.ts";

Deno.test("crawler: all pages come, one by one or ten at a time, and one of them at the second try", async () => {
  // "This is /page/1\n" ten times; eleven of the twenty have a number of two digits.
  const bytes = 10 * (20 * "This is /page/1\n".length + 11);
  const lines = await linesOf("crawler");
  assertEquals(timeless(lines), [
    "  /page/7 answers 503",
    `1 at a time: 20 pages, ${bytes} bytes, … ms`,
    `10 at a time: 20 pages, ${bytes} bytes, … ms`,
    "the first of all: a page of 127.0.0.1",
  ]);
});
