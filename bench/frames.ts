/**
 * `frames`, `lines`: a million bytes and more, that come in pieces of up to 64 KiB, cut into frames of 64 bytes behind four
 * bytes of length, or into lines of 63 characters; the figure is the time of one of them. No socket is in it: what a stream reads
 * from copies the bytes from memory, as the system would, and has always some.
 *
 * The floors read into one buffer and loop over what has come: `subarray` for a frame, `indexOf` and `subarray` for a line. So
 * their pieces are overwritten by the next read, those of frames are no copies, and those of lines are not even text. Grove's are
 * the taker's to keep, lines are strings, and what a piece of the stream ends in the middle of is put together.
 *
 * @module
 */

import "../mod.ts"; // a stream is not made outside of it
import type { NativeConnection } from "../io/platform.ts";
import { SocketStream } from "../io/stream.ts";
import { checked } from "./checked.ts";
import type { Contender, Row } from "./row.ts";

const PIECES = 20_000;
const BUFFER = 65_536;

/** All frames, or all lines, one after the other; `64` is the first byte of each. */
function prepared(length: number[], end: number[]): Uint8Array {
  const one = [...length, ...new Uint8Array(64 - end.length).fill(64), ...end];
  const all = new Uint8Array(PIECES * one.length);
  for (let i = 0; i < PIECES; i++) all.set(one, i * one.length);
  return all;
}

const FRAMES = prepared([0, 0, 0, 64], []);
const LINES = prepared([], [10]);
const SUM = PIECES * 64;

