/**
 * What each sort of arm of a `select` gives, and what it leaves alone when it loses. Rule W8 of the
 * design.
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
  assertThrows,
} from "@std/assert";
import {
  after,
  Barrier,
  BoundedSemaphore,
  Broadcast,
  BrokenResourceError,
  Channel,
  ClosedError,
  Condition,
  Deferred,
  Event,
  isCancelled,
  LifoQueue,
  Lock,
  PriorityQueue,
  Queue,
  QueueShutDown,
  RLock,
  RWLock,
  select,
  Semaphore,
  sleep,
  taskGroup,
} from "../../mod.ts";
import {
  waitAllTasksBlocked,
  withLeakCheck,
  withVirtualTime,
} from "../../primitives/testing/mod.ts";
import { outcomeOf, thrownBy } from "./outcome.ts";
import { observers } from "./probes.ts";
import { unhandledRejections } from "./unhandled.ts";

// Items

Deno.test("a channel gives its next item, and a closed one ClosedError, now or while it waits [W8] [W6]", async () => {
  const channel = new Channel<number>(1);
  const other = new Event();
  const received = select({ channel, other });
  assert(channel.trySend(1));
  assertEquals(await received, { key: "channel", value: 1 });

  const refused = thrownBy(select({ channel, other }));
  assertEquals(other.stats().waiters, 1);
  channel.close();
  assertEquals(other.stats().waiters, 0);
  assertInstanceOf(await refused, ClosedError);
  await assertRejects(() => select({ channel, other }), ClosedError);
  assertEquals(other.stats().waiters, 0);
});

Deno.test("a closed channel gives what is in its buffer before it fails [W8] [W6]", async () => {
  const channel = new Channel<number>(2);
  for (const item of [1, 2]) await channel.send(item);
  channel.close();
  assertEquals((await select({ channel })).value, 1);
  assertEquals((await select({ channel })).value, 2);
  await assertRejects(() => select({ channel }), ClosedError);
});

Deno.test("a queue gives its next item in its own order, and fails when it was shut down [W8] [W7]", async () => {
  for (
    const [queue, first] of [
      [new Queue<number>(), 2],
      [new LifoQueue<number>(), 1],
      [new PriorityQueue<number>(), 1],
    ] as const
  ) {
    queue.putNowait(2);
    queue.putNowait(1);
    assertEquals((await select({ queue })).value, first);
    assertEquals(queue.size, 1);
    assertEquals(queue.stats().unfinished, 2);
    queue.shutdown({ immediate: true });
    await assertRejects(() => select({ queue }), QueueShutDown);
  }
  const waiting = new Queue<number>();
  const refused = thrownBy(select({ waiting }));
  waiting.shutdown();
  assertInstanceOf(await refused, QueueShutDown);
});

Deno.test("a subscription gives its next item, and fails when it was closed or fell behind [W8]", async () => {
  const broadcast = new Broadcast<number>();
  const a = broadcast.subscribe();
  const b = broadcast.subscribe({ capacity: 1, slow: "fail" });
  const selected = select({ a });
  await broadcast.publish(1);
  assertEquals(await selected, { key: "a", value: 1 });
  await broadcast.publish(2);
  await assertRejects(() => select({ b }), BrokenResourceError);
  assertEquals((await select({ a })).value, 2);
  broadcast.close();
  await assertRejects(() => select({ a }), ClosedError);
});

Deno.test("an item is given as it is: a promise is not awaited [W8]", async () => {
  const promise = Promise.resolve(1);
  const channel = new Channel<Promise<number>>(1);
  assert(channel.trySend(promise));
  const there = await select({ channel });
  assertStrictEquals(there.value, promise);
  const waited = select({ channel });
  assert(channel.trySend(promise));
  const { value } = await waited;
  assertStrictEquals(value, promise);
});

Deno.test("undefined is an item that wins like any other [W8]", async () => {
  const channel = new Channel<undefined>(1);
  const deferred = new Deferred<undefined>();
  channel.trySend(undefined);
  assertEquals(await select({ channel, deferred }), { key: "channel", value: undefined });
  deferred.resolve(undefined);
  assertEquals(await select({ channel, deferred }), { key: "deferred", value: undefined });
});

// Flags and values

Deno.test("an event wins when it is set, and stays set [W8]", async () => {
  const event = new Event();
  const selected = [select({ event }), select({ event })];
  assertEquals(event.stats().waiters, 2);
  event.set();
  event.clear();
  for (const each of selected) assertEquals(await each, { key: "event", value: undefined });
  assertEquals(await outcomeOf(select({ event })), "pending");
  event.set();
  assertEquals((await select({ event })).key, "event");
});

Deno.test("a Deferred gives its value or error, before and after it has come [W8]", async () => {
  const value = new Deferred<number>();
  const error = new Deferred<number>();
  const boom = new Error("boom");
  const both = [select({ value }), thrownBy(select({ error }))];
  value.resolve(1);
  error.reject(boom);
  assertEquals(await both[0], { key: "value", value: 1 });
  assertStrictEquals(await both[1], boom);
  assertEquals(await select({ value }), { key: "value", value: 1 });
  assertStrictEquals(await thrownBy(select({ error })), boom);
});

// Times

Deno.test("after(ms) wins when its time has come, the earliest first [W8]", async () => {
  await withVirtualTime(async (time) => {
    const selected = await select({ late: after(20), soon: after(10), never: after(Infinity) });
    assertEquals([selected, time.elapsed], [{ key: "soon", value: undefined }, 10]);
  });
});

Deno.test("after(ms) counts from the call, so one that was made before may be over [W8]", async () => {
  await withVirtualTime(async (time) => {
    const moment = after(10);
    await sleep(15);
    assertEquals((await select({ moment, never: after(Infinity) })).key, "moment");
    assertEquals(time.elapsed, 15);
    assertEquals((await select({ now: after(0), never: after(Infinity) })).key, "now");
  });
});

Deno.test("after(ms) that loses leaves no timer, and can be used again [W8]", async () => {
  await withVirtualTime((time) =>
    withLeakCheck(async () => {
      const moment = after(60);
      const channel = new Channel<number>(0);
      for (let round = 0; round < 3; round++) {
        const selected = select({ channel, moment });
        assert(channel.trySend(round));
        assertEquals(await selected, { key: "channel", value: round });
      }
      assertEquals(time.elapsed, 0);
      assertEquals((await select({ channel, moment })).key, "moment");
      assertEquals(time.elapsed, 60);
    })
  );
});

// Locks

Deno.test("a lock gives its guard, and belongs to the task that selects [W8] [W2] [W4]", async () => {
  for (const lock of [new Lock(), new RLock()]) {
    await taskGroup(async (group) => {
      const task = group.spawn(async (task) => {
        {
          const selected = await select({ lock, never: new Event() });
          using _ = selected.value as Disposable;
          assertEquals(selected.key, "lock");
          assertStrictEquals(lock.owner, task);
        }
        assertFalse(lock.locked);
      });
      await task;
    });
  }
});

Deno.test("a lock that is released goes to the select at the head of its line, not past it [W8] [W1]", async () => {
  const lock = new Lock();
  const order: string[] = [];
  await taskGroup((group) => {
    group.spawn(async () => {
      const guard = await lock.acquire();
      await waitAllTasksBlocked();
      guard[Symbol.dispose]();
      assertFalse(lock.tryAcquire());
      assertEquals(lock.stats().waiters, 1);
    });
    group.spawn(async (task) => {
      const { value } = await select({ lock, never: after(Infinity) });
      assertStrictEquals(lock.owner, task);
      order.push("select");
      value![Symbol.dispose]();
    });
    group.spawn(async () => {
      using _ = await lock.acquire();
      order.push("acquire");
    });
  });
  assertEquals(order, ["select", "acquire"]);
  assertFalse(lock.locked);
});

Deno.test("a lock that loses is not taken: it is free when its holder lets go [W8]", async () => {
  const lock = new Lock();
  const event = new Event();
  await taskGroup(async (group) => {
    const holder = group.spawn(async () => {
      using _ = await lock.acquire();
      await event.wait();
    });
    const chooser = group.spawn(() => select({ lock, event }, { biased: true }));
    await waitAllTasksBlocked();
    assertEquals(lock.stats().waiters, 1);
    event.set();
    assertEquals((await chooser).key, "event");
    await holder;
  });
  assertFalse(lock.locked);
  assert(lock.tryAcquire());
  lock.release();
});

Deno.test("a broken lock makes the select fail, now or while it waits [W8] [W2]", async () => {
  const lock = new Lock();
  await taskGroup(async (group) => {
    const go = new Event();
    const forgetful = group.spawn(async () => {
      await lock.acquire();
      await go.wait();
    });
    const chooser = group.spawn(() =>
      assertRejects(() => select({ lock, never: after(Infinity) }), BrokenResourceError)
    );
    await waitAllTasksBlocked();
    go.set();
    await forgetful;
    await chooser;
  });
  await assertRejects(() => select({ lock, never: after(Infinity) }), BrokenResourceError);
});

Deno.test("a semaphore gives a permit with its guard, and none when it loses [W8] [W4]", async () => {
  for (const semaphore of [new Semaphore(1), new BoundedSemaphore(1)]) {
    const { value } = await select({ semaphore });
    assertEquals(semaphore.available, 0);
    const event = new Event();
    const waiting = select({ semaphore, never: after(Infinity) });
    const losing = select({ semaphore, event });
    assertEquals(semaphore.stats().waiters, 2);
    event.set();
    assertEquals((await losing).key, "event");
    value[Symbol.dispose]();
    value[Symbol.dispose]();
    assertEquals(semaphore.available, 0, "it was handed to who waited");
    const handed = await waiting;
    handed.value![Symbol.dispose]();
    assertEquals([semaphore.available, semaphore.stats().waiters], [1, 0]);
  }
});

Deno.test("both sides of a read-write lock are arms, and a writer that loses lets readers in [W8] [W1]", async () => {
  const lock = new RWLock();
  const event = new Event();
  await taskGroup(async (group) => {
    const reader = group.spawn(async () => {
      using _ = await lock.read.acquire();
      await sleep(Infinity).catch(() => {});
    });
    const writer = group.spawn(() => select({ write: lock.write, event }));
    await waitAllTasksBlocked();
    const second = group.spawn(async () => {
      const { value } = await select({ read: lock.read, never: after(Infinity) });
      value![Symbol.dispose]();
      return "read";
    });
    assertEquals(await outcomeOf(second.join({ timeout: 60_000 })), "pending", "a writer waits");
    event.set();
    assertEquals((await writer).key, "event");
    assertEquals(await second, "read");
    reader.cancel();
  });
  assert(lock.write.tryAcquire());
  lock.write.release();
});

// Tasks

Deno.test("a task gives what its function returns, before and after its end [W8]", async () => {
  await taskGroup(async (group) => {
    const go = new Event();
    const task = group.spawn(async () => {
      await go.wait();
      return "result";
    });
    const selected = select({ task, never: after(Infinity) });
    assertEquals(await outcomeOf(selected), "pending");
    go.set();
    assertEquals(await selected, { key: "task", value: "result" });
    assertEquals(await select({ task }), { key: "task", value: "result" });
  });
});

Deno.test("a task that fails makes the select fail with its error, and nothing is unhandled [W8]", async () => {
  const boom = new Error("boom");
  const go = new Event();
  const unhandled = await unhandledRejections(async () => {
    const thrown = await thrownBy(
      taskGroup(async (group) => {
        const task = group.spawn(async () => {
          await go.wait();
          throw boom;
        });
        const waiting = thrownBy(select({ task, never: after(Infinity) }));
        await waitAllTasksBlocked();
        go.set();
        assertStrictEquals(await waiting, boom);
        assertStrictEquals(await thrownBy(select({ task })), boom);
      }, { onFailure: "continue" }),
    );
    assertInstanceOf(thrown, AggregateError);
  });
  assertEquals(unhandled, []);
});

Deno.test("a task that was cancelled makes the select fail with its Cancelled [W8]", async () => {
  await taskGroup(async (group) => {
    const task = group.spawn(() => sleep(60_000));
    const waiting = thrownBy(select({ task }));
    task.cancel();
    const thrown = await waiting;
    assert(isCancelled(thrown) && thrown.scope === task);
  });
});

Deno.test("a task that loses runs on, and nobody waits for it any more [W8]", async () => {
  await taskGroup(async (group) => {
    const event = new Event();
    const task = group.spawn(() => sleep(60_000));
    const selected = select({ task, event });
    assertEquals(observers(task), 1);
    event.set();
    assertEquals(observers(task), 0);
    await selected;
    assertEquals(task.state, "running");
    task.cancel();
  });
});

Deno.test("a task that fails after another arm has won fails its group, and not the select [W8]", async () => {
  const boom = new Error("boom");
  const event = new Event();
  let selected: unknown;
  const thrown = await thrownBy(
    taskGroup(async (group) => {
      const task = group.spawn(async () => {
        await event.wait();
        throw boom;
      });
      const selecting = select({ event, task });
      event.set();
      selected = await selecting;
      await task.join().catch(() => {});
    }),
  );
  assertStrictEquals(thrown, boom);
  assertEquals(selected, { key: "event", value: undefined });
});

Deno.test("a Condition and a Barrier are no arms, and say so [E1]", () => {
  for (const thing of [new Condition(), new Barrier(2)]) {
    assertThrows(() => void select({ thing: thing as never }), TypeError, "thing");
  }
});
