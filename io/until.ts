/**
 * Pieces of bytes that end by a delimiter.
 *
 * @module
 */

import { show } from "../primitives/kernel/check.ts";
import { ClosedError } from "../primitives/kernel/errors.ts";
import { Splitter } from "./splitter.ts";

/** Takes what is before a delimiter. */
export class Until extends Splitter<Uint8Array | null> {
  readonly sharesMemory = true;
  override readonly endsOnStop = false;
  readonly #delimiter: Uint8Array;
  readonly #max: number;
  // How many of the bytes have been looked at in vain: a peer that sends them one by one must not
  // make us look at all of them each time.
  #seen = 0;

  /**
   * @param name The name of the stream.
   * @param delimiter What ends a piece.
   * @param max How long it may be.
   */
  constructor(name: string, delimiter: Uint8Array, max: number) {
    super(name);
    this.#delimiter = delimiter;
    this.#max = max;
  }

  take(bytes: Uint8Array, start: number, end: number): number {
    const delimiter = this.#delimiter;
    const here = bytes.subarray(start, end);
    const found = indexOf(here, delimiter, this.#seen);
    if (found === -1) {
      this.#seen = Math.max(0, here.length - delimiter.length + 1);
      // So much of it is no delimiter, nor the beginning of one.
      if (this.#seen > this.#max) this.#fail(`${this.#seen} or more`);
      else this.needs = here.length + 1;
      return 0;
    }
    if (found > this.#max) {
      this.#fail(String(found));
      return 0;
    }
    this.result = here.subarray(0, found);
    return found + delimiter.length;
  }

  finish(bytes: Uint8Array, start: number, end: number): number {
    const taken = this.take(bytes, start, end);
    if (taken > 0 || this.error !== undefined) return taken;
    if (start === end) this.result = null;
    else {
      this.error = new ClosedError(
        `Cannot read from ${this.name} until a delimiter as the peer has ended without, after ${
          end - start
        } bytes. Read those by read()`,
      );
    }
    return 0;
  }

  stopped(): null {
    return null;
  }

  #fail(length: string): void {
    this.error = this.tooLong("piece", length, this.#max);
  }
}

/** The bytes of a delimiter: of one that is a text, in UTF-8. */
export function checkDelimiter(delimiter: unknown, action: string): Uint8Array {
  const bytes = typeof delimiter === "string" ? new TextEncoder().encode(delimiter) : delimiter;
  if (!(bytes instanceof Uint8Array)) {
    throw new TypeError(
      `Cannot ${action} as the delimiter must be a Uint8Array or a string: received ${
        show(delimiter)
      }`,
    );
  }
  if (bytes.length === 0) {
    throw new RangeError(`Cannot ${action} as the delimiter must not be empty`);
  }
  return bytes;
}

function indexOf(bytes: Uint8Array, wanted: Uint8Array, from: number): number {
  for (let at = from;; at++) {
    at = bytes.indexOf(wanted[0], at);
    if (at === -1 || at + wanted.length > bytes.length) return -1;
    let i = 1;
    while (i < wanted.length && bytes[at + i] === wanted[i]) i++;
    if (i === wanted.length) return at;
  }
}
