import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  BusyError,
  type LineOptions,
  moveOnAfter,
  type SocketStream as Stream,
  taskGroup,
  TimeoutError,
  TooLongError,
} from "../../mod.ts";
import { SocketStream } from "../../io/stream.ts";
import { interruptAtEveryStep, waitAllTasksBlocked } from "../../primitives/testing/mod.ts";
import { FakeConnection } from "./fake_connection.ts";
import { bytes, readAll, text } from "./pair.ts";

/** A stream whose peer sends these pieces, one after the other, and ends. */
function sending(...pieces: (string | Uint8Array)[]): SocketStream {
  const native = new FakeConnection();
  native.sendInPieces(pieces);
  return new SocketStream(native);
}

async function linesOf(stream: Stream, options?: LineOptions): Promise<string[]> {
  return await Array.fromAsync(stream.lines(options));
}

async function batchesOf(stream: Stream, options?: LineOptions): Promise<string[][]> {
  return await Array.fromAsync(stream.lines(options).batches());
}

Deno.test("lines: they come one by one, without their ends, and the last needs none", async () => {
  assertEquals(await linesOf(sending("one\ntwo\r\n\n\r\n thr\ree \nlast")), [
    "one",
    "two",
    "",
    "",
    " thr\ree ",
    "last",
  ]);
  assertEquals(await linesOf(sending("one\n")), ["one"]);
  assertEquals(await linesOf(sending()), []);
  assertEquals(await linesOf(sending("\uFEFFmark\n\uFEFFmark\n")), ["\uFEFFmark", "\uFEFFmark"]);
});

Deno.test("lines: wherever the bytes are cut, lines are the same, in batches too", async () => {
  const all = bytes("grün\r\n\n日本 語\n🌳🌲\r\nlast");
  const lines = ["grün", "", "日本 語", "🌳🌲", "last"];
  for (let size = 1; size <= all.length; size++) {
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < all.length; at += size) pieces.push(all.slice(at, at + size));
    assertEquals(await linesOf(sending(...pieces)), lines);
    assertEquals((await batchesOf(sending(...pieces))).flat(), lines);
  }
});

Deno.test("lines: batches give what has come at once, and none is empty", async () => {
  assertEquals(await batchesOf(sending("a\nb\nc", "d\n", "e", "\nf\r\ng")), [
    ["a", "b"],
    ["cd"],
    ["e", "f"],
    ["g"],
  ]);
});

Deno.test("lines: other encodings are decoded, those without plain line feeds are refused", async () => {
  const latin = Uint8Array.of(0xE9, 0x74, 0xE9, 10, 0xFC, 10);
  assertEquals(await linesOf(sending(latin), { encoding: "latin1" }), ["été", "ü"]);
  assertEquals(
    await linesOf(sending(Uint8Array.of(0x88, 0x9F, 10, 0x41, 10)), {
      encoding: "shift_jis",
    }),
    ["亜", "A"],
  );
  const stream = sending();
  for (const encoding of ["utf-16le", "utf-16be", "iso-2022-jp"]) {
    assertThrows(() => stream.lines({ encoding }), RangeError, "the byte of a line feed");
  }
  assertThrows(() => stream.lines({ encoding: "nonsense" }), RangeError, "is not known here");
  assertThrows(() => stream.lines({ encoding: 1 as unknown as string }), TypeError, "'encoding'");
  assertThrows(() => stream.lines({ max: -1 }), RangeError, "'max'");
  assertThrows(() => stream.lines(1 as LineOptions), TypeError, "must be an object");
});

Deno.test("lines: one of 'max' bytes is taken; one more is an error after those before it, and takes nothing [I2]", async () => {
  for (const end of ["\n", "\r\n"]) {
    const sent = `a${end}${"x".repeat(8)}${end}${"y".repeat(9)}${end}b${end}`;
    for (const pieces of [[sent], [...sent], [sent.slice(0, 7), sent.slice(7)]]) {
      for (const batches of [false, true]) {
        const stream = sending(...pieces);
        const lines = stream.lines({ max: 8 });
        const got: string[] = [];
        const error = await assertRejects(async () => {
          if (batches) { for await (const batch of lines.batches()) got.push(...batch); }
          else for await (const line of lines) got.push(line);
        }, TooLongError);
        assert(/a line from 127.0.0.1:2 as it is too long: \d+( or more)? bytes, and 'max' is 8/
          .test(error.message));
        assertEquals(got, ["a", "x".repeat(8)]);
        assertEquals(await linesOf(stream, { max: 9 }), ["y".repeat(9), "b"]);
      }
    }
  }
});

