/**
 * What threads share, seen from several of them: it is the same thing in each, whoever waits stands in one line, and a blocked
 * thread is woken as a loop is.
 *
 * @module
 */

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  SharedBarrier,
  SharedEvent,
  SharedLock,
  SharedQueue,
  SharedSemaphore,
} from "../../../mod.ts";
import { pass, received } from "../../../primitives/kernel/passing.ts";
import { THREADS, WAKE } from "../../../primitives/shared/layout.ts";
import { calling } from "../probes.ts";
import { rejectionOf } from "../spies.ts";
import { type Call, eventually, Stage } from "./stage.ts";

const MADE = {
  SharedBarrier: () => new SharedBarrier(2, { name: "it" }),
  SharedEvent: () => new SharedEvent({ name: "it" }),
  SharedLock: () => new SharedLock({ name: "it" }),
  SharedQueue: () => new SharedQueue(5, { name: "it", capacity: 128 }),
  SharedSemaphore: () => new SharedSemaphore(3, { name: "it" }),
};

for (const [kind, make] of Object.entries(MADE)) {
  const Kind = { SharedBarrier, SharedEvent, SharedLock, SharedQueue, SharedSemaphore }[kind]!;

  Deno.test(`${kind}: posted as it is it keeps one property, and from() makes the same object of that`, () => {
    const object = make();
    assertEquals(Object.keys(object), ["shared"]);
    const posted = structuredClone(object);
    assertEquals(Object.getPrototypeOf(posted), Object.prototype);
    assertStrictEquals(Kind.from(posted) as unknown, object);
    assertStrictEquals(Kind.from(object) as unknown, object);
  });

  Deno.test(`${kind}: in a pool it is passed on, and is the same object where it arrives`, () => {
    const object = make();
    const passed = object[pass]();
    assertEquals(passed.kind, kind);
    assertStrictEquals(received(structuredClone(passed)), object);
  });

  Deno.test(`${kind}: what was none is refused by from() [E1]`, () => {
    const message = `Cannot make a ${kind} as what was posted is none`;
    const others = Object.entries(MADE).filter(([other]) => other !== kind).map(([, make]) =>
      make()
    );
    for (
      const wrong of [undefined, null, 5, {}, { shared: {} }, {
        shared: { memory: new SharedArrayBuffer(64), name: "" },
      }, ...others]
    ) {
      assertThrows(calling(Kind.from, wrong), TypeError, message);
    }
  });
}

Deno.test("SharedLock: tasks of all threads stand in one line, in the order in which they came [W1]", async () => {
  await using stage = await Stage.open(2);
  const lock = new SharedLock({ name: "door" });
  await stage.give("lock", "SharedLock", lock);
  await (await stage.call(0, "owner", "lock", "acquire")).value();
  const order = [[1, "a"], [0, "b"], [2, "c"], [1, "d"], [2, "e"], [0, "f"], [1, "g"]] as const;
  const calls: Call[] = [];
  for (const [thread, actor] of order) {
    calls.push(await stage.call(thread, actor, "lock", "acquire"));
  }
  assertEquals(lock.stats(), {
    locked: true,
    owner: "owner",
    waiters: 7,
    peakWaiters: 7,
    broken: false,
  });
  await stage.ask(0, "owner", "lock", "release");
  for (const [index, [thread, actor]] of order.entries()) {
    await calls[index].value();
    const rest = calls.slice(index + 1);
    assert(rest.every(({ outcome }) => outcome === undefined), "somebody came too early");
    assertEquals(lock.stats().owner, thread === 0 ? actor : "another thread");
    assertEquals(lock.stats().waiters, rest.length);
    await stage.ask(thread, actor, "lock", "release");
  }
  assertEquals(lock.stats().locked, false);
});

