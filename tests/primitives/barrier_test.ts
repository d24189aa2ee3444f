/**
 * Barriers.
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
  Barrier,
  BrokenResourceError,
  CancelScope,
  checkpoint,
  ClosedError,
  inspect,
  moveOnAfter,
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
import { testLimits } from "./blocking_call.ts";
import { calling } from "./probes.ts";
import { rejectionOf, unhandledDuring } from "./spies.ts";
import { named } from "./waits.ts";

/** What becomes of it, without a rejection that nobody has handled yet. */
function settled(promise: Promise<unknown>): Promise<unknown> {
  return promise.then((value) => value, (error) => error);
}

testLimits("Barrier.wait()", () => {
  const barrier = new Barrier(2, { name: "start" });
  return {
    target: 'barrier "start"',
    call: (options?: WaitOptions) => barrier.wait(options),
    satisfy: () => void settled(barrier.wait()),
    waiters: () => barrier.waiting,
    state: () => barrier.stats(),
    conserved: () => assertEquals(barrier.waiting, 0),
  };
});

Deno.test("All go on together when the last has arrived, each with its index (CPython: test_wait_return)", async () => {
  const barrier = new Barrier(5);
  const waiting = Array.from({ length: 4 }, () => barrier.wait());
  await waitAllTasksBlocked();
  assertEquals(barrier.waiting, 4);
  const last = barrier.wait();
  assertEquals(barrier.waiting, 0);
  assertEquals(await Promise.all([...waiting, last]), [0, 1, 2, 3, 4]);
  assertFalse(barrier.broken);
});

Deno.test("A barrier is passed in lockstep, round after round (CPython: test_barrier_10)", async () => {
  const barrier = new Barrier(5);
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
  assertEquals(barrier.stats(), { parties: 5, waiters: 0, broken: false });
});

Deno.test("In each round each index comes once, in the order of arrival", async () => {
  const barrier = new Barrier(3);
  const rounds: [party: number, index: number][][] = [];
  await taskGroup((group) => {
    for (let party = 0; party < 3; party++) {
      group.spawn(async () => {
        for (let round = 0; round < 20; round++) {
          for (let turn = 0; turn < (party * 7 + round * 5) % 3; turn++) await yieldNow();
          (rounds[round] ??= []).push([party, await barrier.wait()]);
        }
      });
    }
  });
  assertEquals(rounds.length, 20);
  for (const round of rounds) {
    assertEquals(round.map(([, index]) => index).sort(), [0, 1, 2]);
    assertEquals(round.map(([party]) => party).sort(), [0, 1, 2]);
  }
});

Deno.test("Who comes back before the others have gone on takes part in the next round", async () => {
  const barrier = new Barrier(2);
  const first = barrier.wait();
  const [last, next] = [barrier.wait(), barrier.wait()];
  assertEquals(barrier.waiting, 1);
  assertEquals(await Promise.all([first, last]), [0, 1]);
  assertEquals(await Promise.all([next, barrier.wait()]), [0, 1]);
});

Deno.test("A barrier of one holds nobody up, but is a checkpoint (CPython: test_single_thread)", async () => {
  const barrier = new Barrier(1);
  assertEquals([await barrier.wait(), await barrier.wait({ timeout: 0 })], [0, 0]);
  assertEquals(barrier.stats(), { parties: 1, waiters: 0, broken: false });
  const scope = new CancelScope();
  scope.cancel();
  await scope.enter(() => barrier.wait());
  assert(scope.cancelledCaught);
});

// Broken

