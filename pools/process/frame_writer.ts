/**
 * Packs messages, however many, into one piece that can be written to a stream at once.
 *
 * @module
 */

import { ByteWriter } from "../../primitives/codec/byte_writer.ts";
import { Encoder } from "../../primitives/codec/encoder.ts";
import { refusal } from "../payload.ts";
import { HEADER, LONGEST, TEXT, VALUE } from "./frame.ts";

// A buffer that is larger is not kept for what is packed next.
const KEPT = 4 << 20;

const encoder = new Encoder((value, path) => refusal(value, path, "process"));

/** See above. */
export class FrameWriter {
  readonly #longest: number;
  // Two, as one is being written to the stream while the other is filled.
  #filled: ByteWriter = new ByteWriter();
  #taken: ByteWriter = new ByteWriter();

  /**
   * Makes a writer that has nothing.
   *
   * @param longest The longest message that is let through, in bytes. Default: 1 GiB.
   */
  constructor(longest: number = LONGEST) {
    this.#longest = longest;
  }

  /** Whether there is nothing to be taken. */
  get isEmpty(): boolean {
    return this.#filled.end === 0;
  }

  /**
   * Adds a message.
   *
   * @param message A string, which goes as it is: but UTF-8 has nothing for the half of a pair, of
   * which JSON makes something else. Or another value, as the codec writes it.
   * @throws {NotPortableError} When it cannot be copied. Nothing is added then.
   * @throws {RangeError} When it is too long, or too deep. Nothing is added then.
   */
  put(message: unknown): void {
    const isText = typeof message === "string";
    // First, and not in its place: a getter of it may add another.
    const bytes = isText ? undefined : encoder.encode(message, "a message");
    const filled = this.#filled;
    const start = filled.end;
    filled.reserve(HEADER);
    filled.end += HEADER;
    if (isText) filled.utf8(message);
    else filled.copy(bytes!);
    const length = filled.end - start - HEADER;
    if (length > this.#longest) {
      filled.end = start;
      throw new RangeError(
        `Cannot send a message as it has ${length} bytes, and the most is ${this.#longest}. Send it in parts`,
      );
    }
    filled.patch(start, length);
    filled.bytes[start + HEADER - 1] = isText ? TEXT : VALUE;
  }

  /**
   * Takes all that was added.
   *
   * @returns The bytes. They stay as they are until more are taken.
   */
  take(): Uint8Array<ArrayBuffer> {
    const filled = this.#filled;
    this.#filled = this.#taken.bytes.length > KEPT ? new ByteWriter() : this.#taken;
    this.#filled.end = 0;
    this.#taken = filled;
    return filled.bytes.subarray(0, filled.end);
  }
}
