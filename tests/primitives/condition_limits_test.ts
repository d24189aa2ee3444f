/**
 * Conditions: how a wait is cut short. Whatever ends it, the lock is held again, and no notification is lost.
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
} from "@std/assert";
import {
  BrokenResourceError,
  CancelScope,
  cancelScope,
  ClosedError,
  Condition,
  currentTask,
  Event,
  RLock,
  sleep,
  suppressedErrors,
  taskGroup,
  TimeoutError,
  type WaitOptions,
  yieldNow,
} from "../../mod.ts";
import { pendingTimers } from "../../primitives/kernel/timers.ts";
import {
  interruptAtEveryStep,
  waitAllTasksBlocked,
  withLeakCheck,
  withVirtualTime,
} from "../../primitives/testing/mod.ts";
import { type Actor, scene } from "./actors.ts";
import { outcomeOf } from "./outcome.ts";
import { rejectionOf, SpiedController, unhandledDuring } from "./spies.ts";

type Wait = (changed: Condition, options?: WaitOptions) => Promise<unknown>;

const WAITS: Record<string, Wait> = {
  "wait()": (changed, options) => changed.wait(options),
  "waitFor()": (changed, options) => {
    let asked = 0;
    return changed.waitFor(() => asked++ > 0, options);
  },
};

for (const [name, wait] of Object.entries(WAITS)) {
  Deno.test(`Condition.${name}: whatever ends it, the lock is held again, and nothing else is left [W5, C8]`, async () => {
    const reason = new Error("hung up");
    for (const ender of ["signal", "timeout", "scope", "stop", "notification"]) {
      await withVirtualTime((time) =>
        withLeakCheck(async () => {
          const changed = new Condition(undefined, { name: "stock" });
          const controller = new SpiedController();
          const scope = new CancelScope();
          let outcome: unknown;
          await scene(["a"], async (a) => {
            await a.do(() =>
              scope.enter(async () => {
                using _ = await changed.lock.acquire();
                const timeout = ender === "timeout" ? 10 : 9_999;
                const { signal } = controller;
                const waiting = wait(changed, { signal, timeout, endOnStop: ender === "stop" });
                assertEquals([changed.stats().waiters, controller.listeners], [1, 1]);
                if (ender === "signal") controller.abort(reason);
                if (ender === "scope") scope.cancel();
                if (ender === "stop") scope.stop();
                if (ender === "notification") {
                  const root = currentTask().parent!;
                  root.run(() => changed.lock.withLock(() => changed.notify()));
                }
                outcome = await waiting.then(() => "notified", (error) => error);
                assertStrictEquals(changed.lock.owner, a.task);
                assertEquals([changed.stats().waiters, controller.listeners], [0, 0]);
              })
            );
            assertFalse(changed.lock.locked);
          });
          assertEquals(pendingTimers(), 0);
          switch (ender) {
            case "signal":
              return assertStrictEquals(outcome, reason);
            case "scope":
              return assertStrictEquals(outcome, scope.cancelled);
            case "stop":
              return assertInstanceOf(outcome, ClosedError);
            case "notification":
              return assertEquals(outcome, "notified");
            case "timeout":
              assertInstanceOf(outcome, TimeoutError);
              assertEquals(time.elapsed, 10);
              assertEquals(
                outcome.message,
                'Cannot wait for condition "stock" any longer as the time is up: 10 ms. Give it more, or go on without',
              );
          }
        })
      );
    }
  });

  Deno.test(`Condition.${name}: cut short, it waits until the lock is free, and stands in line for it [W1, W5]`, async () => {
    const changed = new Condition();
    await scene(["a", "b", "c"], async (a, b, c) => {
      await a.do(() => changed.lock.acquire());
      const scope = new CancelScope();
      const waiting = a.do(() => scope.enter(() => wait(changed)));
      await b.do(() => changed.lock.acquire());
      const next = c.do(() => changed.lock.acquire());
      scope.cancel();
      assertEquals(await outcomeOf(waiting), "pending");
      assertEquals(changed.stats().waiters, 0);
      b.do(() => changed.lock.release());
      await next;
      c.do(() => changed.lock.release());
      assertStrictEquals(changed.lock.owner, a.task);
      await waiting;
      assert(scope.cancelledCaught);
      a.do(() => changed.lock.release());
    });
  });

  Deno.test(`Condition.${name}: with a signal that has aborted, or in a cancelled scope, the lock is not even given back [C1, C8]`, async () => {
    const changed = new Condition();
    await scene(["a", "b"], async (a, b) => {
      await a.do(() => changed.lock.acquire());
      const next = b.do(() => changed.lock.acquire());
      const reason = new Error("hung up");
      const signal = AbortSignal.abort(reason);
      assertStrictEquals(await rejectionOf(a.do(() => wait(changed, { signal }))), reason);
      await a.do(() =>
        cancelScope(async (scope) => {
          scope.cancel();
          assertStrictEquals(await rejectionOf(wait(changed)), scope.cancelled);
        })
      );
      assertStrictEquals(changed.lock.owner, a.task);
      assertEquals(changed.stats().peakWaiters, 0);
      a.do(() => changed.lock.release());
      await next;
      b.do(() => changed.lock.release());
    });
  });

  Deno.test(`Condition.${name}: a timeout of 0 gives up at once, but lets the others have the lock first [C8]`, async () => {
    const changed = new Condition();
    await scene(["a", "b"], async (a, b) => {
      await a.do(() => changed.lock.acquire());
      let had = false;
      const next = b.do(() => changed.lock.withLock(() => had = true));
      const waiting = a.do(() => wait(changed, { timeout: 0 }));
      assertEquals(changed.stats().waiters, 0);
      await assertRejects(() => waiting, TimeoutError);
      assert(had);
      assertStrictEquals(changed.lock.owner, a.task);
      a.do(() => changed.lock.release());
      await next;
    });
  });

  Deno.test(`Condition.${name}: with an RLock it is held as deep again when it is cut short [W5]`, async () => {
    const lock = new RLock();
    const changed = new Condition(lock);
    await scene(["a"], async (a) => {
      for (let depth = 1; depth <= 3; depth++) await a.do(() => lock.acquire());
      await assertRejects(() => a.do(() => wait(changed, { timeout: 0 })), TimeoutError);
      assertEquals([lock.owner === a.task, lock.depth], [true, 3]);
      for (let depth = 3; depth >= 1; depth--) a.do(() => lock.release());
      assertFalse(lock.locked);
    });
  });

  Deno.test(`Condition.${name}: cancelled while nobody awaits it, it is no unhandled rejection [C7]`, async () => {
    const changed = new Condition();
    const unhandled = await unhandledDuring(() =>
      taskGroup(async (group) => {
        const task = group.spawn(async () => {
          using _ = await changed.lock.acquire();
          const waiting = wait(changed);
          const sleeping = sleep(Infinity);
          await sleeping;
          await waiting;
        });
        await waitAllTasksBlocked();
        task.cancel();
        await task.join();
      })
    );
    assertEquals(unhandled, []);
  });

  Deno.test(`Condition.${name}: it may be interrupted at every step, and the lock is held again, then free [C7, W5]`, async () => {
    for (const rivals of [0, 1, 2]) {
      const { interrupted } = await interruptAtEveryStep((interrupt) =>
        withLeakCheck(async () => {
          const changed = new Condition(new RLock());
          const { lock } = changed;
          let woken = 0;
          const visit = async () => {
            using _outer = await lock.acquire();
            using _inner = await lock.acquire();
            try {
              await wait(changed);
              woken++;
            } finally {
              assertStrictEquals(lock.owner, currentTask());
              assertEquals((lock as RLock).depth, 2);
            }
          };
          await taskGroup(async (group) => {
            if (rivals > 1) group.spawn(visit);
            const running = interrupt(visit);
            if (rivals > 0) group.spawn(visit);
            const bell = group.spawn(async () => {
              for (let turn = 0; turn < 3; turn++) await yieldNow();
              // As many as there are: none of the notifications is for nobody.
              for (let waiter = 0; waiter <= rivals; waiter++) {
                await lock.withLock(() => changed.notify());
                await yieldNow();
              }
            });
            await running;
            await bell;
            await waitAllTasksBlocked();
            assert(woken >= rivals, "a rival was left out");
            assertEquals(changed.stats().waiters, 0);
          });
          assertEquals([lock.locked, lock.stats().waiters, lock.stats().broken], [false, 0, false]);
        })
      );
      assert(interrupted > 4, `interrupted ${interrupted} times only`);
    }
  });
}

// A notification is for somebody

/** An actor waits, in a scope that can be cancelled. */
function wait(changed: Condition, actor: Actor, scope = new CancelScope()): Promise<unknown> {
  return actor.do(() => scope.enter(() => changed.lock.withLock(() => changed.wait())));
}

