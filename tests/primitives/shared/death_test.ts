/**
 * What becomes of shared things when a worker dies that has them, or waits for them: it dies in every way that there is, and
 * nobody is told of it.
 *
 * @module
 */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  BrokenResourceError,
  QueueFull,
  SharedBarrier,
  SharedEvent,
  SharedLock,
  SharedQueue,
  type SharedQueueOptions,
  SharedSemaphore,
} from "../../../mod.ts";
import { DEATHS } from "./player.ts";
import { type Call, eventually, soon, Stage } from "./stage.ts";

const DIED =
  "Cannot acquire shared lock \"door\" as a thread has died without releasing it, and what it protects may be half done. Acquire it with 'using', and make a new one";

/** Has a worker hold a lock, by which it is seen when it has died. */
async function lifeOf(thread: number, stage: Stage): Promise<{ over(): Promise<unknown> }> {
  const lock = new SharedLock();
  await stage.give("life", "SharedLock", lock);
  await (await stage.call(thread, "life", "life", "acquire")).value();
  return { over: () => assertRejects(() => lock.acquire(), BrokenResourceError) };
}

/** Blocks a worker; returns what lets it die without another look at anything. */
async function blocked(thread: number, stage: Stage): Promise<() => void> {
  const cells = new Int32Array(new SharedArrayBuffer(8));
  stage.order(thread, { do: "die blocked", cells });
  await eventually(() => Atomics.load(cells, 1) === 1, "it is blocked");
  return () => {
    Atomics.store(cells, 0, 1);
    Atomics.notify(cells, 0);
  };
}

for (const how of DEATHS) {
  Deno.test(`SharedLock: ${how} in a worker that has it breaks it, for those who wait and for those who come [W2]`, async () => {
    await using stage = await Stage.open(2);
    const lock = new SharedLock({ name: "door" });
    await stage.give("lock", "SharedLock", lock);
    await (await stage.call(1, "a", "lock", "acquire")).value();
    const waiting = [
      await stage.call(0, "b", "lock", "acquire"),
      await stage.call(2, "c", "lock", "acquire"),
    ];
    stage.die(1, how);
    for (const call of waiting) {
      assertEquals(await call.ended, { error: "BrokenResourceError", value: DIED });
    }
    assertEquals(lock.stats(), {
      locked: false,
      owner: null,
      waiters: 0,
      peakWaiters: 2,
      broken: true,
    });
    await assertRejects(() => lock.acquire(), BrokenResourceError, DIED);
    const late = await stage.call(2, "c", "lock", "acquireSync");
    assertEquals(await late.ended, { error: "BrokenResourceError", value: DIED });
  });

  Deno.test(`SharedLock: ${how} in a worker that waits for it in the line changes nothing for the others [W1]`, async () => {
    await using stage = await Stage.open(2);
    const lock = new SharedLock();
    await stage.give("lock", "SharedLock", lock);
    await lock.acquire();
    await stage.call(1, "a", "lock", "acquire");
    const behind = [
      await stage.call(2, "b", "lock", "acquire"),
      await stage.call(1, "c", "lock", "acquire"),
      await stage.call(2, "d", "lock", "acquire"),
    ];
    stage.die(1, how);
    await eventually(() => lock.stats().waiters === 2, "the dead are out of the line");
    lock.release();
    await behind[0].value();
    assertEquals(behind[2].outcome, undefined);
    await stage.ask(2, "b", "lock", "release");
    await behind[2].value();
    await stage.ask(2, "d", "lock", "release");
    assertEquals([lock.locked, lock.stats().broken], [false, false]);
  });
}

