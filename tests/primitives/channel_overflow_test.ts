/**
 * What a full channel does with one item too many: waiting is in `channel_test.ts`, dropping is
 * here. Rule W6 of the design.
 *
 * @module
 */

import { assert, assertEquals, assertFalse } from "@std/assert";
import { cancelScope, Channel, select, taskGroup } from "../../mod.ts";
import { outcomeOf } from "./outcome.ts";
import { collect } from "./probes.ts";

Deno.test('"drop-oldest" makes room by dropping the oldest item, and counts it [W6]', async () => {
  const channel = new Channel<number>(2, { overflow: "drop-oldest" });
  for (let item = 1; item <= 5; item++) await channel.send(item);
  assertEquals(channel.stats(), {
    size: 2,
    capacity: 2,
    peakSize: 2,
    senders: 0,
    receivers: 0,
    dropped: 3,
    closed: false,
  });
  channel.close();
  assertEquals(await collect(channel), [4, 5]);
});

Deno.test('"drop-newest" drops the item itself, and counts it [W6]', async () => {
  const channel = new Channel<number>(2, { overflow: "drop-newest" });
  for (let item = 1; item <= 5; item++) await channel.send(item);
  assertEquals(channel.stats(), {
    size: 2,
    capacity: 2,
    peakSize: 2,
    senders: 0,
    receivers: 0,
    dropped: 3,
    closed: false,
  });
  channel.close();
  assertEquals(await collect(channel), [1, 2]);
});

Deno.test("trySend() tells whether its own item is on its way: true when an older one was dropped, false when it was [W6]", () => {
  const oldest = new Channel<number>(1, { overflow: "drop-oldest" });
  assertEquals([1, 2, 3].map((item) => oldest.trySend(item)), [true, true, true]);
  assertEquals(oldest.stats().dropped, 2);
  assertEquals(oldest.tryReceive(), { value: 3 });

  const newest = new Channel<number>(1, { overflow: "drop-newest" });
  assertEquals([1, 2, 3].map((item) => newest.trySend(item)), [true, false, false]);
  assertEquals(newest.stats().dropped, 2);
  assertEquals(newest.tryReceive(), { value: 1 });
  assert(newest.trySend(4), "after a drop there is room again");
});

Deno.test("sending to a full channel that drops resolves, whichever item was dropped [W6]", async () => {
  for (const overflow of ["drop-oldest", "drop-newest"] as const) {
    const channel = new Channel<number>(1, { overflow });
    assert(channel.trySend(1));
    assertEquals(await outcomeOf(channel.send(2)), { value: undefined });
    assertEquals(channel.stats().senders, 0);
    assertEquals(channel.stats().dropped, 1);
  }
});

Deno.test('at capacity 0 "drop-newest" drops what nobody waits for, and hands over what somebody does [W6]', async () => {
  const channel = new Channel<number>(0, { overflow: "drop-newest" });
  assertFalse(channel.trySend(1));
  assertEquals(await outcomeOf(channel.send(2)), { value: undefined });
  assertEquals(channel.stats().dropped, 2);
  assertEquals(channel.tryReceive(), undefined);

  const received = channel.receive();
  assert(channel.trySend(3));
  assertEquals(await received, 3);
  assertEquals(channel.stats().dropped, 2);
});

Deno.test("an item that a receiver waits for is never dropped, nor drops another [W6]", async () => {
  for (const overflow of ["drop-oldest", "drop-newest"] as const) {
    const channel = new Channel<number>(1, { overflow });
    const received = [channel.receive(), channel.receive()];
    assert(channel.trySend(1));
    assert(channel.trySend(2));
    assert(channel.trySend(3));
    assertEquals(channel.stats().dropped, 0);
    assertEquals(await Promise.all(received), [1, 2]);
    assertEquals(channel.tryReceive(), { value: 3 });
  }
});

Deno.test("with Infinity for a capacity nothing is dropped, whatever was said [W6]", () => {
  for (const overflow of ["drop-oldest", "drop-newest"] as const) {
    const channel = new Channel<number>(Infinity, { overflow });
    for (let item = 0; item < 1000; item++) assert(channel.trySend(item));
    assertEquals([channel.size, channel.stats().dropped], [1000, 0]);
  }
});

Deno.test("in a cancelled scope nothing is dropped, as nothing is sent [W6] [C7]", async () => {
  for (const overflow of ["drop-oldest", "drop-newest"] as const) {
    const channel = new Channel<number>(1, { overflow });
    assert(channel.trySend(1));
    await cancelScope(async (scope) => {
      scope.cancel();
      await channel.send(2);
    });
    assertEquals(channel.stats().dropped, 0);
    assertEquals(channel.tryReceive(), { value: 1 });
  }
});

Deno.test("a sending arm of a select is ready where a send would not wait, and drops as it does [W6] [W8]", async () => {
  const channel = new Channel<number>(1, { overflow: "drop-oldest" });
  assert(channel.trySend(1));
  assertEquals(await select({ out: channel.sending(2) }), { key: "out", value: undefined });
  assertEquals(channel.stats().dropped, 1);
  assertEquals(channel.tryReceive(), { value: 2 });
});

Deno.test("a slow consumer of a channel that drops sees the latest, and holds nobody up [W6]", async () => {
  const channel = new Channel<number>(1, { overflow: "drop-oldest" });
  const seen: number[] = [];
  await taskGroup((group) => {
    group.spawn(async () => {
      for await (const item of channel) seen.push(item);
    });
    group.spawn(async () => {
      for (let item = 0; item < 100; item++) await channel.send(item);
      channel.close();
    });
  });
  assertEquals(seen.at(-1), 99);
  assertEquals(seen, seen.toSorted((a, b) => a - b));
  assertEquals(seen.length + channel.stats().dropped, 100);
});
