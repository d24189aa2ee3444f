/**
 * Barriers that threads share, in one thread. Over several threads they are in `threads_test.ts`, and what becomes of one
 * whose parties die in `death_test.ts`.
 *
 * @module
 */

import { assert, assertEquals, assertFalse, assertInstanceOf, assertThrows } from "@std/assert";
import {
  BrokenResourceError,
  CancelScope,
  inspect,
  isCancelled,
  SharedBarrier,
  taskGroup,
  TimeoutError,
  type WaitOptions,
  yieldNow,
} from "../../../mod.ts";
import {
  interruptAtEveryStep,
  waitAllTasksBlocked,
  withLeakCheck,
} from "../../../primitives/testing/mod.ts";
import { testLimits } from "../blocking_call.ts";
import { calling } from "../probes.ts";
import { rejectionOf } from "../spies.ts";
import { named } from "../waits.ts";

/** What becomes of it, without a rejection that nobody has handled yet. */
function settled(promise: Promise<unknown>): Promise<unknown> {
  return promise.then((value) => value, (error) => error);
}

testLimits("SharedBarrier.wait()", () => {
  const barrier = new SharedBarrier(2, { name: "start" });
  return {
    target: 'shared barrier "start"',
    call: (options?: WaitOptions) => barrier.wait(options),
    satisfy: () => void settled(barrier.wait()),
    waiters: () => barrier.waiting,
    state: () => barrier.stats(),
    conserved: () => assertEquals(barrier.waiting, 0),
  };
});

Deno.test("SharedBarrier: all go on together when the last has arrived, each with its index", async () => {
  const barrier = new SharedBarrier(5);
  const waiting = Array.from({ length: 4 }, () => barrier.wait());
  await waitAllTasksBlocked();
  assertEquals(barrier.waiting, 4);
  const last = barrier.wait();
  assertEquals(barrier.waiting, 0);
  assertEquals(await Promise.all([...waiting, last]), [0, 1, 2, 3, 4]);
  assertFalse(barrier.broken);
});

Deno.test("SharedBarrier: it is passed in lockstep, round after round", async () => {
  const barrier = new SharedBarrier(5);
  const [before, after]: [number[], number[]] = [[], []];
  await taskGroup((group) => {
    for (let party = 0; party < 5; party++) {
      group.spawn(async () => {
        for (let round = 0; round < 50; round++) {
          before.push(party);
          assertEquals(after.length, round * 5);
          await barrier.wait();
          after.push(party);
          assertEquals(before.length, (round + 1) * 5);
          await barrier.wait();
        }
      });
    }
  });
});

Deno.test("SharedBarrier: one that is for one party holds nobody up", async () => {
  const barrier = new SharedBarrier(1);
  assertEquals([await barrier.wait(), barrier.waitSync(), await barrier.wait({ timeout: 0 })], [
    0,
    0,
    0,
  ]);
});

Deno.test("SharedBarrier: one who leaves breaks it for those who wait and for those who come, until it is reset", async () => {
  const barrier = new SharedBarrier(3, { name: "start" });
  const controller = new AbortController();
  const waiting = settled(barrier.wait());
  const leaving = settled(barrier.wait({ signal: controller.signal }));
  controller.abort("gone");
  assertEquals(await leaving, "gone");
  const error = await waiting;
  assertInstanceOf(error, BrokenResourceError);
  assertEquals(
    error.message,
    'Cannot wait at shared barrier "start" as another task has left it. Let all parties begin again after reset()',
  );
  assert(barrier.broken);
  const late = await rejectionOf(barrier.wait());
  assertInstanceOf(late, BrokenResourceError);
  assertEquals(late.message.includes("as it is broken"), true);
  assertThrows(() => barrier.waitSync(), BrokenResourceError);
  barrier.reset();
  assertEquals(await Promise.all([barrier.wait(), barrier.wait(), barrier.wait()]), [0, 1, 2]);
});

