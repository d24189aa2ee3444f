/**
 * Locks: how a wait for one ends, and that nothing is lost, whenever it does.
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
  CancelScope,
  checkpoint,
  Guard,
  isCancelled,
  moveOnAfter,
  RWLock,
  sleep,
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
import { other, scene } from "./actors.ts";
import { testHandOver, testLimits } from "./blocking_call.ts";
import { LOCK_LIKES, type LockCase } from "./lock_likes.ts";
import { rejectionOf, unhandledDuring } from "./spies.ts";

/** A lock in the hands of somebody else; who gets it gives it back. */
function taken(
  { lock, target, owner, waiters }: LockCase,
  call: (options?: WaitOptions) => Promise<unknown>,
) {
  assert(other.do(() => lock.tryAcquire()));
  return {
    target,
    call,
    satisfy: () => {
      if (owner() === "other") other.do(() => lock.release());
    },
    waiters,
    state: () => [lock.locked, owner(), waiters()],
    conserved: (released: number) =>
      assertEquals(owner(), released > 0 ? null : "other", "whose is it?"),
  };
}

function dispose(guard: Guard): void {
  assertInstanceOf(guard, Guard);
  guard[Symbol.dispose]();
}

for (const [name, make] of Object.entries(LOCK_LIKES)) {
  const acquiring = () => {
    const it = make();
    return taken(it, (options) => it.lock.acquire(options).then(dispose));
  };
  testLimits(`${name}.acquire()`, acquiring);
  testHandOver(`${name}.acquire()`, acquiring);

  const working = () => {
    const it = make();
    return {
      ...taken(it, (options) => it.lock.withLock(() => "done", options)),
      value: "done",
    };
  };
  testLimits(`${name}.withLock()`, working);
  testHandOver(`${name}.withLock()`, working);
}

function reading() {
  const lock = new RWLock({ name: "door" });
  assert(other.do(() => lock.write.tryAcquire()));
  return {
    target: 'read lock "door"',
    call: (options?: WaitOptions) => lock.read.acquire(options).then(dispose),
    satisfy: () => {
      if (lock.write.locked) other.do(() => lock.write.release());
    },
    waiters: () => lock.stats().waitingReaders,
    state: () => ({ ...lock.stats(), peakWaitingReaders: 0 }),
    conserved: (released: number) =>
      assertEquals([lock.write.locked, lock.read.locked], [released === 0, false]),
  };
}
testLimits("RWLock.read.acquire()", reading);
testHandOver("RWLock.read.acquire()", reading);

