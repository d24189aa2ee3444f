/**
 * Shutting queues down: all methods in each state, and all who wait in each way. Most of it is CPython's test_queue.py,
 * said anew.
 *
 * @module
 */

import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import {
  LifoQueue,
  PriorityQueue,
  Queue,
  QueueEmpty,
  QueueFull,
  QueueShutDown,
  select,
  taskGroup,
} from "../../mod.ts";
import { waitAllTasksBlocked, withLeakCheck } from "../../primitives/testing/mod.ts";
import { outcomeOf } from "./outcome.ts";
import { calling, collect } from "./probes.ts";
import { rejectionOf } from "./spies.ts";

const END = { done: true, value: undefined } as const;
const PUT_INTO =
  'Cannot put into queue "jobs" as it was shut down. Shut it down when all has been put';
const GET_FROM =
  "Cannot get from queue \"jobs\" as it was shut down. Loop over it with 'for await', which ends then";

/** Asserts that every way to put is refused, and changes nothing. */
async function assertNoPut(queue: Queue<number>): Promise<void> {
  const before = queue.stats();
  assertThrows(() => queue.putNowait(9), QueueShutDown, PUT_INTO);
  await assertRejects(() => queue.put(9), QueueShutDown, PUT_INTO);
  await assertRejects(() => queue.put(9, { timeout: 10 }), QueueShutDown, PUT_INTO);
  await assertRejects(() => select({ put: queue.putting(9) }), QueueShutDown, PUT_INTO);
  assertEquals(queue.stats(), before);
}

/** Asserts that every way to get is refused, and the loop at its end. */
async function assertNoGet(queue: Queue<number>): Promise<void> {
  assertThrows(() => queue.getNowait(), QueueShutDown, GET_FROM);
  await assertRejects(() => queue.get(), QueueShutDown, GET_FROM);
  await assertRejects(() => queue.get({ timeout: 10 }), QueueShutDown, GET_FROM);
  await assertRejects(() => select({ queue }), QueueShutDown, GET_FROM);
  assertEquals(await collect(queue), []);
}

