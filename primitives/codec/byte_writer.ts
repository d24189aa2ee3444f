/**
 * Bytes that grow at their end.
 *
 * @module
 */

const FIRST_SIZE = 1024;

// More than UTF-8 needs for most texts, and seldom too little for them.
const SLACK = 64;

const encoder = new TextEncoder();

/** See above. What was written are the bytes up to `end`. */
export class ByteWriter {
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(FIRST_SIZE);
  end = 0;
  #view: DataView = new DataView(this.bytes.buffer);

  byte(value: number): void {
    if (this.end === this.bytes.length) this.reserve(1);
    this.bytes[this.end++] = value;
  }

  /** A whole number that is not negative: seven bits a byte. */
  count(value: number): void {
    while (value > 0x7f) {
      this.byte(value & 0x7f | 0x80);
      // Not by a shift, which would cut off what is over 32 bits.
      value = Math.floor(value / 0x80);
    }
    this.byte(value);
  }

  /** A whole number of 16 bits with its sign. */
  short(value: number): void {
    this.reserve(2);
    this.#view.setInt16(this.end, value, true);
    this.end += 2;
  }

  /** A whole number of 32 bits with its sign. */
  int(value: number): void {
    this.reserve(4);
    this.#view.setInt32(this.end, value, true);
    this.end += 4;
  }

  double(value: number): void {
    this.reserve(8);
    this.#view.setFloat64(this.end, value, true);
    this.end += 8;
  }

  /** A whole number of 64 bits with its sign. */
  bigint(value: bigint): void {
    this.reserve(8);
    this.#view.setBigInt64(this.end, value, true);
    this.end += 8;
  }

  /** A number of 32 bits over what is there already. */
  patch(at: number, value: number): void {
    this.#view.setUint32(at, value, true);
  }

  copy(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.end);
    this.end += bytes.length;
  }

  /** A text: how many bytes, whether they are UTF-16, and the bytes. */
  text(text: string): void {
    const start = this.end;
    this.reserve(5);
    this.end += 5;
    // UTF-8 has nothing for a half of a pair that is alone.
    const isWide = !text.isWellFormed();
    if (isWide) this.utf16(text);
    else this.utf8(text);
    this.bytes[start + 4] = Number(isWide);
    this.patch(start, this.end - start - 5);
  }

  /** The bytes of a text. */
  utf8(text: string): void {
    for (let rest = text;;) {
      this.reserve(rest.length + SLACK);
      const { read, written } = encoder.encodeInto(rest, this.bytes.subarray(this.end));
      this.end += written;
      if (read === rest.length) return;
      rest = rest.slice(read);
    }
  }

  utf16(text: string): void {
    this.reserve(2 * text.length);
    for (let i = 0; i < text.length; i++, this.end += 2) {
      this.#view.setUint16(this.end, text.charCodeAt(i), true);
    }
  }

  /** Makes room for so many bytes more. */
  reserve(count: number): void {
    const least = this.end + count;
    if (least <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(2 * this.bytes.length, least));
    larger.set(this.bytes.subarray(0, this.end));
    this.bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}
