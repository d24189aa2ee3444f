/**
 * Bytes that nobody has written: an error with a name, soon, and nothing else.
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import * as fc from "fast-check";
import { decode } from "../../../primitives/codec/decode.ts";
import { Encoder } from "../../../primitives/codec/encoder.ts";
import { MalformedError } from "../../../primitives/codec/malformed_error.ts";
import * as tags from "../../../primitives/codec/tags.ts";
import { anyValue, SAMPLES } from "./samples.ts";

const encoder = new Encoder(() => new Error());

// Those that are short: each of their bytes gets its turn.
const MESSAGES = Object.values(SAMPLES)
  .map((value) => encoder.encode(value, "value").slice())
  .filter(({ length }) => length < 3000);

/** Decodes, and fails where anything but the one error is thrown. Whether it was. */
function isRefused(bytes: Uint8Array): boolean {
  try {
    decode(bytes);
    return false;
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    return true;
  }
}

/** A message of these bytes, with these texts. */
function message(value: readonly number[], ...texts: string[]): Uint8Array {
  const end = tags.HEADER + value.length;
  const encoded = texts.flatMap((text) => {
    const bytes = new TextEncoder().encode(text);
    return [bytes.length & 255, bytes.length >> 8, 0, 0, 0, ...bytes];
  });
  return Uint8Array.of(
    tags.FORMAT,
    end & 255,
    end >> 8 & 255,
    end >> 16,
    0,
    ...value,
    ...encoded,
  );
}

Deno.test("the samples are many, and of all kinds", () => {
  const all = new Set(MESSAGES.flatMap((bytes) => [...bytes]));
  const missing = Object.entries(tags).filter(([name, tag]) =>
    tag >= tags.STRING && tag < 256 && name !== "LONGEST_SHORT" &&
    !all.has(tag)
  );

  assertEquals(missing, []);
  assert(MESSAGES.length > 50);
});

Deno.test("a value that is cut off anywhere is malformed", () => {
  for (const bytes of MESSAGES) {
    for (let length = 0; length < bytes.length; length++) {
      assert(isRefused(bytes.slice(0, length)), `${length} of ${bytes}`);
    }
    assert(!isRefused(bytes));
  }
});

Deno.test("a value with something after it is malformed", () => {
  assertThrows(() => decode(message([1, 1])), MalformedError, "there is something after it");
});

Deno.test("whatever a byte is changed to, it is a value or malformed", () => {
  const numbers = [0, 1, 0x7f, 0x80, 0xbf, 0xff, ...Object.values(tags).filter((tag) => tag < 256)];
  let refused = 0;
  let tried = 0;
  for (const bytes of MESSAGES) {
    const step = Math.ceil(bytes.length / 50);
    for (let at = 0; at < bytes.length; at += step) {
      const before = bytes[at];
      for (const number of numbers) {
        bytes[at] = number;
        refused += Number(isRefused(bytes));
        tried++;
      }
      bytes[at] = before;
    }
  }
  assert(refused > 0.2 * tried && refused < 0.95 * tried, `${refused} of ${tried}`);
});

Deno.test("however bytes are changed, it is a value or malformed, and nothing else changes", () => {
  const before = Reflect.ownKeys(Object.prototype).length;
  const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 5 });
  let refused = 0;
  fc.assert(
    fc.property(anyValue, changes, (value, changes) => {
      const bytes = encoder.encode(value, "value").slice();
      for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
      refused += Number(isRefused(bytes));
    }),
    { numRuns: 3000 },
  );
  assert(refused > 300 && refused < 2900, `${refused}`);
  assertEquals(Reflect.ownKeys(Object.prototype).length, before);
});

Deno.test("any bytes are a value or malformed", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      isRefused(bytes);
      isRefused(message([...bytes], "some text to be cut up, as long as there is any of it"));
    }),
    { numRuns: 5000 },
  );
});

