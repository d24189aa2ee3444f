/**
 * What a `DeadlockError` says: who waits for what and where, who has it and where it was taken.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import {
  Condition,
  DeadlockError,
  Lock,
  RLock,
  RWLock,
  select,
  type Task,
  taskGroup,
  traceLocks,
} from "../../../mod.ts";
import { scene } from "../actors.ts";
import { thrownBy } from "../outcome.ts";

/** The place of the line after the one that calls this, as errors name it, up to the column. */
function nextLine(): string {
  const line = /deadlock_message_test\.ts:(\d+)/.exec(new Error().stack!.split("\n")[2])![1];
  return `${import.meta.url}:${Number(line) + 1}:`;
}

/** The message of the `DeadlockError` that a promise rejects with, with no columns in it. */
async function messageOf(promise: PromiseLike<unknown>): Promise<string> {
  const error = await thrownBy(promise);
  assertInstanceOf(error, DeadlockError);
  return error.message.replaceAll(/(:\d+:)\d+/g, "$1");
}

Deno.test("A DeadlockError names all tasks, all locks, and the places where they were taken and are waited for [W3]", async () => {
  traceLocks(true);
  const names = ["one", "two", "three"];
  await scene(names, async (...actors) => {
    const locks = ["red", "green", "blue"].map((name) => new Lock({ name }));
    const taken: string[] = [];
    for (const [index, actor] of actors.entries()) {
      actor.do(() => {
        taken.push(nextLine());
        return locks[index].acquire();
      });
    }
    const wanted: string[] = [];
    const waits = actors.map((actor, index) =>
      actor.do(async () => {
        wanted.push(nextLine());
        using _ = await locks[(index + 1) % 3].acquire();
      })
    );
    assertEquals(
      await messageOf(waits[2]),
      `Cannot wait for lock "red" as task "three" would wait for itself:\n` +
        `  task "three" waits for lock "red" at ${wanted[2]}, which task "one" took at ${
          taken[0]
        }\n` +
        `  task "one" waits for lock "green" at ${wanted[0]}, which task "two" took at ${
          taken[1]
        }\n` +
        `  task "two" waits for lock "blue" at ${wanted[1]}, which task "three" took at ${
          taken[2]
        }\n` +
        `Take locks in the same order everywhere`,
    );
    for (const index of [2, 1, 0]) {
      actors[index].do(() => locks[index].release());
      if (index > 0) await waits[index - 1];
    }
  });
  traceLocks(false);
});

const TAKING: Record<string, (lock: Lock, place: (place: string) => void) => unknown> = {
  "acquire()": (lock, place) => {
    place(nextLine());
    return lock.acquire();
  },
  "tryAcquire()": (lock, place) => {
    place(nextLine());
    return lock.tryAcquire();
  },
  "withLock()": (lock, place) => {
    place(nextLine());
    lock.withLock(() => new Promise(() => {}));
  },
  "a select": (lock, place) => {
    place(nextLine());
    return select({ lock });
  },
};

for (const [how, take] of Object.entries(TAKING)) {
  Deno.test(`A lock taken by ${how} was taken there, and not in Grove itself [W3]`, async () => {
    traceLocks(true);
    const locks = [new Lock({ name: "door" }), new RLock(), new RWLock().write];
    for (const lock of locks) {
      await scene(["a", "b"], async (a, b) => {
        let place = "";
        await a.do(() => take(lock as Lock, (at) => place = at));
        const second = new Lock();
        await b.do(() => second.acquire());
        const waiting = a.do(() => second.acquire());
        const message = await messageOf(b.do(() => lock.acquire()));
        assertStringIncludes(message, `, which task "a" took at ${place}\n`);
        b.do(() => second.release());
        await waiting;
        a.do(() => second.release());
        a.do(() => lock.release());
      });
    }
    traceLocks(false);
  });
}

Deno.test("What is waited for by withLock() is waited for there, and what it is waited for with, too [W3]", async () => {
  traceLocks(true);
  const lock = new Lock({ name: "door" });
  await scene(["a"], async (a) => {
    await a.do(() => lock.acquire());
    let place = "";
    const message = await messageOf(a.do(() => {
      place = nextLine();
      return lock.withLock(() => 1);
    }));
    assertStringIncludes(message, `task "a" waits for lock "door" at ${place}, which`);
    a.do(() => lock.release());
  });
  traceLocks(false);
});

Deno.test("A lock that was waited for and handed over was taken where it was waited for [W3]", async () => {
  traceLocks(true);
  const lock = new Lock();
  await scene(["a", "b"], async (a, b) => {
    await a.do(() => lock.acquire());
    let place = "";
    const waiting = b.do(() => {
      place = nextLine();
      return lock.acquire();
    });
    a.do(() => lock.release());
    await waiting;
    const message = await messageOf(b.do(() => lock.acquire()));
    assertStringIncludes(message, `task "b" took at ${place}\n`);
    b.do(() => lock.release());
  });
  traceLocks(false);
});

Deno.test("A lock without a name is a lock, of its kind [W3]", async () => {
  traceLocks(true);
  await scene(["a", "b"], async (a, b) => {
    const [rlock, rwlock] = [new RLock(), new RWLock()];
    await a.do(() => rlock.acquire());
    await b.do(() => rwlock.read.acquire());
    const waiting = a.do(() => rwlock.write.acquire());
    const message = await messageOf(b.do(() => rlock.acquire()));
    assertMatch(message, /^Cannot wait for a rlock as task "b" would wait for itself:\n/);
    assertMatch(message, /task "b" waits for a rlock at .*, which task "a" took at /);
    assertMatch(message, /task "a" waits for a write lock at .*, which task "b" took/);
    b.do(() => rwlock.read.release());
    await waiting;
    a.do(() => rwlock.write.release());
    a.do(() => rlock.release());
  });
  traceLocks(false);
});

