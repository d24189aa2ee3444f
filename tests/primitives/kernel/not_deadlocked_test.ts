/**
 * What is no deadlock although it looks like one: waits that may end otherwise, or have ended.
 *
 * @module
 */

import { assert, assertEquals, assertFalse, assertRejects } from "@std/assert";
import {
  CancelScope,
  cancelScope,
  Condition,
  DeadlockError,
  Event,
  Lock,
  moveOnAfter,
  RWLock,
  select,
  shield,
  sleep,
  taskGroup,
  TimeoutError,
} from "../../../mod.ts";
import { waitAllTasksBlocked, withVirtualTime } from "../../../primitives/testing/mod.ts";
import { type Actor, scene } from "../actors.ts";
import { outcomeOf } from "../outcome.ts";

/** An actor takes a lock, and gives it back as soon as it has it. */
function visit(lock: Pick<Lock, "acquire">, actor: Actor): Promise<void> {
  return actor.do(async () => {
    using _ = await lock.acquire();
  });
}

/** Plays with two actors, each of which has a lock of its own: a has `left`, and b has `right`. */
function withLocks(
  play: (a: Actor, b: Actor, left: Lock, right: Lock) => Promise<void>,
): Promise<void> {
  return scene(["a", "b"], async (a, b) => {
    const [left, right] = [new Lock({ name: "left" }), new Lock({ name: "right" })];
    await a.do(() => left.acquire());
    await b.do(() => right.acquire());
    await play(a, b, left, right);
    for (const [actor, lock] of [[a, left], [b, right]] as const) {
      if (lock.owner === actor.task) actor.do(() => lock.release());
    }
    await waitAllTasksBlocked();
    assertFalse(left.locked || right.locked);
  });
}

Deno.test("Who waits in a select may go on otherwise: no circle leads through it [W3]", async () => {
  await withLocks(async (a, b, left, right) => {
    const bell = new Event();
    const selecting = a.do(() => select({ right, bell }));
    const waiting = visit(left, b);
    assertEquals(await outcomeOf(waiting), "pending");
    bell.set();
    assertEquals((await selecting).key, "bell");
    a.do(() => left.release());
    await waiting;
  });
});

Deno.test("A select of its own is not looked into either: it waits, for as long as its other arms may come [W3]", async () => {
  await withLocks(async (a, b, left, right) => {
    const waiting = visit(right, a);
    const bell = new Event();
    const selecting = b.do(() => select({ left, bell }));
    assertEquals(await outcomeOf(selecting), "pending");
    bell.set();
    await selecting;
    b.do(() => right.release());
    await waiting;
  });
});

Deno.test("Who is in two waits at once may go on with either: no circle leads through it [W3]", async () => {
  for (const first of ["the lock", "the bell"]) {
    await withLocks(async (a, b, left, right) => {
      const bell = new Event();
      const waits = [() => visit(right, a), () => a.do(() => bell.wait())];
      if (first === "the bell") waits.reverse();
      const racing = Promise.race(waits.map((wait) => wait()));
      const waiting = visit(left, b);
      assertEquals(await outcomeOf(waiting), "pending", first);
      bell.set();
      await racing;
      a.do(() => left.release());
      await waiting;
    });
  }
});

Deno.test("Who waits for two locks at once is no link, also where both would close a circle [W3]", async () => {
  await withLocks(async (a, b, left, right) => {
    const other = new Lock();
    await b.do(() => other.acquire());
    const both = [visit(right, a), visit(other, a)];
    const waiting = visit(left, b);
    assertEquals(await outcomeOf(waiting), "pending");
    a.do(() => left.release());
    await waiting;
    b.do(() => right.release());
    b.do(() => other.release());
    await Promise.all(both);
  });
});

Deno.test("Who is in two waits at once, in scopes of their own, may go on with either [W3]", async () => {
  const wraps: Record<string, (fn: () => Promise<unknown>) => Promise<unknown>> = {
    "cancelScope()": (fn) => cancelScope(fn),
    "shield()": (fn) => shield(fn),
    "a group": (fn) => taskGroup(fn),
  };
  for (const [name, wrap] of Object.entries(wraps)) {
    for (const wrapped of ["the bell", "the lock"]) {
      await withLocks(async (a, b, left, right) => {
        const bell = new Event();
        const ringing = () => bell.wait();
        const taking = () => right.acquire().then((guard) => guard[Symbol.dispose]());
        const racing = a.do(() =>
          Promise.race([
            wrapped === "the lock" ? wrap(taking) : taking(),
            wrapped === "the bell" ? wrap(ringing) : ringing(),
          ])
        );
        const outcome = await outcomeOf(visit(left, b));
        bell.set();
        await racing;
        a.do(() => left.release());
        b.do(() => right.release());
        await waitAllTasksBlocked();
        assertEquals(outcome, "pending", `${wrapped} in ${name}`);
      });
    }
  }
});

