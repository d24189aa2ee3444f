import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  BusyError,
  Cancelled,
  CancelScope,
  ClosedError,
  formatTree,
  moveOnAfter,
  taskGroup,
  TimeoutError,
} from "../../mod.ts";
import {
  interruptAtEveryStep,
  waitAllTasksBlocked,
  withLeakCheck,
} from "../../primitives/testing/mod.ts";
import { SocketStream } from "../../io/stream.ts";
import { testOverBoth } from "./backends.ts";
import { FakeConnection } from "./fake_connection.ts";
import { bytes, pair, readAll, text } from "./pair.ts";

const MEBIBYTE = 2 ** 20;

/** Starts a read in a scope of its own, and gives the scope once the read waits. */
async function waitingRead(stream: SocketStream, buffer: Uint8Array) {
  const scope = new CancelScope();
  const outcome = scope.enter(() => stream.read(buffer));
  await waitAllTasksBlocked();
  return { scope, outcome };
}

testOverBoth(
  "SocketStream: read gives what there is, and null when the peer sends no more",
  async () => {
    using streams = await pair();
    await streams.there.write(bytes("hello"));
    const buffer = new Uint8Array(3);
    assertEquals([await streams.here.read(buffer), text(buffer)], [3, "hel"]);
    assertEquals(await streams.here.read(buffer), 2);
    await streams.there.closeWrite();
    assertEquals(await streams.here.read(buffer), null);
    assertEquals(await streams.here.read(buffer), null);
  },
);

testOverBoth("SocketStream: each end knows its address and its peer's", async () => {
  using streams = await pair();
  const { here, there } = streams;
  assertEquals(here.remoteAddress, there.localAddress);
  assertEquals(there.remoteAddress, here.localAddress);
  assertEquals(here.remoteAddress.hostname, "127.0.0.1");
  assertEquals(here.name, `127.0.0.1:${here.remoteAddress.port}`);
});

testOverBoth(
  "SocketStream: a cancelled read leaves its buffer alone, and the next one gets the bytes [I4]",
  async () => {
    using streams = await pair();
    const given = new Uint8Array(8);
    const { scope, outcome } = await waitingRead(streams.here, given);
    scope.cancel();
    assertEquals(await outcome, undefined);
    assert(scope.cancelledCaught);
    await streams.there.write(bytes("later"));
    assertEquals(text(await streams.here.readExactly(5)), "later");
    assertEquals(given, new Uint8Array(8));
  },
);

testOverBoth(
  "SocketStream: bytes that come between two reads are kept for the second [I4]",
  async () => {
    const native = new FakeConnection();
    const stream = new SocketStream(native);
    const { scope, outcome } = await waitingRead(stream, new Uint8Array(8));
    scope.cancel();
    await outcome;
    native.give("abc");
    await waitAllTasksBlocked(); // it has come, and nobody waits
    const buffer = new Uint8Array(2);
    assertEquals([await stream.read(buffer), text(buffer)], [2, "ab"]);
    native.give("d");
    assertEquals(text(await stream.readExactly(2)), "cd");
    assertEquals(native.reads, 2);
  },
);

testOverBoth(
  "SocketStream: a read that was satisfied before the cancellation is kept [C7]",
  async () => {
    using streams = await pair();
    const scope = new CancelScope();
    const count = await scope.enter(async () => {
      const read = streams.here.read(new Uint8Array(8));
      await streams.there.write(bytes("abc"));
      const count = await read;
      scope.cancel();
      return count;
    });
    assertEquals(count, 3);
  },
);

