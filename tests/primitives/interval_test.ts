/**
 * Ticks.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertFalse,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  CancelScope,
  cancelScope,
  interval,
  moveOnAfter,
  sleep,
  taskGroup,
  TimeoutError,
} from "../../mod.ts";
import { pendingTimers } from "../../primitives/kernel/timers.ts";
import {
  interruptAtEveryStep,
  withLeakCheck,
  withVirtualTime,
} from "../../primitives/testing/mod.ts";
import { SpiedController } from "./spies.ts";

Deno.test("interval() ticks at a steady pace, the first time after one interval", async () => {
  await withVirtualTime(async (time) => {
    const ticks: [tick: number, at: number][] = [];
    for await (const tick of interval(10)) {
      ticks.push([tick, time.elapsed]);
      if (tick === 3) break;
    }
    assertEquals(ticks, [[1, 10], [2, 20], [3, 30]]);
    assertEquals(pendingTimers(), 0);
  });
});

Deno.test("interval() keeps the pace: the work between two ticks does not add to it", async () => {
  await withVirtualTime(async (time) => {
    const ticks: [tick: number, at: number][] = [];
    for await (const tick of interval(10)) {
      ticks.push([tick, time.elapsed]);
      if (tick === 4) break;
      await sleep(tick === 2 ? 10 : 7); // The second round takes until the next tick exactly.
    }
    assertEquals(ticks, [[1, 10], [2, 20], [3, 30], [4, 40]]);
  });
});

Deno.test("interval() leaves out the ticks that nobody waited for", async () => {
  await withVirtualTime(async (time) => {
    const ticks: [tick: number, at: number][] = [];
    for await (const tick of interval(10)) {
      ticks.push([tick, time.elapsed]);
      if (tick >= 6) break;
      if (tick === 2) await sleep(25);
    }
    assertEquals(ticks, [[1, 10], [2, 20], [5, 50], [6, 60]]);
  });
});

Deno.test("interval() counts from the loop, not from the call, and each loop counts anew", async () => {
  await withVirtualTime(async (time) => {
    const ticks = interval(10);
    await sleep(5);
    for await (const tick of ticks) {
      assertEquals([tick, time.elapsed], [1, 15]);
      break;
    }
    await sleep(2);
    for await (const tick of ticks) {
      assertEquals([tick, time.elapsed], [1, 27]);
      break;
    }
  });
});

Deno.test("interval() is cancelled with the scope that loops, also if it was made in another", async () => {
  await withVirtualTime(async (time) => {
    let rounds = 0;
    const scope = new CancelScope();
    const ticks = await scope.enter(() => interval(10));
    const { timedOut } = await moveOnAfter(35, async () => {
      for await (const _ of ticks!) rounds++;
    });
    assert(timedOut);
    assertEquals(rounds, 3);
    assertEquals(time.elapsed, 35);
    assertEquals(pendingTimers(), 0);
  });
});

Deno.test("C8: a signal ends the loop of an interval with its reason", async () => {
  await withVirtualTime(async () => {
    const controller = new SpiedController();
    const reason = new Error("hung up");
    const loop = async () => {
      for await (const tick of interval(10, { signal: controller.signal })) {
        if (tick === 2) controller.abort(reason);
      }
    };
    assertStrictEquals(await loop().catch((error) => error), reason);
    assertEquals(controller.listeners, 0);
    assertEquals(pendingTimers(), 0);
  });
});

Deno.test("C8: the timeout of an interval limits each wait", async () => {
  await withVirtualTime(async (time) => {
    const loop = async () => {
      for await (const _ of interval(10, { timeout: 9 }));
    };
    await assertRejects(loop, TimeoutError);
    assertEquals(time.elapsed, 9);
  });
});

Deno.test("C10: an interval marked endOnStop ends when its scope is asked to stop", async () => {
  await withVirtualTime(async (time) => {
    const ticks: number[] = [];
    const scope = new CancelScope();
    await taskGroup(async (group) => {
      group.spawn(() =>
        scope.enter(async () => {
          for await (const tick of interval(10, { endOnStop: true })) ticks.push(tick);
        })
      );
      await sleep(25);
      scope.stop({ grace: 100 });
    });
    assertEquals(ticks, [1, 2]);
    assertEquals(time.elapsed, 25);
    assertFalse(scope.cancelledCaught);
  });
});

Deno.test("C10: an interval marked endOnStop does not tick in a scope that is stopping already", async () => {
  await withVirtualTime(() =>
    cancelScope(async (scope) => {
      scope.stop();
      for await (const tick of interval(10, { endOnStop: true })) throw new Error(`tick ${tick}`);
    })
  );
});

Deno.test("C7: a loop over an interval leaves nothing, at whatever step it is cancelled", async () => {
  await withVirtualTime(() =>
    withLeakCheck(async () => {
      const { interrupted } = await interruptAtEveryStep(async (interrupt) => {
        await interrupt(async () => {
          for await (const tick of interval(5)) if (tick === 2) break;
        });
        assertEquals(pendingTimers(), 0);
      });
      assert(interrupted > 2);
    })
  );
});

Deno.test("E1: interval() refuses what is no time, at the call", () => {
  const call = interval as (...args: unknown[]) => unknown;
  assertThrows(() => call(0), RangeError, "To let others run in a loop, use yieldNow()");
  assertThrows(() => call(-5), RangeError, "received -5");
  assertThrows(() => call(NaN), RangeError, "received NaN");
  assertThrows(() => call(Infinity), RangeError, "zero or more and finite");
  assertThrows(() => call("5"), TypeError, 'must be a number of milliseconds: received "5"');
  assertThrows(() => call(), TypeError, "received undefined");
});

Deno.test("E1: interval() refuses options that make no sense, at the call", () => {
  const call = interval as (...args: unknown[]) => unknown;
  const controller = new AbortController();
  assertThrows(() => call(5, { signal: controller }), TypeError, "Pass its 'signal'");
  assertThrows(() => call(5, { timeout: -1 }), RangeError, "'timeout' must be zero or more");
  assertThrows(() => call(5, 10), TypeError, "the options must be an object: received 10");
});