Deno.test("Condition: a notification for one who is cancelled before it has the lock goes to the next [W5]", async () => {
  const changed = new Condition();
  await scene(["a", "b", "c", "boss"], async (a, b, c, boss) => {
    const scope = new CancelScope();
    const waiting = [wait(changed, a, scope), wait(changed, b), wait(changed, c)];
    await waitAllTasksBlocked();
    await boss.do(() => changed.lock.acquire());
    boss.do(() => changed.notify());
    scope.cancel();
    assertEquals(changed.stats().waiters, 2);
    boss.do(() => changed.lock.release());
    await waiting[0];
    assert(scope.cancelledCaught);
    const outcome = await outcomeOf(waiting[1]);
    assertEquals(await outcomeOf(waiting[2]), "pending", "it was for one");
    await changed.lock.withLock(() => changed.notifyAll());
    await waiting[2];
    assertEquals(outcome, { value: undefined });
    assertFalse(changed.lock.locked);
  });
});

Deno.test("Condition: a notification goes on and on, over all who give up, to one who does not [W5]", async () => {
  await withVirtualTime(() =>
    scene(["a", "b", "c", "d", "boss"], async (a, b, c, d, boss) => {
      const changed = new Condition();
      const limits: WaitOptions[] = [{ timeout: 5 }, { timeout: 6 }, {}, {}];
      const waiting = [a, b, c, d].map((actor, index) =>
        actor.do(() => changed.lock.withLock(() => changed.wait(limits[index])))
      );
      const outcomes = Promise.allSettled(waiting);
      await waitAllTasksBlocked();
      await boss.do(() => changed.lock.acquire());
      boss.do(() => changed.notify(2));
      await boss.do(() => sleep(10)); // With the lock in its hands.
      boss.do(() => changed.lock.release());
      assertEquals((await outcomes).map(({ status }) => status), [
        "rejected",
        "rejected",
        "fulfilled",
        "fulfilled",
      ]);
      assertEquals([changed.stats().waiters, changed.lock.locked], [0, false]);
    })
  );
});

