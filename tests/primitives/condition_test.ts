/**
 * Conditions: waiting, being notified, and what the lock has to do with it. How a wait is cut short is in
 * `condition_limits_test.ts`.
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
  Condition,
  inspect,
  Lock,
  RLock,
  RWLock,
  sleep,
  taskGroup,
  yieldNow,
} from "../../mod.ts";
import { dependents } from "../../primitives/lock.ts";
import { waitAllTasksBlocked } from "../../primitives/testing/mod.ts";
import { type Actor, scene } from "./actors.ts";
import { outcomeOf } from "./outcome.ts";
import { calling } from "./probes.ts";
import { named } from "./waits.ts";

/** An actor waits, and notes that it was woken with the lock in its hands. */
function wait(changed: Condition, actor: Actor, woken: string[]): Promise<void> {
  return actor.do(() =>
    changed.lock.withLock(async () => {
      await changed.wait();
      assertStrictEquals(changed.lock.owner, actor.task);
      woken.push(actor.task.name);
    })
  );
}

/** Does something with the lock in the hands, as the root task. */
function under(changed: Condition, fn: () => void): Promise<void> {
  return changed.lock.withLock(fn);
}

Deno.test("Condition: a wait gives the lock back, and has it again when it was notified [W5]", async () => {
  const changed = new Condition();
  await scene(["a", "b"], async (a, b) => {
    await a.do(() => changed.lock.acquire());
    const waiting = a.do(() => changed.wait());
    assertFalse(changed.lock.locked);
    await b.do(() => changed.lock.acquire());
    b.do(() => changed.notify());
    assertEquals(await outcomeOf(waiting), "pending", "b still has the lock");
    b.do(() => changed.lock.release());
    assertStrictEquals(changed.lock.owner, a.task);
    assertStrictEquals(await waiting, undefined);
    a.do(() => changed.lock.release());
  });
  assertFalse(changed.lock.locked);
});

Deno.test("Condition: a wait hands the lock to the first who waits for it [W1]", async () => {
  const changed = new Condition();
  await scene(["a", "b"], async (a, b) => {
    await a.do(() => changed.lock.acquire());
    const acquiring = b.do(() => changed.lock.acquire());
    const waiting = a.do(() => changed.wait());
    assertStrictEquals(changed.lock.owner, b.task);
    await acquiring;
    b.do(() => changed.notify());
    b.do(() => changed.lock.release());
    await waiting;
    a.do(() => changed.lock.release());
  });
});

Deno.test("Condition: notify() lets one go on, notify(2) two, who came first first [W5]", async () => {
  const changed = new Condition();
  const woken: string[] = [];
  await scene(["c", "a", "d", "b"], async (c, a, d, b) => {
    const waiting: Promise<void>[] = [];
    for (const actor of [a, b, c, d]) {
      waiting.push(wait(changed, actor, woken));
      await waitAllTasksBlocked();
    }
    await under(changed, () => changed.notify());
    await waitAllTasksBlocked();
    assertEquals(woken, ["a"]);
    await under(changed, () => changed.notify(2));
    await waitAllTasksBlocked();
    assertEquals(woken, ["a", "b", "c"]);
    assertEquals(changed.stats().waiters, 1);
    await under(changed, () => changed.notify());
    await Promise.all(waiting);
    assertEquals(woken, ["a", "b", "c", "d"]);
  });
});

Deno.test("Condition: notifyAll() lets all go on who wait, and none who comes later [W5]", async () => {
  const changed = new Condition();
  const woken: string[] = [];
  await scene(["a", "b", "c", "late"], async (a, b, c, late) => {
    const waiting = [a, b, c].map((actor) => wait(changed, actor, woken));
    await waitAllTasksBlocked();
    await under(changed, () => changed.notifyAll());
    const tooLate = wait(changed, late, woken);
    await Promise.all(waiting);
    await waitAllTasksBlocked();
    assertEquals([woken, changed.stats().waiters], [["a", "b", "c"], 1]);
    await under(changed, () => changed.notify());
    await tooLate;
  });
});

Deno.test("Condition: to notify nobody, or more than there are, is no error, and is not remembered [W5]", async () => {
  const changed = new Condition();
  const woken: string[] = [];
  await scene(["a"], async (a) => {
    await under(changed, () => {
      changed.notify();
      changed.notify(100);
      changed.notifyAll();
    });
    const waiting = wait(changed, a, woken);
    await under(changed, () => changed.notify(0));
    await waitAllTasksBlocked();
    assertEquals(woken, []);
    await under(changed, () => changed.notify(5));
    await waiting;
    assertEquals(woken, ["a"]);
  });
});

