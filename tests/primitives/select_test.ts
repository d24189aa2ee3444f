/**
 * `select`: exactly one of several things is taken, and the others do not notice. Rule W8 of the
 * design; what each sort of arm gives is in `select_arms_test.ts`.
 *
 * @module
 */

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import {
  after,
  Broadcast,
  Channel,
  Deferred,
  Event,
  inspect,
  Lock,
  Queue,
  RWLock,
  select,
  Semaphore,
  taskGroup,
  type Waitable,
} from "../../mod.ts";
import { waitAllTasksBlocked, withLeakCheck } from "../../primitives/testing/mod.ts";
import { outcomeOf, thrownBy } from "./outcome.ts";
import { unhandledRejections } from "./unhandled.ts";
import { named } from "./waits.ts";

/** An event that is set. */
function setEvent(): Event {
  const event = new Event();
  event.set();
  return event;
}

// Exactly one

Deno.test("an arm that is ready wins at once, and nothing is taken of the others [W8]", async () => {
  const ready = new Channel<string>(1);
  const empty = new Channel<string>(1);
  await ready.send("item");
  assertEquals(await select({ empty, ready }), { key: "ready", value: "item" });
  assertEquals([ready.size, empty.stats().receivers, ready.stats().receivers], [0, 0, 0]);
});

Deno.test("of several arms that are ready exactly one is taken [W8]", async () => {
  for (let round = 0; round < 100; round++) {
    const a = new Channel<number>(1);
    const b = new Channel<number>(1);
    const c = new Channel<number>(1);
    const semaphore = new Semaphore(1);
    a.trySend(1);
    b.trySend(2);
    const selected = await select({ a, b, out: c.sending(3), semaphore });
    const left = {
      a: a.size === 0,
      b: b.size === 0,
      out: c.size === 1,
      semaphore: semaphore.available === 0,
    };
    assertEquals(Object.entries(left).filter(([, took]) => took).map(([key]) => key), [
      selected.key,
    ]);
  }
});

Deno.test("when nothing is ready it waits, and the first that comes wins [W8]", async () => {
  const a = new Channel<number>(1);
  const b = new Channel<number>(1);
  const selected = select({ a, b });
  assertEquals(await outcomeOf(selected), "pending");
  assertEquals([a.stats().receivers, b.stats().receivers], [1, 1]);
  assert(b.trySend(2));
  assert(a.trySend(1));
  assertEquals(await selected, { key: "b", value: 2 });
  assertEquals([a.size, b.size], [1, 0], "what came second was not taken");
});

Deno.test("what was suspended leaves no registration with the losers, from the moment it is woken [W8]", async () => {
  await withLeakCheck(async () => {
    const channel = new Channel<number>(0);
    const full = new Channel<number>(0);
    const queue = new Queue<number>(1);
    const jobs = new Queue<number>(1);
    jobs.putNowait(0);
    const news = new Broadcast<number>().subscribe();
    const event = new Event();
    const semaphore = new Semaphore(0);
    const deferred = new Deferred<number>();
    const lock = new Lock();
    const rwlock = new RWLock();
    await taskGroup(async (group) => {
      const holder = group.spawn(async () => {
        using _lock = await lock.acquire();
        using _write = await rwlock.write.acquire();
        await deferred;
      });
      await waitAllTasksBlocked();
      const selected = select({
        channel,
        out: full.sending(1),
        queue,
        put: jobs.putting(1),
        news,
        event,
        semaphore,
        deferred,
        lock,
        read: rwlock.read,
        write: rwlock.write,
        holder,
        soon: after(60_000),
        never: after(Infinity),
      });
      const waiting = () => [
        channel.stats().receivers,
        full.stats().senders,
        queue.stats().getters,
        jobs.stats().putters,
        news.stats().receivers,
        event.stats().waiters,
        semaphore.stats().waiters,
        lock.stats().waiters,
      ];
      await waitAllTasksBlocked();
      assertEquals(waiting(), [1, 1, 1, 1, 1, 1, 1, 1]);
      assertEquals(deferred.stats().waiters, 2);
      event.set();
      assertEquals(waiting(), [0, 0, 0, 0, 0, 0, 0, 0]);
      assertEquals(deferred.stats().waiters, 1, "that of the holder");
      assertEquals(await selected, { key: "event", value: undefined });
      deferred.resolve(1);
    });
    assert(!lock.locked);
    assert(rwlock.write.tryAcquire(), "nobody waits for it or has it");
  });
});

