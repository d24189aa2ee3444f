/**
 * Readers-writer locks: who may be in together, and how the phases of readers and writers take turns. What the writing side
 * shares with a `Lock` is in `lock_test.ts` and its kin, which run for both; who may release what is in
 * `rwlock_owner_test.ts`.
 *
 * @module
 */

import { assert, assertEquals, assertFalse, assertThrows } from "@std/assert";
import {
  checkpoint,
  Event,
  inspect,
  RWLock,
  select,
  sleep,
  taskGroup,
  yieldNow,
} from "../../mod.ts";
import {
  interruptAtEveryStep,
  waitAllTasksBlocked,
  withLeakCheck,
  withVirtualTime,
} from "../../primitives/testing/mod.ts";
import { type Actor, scene } from "./actors.ts";
import { outcomeOf } from "./outcome.ts";
import { named } from "./waits.ts";

/** An actor takes a side and notes it, when it is its turn. */
function take(lock: RWLock, side: "read" | "write", actor: Actor, notes: string[] = []) {
  return actor.do(async () => {
    await lock[side].acquire();
    notes.push(`${actor.task.name} ${side}s`);
  });
}

Deno.test("RWLock: many read at once, and a writer is kept out until the last has ended", async () => {
  const lock = new RWLock();
  await scene(["a", "b", "w"], async (a, b, w) => {
    await take(lock, "read", a);
    await take(lock, "read", b);
    assertEquals(lock.stats().readers, 2);
    assertFalse(w.do(() => lock.write.tryAcquire()));
    const writing = take(lock, "write", w);
    a.do(() => lock.read.release());
    assertFalse(lock.write.locked);
    b.do(() => lock.read.release());
    assert(lock.write.locked);
    assertFalse(lock.read.locked);
    await writing;
    w.do(() => lock.write.release());
  });
});

Deno.test("RWLock: while one writes nobody else reads or writes", async () => {
  const lock = new RWLock();
  await scene(["w", "r", "x"], async (w, r, x) => {
    await take(lock, "write", w);
    assertEquals([lock.write.locked, lock.read.locked], [true, false]);
    assertFalse(r.do(() => lock.read.tryAcquire()));
    assertFalse(x.do(() => lock.write.tryAcquire()));
    w.do(() => lock.write.release());
    assert(r.do(() => lock.read.tryAcquire()));
    assertFalse(x.do(() => lock.write.tryAcquire()));
    r.do(() => lock.read.release());
    assert(x.do(() => lock.write.tryAcquire()));
    x.do(() => lock.write.release());
  });
});

Deno.test("RWLock: a reader who comes while a writer waits is kept out: no barging [W1]", async () => {
  const lock = new RWLock();
  const notes: string[] = [];
  await scene(["a", "w", "b"], async (a, w, b) => {
    await take(lock, "read", a);
    const writing = take(lock, "write", w, notes);
    assertFalse(b.do(() => lock.read.tryAcquire()));
    const reading = take(lock, "read", b, notes);
    assertEquals(await outcomeOf(reading), "pending");
    a.do(() => lock.read.release());
    await writing;
    assertEquals(notes, ["w writes"]);
    w.do(() => lock.write.release());
    await reading;
    b.do(() => lock.read.release());
  });
  assertEquals(notes, ["w writes", "b reads"]);
});

Deno.test("RWLock: after a writer all who wait to read are let in together, before the next writer [W1]", async () => {
  const lock = new RWLock();
  const notes: string[] = [];
  await scene(["w1", "w2", "r1", "w3", "r2"], async (w1, w2, r1, w3, r2) => {
    await take(lock, "write", w1);
    const waiting = [
      take(lock, "write", w2, notes),
      take(lock, "read", r1, notes),
      take(lock, "write", w3, notes),
      take(lock, "read", r2, notes),
    ];
    w1.do(() => lock.write.release());
    await waitAllTasksBlocked();
    assertEquals(notes, ["r1 reads", "r2 reads"]);
    assertEquals(lock.stats().readers, 2);
    r1.do(() => lock.read.release());
    await waitAllTasksBlocked();
    assertEquals(notes.length, 2);
    r2.do(() => lock.read.release());
    await waitAllTasksBlocked();
    assertEquals(notes.slice(2), ["w2 writes"]);
    w2.do(() => lock.write.release());
    await Promise.all(waiting);
    assertEquals(notes.slice(3), ["w3 writes"]);
    w3.do(() => lock.write.release());
  });
  assertEquals([lock.read.locked, lock.write.locked], [false, false]);
});

