/**
 * The end of a channel: what was sent still arrives, what was not does not. Rule W6 of the design.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertNotStrictEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { cancelScope, Channel, ClosedError, isCancelled, select, taskGroup } from "../../mod.ts";
import { waitAllTasksBlocked, withLeakCheck } from "../../primitives/testing/mod.ts";
import { outcomeOf, thrownBy } from "./outcome.ts";
import { collect } from "./probes.ts";
import { unhandledRejections } from "./unhandled.ts";

Deno.test("after close() what is in the buffer is still received, and then receive() throws ClosedError [W6]", async () => {
  const channel = new Channel<number>(3);
  for (const item of [1, 2, 3]) await channel.send(item);
  channel.close();
  assertEquals(channel.stats().size, 3);
  assertEquals(await channel.receive(), 1);
  assertEquals(channel.tryReceive(), { value: 2 });
  assertEquals(await select({ channel }), { key: "channel", value: 3 });
  for (let again = 0; again < 2; again++) {
    await assertRejects(() => channel.receive(), ClosedError);
    assertThrows(() => channel.tryReceive(), ClosedError);
    await assertRejects(() => select({ channel }), ClosedError);
  }
});

Deno.test("after close() the loop gives what is in the buffer, and ends [W6]", async () => {
  const channel = new Channel<number>(Infinity);
  for (const item of [1, 2, 3]) await channel.send(item);
  channel.close();
  assertEquals(await collect(channel), [1, 2, 3]);
  assertEquals(await collect(channel), []);
});

Deno.test("after close() nothing can be sent, not even where there is room [W6]", async () => {
  for (const capacity of [0, 1, Infinity]) {
    const channel = new Channel<number>(capacity);
    channel.close();
    await assertRejects(() => channel.send(1), ClosedError);
    assertThrows(() => channel.trySend(1), ClosedError);
    await assertRejects(() => select({ out: channel.sending(1) }), ClosedError);
    assertEquals(channel.stats().size, 0);
  }
});

Deno.test("after close() a channel that drops refuses too, and drops nothing [W6]", async () => {
  for (const overflow of ["drop-oldest", "drop-newest"] as const) {
    const channel = new Channel<number>(1, { overflow });
    await channel.send(1);
    channel.close();
    await assertRejects(() => channel.send(2), ClosedError);
    assertThrows(() => channel.trySend(2), ClosedError);
    assertEquals(channel.stats().dropped, 0);
    assertEquals(await channel.receive(), 1);
  }
});

Deno.test("senders who wait when it is closed get ClosedError, and their items are not delivered [W6]", async () => {
  for (const capacity of [0, 1]) {
    const channel = new Channel<string>(capacity);
    if (capacity === 1) await channel.send("buffered");
    const waiting = [channel.send("a"), channel.send("b")];
    const arm = select({ out: channel.sending("c") });
    const thrown = [...waiting, arm].map(thrownBy);
    channel.close();
    assertEquals(channel.stats().senders, 0);
    for (const error of await Promise.all(thrown)) assertInstanceOf(error, ClosedError);
    assertEquals(await collect(channel), capacity === 1 ? ["buffered"] : []);
  }
});

Deno.test("receivers who wait when it is closed get ClosedError, and loops end [W6]", async () => {
  const channel = new Channel<string>(1);
  const received = thrownBy(channel.receive());
  const selected = thrownBy(select({ channel }));
  const looped = collect(channel);
  await waitAllTasksBlocked();
  assertEquals(channel.stats().receivers, 3);
  channel.close();
  assertEquals(channel.stats().receivers, 0);
  assertInstanceOf(await received, ClosedError);
  assertInstanceOf(await selected, ClosedError);
  assertEquals(await looped, []);
});

Deno.test("each who is refused has an error of its own, with its own stack", async () => {
  const channel = new Channel<string>(0);
  const both = [thrownBy(channel.receive()), thrownBy(channel.receive())];
  channel.close();
  const [a, b] = await Promise.all(both);
  assertNotStrictEquals(a, b);
});

Deno.test("an item handed to a receiver just before close() is received [W6] [C7]", async () => {
  const channel = new Channel<string>(0);
  const received = channel.receive();
  const sent = channel.send("item");
  channel.close();
  assertEquals(await received, "item");
  assertEquals(await outcomeOf(sent), { value: undefined });
});

Deno.test("a sender whose item was taken just before close() has sent it [W6] [C7]", async () => {
  const channel = new Channel<string>(0);
  const sent = channel.send("item");
  const received = channel.receive();
  channel.close();
  assertEquals(await outcomeOf(sent), { value: undefined });
  assertEquals(await received, "item");
});

Deno.test("a sender that has moved up into the buffer just before close() has sent its item [W6]", async () => {
  const channel = new Channel<number>(1);
  await channel.send(1);
  const moved = channel.send(2);
  const refused = thrownBy(channel.send(3));
  assertEquals(channel.tryReceive(), { value: 1 });
  channel.close();
  assertEquals(await outcomeOf(moved), { value: undefined });
  assertInstanceOf(await refused, ClosedError);
  assertEquals(await collect(channel), [2]);
});

Deno.test("close() twice does nothing the second time [W6]", async () => {
  const channel = new Channel<number>(1);
  await channel.send(1);
  channel.close();
  const stats = channel.stats();
  channel.close();
  assertEquals(channel.stats(), stats);
  assertEquals(await channel.receive(), 1);
});

Deno.test("who closes the channel that it loops over gets what is in it first [W6]", async () => {
  const channel = new Channel<number>(3);
  for (const item of [1, 2, 3]) await channel.send(item);
  const seen: number[] = [];
  for await (const item of channel) {
    seen.push(item);
    channel.close();
  }
  assertEquals(seen, [1, 2, 3]);
});

Deno.test("closing lets all go on and leaves nothing behind [W6]", async () => {
  await withLeakCheck(() =>
    taskGroup((group) => {
      const full = new Channel<number>(0);
      const empty = new Channel<number>(0);
      let ended = 0;
      for (let n = 0; n < 10; n++) {
        group.spawn(async () => {
          await assertRejects(() => full.send(n, { timeout: 60_000 }), ClosedError);
          ended++;
        });
        group.spawn(async () => {
          assertEquals(await collect(empty), []);
          ended++;
        });
      }
      return waitAllTasksBlocked().then(async () => {
        full.close();
        empty.close();
        await waitAllTasksBlocked();
        assertEquals(ended, 20);
      });
    })
  );
});

Deno.test("the error names the channel, what was tried, and what to do [E1]", async () => {
  const channel = new Channel<number>(0, { name: "orders" });
  const waiting = [thrownBy(channel.send(1))];
  channel.close();
  const sending = await Promise.all([...waiting, thrownBy(channel.send(1))]);
  sending.push(assertThrows(() => channel.trySend(1)));
  const receiving = [await thrownBy(channel.receive()), assertThrows(() => channel.tryReceive())];
  for (const error of sending) {
    assertInstanceOf(error, ClosedError);
    assertStringIncludes(error.message, 'Cannot send to channel "orders" as it is closed.');
  }
  for (const error of receiving) {
    assertInstanceOf(error, ClosedError);
    assertStringIncludes(error.message, 'Cannot receive from channel "orders" as it is closed.');
    assertStringIncludes(error.message, "for await");
  }
});

Deno.test("in a cancelled scope a closed channel throws Cancelled, not ClosedError [C1]", async () => {
  const channel = new Channel<number>(0);
  channel.close();
  const thrown: unknown[] = [];
  await cancelScope(async (scope) => {
    scope.cancel();
    thrown.push(await thrownBy(channel.send(1)), await thrownBy(channel.receive()));
    thrown.push(await thrownBy(channel[Symbol.asyncIterator]().next()));
  });
  assert(thrown.length === 3 && thrown.every(isCancelled));
});

Deno.test("a send that nobody awaits and that closing refuses is an unhandled rejection: no item is lost in silence", async () => {
  const reasons = await unhandledRejections(() => {
    const channel = new Channel<number>(0);
    void channel.send(1);
    channel.close();
  });
  assertEquals(reasons.length, 1);
  assertInstanceOf(reasons[0], ClosedError);
});