Deno.test("SharedLock: what one thread has no other can take or release, nor another task of the same [W2]", async () => {
  await using stage = await Stage.open(1);
  const lock = new SharedLock({ name: "door" });
  await stage.give("lock", "SharedLock", lock);
  await (await stage.call(1, "a", "lock", "acquire")).value();
  assert(lock.locked);
  assertStrictEquals(lock.owner, null);
  assertEquals(lock.tryAcquire(), false);
  assertThrows(
    () => lock.release(),
    TypeError,
    'Cannot release shared lock "door" as another thread holds it, and not the caller',
  );
  const { error } = await (await stage.call(1, "b", "lock", "release")).ended;
  assertEquals(error, "TypeError");
  const again = await (await stage.call(1, "a", "lock", "acquire")).ended;
  assertEquals(again.error, "DeadlockError");
  await stage.ask(1, "a", "lock", "release");
  assertEquals(await stage.ask(1, "a", "lock", "tryAcquire"), true);
  await stage.ask(1, "a", "lock", "release");
  assertEquals(lock.locked, false);
});

Deno.test("SharedLock: who is cancelled in another thread leaves the line, and the rest keep their places [C7]", async () => {
  await using stage = await Stage.open(2);
  const lock = new SharedLock();
  await stage.give("lock", "SharedLock", lock);
  await (await stage.call(0, "owner", "lock", "acquire")).value();
  const calls: Call[] = [];
  for (const thread of [1, 2, 1, 2]) {
    calls.push(await stage.call(thread, `waiter ${calls.length}`, "lock", "acquire"));
  }
  await stage.perform(1, { do: "cancel", id: calls[0].id });
  await stage.perform(2, { do: "cancel", id: calls[3].id });
  assertEquals((await calls[0].ended).error, "cancelled");
  assertEquals((await calls[3].ended).error, "cancelled");
  assertEquals(lock.stats().waiters, 2);
  await stage.ask(0, "owner", "lock", "release");
  await calls[1].value();
  assertEquals(calls[2].outcome, undefined);
  await stage.ask(2, "waiter 1", "lock", "release");
  await calls[2].value();
  await stage.ask(1, "waiter 2", "lock", "release");
  assertEquals([lock.locked, lock.stats().waiters], [false, 0]);
});