testOverBoth(
  "SocketStream: a time-out, a signal and a cancellation each end a read, and lose nothing [I4, C8]",
  async () => {
    using streams = await pair();
    const { here, there } = streams;
    await withLeakCheck(async () => {
      const buffer = new Uint8Array(8);
      await assertRejects(() => here.read(buffer, { timeout: 1 }), TimeoutError, `"${here.name}"`);
      await assertRejects(() => here.read(buffer, { timeout: 0 }), TimeoutError);
      const why = new Error("enough");
      assertStrictEquals(
        await here.read(buffer, { signal: AbortSignal.abort(why) }).catch((error) => error),
        why,
      );
      const controller = new AbortController();
      const read = here.read(buffer, { signal: controller.signal }).catch((error) => error);
      controller.abort(why);
      assertStrictEquals(await read, why);
      assertEquals((await moveOnAfter(1, () => here.read(buffer))).timedOut, true);
    });
    await there.write(bytes("still here"));
    assertEquals(text(await here.readExactly(10)), "still here");
  },
);

testOverBoth("SocketStream: readExactly that is cut short gives its bytes back [I4]", async () => {
  using streams = await pair();
  const { here, there } = streams;
  await there.write(bytes("abc"));
  await assertRejects(() => here.readExactly(5, { timeout: 5 }), TimeoutError);
  await there.write(bytes("de"));
  assertEquals(text(await here.readExactly(5)), "abcde");
  await there.write(bytes("fg"));
  await there.closeWrite();
  const error = await assertRejects(() => here.readExactly(3), ClosedError);
  assertEquals(
    error.message,
    `Cannot read 3 bytes from ${here.name} as the peer has ended after 2. Read those by read()`,
  );
  assertEquals(await readAll(here), "fg");
  await assertRejects(() => here.readExactly(1), ClosedError, "after 0");
  assertEquals((await here.readExactly(0)).length, 0);
});

testOverBoth("SocketStream: readExactly fills the caller's buffer, however large", async () => {
  using streams = await pair();
  const sent = crypto.getRandomValues(new Uint8Array(65536));
  const buffer = new Uint8Array(MEBIBYTE);
  const read = streams.here.readExactly(buffer);
  for (let i = 0; i < 16; i++) await streams.there.write(sent);
  assertStrictEquals(await read, buffer);
  for (let i = 0; i < 16; i++) {
    assertEquals(buffer.subarray(i * 65536, (i + 1) * 65536), sent);
  }
});

for (const how of ["read", "readExactly", "iteration"] as const) {
  testOverBoth(
    `SocketStream: wherever a cancellation meets ${how}, no byte is lost or comes twice [I4, C7]`,
    async () => {
      const { interrupted } = await interruptAtEveryStep(async (interrupt) => {
        const native = new FakeConnection();
        const stream = new SocketStream(native);
        const sending = (async () => {
          for (const piece of ["ab", "cd", "ef", "gh"]) {
            for (let steps = 0; steps < 4; steps++) await null;
            native.give(piece);
          }
          native.end();
        })();
        let got = "";
        await interrupt(async () => {
          if (how === "readExactly") {
            for (let i = 0; i < 2; i++) got += text(await stream.readExactly(3));
          } else if (how === "read") {
            const buffer = new Uint8Array(1);
            while (await stream.read(buffer) !== null) got += text(buffer);
          } else {
            for await (const chunk of stream) got += text(chunk);
          }
        });
        await sending;
        assertEquals(got + await readAll(stream), "abcdefgh");
      });
      assert(interrupted > 10);
    },
  );
}

testOverBoth(
  "SocketStream: a second read at once is a BusyError, and the first loses nothing [I7]",
  async () => {
    using streams = await pair();
    const { here, there } = streams;
    const first = here.readExactly(3);
    await assertRejects(
      () => here.read(new Uint8Array(8)),
      BusyError,
      "Cannot read from " + here.name + " as another read is waiting",
    );
    await there.write(bytes("abc"));
    assertEquals(text(await first), "abc");
  },
);

testOverBoth(
  "SocketStream: iteration gives pieces that are the taker's to keep, and leaves the stream open",
  async () => {
    using streams = await pair();
    const { here, there } = streams;
    await there.write(bytes("one"));
    const chunks: Uint8Array[] = [];
    for await (const chunk of here) {
      chunks.push(chunk);
      break;
    }
    await there.write(bytes("two"));
    await there.closeWrite();
    for await (const chunk of here) chunks.push(chunk);
    assertEquals(chunks.map(text), ["one", "two"]);
    await here.write(bytes("open"));
    assertEquals(text(await there.readExactly(4)), "open");
  },
);

