import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ClosedError, TimeoutError, TooLongError } from "../../mod.ts";
import { SocketStream } from "../../io/stream.ts";
import { interruptAtEveryStep } from "../../primitives/testing/mod.ts";
import { testOverBoth } from "./backends.ts";
import { FakeConnection } from "./fake_connection.ts";
import { bytes, pair, readAll, text } from "./pair.ts";

function sending(...pieces: string[]): SocketStream {
  const native = new FakeConnection();
  native.sendInPieces(pieces);
  return new SocketStream(native);
}

async function piecesOf(stream: SocketStream, delimiter: string | Uint8Array): Promise<string[]> {
  const pieces: string[] = [];
  for (;;) {
    const piece = await stream.readUntil(delimiter);
    if (piece === null) return pieces;
    pieces.push(text(piece));
  }
}

testOverBoth(
  "readUntil: it gives what is before the delimiter, wherever the bytes are cut",
  async () => {
    const all = "a--b----ab-c---";
    const pieces = ["a", "b", "", "ab-c"];
    for (let size = 1; size <= all.length; size++) {
      const cut: string[] = [];
      for (let at = 0; at < all.length; at += size) cut.push(all.slice(at, at + size));
      const stream = sending(...cut);
      for (const piece of pieces) assertEquals(text((await stream.readUntil("--"))!), piece);
      assertEquals(text(await stream.readExactly(1)), "-");
      assertEquals(await stream.readUntil("--"), null);
    }
  },
);

testOverBoth(
  "readUntil: the delimiter may be bytes, one or many, and a text of several bytes",
  async () => {
    assertEquals(await piecesOf(sending("a\0b\0"), Uint8Array.of(0)), ["a", "b"]);
    assertEquals(await piecesOf(sending("aéb", "é"), "é"), ["a", "b"]);
    assertEquals(await piecesOf(sending("aab aaab "), "aab "), ["", "a"]);
  },
);

testOverBoth(
  "readUntil: up to 'max' bytes are taken, and more are an error that takes nothing [I2]",
  async () => {
    for (const pieces of [["1234--12345--"], [..."1234--12345--"]]) {
      const stream = sending(...pieces);
      assertEquals(text((await stream.readUntil("--", { max: 4 }))!), "1234");
      await assertRejects(
        () => stream.readUntil("--", { max: 4 }),
        TooLongError,
        "Cannot read a piece from 127.0.0.1:2 as it is too long: 5",
      );
      assertEquals(text((await stream.readUntil("--", { max: 5 }))!), "12345");
    }
  },
);

testOverBoth(
  "readUntil: an end without a delimiter is an error, and the bytes are there [I4]",
  async () => {
    const stream = sending("a;bc");
    assertEquals(text((await stream.readUntil(";"))!), "a");
    await assertRejects(
      () => stream.readUntil(";"),
      ClosedError,
      "until a delimiter as the peer has ended without, after 2 bytes",
    );
    assertEquals(await readAll(stream), "bc");
    assertEquals(await stream.readUntil(";"), null);
  },
);

testOverBoth("readUntil: a time-out leaves what has come for the next read [I4]", async () => {
  using streams = await pair();
  const { here, there } = streams;
  await there.write(bytes("beginning"));
  await assertRejects(() => here.readUntil(";", { timeout: 5 }), TimeoutError);
  await there.write(bytes(" end;x"));
  assertEquals(text((await here.readUntil(";"))!), "beginning end");
  assertEquals(text(await here.readExactly(1)), "x");
});

testOverBoth(
  "readUntil: wherever a cancellation meets it, no byte is lost or comes twice [I4, C7]",
  async () => {
    const { interrupted } = await interruptAtEveryStep(async (interrupt) => {
      const stream = sending("a", "b;", "cd;e", "f;");
      let got = "";
      await interrupt(async () => {
        for (;;) {
          const piece = await stream.readUntil(";");
          if (piece === null) break;
          got += text(piece) + ";";
        }
      });
      assertEquals(got + await readAll(stream), "ab;cd;ef;");
    });
    assert(interrupted > 5);
  },
);

testOverBoth("readUntil: what does not make sense throws at the call", () => {
  const stream = sending();
  assertThrows(() => stream.readUntil(""), RangeError, "must not be empty");
  assertThrows(() => stream.readUntil(new Uint8Array(0)), RangeError, "must not be empty");
  assertThrows(
    () => stream.readUntil(10 as unknown as string),
    TypeError,
    "the delimiter must be a Uint8Array or a string: received 10",
  );
  assertThrows(() => stream.readUntil(";", { max: 1.5 }), RangeError, "'max'");
  assertThrows(() => stream.readUntil(";", 5 as unknown as { max: number }), TypeError, "options");
});