Deno.test("SharedLock: a grant and a cancellation that cross on their ways lose nothing [C7]", async () => {
  await using stage = await Stage.open(2);
  const lock = new SharedLock();
  await stage.give("lock", "SharedLock", lock);
  let got = 0;
  for (let round = 0; round < 200; round++) {
    await lock.acquire();
    const first = await stage.call(1, "first", "lock", "acquire");
    const next = await stage.call(2, "next", "lock", "acquire");
    // The cancellation is on its way when the lock is handed over.
    const cancelled = stage.perform(1, { do: "cancel", id: first.id });
    if (round % 4 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
    lock.release();
    await cancelled;
    const { error } = await first.ended;
    if (error === "") {
      got++;
      assertEquals(next.outcome, undefined);
      await stage.ask(1, "first", "lock", "release");
    } else assertEquals(error, "cancelled");
    await next.value();
    await stage.ask(2, "next", "lock", "release");
    assertEquals([lock.locked, lock.stats().waiters], [false, 0]);
  }
  assert(got < 200, "none was cancelled in time");
});

Deno.test("SharedLock: acquireSync() stands in the same line, and the thread goes on when its turn has come", async () => {
  await using stage = await Stage.open(2);
  const lock = new SharedLock();
  await stage.give("lock", "SharedLock", lock);
  await lock.acquire();
  const first = await stage.call(1, "a", "lock", "acquireSync");
  await eventually(() => lock.stats().waiters === 1, "the first waits");
  const second = await stage.call(2, "b", "lock", "acquire");
  const third = lock.acquire.bind(lock);
  lock.release();
  const last = third();
  assertEquals(await first.value(), "guard");
  assertEquals(second.outcome, undefined);
  await stage.ask(1, "a", "lock", "release");
  await second.value();
  await stage.ask(2, "b", "lock", "release");
  await last;
  lock.release();
});

Deno.test("SharedLock: acquireSync() with a timeout leaves the line, and the thread lives on", async () => {
  await using stage = await Stage.open(1);
  const lock = new SharedLock({ name: "door" });
  await stage.give("lock", "SharedLock", lock);
  await lock.acquire();
  const call = await stage.call(1, "a", "lock", "acquireSync", { timeout: 5 });
  const { error, value } = await call.ended;
  assertEquals(
    [error, value],
    [
      "TimeoutError",
      'Cannot wait for shared lock "door" any longer as the time is up: 5 ms. Give it more, or go on without',
    ],
  );
  assertEquals(lock.stats().waiters, 0);
  lock.release();
  assertEquals(await (await stage.call(1, "a", "lock", "acquireSync")).value(), "guard");
  await stage.ask(1, "a", "lock", "release");
});

Deno.test("SharedLock: a thread that blocks goes before its own tasks that wait, which could not go on meanwhile", async () => {
  await using stage = await Stage.open(1);
  const lock = new SharedLock();
  await stage.give("lock", "SharedLock", lock);
  await lock.acquire();
  const task = await stage.call(1, "a", "lock", "acquire");
  const blocked = await stage.call(1, "b", "lock", "acquireSync");
  await eventually(() => lock.stats().waiters === 2, "both wait");
  lock.release();
  await blocked.value();
  assertEquals(task.outcome, undefined);
  await stage.ask(1, "b", "lock", "release");
  await task.value();
  await stage.ask(1, "a", "lock", "release");
  assertEquals(lock.locked, false);
});

Deno.test("SharedLock: a task whose place a blocked thread has used may give up, and nobody is the worse for it [C7]", async () => {
  await using stage = await Stage.open(2);
  const lock = new SharedLock();
  await stage.give("lock", "SharedLock", lock);
  await lock.acquire();
  const tasks = [
    await stage.call(1, "a", "lock", "acquire"),
    await stage.call(1, "b", "lock", "acquire"),
  ];
  const behind = await stage.call(2, "c", "lock", "acquire");
  const blocked = await stage.call(1, "d", "lock", "acquireSync");
  await eventually(() => lock.stats().waiters === 4, "all wait");
  lock.release();
  await blocked.value();
  await stage.perform(1, { do: "cancel", id: tasks[0].id });
  assertEquals((await tasks[0].ended).error, "cancelled");
  assertEquals(lock.stats().waiters, 2);
  await stage.ask(1, "d", "lock", "release");
  // It has come after c, and is before it by the place of the one that has given up.
  await behind.value();
  await stage.ask(2, "c", "lock", "release");
  await tasks[1].value();
  await stage.ask(1, "b", "lock", "release");
  assertEquals([lock.locked, lock.stats().waiters, lock.stats().broken], [false, 0, false]);
});

Deno.test("SharedLock: a thread does not block for what one of its own tasks holds [W3]", async () => {
  await using stage = await Stage.open(1);
  const lock = new SharedLock({ name: "door" });
  await stage.give("lock", "SharedLock", lock);
  await (await stage.call(1, "a", "lock", "acquire")).value();
  const { error, value } = await (await stage.call(1, "b", "lock", "acquireSync")).ended;
  assertEquals(error, "DeadlockError");
  assert(`${value}`.includes('as task "a" of the same thread holds it'), `${value}`);
});

Deno.test("SharedLock: a task that ends with it in its hands breaks it for all threads [W2]", async () => {
  await using stage = await Stage.open(2);
  const lock = new SharedLock({ name: "door" });
  await stage.give("lock", "SharedLock", lock);
  await (await stage.call(1, "forgetful", "lock", "acquire")).value();
  const waiting = [
    await stage.call(0, "a", "lock", "acquire"),
    await stage.call(1, "b", "lock", "acquire"),
    await stage.call(2, "c", "lock", "acquireSync"),
  ];
  await eventually(() => lock.stats().waiters === 3, "all wait");
  await stage.perform(1, { do: "leave", actor: "forgetful" });
  const messages = [];
  for (const call of waiting) {
    const { error, value } = await call.ended;
    assertEquals(error, "BrokenResourceError");
    messages.push(`${value}`.match(/as (.*?) without/)![1]);
  }
  assertEquals(messages, [
    "a task of another thread has ended",
    'task "forgetful" has ended',
    "a task of another thread has ended",
  ]);
  assert(lock.stats().broken);
  for (const thread of [0, 1, 2]) {
    assertEquals(
      (await (await stage.call(thread, "late", "lock", "acquire")).ended).error,
      "BrokenResourceError",
    );
    assertEquals(
      (await (await stage.call(thread, "late", "lock", "tryAcquire")).ended).error,
      "BrokenResourceError",
    );
  }
});

Deno.test("SharedSemaphore: permits go to whoever came first, in whichever thread; anybody may release [W1]", async () => {
  await using stage = await Stage.open(2);
  const semaphore = new SharedSemaphore(0);
  await stage.give("doors", "SharedSemaphore", semaphore);
  const calls: Call[] = [];
  for (
    const [thread, method] of [[1, "acquire"], [2, "acquireSync"], [0, "acquire"], [
      1,
      "acquire",
    ]] as const
  ) {
    calls.push(await stage.call(thread, "x", "doors", method));
    await eventually(() => semaphore.stats().waiters === calls.length, "it waits");
  }
  for (const [index, call] of calls.entries()) {
    // Not by the one that is blocked.
    await stage.ask(index === 2 ? 1 : 0, "y", "doors", "release");
    await call.value();
    assert(calls.slice(index + 1).every(({ outcome }) => outcome === undefined));
  }
  assertEquals(semaphore.stats(), { available: 0, waiters: 0, peakWaiters: 4 });
});

Deno.test("SharedSemaphore: release(n) in one thread lets many go on in others", async () => {
  await using stage = await Stage.open(2);
  const semaphore = new SharedSemaphore(0);
  await stage.give("doors", "SharedSemaphore", semaphore);
  const calls: Call[] = [];
  for (let i = 0; i < 6; i++) calls.push(await stage.call(1 + i % 2, `${i}`, "doors", "acquire"));
  semaphore.release(10);
  for (const call of calls) await call.value();
  assertEquals(semaphore.available, 4);
});

Deno.test("SharedEvent: setting it in one thread lets all go on in all, blocked or not", async () => {
  await using stage = await Stage.open(3);
  const event = new SharedEvent();
  await stage.give("green", "SharedEvent", event);
  const calls = [
    await stage.call(0, "a", "green", "wait"),
    await stage.call(1, "b", "green", "wait"),
    await stage.call(1, "c", "green", "wait"),
    await stage.call(2, "d", "green", "waitSync"),
  ];
  await eventually(() => event.stats().waiters === 4, "all wait");
  await stage.ask(3, "e", "green", "set");
  // Though it is not set any more when they come to look.
  await stage.ask(3, "e", "green", "clear");
  for (const call of calls) await call.value();
  assertEquals(event.stats(), { isSet: false, waiters: 0, peakWaiters: 4 });
  const late = await stage.call(2, "d", "green", "waitSync", { timeout: 1 });
  assertEquals((await late.ended).error, "TimeoutError");
});

Deno.test("SharedBarrier: parties of all threads go on together, each with its index, again and again", async () => {
  await using stage = await Stage.open(2);
  const barrier = new SharedBarrier(4);
  await stage.give("start", "SharedBarrier", barrier);
  for (let round = 0; round < 5; round++) {
    const calls: Call[] = [];
    for (
      const [thread, method] of [[1, "wait"], [0, "wait"], [2, "waitSync"], [1, "wait"]] as const
    ) {
      const actor = `${calls.length}`;
      calls.push(await stage.call(thread, actor, "start", method));
      if (method === "waitSync") await eventually(() => barrier.waiting === 3, "it waits");
    }
    assertEquals(await Promise.all(calls.map((call) => call.value())), [0, 1, 2, 3]);
    assertEquals(barrier.stats(), { parties: 4, waiters: 0, broken: false });
  }
});

Deno.test("SharedBarrier: one who leaves in one thread breaks it in all", async () => {
  await using stage = await Stage.open(2);
  const barrier = new SharedBarrier(4);
  await stage.give("start", "SharedBarrier", barrier);
  const first = await stage.call(1, "a", "start", "wait");
  const second = await stage.call(2, "b", "start", "waitSync");
  const third = await stage.call(0, "c", "start", "wait");
  await eventually(() => barrier.waiting === 3, "three wait");
  await stage.perform(1, { do: "cancel", id: first.id });
  assertEquals((await first.ended).error, "cancelled");
  for (const call of [second, third]) {
    const { error, value } = await call.ended;
    assertEquals(error, "BrokenResourceError");
    assert(`${value}`.includes("as another task has left it"), `${value}`);
  }
  await stage.ask(2, "b", "start", "reset");
  assertEquals(barrier.broken, false);
});

Deno.test("SharedQueue: what one thread puts another gets, blocked or not, and each item once", async () => {
  await using stage = await Stage.open(2);
  const queue = new SharedQueue<unknown>(0, { capacity: 512 });
  await stage.give("jobs", "SharedQueue", queue);
  const calls = [
    await stage.call(1, "a", "jobs", "get"),
    await stage.call(2, "b", "jobs", "getSync"),
  ];
  await eventually(() => queue.stats().getters === 2, "both wait");
  queue.putNowait({ a: new Map([[1, 2]]) });
  queue.putNowait("second");
  const got = [await calls[0].value(), await calls[1].value()];
  // Who of the two is awake first takes the first.
  if (got[0] === "second") got.reverse();
  assertEquals(got, [{ a: new Map([[1, 2]]) }, "second"]);
  for (let i = 0; i < 5; i++) await stage.call(1, "a", "jobs", "putNowait", i);
  assertEquals(await Promise.all([0, 1, 2, 3, 4].map(() => queue.get())), [0, 1, 2, 3, 4]);
});

Deno.test("SharedQueue: who puts waits for room that another thread makes", async () => {
  await using stage = await Stage.open(2);
  const queue = new SharedQueue<number>(1);
  await stage.give("jobs", "SharedQueue", queue);
  queue.putNowait(0);
  const first = await stage.call(1, "a", "jobs", "put", 1);
  const second = await stage.call(2, "b", "jobs", "putSync", 2);
  await eventually(() => queue.stats().putters === 2, "both wait");
  assertEquals(queue.getNowait(), 0);
  await first.value();
  assertEquals(second.outcome, undefined);
  assertEquals(await queue.get(), 1);
  await second.value();
  assertEquals(await queue.get(), 2);
});

Deno.test("SharedQueue: shutting it down in one thread ends the waits and loops of all", async () => {
  await using stage = await Stage.open(2);
  const queue = new SharedQueue<number>();
  await stage.give("jobs", "SharedQueue", queue);
  const calls = [
    await stage.call(1, "a", "jobs", "get"),
    await stage.call(2, "b", "jobs", "getSync"),
  ];
  await eventually(() => queue.stats().getters === 2, "both wait");
  queue.shutdown();
  for (const call of calls) assertEquals((await call.ended).error, "QueueShutDown");
  assertEquals((await (await stage.call(1, "a", "jobs", "put", 1)).ended).error, "QueueShutDown");
});

Deno.test("SharedQueue: what was promised to a thread that has not come yet is not given after shutdown({ immediate })", async () => {
  await using stage = await Stage.open(2);
  const [items, room] = [new SharedQueue<number>(), new SharedQueue<number>(1)];
  await stage.give("items", "SharedQueue", items);
  await stage.give("room", "SharedQueue", room);
  room.putNowait(0);
  const get = await stage.call(1, "a", "items", "get");
  const put = await stage.call(1, "b", "room", "put", 1);
  const cells = new Int32Array(new SharedArrayBuffer(8));
  stage.order(1, { do: "block", cells });
  await eventually(() => Atomics.load(cells, 1) === 1, "it is blocked");
  items.putNowait(5);
  assertEquals(room.getNowait(), 0);
  items.shutdown({ immediate: true });
  room.shutdown();
  Atomics.store(cells, 0, 1);
  Atomics.notify(cells, 0);
  assertEquals((await get.ended).error, "QueueShutDown");
  assertEquals((await put.ended).error, "QueueShutDown");
  for (const { stats } of [items, room].map((queue) => ({ stats: queue.stats() }))) {
    assertEquals([stats.size, stats.bytes, stats.getters, stats.putters], [0, 0, 0, 0]);
  }
});

Deno.test("A wait that is over leaves no wait for the word of its thread behind", async () => {
  const semaphore = new SharedSemaphore(0);
  const words = new Int32Array(semaphore.shared.memory);
  // Notifies whoever is left there.
  const left = () => Atomics.notify(words, THREADS + WAKE);
  const controller = new AbortController();
  const waiting = rejectionOf(semaphore.acquire({ signal: controller.signal }));
  assertEquals(left(), 1);
  await eventually(() => left() === 1, "it waits again, as it was notified for nothing");
  await rejectionOf(semaphore.acquire({ timeout: 1 }));
  controller.abort("enough");
  await waiting;
  assertEquals(left(), 0);
  const served = semaphore.acquire();
  semaphore.release();
  await served;
  assertEquals(left(), 0);
});