testOverBoth(
  "SocketStream: with endOnStop a read ends like the stream when its scope is stopped [C10]",
  async () => {
    using streams = await pair();
    const { here, there } = streams;
    await taskGroup(async (group) => {
      const task = group.spawn(async (task) => {
        const buffer = new Uint8Array(8);
        const first = await here.read(buffer, { endOnStop: true });
        const second = await here.read(buffer, { endOnStop: true });
        await assertRejects(
          () => here.readExactly(1, { endOnStop: true }),
          ClosedError,
          "stopping",
        );
        await there.write(bytes("abc"));
        return [first, second, await here.read(buffer), task.stopping];
      });
      await waitAllTasksBlocked();
      group.stop();
      assertEquals(await task, [null, null, 3, true]);
    });
  },
);

testOverBoth("SocketStream: a write sends all of it, however slowly the peer reads", async () => {
  using streams = await pair();
  const { here, there } = streams;
  const sent = crypto.getRandomValues(new Uint8Array(65536));
  const large = new Uint8Array(16 * MEBIBYTE);
  for (let at = 0; at < large.length; at += sent.length) large.set(sent, at);
  await taskGroup(async (group) => {
    group.spawn(async () => {
      await here.write(large);
      await here.closeWrite();
    });
    let at = 0;
    for await (const chunk of there) {
      for (const byte of chunk) {
        if (byte !== sent[at % sent.length]) throw new Error(`another byte at ${at}`);
        at++;
      }
    }
    assertEquals(at, large.length);
  });
});

testOverBoth(
  "SocketStream: writes of several tasks are sent one after the other, each as a whole",
  async () => {
    using streams = await pair();
    const { here, there } = streams;
    const piece = (letter: string) => bytes(letter.repeat(5 * MEBIBYTE));
    await taskGroup(async (group) => {
      for (const letter of "abc") group.spawn(() => here.write(piece(letter)));
      group.spawn(() => here.closeWrite()); // after them, although none has been sent
      let order = "";
      for await (const chunk of there) {
        const all = text(chunk);
        for (const letter of all) if (!order.endsWith(letter)) order += letter;
      }
      assertEquals(order, "abc");
    });
  },
);

testOverBoth(
  "SocketStream: a write ends when it is cancelled; what had begun is sent, what had not is not [I4]",
  async () => {
    using streams = await pair();
    const { here, there } = streams;
    const large = new Uint8Array(16 * MEBIBYTE).fill(1);
    await withLeakCheck(async () => {
      await taskGroup(async (group) => {
        const begun = group.spawn(() => here.write(large));
        const queued = group.spawn(() => here.write(new Uint8Array(10).fill(2)));
        await waitAllTasksBlocked();
        begun.cancel();
        queued.cancel();
        await Promise.all([begun.join(), queued.join()]);
        assertEquals([begun.state, queued.state], ["cancelled", "cancelled"]);
      });
      await assertRejects(() => here.write(large, { timeout: 1 }), TimeoutError);
    });
    const after = taskGroup(async () => {
      await here.write(new Uint8Array(1).fill(3)); // behind what is still being sent
      await here.closeWrite();
    });
    const counts = [0, 0, 0, 0];
    for await (const chunk of there) for (const byte of chunk) counts[byte]++;
    await after;
    assertEquals(counts, [0, large.length, 0, 1]);
  },
);

testOverBoth("SocketStream: half-closed, the peer sees the end and can still write", async () => {
  using streams = await pair();
  const { here, there } = streams;
  await here.write(bytes("question"));
  await here.closeWrite();
  await here.closeWrite();
  assertEquals(await readAll(there), "question");
  await there.write(bytes("answer"));
  assertEquals(text(await here.readExactly(6)), "answer");
  await assertRejects(
    () => here.write(bytes("more")),
    ClosedError,
    `Cannot write to ${here.name} as its writing side is closed`,
  );
});

