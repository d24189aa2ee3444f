import { assert, assertEquals, assertRejects } from "@std/assert";
import { ClosedError, sleep, taskGroup, TimeoutError } from "../../mod.ts";
import { waitAllTasksBlocked } from "../../primitives/testing/mod.ts";
import { limitIdle, SocketStream } from "../../io/stream.ts";
import { nextTurn } from "../../primitives/kernel/turn.ts";
import { testOverBoth } from "./backends.ts";
import { FakeConnection, FakeInflow } from "./fake_connection.ts";
import { bytes, pair, text } from "./pair.ts";

/** A connection whose writes are done when a test says so. */
class SlowConnection extends FakeConnection {
  readonly written: string[] = [];
  #done: (() => void) | undefined;

  override write(data: Uint8Array): Promise<number> {
    this.written.push(text(data));
    return new Promise((resolve) => this.#done = () => resolve(data.length));
  }

  /** Ends the write that is under way. */
  take(): void {
    this.#done!();
  }
}

for (const Native of [FakeConnection, FakeInflow]) {
  Deno.test(`SocketStream: a stop that was to end one wait to read does not end the next [${Native.name}]`, async () => {
    const native = new Native();
    const stream = new SocketStream(native);
    await taskGroup(async (group) => {
      const buffer = new Uint8Array(8);
      const task = group.spawn(async () => {
        assertEquals(await stream.read(buffer, { endOnStop: true, timeout: 100_000 }), 3);
        return text(buffer.subarray(0, (await stream.read(buffer))!));
      });
      await waitAllTasksBlocked();
      native.give("one");
      await waitAllTasksBlocked();
      group.stop();
      await waitAllTasksBlocked();
      assertEquals(task.state, "running");
      native.give("two");
      assertEquals(await task, "two");
    });
    stream.close();
  });
}

Deno.test("SocketStream: a stop that was to end one wait to write does not end the next", async () => {
  const native = new SlowConnection();
  const stream = new SocketStream(native);
  await taskGroup(async (group) => {
    const task = group.spawn(async () => {
      await stream.write(bytes("one"), { endOnStop: true });
      await stream.write(bytes("two"));
    });
    await waitAllTasksBlocked();
    native.take();
    await waitAllTasksBlocked();
    group.stop();
    await waitAllTasksBlocked();
    assertEquals(task.state, "running");
    native.take();
    await task;
    assertEquals(native.written, ["one", "two"]);
  });
  stream.close();
});

Deno.test("SocketStream: a time-out of the caller's own closes no stream, though the wait before it had the idle peer's [I2]", async () => {
  const native = new FakeConnection();
  const stream = new SocketStream(native);
  limitIdle(stream, 100_000);
  const buffer = new Uint8Array(8);
  const first = stream.read(buffer);
  await waitAllTasksBlocked();
  native.give("one");
  assertEquals(await first, 3);
  await assertRejects(() => stream.read(buffer, { timeout: 1 }), TimeoutError);
  assert(!stream.closed);
  native.give("two");
  assertEquals(await stream.read(buffer), 3);
  stream.close();
});

Deno.test("SocketStream: who gives up a write that has begun is not told of the next, which waits its turn", async () => {
  const native = new SlowConnection();
  const stream = new SocketStream(native);
  await assertRejects(() => stream.write(bytes("one"), { timeout: 1 }), TimeoutError);
  let isDone = false;
  const next = stream.write(bytes("two")).then(() => isDone = true);
  await waitAllTasksBlocked();
  assertEquals(native.written, ["one"]);
  native.take();
  await waitAllTasksBlocked();
  assertEquals([native.written, isDone], [["one", "two"], false]);
  native.take();
  await next;
  const last = stream.write(bytes("three"));
  await waitAllTasksBlocked();
  stream.close();
  await assertRejects(() => last, ClosedError, "Cannot write to");
});

Deno.test("SocketStream: a write that was given up tells nobody of its end, also not who writes to another stream", async () => {
  const [one, other] = [new SlowConnection(), new SlowConnection()];
  const streams = [one, other].map((native) => new SocketStream(native));
  await assertRejects(() => streams[0].write(bytes("one"), { timeout: 1 }), TimeoutError);
  let isDone = false;
  const next = streams[1].write(bytes("two")).then(() => isDone = true);
  one.take();
  await waitAllTasksBlocked();
  assert(!isDone);
  streams[0].close();
  await waitAllTasksBlocked();
  assert(!isDone);
  other.take();
  await next;
  streams[1].close();
});

Deno.test("SocketStream: what comes for one that was closed does not reach another stream", async () => {
  const [one, other] = [new FakeConnection(), new FakeConnection()];
  const [closed, stream] = [new SocketStream(one), new SocketStream(other)];
  const buffer = new Uint8Array(8);
  await assertRejects(() => closed.read(buffer, { timeout: 1 }), TimeoutError);
  closed.close(); // The platform still reads into its memory.
  await assertRejects(() => stream.read(buffer, { timeout: 1 }), TimeoutError);
  other.give("good");
  await waitAllTasksBlocked();
  one.give("late");
  await waitAllTasksBlocked();
  assertEquals(await stream.read(buffer), 4);
  assertEquals(text(buffer.subarray(0, 4)), "good");
  stream.close();
});

testOverBoth(
  "SocketStream: bytes of every length come as they were sent, into room of every size",
  async () => {
    using streams = await pair();
    const { here, there } = streams;
    for (const length of [1, 99, 100, 101, 511, 512, 513, 3000]) {
      const sent = crypto.getRandomValues(new Uint8Array(length));
      for (const room of [1, 99, 100, 101, 4000]) {
        await there.write(sent);
        const got = new Uint8Array(length);
        const buffer = new Uint8Array(room);
        for (let at = 0; at < length;) {
          const count = (await here.read(buffer))!;
          got.set(buffer.subarray(0, count), at);
          at += count;
        }
        assertEquals(got, sent);
      }
      await there.write(sent);
      assertEquals(await here.readExactly(length), sent);
    }
  },
);

for (const Native of [FakeConnection, FakeInflow]) {
  Deno.test(`SocketStream: what came while the process was halted came in time, and its peer is no idle one [I2] [${Native.name}]`, async () => {
    const native = new Native();
    const stream = new SocketStream(native);
    limitIdle(stream, 60_000);
    const read = stream.readExactly(5);
    native.give("he");
    await waitAllTasksBlocked();
    const { now } = performance;
    // When it is on again, its timers are told first: that of the limit, too.
    const halt = sleep(1).then(async () => {
      // Deno may look at the sockets as late as this.
      for (let turn = 0; turn < 61; turn++) await new Promise<void>((next) => nextTurn(next));
      native.give("llo!");
    });
    performance.now = () => now.call(performance) + 60_000;
    try {
      await halt;
      assertEquals(text(await read), "hello");
      assertEquals(text(await stream.readExactly(1)), "!");
    } finally {
      performance.now = now;
      stream.close();
    }
  });
}
