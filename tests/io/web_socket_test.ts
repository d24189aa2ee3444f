import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ClosedError, nursery, sleep, TimeoutError } from "../../mod.ts";
import { type NativeWebSocket, WebSocketConnection } from "../../io/web_socket.ts";
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

function make(limits = { max: 100, capacity: 2 }) {
  const native = new Fake();
  return { native, socket: new WebSocketConnection(native, "WebSocket /", "", limits) };
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
