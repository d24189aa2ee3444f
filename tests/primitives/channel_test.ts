/**
 * Channels: who gets which item and when, rule W6 of the design, and what `stats()` and `inspect()`
 * tell of it (W9). After Trio's `test_channel.py` and anyio's `test_memory.py`.
 *
 * @module
 */

import { assert, assertEquals, assertFalse, assertStrictEquals, assertThrows } from "@std/assert";
import {
  cancelScope,
  Channel,
  type ChannelStats,
  inspect,
  select,
  taskGroup,
  type Waitable,
  yieldNow,
} from "../../mod.ts";
import { waitAllTasksBlocked } from "../../primitives/testing/mod.ts";
import { outcomeOf } from "./outcome.ts";
import { assertType, collect, type Same } from "./probes.ts";
import { named } from "./waits.ts";

/** What can be received at once, until nothing can. */
function drainNow<T>(channel: Channel<T>): T[] {
  const items: T[] = [];
  for (let next = channel.tryReceive(); next !== undefined; next = channel.tryReceive()) {
    items.push(next.value);
  }
  return items;
}

// Meeting, and running ahead

Deno.test("at capacity 0 a sender waits until a receiver takes its item [W6]", async () => {
  const channel = new Channel<string>(0);
  const sent = channel.send("item");
  assertEquals(await outcomeOf(sent), "pending");
  assertEquals(channel.stats().senders, 1);
  assertEquals(channel.size, 0);

  assertEquals(await channel.receive(), "item");
  assertEquals(await outcomeOf(sent), { value: undefined });
});

Deno.test("at capacity 0 a receiver waits until a sender comes, who does not wait then [W6]", async () => {
  const channel = new Channel<string>(0);
  const received = channel.receive();
  assertEquals(await outcomeOf(received), "pending");
  assertEquals(channel.stats().receivers, 1);

  const sent = channel.send("item");
  assertEquals(channel.stats().senders, 0);
  assertEquals(channel.stats().receivers, 0);
  assertEquals(await outcomeOf(sent), { value: undefined });
  assertEquals(await outcomeOf(received), { value: "item" });
});

Deno.test("at capacity 0 neither trySend() nor tryReceive() can do anything alone [W6]", () => {
  const channel = new Channel<string>(0);
  assertFalse(channel.trySend("lost?"));
  assertEquals(channel.tryReceive(), undefined);
  assertEquals(channel.stats().dropped, 0);
});

Deno.test("at capacity 0 tryReceive() takes the item of a sender who waits, and lets it go on [W6]", async () => {
  const channel = new Channel<string>(0);
  const sent = channel.send("item");
  assertEquals(channel.tryReceive(), { value: "item" });
  assertEquals(channel.stats().senders, 0);
  assertEquals(await outcomeOf(sent), { value: undefined });
});

Deno.test("at capacity 0 trySend() hands its item to a receiver who waits [W6]", async () => {
  const channel = new Channel<string>(0);
  const received = channel.receive();
  assert(channel.trySend("item"));
  assertFalse(channel.trySend("one too many"));
  assertEquals(await outcomeOf(received), { value: "item" });
});

Deno.test("a sender runs ahead as far as the capacity reaches, and no further [W6]", async () => {
  const channel = new Channel<number>(2);
  assertEquals(await outcomeOf(channel.send(1)), { value: undefined });
  assertEquals(await outcomeOf(channel.send(2)), { value: undefined });
  const third = channel.send(3);
  assertEquals(await outcomeOf(third), "pending");
  assertEquals(channel.size, 2);

  assertEquals(await channel.receive(), 1);
  assertEquals(await outcomeOf(third), { value: undefined });
  assertEquals(channel.size, 2);
  assertEquals(drainNow(channel), [2, 3]);
});

Deno.test("with Infinity for a capacity nobody waits to send [W6]", async () => {
  const channel = new Channel<number>(Infinity);
  const count = 10_000;
  for (let item = 0; item < count; item++) {
    if (item % 2 === 0) assert(channel.trySend(item));
    else void channel.send(item);
    assertEquals(channel.stats().senders, 0);
  }
  assertEquals(channel.size, count);
  channel.close();
  const items = await collect(channel);
  assertEquals(items, Array.from({ length: count }, (_, index) => index));
});

Deno.test("items arrive in the order in which they were sent, those of waiting senders last [W6]", async () => {
  const channel = new Channel<number>(3);
  const sent = [0, 1, 2, 3, 4, 5, 6].map((item) => channel.send(item));
  assertEquals(channel.stats().senders, 4);
  assertEquals(drainNow(channel), [0, 1, 2, 3, 4, 5, 6]);
  await Promise.all(sent);
});

Deno.test("receivers get items in the order in which they began to wait [W6]", async () => {
  const channel = new Channel<string>(0);
  const order: string[] = [];
  await taskGroup(async (group) => {
    for (const name of ["a", "b", "c"]) {
      group.spawn(async () => {
        order.push(`${name} gets ${await channel.receive()}`);
      });
    }
    for (const item of ["first", "second", "third"]) assert(channel.trySend(item));
  });
  assertEquals(order, ["a gets first", "b gets second", "c gets third"]);
});

