/**
 * What acquiring gives: disposing of it gives back what was acquired, once.
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
import { BrokenResourceError, Guard, RLock, RWLock, yieldNow } from "../../mod.ts";
import { guarded } from "../../primitives/guard.ts";
import { scene } from "./actors.ts";
import { LOCK_LIKES } from "./lock_likes.ts";

/** A guard that counts how often it gives back, if it does. */
function counting(gives = () => true): { guard: Guard; count(): number } {
  let count = 0;
  return {
    guard: new Guard(() => {
      count++;
      return gives();
    }),
    count: () => count,
  };
}

/** A guard that leaves its name in a list. */
function named(name: string, given: string[]): Guard {
  return new Guard(() => given.push(name) > 0);
}

Deno.test("Guard: disposing of it gives back, and the second time does nothing [W4]", () => {
  const { guard, count } = counting();
  assertEquals(count(), 0);
  guard[Symbol.dispose]();
  assertEquals(count(), 1);
  guard[Symbol.dispose]();
  assertEquals(count(), 1);
});

Deno.test("Guard: one that had nothing to give back is not spent, and may give it back later [W4]", () => {
  let has = false;
  const { guard, count } = counting(() => has);
  guard[Symbol.dispose]();
  has = true;
  guard[Symbol.dispose]();
  guard[Symbol.dispose]();
  assertEquals(count(), 2);
});

Deno.test("Guard: 'using' gives back on every way out of a block [W4]", async () => {
  const given: string[] = [];
  const take = (name: string) => named(name, given);
  (() => {
    using _ = take("return");
    return;
  })();
  for (const _round of [1, 2]) {
    using _ = take("break");
    break;
  }
  assertThrows(() => {
    using _ = take("throw");
    throw new Error("boom");
  });
  await (async () => {
    using _ = take("await");
    await yieldNow();
    assertEquals(given, ["return", "break", "throw"]);
  })();
  assertEquals(given, ["return", "break", "throw", "await"]);
});

Deno.test("Guard: what was acquired last is given back first [W4]", () => {
  const given: string[] = [];
  {
    using _first = named("first", given);
    using _second = named("second", given);
  }
  assertEquals(given, ["second", "first"]);
});

Deno.test("Guard: giving back that leads to the guard again, or throws, still comes once [W4]", () => {
  let count = 0;
  const guard: Guard = new Guard(() => {
    count++;
    guard[Symbol.dispose]();
    throw new Error("boom");
  });
  assertThrows(() => guard[Symbol.dispose](), Error, "boom");
  guard[Symbol.dispose]();
  assertEquals(count, 1);
});

Deno.test("guarded() gives back when the function has ended, and not before", async () => {
  const { guard, count } = counting();
  const value = guarded(Promise.resolve(guard), async () => {
    await yieldNow();
    return count();
  });
  assertEquals(await value, 0);
  assertEquals(count(), 1);
});

Deno.test("guarded() gives back when the function throws, at once or later", async () => {
  const error = new Error("boom");
  const throwers = [() => {
    throw error;
  }, () => Promise.reject(error)];
  for (const thrower of throwers) {
    const { guard, count } = counting();
    assertStrictEquals(await assertRejects(() => guarded(Promise.resolve(guard), thrower)), error);
    assertEquals(count(), 1);
  }
});

Deno.test("guarded() does not call the function when nothing was acquired", async () => {
  const error = new Error("no way");
  let called = false;
  const outcome = assertRejects(() => guarded(Promise.reject(error), () => called = true));
  assertStrictEquals(await outcome, error);
  assertFalse(called);
});

for (const [name, make] of Object.entries(LOCK_LIKES)) {
  Deno.test(`${name}: a guard that is disposed of twice does not release what another task has taken since [W4]`, async () => {
    const { lock, owner } = make();
    await scene(["a", "b"], async (a, b) => {
      const guard = await a.do(() => lock.acquire());
      a.do(() => guard[Symbol.dispose]());
      assertFalse(lock.locked);
      await b.do(() => lock.acquire());
      a.do(() => guard[Symbol.dispose]());
      b.do(() => guard[Symbol.dispose]());
      assertEquals(owner(), "b");
      b.do(() => lock.release());
    });
  });

  Deno.test(`${name}: a guard that is disposed of twice does not release what its task has taken again [W4]`, async () => {
    const { lock } = make();
    const guard = await lock.acquire();
    guard[Symbol.dispose]();
    const again = await lock.acquire();
    guard[Symbol.dispose]();
    assert(lock.locked);
    again[Symbol.dispose]();
    assertFalse(lock.locked);
  });

  Deno.test(`${name}: a guard does nothing when its task has released the lock already [W4]`, async () => {
    const { lock, owner } = make();
    await scene(["a", "b"], async (a, b) => {
      const guard = await a.do(() => lock.acquire());
      a.do(() => lock.release());
      a.do(() => guard[Symbol.dispose]());
      assertFalse(lock.locked);

      const second = await a.do(() => lock.acquire());
      a.do(() => lock.release());
      await b.do(() => lock.acquire());
      a.do(() => second[Symbol.dispose]());
      assertEquals(owner(), "b");
      b.do(() => lock.release());
    });
  });

  Deno.test(
    `${name}: the guard of one who has released the lock himself is not that of the next [W4]`,
    async () => {
      for (const waits of [false, true]) {
        const { lock } = make();
        await scene(["a", "b"], async (a, b) => {
          const stale = await a.do(() => lock.acquire());
          const waiting = waits ? b.do(() => lock.acquire()) : undefined;
          a.do(() => lock.release());
          const guard = await (waiting ?? b.do(() => lock.acquire()));
          a.do(() => stale[Symbol.dispose]());
          b.do(() => guard[Symbol.dispose]());
          assertFalse(lock.locked, "b has given it back");
        });
      }
    },
  );

  Deno.test(
    `${name}: a function under withLock() may release it early, and the next to have it does not notice [W4]`,
    async () => {
      const { lock, broken } = make();
      await scene(["a", "b"], async (a, b) => {
        const working = a.do(() =>
          lock.withLock(async () => {
            lock.release();
            await yieldNow();
          })
        );
        const guard = await b.do(() => lock.acquire());
        await working;
        b.do(() => guard[Symbol.dispose]());
        assertFalse(lock.locked);
      });
      assertFalse(broken());
    },
  );

  Deno.test(`${name}: a guard gives back in a task that was cancelled [W4]`, async () => {
    const { lock, broken } = make();
    await scene(["a"], async (a) => {
      const guard = await a.do(() => lock.acquire());
      a.task.cancel();
      a.do(() => guard[Symbol.dispose]());
      await a.task.join();
    });
    assertEquals([lock.locked, broken()], [false, false]);
  });
}

