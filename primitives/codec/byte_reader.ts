/**
 * Bytes that are read from their beginning on. It reads over no end, whatever they say.
 *
 * @module
 */

import { MalformedError } from "./malformed_error.ts";

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

// The arguments of one call are on the stack.
const MOST_UNITS = 8192;

// Through these a number goes bit by bit. To make a view of each message would take longer.
const scratch = new Uint8Array(8);
const asDouble = new Float64Array(scratch.buffer);
const asBigint = new BigInt64Array(scratch.buffer);

/** See above. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #at: number;
  #end: number;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    if (end > bytes.length || end < start) throw cutOff();
  }

  get at(): number {
    return this.#at;
  }

  get isOver(): boolean {
    return this.#at === this.#end;
  }

  byte(): number {
    if (this.#at === this.#end) throw cutOff();
    return this.#bytes[this.#at++];
  }

  count(): number {
    let value = 0;
    for (let factor = 1; factor < Number.MAX_SAFE_INTEGER; factor *= 0x80) {
      const byte = this.byte();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
    throw malformed("a number in it is too large");
  }

  short(): number {
    const at = this.#skip(2);
    return (this.#bytes[at] << 16 | this.#bytes[at + 1] << 24) >> 16;
  }

  int(): number {
    const bytes = this.#bytes;
    const at = this.#skip(4);
    return bytes[at] | bytes[at + 1] << 8 | bytes[at + 2] << 16 | bytes[at + 3] << 24;
  }

  double(): number {
    this.#fill();
    return asDouble[0];
  }

  bigint(): bigint {
    this.#fill();
    return asBigint[0];
  }

  /** So many bytes: a copy, in a buffer of their own. */
  copy(count: number): Uint8Array<ArrayBuffer> {
    const start = this.#skip(count);
    const copy = new Uint8Array(count);
    copy.set(this.#bytes.subarray(start, this.#at));
    return copy;
  }

  text(): string {
    const length = this.int() >>> 0;
    const isWide = this.byte() === 1;
    const start = this.#skip(length);
    const bytes = this.#bytes.subarray(start, this.#at);
    return isWide ? utf16(bytes) : decoder.decode(bytes);
  }

  #skip(count: number): number {
    const start = this.#at;
    if (count > this.#end - start) throw cutOff();
    this.#at = start + count;
    return start;
  }

  #fill(): void {
    const start = this.#skip(8);
    for (let i = 0; i < 8; i++) scratch[i] = this.#bytes[start + i];
  }
}

/** What is thrown when something cannot be read. */
export function malformed(why: string): MalformedError {
  return new MalformedError("a value", why);
}

function cutOff(): MalformedError {
  return malformed("its bytes end in the middle");
}

function utf16(bytes: Uint8Array): string {
  // A copy, as units are at even places only.
  const units = new Uint16Array(bytes.slice(0, bytes.length & ~1).buffer);
  let text = "";
  for (let i = 0; i < units.length; i += MOST_UNITS) {
    text += String.fromCharCode(...units.subarray(i, i + MOST_UNITS));
  }
  return text;
}