// All the same from here on: whoever looks sees a thread that is gone, however it went.
for (const how of ["Deno.exit", "terminate"] as const) {
  Deno.test(`SharedSemaphore: ${how} gives back what was taken within withLock(), and nothing else`, async () => {
    await using stage = await Stage.open(1);
    const semaphore = new SharedSemaphore(3);
    await stage.give("doors", "SharedSemaphore", semaphore);
    await (await stage.call(1, "a", "doors", "acquire")).value();
    const event = new SharedEvent();
    await stage.give("never", "SharedEvent", event);
    await stage.perform(1, { do: "work", semaphore: "doors", event: "never" });
    await stage.perform(1, { do: "work", semaphore: "doors", event: "never" });
    assertEquals(semaphore.available, 0);
    await stage.call(1, "c", "doors", "acquire");
    const waiting = [semaphore.acquire(), semaphore.acquire()];
    assertEquals(semaphore.stats().waiters, 3);
    stage.die(1, how);
    await soon(Promise.all(waiting), "both get a permit");
    assertEquals([semaphore.available, semaphore.stats().waiters], [0, 0]);
  });

  Deno.test(`SharedBarrier: ${how} in a worker that waits at it breaks it`, async () => {
    await using stage = await Stage.open(2);
    const barrier = new SharedBarrier(4, { name: "start" });
    await stage.give("start", "SharedBarrier", barrier);
    await stage.call(1, "a", "start", "wait");
    const waiting = [
      await stage.call(0, "b", "start", "wait"),
      await stage.call(2, "c", "start", "wait"),
    ];
    stage.die(1, how);
    for (const call of waiting) {
      assertEquals(await call.ended, {
        error: "BrokenResourceError",
        value:
          'Cannot wait at shared barrier "start" as a thread has died that waited at it. Let all parties begin again after reset()',
      });
    }
    assertEquals(barrier.stats(), { parties: 4, waiters: 0, broken: true });
  });

  Deno.test(`SharedEvent: ${how} in a worker that waits for it is missed by nobody`, async () => {
    await using stage = await Stage.open(2);
    const event = new SharedEvent();
    await stage.give("green", "SharedEvent", event);
    await stage.call(1, "a", "green", "wait");
    const waiting = [
      await stage.call(0, "b", "green", "wait"),
      await stage.call(2, "c", "green", "wait"),
    ];
    stage.die(1, how);
    await eventually(() => event.stats().waiters === 2, "the dead do not count");
    event.set();
    for (const call of waiting) await call.value();
  });

  Deno.test(`SharedQueue: ${how} in workers that wait to get and to put loses no item, and keeps no room`, async () => {
    await using stage = await Stage.open(2);
    const queue = new SharedQueue<number>();
    await stage.give("jobs", "SharedQueue", queue);
    const life = await lifeOf(1, stage);
    // The dead one is first in the line of those who get.
    await stage.call(1, "a", "jobs", "get");
    const get = await stage.call(2, "b", "jobs", "get");
    stage.die(1, how);
    await queue.put(1);
    await queue.put(2);
    const items = [await get.value()];
    // One of them is for the dead one, who may be quick enough to take it along, or not.
    await life.over();
    if (queue.size > 0) items.push(await soon(queue.get(), "the item is got"));
    if (items.length === 2) assertEquals(items, [1, 2]);
    assertEquals([queue.size, queue.stats().bytes, queue.stats().getters], [0, 0, 0]);
  });

  Deno.test(`SharedQueue: ${how} in a worker that waits to put leaves its place to the next`, async () => {
    await using stage = await Stage.open(2);
    const queue = new SharedQueue<number>(1);
    await stage.give("jobs", "SharedQueue", queue);
    queue.putNowait(0);
    await stage.call(1, "a", "jobs", "put", 1);
    const put = await stage.call(2, "b", "jobs", "put", 2);
    stage.die(1, how);
    const items: number[] = [];
    while (items.at(-1) !== 2) items.push(await soon(queue.get(), "the next puts"));
    await put.value();
    // The dead one may have been quick enough.
    assertEquals(items, items.length === 3 ? [0, 1, 2] : [0, 2]);
    assertEquals([queue.stats().putters, queue.stats().bytes], [0, 0]);
    queue.putNowait(3);
  });
}

