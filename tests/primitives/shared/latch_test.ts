/**
 * What becomes of shared things when a thread is interrupted while it changes them, or while it is blocked: jobs with a
 * deadline are, and no `finally` runs then.
 *
 * @module
 */

import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import {
  BrokenResourceError,
  type Posted,
  SharedBarrier,
  SharedEvent,
  SharedLock,
  SharedQueue,
  SharedSemaphore,
} from "../../../mod.ts";
import { callWithin, INTERRUPTED } from "../../../pools/remote/deadline.ts";
import { enter, exit } from "../../../primitives/shared/latch.ts";
import { DAMAGED, LATCH } from "../../../primitives/shared/layout.ts";
import { program } from "../../io/program.ts";
import { scene } from "../actors.ts";
import { rejectionOf } from "../spies.ts";
import { eventually, Stage } from "./stage.ts";

const wordsOf = ({ shared }: Posted) => new Int32Array(shared.memory);

Deno.test("A change that was left half done breaks what was changed, for those who wait and for those who come", async () => {
  const lock = new SharedLock({ name: "it" });
  const semaphore = new SharedSemaphore(0, { name: "it" });
  const event = new SharedEvent({ name: "it" });
  const barrier = new SharedBarrier(2, { name: "it" });
  const queue = new SharedQueue<number>(0, { name: "it" });
  await scene(["owner"], (owner) => owner.do(() => void lock.tryAcquire())).catch(() => {});
  const cases: [Posted & { kind: string }, () => Promise<unknown>, () => unknown][] = [
    [semaphore, () => semaphore.acquire(), () => semaphore.release()],
    [event, () => event.wait(), () => event.set()],
    [barrier, () => barrier.wait(), () => barrier.abort()],
    [queue, () => queue.get(), () => queue.putNowait(1)],
  ];
  for (const [object, wait, use] of cases) {
    const waiting = rejectionOf(wait());
    enter(wordsOf(object)); // And no exit: this thread is interrupted.
    const message =
      `Cannot use ${object.kind} "it" as a thread was interrupted while it changed it, and nobody knows its state. Make a new one`;
    await assertRejects(wait, BrokenResourceError, message);
    assertThrows(use, BrokenResourceError, message);
    const error = await waiting;
    assertInstanceOf(error, BrokenResourceError);
    assertEquals(error.message, message);
  }
});

Deno.test("A change that was left half done harms nothing else that the thread uses", async () => {
  const [left, right] = [new SharedLock(), new SharedLock()];
  enter(wordsOf(left));
  await right.withLock(() => {});
  assertEquals(wordsOf(right)[DAMAGED], 0);
  assertThrows(() => left.tryAcquire(), BrokenResourceError, "was interrupted");
});

Deno.test("A lock that is held when its memory is damaged can be given up, with an error", async () => {
  const lock = new SharedLock();
  await lock.acquire();
  enter(wordsOf(lock));
  assertThrows(() => lock.release(), BrokenResourceError);
});

Deno.test("A thread that never ends its change keeps nobody waiting for ever", () => {
  const lock = new SharedLock();
  wordsOf(lock)[LATCH] = 1; // By another thread, of which nothing is heard any more.
  assertThrows(() => lock.tryAcquire(), BrokenResourceError, "was interrupted");
});

Deno.test("Changes of several threads exclude each other: nothing is open that is closed", () => {
  const words = wordsOf(new SharedLock());
  assert(enter(words));
  assertEquals(words[LATCH], 1);
  exit(words);
  assertEquals([words[LATCH], words[DAMAGED]], [0, 0]);
});

Deno.test("A task that is interrupted while it blocks its thread leaves the line when it ends", async () => {
  await using stage = await Stage.open(1);
  const lock = new SharedLock();
  await stage.give("lock", "SharedLock", lock);
  await (await stage.call(1, "owner", "lock", "acquire")).value();
  await scene(["a"], (a) => {
    try {
      a.do(() => callWithin(5, () => lock.acquireSync()));
    } catch (error) {
      assertEquals(error, INTERRUPTED);
    }
    assertEquals(lock.stats().waiters, 1);
  });
  await eventually(() => lock.stats().waiters === 0, "it has left the line");
  await stage.ask(1, "owner", "lock", "release");
  assertEquals([lock.locked, lock.stats().broken], [false, false]);
  lock.acquireSync();
  lock.release();
});

Deno.test("Threads that are interrupted at any point of their work break a lock, or leave it whole; they never hang others", async () => {
  await using stage = await Stage.open(1);
  let broken = 0;
  for (let round = 0; round < 30; round++) {
    const lock = new SharedLock();
    await stage.give("lock", "SharedLock", lock);
    await scene(["a"], (a) => {
      try {
        a.do(() =>
          callWithin(1, () => {
            for (;;) {
              lock.acquireSync();
              lock.release();
            }
          })
        );
      } catch (error) {
        assertEquals(error, INTERRUPTED);
      }
    });
    const { error } = await (await stage.call(1, "b", "lock", "acquire", { timeout: 19_000 }))
      .ended;
    assert(error === "" || error === "BrokenResourceError", error);
    if (error !== "") broken++;
  }
  assert(broken < 30, "none was left whole");
});

Deno.test("A thread that may not block says so, and what to do", async () => {
  await using process = await program(
    `
      Atomics.wait = () => { throw new TypeError("Atomics.wait cannot be called in this context"); };
      const lock = new grove.SharedLock({ name: "door" });
      await lock.withLock(() => console.log("awaits"));
      try {
        lock.acquireSync();
      } catch (error) {
        console.log(error.name, error.message);
      }
    `,
    { flags: ["--no-check"] },
  );
  const { code, stdout } = await process.end();
  assertEquals(code, 0);
  assertEquals(stdout.trim().split("\n"), [
    "awaits",
    "TypeError Cannot acquire shared lock \"door\" with this thread blocked as the platform does not let it block. Do it in a worker, or await the method without 'Sync'",
  ]);
});

Deno.test("Where there is no SharedArrayBuffer the constructors say so, and nothing else is the worse for it", async () => {
  await using process = await program(
    `
      delete globalThis.SharedArrayBuffer;
      for (const make of [() => new grove.SharedLock(), () => new grove.SharedQueue()]) {
        try {
          make();
        } catch (error) {
          console.log(error.name, error.message.slice(0, 70));
        }
      }
    `,
    { flags: ["--no-check"] },
  );
  const { code, stdout } = await process.end();
  assertEquals(code, 0);
  assertEquals(stdout.trim().split("\n"), [
    "TypeError Cannot make a SharedLock as this platform has no SharedArrayBuffer. Wh",
    "TypeError Cannot make a SharedQueue as this platform has no SharedArrayBuffer. W",
  ]);
});
