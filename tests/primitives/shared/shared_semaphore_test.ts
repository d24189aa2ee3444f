/**
 * Semaphores that threads share, in one thread. Over several threads they are in `threads_test.ts`, and what becomes of the
 * permits of the dead in `death_test.ts`.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertFalse,
  assertInstanceOf,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  Guard,
  inspect,
  select,
  SharedSemaphore,
  sleep,
  taskGroup,
  TimeoutError,
  type WaitOptions,
  yieldNow,
} from "../../../mod.ts";
import {
  waitAllTasksBlocked,
  withLeakCheck,
  withVirtualTime,
} from "../../../primitives/testing/mod.ts";
import { testHandOver, testLimits } from "../blocking_call.ts";
import { outcomeOf } from "../outcome.ts";
import { calling } from "../probes.ts";
import { rejectionOf } from "../spies.ts";
import { named } from "../waits.ts";

function without(call: (semaphore: SharedSemaphore, options?: WaitOptions) => Promise<unknown>) {
  return () => {
    const semaphore = new SharedSemaphore(0, { name: "doors" });
    return {
      target: 'shared semaphore "doors"',
      call: (options?: WaitOptions) => call(semaphore, options),
      satisfy: () => semaphore.release(),
      waiters: () => semaphore.stats().waiters,
      state: () => semaphore.available,
      conserved: (released: number, taken: number) =>
        assertEquals(semaphore.available, released - taken),
    };
  };
}

const acquiring = without((semaphore, options) => semaphore.acquire(options));
testLimits("SharedSemaphore.acquire()", acquiring);
testHandOver("SharedSemaphore.acquire()", acquiring);

testLimits(
  "SharedSemaphore.withLock()",
  without((semaphore, options) => semaphore.withLock(() => "done", options)),
);
testHandOver("SharedSemaphore.withLock()", () => {
  const semaphore = new SharedSemaphore(0);
  return {
    ...without(() => semaphore.withLock(() => {}))(),
    satisfy: () => semaphore.release(),
    waiters: () => semaphore.stats().waiters,
    conserved: (released: number) => assertEquals(semaphore.available, released),
  };
});

testHandOver(
  "select() of a SharedSemaphore",
  without((semaphore, options) => select({ semaphore }, options)),
);

Deno.test("SharedSemaphore: it gives out its permits and takes them back", async () => {
  const semaphore = new SharedSemaphore(2);
  await semaphore.acquire();
  assert(semaphore.tryAcquire());
  assertFalse(semaphore.tryAcquire());
  assert(semaphore.locked);
  semaphore.release();
  assertFalse(semaphore.locked);
  assert(semaphore.tryAcquire());
  semaphore.release(2);
  assertEquals(semaphore.available, 2);
});

Deno.test("SharedSemaphore: a release that nobody acquired for adds a permit", async () => {
  const semaphore = new SharedSemaphore(0);
  semaphore.release();
  assertEquals(semaphore.available, 1);
  await semaphore.acquire();
  semaphore.release(3);
  assertEquals(semaphore.available, 3);
});

Deno.test("SharedSemaphore: who waits longest is served first [W1]", async () => {
  const semaphore = new SharedSemaphore(0);
  const order: number[] = [];
  await taskGroup(async (group) => {
    for (let child = 0; child < 100; child++) {
      group.spawn(async () => {
        await semaphore.acquire();
        order.push(child);
      });
    }
    await waitAllTasksBlocked();
    for (let i = 0; i < 50; i++) semaphore.release();
    semaphore.release(50);
  });
  assertEquals(order, Array.from({ length: 100 }, (_, index) => index));
});

Deno.test("SharedSemaphore: a release with somebody waiting hands over: nobody else gets the permit [W1]", async () => {
  const semaphore = new SharedSemaphore(0);
  const waiting = semaphore.acquire();
  semaphore.release();
  // The one that waited has it, though it has not gone on yet.
  assertEquals(semaphore.available, 0);
  assertFalse(semaphore.tryAcquire());
  const barging = semaphore.acquire();
  await waiting;
  assertEquals(await outcomeOf(barging), "pending");
  semaphore.release();
  await barging;
});

Deno.test("SharedSemaphore: tasks that contend take strict turns, and are alone inside [W1]", async () => {
  const semaphore = new SharedSemaphore(1);
  const record: number[] = [];
  let inside = 0;
  await taskGroup((group) => {
    for (const worker of [0, 1, 2]) {
      group.spawn(async () => {
        for (let loop = 0; loop < 10; loop++) {
          using _ = await semaphore.acquire();
          record.push(worker);
          assertEquals(++inside, 1);
          await yieldNow();
          inside--;
        }
      });
    }
  });
  assertEquals(record, Array.from({ length: 30 }, (_, index) => index % 3));
});

Deno.test("SharedSemaphore: release(n) serves who waits first, and keeps what is left", async () => {
  const semaphore = new SharedSemaphore(0);
  const waiting = [semaphore.acquire(), semaphore.acquire()];
  semaphore.release(5);
  assertEquals(semaphore.stats(), { available: 3, waiters: 0, peakWaiters: 2 });
  await Promise.all(waiting);
});

Deno.test("SharedSemaphore: a guard gives its permit back, and once only [W4]", async () => {
  const semaphore = new SharedSemaphore(2);
  {
    using guard = await semaphore.acquire();
    assertInstanceOf(guard, Guard);
    assertEquals(semaphore.available, 1);
    guard[Symbol.dispose]();
    guard[Symbol.dispose]();
    assertEquals(semaphore.available, 2);
  }
  assertEquals(semaphore.available, 2);
});

Deno.test("SharedSemaphore: withLock() gives its permit back when the function throws, and passes the error on", async () => {
  const semaphore = new SharedSemaphore(1);
  const boom = new Error("boom");
  for (
    const fail of [() => Promise.reject(boom), () => sleep(0).then(() => Promise.reject(boom))]
  ) {
    assertStrictEquals(await rejectionOf(semaphore.withLock(fail)), boom);
    assertEquals(semaphore.available, 1);
  }
  assertEquals(await semaphore.withLock(() => semaphore.available), 0);
  assertThrows(calling(semaphore.withLock.bind(semaphore), 5), TypeError, "must be a function");
});

Deno.test("SharedSemaphore: of many who wait more than the memory has places for none is forgotten [W1]", async () => {
  const semaphore = new SharedSemaphore(0);
  const MANY = 2500;
  const order: number[] = [];
  await withLeakCheck(() =>
    taskGroup(async (group) => {
      const tasks = Array.from({ length: MANY }, (_, child) =>
        group.spawn(async () => {
          await semaphore.acquire();
          order.push(child);
        }));
      await waitAllTasksBlocked();
      assertEquals(semaphore.stats().waiters, MANY);
      for (const index of [0, 5, 1500, MANY - 1]) tasks[index].cancel();
      assertEquals(semaphore.stats().waiters, MANY - 4);
      semaphore.release(MANY);
    })
  );
  const left = Array.from({ length: MANY }, (_, child) => child)
    .filter((child) => ![0, 5, 1500, MANY - 1].includes(child));
  assertEquals(order, left);
  assertEquals(semaphore.stats().available, 4);
  assertEquals(semaphore.stats().waiters, 0);
});

Deno.test("SharedSemaphore: acquireSync() takes what is there, and gives up when the time is up", async () => {
  const semaphore = new SharedSemaphore(1, { name: "doors" });
  {
    using _ = semaphore.acquireSync();
    assertEquals(semaphore.available, 0);
    assertThrows(
      () => semaphore.acquireSync({ timeout: 0 }),
      TimeoutError,
      'Cannot wait for shared semaphore "doors" any longer as the time is up: 0 ms',
    );
    assertThrows(() => semaphore.acquireSync({ timeout: 2 }), TimeoutError);
  }
  assertEquals(semaphore.stats(), { available: 1, waiters: 0, peakWaiters: 1 });
  assertThrows(calling(semaphore.acquireSync.bind(semaphore), { timeout: -1 }), RangeError);
  assertThrows(calling(semaphore.acquireSync.bind(semaphore), 5), TypeError);
  // Those who wait meanwhile keep their places.
  const guard = await semaphore.acquire();
  const waiting = [semaphore.acquire(), semaphore.acquire()];
  assertThrows(() => semaphore.acquireSync({ timeout: 1 }), TimeoutError);
  guard[Symbol.dispose]();
  (await waiting[0])[Symbol.dispose]();
  (await waiting[1])[Symbol.dispose]();
  assertEquals(semaphore.available, 1);
});

Deno.test("SharedSemaphore: inspect() shows who waits for it", async () => {
  const semaphore = new SharedSemaphore(0, { name: "doors" });
  await taskGroup((group) => {
    group.spawn(() => semaphore.acquire());
    const child = inspect().children.at(-1)!.children[0];
    assertEquals(named(child.waitingFor), [{ kind: "shared semaphore", name: "doors" }]);
    semaphore.release();
  });
});

Deno.test("SharedSemaphore: bad arguments are refused at the call, before any effect [E1]", () => {
  const make = (...args: unknown[]) =>
    calling((n: number, o: never) => new SharedSemaphore(n, o), ...args);
  assertThrows(make("3"), TypeError, 'the number of permits must be a number: received "3"');
  assertThrows(make(-1), RangeError, "received -1");
  assertThrows(make(1.5), RangeError, "received 1.5");
  assertThrows(make(Infinity), RangeError, "received Infinity");
  assertThrows(make(2 ** 31), RangeError, "must be 2147483647 at most: received 2147483648");
  assertThrows(make(1, { name: 5 }), TypeError, "'name' must be a string: received 5");
  const semaphore = new SharedSemaphore(2 ** 31 - 1);
  assertThrows(() => semaphore.release(), RangeError, "it would have more than 2147483647 permits");
  assertThrows(() => semaphore.release(0), RangeError);
  assertEquals(semaphore.available, 2 ** 31 - 1);
});

Deno.test("SharedSemaphore.stats() is frozen [W9]", async () => {
  const semaphore = new SharedSemaphore(1);
  assert(Object.isFrozen(semaphore.stats()));
  assertEquals(semaphore.stats(), { available: 1, waiters: 0, peakWaiters: 0 });
  await withVirtualTime(async () => {
    await semaphore.acquire();
    await rejectionOf(semaphore.acquire({ timeout: 5 }));
  });
  assertEquals(semaphore.stats(), { available: 0, waiters: 0, peakWaiters: 1 });
});
