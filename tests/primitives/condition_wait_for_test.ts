/**
 * Conditions: waiting until a predicate holds. What else ends such a wait is in `condition_limits_test.ts`.
 *
 * @module
 */

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { Condition, currentTask, moveOnAfter, sleep, taskGroup, TimeoutError } from "../../mod.ts";
import { waitAllTasksBlocked, withVirtualTime } from "../../primitives/testing/mod.ts";
import { scene } from "./actors.ts";

/** Does something with the lock in the hands, as the root task. */
function under(changed: Condition, fn: () => void): Promise<void> {
  return changed.lock.withLock(fn);
}

Deno.test("Condition.waitFor() gives what the predicate gives, without a wait when it holds already", async () => {
  const changed = new Condition();
  using _ = await changed.lock.acquire();
  assertEquals(await changed.waitFor(() => "there"), "there");
  assertEquals(changed.stats().peakWaiters, 0);
  assertEquals(changed.lock.owner?.name, "root");
});

Deno.test("Condition.waitFor() asks once before and once after each notification, with the lock held", async () => {
  const changed = new Condition();
  const asked: number[] = [];
  let stock = 0;
  await scene(["a"], async (a) => {
    const got = a.do(() =>
      changed.lock.withLock(() =>
        changed.waitFor(() => {
          assertStrictEquals(changed.lock.owner, a.task);
          asked.push(stock);
          return stock >= 3 && { stock };
        })
      )
    );
    await waitAllTasksBlocked();
    for (stock = 1; stock <= 3; stock++) {
      await under(changed, () => changed.notify());
      await waitAllTasksBlocked();
    }
    assertEquals(await got, { stock: 3 });
    assertEquals(asked, [0, 1, 2, 3]);
  });
});

Deno.test("Condition.waitFor() throws what the predicate throws, at once or later, with the lock held", async () => {
  const changed = new Condition();
  const error = new Error("boom");
  await scene(["a"], async (a) => {
    for (const failing of [1, 2]) {
      await a.do(() => changed.lock.acquire());
      let asked = 0;
      const waiting = a.do(() =>
        changed.waitFor(() => {
          if (++asked === failing) throw error;
        })
      );
      if (failing === 2) await under(changed, () => changed.notify());
      assertStrictEquals(await assertRejects(() => waiting), error);
      assertStrictEquals(changed.lock.owner, a.task);
      assertEquals(changed.stats().waiters, 0);
      a.do(() => changed.lock.release());
    }
  });
});

Deno.test("Condition.waitFor() refuses a predicate that answers later: all could have changed by then [E1]", async () => {
  const changed = new Condition(undefined, { name: "stock" });
  using _ = await changed.lock.acquire();
  await assertRejects(
    () => changed.waitFor(async () => true),
    TypeError,
    'Cannot wait for condition "stock" as the predicate must answer at once: received a Promise',
  );
  assertEquals([changed.lock.owner, changed.stats().peakWaiters], [currentTask(), 0]);
});

// Its limits

Deno.test("Condition.waitFor(): its timeout is for all of it, however often it is notified [C8]", async () => {
  await withVirtualTime((time) =>
    taskGroup(async (group) => {
      const changed = new Condition();
      const bell = group.spawn(async () => {
        for (let round = 0; round < 10; round++) {
          await sleep(4);
          await changed.lock.withLock(() => changed.notifyAll());
        }
      }, { daemon: true });
      let asked = 0;
      const waiting = changed.lock.withLock(() =>
        changed.waitFor(() => void asked++, { timeout: 10 })
      );
      await assertRejects(() => waiting, TimeoutError);
      assertEquals([asked, time.elapsed], [3, 10]);
      bell.cancel();
    })
  );
});

Deno.test("Condition.waitFor(): when its time is up it says how much it was given, and not what was left of it", async () => {
  await withVirtualTime(() =>
    scene(["a"], async (a) => {
      await sleep(3);
      const changed = new Condition();
      const waiting = a.do(() =>
        changed.lock.withLock(() => changed.waitFor(() => false, { timeout: 10 }))
      );
      await sleep(4);
      await changed.lock.withLock(() => changed.notifyAll());
      await assertRejects(() => waiting, TimeoutError, "the time is up: 10 ms");
    })
  );
});

Deno.test("Condition.waitFor(): the reason of its signal is thrown as it is, also where that is a TimeoutError [C8]", async () => {
  const changed = new Condition();
  using _ = await changed.lock.acquire();
  const controller = new AbortController();
  const reason = new TimeoutError("the peer's");
  const waiting = changed.waitFor(() => false, { signal: controller.signal, timeout: 60_000 });
  controller.abort(reason);
  assertStrictEquals(await assertRejects(() => waiting), reason);
});

Deno.test("Condition.waitFor(): a predicate that holds already needs no time [C8]", async () => {
  const changed = new Condition();
  using _ = await changed.lock.acquire();
  assertEquals(await changed.waitFor(() => 7, { timeout: 0 }), 7);
});

Deno.test("Condition.waitFor(): a time limit of a scope around it ends it, with the lock held [C6, W5]", async () => {
  await withVirtualTime(async (time) => {
    const changed = new Condition();
    using _ = await changed.lock.acquire();
    assert((await moveOnAfter(10, () => changed.waitFor(() => false))).timedOut);
    assertEquals([time.elapsed, changed.lock.owner], [10, currentTask()]);
  });
});