Deno.test("Condition: the notified take the lock in line with the others: nobody gets in between [W1]", async () => {
  const changed = new Condition();
  const order: string[] = [];
  await scene(["a", "b", "x", "y", "boss"], async (a, b, x, y, boss) => {
    const waiting = [wait(changed, a, order), wait(changed, b, order)];
    await waitAllTasksBlocked();
    await boss.do(() => changed.lock.acquire());
    const before = x.do(() => changed.lock.withLock(() => order.push("x")));
    boss.do(() => changed.notifyAll());
    const after = y.do(() => changed.lock.withLock(() => order.push("y")));
    assertEquals(changed.lock.stats().waiters, 4);
    boss.do(() => changed.lock.release());
    await Promise.all([...waiting, before, after]);
  });
  assertEquals(order, ["x", "a", "b", "y"]);
});

Deno.test("Condition: who was notified and waits again is behind those who still wait [W1]", async () => {
  const changed = new Condition();
  const woken: string[] = [];
  await taskGroup(async (group) => {
    for (const name of ["a", "b", "c"]) {
      group.spawn(async () => {
        using _ = await changed.lock.acquire();
        for (let round = 0; round < 3; round++) {
          await changed.wait();
          woken.push(name);
        }
      });
    }
    for (let turn = 0; turn < 9; turn++) {
      await waitAllTasksBlocked();
      await under(changed, () => changed.notify());
    }
  });
  assertEquals(woken, ["a", "b", "c", "a", "b", "c", "a", "b", "c"]);
});

Deno.test("Condition: without the lock one can neither wait nor notify [W5]", async () => {
  const changed = new Condition(undefined, { name: "stock" });
  const vain = async (actor: Actor) => {
    for (const call of ["notify", "notifyAll"] as const) {
      assertThrows(
        () => actor.do(() => changed[call]()),
        TypeError,
        `Cannot notify condition "stock" as the calling task does not hold its lock. Acquire 'condition.lock' first`,
      );
    }
    for (const call of [() => changed.wait(), () => changed.waitFor(() => true)]) {
      await assertRejects(
        () => actor.do<Promise<unknown>>(call),
        TypeError,
        `Cannot wait for condition "stock" as the calling task does not hold its lock`,
      );
    }
  };
  await scene(["a", "b"], async (a, b) => {
    await vain(a);
    await b.do(() => changed.lock.acquire());
    await vain(a);
    assertEquals([changed.stats().waiters, changed.lock.owner === b.task], [0, true]);
    b.do(() => changed.lock.release());
  });
});

Deno.test("Condition: several may share a lock, and each has its own waiters [W5]", async () => {
  const lock = new Lock();
  const [filled, emptied] = [new Condition(lock), new Condition(lock)];
  const woken: string[] = [];
  await scene(["taker", "giver"], async (taker, giver) => {
    const waiting = [wait(filled, taker, woken), wait(emptied, giver, woken)];
    await waitAllTasksBlocked();
    await lock.withLock(() => emptied.notifyAll());
    await waiting[1];
    assertEquals([woken, filled.stats().waiters], [["giver"], 1]);
    await lock.withLock(() => filled.notify());
    await waiting[0];
  });
  assertEquals(woken, ["giver", "taker"]);
  assertEquals(dependents(lock).size, 0, "the lock knows only those who have somebody waiting");
});

Deno.test("Condition: with an RLock a wait gives it back altogether, and has it as deep again [W5]", async () => {
  const lock = new RLock();
  const changed = new Condition(lock);
  await scene(["a", "b"], async (a, b) => {
    for (let depth = 1; depth <= 3; depth++) await a.do(() => lock.acquire());
    const waiting = a.do(() => changed.wait());
    assertEquals([lock.locked, lock.depth], [false, 0]);
    await b.do(() => lock.acquire());
    await b.do(() => lock.acquire());
    b.do(() => changed.notify());
    b.do(() => lock.release());
    assertStrictEquals(lock.owner, b.task, "b has it once more");
    b.do(() => lock.release());
    await waiting;
    assertEquals([lock.owner === a.task, lock.depth], [true, 3]);
    for (let depth = 3; depth >= 1; depth--) a.do(() => lock.release());
    assertFalse(lock.locked);
  });
});

Deno.test("Condition: two who wait under an RLock, each as deep as it likes, get each its own depth [W5]", async () => {
  const lock = new RLock();
  const changed = new Condition(lock);
  const depths: number[] = [];
  await taskGroup(async (group) => {
    for (const deep of [1, 4, 2]) {
      group.spawn(async () => {
        for (let depth = 0; depth < deep; depth++) await lock.acquire();
        await changed.wait();
        depths.push(lock.depth);
        await yieldNow();
        for (let depth = 0; depth < deep; depth++) lock.release();
      });
    }
    await waitAllTasksBlocked();
    await under(changed, () => changed.notifyAll());
  });
  assertEquals(depths, [1, 4, 2]);
  assertFalse(lock.locked);
});

