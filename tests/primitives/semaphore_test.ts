/**
 * Semaphores.
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
  CancelScope,
  checkpoint,
  Guard,
  inspect,
  select,
  Semaphore,
  taskGroup,
  TimeoutError,
  type WaitOptions,
  yieldNow,
} from "../../mod.ts";
import {
  interruptAtEveryStep,
  waitAllTasksBlocked,
  withLeakCheck,
  withVirtualTime,
} from "../../primitives/testing/mod.ts";
import { testHandOver, testLimits } from "./blocking_call.ts";
import { outcomeOf } from "./outcome.ts";
import { calling } from "./probes.ts";
import { rejectionOf } from "./spies.ts";
import { named } from "./waits.ts";

function without(call: (semaphore: Semaphore, options?: WaitOptions) => Promise<unknown>) {
  return () => {
    const semaphore = new Semaphore(0, { name: "doors" });
    return {
      target: 'semaphore "doors"',
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
testLimits("Semaphore.acquire()", acquiring);
testHandOver("Semaphore.acquire()", acquiring);

const working = without((semaphore, options) => semaphore.withLock(() => "done", options));
testLimits("Semaphore.withLock()", working);

const selecting = without((semaphore, options) => select({ semaphore }, options));
testHandOver("select() of a semaphore", selecting);

Deno.test("A semaphore gives out its permits and takes them back (CPython: test_acquire, test_try_acquire)", async () => {
  const semaphore = new Semaphore(2);
  await semaphore.acquire();
  assert(semaphore.tryAcquire());
  assertFalse(semaphore.tryAcquire());
  assert(semaphore.locked);
  semaphore.release();
  assertFalse(semaphore.locked);
  assert(semaphore.tryAcquire());
  semaphore.release();
  semaphore.release();
  assertEquals(semaphore.available, 2);
});

Deno.test("A release that nobody acquired for adds a permit (CPython: test_release_unacquired)", async () => {
  const semaphore = new Semaphore(0);
  semaphore.release();
  assertEquals(semaphore.available, 1);
  await semaphore.acquire();
  semaphore.release(3);
  assertEquals(semaphore.available, 3);
});

Deno.test("Many contend for few permits: each release lets one go on (CPython: test_acquire_contended)", async () => {
  const semaphore = new Semaphore(7);
  await semaphore.acquire();
  const phases: number[] = [];
  let phase = 0;
  await taskGroup(async (group) => {
    for (let child = 0; child < 10; child++) {
      group.spawn(async () => {
        await semaphore.acquire();
        phases.push(phase);
        await semaphore.acquire();
        phases.push(phase);
      });
    }
    const count = (which: number) => phases.filter((each) => each === which).length;
    await waitAllTasksBlocked();
    assertEquals([count(0), phases.length], [6, 6]);
    phase = 1;
    for (let i = 0; i < 7; i++) semaphore.release();
    await waitAllTasksBlocked();
    assertEquals([count(1), phases.length], [7, 13]);
    phase = 2;
    semaphore.release(6);
    await waitAllTasksBlocked();
    assertEquals([count(2), phases.length], [6, 19]);
    assertFalse(semaphore.tryAcquire());
    semaphore.release();
  });
  assertEquals(phases.length, 20);
});

Deno.test("Who waits longest is served first [W1]", async () => {
  const semaphore = new Semaphore(0);
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

Deno.test("A release with somebody waiting hands over: nobody else gets the permit meanwhile [W1] (Trio: test_Semaphore)", async () => {
  const semaphore = new Semaphore(1);
  const record: string[] = [];
  assert(semaphore.tryAcquire());
  await taskGroup(async (group) => {
    group.spawn(async () => {
      record.push("started");
      await semaphore.acquire();
      record.push("finished");
    });
    assertFalse(semaphore.tryAcquire());
    semaphore.release();
    // The one that waited has it, though it has not gone on yet.
    assertEquals(record, ["started"]);
    assertEquals([semaphore.available, semaphore.locked], [0, true]);
    assertFalse(semaphore.tryAcquire());
    const barging = semaphore.acquire();
    assertEquals(await outcomeOf(barging), "pending");
    semaphore.release();
    await barging;
  });
  assertEquals(record, ["started", "finished"]);
});

Deno.test("Workers take strict turns, and are alone inside [W1] (Trio: generic_lock_exclusion, _fifo_fairness)", async () => {
  const semaphore = new Semaphore(1);
  const record: number[] = [];
  let inside = 0;
  await taskGroup((group) => {
    for (const worker of [0, 1, 2]) {
      group.spawn(async () => {
        for (let loop = 0; loop < 10; loop++) {
          using _ = await semaphore.acquire();
          record.push(worker);
          assertEquals(++inside, 1);
          await checkpoint();
          await yieldNow();
          inside--;
        }
      });
    }
  });
  assertEquals(record, Array.from({ length: 30 }, (_, index) => index % 3));
});

Deno.test("release(n) serves who waits first, and keeps what is left", async () => {
  const semaphore = new Semaphore(0);
  const waiting = [semaphore.acquire(), semaphore.acquire()];
  semaphore.release(5);
  assertEquals(semaphore.stats(), { available: 3, waiters: 0, peakWaiters: 2 });
  await Promise.all(waiting);
  const three = [
    semaphore.acquire(),
    semaphore.acquire(),
    semaphore.acquire(),
    semaphore.acquire(),
  ];
  assertEquals(semaphore.stats().waiters, 1);
  semaphore.release();
  await Promise.all(three);
});

Deno.test("release(n) with more who wait than permits lets so many go on", async () => {
  const semaphore = new Semaphore(0);
  const waiting = [1, 2, 3].map(() => semaphore.acquire());
  semaphore.release(2);
  assertEquals(semaphore.stats(), { available: 0, waiters: 1, peakWaiters: 3 });
  await Promise.all(waiting.slice(0, 2));
  assertEquals(await outcomeOf(waiting[2]), "pending");
  semaphore.release();
  await waiting[2];
});

Deno.test("A guard gives its permit back on every way out of the block [W4] (CPython: test_with)", async () => {
  const semaphore = new Semaphore(2);
  const boom = new Error("boom");
  async function work(fails: boolean) {
    using _outer = await semaphore.acquire();
    using _inner = await semaphore.acquire();
    assertFalse(semaphore.tryAcquire());
    if (fails) throw boom;
  }
  await work(false);
  assertEquals(semaphore.available, 2);
  assertStrictEquals(await rejectionOf(work(true)), boom);
  assertEquals(semaphore.available, 2);
});

Deno.test("A guard disposed of twice gives one permit back [W4]", async () => {
  const semaphore = new Semaphore(1);
  const guard = await semaphore.acquire();
  assertInstanceOf(guard, Guard);
  for (let round = 0; round < 3; round++) {
    guard[Symbol.dispose]();
    assertEquals(semaphore.available, 1);
  }
});

Deno.test("A guard that was handed over gives back once too, and to the next in line [W4]", async () => {
  const semaphore = new Semaphore(0);
  const waiting = [1, 2, 3].map(() => semaphore.acquire());
  semaphore.release();
  const guard = await waiting[0];
  guard[Symbol.dispose]();
  guard[Symbol.dispose]();
  await waiting[1];
  assertEquals(await outcomeOf(waiting[2]), "pending");
  semaphore.release();
  await waiting[2];
  const other = new Semaphore(1);
  const { value } = await select({ other });
  value[Symbol.dispose]();
  value[Symbol.dispose]();
  assertEquals(other.available, 1);
});

Deno.test("withLock() passes on value and error, and gives the permit back", async () => {
  const semaphore = new Semaphore(1);
  const boom = new Error("boom");
  assertEquals(await semaphore.withLock(() => semaphore.available), 0);
  assertEquals(semaphore.available, 1);
  assertEquals(await semaphore.withLock(async () => await "later"), "later");
  assertStrictEquals(await rejectionOf(semaphore.withLock(() => Promise.reject(boom))), boom);
  assertEquals(semaphore.available, 1);
  const thrower = () => {
    throw boom;
  };
  assertStrictEquals(await rejectionOf(semaphore.withLock(thrower)), boom);
  assertEquals(semaphore.available, 1);
});

Deno.test("withLock() does not call the function when there was no permit in time", async () => {
  await withVirtualTime(async () => {
    const semaphore = new Semaphore(0);
    let called = false;
    const work = () => semaphore.withLock(() => called = true, { timeout: 10 });
    await assertRejects(work, TimeoutError);
    assertFalse(called);
    assertEquals(semaphore.available, 0);
  });
});

Deno.test("withLock() may be interrupted at every step, alone and with a rival: the permit comes back [C7]", async () => {
  for (const rival of [false, true]) {
    const { interrupted } = await interruptAtEveryStep((interrupt) =>
      withLeakCheck(async () => {
        const semaphore = new Semaphore(1);
        let inside = 0;
        const work = () =>
          semaphore.withLock(async () => {
            assertEquals(++inside, 1);
            try {
              for (let turn = 0; turn < 2; turn++) await yieldNow();
            } finally {
              inside--;
            }
          });
        await taskGroup(async (group) => {
          if (rival) { for (let i = 0; i < 2; i++) group.spawn(work); }
          await interrupt(work);
          assert(semaphore.available === 1 || rival);
        });
        assertEquals(semaphore.stats(), {
          available: 1,
          waiters: 0,
          peakWaiters: semaphore.stats().peakWaiters,
        });
      })
    );
    assert(interrupted > 3);
  }
});

Deno.test("A permit that somebody waits for, cancelled just before or after the release, is free in the end (anyio)", async () => {
  for (const order of ["cancel first", "release first"]) {
    const semaphore = new Semaphore(0);
    const scope = new CancelScope();
    const waiting = scope.enter(async () => {
      using _ = await semaphore.acquire();
    });
    if (order === "cancel first") scope.cancel();
    semaphore.release();
    scope.cancel();
    await waiting;
    assertEquals(semaphore.stats(), { available: 1, waiters: 0, peakWaiters: 1 }, order);
  }
});

Deno.test("Of a hundred cancelled waiters nothing is left (Trio: memleak_548)", async () => {
  const semaphore = new Semaphore(0);
  await taskGroup(async (group) => {
    for (let child = 0; child < 100; child++) group.spawn(() => semaphore.acquire());
    await waitAllTasksBlocked();
    assertEquals(semaphore.stats().waiters, 100);
    for (const task of group.tasks) task.cancel();
  });
  assertEquals(semaphore.stats(), { available: 0, waiters: 0, peakWaiters: 100 });
  semaphore.release();
  assertEquals(semaphore.available, 1);
});

Deno.test("In a select a semaphore gives its guard, and a lost one keeps its permits [W8]", async () => {
  const [a, b] = [new Semaphore(1), new Semaphore(1)];
  const first = await select({ a, b }, { biased: true });
  assertEquals([first.key, a.available, b.available], ["a", 0, 1]);
  const second = await select({ a, b }, { biased: true });
  assertEquals([second.key, a.available, b.available], ["b", 0, 0]);
  const third = select({ a, b });
  assertEquals([a.stats().waiters, b.stats().waiters], [1, 1]);
  first.value[Symbol.dispose]();
  assertEquals([a.stats().waiters, b.stats().waiters], [0, 0]);
  assertEquals((await third).key, "a");
  second.value[Symbol.dispose]();
  assertEquals([a.available, b.available], [0, 1]);
});

Deno.test("A semaphore of Infinity never makes anybody wait", async () => {
  const semaphore = new Semaphore(Infinity);
  const guards = await Promise.all([1, 2, 3].map(() => semaphore.acquire({ timeout: 0 })));
  assertEquals([semaphore.available, semaphore.locked], [Infinity, false]);
  for (const guard of guards) guard[Symbol.dispose]();
  assertEquals(semaphore.available, Infinity);
  assertThrows(() => semaphore.release(Infinity), RangeError, "must be a whole number from 1 up");
});

Deno.test("A semaphore tells how it is doing, in a frozen snapshot [W9]", async () => {
  const semaphore = new Semaphore(1);
  const before = semaphore.stats();
  assert(Object.isFrozen(before));
  const waiting = [semaphore.acquire(), semaphore.acquire(), semaphore.acquire()];
  assertEquals(semaphore.stats(), { available: 0, waiters: 2, peakWaiters: 2 });
  semaphore.release(2);
  assertEquals(before, { available: 1, waiters: 0, peakWaiters: 0 });
  await Promise.all(waiting);
});

Deno.test("A wait for a semaphore shows in inspect() by its name", async () => {
  const semaphore = new Semaphore(0, { name: "doors" });
  await taskGroup((group) => {
    group.spawn(() => semaphore.acquire());
    const [visitor] = inspect().children[0].children;
    assertEquals(named(visitor.waitingFor), [{ kind: "semaphore", name: "doors" }]);
    semaphore.release();
  });
});

Deno.test("A semaphore refuses numbers and names that make no sense, and stays as it was [E1] (CPython: test_constructor)", () => {
  const make = (...args: [never, never]) => new Semaphore(...args);
  for (const permits of [-1, 1.5, NaN, -Infinity]) {
    assertThrows(
      calling(make, permits),
      RangeError,
      `Cannot make a semaphore as the number of permits must be a whole number from 0 up, or Infinity: received ${permits}`,
    );
  }
  for (const permits of ["3", undefined, null, 3n]) {
    assertThrows(calling(make, permits), TypeError, "the number of permits must be a number");
  }
  assertThrows(calling(make, 1, { name: 3 }), TypeError, "'name' must be a string: received 3");
  assertThrows(calling(make, 1, 3), TypeError, "the options must be an object");
  const semaphore = new Semaphore(1, { name: "doors" });
  const release = (count: never) => semaphore.release(count);
  for (const count of [0, -1, 1.5, NaN]) {
    assertThrows(
      calling(release, count),
      RangeError,
      `Cannot release semaphore "doors" as the number of permits must be a whole number from 1 up`,
    );
  }
  assertThrows(calling(release, "3"), TypeError, 'must be a number: received "3"');
  assertThrows(calling(semaphore.withLock.bind(semaphore), 3), TypeError, "must be a function");
  assertEquals(semaphore.stats(), { available: 1, waiters: 0, peakWaiters: 0 });
});
