/**
 * What is kept of what a process has written to its standard error.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { LastWords } from "../../../pools/process/last_words.ts";

/** Keeps what would go to the standard error of the tests. */
class Written implements Disposable {
  text = "";
  readonly #original: typeof Deno.stderr.writeSync = Deno.stderr.writeSync;

  constructor(most = Infinity) {
    Deno.stderr.writeSync = (bytes) => {
      const taken = bytes.subarray(0, most);
      this.text += new TextDecoder().decode(taken);
      return taken.length;
    };
  }

  [Symbol.dispose](): void {
    Deno.stderr.writeSync = this.#original;
  }
}

async function wordsOf(...texts: string[]): Promise<LastWords> {
  const words = new LastWords(
    ReadableStream.from(texts.map((text) => new TextEncoder().encode(text))),
  );
  assertEquals(await words.end(), true);
  return words;
}

Deno.test("the last line that a process has written is kept, and all goes to the standard error here", async () => {
  using written = new Written();
  assertEquals((await wordsOf("one\ntw", "o\n\n")).line, "two");
  assertEquals((await wordsOf()).line, "");
  assertEquals(written.text, "one\ntwo\n\n");
});

Deno.test("a standard error that takes a part at a time gets all", async () => {
  using written = new Written(2);
  await wordsOf("abcdefg");
  assertEquals(written.text, "abcdefg");
});

Deno.test("the line that tells the most is taken: of memory first, then an error of Deno's, without its colors", async () => {
  using _ = new Written();
  const stack = "\nStack backtrace:\n   0: <unknown>\n";
  const colored = "\x1b[0m\x1b[1m\x1b[31merror\x1b[0m: Uncaught RangeError: no good";
  assertEquals((await wordsOf(`${colored}${stack}`)).line, "error: Uncaught RangeError: no good");
  assertEquals(
    (await wordsOf(`error: other\n# Fatal JavaScript out of memory: Reached heap limit${stack}`))
      .line,
    "# Fatal JavaScript out of memory: Reached heap limit",
  );
});

Deno.test("of a process that writes without end only the last is kept, and of a long line its beginning", async () => {
  using _ = new Written();
  const words = await wordsOf(
    "error: long ago\n",
    ..."0123456789".split("").map((n) => n.repeat(8000)),
  );
  assertEquals(words.line, "8".repeat(300));
});

Deno.test("a standard error that is closed here does not keep anybody from the last words", async () => {
  using _ = new Written();
  Deno.stderr.writeSync = () => {
    throw new Deno.errors.BrokenPipe("nobody reads");
  };
  assertEquals((await wordsOf("one\n", "two\n")).line, "two");
});

Deno.test("words that were not read for a busy thread are waited for, however long it was busy", async () => {
  using _ = new Written();
  const words = new LastWords(
    new ReadableStream({
      start(controller) {
        // As what is read comes some turns of the event loop later.
        setTimeout(() => {
          setTimeout(() => {
            controller.enqueue(new TextEncoder().encode("goodbye\n"));
            controller.close();
          });
        });
      },
    }),
  );
  const end = words.end();
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
  assertEquals([await end, words.line], [true, "goodbye"]);
});

Deno.test("words that may still come are not waited for, where something else has the standard error too", async () => {
  using _ = new Written();
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  const words = new LastWords(
    new ReadableStream({
      start(given) {
        controller = given;
        controller.enqueue(new TextEncoder().encode("so far\n"));
      },
    }),
  );
  assertEquals(await words.end(), false);
  assertEquals(words.line, "so far");
  controller.close();
  assertEquals(await words.end(), true);
});
