/**
 * Queues that threads share, in one thread. Over several threads they are in `threads_test.ts`, and what becomes of what the
 * dead were given in `death_test.ts`.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertNotStrictEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  inspect,
  QueueEmpty,
  QueueFull,
  QueueShutDown,
  select,
  SharedLock,
  SharedQueue,
  taskGroup,
  TimeoutError,
  type WaitOptions,
} from "../../../mod.ts";
import { waitAllTasksBlocked, withLeakCheck } from "../../../primitives/testing/mod.ts";
import { type BlockingCall, testHandOver, testLimits } from "../blocking_call.ts";
import { outcomeOf } from "../outcome.ts";
import { calling, collect, withHole } from "../probes.ts";
import { rejectionOf } from "../spies.ts";
import { named } from "../waits.ts";

/** Each call takes an item, which are numbered as they are put. */
function getting(call: (queue: SharedQueue<number>, options?: WaitOptions) => Promise<unknown>) {
  return (): BlockingCall => {
    const queue = new SharedQueue<number>(0, { name: "jobs" });
    let put = 0;
    const taken: unknown[] = [];
    return {
      target: 'shared queue "jobs"',
      // Not an async function, which would make a rejection of what it throws.
      call(options) {
        const item = call(queue, options);
        item.then((item) => taken.push(item), () => {});
        return item;
      },
      satisfy: () => queue.putNowait(put++),
      waiters: () => queue.stats().getters,
      state: () => [queue.size, queue.stats().bytes],
      conserved(satisfied, succeeded) {
        assertEquals([put, taken.length], [satisfied, succeeded]);
        const items = taken.map((item) =>
          typeof item === "number" ? item : (item as { value: number }).value
        );
        while (!queue.empty) items.push(queue.getNowait());
        assertEquals(items.sort(), Array.from({ length: satisfied }, (_, index) => index));
        assertEquals(queue.stats().bytes, 0);
      },
    };
  };
}

const viaGet = getting((queue, options) => queue.get(options));
testLimits("SharedQueue.get()", viaGet);
testHandOver("SharedQueue.get()", viaGet);
testHandOver("select() of a SharedQueue", getting((queue, options) => select({ queue }, options)));
testHandOver("next() of a SharedQueue", () => ({
  ...getting((queue) => queue[Symbol.asyncIterator]().next())(),
  target: undefined,
}));

/** Each call brings an item with its number; room comes with each item taken. */
function putting(
  full: () => SharedQueue<number>,
  call: (queue: SharedQueue<number>, item: number, options?: WaitOptions) => Promise<unknown>,
) {
  return (): BlockingCall => {
    const queue = full();
    let calls = 0;
    const put: number[] = [0];
    const taken: number[] = [];
    return {
      target: 'shared queue "jobs"',
      call(options) {
        const item = ++calls;
        const done = call(queue, item, options);
        done.then(() => put.push(item), () => {});
        return done;
      },
      satisfy() {
        if (!queue.empty) taken.push(queue.getNowait());
      },
      waiters: () => queue.stats().putters,
      state: () => [queue.size, queue.stats().bytes],
      conserved(_satisfied, succeeded) {
        assertEquals(put.length, 1 + succeeded);
        while (!queue.empty) taken.push(queue.getNowait());
        assertEquals(taken.sort(), put.sort());
        assertEquals(queue.stats().bytes, 0);
      },
    };
  };
}

function fullByNumber(): SharedQueue<number> {
  const queue = new SharedQueue<number>(1, { name: "jobs" });
  queue.putNowait(0);
  return queue;
}

testLimits(
  "SharedQueue.put()",
  putting(fullByNumber, (queue, item, options) => queue.put(item, options)),
);
testHandOver(
  "SharedQueue.put()",
  putting(fullByNumber, (queue, item, options) => queue.put(item, options)),
);
testHandOver(
  "select() of SharedQueue.putting()",
  putting(fullByNumber, (queue, item, options) => select({ put: queue.putting(item) }, options)),
);

