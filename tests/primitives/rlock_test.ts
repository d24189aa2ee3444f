/**
 * Recursive locks: what they add to a `Lock`. What they share with it is in `lock_test.ts`, `lock_owner_test.ts` and
 * `lock_limits_test.ts`, which run for both.
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
  cancelScope,
  Guard,
  Lock,
  RLock,
  select,
  taskGroup,
  TimeoutError,
  yieldNow,
} from "../../mod.ts";
import {
  interruptAtEveryStep,
  waitAllTasksBlocked,
  withLeakCheck,
} from "../../primitives/testing/mod.ts";
import { scene } from "./actors.ts";
import { outcomeOf } from "./outcome.ts";
import { calling } from "./probes.ts";
import { rejectionOf } from "./spies.ts";

Deno.test("RLock: its owner takes it again at once, and others get it with the last release", async () => {
  const lock = new RLock();
  await scene(["a", "b"], async (a, b) => {
    await a.do(() => lock.acquire());
    await a.do(() => lock.acquire());
    assert(a.do(() => lock.tryAcquire()));
    assertEquals(lock.depth, 3);
    const waiting = b.do(() => lock.acquire());
    for (const depth of [2, 1]) {
      a.do(() => lock.release());
      assertEquals(lock.depth, depth);
      assertStrictEquals(lock.owner, a.task);
      assertFalse(b.do(() => lock.tryAcquire()));
    }
    a.do(() => lock.release());
    assertStrictEquals(lock.owner, b.task);
    assertEquals(lock.depth, 1);
    await waiting;
    b.do(() => lock.release());
    assertEquals([lock.depth, lock.locked], [0, false]);
  });
});

Deno.test("RLock: its owner takes it again also while others wait: that is no barging [W1]", async () => {
  const lock = new RLock();
  await scene(["a", "b"], async (a, b) => {
    await a.do(() => lock.acquire());
    const waiting = b.do(() => lock.acquire());
    const again = await outcomeOf(a.do(() => lock.acquire()));
    assert(again !== "pending" && "value" in again);
    assertInstanceOf(again.value, Guard);
    a.do(() => lock.release());
    a.do(() => lock.release());
    await waiting;
    b.do(() => lock.release());
  });
});

Deno.test("RLock: one who has given it back has no special rights [W1]", async () => {
  const lock = new RLock();
  await scene(["a", "b"], async (a, b) => {
    await a.do(() => lock.acquire());
    const waiting = b.do(() => lock.acquire());
    a.do(() => lock.release());
    assertFalse(a.do(() => lock.tryAcquire()));
    assertEquals(await outcomeOf(a.do(() => lock.acquire({ timeout: 0 })).catch(() => "late")), {
      value: "late",
    });
    await waiting;
    b.do(() => lock.release());
  });
});

Deno.test("RLock: a release too many throws, and nobody else's release counts [W2]", async () => {
  const lock = new RLock({ name: "door" });
  await scene(["a", "b"], async (a, b) => {
    await a.do(() => lock.acquire());
    await a.do(() => lock.acquire());
    assertThrows(
      () => b.do(() => lock.release()),
      TypeError,
      'Cannot release rlock "door" as task "a" holds it, and not the caller',
    );
    assertEquals(lock.depth, 2);
    a.do(() => lock.release());
    a.do(() => lock.release());
    assertThrows(
      () => a.do(() => lock.release()),
      TypeError,
      'Cannot release rlock "door" as nobody holds it',
    );
    assertEquals(lock.depth, 0);
  });
});

Deno.test("RLock: the count of one owner is not that of the next [W2]", async () => {
  const lock = new RLock();
  await scene(["a", "b"], async (a, b) => {
    await a.do(() => lock.acquire());
    await a.do(() => lock.acquire());
    a.do(() => lock.release());
    a.do(() => lock.release());
    await b.do(() => lock.acquire());
    assertEquals(lock.depth, 1);
    b.do(() => lock.release());
    assertFalse(lock.locked);
  });
});

Deno.test("RLock: the children of its owner are others, and wait", async () => {
  const lock = new RLock();
  await taskGroup(async (group) => {
    await group.spawn(async () => {
      using guard = await lock.acquire();
      await taskGroup(async (inner) => {
        const child = inner.spawn((task) => lock.withLock(() => lock.owner === task));
        await waitAllTasksBlocked();
        assertEquals([lock.depth, lock.stats().waiters], [1, 1]);
        guard[Symbol.dispose]();
        assert(await child);
      });
    });
  });
  assertFalse(lock.locked);
});

Deno.test("RLock: functions of one task that call each other hold it as deep as they are nested", async () => {
  const lock = new RLock();
  const depths: number[] = [];
  async function descend(levels: number): Promise<void> {
    await lock.withLock(async () => {
      depths.push(lock.depth);
      await yieldNow();
      if (levels > 1) await descend(levels - 1);
      depths.push(lock.depth);
    });
  }
  await taskGroup((group) => {
    group.spawn(() => descend(3));
    group.spawn(() => descend(2));
  });
  assertEquals(depths, [1, 2, 3, 3, 2, 1, 1, 2, 2, 1]);
  assertFalse(lock.locked);
});

Deno.test("RLock: to take it again is a checkpoint: in a cancelled scope, or with an aborted signal, it is not counted [C1, C8]", async () => {
  const lock = new RLock();
  await lock.acquire();
  const reason = new Error("hung up");
  const acquiring = lock.acquire({ signal: AbortSignal.abort(reason) });
  assertStrictEquals(await rejectionOf(acquiring), reason);
  assertEquals(lock.depth, 1);
  await cancelScope(async (scope) => {
    scope.cancel();
    assertStrictEquals(await rejectionOf(lock.acquire()), scope.cancelled);
  });
  assertEquals(lock.depth, 1);
  assertThrows(calling(lock.acquire.bind(lock), { timeout: -1 }), RangeError);
  assertEquals(lock.depth, 1);
  await lock.acquire({ timeout: 0 });
  assertEquals(lock.depth, 2);
  lock.release();
  lock.release();
});

Deno.test("RLock: it may be taken again at every step of a cancellation, and is free in the end [C7]", async () => {
  const { interrupted } = await interruptAtEveryStep((interrupt) =>
    withLeakCheck(async () => {
      const lock = new RLock();
      let depth: number | undefined;
      await taskGroup(async (group) => {
        const rival = () => lock.withLock(() => yieldNow());
        group.spawn(rival);
        const running = interrupt(async () => {
          using _outer = await lock.acquire();
          await yieldNow();
          using _inner = await lock.acquire();
          depth = lock.depth;
          await lock.withLock(() => yieldNow());
        });
        group.spawn(rival);
        await running;
      });
      assertEquals(depth ?? 2, 2);
      assertEquals(lock.stats(), {
        ...lock.stats(),
        locked: false,
        waiters: 0,
        broken: false,
        depth: 0,
      });
    })
  );
  assert(interrupted > 4, `interrupted ${interrupted} times only`);
});

Deno.test("RLock: a select takes it again for its owner, and counts that [W8]", async () => {
  const lock = new RLock();
  await lock.acquire();
  const { value } = await select({ lock });
  assertEquals(lock.depth, 2);
  value[Symbol.dispose]();
  value[Symbol.dispose]();
  assertEquals(lock.depth, 1);
  lock.release();
  assertFalse(lock.locked);
});

Deno.test("RLock: who waits for it may time out, and finds it as it was [C8]", async () => {
  const lock = new RLock({ name: "door" });
  await scene(["a", "b"], async (a, b) => {
    await a.do(() => lock.acquire());
    await a.do(() => lock.acquire());
    await assertRejects(
      () => b.do(() => lock.acquire({ timeout: 0 })),
      TimeoutError,
      'rlock "door"',
    );
    assertEquals(lock.stats().waiters, 0);
    assertEquals(lock.depth, 2);
    a.do(() => lock.release());
    a.do(() => lock.release());
  });
});

Deno.test("RLock.stats() are those of a lock, and the depth; frozen [W9]", async () => {
  const lock = new RLock();
  const free = { locked: false, owner: null, waiters: 0, peakWaiters: 0, broken: false, depth: 0 };
  assertEquals(lock.stats(), free);
  await lock.acquire();
  await lock.acquire();
  assertEquals(lock.stats(), { ...free, locked: true, owner: "root", depth: 2 });
  assert(Object.isFrozen(lock.stats()));
  lock.release();
  lock.release();
  assertEquals(lock.stats(), free);
});

Deno.test("RLock: it is a Lock", () => {
  assertInstanceOf(new RLock(), Lock);
});