Deno.test("Who takes a lock twice is told what to do about it [W3]", async () => {
  const lock = new Lock({ name: "door" });
  await lock.acquire();
  const message = await messageOf(lock.acquire());
  assertMatch(message, /^Cannot wait for lock "door" as task "root" would wait for itself:\n/);
  assertMatch(
    message,
    /\nRelease it first, or use an RLock; what is to exclude each other needs a task each$/,
  );
  assertEquals(message.split("\n").length, 3);
  lock.release();
});

Deno.test("Tasks that wait for each other are told what to do about that, and nobody took anything [W3]", async () => {
  await scene(["a", "b"], async (a, b) => {
    const waiting = a.do(() => b.task.join());
    const message = await messageOf(b.do(() => a.task.join()));
    assertMatch(message, /^Cannot wait for task "a" as task "b" would wait for itself:\n/);
    assertMatch(
      message,
      /\n {2}task "b" waits for task "a" at file:.*\n {2}task "a" waits for task "b"/,
    );
    assertMatch(message, /\nLet one of them end without the other$/);
    assert(!message.includes("took"));
    await b.leave();
    await waiting;
  });
});

Deno.test("RWLock: where the other side was taken is told, too [W3]", async () => {
  traceLocks(true);
  for (const [held, wanted] of [["read", "write"], ["write", "read"]] as const) {
    const lock = new RWLock({ name: "map" });
    await scene(["a"], async (a) => {
      let place = "";
      await a.do(() => {
        place = nextLine();
        return lock[held].acquire();
      });
      const message = await messageOf(a.do(() => lock[wanted].acquire()));
      assertStringIncludes(message, `, which task "a" took as a ${held} lock at ${place}\n`);
      a.do(() => lock[held].release());
    });
  }
  traceLocks(false);
});

Deno.test("A reader kept out by a writer who waits: nobody says that this one took the lock [W3]", async () => {
  const lock = new RWLock({ name: "map" });
  await scene(["a", "w"], async (a, w) => {
    await a.do(() => lock.read.acquire());
    const writing = w.do(() => lock.write.acquire());
    const message = await messageOf(a.do(() => lock.read.acquire()));
    const [, first, second] = message.split("\n");
    assertMatch(first, /^ {2}task "a" waits for read lock "map".*task "w"/);
    assert(!first.includes('which task "w" took'), first);
    assertMatch(second, /^ {2}task "w" waits for write lock "map".*, which task "a" took/);
    a.do(() => lock.read.release());
    await writing;
    w.do(() => lock.write.release());
  });
});

Deno.test("A task in the circle that came from a condition is in it with the lock of that [W3]", async () => {
  const changed = new Condition(undefined, { name: "stock" });
  const door = new Lock({ name: "door" });
  await scene(["a", "b"], async (a, b) => {
    await a.do(() => changed.lock.acquire());
    await a.do(() => door.acquire());
    const waiting = a.do(() => changed.wait());
    await b.do(() => changed.lock.acquire());
    b.do(() => changed.notify());
    const message = await messageOf(b.do(() => door.acquire()));
    assertMatch(message, /\n {2}task "a" waits for lock "stock".*, which task "b" took/);
    b.do(() => changed.lock.release());
    await waiting;
    a.do(() => door.release());
    a.do(() => changed.lock.release());
  });
});

Deno.test("Without traceLocks the places are named where a task waits with a lock in its hands [W3]", async () => {
  traceLocks(false);
  const [left, right] = [new Lock({ name: "left" }), new Lock({ name: "right" })];
  await scene(["a", "b"], async (a, b) => {
    await a.do(() => left.acquire());
    await b.do(() => right.acquire());
    let wanted = "";
    const waiting = a.do(() => {
      wanted = nextLine();
      return right.acquire();
    });
    let closing = "";
    const message = await messageOf(b.do(() => {
      closing = nextLine();
      return left.acquire();
    }));
    assertEquals(
      message,
      `Cannot wait for lock "left" as task "b" would wait for itself:\n` +
        `  task "b" waits for lock "left" at ${closing}, which task "a" took\n` +
        `  task "a" waits for lock "right" at ${wanted}, which task "b" took\n` +
        `Take locks in the same order everywhere; traceLocks(true) notes where`,
    );
    b.do(() => right.release());
    await waiting;
    a.do(() => right.release());
    a.do(() => left.release());
  });
});

Deno.test("traceLocks(true) notes the places from then on, traceLocks(false) no more", async () => {
  const lock = new Lock();
  const told: boolean[] = [];
  for (const on of [true, false, true, false]) {
    traceLocks(on);
    await lock.acquire();
    told.push((await messageOf(lock.acquire())).includes("took at file:"));
    lock.release();
  }
  assertEquals(told, [true, false, true, false]);
});

Deno.test("DeadlockError: it is an Error of that name, thrown as it is by a group", async () => {
  let inside: unknown;
  const outside = await thrownBy(taskGroup((group) => {
    group.spawn(async (task: Task) => {
      inside = await thrownBy(task.join());
      throw inside;
    });
  }));
  assertInstanceOf(inside, DeadlockError);
  assertInstanceOf(inside, Error);
  assertEquals([inside.name, Object.keys(inside)], ["DeadlockError", []]);
  assertEquals(outside, inside);
});