Deno.test("SharedQueue: first in, first out", async () => {
  const queue = new SharedQueue<number>();
  for (const item of [1, 2, 3]) await queue.put(item);
  queue.putNowait(4);
  queue.putSync(5);
  assertEquals(queue.size, 5);
  assertEquals([
    await queue.get(),
    queue.getNowait(),
    queue.getSync(),
    await queue.get(),
    await queue.get(),
  ], [1, 2, 3, 4, 5]);
  assert(queue.empty);
});

Deno.test("SharedQueue: what is empty or full says so, by name", () => {
  const queue = new SharedQueue<number>(2, { name: "jobs", capacity: 1024 });
  assertThrows(
    () => queue.getNowait(),
    QueueEmpty,
    'Cannot get from shared queue "jobs" as it is empty',
  );
  queue.putNowait(1);
  queue.putNowait(2);
  assertThrows(
    () => queue.putNowait(3),
    QueueFull,
    'Cannot put into shared queue "jobs" as it is full: 2 items of 24 bytes, and the most is 2 of 1024',
  );
  assertThrows(() => queue.putSync(3, { timeout: 1 }), TimeoutError, 'shared queue "jobs"');
  assertEquals([queue.getNowait(), queue.getNowait()], [1, 2]);
  assertThrows(() => queue.getSync({ timeout: 1 }), TimeoutError, 'shared queue "jobs"');
  assertEquals([queue.stats().getters, queue.stats().putters], [0, 0]);
});

Deno.test("SharedQueue: items of every size come out as they went in, wherever in the ring they stand", () => {
  for (const capacity of [64, 100, 256, 1000]) {
    const queue = new SharedQueue<Uint8Array>(0, { capacity });
    const waiting: Uint8Array[] = [];
    for (let turn = 0; turn < 2000; turn++) {
      const item = new Uint8Array((turn * 7) % (capacity - 40)).map((_, index) => turn + index);
      for (;;) {
        try {
          queue.putNowait(item);
          waiting.push(item);
          break;
        } catch (error) {
          assertInstanceOf(error, QueueFull);
          assertEquals(queue.getNowait(), waiting.shift());
        }
      }
    }
    for (const item of waiting) assertEquals(queue.getNowait(), item);
    assertEquals([queue.size, queue.stats().bytes], [0, 0]);
  }
});

Deno.test("SharedQueue: an item that fills it to the last byte has room, one that is larger is refused", () => {
  const queue = new SharedQueue<string>(0, { name: "jobs", capacity: 512 });
  let length = 400;
  const put = () => queue.putNowait("x".repeat(length));
  for (;; length++) {
    try {
      put();
    } catch (error) {
      assertInstanceOf(error, RangeError);
      assert(
        /^Cannot put the item into shared queue "jobs" as it has \d+ bytes, and the queue has room for 508\. /
          .test(error.message),
      );
      break;
    }
    assertEquals(queue.getNowait().length, length);
  }
  assert(length > 490, `only ${length}`);
  assertThrows(put, RangeError);
  assertThrows(() => queue.putSync("x".repeat(length)), RangeError);
  assertThrows(calling(queue.put.bind(queue), "x".repeat(length)), RangeError);
  assertThrows(() => queue.putting("x".repeat(length)), RangeError);
  assertEquals(queue.size, 0);
});

