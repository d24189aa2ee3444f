/**
 * Frames: pieces of bytes, each behind its length.
 *
 * @module
 */

import { checkCount, show } from "../primitives/kernel/check.ts";
import { ClosedError } from "../primitives/kernel/errors.ts";
import type { WaitOptions } from "../primitives/kernel/wait.ts";
import { TooLongError } from "./errors.ts";
import { Splitter } from "./splitter.ts";

/** How frames are put on the wire. Both ends have to agree on it. */
export interface FrameFormat {
  /** How many bytes tell the length of a frame, which they do not count themselves: 1 to 6. Default: 4. */
  lengthBytes?: number;
  /** Whether the lowest byte of the length comes first. Default: `false`, the order of the network. */
  littleEndian?: boolean;
  /** How many bytes a frame may have. Default: 1,048,576. */
  max?: number;
}

/** How to read frames. */
export interface FrameOptions extends FrameFormat, WaitOptions {}

/** A format with nothing left out. */
export type CheckedFormat = Required<FrameFormat>;

const DEFAULT: CheckedFormat = { lengthBytes: 4, littleEndian: false, max: 2 ** 20 };

/** Checks a format at the call that was given it. */
export function checkFormat(options: FrameFormat | undefined, action: string): CheckedFormat {
  if (options === undefined) return DEFAULT;
  if (typeof options !== "object" || options === null) {
    throw new TypeError(
      `Cannot ${action} as the options must be an object: received ${show(options)}`,
    );
  }
  const { lengthBytes = 4, littleEndian = false, max = DEFAULT.max } = options;
  checkCount(lengthBytes, action, "'lengthBytes'", 1, false);
  if (lengthBytes > 6) {
    throw new RangeError(
      `Cannot ${action} as 'lengthBytes' must be 6 at most: received ${lengthBytes}`,
    );
  }
  if (typeof littleEndian !== "boolean") {
    throw new TypeError(
      `Cannot ${action} as 'littleEndian' must be a boolean: received ${show(littleEndian)}`,
    );
  }
  checkCount(max, action, "'max'", 0);
  return { lengthBytes, littleEndian, max };
}

/** A frame with its length in front. */
export function encodeFrame(data: Uint8Array, format: CheckedFormat, name: string): Uint8Array {
  const { lengthBytes, littleEndian, max } = format;
  const most = Math.min(max, 2 ** (8 * lengthBytes) - 1);
  if (data.length > most) {
    throw new TooLongError(
      `Cannot write a frame to ${name} as it is too long: ${data.length} bytes, and ${
        most === max ? `'max' is ${max}` : `${lengthBytes} bytes of length go to ${most}`
      }. Send it in several, or allow more on both ends`,
    );
  }
  // One piece of memory: one call of the system, and nobody can write between the two.
  const frame = new Uint8Array(lengthBytes + data.length);
  let rest = data.length;
  for (let i = 0; i < lengthBytes; i++) {
    frame[littleEndian ? i : lengthBytes - 1 - i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  frame.set(data, lengthBytes);
  return frame;
}

/** What single frames and batches of them have in common. */
abstract class FrameSplitter<T> extends Splitter<IteratorResult<T>> {
  readonly sharesMemory = true;
  protected readonly format: CheckedFormat;
  protected readonly lengthBytes: number;

  constructor(name: string, format: CheckedFormat) {
    super(name);
    this.format = format;
    this.lengthBytes = format.lengthBytes;
  }

  /** The length of the frame whose bytes begin here, -1 where it is not all there. */
  protected lengthAt(bytes: Uint8Array, at: number, end: number): number {
    const { lengthBytes, littleEndian, max } = this.format;
    if (end - at < lengthBytes) {
      this.needs = lengthBytes;
      return -1;
    }
    let length = 0;
    if (lengthBytes === 4 && !littleEndian) {
      length = bytes[at] * 16777216 + (bytes[at + 1] << 16 | bytes[at + 2] << 8 | bytes[at + 3]);
    } else if (littleEndian) {
      for (let i = lengthBytes - 1; i >= 0; i--) length = length * 256 + bytes[at + i];
    } else {
      for (let i = 0; i < lengthBytes; i++) length = length * 256 + bytes[at + i];
    }
    if (length > max) {
      this.error = this.tooLong("frame", String(length), max);
      return -1;
    }
    if (end - at < lengthBytes + length) {
      this.needs = lengthBytes + length;
      return -1;
    }
    return length;
  }

  finish(bytes: Uint8Array, start: number, end: number): number {
    const taken = this.take(bytes, start, end);
    if (taken > 0 || this.error !== undefined) return taken;
    if (start === end) this.result = { done: true, value: undefined };
    else {
      this.error = new ClosedError(
        `Cannot read a frame from ${this.name} as the peer has ended in the middle of it, after ${
          end - start
        } of ${this.needs} bytes. Read those by read()`,
      );
    }
    return 0;
  }

  stopped(): IteratorResult<T> {
    return { done: true, value: undefined };
  }
}

/** Takes one frame at a time. */
export class SingleFrames extends FrameSplitter<Uint8Array> {
  take(bytes: Uint8Array, start: number, end: number): number {
    const length = this.lengthAt(bytes, start, end);
    if (length < 0) return 0;
    const from = start + this.lengthBytes;
    this.result = { done: false, value: bytes.subarray(from, from + length) };
    return from + length - start;
  }
}

/** Takes all frames that are there. */
export class FrameBatches extends FrameSplitter<Uint8Array[]> {
  take(bytes: Uint8Array, start: number, end: number): number {
    const batch: Uint8Array[] = [];
    let at = this.lengthBytes === 4 ? this.#takeUsual(batch, bytes, start, end) : start;
    for (;;) {
      const length = this.lengthAt(bytes, at, end);
      if (length < 0) break;
      const from = at + this.lengthBytes;
      at = from + length;
      batch.push(bytes.subarray(from, at));
    }
    if (at === start) return 0;
    // What is wrong with the next one comes when its turn does.
    this.error = undefined;
    this.result = { done: false, value: batch };
    return at - start;
  }

  /** Takes what needs no second look: frames of the usual kind, as long as they are whole. */
  #takeUsual(batch: Uint8Array[], bytes: Uint8Array, start: number, end: number): number {
    const { buffer, byteOffset } = bytes;
    const { max, littleEndian } = this.format;
    if (littleEndian) return start;
    let at = start;
    while (end - at >= 4) {
      const length = bytes[at] * 16777216 +
        (bytes[at + 1] << 16 | bytes[at + 2] << 8 | bytes[at + 3]);
      const from = at + 4;
      if (length > max || end - from < length) break;
      // A third quicker than `subarray`, which asks for the class to make first.
      batch.push(new Uint8Array(buffer, byteOffset + from, length));
      at = from + length;
    }
    return at;
  }
}