Deno.test("When one leaves, the others get a BrokenResourceError in the same step, whatever made it leave", async () => {
  const reason = new Error("hung up");
  for (const leaves of ["scope", "signal", "timeout", "stop"]) {
    await withVirtualTime(() =>
      withLeakCheck(async () => {
        const barrier = new Barrier(4, { name: "start" });
        const scope = new CancelScope();
        const controller = new AbortController();
        const others = [settled(barrier.wait())];
        const one = scope.enter(() =>
          settled(barrier.wait({
            signal: controller.signal,
            timeout: leaves === "timeout" ? 10 : 1000,
            endOnStop: true,
          }))
        );
        others.push(settled(barrier.wait()));
        assertEquals(barrier.waiting, 3);
        if (leaves === "scope") scope.cancel();
        if (leaves === "signal") controller.abort(reason);
        if (leaves === "stop") scope.stop();
        if (leaves !== "timeout") assertEquals([barrier.waiting, barrier.broken], [0, true]);
        for (const error of await Promise.all(others)) {
          assertInstanceOf(error, BrokenResourceError);
          assertEquals(
            error.message,
            'Cannot wait at barrier "start" as another task has left it. Let all parties begin again after reset()',
          );
        }
        const error = await one;
        if (leaves === "scope") assertStrictEquals(error, scope.cancelled);
        if (leaves === "signal") assertStrictEquals(error, reason);
        if (leaves === "timeout") assertInstanceOf(error, TimeoutError);
        if (leaves === "stop") assertInstanceOf(error, ClosedError);
        assertEquals(barrier.stats(), { parties: 4, waiters: 0, broken: true });
      })
    );
  }
});

Deno.test("A timeout of 0 breaks the barrier too: those who wait would wait for ever", async () => {
  const barrier = new Barrier(3);
  const waiting = settled(barrier.wait());
  await assertRejects(() => barrier.wait({ timeout: 0 }), TimeoutError);
  assertInstanceOf(await waiting, BrokenResourceError);
  assert(barrier.broken);
});

Deno.test("Who is turned away at the door has not arrived, and breaks nothing [C8]", async () => {
  const barrier = new Barrier(2);
  const waiting = barrier.wait();
  const reason = new Error("hung up");
  assertStrictEquals(
    await rejectionOf(barrier.wait({ signal: AbortSignal.abort(reason) })),
    reason,
  );
  const scope = new CancelScope();
  scope.cancel();
  await scope.enter(() => barrier.wait());
  assertEquals(barrier.stats(), { parties: 2, waiters: 1, broken: false });
  assertEquals(await Promise.all([waiting, barrier.wait()]), [0, 1]);
});

Deno.test("A broken barrier turns everybody away until it is reset", async () => {
  const barrier = new Barrier(2, { name: "start" });
  await assertRejects(() => barrier.wait({ timeout: 0 }), TimeoutError);
  for (let round = 0; round < 2; round++) {
    await assertRejects(
      () => barrier.wait(),
      BrokenResourceError,
      'Cannot wait at barrier "start" as it is broken. Let all',
    );
  }
  assertEquals(barrier.waiting, 0);
  barrier.reset();
  assertFalse(barrier.broken);
  assertEquals(await Promise.all([barrier.wait(), barrier.wait()]), [0, 1]);
});

Deno.test("When all who wait run out of time at once, the first has the timeout and the others the break (CPython: test_timeout)", async () => {
  await withVirtualTime(async () => {
    const barrier = new Barrier(4);
    const waiting = [30, 10, 10].map((timeout) => settled(barrier.wait({ timeout })));
    const [slow, first, second] = await Promise.all(waiting);
    assertInstanceOf(first, TimeoutError);
    assertInstanceOf(second, BrokenResourceError);
    assertInstanceOf(slow, BrokenResourceError);
  });
});

Deno.test("abort() breaks the barrier for those who wait and those who come (CPython: test_abort)", async () => {
  const barrier = new Barrier(5, { name: "start" });
  let [passed, broken] = [0, 0];
  await taskGroup((group) => {
    for (let party = 0; party < 5; party++) {
      group.spawn(async () => {
        if (await barrier.wait() === 2) return barrier.abort();
        await barrier.wait().then(() => passed++, (error) => {
          assertInstanceOf(error, BrokenResourceError);
          broken++;
        });
      });
    }
  });
  assertEquals([passed, broken], [0, 4]);
  assertEquals(barrier.stats(), { parties: 5, waiters: 0, broken: true });
});

