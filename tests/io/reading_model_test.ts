/**
 * Random programs of reads of all kinds, over bytes that come in random pieces, against an array that
 * is read in the plainest way. Some of the reads are given up in the middle.
 *
 * @module
 */

import fc from "fast-check";
import { assertEquals } from "@std/assert";
import { ClosedError, type Pieces, TimeoutError, TooLongError } from "../../mod.ts";
import { SocketStream } from "../../io/stream.ts";
import type { AnyConnection } from "../../io/platform.ts";
import { FakeConnection, FakeInflow } from "./fake_connection.ts";

const LF = 10;
const KEPT_MAX = 8;

/** What a read gives: bytes, "end", or the name of an error. */
type Outcome = number[] | string;

interface Reading {
  readonly how: "read" | "exactly" | "chunk" | "until" | "line" | "next line" | "frame" | "give up";
  readonly size: number;
}

/** The bytes that are left, and what reads should make of them. */
class Model {
  rest: number[];

  constructor(bytes: number[]) {
    this.rest = bytes;
  }

  expect({ how, size }: Reading): Outcome | undefined {
    switch (how) {
      case "exactly":
        return this.rest.length < size ? "ClosedError" : this.take(size);
      case "until":
        return this.before(LF, size, false);
      case "line":
        return this.before(LF, size, true);
      case "next line":
        return this.before(LF, KEPT_MAX, true);
      case "frame":
        return this.frame(size);
      default:
        return undefined; // How much there is at a time is not known.
    }
  }

  take(count: number): number[] {
    return this.rest.splice(0, count);
  }

  before(delimiter: number, max: number, isLine: boolean): Outcome {
    let length = this.rest.indexOf(delimiter);
    const isLast = length === -1;
    if (isLast) length = this.rest.length;
    if (length > max) return "TooLongError";
    if (isLast && length === 0) return "end";
    if (isLast && !isLine) return "ClosedError";
    const piece = this.take(length);
    this.take(1);
    return piece;
  }

  frame(max: number): Outcome {
    if (this.rest.length === 0) return "end";
    const [length] = this.rest;
    if (length > max) return "TooLongError";
    if (this.rest.length < length + 1) return "ClosedError";
    this.take(1);
    return this.take(length);
  }
}

async function perform(
  stream: SocketStream,
  { how, size }: Reading,
  kept: Pieces<string>,
): Promise<Outcome> {
  try {
    switch (how) {
      case "read": {
        const buffer = new Uint8Array(size + 1);
        const count = await stream.read(buffer);
        return count === null ? "end" : [...buffer.subarray(0, count)];
      }
      case "exactly":
        return [...await stream.readExactly(size)];
      case "chunk": {
        const { done, value } = await stream[Symbol.asyncIterator]().next();
        return done ? "end" : [...value];
      }
      case "until": {
        const piece = await stream.readUntil(Uint8Array.of(LF), { max: size });
        return piece === null ? "end" : [...piece];
      }
      case "line":
      case "next line": {
        const lines = how === "line" ? stream.lines({ max: size, encoding: "latin1" }) : kept;
        const { done, value } = await lines.next();
        return done ? "end" : [...value].map((letter) => letter.charCodeAt(0));
      }
      case "frame": {
        const { done, value } = await stream.frames({ max: size, lengthBytes: 1 }).next();
        return done ? "end" : [...value];
      }
      case "give up": {
        // More than ever comes, and no time for it.
        await stream.readExactly(100_000, { timeout: 0 });
        return "end";
      }
    }
  } catch (error) {
    if (error instanceof TooLongError || error instanceof ClosedError) return error.name;
    if (error instanceof TimeoutError) return "TimeoutError";
    throw error;
  }
}

// Few values, so that ends of lines and lengths that fit are frequent; none that latin1 or the end
// of a line of Windows make something else of.
const byte = fc.constantFrom(0, 1, 2, 3, 5, LF, 65);
const reading = fc.record<Reading>({
  how: fc.constantFrom(
    "read",
    "exactly",
    "chunk",
    "until",
    "line",
    "next line",
    "next line",
    "frame",
    "give up",
  ),
  size: fc.nat(12),
});

/** A connection that pieces come by, and then the end: asked for, or by themselves. */
const connections = {
  "asked for"(pieces: readonly Uint8Array[]): AnyConnection {
    const native = new FakeConnection();
    native.sendInPieces(pieces);
    return native;
  },
  "by themselves"(pieces: readonly Uint8Array[]): AnyConnection {
    const native = new FakeInflow();
    // Some at once, and others when reads wait already.
    const half = pieces.length / 2;
    native.give(...pieces.slice(0, half));
    (async () => {
      for (const piece of pieces.slice(half)) {
        for (let steps = 0; steps < 4; steps++) await null;
        native.give(piece);
      }
      native.end();
    })();
    return native;
  },
};

for (const [how, connectionOf] of Object.entries(connections)) {
  Deno.test(`SocketStream: reads of all kinds can follow each other, and every byte comes once; bytes come ${how} [I4, I6]`, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 30 }), { maxLength: 12 }),
        fc.array(byte, { maxLength: 200 }),
        fc.array(reading, { maxLength: 60 }),
        async (cuts, all, readings) => {
          const pieces: Uint8Array[] = [];
          let at = 0;
          for (let i = 0; at < all.length; i++) {
            const size = cuts[i]?.length ?? all.length;
            pieces.push(Uint8Array.from(all.slice(at, at + size)));
            at += size;
          }
          const stream = new SocketStream(connectionOf(pieces));
          const kept = stream.lines({ max: KEPT_MAX, encoding: "latin1" });
          const model = new Model(all.slice());
          for (const each of readings) {
            const expected = model.expect(each);
            const outcome = await perform(stream, each, kept);
            if (expected !== undefined) assertEquals(outcome, expected);
            else if (each.how === "give up") {
              assertEquals(/TimeoutError|ClosedError/.test(String(outcome)), true);
            } else if (outcome === "end") assertEquals(model.rest, []);
            else assertEquals(outcome, model.take(outcome.length));
          }
          assertEquals(
            await perform(stream, { how: "exactly", size: model.rest.length }, kept),
            model.rest,
          );
        },
      ),
      { numRuns: 500 },
    );
  });
}
