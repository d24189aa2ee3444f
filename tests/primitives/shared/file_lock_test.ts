/**
 * Locks between processes.
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
  CancelScope,
  ClosedError,
  DeadlockError,
  FileLock,
  Guard,
  inspect,
  select,
  sleep,
  taskGroup,
  TimeoutError,
} from "../../../mod.ts";
import { pass, received } from "../../../primitives/kernel/passing.ts";
import { interruptAtEveryStep, withLeakCheck } from "../../../primitives/testing/mod.ts";
import { type Program, program } from "../../io/program.ts";
import { scene } from "../actors.ts";
import { outcomeOf } from "../outcome.ts";
import { calling } from "../probes.ts";
import { rejectionOf } from "../spies.ts";
import { named } from "../waits.ts";

/** A file of its own for a test. */
async function inFolder(test: (path: string) => unknown): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "lock-" });
  try {
    await test(`${folder}/it.lock`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Somebody else who has it: to the platform each object is one. */
async function withOther(test: (path: string, other: FileLock) => unknown): Promise<void> {
  await inFolder(async (path) => {
    const other = new FileLock(path);
    assert(other.tryAcquire());
    try {
      await test(path, other);
    } finally {
      if (other.locked) other.release();
    }
  });
}

Deno.test("FileLock: one object has it, and another of the same file has not", async () => {
  await inFolder((path) => {
    const [one, two] = [new FileLock(path), new FileLock(new URL(`file://${path}`))];
    assert(one.tryAcquire());
    assertFalse(two.tryAcquire());
    assertEquals([one.locked, two.locked], [true, false]);
    one.release();
    assert(two.tryAcquire());
    assertFalse(one.tryAcquire());
    two.release();
    assertEquals([one.locked, two.locked], [false, false]);
  });
});

Deno.test("FileLock: nothing happens to the file before it is used, and nothing is written to it", async () => {
  await inFolder(async (path) => {
    const lock = new FileLock(path);
    await assertRejects(() => Deno.stat(path), Deno.errors.NotFound);
    await lock.withLock(() => {});
    assertEquals((await Deno.stat(path)).size, 0);
    await Deno.writeTextFile(path, "mine");
    await lock.withLock(() => {});
    assertEquals(await Deno.readTextFile(path), "mine");
  });
});

Deno.test("FileLock: a guard gives it back, and once only [W4]", async () => {
  await inFolder(async (path) => {
    const lock = new FileLock(path);
    {
      using guard = await lock.acquire();
      assertInstanceOf(guard, Guard);
      assert(lock.locked);
    }
    assertFalse(lock.locked);
    const guard = await lock.acquire();
    guard[Symbol.dispose]();
    await lock.acquire();
    guard[Symbol.dispose]();
    assert(lock.locked);
    lock.release();
  });
});

Deno.test("FileLock: withLock() gives it back when the function throws", async () => {
  await inFolder(async (path) => {
    const lock = new FileLock(path);
    const boom = new Error("boom");
    assertStrictEquals(await rejectionOf(lock.withLock(() => Promise.reject(boom))), boom);
    assertFalse(lock.locked);
    assertThrows(calling(lock.withLock.bind(lock), 1), TypeError, "must be a function");
  });
});

Deno.test("FileLock: who waits gets it soon after the other has given it back", async () => {
  await withOther(async (path, other) => {
    const lock = new FileLock(path);
    const waiting = lock.acquire();
    assertEquals(lock.stats().waiters, 1);
    await sleep(5);
    assertEquals(await outcomeOf(waiting), "pending");
    other.release();
    assertInstanceOf(await waiting, Guard);
    assertEquals(lock.stats(), {
      locked: true,
      owner: "root",
      waiters: 0,
      peakWaiters: 1,
      broken: false,
    });
    lock.release();
  });
});

Deno.test("FileLock: tasks of one thread get it in the order in which they came [W1]", async () => {
  await inFolder(async (path) => {
    const lock = new FileLock(path);
    const order: string[] = [];
    await scene(["a", "b", "c", "d"], async (a, b, c, d) => {
      await a.do(() => lock.acquire());
      const visits = [c, b, d].map((actor) =>
        actor.do(() => lock.withLock(() => order.push(actor.task.name)))
      );
      a.do(() => lock.release());
      assertFalse(a.do(() => lock.tryAcquire()), "it has barged in");
      await Promise.all(visits);
    });
    assertEquals(order, ["c", "b", "d"]);
  });
});

Deno.test("FileLock: it knows its owner: others cannot release it, nor can he take it twice [W2]", async () => {
  await inFolder(async (path) => {
    const lock = new FileLock(path, { name: "door" });
    await scene(["a", "b"], async (a, b) => {
      assertThrows(
        () => lock.release(),
        TypeError,
        'Cannot release file lock "door" as nobody holds it here',
      );
      await a.do(() => lock.acquire());
      assertStrictEquals(lock.owner, a.task);
      assertThrows(
        () => b.do(() => lock.release()),
        TypeError,
        'task "a" holds it, and not the caller',
      );
      await assertRejects(() => a.do(() => lock.acquire()), DeadlockError, 'file lock "door"');
      a.do(() => lock.release());
    });
  });
});

Deno.test("FileLock: a task that ends with it breaks it in its thread, and others get it [W2]", async () => {
  await inFolder(async (path) => {
    const [lock, other] = [new FileLock(path, { name: "door" }), new FileLock(path)];
    await scene(["a", "b"], async (a, b) => {
      await a.do(() => lock.acquire());
      const waiting = rejectionOf(b.do(() => lock.acquire()));
      await a.leave();
      assertInstanceOf(await waiting, BrokenResourceError);
      await assertRejects(
        () => b.do(() => lock.acquire()),
        BrokenResourceError,
        'task "a" has ended',
      );
      assertThrows(() => lock.tryAcquire(), BrokenResourceError);
      assertEquals(lock.stats().broken, true);
    });
    assert(other.tryAcquire());
    other.release();
  });
});

Deno.test("FileLock: each of its limits ends a wait, and nothing is left of it [C8]", async () => {
  await withOther(async (path) => {
    const reason = new Error("hung up");
    for (const limit of ["timeout", "signal", "scope", "stop", "no time"] as const) {
      await withLeakCheck(async () => {
        const lock = new FileLock(path, { name: "door" });
        const controller = new AbortController();
        const scope = new CancelScope();
        const outcome = await scope.enter(() => {
          const waiting = rejectionOf(lock.acquire({
            signal: controller.signal,
            timeout: limit === "timeout" ? 3 : limit === "no time" ? 0 : Infinity,
            endOnStop: true,
          }));
          if (limit === "signal") controller.abort(reason);
          if (limit === "scope") scope.cancel();
          if (limit === "stop") scope.stop();
          return waiting;
        });
        if (limit === "signal") assertStrictEquals(outcome, reason);
        if (limit === "scope") assertStrictEquals(outcome, scope.cancelled);
        if (limit === "stop") assertInstanceOf(outcome, ClosedError);
        if (limit === "timeout") {
          assertInstanceOf(outcome, TimeoutError);
          assertEquals(
            outcome.message,
            'Cannot wait for file lock "door" any longer as the time is up: 3 ms. Give it more, or go on without',
          );
        }
        if (limit === "no time") assertInstanceOf(outcome, TimeoutError);
        assertEquals([lock.locked, lock.stats().waiters], [false, 0]);
      });
    }
  });
});

Deno.test("FileLock: with an aborted signal, bad options or in a cancelled scope it throws without effect [C1, C8]", async () => {
  await inFolder(async (path) => {
    const lock = new FileLock(path);
    const reason = new Error("hung up");
    const signal = AbortSignal.abort(reason);
    assertStrictEquals(await rejectionOf(lock.acquire({ signal })), reason);
    assertThrows(calling(lock.acquire.bind(lock), { timeout: -1 }), RangeError);
    const scope = new CancelScope();
    scope.cancel();
    await scope.enter(async () => {
      assertStrictEquals(await rejectionOf(lock.acquire()), scope.cancelled);
    });
    assertFalse(lock.locked);
    await assertRejects(() => Deno.stat(path), Deno.errors.NotFound);
  });
});

Deno.test("FileLock: a wait may be interrupted at every step, and nobody has it in the end [C7]", async () => {
  await withOther(async (path, other) => {
    const { interrupted } = await interruptAtEveryStep((interrupt) =>
      withLeakCheck(async () => {
        if (!other.locked) assert(other.tryAcquire());
        const lock = new FileLock(path);
        const running = interrupt(async () => {
          using _ = await lock.acquire();
          await sleep(0);
        });
        other.release();
        await running;
        assertEquals([lock.locked, lock.stats().waiters], [false, 0]);
      })
    );
    assert(interrupted > 2);
  });
});

Deno.test("FileLock: who is cancelled while the other has it never gets it afterwards [C7]", async () => {
  await withOther(async (path, other) => {
    const lock = new FileLock(path);
    const scope = new CancelScope();
    const waiting = scope.enter(() => lock.acquire());
    await sleep(3);
    scope.cancel();
    assertEquals(await waiting, undefined);
    other.release();
    await sleep(3);
    assertEquals(lock.locked, false);
    assert(other.tryAcquire());
  });
});

Deno.test("FileLock: as an arm of a select it gives the guard, or leaves nothing behind [W8]", async () => {
  await withOther(async (path, other) => {
    const lock = new FileLock(path);
    const selecting = select({ lock });
    other.release();
    const { value } = await selecting;
    value[Symbol.dispose]();
    assertFalse(lock.locked);
    assert(other.tryAcquire());
    await assertRejects(() => select({ lock }, { timeout: 2 }), TimeoutError);
    assertEquals(lock.stats().waiters, 0);
  });
});

Deno.test("FileLock: inspect() shows who waits for it, and whom for", async () => {
  await inFolder(async (path) => {
    const lock = new FileLock(path, { name: "door" });
    await taskGroup(async (group) => {
      using _ = await lock.acquire();
      const task = group.spawn(() => lock.acquire());
      const child = inspect().children.at(-1)!.children[0];
      assertEquals(named(child.waitingFor), [{
        kind: "file lock",
        name: "door",
        heldBy: ["root"],
      }]);
      task.cancel();
      await task.join();
    });
  });
});

Deno.test("FileLock: a file that was removed and made anew while it was waited for is locked, and not the old one", async () => {
  await withOther(async (path, other) => {
    const lock = new FileLock(path);
    const waiting = lock.acquire();
    await Deno.remove(path);
    await waiting;
    // Both have one: the other has one that is not there any more.
    const third = new FileLock(path);
    assertFalse(third.tryAcquire());
    other.release();
    assertFalse(third.tryAcquire());
    lock.release();
    assert(third.tryAcquire());
    third.release();
  });
});

Deno.test("FileLock: a file that is removed between opening and locking it is opened anew", async () => {
  await inFolder((path) => {
    const lock = new FileLock(path);
    const { prototype } = Deno.FsFile;
    const { tryLockSync } = prototype;
    let calls = 0;
    prototype.tryLockSync = function (exclusive) {
      if (calls++ === 0) Deno.removeSync(path);
      return tryLockSync.call(this, exclusive);
    };
    try {
      assert(lock.tryAcquire());
    } finally {
      prototype.tryLockSync = tryLockSync;
    }
    assertEquals(calls, 2);
    assertFalse(new FileLock(path).tryAcquire());
    lock.release();
  });
});

Deno.test("FileLock: a folder that is not there is an error, for who tries and for who waits", async () => {
  const lock = new FileLock("/nowhere/to/be/found.lock");
  await assertRejects(() => lock.acquire(), Deno.errors.NotFound);
  assertThrows(() => lock.tryAcquire(), Deno.errors.NotFound);
  await withOther(async (path, other) => {
    const lock = new FileLock(path);
    const waiting = [rejectionOf(lock.acquire()), rejectionOf(lock.acquire())];
    const folder = path.slice(0, path.lastIndexOf("/"));
    await Deno.rename(folder, `${folder}.away`);
    try {
      for (const error of waiting) assertInstanceOf(await error, Deno.errors.NotFound);
      assertEquals([lock.locked, lock.stats().waiters], [false, 0]);
    } finally {
      await Deno.rename(`${folder}.away`, folder);
      other.release();
    }
  });
});

Deno.test("FileLock: bad arguments are refused at the call [E1]", () => {
  const make = (...args: unknown[]) =>
    calling((p: string, o: never) => new FileLock(p, o), ...args);
  assertThrows(make(5), TypeError, "the path must be a string or URL: received 5");
  assertThrows(make("x", { name: 5 }), TypeError, "'name' must be a string: received 5");
  assertEquals([new FileLock("x").name, new FileLock("x", { name: "y" }).name], ["x", "y"]);
});

Deno.test("FileLock: in a pool it is passed on as a lock of the same file", () => {
  for (const path of ["/tmp/x.lock", new URL("file:///tmp/x.lock")]) {
    const lock = received(
      structuredClone(new FileLock(path, { name: "door" })[pass]()),
    ) as FileLock;
    assertEquals([lock.path, lock.name], [path, "door"]);
  }
});

// Over processes

const HOLDER = `
const lock = new grove.FileLock(Deno.env.get("LOCK")!);
await lock.acquire();
console.log("has it");
await new Promise((resolve) => setTimeout(resolve, 60_000));
`;

function holder(path: string): Promise<Program> {
  return program(HOLDER, {
    flags: ["--no-check", "--allow-env=LOCK", `--allow-read=${path}`, `--allow-write=${path}`],
    env: { LOCK: path },
  });
}

Deno.test("FileLock: a process that is killed with it gives it back, to one who waits here", async () => {
  await inFolder(async (path) => {
    await using process = await holder(path);
    await process.printed(/has it/);
    const lock = new FileLock(path);
    assertFalse(lock.tryAcquire());
    const waiting = lock.acquire();
    await sleep(2);
    assertEquals(await outcomeOf(waiting), "pending");
    process.kill("SIGKILL");
    (await waiting)[Symbol.dispose]();
    await process.end();
  });
});

Deno.test("FileLock: a process that waits gets it when it is given back here, and it is kept out while it is not", async () => {
  await withOther(async (path, other) => {
    await using process = await holder(path);
    const has = process.printed(/has it/);
    await sleep(30);
    assertEquals(await outcomeOf(has), "pending");
    other.release();
    await has;
    assertFalse(other.tryAcquire());
    process.kill("SIGKILL");
    await process.end();
    assert(other.tryAcquire());
  });
});

Deno.test("FileLock: without permission for the file it says so when it is used, and not before", async () => {
  await using process = await program(
    `
      const lock = new grove.FileLock("secret.lock");
      console.log("made");
      await lock.acquire().catch((error) => console.log(error.name));
    `,
    { flags: ["--no-check"] },
  );
  const { code, stdout } = await process.end();
  assertEquals([code, stdout.trim().split("\n")], [0, ["made", "NotCapable"]]);
});

Deno.test("FileLock: where there is no Deno it says so when it is used, and not before", () => {
  const { Deno: platform } = globalThis;
  const lock = new FileLock("x.lock", { name: "door" });
  Reflect.deleteProperty(globalThis, "Deno");
  try {
    assertThrows(
      () => lock.tryAcquire(),
      TypeError,
      'Cannot acquire file lock "door" as this platform has no files',
    );
  } finally {
    globalThis.Deno = platform;
  }
});
