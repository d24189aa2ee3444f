/**
 * The memory that sockets read into. A connection that waits holds a small piece of its own; one
 * that has much to read gets a large one, taken from those that others have given back. (Measured:
 * a new 64 KiB buffer for each read costs three fifths of the throughput, one for each idle
 * connection ten times the memory of all else it needs.)
 *
 * @module
 */

/** What an idle connection holds. */
export const SMALL = 512;

/** What a busy one reads into. */
export const LARGE = 64 * 1024;

/** How many large ones are kept for the next who need one. */
const MOST_SPARE = 32;

/** How many small ones: what a connection that is closed had is the next one's. */
const MOST_SMALL = 256;

const spare: Uint8Array[] = [];
const spareSmall: Uint8Array[] = [];

/** A large buffer, with whatever was in it. */
export function takeLarge(): Uint8Array {
  return spare.pop() ?? new Uint8Array(LARGE);
}

/** A small buffer, the same. */
export function takeSmall(): Uint8Array {
  return spareSmall.pop() ?? new Uint8Array(SMALL);
}

/** Gives a buffer back that nobody reads into any more. */
export function giveBack(buffer: Uint8Array | null): void {
  if (buffer === null) return;
  if (buffer.length === SMALL && spareSmall.length < MOST_SMALL) spareSmall.push(buffer);
  else if (buffer.length === LARGE && spare.length < MOST_SPARE) spare.push(buffer);
}

/** The bytes as what they are: Node's are of a class whose `slice` copies nothing. */
export function plain(bytes: Uint8Array): Uint8Array {
  if (bytes.constructor === Uint8Array) return bytes;
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}