Deno.test("Condition: who gives up before a notification takes none, and passes none on [W5]", async () => {
  const changed = new Condition();
  await scene(["a", "b", "c", "boss"], async (a, b, c, boss) => {
    const scope = new CancelScope();
    const waiting = [wait(changed, a, scope), wait(changed, b), wait(changed, c)];
    await waitAllTasksBlocked();
    await boss.do(() => changed.lock.acquire());
    scope.cancel();
    boss.do(() => changed.notify());
    boss.do(() => changed.lock.release());
    await waiting[0];
    await waiting[1];
    assertEquals(await outcomeOf(waiting[2]), "pending");
    assertEquals(changed.stats().waiters, 1);
    await changed.lock.withLock(() => changed.notify());
    await waiting[2];
  });
});

Deno.test("Condition: who is cancelled after it was handed the lock has been notified [C7]", async () => {
  const changed = new Condition();
  await scene(["a", "b", "boss"], async (a, b, boss) => {
    let woken = false;
    const scope = new CancelScope();
    const waiting = a.do(() =>
      scope.enter(() =>
        changed.lock.withLock(async () => {
          await changed.wait();
          woken = true;
        })
      )
    );
    const other = wait(changed, b);
    await waitAllTasksBlocked();
    await boss.do(() => changed.lock.acquire());
    boss.do(() => changed.notify());
    boss.do(() => changed.lock.release());
    scope.cancel();
    await waiting;
    assert(woken);
    assertEquals(await outcomeOf(other), "pending", "the notification was a's");
    await changed.lock.withLock(() => changed.notify());
    await other;
  });
});

Deno.test("Condition: who is cut short, and then cannot have the lock any more, still hears what ended the wait [W2, W5]", async () => {
  const changed = new Condition();
  await scene(["a", "boss"], async (a, boss) => {
    const controller = new AbortController();
    const reason = new Error("hung up");
    await a.do(() => changed.lock.acquire());
    const waiting = rejectionOf(a.do(() => changed.wait({ signal: controller.signal })));
    await boss.do(() => changed.lock.acquire());
    controller.abort(reason);
    await waitAllTasksBlocked();
    await boss.leave();
    assertStrictEquals(await waiting, reason);
    assertInstanceOf(suppressedErrors(reason)[0], BrokenResourceError);
  });
});

Deno.test("Condition: 10,000 who are cancelled leave nothing in the queues", async () => {
  const changed = new Condition();
  const begun = new Event();
  let owned = 0;
  await withLeakCheck(() =>
    taskGroup(async (group) => {
      for (let waiter = 0; waiter < 10_000; waiter++) {
        group.spawn(async () => {
          using _ = await changed.lock.acquire();
          if (waiter === 9_999) begun.set();
          try {
            await changed.wait();
          } finally {
            owned += +(changed.lock.owner === currentTask());
          }
        });
      }
      await begun.wait();
      assertEquals(changed.stats().waiters, 10_000);
      group.cancel();
    }).catch(() => {})
  );
  assertEquals(owned, 10_000);
  assertEquals([changed.stats().waiters, changed.lock.stats().waiters], [0, 0]);
  assertFalse(changed.lock.locked);
});