Deno.test("abort() says so, also with nobody there, and again", async () => {
  const barrier = new Barrier(2, { name: "start" });
  const waiting = settled(barrier.wait());
  barrier.abort();
  assertEquals(
    (await waiting as Error).message,
    'Cannot wait at barrier "start" as it was aborted. Let all parties begin again after reset()',
  );
  barrier.abort();
  assert(barrier.broken);
  const idle = new Barrier(2);
  idle.abort();
  await assertRejects(() => idle.wait(), BrokenResourceError);
});

Deno.test("reset() frees those who wait, and the barrier is as new (CPython: test_reset)", async () => {
  const barrier = new Barrier(5, { name: "start" });
  let [broken, passed] = [0, 0];
  await taskGroup((group) => {
    for (let party = 0; party < 5; party++) {
      group.spawn(async () => {
        if (await barrier.wait() === 2) {
          while (barrier.waiting < 4) await yieldNow();
          barrier.reset();
          assertFalse(barrier.broken);
        } else {
          await assertRejects(() => barrier.wait(), BrokenResourceError, "as it was reset");
          broken++;
        }
        await barrier.wait();
        passed++;
      });
    }
  });
  assertEquals([broken, passed], [4, 5]);
  assertFalse(barrier.broken);
});

Deno.test("reset() with nobody there changes nothing, and mends what is broken (CPython: test_abort_and_reset)", async () => {
  const barrier = new Barrier(2);
  barrier.reset();
  assertEquals(barrier.stats(), { parties: 2, waiters: 0, broken: false });
  for (let round = 0; round < 3; round++) {
    const waiting = settled(barrier.wait());
    barrier.abort();
    assertInstanceOf(await waiting, BrokenResourceError);
    barrier.reset();
    assertEquals(await Promise.all([barrier.wait(), barrier.wait()]), [0, 1]);
  }
});

// Cancellation

Deno.test("A cancellation after the last has arrived comes too late: the index is given [C7]", async () => {
  const barrier = new Barrier(2);
  const scope = new CancelScope();
  const steps: unknown[] = [];
  const waiting = scope.enter(async () => {
    steps.push(await barrier.wait());
    await checkpoint();
    steps.push("not reached");
  });
  const last = barrier.wait();
  scope.cancel();
  await waiting;
  assertEquals([steps, await last, barrier.broken], [[0], 1, false]);
});

Deno.test("A cancellation just before the last arrives: the last is told that it is broken [C7]", async () => {
  const barrier = new Barrier(2);
  const scope = new CancelScope();
  const waiting = scope.enter(() => barrier.wait());
  scope.cancel();
  await assertRejects(() => barrier.wait(), BrokenResourceError);
  assertEquals(await waiting, undefined);
});

Deno.test("A party may be interrupted at every step: all pass with it, or all are told [C7]", async () => {
  for (const arrivesLast of [false, true]) {
    const { interrupted } = await interruptAtEveryStep((interrupt) =>
      withLeakCheck(async () => {
        const barrier = new Barrier(3);
        const others: unknown[] = [];
        let index: number | undefined;
        let turnedAway = false;
        await taskGroup(async (group) => {
          for (const turns of arrivesLast ? [0, 0] : [0, 3]) {
            group.spawn(async () => {
              for (let turn = 0; turn < turns; turn++) await yieldNow();
              others.push(await settled(barrier.wait()));
            });
          }
          await interrupt(async () => {
            for (let turn = 0; turn < (arrivesLast ? 2 : 0); turn++) await yieldNow();
            index = await barrier.wait();
          });
          await waitAllTasksBlocked();
          // It has not arrived: the others wait for a third.
          turnedAway = index === undefined && !barrier.broken;
          if (turnedAway) {
            assertEquals([barrier.waiting, others], [2, []]);
            await barrier.wait();
          }
        });
        assertEquals(barrier.waiting, 0);
        if (index !== undefined || turnedAway) {
          assertEquals([...others, turnedAway ? 2 : index].sort(), [0, 1, 2]);
        } else {
          assertEquals(others.length, 2);
          for (const error of others) assertInstanceOf(error, BrokenResourceError);
        }
      })
    );
    assert(interrupted > 2);
  }
});