Deno.test("SharedQueue: what the structured clone algorithm keeps is kept, and each get gives a copy", () => {
  const queue = new SharedQueue<unknown>();
  const circle: { self?: unknown } = {};
  circle.self = circle;
  const items = [
    undefined,
    null,
    true,
    -0,
    NaN,
    Infinity,
    12345678901234567890n,
    "grüße \ud83c\udf33 \ud800",
    new Date(5),
    new Map<unknown, unknown>([["a", new Set([1])]]),
    new Float64Array([1.5, NaN]),
    new Uint8Array([1, 2]).buffer,
    withHole(1),
    { a: { b: [{ c: undefined }] } },
    circle,
    new RangeError("boom"),
  ];
  for (const item of items) {
    queue.putNowait(item);
    const got = queue.getNowait();
    assertEquals(got, item);
    if (typeof item === "object" && item !== null) assertNotStrictEquals(got, item);
  }
  queue.putNowait(-0);
  assert(Object.is(queue.getNowait(), -0));
  queue.putNowait(circle);
  const again = queue.getNowait() as { self: unknown };
  assertStrictEquals(again.self, again);
});

Deno.test("SharedQueue: what cannot be copied is refused at the call, with the way to it [E1]", () => {
  const queue = new SharedQueue<unknown>(0, { name: "jobs" });
  const item = { jobs: [1, { run: () => {} }] };
  for (const put of [queue.put, queue.putNowait, queue.putSync, queue.putting]) {
    assertThrows(
      calling(put.bind(queue), item),
      TypeError,
      'Cannot put the item.jobs[1].run into shared queue "jobs" as it is the function run, which cannot be copied. Put data',
    );
  }
  assertThrows(() => queue.putNowait(Symbol("s")), TypeError, "Cannot put the item into");
  assertThrows(() => queue.putNowait({ lock: new SharedLock() }), TypeError, "the item.lock");
  assertEquals(queue.stats().size, 0);
});

Deno.test("SharedQueue: it is bounded by the bytes of its items: who puts waits until they have room, in order", async () => {
  const queue = new SharedQueue<Uint8Array>(0, { capacity: 256 });
  const item = (size: number) => new Uint8Array(size).fill(size);
  queue.putNowait(item(150));
  const done: number[] = [];
  const putting = [130, 8, 8].map((size) => queue.put(item(size)).then(() => done.push(size)));
  await waitAllTasksBlocked();
  // There is room for the small ones; but the large one was first.
  assertEquals([done, queue.stats().putters], [[], 3]);
  assertThrows(() => queue.putNowait(item(1)), QueueFull);
  assertEquals(queue.getNowait().length, 150);
  await waitAllTasksBlocked();
  assertEquals(done, [130, 8, 8].slice(0, done.length));
  assert(done.length >= 2);
  assertEquals(queue.getNowait().length, 130);
  await Promise.all(putting);
  assertEquals([queue.getNowait().length, queue.getNowait().length], [8, 8]);
});

Deno.test("SharedQueue: when the large item at the head of the line is given up, the small ones behind it go in [C7]", async () => {
  const queue = new SharedQueue<Uint8Array>(0, { capacity: 256 });
  queue.putNowait(new Uint8Array(150));
  const controller = new AbortController();
  const large = rejectionOf(queue.put(new Uint8Array(150), { signal: controller.signal }));
  const small = queue.put(new Uint8Array(8));
  assertEquals(await outcomeOf(small), "pending");
  controller.abort("enough");
  assertEquals(await large, "enough");
  await small;
  assertEquals([queue.getNowait().length, queue.getNowait().length], [150, 8]);
});

Deno.test("SharedQueue: an item that was handed to one who waits cannot be stolen [W6]", async () => {
  const queue = new SharedQueue<number>();
  const waiting = queue.get();
  queue.putNowait(1);
  assertThrows(() => queue.getNowait(), QueueEmpty);
  assertEquals(await waiting, 1);
});

