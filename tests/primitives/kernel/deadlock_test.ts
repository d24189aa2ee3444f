/**
 * Deadlocks: a wait that closes a circle of tasks fails at once, and no other wait does. What the error says is in
 * `deadlock_message_test.ts`.
 *
 * @module
 */

import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import {
  CancelScope,
  currentTask,
  DeadlockError,
  Event,
  Lock,
  RLock,
  RWLock,
  taskGroup,
} from "../../../mod.ts";
import { withLeakCheck } from "../../../primitives/testing/mod.ts";
import { type Actor, scene } from "../actors.ts";
import { outcomeOf } from "../outcome.ts";

/** What can be taken: a lock, or a side of one. */
type Takeable = Pick<Lock, "acquire" | "release">;

const KINDS: Record<string, () => Takeable> = {
  "Lock": () => new Lock(),
  "RLock": () => new RLock(),
  "RWLock.write": () => new RWLock().write,
};

/** An actor takes a lock, and gives it back as soon as it has it. */
function visit(lock: Takeable, actor: Actor): Promise<void> {
  return actor.do(async () => {
    using _ = await lock.acquire();
  });
}

for (const [kind, make] of Object.entries(KINDS)) {
  for (const length of [2, 3, 100]) {
    Deno.test(`${kind}: in a circle of ${length} the task that closes it gets a DeadlockError, and the others go on [W3]`, async () => {
      const names = Array.from({ length }, (_, index) => `task ${index}`);
      await withLeakCheck(() =>
        scene(names, async (...actors) => {
          const locks = actors.map(make);
          for (const [index, actor] of actors.entries()) {
            await actor.do(() => locks[index].acquire());
          }
          const waiting = actors.slice(0, -1).map((actor, index) => visit(locks[index + 1], actor));
          const last = actors[length - 1];
          await assertRejects(() => visit(locks[0], last), DeadlockError);
          // It has its own lock still; when it gives that back, so do all others, one by one.
          for (let index = length - 1; index >= 0; index--) {
            actors[index].do(() => locks[index].release());
            if (index > 0) await waiting[index - 1];
          }
          for (const lock of locks) await visit(lock, last);
        })
      );
    });
  }

  Deno.test(`${kind}: a DeadlockError leaves the queues as they were [W3]`, async () => {
    await withLeakCheck(() =>
      scene(["a", "b", "c"], async (a, b, c) => {
        const [left, right] = [make(), make()];
        await a.do(() => left.acquire());
        await b.do(() => right.acquire());
        const waiting = visit(right, a);
        for (let round = 0; round < 3; round++) {
          await assertRejects(() => visit(left, b), DeadlockError);
          await assertRejects(() => b.do(() => left.acquire({ timeout: 10 })), DeadlockError);
        }
        const third = visit(left, c);
        b.do(() => right.release());
        await waiting;
        a.do(() => left.release());
        await third;
      })
    );
  });

  Deno.test(`${kind}: a chain that does not come back is no deadlock [W3]`, async () => {
    await scene(["a", "b", "c", "d"], async (a, b, c, d) => {
      const [first, second, third] = [make(), make(), make()];
      await a.do(() => first.acquire());
      await b.do(() => second.acquire());
      await c.do(() => third.acquire());
      const waiting = [visit(first, b), visit(second, c), visit(third, d), visit(third, d)];
      a.do(() => first.release());
      await waiting[0];
      b.do(() => second.release());
      await waiting[1];
      c.do(() => third.release());
      await Promise.all(waiting);
    });
  });
}

Deno.test("A task that waits behind others for what it holds itself is a circle, too [W3]", async () => {
  await scene(["a", "b"], async (a, b) => {
    const lock = new Lock();
    await a.do(() => lock.acquire());
    const waiting = visit(lock, b);
    await assertRejects(() => visit(lock, a), DeadlockError);
    a.do(() => lock.release());
    await waiting;
  });
});

Deno.test("What a task holds itself it cannot get, also where it is in other waits [W3]", async () => {
  await scene(["a"], async (a) => {
    const lock = new Lock();
    await a.do(() => lock.acquire());
    const bell = new Event();
    const listening = a.do(() => bell.wait());
    await assertRejects(() => visit(lock, a), DeadlockError);
    bell.set();
    await listening;
    a.do(() => lock.release());
  });
});

Deno.test("The waits of its children are not those of a task in the circle [W3]", async () => {
  await scene(["a", "b"], async (a, b) => {
    const [left, right] = [new Lock(), new Lock()];
    await a.do(() => left.acquire());
    await b.do(() => right.acquire());
    const bell = new Event();
    const working = a.do(() =>
      taskGroup(async (group) => {
        group.spawn(() => bell.wait());
        group.spawn(() => bell.wait());
        using _ = await right.acquire();
      })
    );
    await assertRejects(() => visit(left, b), DeadlockError);
    bell.set();
    b.do(() => right.release());
    await working;
    a.do(() => left.release());
  });
});

