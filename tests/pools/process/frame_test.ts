/**
 * Messages in a stream of bytes: whatever the pieces that it comes in, they are the same messages.
 *
 * @module
 */

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import * as fc from "fast-check";
import { NotPortableError } from "../../../mod.ts";
import { MalformedError } from "../../../primitives/codec/malformed_error.ts";
import { FrameReader } from "../../../pools/process/frame_reader.ts";
import { FrameWriter } from "../../../pools/process/frame_writer.ts";

const MESSAGES: readonly unknown[] = [
  "[1,2,3]",
  "",
  { seq: 1, date: new Date(0) },
  undefined,
  "\ufeff € \ufeff 😀 \0",
  new Map([[1, Uint8Array.of(1, 2, 3)]]),
  "x".repeat(300),
];

function packed(messages: readonly unknown[]): Uint8Array {
  const writer = new FrameWriter();
  for (const message of messages) writer.put(message);
  return writer.take().slice();
}

/** What comes out of bytes that are pushed in pieces that end at these places. */
function read(bytes: Uint8Array, ends: readonly number[], longest?: number): unknown[] {
  const reader = new FrameReader(longest);
  const messages: unknown[] = [];
  // The same room for each piece, as who reads from a socket has it.
  const room = new Uint8Array(bytes.length);
  let start = 0;
  for (const end of [...ends, bytes.length]) {
    const piece = room.subarray(0, end - start);
    piece.set(bytes.subarray(start, end));
    reader.push(piece, (message) => messages.push(message));
    room.fill(0xff);
    start = end;
  }
  reader.end();
  return messages;
}

Deno.test("messages come out as they went in, wherever the stream is cut in two", () => {
  const bytes = packed(MESSAGES);
  for (let end = 0; end <= bytes.length; end++) {
    assertEquals(read(bytes, [end]), MESSAGES);
  }
});

Deno.test("messages come out of single bytes", () => {
  const bytes = packed(MESSAGES);

  assertEquals(read(bytes, Array.from({ length: bytes.length }, (_, i) => i)), MESSAGES);
});

Deno.test("messages come out of whatever pieces", () => {
  const message = fc.oneof(fc.json(), fc.array(fc.bigInt()), fc.uint8Array({ maxLength: 3000 }));
  fc.assert(
    fc.property(fc.array(message), fc.array(fc.nat()), (messages, places) => {
      const bytes = packed(messages);
      const ends = places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b);

      assertEquals(read(bytes, ends), messages);
    }),
    { numRuns: 500 },
  );
});

Deno.test("a message is handed over as soon as its last byte is there, and not before", () => {
  const bytes = packed(["one", "two"]);
  const reader = new FrameReader();
  const log: unknown[] = [];
  for (const [i, byte] of bytes.entries()) {
    reader.push(Uint8Array.of(byte), (message) => log.push(message, i));
  }

  assertEquals(log, ["one", 7, "two", 15]);
});

Deno.test("a long message in many pieces is copied as often as its room doubles, and no more", () => {
  const message = new Uint8Array(8 << 20).fill(7);
  const bytes = packed([message, "after it"]);
  const { set, copyWithin } = Uint8Array.prototype;
  let moved = 0;
  // Those of bytes are inherited from here.
  const prototype = Object.getPrototypeOf(Uint8Array.prototype);
  const own = Object.getOwnPropertyDescriptors(prototype) as Record<string, PropertyDescriptor>;
  const messages: unknown[] = [];
  const reader = new FrameReader();
  try {
    prototype.set = function (this: Uint8Array, from: Uint8Array, at: number) {
      moved += from.length;
      return set.call(this, from, at);
    };
    prototype.copyWithin = function (this: Uint8Array, ...args: [number, number, number]) {
      moved += args[2] - args[1];
      return copyWithin.apply(this, args);
    };
    for (let i = 0; i < bytes.length; i += 10_000) {
      reader.push(bytes.subarray(i, i + 10_000), (message) => messages.push(message));
    }
  } finally {
    for (const key of ["set", "copyWithin"]) Object.defineProperty(prototype, key, own[key]);
  }

  assertEquals((messages[0] as Uint8Array).length, message.length);
  assertEquals(messages[1], "after it");
  // Into the room, in it while it doubles, and out of it.
  assert(moved >= 2 * message.length && moved < 4.1 * message.length, `${moved / message.length}`);
});

Deno.test("the room for a message grows as it comes, and not by what it says of its length", () => {
  const reader = new FrameReader();
  const header = Uint8Array.of(0, 0, 0, 0x3f, 1);
  const before = Deno.memoryUsage();
  reader.push(header, () => {});
  reader.push(new Uint8Array(1000), () => {});
  const after = Deno.memoryUsage();

  assert(after.external - before.external < 1e6);
  assertThrows(() => reader.end(), MalformedError, "the stream has ended after 1005 bytes of it");
});