Deno.test("SharedBarrier: abort() and reset() fail those who wait; after reset() it is as new", async () => {
  for (
    const [action, reason, isBroken] of [["abort", "aborted", true], [
      "reset",
      "reset",
      false,
    ]] as const
  ) {
    const barrier = new SharedBarrier(3);
    const waiting = [barrier.wait(), barrier.wait()].map(settled);
    barrier[action]();
    for (const error of await Promise.all(waiting)) {
      assertInstanceOf(error, BrokenResourceError);
      assert(error.message.includes(`as it was ${reason}`), error.message);
    }
    assertEquals(barrier.stats(), { parties: 3, waiters: 0, broken: isBroken });
  }
});

Deno.test("SharedBarrier: tasks that the same cancellation reaches are cancelled, and not told that it is broken", async () => {
  const barrier = new SharedBarrier(4);
  const scope = new CancelScope();
  const outside = settled(barrier.wait());
  const inside: unknown[] = [];
  await scope.enter(() =>
    taskGroup((group) => {
      for (let i = 0; i < 2; i++) {
        group.spawn(() => barrier.wait().catch((error) => void inside.push(error)));
      }
      scope.cancel();
    })
  );
  assertEquals(inside.map(isCancelled), [true, true]);
  assertInstanceOf(await outside, BrokenResourceError);
});

Deno.test("SharedBarrier: waitSync() gives up when the time is up, and breaks it", () => {
  const barrier = new SharedBarrier(2, { name: "start" });
  assertThrows(
    () => barrier.waitSync({ timeout: 1 }),
    TimeoutError,
    'Cannot wait for shared barrier "start" any longer as the time is up: 1 ms',
  );
  assertEquals(barrier.stats(), { parties: 2, waiters: 0, broken: true });
});

Deno.test("SharedBarrier: a wait may be interrupted at every step: all go on, or all know that it is broken [C7]", async () => {
  const { interrupted } = await interruptAtEveryStep((interrupt) =>
    withLeakCheck(async () => {
      const barrier = new SharedBarrier(3);
      const others: Promise<unknown>[] = [];
      await taskGroup(async (group) => {
        for (let other = 0; other < 2; other++) {
          group.spawn(async () => {
            for (let turn = 0; turn < 2 + other; turn++) await yieldNow();
            others.push(settled(barrier.wait()));
          });
        }
        await interrupt(() => barrier.wait());
      });
      barrier.abort(); // For those who wait because the one that was interrupted never came.
      const outcomes = await Promise.all(others);
      const broken = outcomes.filter((outcome) => outcome instanceof BrokenResourceError);
      assert(broken.length === 0 || broken.length === 2, `${outcomes}`);
      assertEquals(barrier.waiting, 0);
    })
  );
  assert(interrupted > 3);
});

Deno.test("SharedBarrier: inspect() shows who waits at it", async () => {
  const barrier = new SharedBarrier(2, { name: "start" });
  await taskGroup(async (group) => {
    group.spawn(() => barrier.wait());
    const child = inspect().children.at(-1)!.children[0];
    assertEquals(named(child.waitingFor), [{ kind: "shared barrier", name: "start" }]);
    await barrier.wait();
  });
});

Deno.test("SharedBarrier: bad arguments are refused at the call [E1]", () => {
  const make = (...args: unknown[]) =>
    calling((n: number, o: never) => new SharedBarrier(n, o), ...args);
  assertThrows(make(0), RangeError, "received 0");
  assertThrows(make("2"), TypeError, 'received "2"');
  assertThrows(make(1025), RangeError, "must be 1024 at most: received 1025");
  assertThrows(make(2, { name: 5 }), TypeError, "received 5");
});

Deno.test("SharedBarrier.stats() is frozen [W9]", () => {
  const barrier = new SharedBarrier(2);
  assert(Object.isFrozen(barrier.stats()));
  assertEquals(barrier.stats(), { parties: 2, waiters: 0, broken: false });
  assertEquals(barrier.parties, 2);
});