Deno.test("The circle is found through the one who has the lock now, not who had it when the wait began [W3]", async () => {
  await scene(["a", "b", "c"], async (a, b, c) => {
    const [left, right] = [new Lock(), new Lock()];
    await a.do(() => left.acquire());
    await c.do(() => right.acquire());
    const second = b.do(() => left.acquire());
    const third = visit(left, c);
    a.do(() => left.release());
    await second;
    // c has waited since the time of a; now it waits for b.
    await assertRejects(() => visit(right, b), DeadlockError);
    b.do(() => left.release());
    await third;
    c.do(() => right.release());
    await visit(right, b);
  });
});

Deno.test("Two circles at once are found one after the other [W3]", async () => {
  await scene(["a", "b", "c"], async (a, b, c) => {
    const [one, two, three] = [new Lock(), new Lock(), new Lock()];
    await a.do(() => one.acquire());
    await b.do(() => two.acquire());
    await c.do(() => three.acquire());
    const waiting = [visit(three, a), visit(three, b)];
    await assertRejects(() => visit(one, c), DeadlockError);
    await assertRejects(() => visit(two, c), DeadlockError);
    c.do(() => three.release());
    await Promise.all(waiting);
    a.do(() => one.release());
    b.do(() => two.release());
  });
});

// Readers and writers

Deno.test("RWLock: who reads cannot write, and who writes cannot read or write: it would wait for itself [W3]", async () => {
  const lock = new RWLock();
  await lock.read.acquire();
  await assertRejects(() => lock.write.acquire(), DeadlockError);
  assertEquals(lock.stats().waitingWriters, 0);
  lock.read.release();
  await lock.write.acquire();
  await assertRejects(() => lock.read.acquire(), DeadlockError);
  await assertRejects(() => lock.write.acquire(), DeadlockError);
  assertEquals([lock.stats().waitingReaders, lock.stats().waitingWriters], [0, 0]);
  lock.write.release();
});

Deno.test("RWLock: two readers who both want to write: the second is told, and the first writes when that one has left [W3]", async () => {
  const lock = new RWLock();
  await scene(["a", "b"], async (a, b) => {
    await a.do(() => lock.read.acquire());
    await b.do(() => lock.read.acquire());
    await assertRejects(() => visit(lock.write, a), DeadlockError);
    await assertRejects(() => visit(lock.write, b), DeadlockError);
    a.do(() => lock.read.release());
    const writing = visit(lock.write, a);
    b.do(() => lock.read.release());
    await writing;
  });
});

Deno.test("RWLock: a reader who reads again while a writer waits for it is a circle [W3]", async () => {
  const lock = new RWLock();
  await scene(["a", "w"], async (a, w) => {
    await a.do(() => lock.read.acquire());
    const writing = visit(lock.write, w);
    await assertRejects(() => visit(lock.read, a), DeadlockError);
    assertEquals(lock.stats().waitingReaders, 0);
    a.do(() => lock.read.release());
    await writing;
  });
});

Deno.test("RWLock: a circle is found through a waiting writer whom a reader stands behind [W3]", async () => {
  const lock = new RWLock();
  const door = new Lock();
  await scene(["reader", "w", "late"], async (reader, w, late) => {
    await reader.do(() => lock.read.acquire());
    await late.do(() => door.acquire());
    const writing = visit(lock.write, w);
    const reading = visit(lock.read, late);
    // late waits for w, w for reader, and reader would wait for late.
    await assertRejects(() => visit(door, reader), DeadlockError);
    reader.do(() => lock.read.release());
    await writing;
    await reading;
    late.do(() => door.release());
  });
});

Deno.test("RWLock: a writer waits for all who read, and each of them can close the circle [W3]", async () => {
  for (const culprit of [0, 1, 2]) {
    const lock = new RWLock();
    const door = new Lock();
    await scene(["a", "b", "c", "w"], async (a, b, c, w) => {
      const readers = [a, b, c];
      for (const reader of readers) await reader.do(() => lock.read.acquire());
      await w.do(() => door.acquire());
      const waiting = visit(door, readers[culprit]);
      await assertRejects(() => visit(lock.write, w), DeadlockError);
      w.do(() => door.release());
      await waiting;
      const writing = visit(lock.write, w);
      for (const reader of readers) {
        await assertRejects(() => visit(lock.write, reader), DeadlockError);
        reader.do(() => lock.read.release());
      }
      await writing;
    });
  }
});