Deno.test("What was given to a thread that dies before it has taken note of it goes to the next", async () => {
  await using stage = await Stage.open(2);
  const lock = new SharedLock();
  const semaphore = new SharedSemaphore(0);
  const queue = new SharedQueue<number>(1);
  await stage.give("lock", "SharedLock", lock);
  await stage.give("doors", "SharedSemaphore", semaphore);
  await stage.give("jobs", "SharedQueue", queue);
  await lock.acquire();
  const next: Call[] = [];
  for (const thread of [1, 2]) {
    next.push(await stage.call(thread, "a", "lock", "acquire"));
    next.push(await stage.call(thread, "b", "doors", "acquire"));
    next.push(await stage.call(thread, "c", "jobs", "get"));
  }
  const die = await blocked(1, stage);
  lock.release();
  semaphore.release();
  queue.putNowait(5);
  assertEquals([lock.stats().owner, semaphore.available, queue.size], ["another thread", 0, 1]);
  die();
  assertEquals(await Promise.all(next.slice(3).map((call) => call.value())), ["guard", "guard", 5]);
  assertEquals(next.slice(0, 3).map(({ outcome }) => outcome), [undefined, undefined, undefined]);
  assertEquals([lock.stats().broken, queue.size, queue.stats().bytes], [false, 0, 0]);
  await stage.ask(2, "a", "lock", "release");
  assertEquals(lock.locked, false);
});

const BOUNDS: Readonly<Record<string, [maxsize: number, options: SharedQueueOptions]>> = {
  "number": [1, {}],
  "bytes": [0, { capacity: 64 }],
};
for (const [bound, options] of Object.entries(BOUNDS)) {
  Deno.test(`Room that was promised to a thread that dies before it has used it goes to the next, in a queue bounded by ${bound}`, async () => {
    await using stage = await Stage.open(2);
    const queue = new SharedQueue<string>(...options);
    await stage.give("jobs", "SharedQueue", queue);
    const item = (digit: string) => digit.repeat(30); // Two have no room in 64 bytes.
    queue.putNowait(item("0"));
    await stage.call(1, "a", "jobs", "put", item("1"));
    const next = await stage.call(2, "b", "jobs", "put", item("2"));
    const die = await blocked(1, stage);
    assertEquals(await queue.get(), item("0"));
    assertThrows(() => queue.putNowait(item("3")), QueueFull);
    die();
    await next.value();
    assertEquals([await queue.get(), queue.size, queue.stats().bytes], [item("2"), 0, 0]);
    queue.putNowait(item("4"));
    assertEquals(queue.getNowait(), item("4"));
  });
}

Deno.test("A thread that is blocked notices deaths itself: nobody else is there to do it", async () => {
  await using stage = await Stage.open(3);
  const lock = new SharedLock({ name: "door" });
  await stage.give("lock", "SharedLock", lock);
  const barrier = new SharedBarrier(3);
  await stage.give("start", "SharedBarrier", barrier);
  await stage.call(1, "a", "lock", "acquire");
  await stage.call(1, "b", "start", "wait");
  const waiting: Call[] = [
    await stage.call(2, "c", "lock", "acquireSync"),
    await stage.call(3, "d", "start", "waitSync"),
  ];
  await eventually(() => lock.stats().waiters === 1 && barrier.waiting === 2, "both are blocked");
  stage.die(1, "Deno.exit");
  for (const call of waiting) assertEquals((await call.ended).error, "BrokenResourceError");
});

Deno.test("The place of a thread that has died is that of another one, and its number means nothing then", async () => {
  const lock = new SharedLock();
  await lock.acquire();
  for (let round = 0; round < 3; round++) {
    await using stage = await Stage.open(2);
    await stage.give("lock", "SharedLock", lock);
    await stage.call(1, "a", "lock", "acquire");
    const other = await stage.call(2, "b", "lock", "acquire");
    stage.die(1, "terminate");
    await eventually(() => lock.stats().waiters === 1, "the dead are out of the line");
    lock.release();
    await other.value();
    await stage.ask(2, "b", "lock", "release");
    await lock.acquire();
  }
  assertEquals(lock.stats().broken, false);
  lock.release();
});