Deno.test("a stream that ends in a message is malformed, one that ends after it is not", () => {
  const bytes = packed(["message"]);
  for (let end = 1; end < bytes.length; end++) {
    assertThrows(() => read(bytes.slice(0, end), []), MalformedError, `after ${end} bytes of it`);
  }
  assertEquals(read(bytes, []), ["message"]);
  assertEquals(read(new Uint8Array(), []), []);
});

Deno.test("a message that is longer than any can be is malformed as soon as it begins", () => {
  const [header, rest] = [packed(["x".repeat(11)]).slice(0, 5), []];

  assertEquals(read(packed(["x".repeat(10)]), rest, 10), ["x".repeat(10)]);
  assertThrows(
    () => read(header, [], 10),
    MalformedError,
    "Cannot read a message as it would have 11 bytes, and the most is 10.",
  );
  assertThrows(() => read(Uint8Array.of(255, 255, 255, 255, 0), []), MalformedError);
});

Deno.test("what is no message is malformed as soon as it begins", () => {
  const log = new TextEncoder().encode("Listening on port 8000");
  assertThrows(
    () => read(log, []),
    MalformedError,
    "Cannot read a message as its kind would be 101. Check that nothing but Grove writes there",
  );
});

Deno.test("the messages before a malformed one are handed over", () => {
  const bytes = Uint8Array.of(...packed(["one", "two"]), 0, 0, 0, 0, 9);
  const messages: unknown[] = [];
  const reader = new FrameReader();

  assertThrows(() => reader.push(bytes, (message) => messages.push(message)), MalformedError);
  assertEquals(messages, ["one", "two"]);
});

Deno.test("after a value that cannot be read the next message is found", () => {
  const bytes = packed([[1], "next"]);
  bytes[5] = 0xff;
  const messages: unknown[] = [];
  const reader = new FrameReader();
  const take = (message: unknown) => messages.push(message);

  assertThrows(() => reader.push(bytes, take), MalformedError, "Cannot read a value");
  reader.push(new Uint8Array(), take);
  assertEquals(messages, ["next"]);
});

Deno.test("what fails while it takes a message costs no other", () => {
  const failure = new Error("from the taker");
  const reader = new FrameReader();
  const messages: unknown[] = [];

  const thrown = assertThrows(() =>
    reader.push(packed(["one", "two"]), () => {
      throw failure;
    })
  );
  reader.push(packed(["three"]), (message) => messages.push(message));

  assertStrictEquals(thrown, failure);
  assertEquals(messages, ["two", "three"]);
});

Deno.test("a message that is too long is refused, and those around it are sent", () => {
  const writer = new FrameWriter(10);
  writer.put("before");
  assertThrows(
    () => writer.put("x".repeat(11)),
    RangeError,
    "Cannot send a message as it has 11 bytes, and the most is 10. Send it in parts",
  );
  assertThrows(() => writer.put([new Uint8Array(11)]), RangeError);
  writer.put("after");

  assertEquals(read(writer.take(), []), ["before", "after"]);
});

Deno.test("a message that cannot be copied is refused, and those around it are sent", () => {
  const writer = new FrameWriter();
  writer.put("before");
  assertThrows(() => writer.put({ a: [() => {}] }), NotPortableError, "to another process");
  writer.put("after");

  assertEquals(read(writer.take(), []), ["before", "after"]);
});

Deno.test("a getter of a message can put another", () => {
  const writer = new FrameWriter();
  writer.put({
    get a() {
      writer.put("from the getter");
      return 1;
    },
  });

  assertEquals(read(writer.take(), []), ["from the getter", { a: 1 }]);
});

Deno.test("what was taken stays as it is while more is put, until more is taken", () => {
  const writer = new FrameWriter();
  assertEquals([writer.isEmpty, writer.take().length], [true, 0]);

  writer.put("one");
  assertEquals(writer.isEmpty, false);
  const first = writer.take();
  assertEquals(writer.isEmpty, true);
  writer.put("two");
  writer.put("x".repeat(100_000));
  assertEquals(read(first, []), ["one"]);

  const second = writer.take();
  writer.put("three");
  assertEquals(read(second, []), ["two", "x".repeat(100_000)]);
  assertEquals(read(writer.take(), []), ["three"]);
});

Deno.test("after messages that were long no more memory is kept than for a few", () => {
  const writer = new FrameWriter();
  const reader = new FrameReader();
  const lengths: number[] = [];
  for (const length of [6e6, 6e6, 10, 10, 10]) {
    writer.put("x".repeat(length));
    const taken = writer.take();
    lengths.push(taken.buffer.byteLength);
    for (let i = 0; i < taken.length; i += 1e6) reader.push(taken.subarray(i, i + 1e6), () => {});
  }

  assert(lengths[0] >= 6e6);
  assertEquals(lengths.slice(2).every((length) => length <= 4 << 20), true, `${lengths}`);
});
