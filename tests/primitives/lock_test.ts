/**
 * Locks: taking turns. Whose lock it is, is in `lock_owner_test.ts`; how a wait for it ends, in `lock_limits_test.ts`.
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
  checkpoint,
  currentTask,
  Event,
  Guard,
  inspect,
  Lock,
  RLock,
  select,
  taskGroup,
  TimeoutError,
  yieldNow,
} from "../../mod.ts";
import { waitAllTasksBlocked, withLeakCheck } from "../../primitives/testing/mod.ts";
import { scene } from "./actors.ts";
import { LOCK_LIKES } from "./lock_likes.ts";
import { outcomeOf } from "./outcome.ts";
import { calling } from "./probes.ts";
import { named } from "./waits.ts";

Deno.test("Lock: it is taken, tried in vain, given back, and taken again", async () => {
  const lock = new Lock();
  await scene(["a", "b"], async (a, b) => {
    await a.do(() => lock.acquire());
    assert(lock.locked);
    assertStrictEquals(lock.owner, a.task);
    assertFalse(b.do(() => lock.tryAcquire()));
    a.do(() => lock.release());
    assertFalse(lock.locked);
    assertStrictEquals(lock.owner, null);
    assert(b.do(() => lock.tryAcquire()));
    assertStrictEquals(lock.owner, b.task);
    b.do(() => lock.release());
    assertFalse(lock.locked);
  });
});

Deno.test("Lock: code outside any task is the root task, and one owner", async () => {
  const lock = new Lock();
  using _ = await lock.acquire();
  assertStrictEquals(lock.owner, currentTask());
  assertEquals(lock.stats().owner, "root");
  await scene(["a"], (a) => assertFalse(a.do(() => lock.tryAcquire())));
});

for (const [name, make] of Object.entries(LOCK_LIKES)) {
  Deno.test(`${name}: never are two inside at once, whoever waits in there [W1]`, async () => {
    const { lock } = make();
    let inside = 0;
    let most = 0;
    let visits = 0;
    await taskGroup((group) => {
      for (let worker = 0; worker < 5; worker++) {
        group.spawn(async () => {
          for (let round = 0; round < 20; round++) {
            using _ = await lock.acquire();
            most = Math.max(most, ++inside);
            if (worker % 2 === 0) await checkpoint();
            else await yieldNow();
            inside--;
            visits++;
          }
        });
      }
    });
    assertEquals([most, visits], [1, 100]);
    assertFalse(lock.locked);
  });

  Deno.test(`${name}: tasks that contend take strict turns, also where one asks again at once [W1]`, async () => {
    const { lock } = make();
    const turns: number[] = [];
    await taskGroup((group) => {
      for (let worker = 0; worker < 4; worker++) {
        group.spawn(async () => {
          for (let round = 0; round < 50; round++) {
            const guard = await lock.acquire();
            if (round === 0) await waitAllTasksBlocked(); // Until the others have queued up.
            turns.push(worker);
            guard[Symbol.dispose]();
          }
        });
      }
    });
    assertEquals(turns, Array.from({ length: 200 }, (_, turn) => turn % 4));
  });

  Deno.test(`${name}: those who wait get it in the order in which they came, not in which they were made [W1]`, async () => {
    const { lock } = make();
    const order: string[] = [];
    await scene(["a", "b", "c", "d", "owner"], async (a, b, c, d, owner) => {
      await owner.do(() => lock.acquire());
      const visits = [c, a, d, b].map((actor) =>
        actor.do(() => lock.withLock(() => order.push(actor.task.name)))
      );
      owner.do(() => lock.release());
      await Promise.all(visits);
    });
    assertEquals(order, ["c", "a", "d", "b"]);
  });

  Deno.test(`${name}: a release hands it over, so that nobody can slip in between [W1]`, async () => {
    const { lock } = make();
    await scene(["a", "b", "c"], async (a, b, c) => {
      await a.do(() => lock.acquire());
      const handed = b.do(() => lock.acquire());
      a.do(() => lock.release());
      // In the same turn, and b does not even know yet.
      assert(lock.locked);
      assertFalse(a.do(() => lock.tryAcquire()));
      assertFalse(c.do(() => lock.tryAcquire()));
      assertThrows(() => a.do(() => lock.release()), TypeError);
      const again = a.do(() => lock.acquire());
      await handed;
      assertEquals(await outcomeOf(again), "pending");
      b.do(() => lock.release());
      const guard = await again;
      a.do(() => guard[Symbol.dispose]());
      assertFalse(lock.locked);
    });
  });

  Deno.test(`${name}: what tryAcquire() has taken is waited for like anything else [W1]`, async () => {
    const { lock } = make();
    await scene(["a", "b"], async (a, b) => {
      assert(a.do(() => lock.tryAcquire()));
      const waiting = b.do(() => lock.acquire());
      assertEquals(await outcomeOf(waiting), "pending");
      a.do(() => lock.release());
      assertInstanceOf(await waiting, Guard);
      b.do(() => lock.release());
      assertFalse(lock.locked);
    });
  });

  Deno.test(`${name}: withLock() holds it for the time of a function, and gives what that gives`, async () => {
    const { lock } = make();
    assertEquals(await lock.withLock(() => lock.locked), true);
    assertEquals(await lock.withLock(async () => (await yieldNow(), lock.locked)), true);
    assertFalse(lock.locked);
  });

  Deno.test(`${name}: withLock() gives it back when the function throws, at once or later`, async () => {
    const { lock } = make();
    const error = new Error("boom");
    const thrower = () => {
      throw error;
    };
    for (const fn of [thrower, () => Promise.reject(error), () => yieldNow().then(thrower)]) {
      assertStrictEquals(await assertRejects(() => lock.withLock(fn)), error);
      assertFalse(lock.locked);
    }
  });

  Deno.test(`${name}: withLock() does not call the function when it does not get it`, async () => {
    const { lock } = make();
    await scene(["a", "b"], async (a, b) => {
      await a.do(() => lock.acquire());
      let called = false;
      const working = b.do(() => lock.withLock(() => called = true, { timeout: 0 }));
      await assertRejects(() => working, TimeoutError);
      a.do(() => lock.release());
      assertFalse(called || lock.locked);
    });
  });

  Deno.test(`${name}: withLock() asks for a function, at the call [E1]`, () => {
    const { lock } = make();
    assertThrows(calling(lock.withLock.bind(lock), 5), TypeError, "must be a function: received 5");
    assertThrows(
      calling(lock.withLock.bind(lock), Promise.resolve()),
      TypeError,
      "Pass the function itself, not the promise",
    );
    assertFalse(lock.locked);
  });

  Deno.test(`${name}: after 100,000 who took it, and 100,000 who gave up, nothing is left`, async () => {
    const { lock, waiters } = make();
    await withLeakCheck(() =>
      scene(["owner"], async (owner) => {
        for (let turn = 0; turn < 100_000; turn++) {
          await lock.acquire();
          lock.release();
        }
        await owner.do(() => lock.acquire());
        let cancelled = 0;
        await taskGroup(async (group) => {
          for (let waiter = 0; waiter < 100_000; waiter++) {
            group.spawn(() => lock.acquire()).onDone((task) =>
              cancelled += +(task.state === "cancelled")
            );
          }
          await checkpoint();
          assertEquals(waiters(), 100_000);
          group.cancel();
        }).catch(() => {});
        assertEquals([cancelled, waiters()], [100_000, 0]);
        owner.do(() => lock.release());
        assertFalse(lock.locked);
      })
    );
  });
}

Deno.test("Lock.stats() is frozen, and right at each stage [W9]", async () => {
  const lock = new Lock({ name: "door" });
  const free = { locked: false, owner: null, waiters: 0, peakWaiters: 0, broken: false };
  assertEquals(lock.stats(), free);
  assert(Object.isFrozen(lock.stats()));
  await scene(["a", "b", "c"], async (a, b, c) => {
    const before = lock.stats();
    await a.do(() => lock.acquire());
    assertEquals(lock.stats(), { ...free, locked: true, owner: "a" });
    assertEquals(before, free);
    const waiting = [b, c].map((actor) => actor.do(() => lock.acquire()));
    assertEquals(lock.stats(), {
      locked: true,
      owner: "a",
      waiters: 2,
      peakWaiters: 2,
      broken: false,
    });
    a.do(() => lock.release());
    assertEquals([lock.stats().owner, lock.stats().waiters], ["b", 1]);
    await waiting[0];
    b.do(() => lock.release());
    await waiting[1];
    c.do(() => lock.release());
  });
  assertEquals(lock.stats(), { ...free, peakWaiters: 2 });
});

Deno.test("Lock: who waits for whom shows in inspect()", async () => {
  const lock = new Lock({ name: "door" });
  await scene(["a", "b"], async (a, b) => {
    await a.do(() => lock.acquire());
    const waiting = b.do(() => lock.acquire());
    const group = inspect().children.at(-1);
    assertEquals(group?.children.map(({ waitingFor }) => named(waitingFor)), [
      [],
      [{ kind: "lock", name: "door", heldBy: ["a"] }],
    ]);
    a.do(() => lock.release());
    await waiting;
    b.do(() => lock.release());
  });
});

Deno.test("Lock: its name is the one given, and its kind that of its class", () => {
  assertEquals([new Lock().name, new Lock({}).name, new Lock({ name: "door" }).name], [
    "",
    "",
    "door",
  ]);
  assertEquals([new Lock().kind, new RLock().kind], ["lock", "rlock"]);
});

Deno.test("Lock: a name that is no string, and options that are no object, are refused [E1]", () => {
  for (
    const make of [(o: unknown) => new Lock(o as never), (o: unknown) => new RLock(o as never)]
  ) {
    assertThrows(() => make({ name: 5 }), TypeError, "'name' must be a string: received 5");
    assertThrows(() => make({ name: null }), TypeError, "received null");
    assertThrows(() => make("door"), TypeError, "the options must be an object");
    assertThrows(() => make(null), TypeError, "the options must be an object: received null");
  }
});

// As an arm of a select

for (const [name, make] of Object.entries(LOCK_LIKES)) {
  Deno.test(`${name}: a select that takes it gives the guard, and makes the task the owner [W8]`, async () => {
    for (const contended of [false, true]) {
      const { lock } = make();
      await scene(["a", "b"], async (a, b) => {
        if (contended) await b.do(() => lock.acquire());
        const selecting = a.do(() => select({ lock, never: after(Infinity) }));
        if (contended) b.do(() => lock.release());
        const { key, value } = await selecting;
        assertEquals(key, "lock");
        assertInstanceOf(value, Guard);
        assertThrows(() => b.do(() => lock.release()), TypeError);
        assertFalse(b.do(() => lock.tryAcquire()));
        a.do(() => value[Symbol.dispose]());
        assertFalse(lock.locked);
      });
    }
  });

  Deno.test(`${name}: a select that another arm wins takes it not, and leaves nothing in its queue [W8]`, async () => {
    const { lock, waiters } = make();
    await scene(["a", "b"], async (a, b) => {
      await b.do(() => lock.acquire());
      const bell = new Event();
      const selecting = a.do(() => select({ lock, bell }));
      assertEquals(waiters(), 1);
      bell.set();
      assertEquals(waiters(), 0);
      assertEquals((await selecting).key, "bell");
      b.do(() => lock.release());
      assertFalse(lock.locked);
    });
  });

  Deno.test(`${name}: a select stands in line with those who just wait [W1]`, async () => {
    const { lock } = make();
    const order: string[] = [];
    await scene(["a", "b", "c", "d"], async (a, b, c, d) => {
      await a.do(() => lock.acquire());
      const visits = [
        b.do(() => lock.withLock(() => order.push("b"))),
        c.do(async () => {
          const { value } = await select({ lock });
          order.push("c, by a select");
          value[Symbol.dispose]();
        }),
        d.do(() => lock.withLock(() => order.push("d"))),
      ];
      a.do(() => lock.release());
      await Promise.all(visits);
    });
    assertEquals(order, ["b", "c, by a select", "d"]);
  });
}