Deno.test("Lock, RLock: a guard gives back what its task holds, also what it has taken again after a release() [W4]", async () => {
  for (const name of ["Lock", "RLock"]) {
    const { lock, owner } = LOCK_LIKES[name]();
    await scene(["a", "b"], async (a, b) => {
      const first = await a.do(() => lock.acquire());
      a.do(() => lock.release());
      const second = await a.do(() => lock.acquire());
      a.do(() => first[Symbol.dispose]());
      assertFalse(lock.locked);
      await b.do(() => lock.acquire());
      a.do(() => second[Symbol.dispose]());
      a.do(() => first[Symbol.dispose]());
      assertEquals(owner(), "b");
      b.do(() => lock.release());
    });
  }
});

Deno.test("RWLock.write: a guard does not release what its task has taken again after a release() [W4]", async () => {
  const lock = new RWLock();
  const stale = await lock.write.acquire();
  lock.write.release();
  const guard = await lock.write.acquire();
  stale[Symbol.dispose]();
  assert(lock.write.locked, "it is taken, by the second acquire()");
  guard[Symbol.dispose]();
  assertFalse(lock.write.locked);
});

Deno.test("Lock: a guard in the hands of another task does not take the lock from its owner [W2, W4]", async () => {
  for (const name of ["Lock", "RLock"]) {
    const { lock, owner } = LOCK_LIKES[name]();
    await scene(["a", "b"], async (a, b) => {
      const guard = await a.do(() => lock.acquire());
      try {
        b.do(() => guard[Symbol.dispose]());
      } catch (error) {
        assert(error instanceof TypeError);
      }
      assertEquals(owner(), "a");
      a.do(() => lock.release());
      assertFalse(lock.locked);
    });
  }
});

Deno.test("RLock: each guard gives back one of the times it was taken, in whatever order, and once [W4]", async () => {
  const lock = new RLock();
  const guards = [await lock.acquire(), await lock.acquire(), await lock.acquire()];
  assertEquals(lock.depth, 3);
  for (const [index, depth] of [[0, 2], [0, 2], [2, 1], [2, 1], [1, 0], [1, 0]]) {
    guards[index][Symbol.dispose]();
    assertEquals(lock.depth, depth);
  }
  assertFalse(lock.locked);
});

Deno.test("RWLock.read: each guard ends one reading, and once [W4]", async () => {
  const lock = new RWLock();
  await scene(["a", "b"], async (a, b) => {
    const guards = [
      await a.do(() => lock.read.acquire()),
      await b.do(() => lock.read.acquire()),
      await a.do(() => lock.read.acquire()),
    ];
    for (const [index, readers] of [[0, 2], [0, 2], [1, 1], [1, 1], [2, 0], [2, 0]]) {
      const reader = index === 1 ? b : a;
      reader.do(() => guards[index][Symbol.dispose]());
      assertEquals(lock.stats().readers, readers);
    }
  });
  assertFalse(lock.read.locked);
});

Deno.test("RWLock.read: a guard does nothing when its reading was released, or broken off [W4]", async () => {
  const lock = new RWLock();
  await scene(["a", "b"], async (a, b) => {
    const guard = await a.do(() => lock.read.acquire());
    a.do(() => lock.read.release());
    await b.do(() => lock.read.acquire());
    a.do(() => guard[Symbol.dispose]());
    assertEquals(lock.stats().readers, 1);
    b.do(() => lock.read.release());

    const forgotten = await a.do(() => lock.read.acquire());
    await a.leave();
    forgotten[Symbol.dispose]();
    assertEquals(lock.stats().readers, 0);
    await assertRejects(() => lock.write.acquire(), BrokenResourceError);
  });
});