Deno.test("senders go on in the order in which they began to wait, one for each item taken [W6]", async () => {
  const channel = new Channel<string>(1);
  const order: string[] = [];
  await channel.send("before");
  await taskGroup(async (group) => {
    for (const name of ["a", "b", "c"]) {
      group.spawn(async () => {
        await channel.send(name);
        order.push(name);
      });
    }
    for (const [taken, gone] of [["before", 1], ["a", 2], ["b", 3]] as const) {
      assertEquals(await channel.receive(), taken);
      await waitAllTasksBlocked();
      assertEquals(order, ["a", "b", "c"].slice(0, gone));
    }
  });
});

Deno.test("tasks on both sides of a rendezvous take turns: none is two items ahead [W6]", async () => {
  const channel = new Channel<number>(0);
  let sent = 0;
  let received = 0;
  await taskGroup((group) => {
    group.spawn(async () => {
      for (let item = 0; item < 50; item++) {
        await channel.send(item);
        sent++;
        assert(Math.abs(sent - received) <= 1, `${sent} sent, ${received} received`);
      }
      channel.close();
    });
    group.spawn(async () => {
      for await (const item of channel) {
        assertEquals(item, received++);
        if (item % 7 === 0) await yieldNow();
      }
    });
  });
  assertEquals([sent, received], [50, 50]);
});

Deno.test("of many producers and consumers each item arrives once, and each producer's in order [W6]", async () => {
  for (const capacity of [0, 1, 5, Infinity]) {
    const channel = new Channel<readonly [producer: number, item: number]>(capacity);
    const received: (readonly [number, number])[][] = [[], [], []];
    await taskGroup(async (group) => {
      const producers = [0, 1, 2, 3].map((producer) =>
        group.spawn(async () => {
          for (let item = 0; item < 20; item++) {
            await channel.send([producer, item]);
            if ((producer + item) % 5 === 0) await yieldNow();
          }
        })
      );
      for (const list of received) {
        group.spawn(async () => {
          for await (const item of channel) list.push(item);
        });
      }
      for (const producer of producers) await producer;
      channel.close();
    });
    for (const list of received) {
      for (let producer = 0; producer < 4; producer++) {
        const items = list.filter(([from]) => from === producer).map(([, item]) => item);
        assertEquals(items, items.toSorted((a, b) => a - b));
      }
    }
    assertEquals(new Set(received.flat().map(String)).size, 80);
    assertEquals(received.flat().length, 80);
  }
});

// Handed over is handed over

Deno.test("an item handed to a waiting receiver cannot be stolen by one who comes in the same turn [W6]", async () => {
  for (const capacity of [0, 1]) {
    const channel = new Channel<string>(capacity);
    const first = channel.receive();
    assert(channel.trySend("item"));
    const second = channel.receive();
    assertEquals(await outcomeOf(first), { value: "item" });
    assertEquals(await outcomeOf(second), "pending");
    assert(channel.trySend("next"));
    assertEquals(await second, "next");
  }
});

Deno.test("an item handed to a waiting receiver cannot be stolen by tryReceive() nor by a select [W6]", async () => {
  const channel = new Channel<string>(1);
  const received = channel.receive();
  assert(channel.trySend("item"));
  assertEquals(channel.size, 0);
  assertEquals(channel.tryReceive(), undefined);
  const selected = select({ channel });
  assertEquals(await outcomeOf(received), { value: "item" });
  assertEquals(await outcomeOf(selected), "pending");
  assert(channel.trySend("next"));
  assertEquals(await selected, { key: "channel", value: "next" });
});

Deno.test("room that a waiting sender has got cannot be stolen by trySend() [W6]", async () => {
  const channel = new Channel<number>(1);
  await channel.send(1);
  const waiting = channel.send(2);
  assertEquals(channel.tryReceive(), { value: 1 });
  assertFalse(channel.trySend(3));
  assertEquals(await outcomeOf(waiting), { value: undefined });
  assertEquals(drainNow(channel), [2]);
});

Deno.test("who alone takes out an item and sends it again is not held up [W6]", () => {
  const channel = new Channel<string>(1);
  assert(channel.trySend("x"));
  assertFalse(channel.trySend("y"));
  assertEquals(channel.tryReceive(), { value: "x" });
  assert(channel.trySend("x"));
  assertEquals(drainNow(channel), ["x"]);
});

Deno.test("a sender who comes when others wait does not get in front of them, though a receiver comes just then [W6]", async () => {
  const channel = new Channel<string>(0);
  const first = channel.send("first");
  const second = channel.send("second");
  assertEquals(channel.tryReceive(), { value: "first" });
  assertFalse(channel.trySend("third"));
  assertEquals(channel.tryReceive(), { value: "second" });
  await Promise.all([first, second]);
});