Deno.test("what a value says of lengths is believed as far as there are bytes", () => {
  const { LIST, BUFFER, RESIZABLE_BUFFER, SPARSE_LIST, VIEW, STRING, END, MAP, AGAIN } = tags;
  // Some four thousand million, and some thousand times as much.
  const large = [0xff, 0xff, 0xff, 0xff, 0x0f];
  const huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
  const endless = new Array(20).fill(0xff);
  const before = Deno.memoryUsage();
  for (
    const [value, why] of [
      [[LIST, ...large], "end in the middle"],
      [[LIST, ...huge, 1, 2, 3], "end in the middle"],
      [[LIST, ...endless], "a number in it is too large"],
      [[BUFFER, ...large, 1, 2], "end in the middle"],
      [[BUFFER, ...huge, 1, 2], "end in the middle"],
      [[RESIZABLE_BUFFER, 1, ...huge, 1], "a buffer of it is too large"],
      [[RESIZABLE_BUFFER, 2, 1, 1, 1], "a buffer of it is too large"],
      [[SPARSE_LIST, ...huge, END], "a list of it has a strange length"],
      [[SPARSE_LIST, 9, END], "a list of it has a strange length"],
      [[VIEW, 1, 0, ...huge, BUFFER, 1, 1], "does not fit its buffer"],
      [[VIEW, 5, 1, 1, BUFFER, 4, 1, 1, 1, 1], "does not fit its buffer"],
      [[VIEW, 99, 0, 0, BUFFER, 0], "a view of it has no class"],
      [[VIEW, 1, 0, 0, MAP, END], "a view of it has no buffer"],
      [[VIEW, 1, 0, 0, AGAIN, 0], "that it had not"],
      [[AGAIN, ...large], "that it had not"],
      [[LIST, 1, AGAIN, 1], "that it had not"],
      [[STRING + 5], "end in the middle"],
    ] as const
  ) assertThrows(() => decode(message(value)), MalformedError, why);
  // Just not so long that V8 would make no room for the holes of itself.
  const long = [SPARSE_LIST, 0x80, 0x87, 0xa7, 0x0e, END];
  const lists = decode(message([LIST, 10, ...new Array(10).fill(long).flat()])) as unknown[][];
  assertEquals(lists.map(({ length }) => length), new Array(10).fill(30_000_000));
  // As many as there could be, of which each is long.
  assert(isRefused(message(new Array(1500).fill([LIST, ...large]).flat())));
  assert(Deno.memoryUsage().rss - before.rss < 200e6);

  const sparse = decode(message([SPARSE_LIST, ...large, END])) as unknown[];
  assertEquals([sparse.length, Object.keys(sparse)], [2 ** 32 - 1, []]);
  assert(Deno.memoryUsage().rss - before.rss < 200e6);
});

Deno.test("what a value says of what is in it is not believed", () => {
  const { STRING, LARGE_BIGINT, REGEXP, BOXED, ERROR, PRESENT, END, RECORD, LIST_WITH_KEYS } = tags;
  for (
    const [bytes, why] of [
      [message([STRING + 5], "four"), "too short"],
      [message([LARGE_BIGINT, 5], ""), "no string"],
      [message([LARGE_BIGINT, STRING + 2], "0x"), "strange digits"],
      [message([LARGE_BIGINT, STRING], ""), "strange digits"],
      [message([REGEXP, STRING + 1, STRING], "("), "a regular expression of it is none"],
      [message([REGEXP, STRING + 1, STRING + 1], "xx"), "a regular expression of it is none"],
      [message([BOXED, tags.NULL]), "no primitive"],
      [message([BOXED, RECORD, END]), "no primitive"],
      [message([ERROR, 99, END, END, END]), "an error of it has no class"],
      [message([ERROR, 0, PRESENT, 1, END, END]), "no string"],
      [message([ERROR, 0, 7, END, END]), "an error of it is not whole"],
      [message([RECORD, 0, 1, END]), "a key again"],
      [message([RECORD, tags.TRUE, 1, END]), "no key"],
      [message([LIST_WITH_KEYS, 0, STRING + 6, 1, END], "length"), "two lengths"],
      [message([END]), "no value begins with"],
      [Uint8Array.of(9, 6, 0, 0, 0, 1), "begins as no value does"],
      [Uint8Array.of(tags.FORMAT, 200, 0, 0, 0, 1), "end in the middle"],
      [Uint8Array.of(tags.FORMAT, 2, 0, 0, 0, 1), "end in the middle"],
    ] as const
  ) assertThrows(() => decode(bytes), MalformedError, why);
});

Deno.test("what is deeper than anything can have been is malformed, and no overflow", () => {
  const { LIST, MAP, RECORD, ERROR, END, PRESENT, STRING } = tags;
  for (const level of [[LIST, 1], [MAP], [RECORD, STRING], [ERROR, 0, END, END, PRESENT]]) {
    const bytes = message(new Array(20_000).fill(level).flat(), "");
    assertThrows(() => decode(bytes), MalformedError, "too deep");
  }
});

Deno.test("keys change no prototype", () => {
  const { RECORD, LIST_WITH_KEYS, STRING, END } = tags;
  const before = Object.getOwnPropertyDescriptor(Object.prototype, "__proto__");
  const set: unknown[] = [];
  // All platforms but Deno have this.
  Object.defineProperty(Object.prototype, "__proto__", {
    configurable: true,
    set: (value) => set.push(value),
  });
  try {
    for (const start of [[RECORD], [LIST_WITH_KEYS, 0]]) {
      const bytes = message(
        [...start, STRING + 9, RECORD, STRING + 8, 1, END, STRING + 11, 2, END],
        "__proto__pollutedconstructor",
      );
      const value = decode(bytes) as object;

      assertEquals(Object.getOwnPropertyDescriptor(value, "__proto__")?.value, { polluted: 1 });
      assertEquals(Object.hasOwn(value, "constructor"), true);
    }
  } finally {
    delete (Object.prototype as { __proto__?: unknown }).__proto__;
    if (before !== undefined) Object.defineProperty(Object.prototype, "__proto__", before);
  }
  assertEquals(set, []);
  assertEquals("polluted" in {}, false);
});

Deno.test("the error says what to look for", () => {
  const error = assertThrows(() => decode(new Uint8Array()), MalformedError);

  assertEquals(error.name, "MalformedError");
  assertEquals(
    error.message,
    "Cannot read a value as it begins as no value does. Check that nothing but Grove writes there, and that both sides have the same release",
  );
});
