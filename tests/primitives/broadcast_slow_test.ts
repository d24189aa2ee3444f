/**
 * What a slow subscriber of a broadcast can choose, what a wrong choice gives (E1), and that those
 * who left are not kept.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { Broadcast, BrokenResourceError, ClosedError, select } from "../../mod.ts";
import { waitAllTasksBlocked } from "../../primitives/testing/mod.ts";
import { outcomeOf, thrownBy } from "./outcome.ts";
import { collect } from "./probes.ts";

Deno.test('"drop-oldest" drops what is oldest, counts it, and holds nobody up', async () => {
  const broadcast = new Broadcast<number>();
  const latest = broadcast.subscribe({ capacity: 2, slow: "drop-oldest" });
  const all = broadcast.subscribe({ capacity: Infinity });
  for (let item = 1; item <= 5; item++) {
    assertEquals(await outcomeOf(broadcast.publish(item)), { value: undefined });
  }
  assertEquals([latest.stats().dropped, latest.stats().peakSize, all.stats().dropped], [3, 2, 0]);
  broadcast.close();
  assertEquals(await collect(latest), [4, 5]);
  assertEquals(await collect(all), [1, 2, 3, 4, 5]);
});

Deno.test('"fail" fails that subscription alone, and the others have the item', async () => {
  const broadcast = new Broadcast<number>();
  const weak = broadcast.subscribe({ capacity: 2, slow: "fail" });
  const strong = broadcast.subscribe({ capacity: Infinity });
  const last = broadcast.subscribe({ capacity: 2, slow: "drop-oldest" });
  await broadcast.publish(1);
  await broadcast.publish(2);
  assertEquals([weak.failed, broadcast.stats().subscribers], [false, 3]);
  await broadcast.publish(3);
  assertEquals([weak.failed, weak.closed, weak.size], [true, true, 0]);
  assertEquals([weak.stats().dropped, weak.stats().peakSize], [0, 2]);
  assertEquals([broadcast.stats().failed, broadcast.stats().subscribers], [1, 2]);
  await broadcast.publish(4);
  assertEquals([strong.size, last.size], [4, 2]);
  broadcast.close();
  assertEquals(await collect(strong), [1, 2, 3, 4]);
  assertEquals(await collect(last), [3, 4]);
});

Deno.test("from a failed subscription receive(), the loop and a select throw BrokenResourceError, each time", async () => {
  const broadcast = new Broadcast<number>();
  const weak = broadcast.subscribe({ capacity: 1, slow: "fail", name: "weak" });
  await broadcast.publish(1);
  await broadcast.publish(2);
  for (let again = 0; again < 2; again++) {
    const error = await assertRejects(() => weak.receive(), BrokenResourceError);
    assertStringIncludes(error.message, 'subscription "weak" as it fell behind by more than 1');
    await assertRejects(() => collect(weak), BrokenResourceError);
    await assertRejects(() => select({ weak }), BrokenResourceError);
  }
});

Deno.test("a subscription that has failed stays failed, closed or not, and whatever becomes of the broadcast", async () => {
  const broadcast = new Broadcast<number>();
  const weak = broadcast.subscribe({ capacity: 1, slow: "fail" });
  for (const item of [1, 2, 3]) await broadcast.publish(item);
  weak.close();
  broadcast.close();
  assert(weak.failed);
  await assertRejects(() => weak.receive(), BrokenResourceError);
  assertEquals([broadcast.stats().failed, broadcast.stats().subscribers], [1, 0]);
});

Deno.test('"fail" does not fail one whose receiver waits, nor one that has just enough room', async () => {
  const broadcast = new Broadcast<number>();
  const weak = broadcast.subscribe({ capacity: 1, slow: "fail" });
  const received = [weak.receive(), weak.receive()];
  for (const item of [1, 2, 3]) await broadcast.publish(item);
  assertEquals(await Promise.all(received), [1, 2]);
  assertEquals([weak.failed, weak.size], [false, 1]);
});

Deno.test("a full subscription fails when the item is published, not while its publisher waits for others", async () => {
  const broadcast = new Broadcast<number>();
  const slow = broadcast.subscribe({ capacity: 1 });
  const weak = broadcast.subscribe({ capacity: 1, slow: "fail" });
  await broadcast.publish(1);
  const publishing = broadcast.publish(2);
  assertEquals([weak.failed, weak.size], [false, 1]);
  assertEquals(await weak.receive(), 1, "it has got room in time");
  assertEquals(await slow.receive(), 1);
  await publishing;
  assertEquals([weak.failed, weak.size], [false, 1]);
});

Deno.test("several that fail by the same item are all dropped, and those behind them in line get it", async () => {
  const broadcast = new Broadcast<number>();
  const weak = [1, 2, 3].map(() => broadcast.subscribe({ capacity: 1, slow: "fail" }));
  const last = broadcast.subscribe();
  await broadcast.publish(1);
  await broadcast.publish(2);
  assertEquals(weak.map(({ failed }) => failed), [true, true, true]);
  assertEquals([last.size, broadcast.stats().failed, broadcast.stats().subscribers], [2, 3, 1]);
});

Deno.test("a subscription that failed or was closed counts as failed at most once", async () => {
  const broadcast = new Broadcast<number>();
  const weak = broadcast.subscribe({ capacity: 1, slow: "fail" });
  const closed = broadcast.subscribe({ capacity: 1, slow: "fail" });
  await broadcast.publish(1);
  closed.close();
  await broadcast.publish(2);
  weak.close();
  await broadcast.publish(3);
  assertEquals(broadcast.stats().failed, 1);
});

Deno.test("one that waits, one that drops and one that fails do not disturb each other", async () => {
  const broadcast = new Broadcast<number>();
  const waits = broadcast.subscribe({ capacity: 1, slow: "wait" });
  const drops = broadcast.subscribe({ capacity: 1, slow: "drop-oldest" });
  const fails = broadcast.subscribe({ capacity: 1, slow: "fail" });
  void broadcast.publish(1);
  const waiting = broadcast.publish(2);
  assertEquals([drops.stats().dropped, fails.failed], [0, false], "nobody has it yet");
  assertEquals(await waits.receive(), 1);
  await waiting;
  assertEquals([drops.stats().dropped, fails.failed], [1, true]);
  assertEquals([await waits.receive(), await drops.receive()], [2, 2]);
});

// Wrong arguments

Deno.test("a subscription's capacity is a whole number from 1 up, or Infinity [E1]", () => {
  const broadcast = new Broadcast<number>();
  for (const capacity of [0, NaN, -1, 1.5, -Infinity]) {
    const error = assertThrows(() => broadcast.subscribe({ capacity }), RangeError);
    assertStringIncludes(error.message, "Cannot subscribe as 'capacity' must be");
    assertStringIncludes(error.message, String(capacity));
  }
  for (const capacity of ["3", null, {}, 3n]) {
    assertThrows(() => broadcast.subscribe({ capacity: capacity as number }), TypeError);
  }
  assertEquals(broadcast.stats().subscribers, 0);
});

Deno.test("what a slow subscription does is one of three things [E1]", () => {
  const broadcast = new Broadcast<number>();
  for (const slow of ["x", "drop-newest", "", null, 1]) {
    const error = assertThrows(() => broadcast.subscribe({ slow: slow as "wait" }), TypeError);
    assertStringIncludes(error.message, `'slow' must be "wait", "drop-oldest" or "fail"`);
  }
  assertEquals(broadcast.stats().subscribers, 0);
});

Deno.test("options that are none, and names that are no strings, are errors [E1]", async () => {
  const broadcast = new Broadcast<number>();
  for (const options of [null, 1, "x"]) {
    assertThrows(() => broadcast.subscribe(options as never), TypeError, "options");
    assertThrows(() => new Broadcast(options as never), TypeError, "options");
  }
  for (const name of [1, null, {}]) {
    assertThrows(() => broadcast.subscribe({ name: name as never }), TypeError, "'name'");
    assertThrows(() => new Broadcast({ name: name as never }), TypeError, "'name'");
  }
  const subscription = broadcast.subscribe();
  for (const options of [null, 1, { timeout: -1 }, { signal: {} }]) {
    assertThrows(() => void broadcast.publish(1, options as never));
    assertThrows(() => void subscription.receive(options as never));
  }
  assertEquals([subscription.size, subscription.stats().receivers], [0, 0]);
  broadcast.close();
  assertThrows(() => broadcast.subscribe({ capacity: 0 }), RangeError);
  assertInstanceOf(await thrownBy(broadcast.publish(1)), ClosedError);
  await waitAllTasksBlocked();
});

// What is kept

/** Runs a program in a process of its own, whose garbage it can have collected; what it logs is its result. */
async function measure(program: string) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "eval",
      "--no-check",
      "--v8-flags=--expose-gc",
      `import { Broadcast, sleep } from ${JSON.stringify(import.meta.resolve("../../mod.ts"))};
      const broadcast = new Broadcast();
      const watched = [];
      const watch = (...things) => things.forEach((thing) => watched.push(new WeakRef(thing)));
      async function countKept() {
        await sleep(0); // The kernel knows the wait that was suspended last.
        for (let turn = 0; turn < 5; turn++) {
          await new Promise((resolve) => setTimeout(resolve, 0));
          gc();
        }
        return watched.filter((each) => each.deref() !== undefined).length;
      }
      ${program}`,
    ],
  }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

