/**
 * Queues: what holds for all kinds of them, and the order of the plain one. Much of it is CPython's test_queue.py, said
 * anew.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertFalse,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  cancelScope,
  inspect,
  LifoQueue,
  PriorityQueue,
  Queue,
  QueueEmpty,
  QueueFull,
  select,
  taskGroup,
  TimeoutError,
  yieldNow,
} from "../../mod.ts";
import { pendingTimers } from "../../primitives/kernel/timers.ts";
import {
  waitAllTasksBlocked,
  withLeakCheck,
  withVirtualTime,
} from "../../primitives/testing/mod.ts";
import { outcomeOf } from "./outcome.ts";
import { calling } from "./probes.ts";
import { named } from "./waits.ts";

for (const [kind, Kind] of Object.entries({ Queue, LifoQueue, PriorityQueue })) {
  Deno.test(`${kind}: full and empty, with and without waiting [W7] (CPython: basic_queue_test)`, async () => {
    await withVirtualTime(async (time) => {
      const queue = new Kind<number>(5);
      for (let round = 0; round < 2; round++) {
        assert(queue.empty && !queue.full);
        for (let item = 0; item < 4; item++) {
          await queue.put(item);
          assert(!queue.empty && !queue.full);
        }
        queue.putNowait(4);
        assert(queue.full && !queue.empty);
        assertEquals(queue.size, 5);
        assertThrows(() => queue.putNowait(9), QueueFull);
        const start = time.elapsed;
        await assertRejects(() => queue.put(9, { timeout: 10 }), TimeoutError);
        assertEquals(time.elapsed - start, 10);
        const items: number[] = [];
        while (!queue.empty) items.push(await queue.get());
        assertEquals(items.sort(), [0, 1, 2, 3, 4]);
        assertThrows(() => queue.getNowait(), QueueEmpty);
        await assertRejects(() => queue.get({ timeout: 10 }), TimeoutError);
        assertEquals(time.elapsed - start, 20);
      }
    });
  });

  Deno.test(`${kind}: a put waits for room, a get for an item [W7] (CPython: do_blocking_test)`, async () => {
    const queue = new Kind<number>(1);
    queue.putNowait(1);
    const putting = queue.put(2);
    assertEquals(await outcomeOf(putting), "pending");
    assertEquals(queue.getNowait(), 1);
    await putting;
    assertEquals(queue.getNowait(), 2);
    const getting = queue.get();
    assertEquals(await outcomeOf(getting), "pending");
    queue.putNowait(3);
    assertEquals(await getting, 3);
  });

  Deno.test(`${kind}: without a maxsize there is room for all [W7]`, async () => {
    for (const maxsize of [undefined, 0, Infinity]) {
      const queue = new Kind<number>(maxsize);
      for (let item = 0; item < 1000; item++) await queue.put(item, { timeout: 0 });
      assertEquals([queue.size, queue.full, queue.maxsize], [1000, false, maxsize ?? 0]);
    }
  });

  Deno.test(`${kind}: what is there is had without a timer [C8]`, async () => {
    const queue = new Kind<number>(1);
    const putting = queue.put(1, { timeout: 100 });
    const getting = queue.get({ timeout: 100 });
    assertEquals(pendingTimers(), 0);
    await putting;
    assertEquals(await getting, 1);
  });

  Deno.test(`${kind}: join() waits until taskDone() was said of all (CPython: test_queue_join)`, async () => {
    const queue = new Kind<number>();
    const done: number[] = [];
    await taskGroup(async (group) => {
      for (let worker = 0; worker < 2; worker++) {
        group.spawn(async () => {
          for await (const item of queue) {
            await yieldNow();
            done.push(item);
            queue.taskDone();
          }
        });
      }
      for (let round = 1; round <= 2; round++) {
        for (let item = 0; item < 100; item++) queue.putNowait(item);
        await queue.join();
        assertEquals(done.length, 100 * round);
      }
      queue.shutdown();
    });
  });

  Deno.test(`${kind}: taskDone() too often is an error, and changes nothing (CPython: test_queue_task_done)`, async () => {
    const queue = new Kind<number>(0, { name: "jobs" });
    const message =
      'Cannot say that an item of queue "jobs" is done as all are: call taskDone() once for each that was got';
    assertThrows(() => queue.taskDone(), RangeError, message);
    queue.putNowait(1);
    await queue.get();
    queue.taskDone();
    assertThrows(() => queue.taskDone(), RangeError, message);
    assertEquals(queue.stats().unfinished, 0);
    queue.putNowait(2);
    assertEquals(queue.stats().unfinished, 1);
  });

  Deno.test(`${kind}: an item handed to a getter is unfinished too`, async () => {
    const queue = new Kind<number>();
    const getting = queue.get();
    queue.putNowait(1);
    const joining = queue.join();
    assertEquals([await getting, await outcomeOf(joining)], [1, "pending"]);
    queue.taskDone();
    await joining;
  });

  Deno.test(`${kind}: an item of a putter counts as unfinished once there was room for it`, async () => {
    const queue = new Kind<number>(1);
    queue.putNowait(1);
    const putting = queue.put(2);
    assertEquals(queue.stats().unfinished, 1);
    queue.getNowait();
    assertEquals(queue.stats().unfinished, 2);
    await putting;
  });

  Deno.test(`${kind}: join() of what is dealt with does not wait, and lets go on all who wait`, async () => {
    const queue = new Kind<number>();
    await queue.join({ timeout: 0 });
    queue.putNowait(1);
    queue.getNowait();
    const joining = [queue.join(), queue.join()];
    queue.taskDone();
    // What is put now does not hold up those who have seen the end of the work before.
    queue.putNowait(2);
    await Promise.all(joining);
    assertEquals(await outcomeOf(queue.join({ timeout: 0 })) === "pending", false);
    assertEquals(queue.stats().unfinished, 1);
  });

  Deno.test(`${kind}: getters are served in the order in which they came [W1]`, async () => {
    const queue = new Kind<number>();
    const getting = Array.from({ length: 10 }, () => queue.get());
    for (let item = 0; item < 10; item++) queue.putNowait(item);
    assertEquals(queue.size, 0);
    assertEquals(await Promise.all(getting), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  Deno.test(`${kind}: putters are let in in the order in which they came, and nobody overtakes them [W1]`, async () => {
    const queue = new Kind<number>(1);
    queue.putNowait(0);
    const order: number[] = [];
    const putting = Array.from(
      { length: 5 },
      (_, index) => queue.put(index + 1).then(() => order.push(index + 1)),
    );
    const items = [queue.getNowait()];
    // The room is taken already, by the first in line.
    assertThrows(() => queue.putNowait(9), QueueFull);
    while (!queue.empty) items.push(queue.getNowait());
    await Promise.all(putting);
    assertEquals(items, [0, 1, 2, 3, 4, 5]);
    assertEquals(order, [1, 2, 3, 4, 5]);
  });

  Deno.test(`${kind}: an item handed over cannot be stolen [W6]`, async () => {
    const queue = new Kind<number>();
    const getting = queue.get();
    queue.putNowait(1);
    assertThrows(() => queue.getNowait(), QueueEmpty);
    assertEquals(await outcomeOf(queue.get({ timeout: 0 })) === "pending", false);
    assertEquals(await getting, 1);
  });

  Deno.test(`${kind}: many producers and consumers, waiting and not: each item comes once (CPython: test_many_threads)`, async () => {
    for (const maxsize of [0, 1, 3]) {
      const queue = new Kind<number>(maxsize);
      const got: number[] = [];
      await taskGroup(async (group) => {
        for (let consumer = 0; consumer < 10; consumer++) {
          group.spawn(async () => {
            for (let n = 0; n < 30; n++) {
              got.push(await queue.get());
              if (n % 3 === consumer % 3) await yieldNow();
            }
          });
        }
        for (let producer = 0; producer < 10; producer++) {
          group.spawn(async () => {
            for (let n = 0; n < 30; n++) {
              await queue.put(producer * 30 + n);
              if (n % 4 === producer % 4) await yieldNow();
            }
          });
        }
      });
      assertEquals(got.sort((a, b) => a - b), Array.from({ length: 300 }, (_, index) => index));
      assertEquals([queue.size, queue.stats().peakSize <= (maxsize || 300)], [0, true]);
    }
  });

  Deno.test(`${kind}: leaving the loop early leaves the queue as it is, and the loop for good`, async () => {
    const queue = new Kind<number>();
    for (const item of [1, 1, 1]) queue.putNowait(item);
    const items = queue[Symbol.asyncIterator]();
    for await (const _ of items) break;
    assertEquals([queue.size, queue.stats().getters, queue.isShutDown], [2, 0, false]);
    assertEquals(await items.next(), { done: true, value: undefined });
    assertEquals(queue.size, 2);
    for await (const _ of queue) if (queue.empty) break;
    assertEquals(queue.size, 0);
  });

  Deno.test(`${kind}: a select gets or puts exactly once, and what lost keeps no trace [W8]`, async () => {
    await withLeakCheck(async () => {
      const [full, empty] = [new Kind<number>(1), new Kind<number>(1)];
      full.putNowait(1);
      const selecting = select({ get: empty, put: full.putting(2) });
      assertEquals([empty.stats().getters, full.stats().putters], [1, 1]);
      assertEquals(full.getNowait(), 1);
      assertEquals([empty.stats().getters, full.stats().putters], [0, 0]);
      assertEquals(await selecting, { key: "put", value: undefined });
      const other = select({ get: empty, put: full.putting(3) });
      empty.putNowait(4);
      assertEquals([empty.stats().getters, full.stats().putters], [0, 0]);
      assertEquals(await other, { key: "get", value: 4 });
      assertEquals([full.getNowait(), full.empty, empty.empty], [2, true, true]);
      const ready = await select({ get: empty, put: full.putting(5) });
      assertEquals([ready.key, full.getNowait()], ["put", 5]);
    });
  });

  Deno.test(`${kind}: tells how it is doing, in a frozen snapshot [W9]`, async () => {
    const queue = new Kind<number>(2);
    const before = queue.stats();
    assert(Object.isFrozen(before));
    const expected = { size: 0, maxsize: 2, peakSize: 0, putters: 0, getters: 0, unfinished: 0 };
    assertEquals(before, { ...expected, isShutDown: false });
    const putting = [1, 2, 3, 4].map((item) => queue.put(item));
    assertEquals(queue.stats(), { ...before, size: 2, peakSize: 2, putters: 2, unfinished: 2 });
    while (!queue.empty) queue.getNowait();
    assertEquals(queue.stats(), { ...before, peakSize: 2, unfinished: 4 });
    const getting = [queue.get(), queue.get(), queue.get()];
    assertEquals(queue.stats().getters, 3);
    for (let item = 0; item < 3; item++) queue.putNowait(item);
    assertEquals(queue.stats(), { ...before, peakSize: 2, unfinished: 7 });
    await Promise.all([...putting, ...getting]);
  });

  Deno.test(`${kind}: waits show in inspect() by its name`, async () => {
    const queue = new Kind<number>(1, { name: "jobs" });
    await taskGroup((group) => {
      const waitingFor = () =>
        inspect().children[0].children.map((child) => named(child.waitingFor)[0]);
      group.spawn(() => queue.get());
      assertEquals(waitingFor(), [{ kind: "queue", name: "jobs" }]);
      queue.putNowait(1);
      queue.putNowait(2);
      group.spawn(() => queue.put(3));
      group.spawn(() => queue.join());
      assertEquals(waitingFor().slice(-2), [
        { kind: "queue", name: "jobs" },
        { kind: "end of the work in queue", name: "jobs" },
      ]);
      queue.getNowait();
      for (let item = 0; item < 3; item++) queue.taskDone();
    });
  });

  Deno.test(`${kind}: refuses a maxsize and a name that make no sense [E1]`, () => {
    const make = (...args: [never, never]) => new Kind(...args);
    for (const maxsize of [-1, 1.5, NaN, -Infinity]) {
      assertThrows(
        calling(make, maxsize),
        RangeError,
        `Cannot make a queue as 'maxsize' must be a whole number from 0 up, or Infinity: received ${maxsize}`,
      );
    }
    for (const maxsize of ["3", null, 3n, {}]) {
      assertThrows(calling(make, maxsize), TypeError, "'maxsize' must be a number: received");
    }
    assertThrows(calling(make, 0, { name: 3 }), TypeError, "'name' must be a string: received 3");
    assertThrows(calling(make, 0, null), TypeError, "the options must be an object: received null");
    assertThrows(
      calling(make, 0, "jobs"),
      TypeError,
      'the options must be an object: received "jobs"',
    );
    assertEquals(new Kind().name, "");
  });
}

Deno.test("A queue gives out its items in the order in which they were put [W7]", async () => {
  const queue = new Queue<number>();
  const items = Array.from({ length: 1000 }, (_, index) => index * 7919 % 1000);
  for (const item of items) queue.putNowait(item);
  const got: number[] = [];
  while (!queue.empty) got.push(await queue.get());
  assertEquals(got, items);
});

Deno.test("undefined and null are items like any others", async () => {
  const queue = new Queue<undefined | null>();
  const getting = queue.get();
  queue.putNowait(undefined);
  queue.putNowait(null);
  queue.putNowait(undefined);
  assertStrictEquals(await getting, undefined);
  assertStrictEquals(queue.getNowait(), null);
  queue.putNowait(undefined);
  assertStrictEquals(queue.getNowait(), undefined);
  assertEquals(await queue[Symbol.asyncIterator]().next(), { done: false, value: undefined });
  assert(queue.empty);
});

Deno.test("An item that is a thenable is awaited by get(), and given as it is by the loop and getNowait()", async () => {
  const queue = new Queue<Promise<string>>();
  const item = Promise.resolve("value");
  for (let i = 0; i < 3; i++) queue.putNowait(item);
  assertEquals(await queue.get() as unknown, "value");
  assertStrictEquals(queue.getNowait(), item);
  for await (const each of queue) {
    assertStrictEquals(each, item);
    break;
  }
});

Deno.test("Several loops over one queue share its items", async () => {
  const queue = new Queue<number>();
  const got: number[][] = [[], []];
  await taskGroup(async (group) => {
    for (const mine of got) {
      group.spawn(async () => {
        for await (const item of queue) mine.push(item);
      });
    }
    await waitAllTasksBlocked();
    for (let item = 0; item < 10; item++) {
      await queue.put(item);
      await yieldNow();
    }
    queue.shutdown();
  });
  assertEquals(got.flat().sort(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert(got.every((mine) => mine.length > 0));
});

Deno.test("A loop over a queue ends with its scope, and the item put later stays [C1]", async () => {
  const queue = new Queue<number>();
  const got: number[] = [];
  await cancelScope(async (scope) => {
    queue.putNowait(1);
    queue.putNowait(2);
    for await (const item of queue) {
      got.push(item);
      scope.cancel();
    }
  });
  assertEquals([got, queue.size], [[1], 1]);
  assertFalse(queue.isShutDown);
});
