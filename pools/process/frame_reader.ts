/**
 * Finds the messages in a stream of bytes, of which the pieces that are read have parts of one or
 * many. A piece is looked at where it is; only what it has of a message that is not whole yet is
 * copied, once, and again when the room for it doubles.
 *
 * @module
 */

import { decode } from "../../primitives/codec/decode.ts";
import { MalformedError } from "../../primitives/codec/malformed_error.ts";
import { HEADER, LONGEST, TEXT, VALUE } from "./frame.ts";

// Room that is larger is not kept for the next message.
const KEPT = 4 << 20;

const NOTHING = new Uint8Array();

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** See above. */
export class FrameReader {
  readonly #longest: number;
  #own: Uint8Array = NOTHING;
  // What is being looked at: a piece of the stream, or the room of its own.
  #bytes: Uint8Array = NOTHING;
  #end = 0;
  // The message at hand, and where the next one begins.
  #isText = false;
  #start = 0;
  #at = 0;

  /**
   * Makes a reader at the beginning of a stream.
   *
   * @param longest The longest message that is believed in, in bytes. Default: 1 GiB.
   */
  constructor(longest: number = LONGEST) {
    this.#longest = longest;
  }

  /**
   * Takes what came next in the stream, of which it keeps nothing.
   *
   * @param chunk The bytes.
   * @param take Is called with each message that is whole now.
   * @throws {MalformedError} When a message is longer than any can be, or is none. What comes after
   * it cannot be found.
   */
  push(chunk: Uint8Array, take: (message: unknown) => void): void {
    this.#add(chunk);
    try {
      while (this.#next()) {
        const bytes = this.#bytes.subarray(this.#start, this.#at);
        take(this.#isText ? decoder.decode(bytes) : decode(bytes));
      }
    } finally {
      this.#keep();
    }
  }

  /**
   * Says that the stream has ended.
   *
   * @throws {MalformedError} When it has ended in the middle of a message.
   */
  end(): void {
    if (this.#end > this.#at) {
      throw malformed(`the stream has ended after ${this.#end - this.#at} bytes of it`);
    }
  }

  #add(chunk: Uint8Array): void {
    if (this.#end === 0) {
      this.#bytes = chunk;
      this.#end = chunk.length;
      return;
    }
    this.#reserve(this.#end + chunk.length);
    this.#own.set(chunk, this.#end);
    this.#bytes = this.#own;
    this.#end += chunk.length;
  }

  /** Goes on to the next message. Whether there is one that is whole. */
  #next(): boolean {
    const bytes = this.#bytes;
    const at = this.#at;
    const left = this.#end - at - HEADER;
    if (left < 0) return false;
    const length = (bytes[at] | bytes[at + 1] << 8 | bytes[at + 2] << 16 | bytes[at + 3] << 24) >>>
      0;
    const type = bytes[at + HEADER - 1];
    // Before there is all of it: it could be long in coming.
    if (type !== TEXT && type !== VALUE) throw malformed(`its kind would be ${type}`);
    if (length > this.#longest) {
      throw malformed(`it would have ${length} bytes, and the most is ${this.#longest}`);
    }
    if (left < length) return false;
    this.#isText = type === TEXT;
    this.#start = at + HEADER;
    this.#at = this.#start + length;
    return true;
  }

  /** Keeps what is there of a message that is not whole yet. */
  #keep(): void {
    const length = this.#end - this.#at;
    if (length === 0) {
      if (this.#own.length > KEPT) this.#own = NOTHING;
    } else if (this.#bytes !== this.#own) {
      const rest = this.#bytes.subarray(this.#at, this.#end);
      this.#end = 0;
      this.#reserve(length);
      this.#own.set(rest);
    } else if (this.#at > 0) {
      // Not a long message, which begins where it is, however often more of it comes.
      this.#own.copyWithin(0, this.#at, this.#end);
    }
    this.#bytes = this.#own;
    this.#at = 0;
    this.#end = length;
  }

  #reserve(size: number): void {
    if (size <= this.#own.length) return;
    const larger = new Uint8Array(Math.max(size, 2 * this.#own.length));
    larger.set(this.#own.subarray(0, this.#end));
    this.#own = larger;
  }
}

function malformed(why: string): MalformedError {
  return new MalformedError("a message", why);
}