Deno.test("RWLock: a reader waits for one writer and no more, however many writers stand in line", async () => {
  const lock = new RWLock();
  const notes: string[] = [];
  await scene(["r", "w1", "w2", "late"], async (r, w1, w2, late) => {
    await take(lock, "read", r);
    const first = take(lock, "write", w1, notes);
    const second = take(lock, "write", w2, notes);
    const reading = take(lock, "read", late, notes);
    r.do(() => lock.read.release());
    await first;
    w1.do(() => lock.write.release());
    await reading;
    assertEquals(notes, ["w1 writes", "late reads"]);
    late.do(() => lock.read.release());
    await second;
    w2.do(() => lock.write.release());
  });
});

Deno.test("RWLock: a writer waits for the readers of the moment and no later ones, however many come", async () => {
  const lock = new RWLock();
  await taskGroup(async (group) => {
    let written = false;
    let before = 0;
    for (let reader = 0; reader < 3; reader++) {
      group.spawn(async () => {
        for (let round = 0; round < 50; round++) {
          using _ = await lock.read.acquire();
          await yieldNow();
          if (!written) before++;
        }
      });
    }
    await yieldNow();
    await lock.write.withLock(() => {
      written = true;
    });
    assert(before <= 6, `${before} readings came before`);
  });
});

Deno.test("RWLock: writers that never pause do not keep the readers out", async () => {
  const lock = new RWLock();
  await taskGroup(async (group) => {
    let writings = 0;
    for (let writer = 0; writer < 3; writer++) {
      group.spawn(async () => {
        for (let round = 0; round < 50; round++) {
          using _ = await lock.write.acquire();
          await yieldNow();
          writings++;
        }
      });
    }
    await yieldNow();
    const before = writings;
    await lock.read.withLock(() =>
      assert(writings - before <= 1, `${writings - before} came first`)
    );
  });
});

Deno.test("RWLock: a reader may read again, as long as nobody waits to write", async () => {
  const lock = new RWLock();
  await lock.read.acquire();
  await lock.read.acquire();
  assert(lock.read.tryAcquire());
  assertEquals(lock.stats().readers, 3);
  for (const left of [2, 1, 0]) {
    lock.read.release();
    assertEquals(lock.stats().readers, left);
  }
  assertThrows(() => lock.read.release(), TypeError);
});

Deno.test("RWLock: random work of readers and writers never meets in there [W1]", async () => {
  await withVirtualTime(async () => {
    const lock = new RWLock();
    let readers = 0;
    let writers = 0;
    let mostReaders = 0;
    await taskGroup((group) => {
      for (let worker = 0; worker < 12; worker++) {
        const writes = worker % 3 === 0;
        group.spawn(async () => {
          for (let round = 1; round <= 10; round++) {
            await sleep((worker * 7 + round * 13) % 11);
            if (writes) {
              using _ = await lock.write.acquire();
              assertEquals([++writers, readers], [1, 0]);
              await sleep(round % 3);
              writers--;
            } else {
              using _ = await lock.read.acquire();
              mostReaders = Math.max(mostReaders, ++readers);
              assertEquals(writers, 0);
              await sleep(round % 3);
              readers--;
            }
          }
        });
      }
    });
    assert(mostReaders > 1);
    assertEquals([lock.stats().readers, lock.stats().writer], [0, null]);
  });
});

// Giving up

Deno.test("RWLock: when the last writer in line gives up, the readers behind it are let in at once [C7]", async () => {
  const lock = new RWLock();
  const notes: string[] = [];
  await scene(["a", "w1", "w2", "b", "c"], async (a, w1, w2, b, c) => {
    await take(lock, "read", a);
    const writing = [w1, w2].map((writer) => take(lock, "write", writer).catch(() => {}));
    const reading = [b, c].map((reader) => take(lock, "read", reader, notes));
    w1.task.cancel();
    await writing[0];
    assertEquals(lock.stats().readers, 1, "w2 still waits");
    w2.task.cancel();
    assertEquals(lock.stats().readers, 3);
    await Promise.all([...writing, ...reading]);
    assertEquals(notes, ["b reads", "c reads"]);
    for (const reader of [a, b, c]) reader.do(() => lock.read.release());
  });
  assertEquals([lock.read.locked, lock.write.locked], [false, false]);
});

Deno.test("RWLock: a writer in line that gives up while another writes lets nobody in", async () => {
  const lock = new RWLock();
  await scene(["w", "x", "r"], async (w, x, r) => {
    await take(lock, "write", w);
    const writing = take(lock, "write", x).catch(() => {});
    const reading = take(lock, "read", r);
    x.task.cancel();
    await writing;
    assertEquals([lock.read.locked, lock.stats().waitingReaders], [false, 1]);
    w.do(() => lock.write.release());
    await reading;
    r.do(() => lock.read.release());
  });
});