Deno.test("a subscription that was closed or has failed is not kept, nor is what it had", async () => {
  const result = await measure(`
    async function subscribeAndLeave(slow, leave) {
      const subscription = broadcast.subscribe({ capacity: 1, slow });
      const item = {};
      watch(subscription, item);
      await broadcast.publish(item);
      await leave(subscription);
    }
    for (let n = 0; n < 3; n++) {
      await subscribeAndLeave("wait", (subscription) => subscription.close());
      await subscribeAndLeave("fail", (subscription) => broadcast.publish({}));
      await subscribeAndLeave("drop-oldest", async (subscription) => {
        await subscription.receive();
        subscription.receive().catch(() => {});
        subscription.close();
      });
    }
    const left = await countKept();
    (() => watch(broadcast.subscribe()))();
    console.log(JSON.stringify({ left, stays: await countKept(), watched: watched.length }));
  `);
  assertEquals(result, { left: 0, stays: 1, watched: 19 });
});

Deno.test("a broadcast that is closed keeps none of its subscriptions, the full ones neither", async () => {
  const result = await measure(`
    async function subscribe() {
      for (const slow of ["wait", "drop-oldest", "fail"]) {
        const subscription = broadcast.subscribe({ capacity: 1, slow });
        watch(subscription);
      }
      await broadcast.publish({});
    }
    await subscribe();
    const before = await countKept();
    broadcast.close();
    const after = await countKept();
    console.log(JSON.stringify({ before, after, closed: broadcast.closed }));
  `);
  assertEquals(result, { before: 3, after: 0, closed: true });
});
