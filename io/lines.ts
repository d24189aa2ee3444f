/**
 * Lines of text. What has come is decoded up to its last end of a line at once, as to decode line by
 * line costs several times as much; the bytes stay where they are until their line is taken.
 *
 * @module
 */

import { checkCount, checkOptions, show } from "../primitives/kernel/check.ts";
import type { WaitOptions } from "../primitives/kernel/wait.ts";
import { Splitter } from "./splitter.ts";

/** How to read lines. */
export interface LineOptions extends WaitOptions {
  /** How many bytes a line may have, without its end. Default: 65,536. */
  max?: number;
  /** How text is encoded, by a name that `TextDecoder` knows; but for UTF-16. Default: "utf-8". */
  encoding?: string;
}

/** Options that make sense. */
export interface CheckedLines {
  readonly max: number;
  readonly encoding: string;
}

const LF = 10;
const CR = 13;

/** Checks options at the call that was given them. */
export function checkLines(options: LineOptions | undefined, action: string): CheckedLines {
  if (options !== undefined) checkOptions(options, action);
  const { max = 65536, encoding = "utf-8" } = options ?? {};
  checkCount(max, action, "'max'", 0);
  if (typeof encoding !== "string") {
    throw new TypeError(
      `Cannot ${action} as 'encoding' must be a string: received ${show(encoding)}`,
    );
  }
  let name: string;
  try {
    name = new TextDecoder(encoding).encoding;
  } catch {
    throw new RangeError(
      `Cannot ${action} as 'encoding' is not known here: received ${show(encoding)}. Take "utf-8"`,
    );
  }
  if (name.startsWith("utf-16") || name === "iso-2022-jp") {
    throw new RangeError(
      `Cannot ${action} as in "${name}" the byte of a line feed is not always one. Pipe the bytes through a TextDecoderStream`,
    );
  }
  return { max, encoding: name };
}

/** What single lines and batches of them have in common. */
abstract class LineSplitter<T> extends Splitter<IteratorResult<T>> {
  readonly sharesMemory = false;
  readonly #max: number;
  // What looks like a mark of the byte order may be one in the middle, where it is a character.
  readonly #decoder: TextDecoder;
  #seen = 0;

  constructor(name: string, { max, encoding }: CheckedLines) {
    super(name);
    this.#max = max;
    this.#decoder = new TextDecoder(encoding, { ignoreBOM: true });
  }

  override begin(isSequel: boolean): void {
    super.begin(isSequel);
    this.#seen = 0;
  }

  protected decode(bytes: Uint8Array): string {
    return this.#decoder.decode(bytes);
  }

  /**
   * The part of the bytes that whole lines make up, none of them too long; 0 where there is no whole
   * line, or the first one is too long.
   */
  protected whole(here: Uint8Array): number {
    const max = this.#max;
    const first = here.indexOf(LF, this.#seen);
    if (first === -1) {
      this.#seen = here.length;
      if (here.length > max + 1 || (here.length > max && here[here.length - 1] !== CR)) {
        this.error = this.tooLong("line", `${here.length} or more`, max);
      }
      this.needs = here.length + 1;
      return 0;
    }
    const last = here.lastIndexOf(LF);
    if (last <= max) return last + 1;
    let from = 0;
    for (let at = first; at !== -1; at = here.indexOf(LF, from)) {
      const length = at - from - (at > from && here[at - 1] === CR ? 1 : 0);
      if (length > max) {
        if (from === 0) this.error = this.tooLong("line", String(length), max);
        return from;
      }
      from = at + 1;
    }
    return from;
  }

  /** The line that the end of the stream ends. */
  protected lastLine(bytes: Uint8Array, start: number, end: number): string | undefined {
    if (start === end) return undefined;
    const line = this.decode(bytes.subarray(start, end));
    return line.endsWith("\r") ? line.slice(0, -1) : line;
  }

  finish(bytes: Uint8Array, start: number, end: number): number {
    const taken = this.take(bytes, start, end);
    if (taken > 0 || this.error !== undefined) return taken;
    const line = this.lastLine(bytes, start, end);
    this.result = line === undefined
      ? { done: true, value: undefined }
      : { done: false, value: this.alone(line) };
    return end - start;
  }

  /** One line in the form of the result. */
  protected abstract alone(line: string): T;

  stopped(): IteratorResult<T> {
    return { done: true, value: undefined };
  }
}

/** Takes one line at a time. */
export class SingleLines extends LineSplitter<string> {
  // Lines that were decoded and not taken yet, if nobody has read since: their text from #at on, the
  // bytes of which begin at #next.
  #text = "";
  #at = 0;
  #bytes: Uint8Array | null = null;
  #next = 0;
  #isAscii = true;

  override begin(isSequel: boolean): void {
    super.begin(isSequel);
    if (!isSequel) this.#bytes = null;
  }

  take(bytes: Uint8Array, start: number, end: number): number {
    if (this.#at === this.#text.length || bytes !== this.#bytes || start !== this.#next) {
      const here = bytes.subarray(start, end);
      const length = this.whole(here);
      if (length === 0) return 0;
      this.#text = this.decode(here.subarray(0, length));
      this.#at = 0;
      this.#bytes = bytes;
      this.#isAscii = this.#text.length === length;
    }
    const text = this.#text;
    const at = text.indexOf("\n", this.#at);
    const isCrLf = at > this.#at && text.charCodeAt(at - 1) === CR;
    this.result = { done: false, value: text.slice(this.#at, isCrLf ? at - 1 : at) };
    const next = this.#isAscii ? start + at + 1 - this.#at : bytes.indexOf(LF, start) + 1;
    this.#at = at + 1;
    this.#next = next;
    return next - start;
  }

  protected alone(line: string): string {
    return line;
  }
}

/** Takes all lines that are there. */
export class LineBatches extends LineSplitter<string[]> {
  take(bytes: Uint8Array, start: number, end: number): number {
    const here = bytes.subarray(start, end);
    const length = this.whole(here);
    if (length === 0) return 0;
    // Without the last end, behind which there is no line.
    const text = this.decode(here.subarray(0, length - 1));
    const lines = text.split("\n");
    if (here[length - 2] === CR || text.includes("\r\n")) {
      for (let i = 0; i < lines.length; i++) {
        const line = lines[i];
        if (line.endsWith("\r")) lines[i] = line.slice(0, -1);
      }
    }
    this.result = { done: false, value: lines };
    return length;
  }

  protected alone(line: string): string[] {
    return [line];
  }
}