for (const [name, make] of Object.entries(LOCK_LIKES)) {
  Deno.test(`${name}: a free one is not taken with a signal that has aborted, but with a timeout of 0 [C8]`, async () => {
    const { lock } = make();
    const reason = new Error("hung up");
    const acquiring = lock.acquire({ signal: AbortSignal.abort(reason) });
    assertFalse(lock.locked);
    assertStrictEquals(await rejectionOf(acquiring), reason);
    dispose(await lock.acquire({ timeout: 0 }));
    assertFalse(lock.locked);
  });

  Deno.test(`${name}: one who gives up in the middle of the line is passed over, and the others keep their places [W1]`, async () => {
    await withVirtualTime(() =>
      withLeakCheck(() =>
        scene(["owner", "a", "b", "c", "d", "e"], async (owner, a, b, c, d, e) => {
          const { lock, waiters } = make();
          await owner.do(() => lock.acquire());
          const order: string[] = [];
          const controller = new AbortController();
          const visit = (actor: typeof a, options?: WaitOptions) =>
            actor.do(() => lock.withLock(() => order.push(actor.task.name), options));
          const outcomes = Promise.allSettled([
            visit(a),
            visit(b, { timeout: 5 }),
            visit(c),
            visit(d, { signal: controller.signal }),
            visit(e),
          ]);
          await sleep(10);
          controller.abort(new Error("hung up"));
          assertEquals(waiters(), 3);
          owner.do(() => lock.release());
          assertEquals((await outcomes).map(({ status }) => status), [
            "fulfilled",
            "rejected",
            "fulfilled",
            "rejected",
            "fulfilled",
          ]);
          assertEquals(order, ["a", "c", "e"]);
          assertFalse(lock.locked);
        })
      )
    );
  });

  Deno.test(`${name}: who is cancelled right before the release does not get it, and it is free [C7]`, async () => {
    const { lock, waiters } = make();
    await scene(["a", "b"], async (a, b) => {
      await a.do(() => lock.acquire());
      const waiting = b.do(() => lock.acquire());
      b.task.cancel();
      a.do(() => lock.release());
      assertEquals([lock.locked, waiters()], [false, 0]);
      assert(isCancelled(await rejectionOf(waiting)));
    });
    assert(lock.tryAcquire());
    lock.release();
  });

  Deno.test(`${name}: who is cancelled right after the release has it, and the next checkpoint throws [C7]`, async () => {
    const { lock, broken, owner } = make();
    await scene(["a"], async (a) => {
      await a.do(() => lock.acquire());
      const steps: unknown[] = [];
      await taskGroup(async (group) => {
        const task = group.spawn(async () => {
          using _ = await lock.acquire();
          steps.push(owner());
          await checkpoint();
          steps.push("not reached");
        }, { name: "late" });
        await waitAllTasksBlocked();
        a.do(() => lock.release());
        task.cancel();
        await task.join();
        assertEquals(task.state, "cancelled");
      });
      assertEquals(steps, ["late"]);
    });
    assertEquals([lock.locked, broken()], [false, false]);
  });

  Deno.test(`${name}: what is tried in a cancelled scope is taken all the same: trying is no checkpoint [C1]`, async () => {
    const { lock } = make();
    const scope = new CancelScope();
    scope.cancel();
    let tried: boolean | undefined;
    await scope.enter(() => {
      tried = lock.tryAcquire();
    });
    assert(tried);
    lock.release();
  });

  Deno.test(`${name}: a time limit of a scope around it ends it too, and it holds for the wait only [C6]`, async () => {
    await withVirtualTime((time) =>
      scene(["a"], async (a) => {
        const { lock, waiters } = make();
        await a.do(() => lock.acquire());
        assert((await moveOnAfter(10, () => lock.acquire())).timedOut);
        assertEquals([time.elapsed, waiters()], [10, 0]);
        a.do(() => lock.release());
        const guard = await lock.acquire({ timeout: 10 });
        await sleep(20);
        assert(lock.locked);
        dispose(guard);
      })
    );
  });

  Deno.test(`${name}: of two waits that are cancelled only one is awaited, and the other is no unhandled rejection [C7]`, async () => {
    const { lock } = make();
    await scene(["a"], async (a) => {
      await a.do(() => lock.acquire());
      const unhandled = await unhandledDuring(() =>
        taskGroup(async (group) => {
          const task = group.spawn(async () => {
            const first = lock.acquire();
            const second = lock.acquire();
            await first;
            await second;
          });
          await waitAllTasksBlocked();
          task.cancel();
        })
      );
      assertEquals(unhandled, []);
      a.do(() => lock.release());
    });
  });

  Deno.test(`${name}: the same with withLock() [C7]`, async () => {
    const { lock } = make();
    await scene(["a"], async (a) => {
      await a.do(() => lock.acquire());
      const unhandled = await unhandledDuring(() =>
        taskGroup(async (group) => {
          const task = group.spawn(async () => {
            const first = lock.withLock(() => 1);
            const second = lock.withLock(() => 2);
            await first;
            await second;
          });
          await waitAllTasksBlocked();
          task.cancel();
        })
      );
      assertEquals(unhandled, []);
      a.do(() => lock.release());
    });
  });

  const works: Record<string, (it: LockCase) => Promise<unknown>> = {
    "acquire()": async ({ lock }) => {
      using _ = await lock.acquire();
      await yieldNow();
    },
    "withLock()": ({ lock }) => lock.withLock(() => yieldNow()),
  };
  for (const [call, work] of Object.entries(works)) {
    Deno.test(`${name}: work under ${call} may be interrupted at every step, and no two are ever inside [C7]`, async () => {
      for (const rivals of [0, 1, 3]) {
        const { interrupted } = await interruptAtEveryStep((interrupt) =>
          withLeakCheck(async () => {
            const it = make();
            const { lock, waiters, broken } = it;
            let inside = 0;
            let visits = 0;
            const visit = async () => {
              using _ = await lock.acquire();
              assertEquals(++inside, 1);
              await yieldNow();
              inside--;
              visits++;
            };
            await taskGroup(async (group) => {
              for (let rival = 0; rival < rivals; rival++) group.spawn(visit);
              const running = interrupt(() => work(it));
              for (let rival = 0; rival < rivals; rival++) group.spawn(visit);
              await running;
            });
            assertEquals([visits, lock.locked, waiters(), broken()], [2 * rivals, false, 0, false]);
            assert(lock.tryAcquire());
            lock.release();
          })
        );
        assert(interrupted > 2, `interrupted ${interrupted} times only`);
      }
    });
  }
}

Deno.test("Locks: a wait that timed out says what was waited for, by its name", async () => {
  await withVirtualTime(() =>
    scene(["a"], async (a) => {
      for (const name of ["", "door"]) {
        for (const make of Object.values(LOCK_LIKES)) {
          const { lock, target } = make(name);
          await a.do(() => lock.acquire());
          await assertRejects(
            () => lock.acquire({ timeout: 3 }),
            TimeoutError,
            `Cannot wait for ${target.replace(' ""', "")} any longer as the time is up: 3 ms`,
          );
          a.do(() => lock.release());
        }
      }
    })
  );
});
