/**
 * The count behind the last line of `deno task test`.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { tally } from "./tally.ts";

/** Counts in `chunks` and gives what was counted and what came through. */
async function count(...chunks: string[]) {
  let passedOn = "";
  const decoder = new TextDecoder();
  const sink = new WritableStream<Uint8Array>({
    write: (chunk) => void (passedOn += decoder.decode(chunk)),
  });
  const output = ReadableStream.from(chunks).pipeThrough(new TextEncoderStream());
  return { counted: await tally(output, sink), passedOn };
}

Deno.test("tally() counts what Deno's summary counts and passes every byte on", async () => {
  const lines = ["a ... ok (1ms)\n\n", "ok | 3 passed (2 steps) | 0 failed | 1 ignored (8ms)\n\n"];
  const { counted, passedOn } = await count(...lines);
  assertEquals(counted, { passed: 3, failed: 0 });
  assertEquals(passedOn, lines.join(""));
});

Deno.test("tally() finds the summary in color and cut in two", async () => {
  const { counted } = await count(
    "\x1b[0m\x1b[31mFAILED\x1b[0m | 12 pas",
    "sed | 2 failed (2 steps) \x1b[0m\x1b[38;5;245m(1s)\x1b[0m\n",
  );
  assertEquals(counted, { passed: 12, failed: 2 });
});

Deno.test("tally() believes the last summary, not one that a test has printed", async () => {
  const { counted } = await count(
    "ok | 99 passed | 0 failed (1ms)\n",
    "ok | 1 passed | 0 failed (2ms)\n",
  );
  assertEquals(counted, { passed: 1, failed: 0 });
});

Deno.test("tally() counts nothing where a run ended without a summary", async () => {
  const { counted } = await count("Check tests/a_test.ts\n", "error: Type checking failed.\n");
  assertEquals(counted, undefined);
});