Deno.test("A group that is cancelled with several at the barrier ends with the cancellation, not with a broken barrier", async () => {
  await withVirtualTime(async () => {
    const barrier = new Barrier(4);
    const { timedOut } = await moveOnAfter(10, () =>
      taskGroup((group) => {
        for (let party = 0; party < 3; party++) group.spawn(() => barrier.wait());
      }));
    assert(timedOut);
    assert(barrier.broken);
  });
});

Deno.test("Of several waits at a barrier in one cancelled scope that nobody awaits none is an unhandled rejection", async () => {
  const unhandled = await unhandledDuring(async () => {
    const barrier = new Barrier(3);
    const scope = new CancelScope();
    await scope.enter(async () => {
      const first = barrier.wait();
      barrier.wait();
      scope.cancel();
      await first;
    });
  });
  assertEquals(unhandled, []);
});

Deno.test("Whom the cancellation does not reach is told of the break: outside of it, or shielded from it", async () => {
  const barrier = new Barrier(5);
  const scope = new CancelScope();
  const outside = settled(barrier.wait());
  const shielded = new CancelScope({ shield: true });
  const inside = scope.enter(() =>
    Promise.all([
      settled(barrier.wait()),
      shielded.enter(() => settled(barrier.wait())),
      settled(barrier.wait()),
    ])
  );
  assertEquals(barrier.waiting, 4);
  scope.cancel();
  assertEquals([barrier.waiting, barrier.broken], [0, true]);
  const [first, sheltered, last] = (await inside)!;
  assertStrictEquals(first, scope.cancelled);
  assertStrictEquals(last, scope.cancelled);
  assertInstanceOf(sheltered, BrokenResourceError);
  assertInstanceOf(await outside, BrokenResourceError);
});

Deno.test("A barrier tells how it is doing, in a frozen snapshot [W9]", async () => {
  const barrier = new Barrier(2);
  const before = barrier.stats();
  assert(Object.isFrozen(before));
  const first = barrier.wait();
  assertEquals(barrier.stats(), { parties: 2, waiters: 1, broken: false });
  assertEquals([barrier.parties, barrier.waiting, barrier.broken], [2, 1, false]);
  assertEquals(before.waiters, 0);
  await Promise.all([first, barrier.wait()]);
});

Deno.test("A wait at a barrier shows in inspect() by its name", async () => {
  const barrier = new Barrier(2, { name: "start" });
  await taskGroup(async (group) => {
    group.spawn(() => barrier.wait());
    const [runner] = inspect().children[0].children;
    assertEquals(named(runner.waitingFor), [{ kind: "barrier", name: "start" }]);
    await barrier.wait();
  });
});

Deno.test("A barrier refuses numbers and names that make no sense [E1]", () => {
  const make = (...args: [never, never]) => new Barrier(...args);
  for (const parties of [0, -1, 1.5, NaN, Infinity]) {
    assertThrows(
      calling(make, parties),
      RangeError,
      `Cannot make a barrier as the number of parties must be a whole number from 1 up: received ${parties}`,
    );
  }
  for (const parties of ["3", undefined, null]) {
    assertThrows(calling(make, parties), TypeError, "the number of parties must be a number");
  }
  assertThrows(calling(make, 2, { name: 3 }), TypeError, "'name' must be a string: received 3");
});
