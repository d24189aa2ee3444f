/**
 * Locks: whose they are, and what becomes of one whose owner ends with it in the hands.
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
  DeadlockError,
  isCancelled,
  Lock,
  RLock,
  select,
  sleep,
  taskGroup,
} from "../../mod.ts";
import { waitAllTasksBlocked, withLeakCheck } from "../../primitives/testing/mod.ts";
import { scene } from "./actors.ts";
import { LOCK_LIKES } from "./lock_likes.ts";
import { outcomeOf } from "./outcome.ts";
import { rejectionOf } from "./spies.ts";

for (const [name, make] of Object.entries(LOCK_LIKES)) {
  Deno.test(`${name}: a free one cannot be released [W2]`, async () => {
    const { lock, target } = make();
    assertThrows(() => lock.release(), TypeError, `Cannot release ${target} as `);
    assertFalse(lock.locked);
    await lock.acquire();
    lock.release();
    assertThrows(() => lock.release(), TypeError);
    assert(lock.tryAcquire());
    lock.release();
  });

  Deno.test(`${name}: only its owner can release it, and a vain release changes nothing [W2]`, async () => {
    const { lock, target, owner, waiters } = make();
    await scene(["a", "b", "c"], async (a, b, c) => {
      await a.do(() => lock.acquire());
      const waiting = b.do(() => lock.acquire());
      for (const stranger of [b, c]) {
        assertThrows(() => stranger.do(() => lock.release()), TypeError, `release ${target} as `);
      }
      assertThrows(
        () => lock.release(),
        TypeError,
        "Let the task that acquired it release it, once",
      );
      assertEquals(owner(), "a");
      assertEquals(waiters(), 1);
      a.do(() => lock.release());
      await waiting;
      assertThrows(() => a.do(() => lock.release()), TypeError);
      assertEquals(owner(), "b");
      b.do(() => lock.release());
    });
    assertFalse(lock.locked);
  });

  Deno.test(`${name}: the children of its owner, and the parent, are others [W2]`, async () => {
    const { lock } = make();
    await taskGroup((outer) => {
      outer.spawn(async () => {
        using _ = await lock.acquire();
        await taskGroup((inner) => {
          // In the body it is the task that opened the group.
          lock.release();
          assert(lock.tryAcquire());
          inner.spawn(() => {
            assertThrows(() => lock.release(), TypeError);
            assertFalse(lock.tryAcquire());
          });
        });
      });
      outer.spawn(async () => {
        await waitAllTasksBlocked();
        assertFalse(lock.locked);
      });
    });
  });

  Deno.test(`${name}: its owner may give it back in a scope that is cancelled, and long after [W2]`, async () => {
    const { lock } = make();
    await taskGroup(async (group) => {
      const task = group.spawn(async () => {
        await lock.acquire();
        try {
          await sleep(Infinity);
        } finally {
          lock.release();
        }
      });
      await waitAllTasksBlocked();
      assert(lock.locked);
      task.cancel();
      await task.join();
    });
    assertFalse(lock.locked);
    assert(lock.tryAcquire());
    lock.release();
  });

  const ends = {
    "returns": (owner: { leave(): Promise<void> }) => owner.leave(),
    "fails": (owner: { fail(error: unknown): Promise<void> }) => owner.fail(new Error("boom")),
    "is cancelled": ({ task }: { task: { cancel(): void; join(): Promise<void> } }) => {
      task.cancel();
      return task.join();
    },
  };
  for (const [how, end] of Object.entries(ends)) {
    Deno.test(`${name}: an owner that ${how} with it in the hands breaks it, for those who wait and all who come [W2]`, async () => {
      const { lock, target, owner, waiters, broken } = make();
      const played = scene(["a", "b", "c", "d"], async (a, b, c, d) => {
        await a.do(() => lock.acquire());
        const waiting = [
          b.do(() => lock.acquire()),
          c.do(() => lock.withLock(() => "not called")),
          d.do(() => select({ lock })),
        ].map((promise) => rejectionOf(promise));
        assertFalse(broken());
        await end(a);
        const message =
          `Cannot acquire ${target} as task "a" has ended without releasing it, and what it protects may be half done. Acquire it with 'using', and make a new one`;
        for (const error of await Promise.all(waiting)) {
          assertInstanceOf(error, BrokenResourceError);
          assertEquals(error.message, message);
        }
        assertEquals([broken(), lock.locked, owner(), waiters()], [true, false, null, 0]);
        assertThrows(() => b.do(() => lock.tryAcquire()), BrokenResourceError, message);
        await assertRejects(() => b.do(() => lock.acquire()), BrokenResourceError, message);
        await assertRejects(() => b.do(() => lock.withLock(() => 1)), BrokenResourceError, message);
        await assertRejects(() => b.do(() => select({ lock })), BrokenResourceError, message);
        assertThrows(() => b.do(() => lock.release()), TypeError);
        assertEquals(waiters(), 0);
      }, { onFailure: "continue" });
      if (how === "fails") await assertRejects(() => played, AggregateError);
      else await played;
    });
  }

  Deno.test(`${name}: in a group that fails, the siblings are cancelled, and not told that it is broken [W2, G2]`, async () => {
    const { lock, broken } = make();
    const boom = new Error("boom");
    let told: unknown;
    const failed = await rejectionOf(scene(["a", "b"], async (a, b) => {
      await a.do(() => lock.acquire());
      const waiting = b.do(() => lock.acquire());
      a.fail(boom);
      told = await rejectionOf(waiting);
      throw told;
    }));
    assertStrictEquals(failed, boom);
    assert(isCancelled(told), `it was told: ${told}`);
    assert(broken());
  });

  Deno.test(`${name}: those who wait in another group than the one that fails are told [W2]`, async () => {
    const { lock } = make();
    await scene(["outsider"], async (outsider) => {
      let waiting: Promise<unknown> | undefined;
      await assertRejects(() =>
        scene(["a"], async (a) => {
          await a.do(() => lock.acquire());
          waiting = rejectionOf(outsider.do(() => lock.acquire()));
          await a.fail(new Error("boom"));
        })
      );
      assertInstanceOf(await waiting, BrokenResourceError);
    });
  });

  Deno.test(`${name}: a task that was handed it and ends without ever looking breaks it [W2]`, async () => {
    const { lock, broken } = make();
    await scene(["a", "b", "c"], async (a, b, c) => {
      await a.do(() => lock.acquire());
      const handed = b.do(() => lock.acquire());
      const waiting = rejectionOf(c.do(() => lock.acquire()));
      a.do(() => lock.release());
      await Promise.all([b.leave(), handed]);
      assertInstanceOf(await waiting, BrokenResourceError);
    });
    assert(broken());
  });

  Deno.test(`${name}: a guard of a task that has ended does nothing any more [W4]`, async () => {
    const { lock, broken } = make();
    await scene(["a"], async (a) => {
      const guard = await a.do(() => lock.acquire());
      await a.leave();
      guard[Symbol.dispose]();
    });
    assertEquals([broken(), lock.locked], [true, false]);
  });
}

Deno.test("A task that ends with several locks in its hands breaks each, and none that it has given back [W2]", async () => {
  const locks = ["a", "b", "c", "d"].map((name) => new Lock({ name }));
  await scene(["owner"], async (owner) => {
    for (const lock of locks) await owner.do(() => lock.acquire());
    owner.do(() => locks[1].release());
    owner.do(() => locks[3].release());
  });
  assertEquals(locks.map((lock) => lock.stats().broken), [true, false, true, false]);
  assertEquals(
    locks.map((lock) => lock.tryAcquire.bind(lock)).map((tryIt) => {
      try {
        return tryIt();
      } catch (error) {
        return (error as Error).name;
      }
    }),
    ["BrokenResourceError", true, "BrokenResourceError", true],
  );
});

Deno.test("Lock: its owner cannot take it again: it would wait for itself [W2]", async () => {
  const lock = new Lock({ name: "door" });
  await withLeakCheck(() =>
    scene(["a", "b"], async (a, b) => {
      await a.do(() => lock.acquire());
      const waiting = b.do(() => lock.acquire());
      const before = lock.stats();
      assertFalse(a.do(() => lock.tryAcquire()));
      const again: (() => Promise<unknown>)[] = [
        () => lock.acquire(),
        () => lock.withLock(() => 1),
      ];
      for (const take of again) {
        await assertRejects(
          () => a.do(take),
          DeadlockError,
          'Cannot wait for lock "door" as task "a" would wait for itself',
        );
      }
      assertEquals(lock.stats(), before);
      a.do(() => lock.release());
      await waiting;
      b.do(() => lock.release());
    })
  );
});

Deno.test("Lock: the root task is an owner that never ends, and so never breaks it [W2]", async () => {
  const lock = new Lock();
  await lock.acquire();
  await scene(["a"], async (a) => {
    const waiting = a.do(() => lock.acquire());
    assertEquals(await outcomeOf(waiting), "pending");
    lock.release();
    await waiting;
    a.do(() => lock.release());
  });
  assertFalse(lock.stats().broken);
});

Deno.test("RLock: an owner that ends breaks it, however often it had taken it [W2]", async () => {
  const lock = new RLock();
  await scene(["a", "b"], async (a, b) => {
    await a.do(() => lock.acquire());
    await a.do(() => lock.acquire());
    const waiting = rejectionOf(b.do(() => lock.acquire()));
    await a.leave();
    assertInstanceOf(await waiting, BrokenResourceError);
  });
  assertEquals([lock.depth, lock.stats().depth, lock.stats().broken], [0, 0, true]);
});
