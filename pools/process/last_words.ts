/**
 * What a process has written to its standard error, which goes to that of this one: the last of it
 * is kept, as it may tell why the process has ended.
 *
 * @module
 */

// Characters.
const LONGEST = 16_000;
const LONGEST_LINE = 300;

/** See above. */
export class LastWords {
  /** Resolves when no more can come. */
  readonly end: Promise<void>;
  #text = "";

  constructor(stream: ReadableStream<Uint8Array>) {
    this.end = this.#listen(stream);
  }

  /** The line that tells the most: where memory has run out, not the last one. */
  get line(): string {
    const lines = this.#text.split("\n").map((line) => line.trim()).filter(Boolean);
    const line = lines.findLast((line) => line.includes("out of memory")) ?? lines.at(-1) ?? "";
    return line.slice(0, LONGEST_LINE);
  }

  async #listen(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      this.#text = (this.#text + decoder.decode(chunk, { stream: true })).slice(-LONGEST);
      for (let rest = chunk; rest.length > 0;) rest = rest.subarray(Deno.stderr.writeSync(rest));
    }
  }
}
