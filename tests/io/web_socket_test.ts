import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { BrokenResourceError, ClosedError, nursery, sleep, TimeoutError } from "../../mod.ts";
import {
  type NativeWebSocket,
  WebSocketConnection,
  type WebSocketLimits,
} from "../../io/web_socket.ts";
import { interruptAtEveryStep, waitAllTasksBlocked } from "../../primitives/testing/mod.ts";

/** A WebSocket without a connection: what it holds is set, and what was sent is kept. */
class Fake implements NativeWebSocket {
  readonly readyState = 1;
  binaryType = "blob";
  bufferedAmount = 0;
  readonly sent: unknown[] = [];
  readonly #listeners = new Map<string, (event: unknown) => void>();

  send(data: unknown): void {
    this.sent.push(data);
  }

  close(code: number, reason: string): void {
    this.sent.push([code, reason]);
  }

  addEventListener(type: string, listener: (event: unknown) => void): void {
    this.#listeners.set(type, listener);
  }

  fire(type: string, event: unknown = {}): void {
    this.#listeners.get(type)?.(event);
  }
}

const FULL = 1_000_000;

const LIMITS: WebSocketLimits = { max: 100, capacity: 2, idleTimeout: 10_000 };

function make(limits: Partial<WebSocketLimits> = {}) {
  const native = new Fake();
  return {
    native,
    socket: new WebSocketConnection(native, "WebSocket /", "", { ...LIMITS, ...limits }),
  };
}

Deno.test("WebSocketConnection: while the platform holds much a send waits, and none overtakes it", async () => {
  const { native, socket } = make();
  native.bufferedAmount = FULL;
  const first = socket.send("first");
  await waitAllTasksBlocked();
  assertEquals(native.sent, []);
  // There is room now, and nobody has looked yet.
  native.bufferedAmount = 0;
  await Promise.all([first, socket.send("second")]);
  assertEquals(native.sent, ["first", "second"]);
});

Deno.test("WebSocketConnection: a time limit of a send is for all of its wait, and nothing is sent then", async () => {
  const { native, socket } = make();
  native.bufferedAmount = FULL;
  const first = socket.send("first");
  await assertRejects(() => socket.send("second", { timeout: 5 }), TimeoutError);
  native.bufferedAmount = 0;
  await first;
  await socket.send("third");
  assertEquals(native.sent, ["first", "third"]);
});

Deno.test("WebSocketConnection: a peer that takes nothing for the idle timeout is taken for gone [I2]", async () => {
  const { native, socket } = make({ idleTimeout: 50 });
  native.bufferedAmount = FULL;
  const ends = [socket.send("stuck"), socket.send("behind it"), socket.receive()].map((end) =>
    assertRejects(() => end, ClosedError, "it has taken nothing for 50 ms")
  );
  await Promise.all(ends);
  assertEquals(socket.closed, { code: 1006, reason: "it has taken nothing for 50 ms" });
  assertEquals(native.sent, [[undefined, undefined]]);
});

Deno.test("WebSocketConnection: a peer that takes nothing is noticed by sends that each wait for less [I2]", async () => {
  const { native, socket } = make({ idleTimeout: 50 });
  native.bufferedAmount = FULL;
  let error: unknown;
  for (let n = 0; n < 100 && !(error instanceof ClosedError); n++) {
    error = await assertRejects(() => socket.send("x", { timeout: 3 }));
  }
  assert(error instanceof ClosedError);
});

Deno.test("WebSocketConnection: a peer that takes little at a time is not taken for gone", async () => {
  const { native, socket } = make({ idleTimeout: 50 });
  let looks = 0;
  Object.defineProperty(native, "bufferedAmount", {
    // Each look finds a little less, for far longer than the idle timeout.
    get: () => looks++ < 20 ? FULL - looks : 0,
  });
  await socket.send("at last");
  assertEquals([native.sent, socket.closed], [["at last"], undefined]);
});

Deno.test("WebSocketConnection: of what nobody has received the bytes are bounded, too [I2]", async () => {
  const big = "x".repeat(2 ** 20);
  const { native, socket } = make({ max: 2 ** 20, capacity: 1000 });
  for (let round = 0; round < 2; round++) {
    for (let n = 0; n < 16; n++) native.fire("message", { data: big });
    for (let n = 0; n < 16; n++) assertEquals(await socket.receive(), big);
  }
  for (let n = 0; n < 16; n++) native.fire("message", { data: big });
  assertEquals(socket.closed, undefined);
  native.fire("message", { data: "x" });
  assertEquals(socket.closed, { code: 1013, reason: "" });
  for (let n = 0; n < 16; n++) assertEquals(await socket.receive(), big);
  await assertRejects(
    () => socket.receive(),
    BrokenResourceError,
    "more than 16777216 bytes that nobody has received",
  );
});