/** A connection over which these bytes come as fast as they are read. */
class Memory implements NativeConnection {
  readonly localAddr = { hostname: "127.0.0.1", port: 1 };
  readonly remoteAddr = { hostname: "127.0.0.1", port: 2 };
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    const count = Math.min(buffer.length, this.#bytes.length - this.#at);
    if (count === 0) return null;
    buffer.set(this.#bytes.subarray(this.#at, this.#at += count));
    return count;
  }

  write(data: Uint8Array): Promise<number> {
    return Promise.resolve(data.length);
  }

  async closeWrite(): Promise<void> {}

  close(): void {}
}

/** Calls `cut` with what has come; it says how much of it was whole. */
async function bare(
  bytes: Uint8Array,
  cut: (buffer: Uint8Array, end: number) => number,
): Promise<void> {
  const memory = new Memory(bytes);
  const buffer = new Uint8Array(BUFFER);
  let held = 0;
  for (;;) {
    const count = await memory.read(buffer.subarray(held));
    if (count === null) return;
    const end = held + count;
    const taken = cut(buffer, end);
    buffer.copyWithin(0, taken, end);
    held = end - taken;
  }
}

async function bareFrames(): Promise<number> {
  let sum = 0;
  await bare(FRAMES, (buffer, end) => {
    let at = 0;
    while (end - at >= 4) {
      const length = (buffer[at] << 24) | (buffer[at + 1] << 16) | (buffer[at + 2] << 8) |
        buffer[at + 3];
      if (end - at < 4 + length) break;
      sum += buffer.subarray(at + 4, at + 4 + length)[0];
      at += 4 + length;
    }
    return at;
  });
  return sum;
}

/** What it costs that frames can be kept: memory that is not read into again, and a list of them. */
async function keptFrames(): Promise<number> {
  const memory = new Memory(FRAMES);
  let buffer = new Uint8Array(BUFFER);
  let held = 0;
  let sum = 0;
  for (;;) {
    const count = await memory.read(buffer.subarray(held));
    if (count === null) return sum;
    const end = held + count;
    const batch: Uint8Array[] = [];
    let at = 0;
    while (end - at >= 4) {
      const length = (buffer[at] << 24) | (buffer[at + 1] << 16) | (buffer[at + 2] << 8) |
        buffer[at + 3];
      if (end - at < 4 + length) break;
      batch.push(buffer.subarray(at + 4, at + 4 + length));
      at += 4 + length;
    }
    for (const frame of batch) sum += frame[0];
    const rest = buffer.subarray(at, end);
    buffer = new Uint8Array(BUFFER);
    buffer.set(rest);
    held = rest.length;
  }
}

async function bareLines(): Promise<number> {
  let sum = 0;
  await bare(LINES, (buffer, end) => {
    let at = 0;
    for (;;) {
      const lineEnd = buffer.indexOf(10, at);
      if (lineEnd === -1 || lineEnd >= end) return at;
      sum += buffer.subarray(at, lineEnd)[0];
      at = lineEnd + 1;
    }
  });
  return sum;
}

async function frameBatches(): Promise<number> {
  let sum = 0;
  for await (const batch of new SocketStream(new Memory(FRAMES)).frames().batches()) {
    for (const frame of batch) sum += frame[0];
  }
  return sum;
}

async function singleFrames(): Promise<number> {
  let sum = 0;
  for await (const frame of new SocketStream(new Memory(FRAMES)).frames()) sum += frame[0];
  return sum;
}

async function lineBatches(): Promise<number> {
  let sum = 0;
  for await (const batch of new SocketStream(new Memory(LINES)).lines().batches()) {
    for (const line of batch) sum += line.charCodeAt(0);
  }
  return sum;
}

async function singleLines(): Promise<number> {
  let sum = 0;
  for await (const line of new SocketStream(new Memory(LINES)).lines()) sum += line.charCodeAt(0);
  return sum;
}

/** How it is written most often: everything in one growing piece of memory, a generator over it. */
async function* generated(): AsyncGenerator<Uint8Array> {
  const memory = new Memory(FRAMES);
  const buffer = new Uint8Array(BUFFER);
  let held = 0;
  for (;;) {
    const count = await memory.read(buffer.subarray(held));
    if (count === null) return;
    const end = held + count;
    let at = 0;
    const view = new DataView(buffer.buffer);
    while (end - at >= 4 && end - at >= 4 + view.getUint32(at)) {
      const from = at + 4;
      at = from + view.getUint32(at);
      yield buffer.slice(from, at);
    }
    buffer.copyWithin(0, at, end);
    held = end - at;
  }
}

async function generatedFrames(): Promise<number> {
  let sum = 0;
  for await (const frame of generated()) sum += frame[0];
  return sum;
}

async function streamedLines(): Promise<number> {
  const memory = new Memory(LINES);
  let rest = "";
  const lines = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      const buffer = new Uint8Array(BUFFER);
      const count = await memory.read(buffer);
      if (count === null) controller.close();
      else controller.enqueue(buffer.subarray(0, count));
    },
  })
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(
      new TransformStream<string, string>({
        transform(text, controller) {
          const all = (rest + text).split("\n");
          rest = all.pop()!;
          for (const line of all) controller.enqueue(line);
        },
      }),
    );
  let sum = 0;
  for await (const line of lines) sum += line.charCodeAt(0);
  return sum;
}

function contender(name: string, run: () => Promise<number>, note?: string): Contender {
  return checked(name, { size: PIECES, note }, run, SUM);
}

export const rows: Row[] = [
  {
    id: "frames",
    title: "a frame of 64 bytes, behind its length",
    unit: "ns",
    contenders: [
      contender("floor", bareFrames, "its frames are overwritten by the next read"),
      contender("bare, to keep", keptFrames, "the floor in new memory for each read"),
      contender("grove", frameBatches, "`frames().batches()`"),
      contender("grove, one by one", singleFrames, "`for await` over `frames()`"),
      contender("async generator", generatedFrames, "with `slice`, so that frames can be kept"),
    ],
    goals: [{ times: 1.43, of: "floor" }],
  },
  {
    id: "lines",
    title: "a line of 63 characters",
    unit: "ns",
    contenders: [
      contender("floor", bareLines, "its lines are bytes, and overwritten by the next read"),
      contender("grove", lineBatches, "`lines().batches()`"),
      contender("grove, one by one", singleLines, "`for await` over `lines()`"),
      contender("Web Streams", streamedLines, "TextDecoderStream and a TransformStream"),
    ],
    goals: [{ times: 1.43, of: "floor" }],
  },
];
