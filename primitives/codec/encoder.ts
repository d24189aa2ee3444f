/**
 * Makes bytes of values.
 *
 * @module
 */

import { ByteWriter } from "./byte_writer.ts";
import { Encoding, Refused } from "./encoding.ts";
import { pathTo } from "./path_to.ts";

// A buffer that is larger is not kept for the next value.
const KEPT = 4 << 20;

/**
 * Makes bytes of whatever the structured clone algorithm takes: what `structuredClone` keeps is
 * kept, and what it drops is dropped. Four things differ. Memory that is shared, blobs and keys,
 * which are bound to a process, are refused, and so is what is to be passed on and not copied. A
 * `Proxy` and `arguments`, which nobody can tell from plain objects, are copied as such. A view that follows a resizable
 * buffer becomes one of the length that it has now. Objects more than 1,000 deep in each other are
 * too deep.
 */
export class Encoder {
  readonly #refusal: (value: unknown, path: string) => Error;
  // None while it is in use: a getter of a value may encode another.
  #writer: ByteWriter | undefined = new ByteWriter();

  /**
   * Makes an encoder.
   *
   * @param refusal Makes the error for what cannot be copied, which is thrown.
   */
  constructor(refusal: (value: unknown, path: string) => Error) {
    this.#refusal = refusal;
  }

  /**
   * Makes bytes of a value.
   *
   * @param value The value.
   * @param name What the value is called in errors.
   * @returns The bytes. They are those of the encoder: the next call writes over them.
   * @throws {RangeError} When its objects are too deep in each other.
   * @throws What `refusal` has made, and what a getter throws.
   */
  encode(value: unknown, name: string): Uint8Array<ArrayBuffer> {
    const writer = this.#writer ?? new ByteWriter();
    this.#writer = undefined;
    try {
      new Encoding(writer).write(value);
      return writer.bytes.subarray(0, writer.end);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      throw this.#refusal(error.value, pathTo(error.value, value, name));
    } finally {
      writer.end = 0;
      if (writer.bytes.length <= KEPT) this.#writer = writer;
    }
  }
}
