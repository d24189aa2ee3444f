/**
 * Readers-writer locks: who may give them back, what becomes of one whose reader or writer ends with it in the hands, and
 * how they are doing.
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
  BrokenResourceError,
  Channel,
  isCancelled,
  RWLock,
  select,
  taskGroup,
  yieldNow,
} from "../../mod.ts";
import { waitAllTasksBlocked, withLeakCheck } from "../../primitives/testing/mod.ts";
import { scene } from "./actors.ts";
import { calling } from "./probes.ts";
import { rejectionOf } from "./spies.ts";

Deno.test("RWLock.read: only who reads can end a reading [W2]", async () => {
  const lock = new RWLock({ name: "map" });
  await scene(["a", "b"], async (a, b) => {
    assertThrows(
      () => a.do(() => lock.read.release()),
      TypeError,
      'Cannot release read lock "map" as the calling task does not hold it. Let the task that acquired it release it, once',
    );
    await a.do(() => lock.read.acquire());
    assertThrows(() => b.do(() => lock.read.release()), TypeError);
    assertThrows(() => a.do(() => lock.write.release()), TypeError);
    assertEquals(lock.stats().readers, 1);
    await b.do(() => lock.read.acquire());
    a.do(() => lock.read.release());
    assertThrows(() => a.do(() => lock.read.release()), TypeError);
    assertEquals(lock.stats().readers, 1);
    b.do(() => lock.read.release());
  });
});

Deno.test("RWLock: who writes does not read, and who holds another lock reads not this one [W2]", async () => {
  const [lock, another] = [new RWLock(), new RWLock()];
  await lock.write.acquire();
  assertThrows(() => lock.read.release(), TypeError);
  await another.read.acquire();
  assertThrows(() => lock.read.release(), TypeError);
  assertThrows(() => another.write.release(), TypeError);
  lock.write.release();
  another.read.release();
  assertFalse(lock.write.locked || another.read.locked);
});

Deno.test("RWLock: a task that reads several finds the right one to give back [W2]", async () => {
  const locks = [new RWLock(), new RWLock(), new RWLock()];
  for (const lock of locks) await lock.read.acquire();
  locks[1].read.release();
  assertEquals(locks.map((lock) => lock.stats().readers), [1, 0, 1]);
  locks[0].read.release();
  locks[2].read.release();
  assertEquals(locks.map((lock) => lock.stats().readers), [0, 0, 0]);
});

for (const side of ["read", "write"] as const) {
  Deno.test(`RWLock.${side}: an owner that ends with it in the hands breaks it, for readers and writers [W2]`, async () => {
    const lock = new RWLock({ name: "map" });
    await scene(["a", "w", "r", "x"], async (a, w, r, x) => {
      await a.do(() => lock[side].acquire());
      const waiting = [
        w.do(() => lock.write.acquire()),
        r.do(() => lock.read.acquire()),
        x.do(() => select({ write: lock.write, read: lock.read })),
      ].map((promise) => rejectionOf(promise));
      await a.leave();
      for (const error of await Promise.all(waiting)) {
        assertInstanceOf(error, BrokenResourceError);
        assert(/Cannot acquire (read|write) lock "map" as task "a" has ended/.test(error.message));
      }
      const { readers, writer, waitingReaders, waitingWriters, broken } = lock.stats();
      assertEquals([readers, writer, waitingReaders, waitingWriters, broken], [
        0,
        null,
        0,
        0,
        true,
      ]);
      for (const later of [lock.read, lock.write]) {
        const message = `Cannot acquire ${later.kind} "map" as task "a" has ended`;
        await assertRejects(() => later.acquire(), BrokenResourceError, message);
        assertThrows(() => later.tryAcquire(), BrokenResourceError, message);
        await assertRejects(() => select({ later }), BrokenResourceError, message);
        await assertRejects(() => later.withLock(() => 1), BrokenResourceError, message);
      }
    });
  });
}

Deno.test("RWLock: when one reader breaks it, the others can still end their readings [W2]", async () => {
  const lock = new RWLock();
  await scene(["a", "b", "w"], async (a, b, w) => {
    await a.do(() => lock.read.acquire());
    const guard = await b.do(() => lock.read.acquire());
    const writing = rejectionOf(w.do(() => lock.write.acquire()));
    await a.leave();
    assertInstanceOf(await writing, BrokenResourceError);
    assertEquals(lock.stats().readers, 1);
    b.do(() => guard[Symbol.dispose]());
    assertEquals([lock.stats().readers, lock.read.locked], [0, false]);
  });
});

Deno.test("RWLock: the first who broke it is the one who is named [W2]", async () => {
  const lock = new RWLock();
  await scene(["first", "second"], async (first, second) => {
    await first.do(() => lock.read.acquire());
    await second.do(() => lock.read.acquire());
    await first.leave();
    await second.leave();
    await assertRejects(() => lock.write.acquire(), BrokenResourceError, 'task "first" has ended');
    assertEquals(lock.stats().readers, 0);
  });
});

Deno.test("RWLock: in a group that fails, the siblings are cancelled, and not told that it is broken [W2, G2]", async () => {
  const lock = new RWLock();
  const boom = new Error("boom");
  const told: unknown[] = [];
  const failed = await rejectionOf(scene(["a", "w", "r"], async (a, w, r) => {
    await a.do(() => lock.read.acquire());
    const writing = rejectionOf(w.do(() => lock.write.acquire()));
    const reading = rejectionOf(
      r.do(() => lock.read.acquire().then(() => "let in")).then(
        // The writer ahead is cancelled first, and the reader was let in before its turn came.
        () => Promise.reject("let in"),
      ),
    );
    a.fail(boom);
    told.push(await writing, await reading);
    throw told[0];
  }));
  assertStrictEquals(failed, boom);
  assert(isCancelled(told[0]));
  assert(told[1] === "let in" || isCancelled(told[1]));
});

Deno.test("RWLock.stats() is frozen, and right at each stage [W9]", async () => {
  const lock = new RWLock();
  const free = {
    readers: 0,
    writer: null,
    waitingReaders: 0,
    waitingWriters: 0,
    peakWaitingReaders: 0,
    peakWaitingWriters: 0,
    broken: false,
  };
  assertEquals(lock.stats(), free);
  assert(Object.isFrozen(lock.stats()));
  await scene(["a", "b", "w", "x"], async (a, b, w, x) => {
    await a.do(() => lock.read.acquire());
    await a.do(() => lock.read.acquire());
    assertEquals(lock.stats(), { ...free, readers: 2 });
    const waiting = [w, x].map((actor) => actor.do(() => lock.write.acquire()));
    const reading = b.do(() => lock.read.acquire());
    const peaks = { peakWaitingReaders: 1, peakWaitingWriters: 2 };
    assertEquals(lock.stats(), {
      ...free,
      ...peaks,
      readers: 2,
      waitingReaders: 1,
      waitingWriters: 2,
    });
    a.do(() => lock.read.release());
    a.do(() => lock.read.release());
    assertEquals(lock.stats(), {
      ...free,
      ...peaks,
      writer: "w",
      waitingReaders: 1,
      waitingWriters: 1,
    });
    await waiting[0];
    w.do(() => lock.write.release());
    assertEquals(lock.stats(), { ...free, ...peaks, readers: 1, waitingWriters: 1 });
    await reading;
    b.do(() => lock.read.release());
    assertEquals(lock.stats(), { ...free, ...peaks, writer: "x" });
    await waiting[1];
    x.do(() => lock.write.release());
    assertEquals(lock.stats(), { ...free, ...peaks });
  });
});

Deno.test("RWLock: it and its sides have its name, and their own kinds", () => {
  const lock = new RWLock({ name: "map" });
  assertEquals([lock.name, lock.read.name, lock.write.name], ["map", "map", "map"]);
  assertEquals([lock.read.kind, lock.write.kind], ["read lock", "write lock"]);
  assertEquals(new RWLock().name, "");
});

Deno.test("RWLock: a name that is no string, and options that are no object, are refused [E1]", () => {
  const make = (options: unknown) => calling((options: never) => new RWLock(options), options);
  const action = "Cannot make a readers-writer lock as ";
  assertThrows(make({ name: 5 }), TypeError, `${action}'name' must be a string: received 5`);
  assertThrows(make("map"), TypeError, `${action}the options must be an object`);
});

Deno.test("RWLock: a select that waits for both sides takes one of them [W8]", async () => {
  const lock = new RWLock();
  await scene(["w", "s"], async (w, s) => {
    await w.do(() => lock.write.acquire());
    const selecting = s.do(() => select({ write: lock.write, read: lock.read }));
    assertEquals([lock.stats().waitingReaders, lock.stats().waitingWriters], [1, 1]);
    w.do(() => lock.write.release());
    const { key, value } = await selecting;
    assertEquals(key, "read", "the readers are next");
    const { readers, writer, waitingReaders, waitingWriters } = lock.stats();
    assertEquals([readers, writer, waitingReaders, waitingWriters], [1, null, 0, 0]);
    s.do(() => value[Symbol.dispose]());
    assertFalse(lock.read.locked);
  });
});

Deno.test(
  "RWLock: a select that waits for both sides, and is won by a third arm, takes neither [W8]",
  async () => {
    // The arms are tried, and withdrawn, in an order that changes.
    for (let round = 0; round < 16; round++) {
      await withLeakCheck(() =>
        taskGroup(async (group) => {
          const lock = new RWLock();
          const items = new Channel<string>(0);
          group.spawn(async () => {
            using _ = await lock.read.acquire();
            await waitAllTasksBlocked();
          });
          const writer = group.spawn(() => lock.write.acquire());
          await yieldNow();
          const selecting = group.spawn(() =>
            select({ write: lock.write, read: lock.read, items })
              .then(({ key, value }) => [key, value])
          );
          await yieldNow();
          writer.cancel();
          // Now nobody but the select itself keeps readers out.
          assertEquals(lock.stats().readers, 1);
          assert(items.trySend("item"));
          assertEquals(lock.stats().readers, 1);
          assertEquals(await selecting, ["items", "item"]);
        })
      );
    }
  },
);
