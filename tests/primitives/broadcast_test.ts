/**
 * Broadcast: every subscriber gets every item from its `subscribe()` on, in order; publishers wait
 * for those who are to be waited for. What a slow subscriber can choose instead is in
 * `broadcast_slow_test.ts`.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertFalse,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  Broadcast,
  ClosedError,
  inspect,
  select,
  type Subscription,
  taskGroup,
  yieldNow,
} from "../../mod.ts";
import { waitAllTasksBlocked, withLeakCheck } from "../../primitives/testing/mod.ts";
import { outcomeOf, thrownBy } from "./outcome.ts";
import { assertType, collect, type Same } from "./probes.ts";
import { named } from "./waits.ts";

Deno.test("every subscriber gets every item, in order", async () => {
  const broadcast = new Broadcast<number>();
  const seen: number[][] = [[], [], []];
  await taskGroup(async (group) => {
    for (const list of seen) {
      const subscription = broadcast.subscribe({ capacity: 1 + seen.indexOf(list) });
      group.spawn(async () => {
        for await (const item of subscription) {
          list.push(item);
          if (item % 3 === 0) await yieldNow();
        }
      });
    }
    for (let item = 0; item < 20; item++) await broadcast.publish(item);
    broadcast.close();
  });
  const all = Array.from({ length: 20 }, (_, item) => item);
  assertEquals(seen, [all, all, all]);
});

Deno.test("a subscriber gets the items from subscribe() on, and none from before", async () => {
  const broadcast = new Broadcast<number>();
  const first = broadcast.subscribe();
  await broadcast.publish(1);
  const second = broadcast.subscribe();
  await broadcast.publish(2);
  const third = broadcast.subscribe();
  await broadcast.publish(3);
  broadcast.close();
  assertEquals(await collect(first), [1, 2, 3]);
  assertEquals(await collect(second), [2, 3]);
  assertEquals(await collect(third), [3]);
});

Deno.test("what is published without any subscriber is gone, and holds nobody up", async () => {
  const broadcast = new Broadcast<number>();
  for (let item = 0; item < 100; item++) {
    assertEquals(await outcomeOf(broadcast.publish(item)), { value: undefined });
  }
  assertEquals(broadcast.stats().published, 100);
  assertEquals(broadcast.subscribe().size, 0);
});

Deno.test("when publish() returns, all have the item: nothing needs to be awaited", async () => {
  const broadcast = new Broadcast<number>();
  const [a, b] = [broadcast.subscribe(), broadcast.subscribe()];
  const waiting = b.receive();
  void broadcast.publish(1);
  assertEquals([a.size, b.size, b.stats().receivers], [1, 0, 0]);
  assertEquals([await a.receive(), await waiting], [1, 1]);
});

Deno.test("of several who receive from one subscription each item goes to one, first come, first served [W1]", async () => {
  const broadcast = new Broadcast<number>();
  const subscription = broadcast.subscribe();
  const other = broadcast.subscribe();
  const received = [subscription.receive(), subscription.receive(), subscription.receive()];
  assertEquals(subscription.stats().receivers, 3);
  for (const item of [1, 2, 3]) await broadcast.publish(item);
  assertEquals(await Promise.all(received), [1, 2, 3]);
  assertEquals(other.size, 3);
});

Deno.test("an item handed to a receiver who waits cannot be stolen by one who comes in the same turn", async () => {
  const broadcast = new Broadcast<number>();
  const subscription = broadcast.subscribe();
  const first = subscription.receive();
  void broadcast.publish(1);
  const second = subscription.receive();
  assertEquals(await outcomeOf(first), { value: 1 });
  assertEquals(await outcomeOf(second), "pending");
  void broadcast.publish(2);
  assertEquals(await second, 2);
});

// Publishers who wait

Deno.test('a full subscription with "wait" holds the publisher up until it has room', async () => {
  const broadcast = new Broadcast<number>();
  const slow = broadcast.subscribe({ capacity: 2 });
  const quick = broadcast.subscribe({ capacity: 5 });
  await broadcast.publish(1);
  await broadcast.publish(2);
  const third = broadcast.publish(3);
  assertEquals(await outcomeOf(third), "pending");
  assertEquals([slow.size, quick.size], [2, 2], "nobody has what not all can have");
  assertEquals(broadcast.stats().publishers, 1);
  assertEquals(await quick.receive(), 1);
  assertEquals(await outcomeOf(third), "pending", "room in another one does not help");

  assertEquals(await slow.receive(), 1);
  assertEquals(await outcomeOf(third), { value: undefined });
  assertEquals([slow.size, quick.size], [2, 2]);
  broadcast.close();
  assertEquals(await collect(slow), [2, 3]);
  assertEquals(await collect(quick), [2, 3]);
});

Deno.test("publishers go on in the order in which they came, one for each place that becomes free [W1]", async () => {
  const broadcast = new Broadcast<number>();
  const subscription = broadcast.subscribe({ capacity: 1 });
  await broadcast.publish(0);
  const order: number[] = [];
  const publishing = [1, 2, 3].map((item) => broadcast.publish(item).then(() => order.push(item)));
  for (const item of [0, 1, 2]) {
    assertEquals(await subscription.receive(), item);
    await waitAllTasksBlocked();
    assertEquals(order, [1, 2, 3].slice(0, item + 1));
  }
  await Promise.all(publishing);
  assertEquals(await subscription.receive(), 3);
});

Deno.test("who publishes when others wait stands behind them [W1]", async () => {
  const broadcast = new Broadcast<number>();
  const subscription = broadcast.subscribe({ capacity: 1 });
  void broadcast.publish(0);
  const first = broadcast.publish(1);
  assertEquals(await subscription.receive(), 0);
  const second = broadcast.publish(2);
  assertEquals(await outcomeOf(first), { value: undefined });
  assertEquals(await outcomeOf(second), "pending");
  assertEquals([await subscription.receive(), await subscription.receive()], [1, 2]);
  await second;
});

Deno.test("a receiver who waits for an item of a full broadcast gets it before the buffers count", async () => {
  const broadcast = new Broadcast<number>();
  const subscription = broadcast.subscribe({ capacity: 1 });
  const received = [subscription.receive(), subscription.receive()];
  for (const item of [1, 2, 3]) {
    assertEquals(await outcomeOf(broadcast.publish(item)), { value: undefined });
  }
  assertEquals(await Promise.all(received), [1, 2]);
  assertEquals([subscription.size, subscription.stats().peakSize], [1, 1]);
});

Deno.test("an item published while it waits comes also to those who subscribe meanwhile", async () => {
  const broadcast = new Broadcast<string>();
  const slow = broadcast.subscribe({ capacity: 1 });
  await broadcast.publish("before");
  const publishing = broadcast.publish("late");
  const fresh = broadcast.subscribe({ capacity: 1 });
  assertEquals(await slow.receive(), "before");
  await publishing;
  assertEquals([await slow.receive(), await fresh.receive()], ["late", "late"]);
});

Deno.test("one who subscribes with no room left anywhere does not let publishers who wait slip by", async () => {
  const broadcast = new Broadcast<number>();
  const slow = broadcast.subscribe({ capacity: 1 });
  await broadcast.publish(1);
  const publishing = broadcast.publish(2);
  broadcast.subscribe({ capacity: 1 });
  assertEquals(await outcomeOf(publishing), "pending");
  assertEquals(slow.size, 1);
  slow.close();
  await publishing;
});

// Its end

Deno.test("after close() subscribers still get what is in their buffers, and then their loops end", async () => {
  const broadcast = new Broadcast<number>();
  const there = broadcast.subscribe();
  const waits = broadcast.subscribe();
  for (const item of [1, 2]) await broadcast.publish(item);
  assertEquals([await waits.receive(), await waits.receive()], [1, 2]);
  const looped = collect(waits);
  const received = thrownBy(waits.receive());
  await waitAllTasksBlocked();
  broadcast.close();
  assertEquals(await looped, []);
  assertInstanceOf(await received, ClosedError);
  assert(there.closed);
  assertEquals(await there.receive(), 1);
  assertEquals(await collect(there), [2]);
  await assertRejects(() => there.receive(), ClosedError);
});

Deno.test("publishers who wait when it is closed get ClosedError, and nobody gets their items", async () => {
  const broadcast = new Broadcast<number>();
  const slow = broadcast.subscribe({ capacity: 1 });
  const quick = broadcast.subscribe({ capacity: 5 });
  await broadcast.publish(1);
  const waiting = [thrownBy(broadcast.publish(2)), thrownBy(broadcast.publish(3))];
  broadcast.close();
  assertEquals(broadcast.stats().publishers, 0);
  for (const error of await Promise.all(waiting)) assertInstanceOf(error, ClosedError);
  assertEquals([await collect(slow), await collect(quick)], [[1], [1]]);
  assertEquals(broadcast.stats().published, 1);
});

Deno.test("after close() nothing can be published or subscribed to, and the error names it [E1]", async () => {
  const broadcast = new Broadcast<number>({ name: "news" });
  broadcast.close();
  broadcast.close();
  assert(broadcast.closed);
  const published = await thrownBy(broadcast.publish(1));
  const subscribed = assertThrows(() => broadcast.subscribe());
  for (const error of [published, subscribed]) {
    assertInstanceOf(error, ClosedError);
    assertStringIncludes(error.message, 'broadcast "news" as it is closed');
  }
});

Deno.test("a subscription that is closed is dropped: it gets nothing more, and gives nothing", async () => {
  const broadcast = new Broadcast<number>();
  const left = broadcast.subscribe({ name: "left" });
  const stays = broadcast.subscribe();
  await broadcast.publish(1);
  left.close();
  await broadcast.publish(2);
  left.close();
  assertEquals([left.size, left.closed, left.failed], [0, true, false]);
  const error = await assertRejects(() => left.receive(), ClosedError);
  assertStringIncludes(error.message, 'subscription "left" as it is closed');
  assertEquals(await collect(left), []);
  assertEquals([await stays.receive(), await stays.receive()], [1, 2]);
  assertEquals(broadcast.stats().subscribers, 1);
});

Deno.test("who waits to receive from a subscription that is closed gets ClosedError, and loops end", async () => {
  const subscription = new Broadcast<number>().subscribe();
  const received = thrownBy(subscription.receive());
  const selected = thrownBy(select({ subscription }));
  const looped = collect(subscription);
  await waitAllTasksBlocked();
  assertEquals(subscription.stats().receivers, 3);
  subscription.close();
  assertInstanceOf(await received, ClosedError);
  assertInstanceOf(await selected, ClosedError);
  assertEquals(await looped, []);
});

Deno.test("a subscription that is closed lets the publishers go on who waited for it", async () => {
  const broadcast = new Broadcast<number>();
  const slow = broadcast.subscribe({ capacity: 1 });
  const other = broadcast.subscribe({ capacity: 3 });
  await broadcast.publish(0);
  const publishing = [1, 2, 3].map((item) => broadcast.publish(item));
  slow.close();
  assertEquals(await outcomeOf(publishing[0]), { value: undefined });
  assertEquals(await outcomeOf(publishing[1]), { value: undefined });
  assertEquals(await outcomeOf(publishing[2]), "pending", "now the other one is full");
  assertEquals(other.size, 3);
  assertEquals(slow.size, 0, "what was published since did not come to the closed one");
  other.close();
  await publishing[2];
});

Deno.test("a subscription that is closed after its broadcast was throws away what is left", async () => {
  const broadcast = new Broadcast<number>();
  const subscription = broadcast.subscribe();
  await broadcast.publish(1);
  broadcast.close();
  assertEquals(subscription.size, 1);
  subscription.close();
  assertEquals(subscription.size, 0);
  await assertRejects(() => subscription.receive(), ClosedError);
});

Deno.test("`using` closes a subscription when its block is left, however that is", async () => {
  const broadcast = new Broadcast<number>();
  let kept: Subscription<number> | undefined;
  {
    using subscription = broadcast.subscribe();
    kept = subscription;
    await broadcast.publish(1);
    assertEquals(await subscription.receive(), 1);
    assertEquals(broadcast.stats().subscribers, 1);
  }
  assertEquals([kept.closed, broadcast.stats().subscribers], [true, 0]);
  const thrown = thrownBy((async () => {
    using subscription = broadcast.subscribe();
    for await (const _ of subscription) throw new Error("left");
  })());
  await waitAllTasksBlocked();
  assertEquals(broadcast.stats().subscribers, 1);
  await broadcast.publish(2);
  assertEquals((await thrown as Error).message, "left");
  assertEquals(broadcast.stats().subscribers, 0);
});

Deno.test("leaving the loop early leaves the subscription as it is: it goes on collecting", async () => {
  const broadcast = new Broadcast<number>();
  const subscription = broadcast.subscribe();
  await broadcast.publish(1);
  for await (const item of subscription) {
    assertEquals(item, 1);
    break;
  }
  await broadcast.publish(2);
  assertFalse(subscription.closed);
  assertEquals(await subscription.receive(), 2);
});

// What it tells of itself

Deno.test("stats() of a broadcast is a frozen snapshot [W9]", async () => {
  await withLeakCheck(async () => {
    const broadcast = new Broadcast<number>();
    const before = broadcast.stats();
    assert(Object.isFrozen(before));
    const idle = { subscribers: 0, publishers: 0, published: 0, failed: 0, closed: false };
    assertEquals(before, idle);
    const slow = broadcast.subscribe({ capacity: 1 });
    broadcast.subscribe({ capacity: 1, slow: "fail" });
    const publishing = [1, 2, 3].map((item) => broadcast.publish(item));
    assertEquals(broadcast.stats(), { ...idle, subscribers: 2, publishers: 2, published: 1 });
    slow.close();
    await Promise.all(publishing);
    assertEquals(broadcast.stats(), { ...idle, published: 3, failed: 1 });
    broadcast.close();
    assertEquals(broadcast.stats(), { ...idle, published: 3, failed: 1, closed: true });
    assertEquals(before, idle);
  });
});

Deno.test("stats() of a subscription is a frozen snapshot [W9]", async () => {
  const broadcast = new Broadcast<number>();
  const subscription = broadcast.subscribe({ capacity: 2, slow: "drop-oldest" });
  const idle = { size: 0, capacity: 2, peakSize: 0, receivers: 0, dropped: 0, closed: false };
  assertEquals(subscription.stats(), idle);
  assert(Object.isFrozen(subscription.stats()));
  for (const item of [1, 2, 3]) await broadcast.publish(item);
  assertEquals(subscription.stats(), { ...idle, size: 2, peakSize: 2, dropped: 1 });
  await subscription.receive();
  await subscription.receive();
  const received = subscription.receive();
  assertEquals(subscription.stats(), { ...idle, peakSize: 2, receivers: 1, dropped: 1 });
  for (const item of [4, 5]) await broadcast.publish(item);
  await received;
  assertEquals(subscription.stats(), { ...idle, size: 1, peakSize: 2, dropped: 1 });
  subscription.close();
  assertEquals(subscription.stats(), { ...idle, peakSize: 2, dropped: 1, closed: true });
});

Deno.test("a subscription has room for 16 where nothing else was said, and its broadcast's name", () => {
  const broadcast = new Broadcast<number>({ name: "news" });
  const plain = broadcast.subscribe();
  assertEquals([plain.stats().capacity, plain.name, plain.kind], [16, "news", "subscription"]);
  const named = broadcast.subscribe({ name: "reader", capacity: 1 });
  assertEquals([named.stats().capacity, named.name], [1, "reader"]);
  assertEquals([broadcast.name, broadcast.kind, new Broadcast().name], ["news", "broadcast", ""]);
  assertEquals(broadcast.subscribe({ capacity: undefined, slow: undefined }).stats().capacity, 16);
});

Deno.test("inspect() shows whom publishers and subscribers wait for", async () => {
  await taskGroup(async (group) => {
    const broadcast = new Broadcast<number>({ name: "news" });
    const reader = broadcast.subscribe({ name: "reader", capacity: 1 });
    group.spawn(() => reader.receive(), { name: "receiver" });
    await waitAllTasksBlocked();
    const [receiver] = inspect().children[0].children;
    assertEquals(named(receiver.waitingFor), [{ kind: "subscription", name: "reader" }]);
    for (const item of [1, 2]) await broadcast.publish(item);
    group.spawn(() => broadcast.publish(3), { name: "publisher" });
    await waitAllTasksBlocked();
    const [publisher] = inspect().children[0].children;
    assertEquals(named(publisher.waitingFor), [{ kind: "broadcast", name: "news" }]);
    group.cancel();
  });
});

Deno.test("what is published and received has the broadcast's type", async () => {
  const broadcast = new Broadcast<number>();
  const subscription = broadcast.subscribe();
  assertType<Same<typeof subscription, Subscription<number>>>();
  assertType<Same<ReturnType<typeof subscription.receive>, Promise<number>>>();
  // @ts-expect-error A string is no number.
  await broadcast.publish("text");
  assertEquals<unknown>(await subscription.receive(), "text");
  const promise = Promise.resolve(1);
  const promises = new Broadcast<Promise<number>>();
  const reader = promises.subscribe();
  await promises.publish(promise);
  assertStrictEquals((await select({ reader })).value, promise);
});