Deno.test("two selects over the same things get one each, first come, first served [W8] [W1]", async () => {
  const a = new Channel<number>(0);
  const b = new Channel<number>(0);
  const first = select({ a, b });
  const second = select({ a, b });
  assert(a.trySend(1));
  assert(b.trySend(2));
  assert(!a.trySend(3));
  assertEquals(await first, { key: "a", value: 1 });
  assertEquals(await second, { key: "b", value: 2 });
});

Deno.test("a select keeps its place in the line among plain waits [W1]", async () => {
  const channel = new Channel<string>(0);
  const never = new Event();
  const order: string[] = [];
  const waits = [
    channel.receive().then((item) => order.push(`receive ${item}`)),
    select({ never, channel }).then(({ value }) => order.push(`select ${value}`)),
    channel.receive().then((item) => order.push(`receive ${item}`)),
  ];
  for (const item of ["a", "b", "c"]) assert(channel.trySend(item));
  await Promise.all(waits);
  assertEquals(order, ["receive a", "select b", "receive c"]);
});

Deno.test("the same thing in two arms is taken once, by one of them [W8]", async () => {
  const make: Record<string, () => [Waitable<unknown>, go: () => void, taken: () => unknown]> = {
    channel: () => {
      const channel = new Channel<number>(2);
      return [channel, () => [1, 2].forEach((n) => channel.trySend(n)), () => 2 - channel.size];
    },
    semaphore: () => {
      const semaphore = new Semaphore(0);
      return [semaphore, () => semaphore.release(2), () => 2 - semaphore.available];
    },
    queue: () => {
      const queue = new Queue<number>();
      return [queue, () => [1, 2].forEach((n) => queue.putNowait(n)), () => 2 - queue.size];
    },
    event: () => {
      const event = new Event();
      return [event, () => event.set(), () => event.stats().waiters + 1];
    },
    deferred: () => {
      const deferred = new Deferred<number>();
      return [deferred, () => deferred.resolve(1), () => deferred.stats().waiters + 1];
    },
  };
  for (const [name, of] of Object.entries(make)) {
    for (const waits of [false, true]) {
      const [thing, go, taken] = of();
      if (!waits) go();
      const selected = select({ one: thing, two: thing });
      if (waits) go();
      const { key } = await selected;
      assert(key === "one" || key === "two");
      assertEquals(taken(), 1, `${name}, ${waits ? "waited for" : "ready"}`);
    }
  }
});

Deno.test("an arm that fails makes the select fail with its error, the object itself [W8]", async () => {
  const boom = new Error("boom");
  const there = new Deferred<number>();
  there.reject(boom);
  const comes = new Deferred<number>();
  const channel = new Channel<number>(0);
  assertStrictEquals(await thrownBy(select({ there, channel })), boom);
  const waiting = thrownBy(select({ comes, channel }));
  assertEquals(channel.stats().receivers, 1);
  comes.reject(boom);
  assertEquals(channel.stats().receivers, 0);
  assertStrictEquals(await waiting, boom);
});

Deno.test("the failure of an arm after another has won is not seen by anybody [W8]", async () => {
  const unhandled = await unhandledRejections(async () => {
    const channel = new Channel<number>(0);
    const closing = new Channel<number>(0);
    const deferred = new Deferred<number>();
    const selected = select({ channel, closing, out: closing.sending(1), deferred });
    assert(channel.trySend(1));
    closing.close();
    deferred.reject(new Error("too late"));
    assertEquals(await selected, { key: "channel", value: 1 });
  });
  assertEquals(unhandled, []);
});

Deno.test("a select that was named a loser and a winner in the same turn keeps the first [W8]", async () => {
  const deferred = new Deferred<number>();
  const channel = new Channel<number>(0);
  const boom = new Error("boom");
  const failed = thrownBy(select({ deferred, channel }));
  deferred.reject(boom);
  assert(!channel.trySend(1), "it does not wait for items any more");
  assertStrictEquals(await failed, boom);
});

// Fair, unless told otherwise

