/**
 * What a process has written to its standard error, which goes to that of this one: the last of it
 * is kept, as it may tell why the process has ended.
 *
 * @module
 */

// Characters.
const LONGEST = 16_000;
const LONGEST_LINE = 300;

// How long they are waited for, in milliseconds: what the process has started has its standard error
// too, and may live on. In steps: when this thread is busy for longer than one, it has not read yet
// what is there when that is over, and reads it in the next.
const STEP = 10;
const STEPS = 5;

// The colors of a terminal.
// deno-lint-ignore no-control-regex -- that is what they begin with
const COLORS = /\x1b\[[\d;]*m/g;

// What tells more than the line that happens to be the last, as those of a stack.
const TELLING = [/out of memory/, /^error: /];

/** See above. */
export class LastWords {
  readonly #end: Promise<void>;
  #text = "";

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#end = this.#listen(stream);
  }

  /** Resolves when no more can come of a process that has ended; to `false` if it might. */
  async end(): Promise<boolean> {
    for (let step = 0; step < STEPS; step++) if (await this.#endsWithin(STEP)) return true;
    return false;
  }

  /** The line that tells the most. */
  get line(): string {
    const text = this.#text.replace(COLORS, "");
    const lines = text.split("\n").map((line) => line.trim()).filter(Boolean);
    for (const pattern of TELLING) {
      const line = lines.findLast((line) => pattern.test(line));
      if (line !== undefined) return line.slice(0, LONGEST_LINE);
    }
    return (lines.at(-1) ?? "").slice(0, LONGEST_LINE);
  }

  async #endsWithin(ms: number): Promise<boolean> {
    let timer: ReturnType<typeof setTimeout>;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), ms);
    });
    const ended = this.#end.then(() => true);
    return await Promise.race([ended, late]).finally(() => clearTimeout(timer));
  }

  async #listen(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      this.#text = (this.#text + decoder.decode(chunk, { stream: true })).slice(-LONGEST);
      write(chunk);
    }
  }
}

function write(bytes: Uint8Array): void {
  try {
    while (bytes.length > 0) bytes = bytes.subarray(Deno.stderr.writeSync(bytes));
  } catch {
    // Nobody reads that of this process any more.
  }
}