Deno.test("WebSocketConnection: two of the longest messages may wait, however long", async () => {
  const { native, socket } = make({ max: 2 ** 24, capacity: 3 });
  const longest = new ArrayBuffer(2 ** 24);
  for (let n = 0; n < 2; n++) native.fire("message", { data: longest });
  assertEquals(socket.closed, undefined);
  native.fire("message", { data: "x" });
  assertEquals(socket.closed, { code: 1013, reason: "" });
  assertEquals((await socket.receive()).length, 2 ** 24);
});

Deno.test("WebSocketConnection: the end wakes those who wait to send, and those who wait to receive", async () => {
  const { native, socket } = make();
  native.bufferedAmount = FULL;
  const ends = [socket.send("never"), socket.send("neither"), socket.receive()].map((end) =>
    assertRejects(() => end, ClosedError, "as it is closed, with code 1006")
  );
  native.fire("close", { code: 0, reason: "" });
  await Promise.all(ends);
  assertEquals([native.sent, socket.closed], [[], { code: 1006, reason: "" }]);
});

Deno.test("WebSocketConnection: platforms that do not tell how much they hold are sent to at once", async () => {
  const { native, socket } = make();
  (native as { bufferedAmount?: number }).bufferedAmount = undefined;
  await socket.send("x");
  assertEquals(native.sent, ["x"]);
});

Deno.test("WebSocketConnection: cancelled at any step, a receive loses no message [C7]", async () => {
  const { interrupted } = await interruptAtEveryStep(async (interrupt) => {
    const { native, socket } = make();
    queueMicrotask(() => queueMicrotask(() => native.fire("message", { data: "one" })));
    const run = await interrupt(() => socket.receive());
    assertEquals(run.interrupted ? await socket.receive() : run.value, "one");
    assertEquals(await socket.receive({ timeout: 0 }).catch((error) => error.name), "TimeoutError");
  });
  assert(interrupted > 0);
});

Deno.test("WebSocketConnection: who closed it first has said why", async () => {
  const { native, socket } = make();
  socket.close(4000, "mine");
  socket.close(4001, "late");
  // Deno tells of the end that it was asked for by another code, and may tell of it twice.
  native.fire("close", { code: 1005, reason: "" });
  native.fire("close", { code: 0, reason: "" });
  assertEquals(socket.closed, { code: 4000, reason: "mine" });
  assert(Object.isFrozen(socket.closed));
  assertEquals(native.sent, [[4000, "mine"]]);
  native.fire("message", { data: "after the end" });
  await assertRejects(() => socket.receive(), ClosedError, `with code 4000: "mine"`);
});

Deno.test("WebSocketConnection: the loop ends when the scope is asked to stop; a receive goes on", async () => {
  const { native, socket } = make();
  let received: unknown;
  let looped = false;
  await nursery(async (tasks) => {
    tasks.spawn(async () => {
      for await (const _ of socket);
      looped = true;
      received = await socket.receive();
    });
    await sleep(1);
    tasks.stop();
    await waitAllTasksBlocked();
    native.fire("message", { data: "later" });
  });
  assertEquals([looped, received, socket.closed], [true, "later", undefined]);
});

Deno.test("WebSocketConnection: bytes are given as a Uint8Array", async () => {
  const { native, socket } = make();
  assertEquals(native.binaryType, "arraybuffer");
  native.fire("message", { data: new Uint8Array([1, 2]).buffer });
  assertEquals(await socket.receive(), new Uint8Array([1, 2]));
});

Deno.test("WebSocketConnection: bad arguments throw at the call", async () => {
  const { native, socket } = make();
  for (const code of [1001, 999, 5000, 4000.5]) {
    assertThrows(() => socket.close(code), RangeError, "must be 1000, or from 3000 to 4999");
  }
  assertThrows(() => socket.close(1000, "ö".repeat(62)), RangeError, "123 bytes at most");
  assertThrows(() => socket.close(1000, 1 as unknown as string), TypeError, "must be a string");
  await assertRejects(() => socket.send(1 as unknown as string), TypeError, "received 1");
  assertEquals([native.sent, socket.closed], [[], undefined]);
});
