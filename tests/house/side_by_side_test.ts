/**
 * Runs beside each other, in the order in which they are told, and their total.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { outcomeOf } from "../primitives/outcome.ts";
import { type Run, sideBySide } from "./side_by_side.ts";

/** A run that prints what a test has it print. */
class Script implements Run {
  readonly #ends = [new TransformStream<string, string>(), new TransformStream<string, string>()];
  readonly #writers = this.#ends.map(({ writable }) => writable.getWriter());
  readonly #status = Promise.withResolvers<{ success: boolean }>();
  readonly stdout = this.#ends[0].readable.pipeThrough(new TextEncoderStream());
  readonly stderr = this.#ends[1].readable.pipeThrough(new TextEncoderStream());
  readonly status = this.#status.promise;

  /** Resolves when it has been read. */
  print(text: string): Promise<void> {
    return this.#writers[0].write(text);
  }

  complain(text: string): Promise<void> {
    return this.#writers[1].write(text);
  }

  async end(success: boolean): Promise<void> {
    await Promise.all(this.#writers.map((writer) => writer.close()));
    this.#status.resolve({ success });
  }
}

/** What was told so far. */
class Told {
  text = "";
  readonly stdout = this.#sink("");
  readonly stderr = this.#sink("!");

  #sink(mark: string): WritableStream<Uint8Array> {
    const decoder = new TextDecoder();
    return new WritableStream({
      write: (chunk) => void (this.text += mark + decoder.decode(chunk)),
    });
  }
}

Deno.test("sideBySide() tells the first as it goes on and the next when that is over, and adds them up", async () => {
  const [first, second, told] = [new Script(), new Script(), new Told()];
  const total = sideBySide([first, second], told);
  await first.print("a ... ok\n");
  // It is read to its end, and nobody waits for the first.
  for (let line = 0; line < 1000; line++) await second.print("~");
  await second.complain("careful\n");
  await second.print("\nFAILED | 3 passed | 2 failed (2ms)\n");
  await second.end(false);
  assertEquals(told.text, "a ... ok\n");
  await first.print("ok | 1 passed | 0 failed (1ms)\n");
  await first.complain("odd\n");
  assertEquals(told.text.includes("~"), false);
  assertEquals(await outcomeOf(total), "pending");
  await first.end(true);
  assertEquals(await total, { passed: 4, failed: 2 });
  assertEquals(told.text.startsWith("a ... ok\nok | 1 passed | 0 failed (1ms)\n!odd\n"), true);
  const rest = told.text.slice(told.text.indexOf("odd\n") + 4);
  assertEquals(
    rest.replace("!careful\n", ""),
    `${"~".repeat(1000)}\nFAILED | 3 passed | 2 failed (2ms)\n`,
  );
});

Deno.test("sideBySide() counts a run that ends without a summary, or fails with one of none, as a failure", async () => {
  for (const printed of ["in the middle of a line", "ok | 2 passed | 0 failed (1ms)\n"]) {
    const [first, second, told] = [new Script(), new Script(), new Told()];
    const total = sideBySide([first, second], told);
    await first.print(printed);
    await first.end(false);
    await second.print("ok | 5 passed | 0 failed (1ms)\n");
    await second.end(true);
    const cut = !printed.endsWith("\n");
    assertEquals(await total, { passed: cut ? 5 : 7, failed: 1 });
    assertEquals(told.text, `${printed}${cut ? "\n" : ""}ok | 5 passed | 0 failed (1ms)\n`);
  }
});

Deno.test("sideBySide() counts a failure for each run that was killed", async () => {
  const [runs, told] = [[new Script(), new Script()], new Told()];
  const total = sideBySide(runs, told);
  for (const run of runs) await run.end(false);
  assertEquals(await total, { passed: 0, failed: 2 });
});