Deno.test("RWLock: a writer that gives up by a timeout of its own lets the readers in, too [C8]", async () => {
  await withVirtualTime(() =>
    scene(["a", "w", "b"], async (a, w, b) => {
      const lock = new RWLock();
      await take(lock, "read", a);
      const writing = w.do(() => lock.write.acquire({ timeout: 5 })).catch(() => "gave up");
      const reading = take(lock, "read", b);
      await Promise.all([reading, writing]);
      assertEquals(lock.stats().readers, 2);
      a.do(() => lock.read.release());
      b.do(() => lock.read.release());
    })
  );
});

Deno.test("RWLock: a reader in line that gives up is passed over", async () => {
  const lock = new RWLock();
  await scene(["w", "a", "b"], async (w, a, b) => {
    await take(lock, "write", w);
    const gone = take(lock, "read", a).catch(() => {});
    const reading = take(lock, "read", b);
    a.task.cancel();
    w.do(() => lock.write.release());
    await Promise.all([gone, reading]);
    assertEquals(lock.stats().readers, 1);
    b.do(() => lock.read.release());
  });
});

Deno.test("RWLock: reading and writing may be interrupted at every step, and nobody meets or is left out [C7]", async () => {
  for (const side of ["read", "write"] as const) {
    const { interrupted } = await interruptAtEveryStep((interrupt) =>
      withLeakCheck(async () => {
        const lock = new RWLock();
        let inside = "";
        const visits: string[] = [];
        const visit = async (side: "read" | "write") => {
          using _ = await lock[side].acquire();
          assert(side === "read" ? !inside.includes("w") : inside === "", `in there: ${inside}`);
          inside += side[0];
          await yieldNow();
          await checkpoint();
          inside = inside.replace(side[0], "");
          visits.push(side);
        };
        await taskGroup(async (group) => {
          group.spawn(() => visit("read"));
          group.spawn(() => visit("write"));
          const running = interrupt(async () => {
            using _ = await lock[side].acquire();
            await yieldNow();
          });
          group.spawn(() => visit("read"));
          group.spawn(() => visit("write"));
          group.spawn(() => visit("read"));
          await running;
        });
        assertEquals(visits.length, 5);
        const { readers, writer, waitingReaders, waitingWriters } = lock.stats();
        assertEquals([readers, writer, waitingReaders, waitingWriters], [0, null, 0, 0]);
        assert(lock.write.tryAcquire());
        lock.write.release();
      })
    );
    assert(interrupted > 5, `interrupted ${interrupted} times only`);
  }
});

// As an arm of a select

Deno.test("RWLock: a select on the writing side that another arm wins lets the readers in [W8]", async () => {
  const lock = new RWLock();
  await scene(["a", "w", "b"], async (a, w, b) => {
    await take(lock, "read", a);
    const bell = new Event();
    const selecting = w.do(() => select({ write: lock.write, bell }));
    const reading = take(lock, "read", b);
    assertEquals(lock.stats().waitingReaders, 1);
    bell.set();
    assertEquals((await selecting).key, "bell");
    assertEquals(lock.stats().waitingWriters, 0);
    await reading;
    a.do(() => lock.read.release());
    b.do(() => lock.read.release());
  });
});

Deno.test("RWLock: a select on the reading side is let in with the other readers, and gives the guard [W8]", async () => {
  const lock = new RWLock();
  await scene(["w", "a", "b"], async (w, a, b) => {
    await take(lock, "write", w);
    const reading = take(lock, "read", a);
    const selecting = b.do(() => select({ read: lock.read }));
    w.do(() => lock.write.release());
    await reading;
    const { key, value } = await selecting;
    assertEquals([key, lock.stats().readers], ["read", 2]);
    b.do(() => lock.read.release());
    b.do(() => value[Symbol.dispose]());
    assertEquals(lock.stats().readers, 1);
    a.do(() => lock.read.release());
  });
});

Deno.test("RWLock: who waits for whom shows in inspect()", async () => {
  const lock = new RWLock({ name: "map" });
  await scene(["a", "b", "w", "r"], async (a, b, w, r) => {
    await take(lock, "read", a);
    await take(lock, "read", b);
    const waiting = [take(lock, "write", w), take(lock, "read", r)];
    const shown = inspect().children.at(-1)!.children.map(({ waitingFor }) => named(waitingFor));
    assertEquals(shown.slice(2), [
      [{ kind: "write lock", name: "map", heldBy: ["a", "b"] }],
      [{ kind: "read lock", name: "map" }], // The writer ahead does not have it either.
    ]);
    a.do(() => lock.read.release());
    b.do(() => lock.read.release());
    await waiting[0];
    w.do(() => lock.write.release());
    await waiting[1];
    r.do(() => lock.read.release());
  });
});