testOverBoth("SocketStream: closing it ends those who wait, and it stays closed", async () => {
  using streams = await pair();
  const { here } = streams;
  await withLeakCheck(async () => {
    const read = here.read(new Uint8Array(1));
    const write = here.write(new Uint8Array(16 * MEBIBYTE));
    const queued = here.write(bytes("x"));
    here.close();
    here.close();
    assert(here.closed);
    for (const wait of [read, write, queued]) await assertRejects(() => wait, ClosedError);
    await assertRejects(() => here.read(new Uint8Array(1)), ClosedError, "is closed");
    await assertRejects(() => here.write(bytes("x")), ClosedError, "is closed");
    await assertRejects(() => here.closeWrite(), ClosedError, "is closed");
  });
});

testOverBoth(
  "SocketStream: writing to a peer that has gone is an error of the platform's class, in our words",
  async () => {
    using streams = await pair();
    const { here, there } = streams;
    await here.write(bytes("never read")); // so that closing resets the connection
    there.close();
    const error = await assertRejects(async () => {
      for (;;) await here.write(bytes("x"));
    });
    assert(
      error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.ConnectionReset,
    );
    assertEquals(
      error.message,
      `Cannot write to ${here.name} as the peer has gone. Connect again`,
    );
    assertInstanceOf(error.cause, error.constructor as new () => Error);
  },
);

testOverBoth(
  "SocketStream: what does not make sense throws at the call, before anything happens",
  async () => {
    using streams = await pair();
    const { here, there } = streams;
    const wrong = (value: unknown) => value as Uint8Array;
    assertThrows(() => here.read(wrong("x")), TypeError, "must be a Uint8Array");
    assertThrows(() => here.read(new Uint8Array(0)), RangeError, "no room");
    assertThrows(() => here.readExactly(-1), RangeError, "received -1");
    assertThrows(() => here.readExactly(wrong(null)), TypeError, "must be a Uint8Array");
    assertThrows(() => here.write(wrong("x")), TypeError, "new TextEncoder().encode(text)");
    assertThrows(() => here.read(new Uint8Array(1), { timeout: -1 }), RangeError, "'timeout'");
    await here.write(new Uint8Array(0));
    await there.write(bytes("ok"));
    assertEquals(text(await here.readExactly(2)), "ok");
  },
);

testOverBoth("SocketStream: in a cancelled scope nothing is read or written [C1]", async () => {
  using streams = await pair();
  const { here, there } = streams;
  const scope = new CancelScope();
  scope.cancel();
  await scope.enter(async () => {
    await there.write(bytes("no")).catch(() => {});
    await assertRejects(() => there.write(bytes("no")), Cancelled);
    await assertRejects(() => here.read(new Uint8Array(1)), Cancelled);
  });
  await there.write(bytes("yes"));
  assertEquals(text(await here.readExactly(3)), "yes");
});

testOverBoth("SocketStream: the tree of tasks tells who waits for which peer", async () => {
  using streams = await pair();
  const { here } = streams;
  await taskGroup(async (group) => {
    group.spawn(() => here.read(new Uint8Array(1)), { name: "reader" });
    await waitAllTasksBlocked();
    assertMatch(formatTree(), RegExp(`reader +running +waits for data from "${here.name}"`));
    group.cancel();
  }).catch((error) => assertInstanceOf(error, Cancelled));
});

testOverBoth(
  "SocketStream: memory grows with what comes and shrinks when little comes",
  async () => {
    const native = new FakeConnection();
    const stream = new SocketStream(native);
    const buffer = new Uint8Array(100_000);
    const sizes = [512, 16_384, ...Array(9).fill(10)];
    for (const size of sizes) {
      native.give("x".repeat(size));
      assertEquals(await stream.read(buffer), size);
    }
    assertEquals(native.room, [512, ...Array(9).fill(65_536), 512]);
  },
);