Deno.test("Condition: a bounded buffer of many producers and consumers loses nothing, and is never over-full", async () => {
  const lock = new Lock();
  const [filled, emptied] = [new Condition(lock), new Condition(lock)];
  const buffer: number[] = [];
  const consumed: number[] = [];
  await taskGroup((group) => {
    for (let producer = 0; producer < 4; producer++) {
      group.spawn(async () => {
        for (let item = 0; item < 25; item++) {
          using _ = await lock.acquire();
          await emptied.waitFor(() => buffer.length < 3);
          buffer.push(producer * 25 + item);
          assert(buffer.length <= 3);
          filled.notify();
        }
      });
    }
    for (let consumer = 0; consumer < 5; consumer++) {
      group.spawn(async () => {
        for (let item = 0; item < 20; item++) {
          using _ = await lock.acquire();
          await filled.waitFor(() => buffer.length > 0);
          consumed.push(buffer.shift()!);
          emptied.notify();
          if (consumer === 0) await sleep(0);
        }
      });
    }
  });
  assertEquals(consumed.sort((a, b) => a - b), Array.from({ length: 100 }, (_, item) => item));
});

// Its lock, its name, its figures

Deno.test("Condition: those who have been notified hear of it when the lock is broken [W2]", async () => {
  const changed = new Condition(undefined, { name: "stock" });
  await scene(["a", "boss"], async (a, boss) => {
    const waiting = wait(changed, a, []);
    await waitAllTasksBlocked();
    await boss.do(() => changed.lock.acquire());
    boss.do(() => changed.notify());
    const told = assertRejects(() => waiting, BrokenResourceError);
    await boss.leave();
    await told;
    assertEquals(changed.stats().waiters, 0);
  });
});

Deno.test(
  "Condition: those who still wait hear of it when the lock is broken: nobody could notify them [W2]",
  async () => {
    const changed = new Condition(undefined, { name: "stock" });
    await scene(["a", "boss"], async (a, boss) => {
      const waiting = wait(changed, a, []);
      await waitAllTasksBlocked();
      await boss.do(() => changed.lock.acquire());
      await boss.leave();
      const outcome = await outcomeOf(waiting);
      if (outcome === "pending") a.task.cancel(); // It would wait for ever.
      assert(outcome !== "pending" && "error" in outcome);
      assertInstanceOf(outcome.error, BrokenResourceError);
      assertEquals(changed.stats().waiters, 0);
    });
  },
);

Deno.test("Condition: it makes a lock of its name, or takes the one given", () => {
  const own = new Condition(undefined, { name: "stock" });
  assertEquals([own.name, own.lock.name, own.lock.kind], ["stock", "stock", "lock"]);
  const lock = new RLock({ name: "shelf" });
  const shared = new Condition(lock, { name: "stock" });
  assertStrictEquals(shared.lock, lock);
  assertEquals(new Condition().name, "");
});

Deno.test("Condition: a lock that is none, bad options and bad numbers are refused at the call [E1]", async () => {
  const make = (...args: unknown[]) =>
    calling((lock: never, options: never) => new Condition(lock, options), ...args);
  for (const lock of [null, {}, "lock", new RWLock(), new RWLock().write]) {
    assertThrows(make(lock), TypeError, "its lock must be a Lock or an RLock");
  }
  assertThrows(make(undefined, { name: 5 }), TypeError, "'name' must be a string: received 5");
  assertThrows(make(undefined, null), TypeError, "the options must be an object");

  const changed = new Condition(undefined, { name: "stock" });
  await under(changed, () => {
    for (const count of [-1, 1.5, NaN]) {
      assertThrows(() => changed.notify(count), RangeError, `received ${count}`);
    }
    assertThrows(calling(changed.notify.bind(changed), "1"), TypeError, 'received "1"');
    assertThrows(
      calling(changed.waitFor.bind(changed), true),
      TypeError,
      'Cannot wait for condition "stock" as the predicate must be a function: received true',
    );
    assertThrows(calling(changed.waitFor.bind(changed), () => 1, { timeout: -1 }), RangeError);
    assertThrows(calling(changed.wait.bind(changed), { timeout: -1 }), RangeError);
    assertStrictEquals(changed.lock.owner?.name, "root");
  });
  assertEquals(changed.stats(), { waiters: 0, peakWaiters: 0 });
});

Deno.test("Condition.stats() is frozen, and right at each stage; inspect() shows who waits for what [W9]", async () => {
  const changed = new Condition(undefined, { name: "stock" });
  assertEquals(changed.stats(), { waiters: 0, peakWaiters: 0 });
  assert(Object.isFrozen(changed.stats()));
  await scene(["a", "b"], async (a, b) => {
    const shown = () =>
      inspect().children.at(-1)!.children.map((task) => named(task.waitingFor)[0]);
    const waiting = [wait(changed, a, []), wait(changed, b, [])];
    await waitAllTasksBlocked();
    assertEquals(changed.stats(), { waiters: 2, peakWaiters: 2 });
    assertEquals(shown(), [
      { kind: "condition", name: "stock" },
      { kind: "condition", name: "stock" },
    ]);
    await changed.lock.acquire();
    changed.notify();
    assertEquals(changed.stats(), { waiters: 1, peakWaiters: 2 });
    assertEquals(shown()[0], { kind: "lock", name: "stock", heldBy: ["root"] });
    changed.notify();
    changed.lock.release();
    await Promise.all(waiting);
  });
  assertEquals(changed.stats(), { waiters: 0, peakWaiters: 2 });
});