Deno.test("Who is in another wait already may go on with that: it is not told of a circle either [W3]", async () => {
  await withLocks(async (a, b, left, right) => {
    const waiting = visit(left, b);
    const bell = new Event();
    const releasing = a.do(async () => {
      await bell.wait();
      left.release();
    });
    const outcome = outcomeOf(visit(right, a));
    await waitAllTasksBlocked();
    bell.set();
    await releasing;
    await waiting;
    b.do(() => right.release());
    assertEquals(await outcome, "pending");
  });
});

Deno.test("Who waits with a limit of its own, or of a scope around, will go on: no circle leads through it [W3]", async () => {
  const { signal } = new AbortController();
  const limits: Record<string, (right: Lock) => Promise<unknown>> = {
    "a timeout": (right) => right.acquire({ timeout: 5 }),
    "a signal": (right) => right.acquire({ signal, timeout: 5 }),
    "moveOnAfter()": (right) => moveOnAfter(5, () => right.acquire()),
    "a limit further out": (right) => moveOnAfter(5, () => cancelScope(() => right.acquire())),
    "a group's timeout": (right) => taskGroup(() => right.acquire(), { timeout: 5 }),
  };
  for (const [name, wait] of Object.entries(limits)) {
    await withVirtualTime(() =>
      withLocks(async (a, b, left, right) => {
        const limited = a.do(() => wait(right)).catch(() => {});
        const waiting = visit(left, b);
        assertEquals(await outcomeOf(waiting), "pending", name);
        await limited;
        assertEquals(right.owner, b.task);
        a.do(() => left.release());
        await waiting;
      })
    );
  }
});

Deno.test("Who waits until a signal aborts, a grace is over or a stop is asked for may go on: no circle leads through it [W3]", async () => {
  const abortion = new AbortController();
  const scope = new CancelScope({ signal: abortion.signal });
  const stopping = new CancelScope();
  const [gentle, marked] = [new CancelScope(), new CancelScope()];
  const waits: Record<string, [wait: (right: Lock) => Promise<unknown>, end: () => void]> = {
    "the signal of a scope": [
      (right) => scope.enter(() => right.acquire()),
      () => abortion.abort(),
    ],
    "the grace of a scope": [
      (right) => {
        stopping.stop({ grace: 1e9 });
        return stopping.enter(() => right.acquire());
      },
      () => stopping.stop({ grace: 0 }),
    ],
    "the grace of a scope that is asked to stop later": [
      (right) =>
        gentle.enter(() => {
          gentle.stop({ grace: 1e9 });
          return right.acquire();
        }),
      () => gentle.cancel(),
    ],
    "an end on a stop": [
      (right) => marked.enter(() => right.acquire({ endOnStop: true })),
      () => marked.stop({ grace: Infinity }),
    ],
  };
  for (const [name, [wait, end]] of Object.entries(waits)) {
    await withLocks(async (a, b, left, right) => {
      const limited = a.do(() => wait(right)).catch(() => {});
      const waiting = visit(left, b);
      assertEquals(await outcomeOf(waiting), "pending", name);
      end();
      await limited;
      assertEquals(right.owner, b.task);
      a.do(() => left.release());
      await waiting;
    });
  }
});

Deno.test("A limit that is none opens no circle [W3]", async () => {
  const waits: Record<string, (right: Lock) => Promise<unknown>> = {
    "no options": (right) => right.acquire({}),
    "an endless timeout": (right) => right.acquire({ timeout: Infinity }),
    "a scope without a limit": (right) => cancelScope(() => right.acquire()),
  };
  for (const [name, wait] of Object.entries(waits)) {
    await withLocks(async (a, b, left, right) => {
      const scope = new CancelScope();
      const waiting = a.do(() => scope.enter(() => wait(right)));
      const outcome = await outcomeOf(visit(left, b));
      assert(outcome !== "pending" && "error" in outcome, name);
      assert(outcome.error instanceof DeadlockError, name);
      scope.cancel();
      await waiting;
    });
  }
});

Deno.test("Who takes something else while it waits does not only wait: no circle leads through it [W3]", async () => {
  await withLocks(async (a, b, left, right) => {
    const waiting = visit(right, a);
    const third = new Lock();
    assert(a.do(() => third.tryAcquire()));
    const next = visit(left, b);
    assertEquals(await outcomeOf(next), "pending");
    a.do(() => third.release());
    a.do(() => left.release());
    await next;
    b.do(() => right.release());
    await waiting;
  });
});

Deno.test("A wait that timed out, was cancelled or aborted is no link any more [W3]", async () => {
  const reason = new Error("hung up");
  const enders: Record<string, (a: Actor, right: Lock) => Promise<unknown>> = {
    "timeout 0": (a, right) =>
      assertRejects(() => a.do(() => right.acquire({ timeout: 0 })), TimeoutError),
    "timeout": (a, right) =>
      assertRejects(() => a.do(() => right.acquire({ timeout: 5 })), TimeoutError),
    "signal": async (a, right) => {
      const controller = new AbortController();
      const waiting = a.do(() => right.acquire({ signal: controller.signal }));
      controller.abort(reason);
      await waiting.catch(() => {});
    },
    "scope": async (a, right) => {
      assert((await a.do(() => moveOnAfter(5, () => right.acquire()))).timedOut);
    },
  };
  for (const [name, end] of Object.entries(enders)) {
    await withVirtualTime(() =>
      withLocks(async (a, b, left, right) => {
        await end(a, right);
        const waiting = visit(left, b);
        assertEquals(await outcomeOf(waiting), "pending", name);
        a.do(() => left.release());
        await waiting;
      })
    );
  }
});