Deno.test("lines: the limit counts bytes, not characters, and holds for the last line too [I2]", async () => {
  assertEquals(await linesOf(sending("日本\n"), { max: 6 }), ["日本"]);
  await assertRejects(() => linesOf(sending("日本\n"), { max: 5 }), TooLongError, "6 bytes");
  await assertRejects(() => linesOf(sending("123456"), { max: 5 }), TooLongError);
  assertEquals(await linesOf(sending("12345"), { max: 5 }), ["12345"]);
});

Deno.test("lines: a peer that never ends its line makes us receive little more than 'max' [I2]", async () => {
  const native = new FakeConnection();
  native.sendInPieces(Array(1000).fill("x".repeat(1000)));
  const stream = new SocketStream(native);
  await assertRejects(() => stream.lines({ max: 10_000 }).next(), TooLongError);
  assert(native.given <= 10_000 + 65_536, `${native.given} bytes were received`);
});

Deno.test("lines: leaving the loop early leaves all that follows for other reads", async () => {
  const stream = sending("POST / HTTP/1.1\r\nLength: 4\r\n\r\nbodyrest\nof it");
  const head: string[] = [];
  for await (const line of stream.lines()) {
    if (line === "") break;
    head.push(line);
  }
  assertEquals(head, ["POST / HTTP/1.1", "Length: 4"]);
  assertEquals(text(await stream.readExactly(4)), "body");
  assertEquals(await linesOf(stream), ["rest", "of it"]);
});

Deno.test("lines: an iterator that is kept goes on behind what others have read meanwhile", async () => {
  // Each of the lines has the same place in memory as the one before, and another text.
  const native = new FakeConnection();
  const stream = new SocketStream(native);
  const lines = stream.lines();
  native.give("ab\ncd\n");
  assertEquals((await lines.next()).value, "ab");
  assertEquals(text(await stream.readExactly(3)), "cd\n");
  native.give("x\nyz\n");
  assertEquals(text(await stream.readExactly(3)), "x\ny");
  assertEquals((await lines.next()).value, "z");
});

Deno.test("lines: with endOnStop the loop ends when its scope is stopped, with a timeout it fails [C8, C10]", async () => {
  const native = new FakeConnection();
  const here = new SocketStream(native);
  native.give("one\ntw");
  await taskGroup(async (group) => {
    const reading = group.spawn(() => linesOf(here, { endOnStop: true }));
    await waitAllTasksBlocked();
    group.stop();
    assertEquals(await reading, ["one"]);
  });
  await assertRejects(() => linesOf(here, { timeout: 1 }), TimeoutError);
  const waiting = here.lines().next();
  await assertRejects(() => here.lines().next(), BusyError);
  native.give("o\n");
  assertEquals(await waiting, { done: false, value: "two" });
});

Deno.test("lines: wherever a cancellation meets them, no byte is lost or comes twice [I4, C7]", async () => {
  for (const batches of [false, true]) {
    const { interrupted } = await interruptAtEveryStep(async (interrupt) => {
      const stream = sending("a", "b\ncd", "\n", "e\nf\ng", "h");
      let got = "";
      await interrupt(async () => {
        if (batches) {
          for await (const batch of stream.lines().batches()) got += batch.join("\n") + "\n";
        } else for await (const line of stream.lines()) got += `${line}\n`;
      });
      const rest = await readAll(stream);
      assertEquals(rest === "" ? got : `${got}${rest}\n`, "ab\ncd\ne\nf\ngh\n");
    });
    assert(interrupted > 5);
  }
});

Deno.test("lines: a cancelled wait in the middle of a line leaves its beginning for read [I4]", async () => {
  const native = new FakeConnection();
  const stream = new SocketStream(native);
  const lines = stream.lines();
  native.give("one\nbegin");
  assertEquals((await lines.next()).value, "one");
  assertEquals((await moveOnAfter(1, () => lines.next())).timedOut, true);
  const buffer = new Uint8Array(10);
  assertEquals([await stream.read(buffer), text(buffer.subarray(0, 5))], [5, "begin"]);
});