const ARMS = ["a", "b", "c", "d"] as const;

Deno.test("of the arms that are always ready each wins its share of 10,000 rounds, whichever they are [W8]", async () => {
  const ROUNDS = 10_000;
  for (let subset = 1; subset < 16; subset++) {
    const ready = ARMS.filter((_, index) => (subset & 1 << index) !== 0);
    const arms = Object.fromEntries(
      ARMS.map((key) => [key, ready.includes(key) ? setEvent() : new Event()]),
    );
    const wins: Record<string, number> = {};
    let streak = 0;
    let longest = 0;
    let last = "";
    for (let round = 0; round < ROUNDS; round++) {
      const { key } = await select(arms);
      wins[key] = (wins[key] ?? 0) + 1;
      streak = key === last ? streak + 1 : 1;
      longest = Math.max(longest, streak);
      last = key;
    }
    assertEquals(Object.keys(wins).toSorted(), ready.toSorted());
    // Six standard deviations: by chance that fails once in half a thousand million times.
    const share = 1 / ready.length;
    const off = 6 * Math.sqrt(ROUNDS * share * (1 - share));
    for (const key of ready) {
      const difference = Math.abs(wins[key] - ROUNDS * share);
      assert(difference <= off, `"${key}" of ${ready} has won ${wins[key]} times`);
    }
    if (ready.length > 1) assert(longest < 60, `one has won ${longest} times in a row`);
  }
});

Deno.test("`biased: true` prefers the arms in the order in which they are named, in 10,000 rounds [W8]", async () => {
  for (let subset = 1; subset < 16; subset++) {
    const ready = ARMS.filter((_, index) => (subset & 1 << index) !== 0);
    const arms = Object.fromEntries(
      ARMS.map((key) => [key, ready.includes(key) ? setEvent() : new Event()]),
    );
    for (let round = 0; round < 1_000; round++) {
      assertEquals((await select(arms, { biased: true })).key, ready[0]);
    }
  }
  const arms = { b: setEvent(), a: setEvent() };
  for (let round = 0; round < 10_000; round++) {
    assertEquals((await select(arms, { biased: true })).key, "b");
  }
});

Deno.test("`biased: true` with a failed arm first fails, and with one behind a ready arm does not [W8]", async () => {
  const failed = new Deferred<number>();
  failed.reject(new Error("boom"));
  const ready = setEvent();
  for (let round = 0; round < 100; round++) {
    await thrownBy(select({ failed, ready }, { biased: true }));
    assertEquals((await select({ ready, failed }, { biased: true })).key, "ready");
  }
});

Deno.test("the order of the arms is the caller's: it is not changed by the draw", async () => {
  const arms = { a: new Event(), b: new Event(), c: setEvent() };
  for (let round = 0; round < 50; round++) await select(arms);
  assertEquals(Object.keys(arms), ["a", "b", "c"]);
});

// What it shows

Deno.test("inspect() shows all the things that a select waits for", async () => {
  await taskGroup(async (group) => {
    const arms = {
      orders: new Channel<number>(0, { name: "orders" }),
      out: new Channel<number>(0, { name: "out" }).sending(1),
      jobs: new Queue<number>(0, { name: "jobs" }),
      news: new Broadcast<number>({ name: "news" }).subscribe(),
      go: new Event({ name: "go" }),
      doors: new Semaphore(0, { name: "doors" }),
      port: new Deferred<number>({ name: "port" }),
      other: group.spawn(() => new Event().wait(), { name: "other" }),
      soon: after(60_000),
      never: after(Infinity),
    };
    group.spawn(() => select(arms, { biased: true }), { name: "choosy" });
    await waitAllTasksBlocked();
    const tasks = inspect().children[0].children;
    assertEquals(named(tasks.find(({ name }) => name === "choosy")!.waitingFor), [
      { kind: "channel", name: "orders" },
      { kind: "channel", name: "out" },
      { kind: "queue", name: "jobs" },
      { kind: "subscription", name: "news" },
      { kind: "event", name: "go" },
      { kind: "semaphore", name: "doors" },
      { kind: "deferred", name: "port" },
      { kind: "task", name: "other" },
      { kind: "sleep", name: "" },
      { kind: "sleep", name: "forever" },
    ]);
    group.cancel();
  });
});