Deno.test("undefined, null, NaN and functions are items like any other [W6]", async () => {
  const items = [undefined, null, NaN, 0, "", () => 1, Symbol("s")];
  for (const capacity of [0, 1, Infinity]) {
    const channel = new Channel<unknown>(capacity);
    for (const item of items) {
      const sent = channel.send(item);
      assertEquals(channel.tryReceive(), { value: item });
      await sent;
      const received = channel.receive();
      assert(channel.trySend(item));
      assertStrictEquals(await received, item);
      void channel.send(item);
      assertStrictEquals(await channel.receive(), item);
      assertEquals(channel.tryReceive(), undefined);
    }
  }
});

Deno.test("sending at once needs no await, and nobody has to handle its promise", async () => {
  const channel = new Channel<number>(2);
  void channel.send(1);
  void channel.send(2);
  assertEquals(channel.size, 2);
  assertEquals([await channel.receive(), await channel.receive()], [1, 2]);
});

// What it tells of itself

Deno.test("stats() is a frozen snapshot: items, their peak, who waits, what was dropped, whether it is closed [W9]", async () => {
  const channel = new Channel<number>(2, { name: "orders" });
  const before = channel.stats();
  assert(Object.isFrozen(before));
  const idle: ChannelStats = {
    size: 0,
    capacity: 2,
    peakSize: 0,
    senders: 0,
    receivers: 0,
    dropped: 0,
    closed: false,
  };
  assertEquals(before, idle);

  await cancelScope(async (scope) => {
    const waiting = [1, 2, 3, 4, 5].map((item) => channel.send(item));
    assertEquals(channel.stats(), { ...idle, size: 2, peakSize: 2, senders: 3 });
    assertEquals(drainNow(channel).length, 5);
    assertEquals(channel.stats(), { ...idle, peakSize: 2 });
    const receiving = [channel.receive(), channel.receive()];
    assertEquals(channel.stats(), { ...idle, peakSize: 2, receivers: 2 });
    scope.cancel();
    await Promise.allSettled([...waiting, ...receiving]);
  });
  channel.close();
  assertEquals(channel.stats(), { ...idle, peakSize: 2, closed: true });
  assertEquals(before, idle, "a snapshot does not change");
});

Deno.test("an item that goes straight to a receiver was never in the buffer: peakSize does not count it, nor ever falls [W9]", async () => {
  const channel = new Channel<number>(3);
  const received = channel.receive();
  await channel.send(1);
  assertEquals(channel.stats().peakSize, 0);
  assertEquals(await received, 1);
  for (const item of [2, 3]) await channel.send(item);
  assertEquals(channel.stats().peakSize, 2);
  assertEquals(drainNow(channel), [2, 3]);
  await channel.send(4);
  assertEquals(channel.stats().peakSize, 2, "it was that full once");
});

Deno.test("name, capacity, size and closed are what they were made or have become", () => {
  const channel = new Channel<number>(3, { name: "orders" });
  assertEquals([channel.name, channel.capacity, channel.kind], ["orders", 3, "channel"]);
  assertEquals([channel.size, channel.closed], [0, false]);
  channel.trySend(1);
  channel.close();
  assertEquals([channel.size, channel.closed], [1, true]);
  assertEquals(new Channel(0).name, "");
  assertEquals(new Channel(Infinity).stats().capacity, Infinity);
});

Deno.test("inspect() shows by its name the channel that senders and receivers wait for", async () => {
  const full = new Channel<number>(0, { name: "full" });
  const empty = new Channel<number>(1, { name: "empty" });
  await taskGroup(async (group) => {
    group.spawn(() => full.send(1), { name: "sender" });
    group.spawn(() => empty.receive(), { name: "receiver" });
    group.spawn(async () => {
      for await (const _ of empty);
    }, { name: "loop" });
    await waitAllTasksBlocked();
    const tasks = inspect().children[0].children;
    assertEquals(tasks.map(({ name, waitingFor }) => ({ name, waitingFor: named(waitingFor) })), [
      { name: "sender", waitingFor: [{ kind: "channel", name: "full" }] },
      { name: "receiver", waitingFor: [{ kind: "channel", name: "empty" }] },
      { name: "loop", waitingFor: [{ kind: "channel", name: "empty" }] },
    ]);
    group.cancel();
  });
});

Deno.test("what is sent and received has the channel's type", () => {
  const channel = new Channel<number>(1);
  assertType<Same<ReturnType<typeof channel.receive>, Promise<number>>>();
  assertType<
    Same<ReturnType<typeof channel.tryReceive>, { readonly value: number } | undefined>
  >();
  assertType<Same<ReturnType<typeof channel.sending>, Waitable<void>>>();
  // @ts-expect-error A string is no number.
  channel.trySend("text");
  // @ts-expect-error There is no such policy.
  assertThrows(() => new Channel(1, { overflow: "block" }));
  assertEquals(channel.size, 1);
});