Deno.test("A wait that was cancelled in this very turn is no link, though its task does not know yet [W3]", async () => {
  await withLocks(async (a, b, left, right) => {
    const scope = new CancelScope();
    const waiting = a.do(() => scope.enter(() => right.acquire()));
    scope.cancel();
    const next = visit(left, b);
    await waiting;
    a.do(() => left.release());
    await next;
  });
});

Deno.test("A wait that was satisfied is no link any more, and its task has the lock now [W3]", async () => {
  await withLocks(async (a, b, left, right) => {
    const waiting = a.do(() => right.acquire());
    b.do(() => right.release());
    // In the same turn: a is at work, with both locks.
    const next = visit(left, b);
    await waiting;
    assertEquals(await outcomeOf(next), "pending");
    a.do(() => right.release());
    a.do(() => left.release());
    await next;
    await b.do(() => right.acquire());
  });
});

Deno.test("A task that got what it waited for, and then waits for something nobody holds, is no link [W3]", async () => {
  await withLocks(async (a, b, left, right) => {
    const waiting = visit(right, a);
    b.do(() => right.release());
    await waiting;
    await b.do(() => right.acquire());
    const bell = new Event();
    const listening = a.do(() => bell.wait());
    const next = visit(left, b);
    assertEquals(await outcomeOf(next), "pending");
    bell.set();
    await listening;
    a.do(() => left.release());
    await next;
  });
});

Deno.test("Who waits for a condition has given the lock back, and waits for nobody in particular [W3]", async () => {
  await withLocks(async (a, b, left, right) => {
    const changed = new Condition(right);
    b.do(() => right.release());
    await a.do(() => right.acquire());
    const waiting = a.do(() => changed.wait());
    await b.do(() => right.acquire());
    const next = visit(left, b);
    assertEquals(await outcomeOf(next), "pending");
    a.do(() => left.release());
    await next;
    b.do(() => changed.notify());
    b.do(() => right.release());
    await waiting;
    a.do(() => right.release());
    await b.do(() => right.acquire());
  });
});

Deno.test("Who was notified waits for the lock, and is a link like anybody who does [W3]", async () => {
  await withLocks(async (a, b, left, right) => {
    const changed = new Condition(right);
    b.do(() => right.release());
    await a.do(() => right.acquire());
    const waiting = a.do(() => changed.wait());
    await b.do(() => right.acquire());
    b.do(() => changed.notify());
    await assertRejects(() => visit(left, b), DeadlockError);
    b.do(() => right.release());
    await waiting;
    a.do(() => right.release());
    await b.do(() => right.acquire());
  });
});

Deno.test("A reader behind a writer who has given up waits for nobody any more [W3]", async () => {
  const lock = new RWLock();
  const door = new Lock();
  await scene(["reader", "late", "w"], async (reader, late, w) => {
    await reader.do(() => lock.read.acquire());
    await late.do(() => door.acquire());
    const scope = new CancelScope();
    const writing = w.do(() => scope.enter(() => lock.write.acquire()));
    const reading = late.do(() => lock.read.acquire());
    scope.cancel();
    await reading;
    const waiting = visit(door, reader);
    assertEquals(await outcomeOf(waiting), "pending");
    late.do(() => lock.read.release());
    late.do(() => door.release());
    await Promise.all([waiting, writing]);
    reader.do(() => lock.read.release());
  });
});

Deno.test("A task that sleeps, or works, with a lock in its hands is no link [W3]", async () => {
  await withVirtualTime(() =>
    withLocks(async (a, b, left) => {
      const sleeping = a.do(() => sleep(5));
      const waiting = visit(left, b);
      await sleeping;
      assertEquals(await outcomeOf(waiting), "pending");
      a.do(() => left.release());
      await waiting;
    })
  );
});

Deno.test("A circle that could not be seen when it was closed does not keep others from looking [W3]", async () => {
  await scene(["a", "b", "c"], async (a, b, c) => {
    const [left, right] = [new Lock(), new Lock()];
    await a.do(() => left.acquire());
    await b.do(() => right.acquire());
    const bell = new Event();
    const first = a.do(() => right.acquire({ timeout: 60_000 }));
    const second = a.do(() => bell.wait());
    const closing = b.do(() => left.acquire()); // a is in two waits: nobody is told.
    bell.set();
    await second;
    // Now it is a circle of a and b, which c is no part of.
    const third = visit(left, c);
    assertEquals(await outcomeOf(third), "pending");
    a.do(() => left.release());
    await closing;
    b.do(() => right.release());
    b.do(() => left.release());
    await Promise.all([first, third]);
    a.do(() => right.release());
  });
});
