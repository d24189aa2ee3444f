import { assert, assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import {
  ClosedError,
  type FrameFormat,
  type FrameOptions,
  moveOnAfter,
  TooLongError,
} from "../../mod.ts";
import { SocketStream } from "../../io/stream.ts";
import { interruptAtEveryStep } from "../../primitives/testing/mod.ts";
import { testOverBoth } from "./backends.ts";
import { FakeConnection } from "./fake_connection.ts";
import { bytes, pair, readAll, text } from "./pair.ts";

/** The bytes of frames behind four bytes of length each. */
function framed(...texts: string[]): Uint8Array {
  const all: number[] = [];
  for (const each of texts) all.push(0, 0, 0, each.length, ...bytes(each));
  return Uint8Array.from(all);
}

function sending(...pieces: Uint8Array[]): SocketStream {
  const native = new FakeConnection();
  native.sendInPieces(pieces);
  return new SocketStream(native);
}

async function framesOf(stream: SocketStream, options?: FrameOptions): Promise<string[]> {
  return (await Array.fromAsync(stream.frames(options))).map(text);
}

testOverBoth("frames: what is written arrives, in every format", async () => {
  const formats: FrameFormat[] = [undefined!];
  for (let lengthBytes = 1; lengthBytes <= 6; lengthBytes++) {
    formats.push({ lengthBytes }, { lengthBytes, littleEndian: true });
  }
  for (const format of formats) {
    using streams = await pair();
    const { here, there } = streams;
    const sent = ["one", "", "x".repeat(255), "four"];
    for (const each of sent) await here.writeFrame(bytes(each), format);
    await here.closeWrite();
    assertEquals((await Array.fromAsync(there.frames(format))).map(text), sent);
  }
});

testOverBoth("frames: the length is written as the format has it", async () => {
  const formats: [FrameFormat, number[]][] = [
    [{}, [0, 0, 1, 2]],
    [{ lengthBytes: 2 }, [1, 2]],
    [{ lengthBytes: 3, littleEndian: true }, [2, 1, 0]],
    [{ lengthBytes: 6 }, [0, 0, 0, 0, 1, 2]],
  ];
  for (const [format, length] of formats) {
    using streams = await pair();
    await streams.here.writeFrame(new Uint8Array(258), format);
    assertEquals([...await streams.there.readExactly(length.length)], length);
  }
});

testOverBoth(
  "frames: wherever the bytes are cut, frames are the same, in batches too",
  async () => {
    const sent = ["one", "", "three", "x".repeat(20)];
    const all = framed(...sent);
    for (let size = 1; size <= all.length; size++) {
      const pieces: Uint8Array[] = [];
      for (let at = 0; at < all.length; at += size) pieces.push(all.slice(at, at + size));
      assertEquals(await framesOf(sending(...pieces)), sent);
      const batches = await Array.fromAsync(sending(...pieces).frames().batches());
      assert(batches.every((batch) => batch.length > 0));
      assertEquals(batches.flat().map(text), sent);
    }
  },
);

testOverBoth("frames: they are the taker's: what comes later does not change them", async () => {
  // Small and large ones, so that every way to get memory is used.
  const sizes = [1, 100, 600, 3, 5000, 70_000, 10, ...Array(300).fill(64), 200_000, 7];
  const frames = sizes.map((size, i) => new Uint8Array(size).fill(i + 1));
  for (const batches of [false, true]) {
    using streams = await pair();
    const { here, there } = streams;
    const writing = (async () => {
      for (const frame of frames) await here.writeFrame(frame);
      await here.closeWrite();
    })();
    const got = batches
      ? (await Array.fromAsync(there.frames().batches())).flat()
      : await Array.fromAsync(there.frames());
    await writing;
    assertEquals(got.length, frames.length);
    got.forEach((frame, i) => assertEquals(frame, frames[i]));
  }
});

testOverBoth("frames: what is read after them does not change them either", async () => {
  using streams = await pair();
  const { here, there } = streams;
  await here.write(framed("keep me"));
  const { value } = await there.frames().next();
  for (let i = 0; i < 20; i++) {
    await here.write(bytes("overwrite?".repeat(10)));
    await there.readExactly(100);
  }
  assertEquals(text(value), "keep me");
});

testOverBoth(
  "frames: one of 'max' bytes is taken; one that says more is an error at its length, and takes nothing [I2]",
  async () => {
    const all = framed("1234", "12345", "x");
    for (const batches of [false, true]) {
      const stream = sending(all.slice(0, 12), all.slice(12));
      const frames = stream.frames({ max: 4 });
      const got: string[] = [];
      const error = await assertRejects(async () => {
        if (batches) { for await (const batch of frames.batches()) got.push(...batch.map(text)); }
        else for await (const frame of frames) got.push(text(frame));
      }, TooLongError);
      assertEquals(
        error.message,
        "Cannot read a frame from 127.0.0.1:2 as it is too long: 5 bytes, and 'max' is 4. " +
          "Allow more, or close the stream",
      );
      assertEquals(error.name, "TooLongError");
      assertEquals(got, ["1234"]);
      assertEquals(await framesOf(stream, { max: 5 }), ["12345", "x"]);
    }
  },
);

testOverBoth(
  "frames: a peer that announces much and sends little gets little memory [I2]",
  async () => {
    const native = new FakeConnection();
    const stream = new SocketStream(native);
    native.give(Uint8Array.of(0x3F, 0xFF, 0xFF, 0xFF, 1, 2, 3));
    assertEquals(
      (await moveOnAfter(1, () => stream.frames({ max: 2 ** 30 }).next())).timedOut,
      true,
    );
    assert(Math.max(...native.room) <= 65_536, `room for ${Math.max(...native.room)} bytes`);
    assertEquals((await stream.readExactly(7)).length, 7);
  },
);

testOverBoth("frames: a large one that comes in many pieces is put together", async () => {
  const large = crypto.getRandomValues(new Uint8Array(65_536));
  const frame = new Uint8Array(4 * 2 ** 20);
  for (let at = 0; at < frame.length; at += large.length) frame.set(large, at);
  using streams = await pair();
  const { here, there } = streams;
  const writing = here.writeFrame(frame, { max: 2 ** 24 });
  const { value } = await there.frames({ max: 2 ** 24 }).next();
  await writing;
  assertEquals(value.length, frame.length);
  for (let at = 0; at < frame.length; at += large.length) {
    assertEquals(value.subarray(at, at + large.length), large);
  }
});

testOverBoth(
  "frames: an end in the middle of one is an error that tells how far it came, and its bytes are there [I4]",
  async () => {
    for (const [cut, told] of [[9, "after 2 of 4 bytes"], [13, "after 6 of 9 bytes"]] as const) {
      const stream = sending(framed("one", "wrong").slice(0, cut));
      const frames = stream.frames();
      assertEquals(text((await frames.next()).value), "one");
      const error = await assertRejects(() => frames.next(), ClosedError);
      assert(error.message.includes("in the middle of it, " + told), error.message);
      assertEquals((await readAll(stream)).length, cut - 7);
      assertEquals(await frames.next(), { done: true, value: undefined });
    }
  },
);

testOverBoth("frames: what was received before a failure is still read [I4]", async () => {
  const native = new FakeConnection();
  const stream = new SocketStream(native);
  native.give(framed("one", "two"));
  native.fail(new Deno.errors.ConnectionReset("reset"));
  const frames = stream.frames();
  assertEquals(text((await frames.next()).value), "one");
  assertEquals(text((await frames.next()).value), "two");
  await assertRejects(() => frames.next(), Deno.errors.ConnectionReset, "the peer has gone");
});

testOverBoth(
  "frames: wherever a cancellation meets them, no byte is lost or comes twice [I4, C7]",
  async () => {
    const all = framed("one", "", "three");
    for (const batches of [false, true]) {
      const { interrupted } = await interruptAtEveryStep(async (interrupt) => {
        const stream = sending(all.slice(0, 2), all.slice(2, 5), all.slice(5, 12), all.slice(12));
        const got: string[] = [];
        await interrupt(async () => {
          if (batches) {
            for await (const batch of stream.frames().batches()) got.push(...batch.map(text));
          } else for await (const frame of stream.frames()) got.push(text(frame));
        });
        got.push(...await framesOf(stream));
        assertEquals(got, ["one", "", "three"]);
      });
      assert(interrupted > 5);
    }
  },
);

testOverBoth(
  "frames: after a read that was given back and one that goes on, they are whole [I4]",
  async () => {
    const native = new FakeConnection();
    const stream = new SocketStream(native);
    native.give(framed("one", "two").slice(0, 9));
    // It takes nine bytes, gives them back, and leaves the platform's read under way.
    assertEquals((await moveOnAfter(1, () => stream.readExactly(20))).timedOut, true);
    const frames = stream.frames();
    assertEquals(text((await frames.next()).value), "one");
    const next = frames.next();
    native.give(framed("one", "two").slice(9));
    assertEquals(text((await next).value), "two");
  },
);

testOverBoth(
  "writeFrame: writers at once send whole frames, and the memory is the caller's at once",
  async () => {
    using streams = await pair();
    const { here, there } = streams;
    const data = new Uint8Array(100_000);
    const writes: Promise<void>[] = [];
    for (let i = 0; i < 20; i++) writes.push(here.writeFrame(data.fill(i)));
    data.fill(99);
    let i = 0;
    for await (const frame of there.frames()) {
      assertEquals([frame.length, frame[0], frame.at(-1)], [data.length, i, i]);
      assertNotEquals(frame[50_000], 99);
      if (++i === 20) break;
    }
    await Promise.all(writes);
  },
);

testOverBoth(
  "writeFrame: what does not make sense, or does not fit, throws at the call",
  async () => {
    using streams = await pair();
    const { here, there } = streams;
    assertThrows(() => here.writeFrame("x" as unknown as Uint8Array), TypeError, "Encode text");
    const wrong = (options: unknown) => () =>
      here.writeFrame(new Uint8Array(3), options as FrameOptions);
    assertThrows(wrong(1), TypeError, "must be an object");
    assertThrows(wrong({ lengthBytes: 0 }), RangeError, "'lengthBytes'");
    assertThrows(wrong({ lengthBytes: 7 }), RangeError, "must be 6 at most: received 7");
    assertThrows(wrong({ lengthBytes: "4" }), TypeError, "'lengthBytes'");
    assertThrows(wrong({ littleEndian: "yes" }), TypeError, "'littleEndian'");
    assertThrows(wrong({ max: -1 }), RangeError, "'max'");
    assertThrows(wrong({ max: 2 }), TooLongError, "3 bytes, and 'max' is 2");
    assertThrows(
      () => here.writeFrame(new Uint8Array(256), { lengthBytes: 1 }),
      TooLongError,
      "256 bytes, and 1 bytes of length go to 255",
    );
    assertThrows(() => here.frames({ max: NaN }), RangeError, "Cannot read frames from");
    await here.writeFrame(bytes("ok"));
    assertEquals(text((await there.frames().next()).value), "ok");
  },
);