for (const [kind, Kind] of Object.entries({ Queue, LifoQueue, PriorityQueue })) {
  const filled = (count: number, maxsize = 0) => {
    const queue = new Kind<number>(maxsize, { name: "jobs" });
    for (let item = 0; item < count; item++) queue.putNowait(item);
    return queue;
  };

  for (const immediate of [false, true]) {
    const how = immediate ? "shut down immediately" : "shut down";

    Deno.test(`${kind}: ${how} when empty, it takes and gives nothing [W7] (CPython: test_shutdown_empty)`, async () => {
      const queue = filled(0);
      queue.shutdown({ immediate });
      assert(queue.isShutDown && queue.stats().isShutDown);
      await assertNoPut(queue);
      await assertNoGet(queue);
      await queue.join({ timeout: 0 });
    });

    Deno.test(`${kind}: ${how}, it ends those who wait to get (CPython: test_shutdown_pending_get)`, async () => {
      const queue = filled(0);
      const getting = [queue.get(), queue.get()].map(rejectionOf);
      const selecting = rejectionOf(select({ queue, other: new Queue() }));
      const next = queue[Symbol.asyncIterator]().next();
      const looping = collect(queue);
      assertEquals(queue.stats().getters, 5);
      queue.shutdown({ immediate });
      assertEquals(queue.stats().getters, 0);
      for (const error of [...await Promise.all(getting), await selecting]) {
        assertInstanceOf(error, QueueShutDown);
        assertEquals(error.message, GET_FROM);
      }
      assertEquals(await next, END);
      assertEquals(await looping, []);
    });

    Deno.test(`${kind}: ${how}, it ends those who wait to put, and their items never come (CPython: test_shutdown_put)`, async () => {
      const queue = filled(1, 1);
      const putting = [queue.put(7), queue.put(8)].map(rejectionOf);
      const selecting = rejectionOf(select({ put: queue.putting(9), other: new Queue() }));
      assertEquals(queue.stats().putters, 3);
      queue.shutdown({ immediate });
      assertEquals([queue.stats().putters, queue.stats().unfinished], [0, immediate ? 0 : 1]);
      for (const error of [...await Promise.all(putting), await selecting]) {
        assertInstanceOf(error, QueueShutDown);
        assertEquals(error.message, PUT_INTO);
      }
      assertEquals(await collect(queue), immediate ? [] : [0]);
    });

    Deno.test(`${kind}: ${how}, and again, it stays so`, async () => {
      const queue = filled(2);
      queue.shutdown({ immediate });
      queue.shutdown({ immediate });
      assertEquals(queue.size, immediate ? 0 : 2);
      await assertNoPut(queue);
    });

    Deno.test(`${kind}: ${how}, it has join() wait for what was got and is not dealt with (CPython: test_shutdown_get_task_done_join)`, async () => {
      const queue = filled(3);
      queue.getNowait();
      const joining = queue.join();
      queue.shutdown({ immediate });
      assertEquals(queue.stats().unfinished, immediate ? 1 : 3);
      assertEquals(await outcomeOf(joining), "pending");
      while (!queue.empty) {
        queue.getNowait();
        queue.taskDone();
      }
      assertEquals(await outcomeOf(joining), "pending");
      queue.taskDone();
      await joining;
      assertThrows(() => queue.taskDone(), RangeError);
    });
  }

  Deno.test(`${kind}: shut down, what is in it can still be got, then it is over [W7] (CPython: test_shutdown_nonempty)`, async () => {
    const queue = filled(3, 3);
    queue.shutdown();
    await assertNoPut(queue);
    assertEquals([queue.size, queue.empty, queue.full], [3, false, true]);
    const items = [queue.getNowait(), await queue.get(), (await select({ queue })).value];
    assertEquals(items.sort(), [0, 1, 2]);
    // Room makes no difference.
    await assertNoPut(queue);
    await assertNoGet(queue);
    assertEquals([queue.size, queue.stats().unfinished], [0, 3]);
  });

  Deno.test(`${kind}: shut down, a loop gets what is left and ends, a second one ends at once`, async () => {
    const queue = filled(3);
    queue.shutdown();
    assertEquals((await collect(queue)).sort(), [0, 1, 2]);
    assertEquals(await collect(queue), []);
    const items = queue[Symbol.asyncIterator]();
    for (let round = 0; round < 3; round++) assertEquals(await items.next(), END);
  });

  Deno.test(`${kind}: shut down immediately, what was in it is gone and dealt with [W7] (CPython: test_shutdown_immediate)`, async () => {
    const queue = filled(3, 3);
    const joining = queue.join();
    queue.shutdown({ immediate: true });
    await joining;
    assertEquals([queue.size, queue.empty, queue.full], [0, true, false]);
    assertEquals([queue.stats().unfinished, queue.stats().peakSize], [0, 3]);
    await assertNoPut(queue);
    await assertNoGet(queue);
    assertThrows(() => queue.taskDone(), RangeError);
  });

  Deno.test(`${kind}: shut down first, immediately later, it goes from the one state to the other, and not back (CPython: test_shutdown_allowed_transitions)`, async () => {
    const queue = filled(3);
    queue.shutdown();
    assertEquals(queue.getNowait() >= 0, true);
    queue.shutdown({ immediate: true });
    assertEquals([queue.size, queue.stats().unfinished], [0, 1]);
    await assertNoGet(queue);
    queue.shutdown();
    queue.shutdown({ immediate: false });
    await assertNoGet(queue);
    await assertNoPut(queue);
  });

  Deno.test(`${kind}: who waits for the end of the work is not woken by a shutdown while work is left (CPython: test_shutdown_join)`, async () => {
    const queue = filled(2);
    const joining = [queue.join(), queue.join()];
    queue.shutdown();
    for (const each of joining) assertEquals(await outcomeOf(each), "pending");
    for (let item = 0; item < 2; item++) {
      await queue.get();
      queue.taskDone();
    }
    await Promise.all(joining);
  });

  Deno.test(`${kind}: an immediate shutdown after a taskDone() too early counts right (CPython: gh-115258)`, async () => {
    const queue = filled(2);
    queue.taskDone();
    queue.taskDone();
    queue.shutdown({ immediate: true });
    assertEquals(queue.stats().unfinished, 0);
    await queue.join({ timeout: 0 });
    const other = filled(3);
    other.getNowait();
    other.taskDone();
    other.taskDone();
    other.shutdown({ immediate: true });
    assertEquals(other.stats().unfinished, 0);
    assertThrows(() => other.taskDone(), RangeError);
  });

  Deno.test(`${kind}: an item handed over before the shutdown is kept [C7]`, async () => {
    const queue = filled(0);
    const getting = queue.get();
    const next = queue[Symbol.asyncIterator]().next();
    queue.putNowait(1);
    queue.putNowait(2);
    queue.shutdown({ immediate: true });
    assertEquals([await getting, await next], [1, { done: false, value: 2 }]);
    assertEquals(queue.stats().unfinished, 2);
  });

  Deno.test(`${kind}: a put let in before the shutdown has succeeded, and its item is there [C7]`, async () => {
    const queue = filled(1, 1);
    const putting = [queue.put(1), queue.put(2)];
    queue.getNowait();
    queue.shutdown();
    await putting[0];
    assertInstanceOf(await rejectionOf(putting[1]), QueueShutDown);
    assertEquals(await collect(queue), [1]);
  });

  Deno.test(`${kind}: all methods from many tasks meet a shutdown, and every one ends (CPython: test_shutdown_all_methods_in_many_threads)`, async () => {
    for (const immediate of [false, true]) {
      await withLeakCheck(async () => {
        const queue = filled(0, 3);
        const put: number[] = [];
        const got: number[] = [];
        let joined = 0;
        await taskGroup(async (group) => {
          for (let producer = 0; producer < 5; producer++) {
            group.spawn(async () => {
              try {
                for (let n = 0;; n++) {
                  await queue.put(producer * 1000 + n);
                  put.push(producer * 1000 + n);
                }
              } catch (error) {
                assertInstanceOf(error, QueueShutDown);
              }
            });
          }
          for (let consumer = 0; consumer < 5; consumer++) {
            group.spawn(async () => {
              try {
                for (;;) {
                  got.push(await queue.get());
                  queue.taskDone();
                  if (got.length === 200) queue.shutdown({ immediate });
                }
              } catch (error) {
                assertInstanceOf(error, QueueShutDown);
              }
            });
            group.spawn(async () => {
              await queue.join();
              joined++;
            });
          }
          await waitAllTasksBlocked();
        });
        assertEquals([joined, queue.stats().unfinished, queue.size], [5, 0, 0]);
        assertEquals(new Set(got).size, got.length);
        if (!immediate) assertEquals(got.sort(), put.sort());
      });
    }
  });

  Deno.test(`${kind}: without a shutdown, full and empty are other errors [E1]`, () => {
    const queue = filled(1, 1);
    const full = assertThrows(() => queue.putNowait(1), QueueFull);
    assertEquals(
      full.message,
      'Cannot put into queue "jobs" as it is full: 1 of 1. Wait with put(), or give it more room',
    );
    queue.getNowait();
    const empty = assertThrows(() => queue.getNowait(), QueueEmpty);
    assertEquals(empty.message, 'Cannot get from queue "jobs" as it is empty. Wait with get()');
  });

  Deno.test(`${kind}: shutdown() refuses options that are none, and nothing has happened [E1]`, () => {
    const queue = filled(1);
    for (const options of [true, null, "immediate"]) {
      assertThrows(
        calling((options: never) => queue.shutdown(options), options),
        TypeError,
        'Cannot shut down queue "jobs" as the options must be an object',
      );
    }
    assertEquals([queue.isShutDown, queue.size], [false, 1]);
  });
}