Deno.test("SharedQueue.shutdown(): what is in it is still got, then loops end and gets fail; puts fail at once", async () => {
  const queue = new SharedQueue<number>(0, { name: "jobs" });
  queue.putNowait(1);
  queue.putNowait(2);
  queue.shutdown();
  assert(queue.isShutDown);
  const message =
    'Cannot put into shared queue "jobs" as it was shut down. Shut it down when all has been put';
  await assertRejects(() => queue.put(3), QueueShutDown, message);
  assertThrows(() => queue.putNowait(3), QueueShutDown, message);
  assertThrows(() => queue.putSync(3), QueueShutDown, message);
  assertEquals(await collect(queue), [1, 2]);
  const over = 'Cannot get from shared queue "jobs" as it was shut down. Loop over it';
  await assertRejects(() => queue.get(), QueueShutDown, over);
  assertThrows(() => queue.getNowait(), QueueShutDown, over);
  assertThrows(() => queue.getSync(), QueueShutDown, over);
  queue.shutdown();
});

Deno.test("SharedQueue.shutdown(): those who wait to get or put are told, and loops end", async () => {
  await withLeakCheck(async () => {
    const empty = new SharedQueue<number>();
    const getting = rejectionOf(empty.get());
    const looping = collect(empty);
    empty.shutdown();
    assertInstanceOf(await getting, QueueShutDown);
    assertEquals(await looping, []);
    const full = fullByNumber();
    const putting = rejectionOf(full.put(1));
    full.shutdown();
    assertInstanceOf(await putting, QueueShutDown);
    assertEquals(await collect(full), [0]);
  });
});

Deno.test("SharedQueue.shutdown({ immediate }): what is in it is thrown away", async () => {
  const queue = new SharedQueue<number>();
  for (const item of [1, 2, 3]) queue.putNowait(item);
  queue.shutdown({ immediate: true });
  assertEquals([queue.size, queue.stats().bytes], [0, 0]);
  assertEquals(await collect(queue), []);
  assertThrows(calling(queue.shutdown.bind(queue), { immediate: 1 }), TypeError, "received 1");
  assertThrows(calling(queue.shutdown.bind(queue), 1), TypeError, "must be an object");
});

Deno.test("SharedQueue: inspect() shows who waits for it", async () => {
  const queue = new SharedQueue<number>(0, { name: "jobs" });
  await taskGroup((group) => {
    group.spawn(() => queue.get());
    const child = inspect().children.at(-1)!.children[0];
    assertEquals(named(child.waitingFor), [{ kind: "shared queue", name: "jobs" }]);
    queue.putNowait(1);
  });
});

Deno.test("SharedQueue: bad arguments are refused at the call [E1]", () => {
  const make = (...args: unknown[]) =>
    calling((n: number, o: never) => new SharedQueue(n, o), ...args);
  assertThrows(make(-1), RangeError, "'maxsize' must be a whole number from 0 up");
  assertThrows(make("1"), TypeError, 'received "1"');
  assertThrows(
    make(0, { capacity: 63 }),
    RangeError,
    "'capacity' must be a whole number from 64 up",
  );
  assertThrows(make(0, { capacity: 2 ** 31 }), RangeError, "must be 1073741824 at most");
  assertThrows(make(0, { capacity: "1" }), TypeError, "'capacity' must be a number");
  assertThrows(make(0, { name: 5 }), TypeError, "'name' must be a string");
});

Deno.test("SharedQueue.stats() is frozen, and right at each stage [W9]", async () => {
  const queue = new SharedQueue<number>(2, { capacity: 65 });
  assert(Object.isFrozen(queue.stats()));
  const empty = {
    size: 0,
    maxsize: 2,
    peakSize: 0,
    bytes: 0,
    capacity: 68,
    putters: 0,
    getters: 0,
    isShutDown: false,
  };
  assertEquals(queue.stats(), empty);
  queue.putNowait(1);
  queue.putNowait(2);
  const putting = queue.put(3);
  assertEquals(queue.stats(), { ...empty, size: 2, peakSize: 2, bytes: 24, putters: 1 });
  queue.getNowait();
  await putting;
  assertEquals(queue.stats(), { ...empty, size: 2, peakSize: 2, bytes: 24 });
  assertEquals([queue.maxsize, queue.capacity, new SharedQueue().maxsize], [2, 68, 0]);
});