Deno.test("RWLock: a circle is found also where there is another way round that may open by itself [W3]", async () => {
  for (const limited of [0, 1]) {
    const lock = new RWLock();
    const [door, gate] = [new Lock(), new Lock()];
    await scene(["a", "b", "z", "w"], async (a, b, z, w) => {
      for (const reader of [a, b]) await reader.do(() => lock.read.acquire());
      await z.do(() => door.acquire());
      await w.do(() => gate.acquire());
      // Both readers wait for z, one of them not for ever; z waits for w.
      const { signal } = new AbortController();
      const waiting = [a, b].map((reader, index) =>
        reader.do(() => door.withLock(() => {}, index === limited ? { signal } : undefined))
      );
      const last = visit(gate, z);
      const scope = new CancelScope();
      const outcome = await outcomeOf(w.do(() => scope.enter(() => lock.write.acquire())));
      scope.cancel();
      assert(outcome !== "pending" && "error" in outcome, "nobody was told");
      assertInstanceOf(outcome.error, DeadlockError);
      w.do(() => gate.release());
      await last;
      z.do(() => door.release());
      await Promise.all(waiting);
      for (const reader of [a, b]) reader.do(() => lock.read.release());
    });
  }
});

Deno.test("RWLock: a reader that waits for something nobody in the circle has is no deadlock for the writer [W3]", async () => {
  const lock = new RWLock();
  const door = new Lock();
  await scene(["a", "b", "w"], async (a, b, w) => {
    await b.do(() => door.acquire());
    await a.do(() => lock.read.acquire());
    const waiting = visit(door, a);
    const writing = visit(lock.write, w);
    b.do(() => door.release());
    await waiting;
    a.do(() => lock.read.release());
    await writing;
  });
});

Deno.test("Locks of all kinds and a task in one circle [W3]", async () => {
  const [lock, rlock, rwlock] = [new Lock(), new RLock(), new RWLock()];
  await scene(["a", "b", "c", "d"], async (a, b, c, d) => {
    await a.do(() => lock.acquire());
    await b.do(() => rlock.acquire());
    await b.do(() => rlock.acquire());
    await c.do(() => rwlock.read.acquire());
    const waiting = [visit(rlock, a), visit(rwlock.write, b), c.do(() => d.task.join())];
    await assertRejects(() => visit(lock, d), DeadlockError);
    await d.leave();
    await waiting[2];
    c.do(() => rwlock.read.release());
    await waiting[1];
    b.do(() => rlock.release());
    b.do(() => rlock.release());
    await waiting[0];
    a.do(() => lock.release());
  });
});

// Waiting for tasks

Deno.test("A task cannot await itself, nor join itself [W3]", async () => {
  await taskGroup(async (group) => {
    const told = await group.spawn(async (task) => {
      const errors = [];
      for (const wait of [() => task.join(), async () => await task, () => currentTask().join()]) {
        errors.push(await wait().then(() => "nothing", (error) => error.name));
      }
      return errors;
    });
    assertEquals(told, ["DeadlockError", "DeadlockError", "DeadlockError"]);
  });
});

for (const length of [2, 3, 100]) {
  Deno.test(`In a circle of ${length} tasks that wait for each other's ends the last is told [W3]`, async () => {
    const names = Array.from({ length }, (_, index) => `task ${index}`);
    await withLeakCheck(() =>
      scene(names, async (...actors) => {
        const waiting = actors.slice(0, -1).map((actor, index) =>
          actor.do(() =>
            index % 2 === 0 ? actors[index + 1].task.join() : actors[index + 1].task.then()
          )
        );
        const last = actors[length - 1];
        await assertRejects(() => last.do(() => actors[0].task.join()), DeadlockError);
        await assertRejects(() => last.do(() => actors[0].task.then()), DeadlockError);
        await last.leave();
        await waiting[length - 2];
      })
    );
  });
}

Deno.test("A task that holds a lock and waits for the end of one who waits for the lock is told [W3]", async () => {
  const lock = new Lock();
  await scene(["a", "b"], async (a, b) => {
    await a.do(() => lock.acquire());
    const waiting = visit(lock, b);
    await assertRejects(() => a.do(() => b.task.join()), DeadlockError);
    a.do(() => lock.release());
    await waiting;
  });
});

Deno.test("A task that wants a lock whose owner waits for its end is told [W3]", async () => {
  const lock = new Lock();
  await scene(["a", "b"], async (a, b) => {
    await a.do(() => lock.acquire());
    const joining = a.do(() => b.task.join());
    await assertRejects(() => visit(lock, b), DeadlockError);
    await b.leave();
    await joining;
    a.do(() => lock.release());
  });
});

Deno.test("A task that is waited for may wait for others, and end [W3]", async () => {
  await scene(["a", "b", "c"], async (a, b, c) => {
    const joining = [
      a.do(() => b.task.join()),
      b.do(() => c.task.join()),
      a.do(() => c.task.join()),
    ];
    await c.leave();
    await joining[1];
    await b.leave();
    await Promise.all(joining);
  });
});
