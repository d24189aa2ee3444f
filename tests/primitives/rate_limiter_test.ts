/**
 * Rate limiters.
 *
 * @module
 */

import { assert, assertEquals, assertFalse, assertRejects, assertThrows } from "@std/assert";
import {
  CancelScope,
  cancelScope,
  checkpoint,
  inspect,
  isCancelled,
  RateLimiter,
  type RateLimiterOptions,
  sleep,
  taskGroup,
  TimeoutError,
  type WaitOptions,
} from "../../mod.ts";
import { currentClock } from "../../primitives/kernel/clock.ts";
import { pendingTimers } from "../../primitives/kernel/timers.ts";
import {
  interruptAtEveryStep,
  type VirtualTime,
  waitAllTasksBlocked,
  withLeakCheck,
  withVirtualTime,
} from "../../primitives/testing/mod.ts";
import { testLimits } from "./blocking_call.ts";
import { calling } from "./probes.ts";
import { rejectionOf } from "./spies.ts";
import { named } from "./waits.ts";

testLimits("RateLimiter.acquire()", () => {
  const limiter = new RateLimiter(1, { name: "requests" });
  limiter.tryAcquire();
  return {
    target: 'rate limiter "requests"',
    call: (options?: WaitOptions) => limiter.acquire(1, options),
    satisfy: () => sleep(1000),
    waiters: () => limiter.stats().waiters,
    state: () => limiter.available,
    conserved: () => assertEquals(limiter.available, 0),
  };
});

/** When each of so many calls, made at once, was let through. */
async function times(time: VirtualTime, limiter: RateLimiter, counts: number[]): Promise<number[]> {
  const at: number[] = [];
  await taskGroup((group) => {
    for (const [index, count] of counts.entries()) {
      group.spawn(async () => {
        await limiter.acquire(count);
        at[index] = time.elapsed;
      });
    }
  });
  return at;
}

Deno.test("A rate limiter lets through one at a time at an even pace, the first at once", async () => {
  await withVirtualTime(async (time) => {
    const at = await times(time, new RateLimiter(10), [1, 1, 1, 1, 1]);
    assertEquals(at, [0, 100, 200, 300, 400]);
  });
});

Deno.test("With a burst it lets so many through at once, then keeps the pace", async () => {
  await withVirtualTime(async (time) => {
    const limiter = new RateLimiter(10, { burst: 3 });
    assertEquals(limiter.available, 3);
    assertEquals(await times(time, limiter, [1, 1, 1, 1, 1, 1]), [0, 0, 0, 100, 200, 300]);
  });
});

Deno.test("After a pause the burst is there again, and no more than it", async () => {
  await withVirtualTime(async (time) => {
    const limiter = new RateLimiter(10, { burst: 3 });
    for (let i = 0; i < 3; i++) assert(limiter.tryAcquire());
    assertFalse(limiter.tryAcquire());
    await sleep(100);
    assertEquals(limiter.available, 1);
    await sleep(99);
    assertEquals(limiter.available, 1);
    await sleep(1);
    assertEquals(limiter.available, 2);
    await sleep(100_000);
    assertEquals(limiter.available, 3);
    assertEquals(await times(time, limiter, [1, 1, 1, 1]), [100_200, 100_200, 100_200, 100_300]);
  });
});

Deno.test("Rates may be fractions, and `per` any time", async () => {
  const cases: [rate: number, options: RateLimiterOptions, second: number][] = [
    [0.5, {}, 2000],
    [0.001, {}, 1_000_000],
    [100, { per: 60_000 }, 600],
    [1, { per: 86_400_000 }, 86_400_000],
    [3, { per: 1.5 }, 1],
  ];
  for (const [rate, options, second] of cases) {
    await withVirtualTime(async (time) => {
      assertEquals(await times(time, new RateLimiter(rate, options), [1, 1]), [0, second]);
    });
  }
});

Deno.test("What timers are rounded up by is made up for: a thousand take as long as they should", async () => {
  await withVirtualTime(async (time) => {
    const at = await times(time, new RateLimiter(300), Array.from({ length: 1001 }, () => 1));
    for (const [index, when] of at.entries()) {
      const due = index * 1000 / 300;
      assert(when >= due - 1e-6 && when < due + 1 + 1e-6, `number ${index} at ${when}`);
    }
  });
});

Deno.test("What got lost in the sums makes nobody wait", async () => {
  await withVirtualTime(async () => {
    // Seven at 70 a second take 100.00000000000001 ms.
    const limiter = new RateLimiter(70, { burst: 10 });
    for (let i = 0; i < 7; i++) assert(limiter.tryAcquire());
    await sleep(99);
    assertEquals(limiter.available, 9);
    await sleep(1);
    assertEquals(limiter.available, 10);
    assert(limiter.tryAcquire(10));
  });
});

Deno.test("A rate above one in a millisecond lets several through in each", async () => {
  await withVirtualTime(async (time) => {
    const limiter = new RateLimiter(4000, { burst: 4 });
    const at = await times(time, limiter, Array.from({ length: 20 }, () => 1));
    assertEquals(
      at,
      Array.from({ length: 20 }, (_, index) => Math.max(0, Math.ceil((index - 3) / 4))),
    );
  });
});

Deno.test("Several can be had at once, up to the burst", async () => {
  await withVirtualTime(async (time) => {
    const limiter = new RateLimiter(10, { burst: 5 });
    assertEquals(await times(time, limiter, [5, 2, 3, 5]), [0, 200, 500, 1000]);
  });
});

Deno.test("More than the burst would never be had, and is refused at the call [E1]", () => {
  const limiter = new RateLimiter(10, { burst: 5, name: "requests" });
  assertThrows(
    () => limiter.acquire(6),
    RangeError,
    "Cannot acquire from rate limiter \"requests\" as no more than its burst of 5 can be had at once: received 6. Ask for fewer, or give it a larger 'burst'",
  );
  assertThrows(() => limiter.tryAcquire(6), RangeError, "its burst of 5");
  assertEquals(limiter.available, 5);
});

Deno.test("A number that makes no sense is refused in a cancelled scope too, where nobody would notice it otherwise [E1]", async () => {
  const limiter = new RateLimiter(10, { burst: 5 });
  await cancelScope(async (scope) => {
    scope.cancel();
    assertThrows(calling(limiter.acquire.bind(limiter), 6), RangeError, "its burst of 5");
    assertThrows(calling(limiter.acquire.bind(limiter), "3"), TypeError, "must be a number");
    assert(isCancelled(await rejectionOf(limiter.acquire(5))));
  });
  assertEquals(limiter.available, 5);
});

Deno.test("A big request at the head is not overtaken by small ones [W1]", async () => {
  await withVirtualTime(async (time) => {
    const limiter = new RateLimiter(10, { burst: 5 });
    const order: string[] = [];
    assert(limiter.tryAcquire(5));
    await taskGroup(async (group) => {
      const take = (name: string, count: number) =>
        group.spawn(async () => {
          await limiter.acquire(count);
          order.push(`${name} at ${time.elapsed}`);
        });
      take("big", 5);
      take("small", 1);
      await sleep(300);
      // Three could be had, but they are meant for the first in line.
      assertEquals([limiter.available, limiter.tryAcquire()], [0, false]);
      take("late", 1);
    });
    assertEquals(order, ["big at 500", "small at 600", "late at 700"]);
  });
});

Deno.test("When the head gives up, the next goes as soon as it may, which can be at once", async () => {
  const reason = new Error("hung up");
  for (const leaves of ["scope", "signal", "timeout", "stop"]) {
    await withVirtualTime((time) =>
      withLeakCheck(async () => {
        const limiter = new RateLimiter(10, { burst: 5 });
        limiter.tryAcquire(5);
        const scope = new CancelScope();
        const controller = new AbortController();
        const head = scope.enter(() =>
          rejectionOf(limiter.acquire(5, {
            signal: controller.signal,
            timeout: leaves === "timeout" ? 250 : 10_000,
            endOnStop: true,
          }))
        );
        const at: number[] = [];
        await taskGroup(async (group) => {
          for (const count of [2, 1, 1]) {
            group.spawn(async () => {
              await limiter.acquire(count);
              at.push(time.elapsed);
            });
          }
          await sleep(250);
          if (leaves === "scope") scope.cancel();
          if (leaves === "signal") controller.abort(reason);
          if (leaves === "stop") scope.stop();
          await head;
        });
        // Nothing was used up by the one that left: two were there, the others came in time.
        assertEquals(at, [250, 300, 400], leaves);
      })
    );
  }
});

Deno.test("When one in the middle gives up, those behind it move up and the head is not touched", async () => {
  await withVirtualTime((time) =>
    taskGroup(async (group) => {
      const limiter = new RateLimiter(10);
      limiter.tryAcquire();
      const at: [number, number][] = [];
      const tasks = [0, 1, 2].map((index) =>
        group.spawn(async () => {
          await limiter.acquire();
          at.push([index, time.elapsed]);
        })
      );
      await sleep(50);
      tasks[1].cancel();
      assert(isCancelled(await rejectionOf(tasks[1])));
      await tasks[2];
      assertEquals(at, [[0, 100], [2, 200]]);
    })
  );
});

Deno.test("The last who waits leaves no timer when it gives up, and the pace is as before", async () => {
  await withVirtualTime(async (time) => {
    const limiter = new RateLimiter(10);
    limiter.tryAcquire();
    await assertRejects(() => limiter.acquire(1, { timeout: 40 }), TimeoutError);
    assertEquals(pendingTimers(), 0);
    await limiter.acquire();
    assertEquals(time.elapsed, 100);
  });
});

Deno.test("tryAcquire() takes what is there unless somebody waits for it [W1]", async () => {
  await withVirtualTime(async () => {
    const limiter = new RateLimiter(10, { burst: 3 });
    assert(limiter.tryAcquire(2));
    assertFalse(limiter.tryAcquire(2));
    assertEquals(limiter.available, 1);
    const waiting = limiter.acquire(2);
    assertEquals(limiter.available, 0);
    assertFalse(limiter.tryAcquire());
    await waiting;
    assertEquals(limiter.available, 0);
  });
});

Deno.test("What is there is had at once, without a timer, also with a timeout of 0 [C8]", async () => {
  await withVirtualTime(async (time) => {
    const limiter = new RateLimiter(10, { burst: 2 });
    const having = [limiter.acquire(1, { timeout: 0 }), limiter.acquire(1, { timeout: 5 })];
    assertEquals(pendingTimers(), 0);
    await Promise.all(having);
    assertEquals(time.elapsed, 0);
  });
});

Deno.test("One that was let through before the cancellation in the same turn is through [C7]", async () => {
  await withVirtualTime(async () => {
    const limiter = new RateLimiter(10);
    limiter.tryAcquire();
    const scope = new CancelScope();
    const steps: string[] = [];
    const waiting = scope.enter(async () => {
      await limiter.acquire();
      steps.push("through");
      await checkpoint();
      steps.push("not reached");
    });
    // In the same millisecond, behind the limiter: its timer was set first.
    scope.deadline = currentClock().wall() + 100;
    await waiting;
    assertEquals([steps, limiter.available], [["through"], 0]);
  });
});

Deno.test("One that is cancelled before it is let through has used nothing up [C7]", async () => {
  await withVirtualTime(async (time) => {
    const limiter = new RateLimiter(10);
    limiter.tryAcquire();
    const scope = new CancelScope();
    const waiting = scope.enter(() => limiter.acquire());
    await sleep(99);
    scope.cancel();
    await waiting;
    assertEquals(limiter.available, 0);
    await limiter.acquire();
    assertEquals(time.elapsed, 100);
  });
});

Deno.test("acquire() may be interrupted at every step, alone and with rivals: nothing is used up [C7]", async () => {
  for (const rivals of [0, 1, 2]) {
    await withVirtualTime(async (time) => {
      const { interrupted } = await interruptAtEveryStep((interrupt) =>
        withLeakCheck(async () => {
          const limiter = new RateLimiter(10, { burst: 2 });
          const start = time.elapsed;
          limiter.tryAcquire(2);
          let through = 0;
          const at: number[] = [];
          const take = async () => {
            await limiter.acquire();
            through++;
            at.push(time.elapsed - start);
          };
          await taskGroup(async (group) => {
            if (rivals > 0) group.spawn(take);
            const operation = interrupt(take);
            if (rivals > 1) group.spawn(take);
            await operation;
          });
          assert(through === rivals || through === rivals + 1);
          assertEquals(at, Array.from({ length: through }, (_, index) => 100 * (index + 1)));
          assertEquals(limiter.stats().waiters, 0);
          // The bucket is full when it should be.
          await sleep(100 * (through + 2) - 1 - (time.elapsed - start));
          assertEquals(limiter.available, 1);
          await sleep(1);
          assertEquals(limiter.available, 2);
        })
      );
      assert(interrupted > 3);
    });
  }
});

Deno.test("A rate limiter tells how it is doing, in a frozen snapshot [W9]", async () => {
  await withVirtualTime(async () => {
    const limiter = new RateLimiter(10, { burst: 2 });
    const before = limiter.stats();
    assert(Object.isFrozen(before));
    assertEquals(before, { available: 2, waiters: 0, peakWaiters: 0 });
    const all = [1, 2, 3, 4].map(() => limiter.acquire());
    assertEquals(limiter.stats(), { available: 0, waiters: 2, peakWaiters: 2 });
    await Promise.all(all);
    assertEquals(limiter.stats(), { available: 0, waiters: 0, peakWaiters: 2 });
  });
});

Deno.test("A wait for a rate limiter shows in inspect() by its name", async () => {
  await withVirtualTime(async () => {
    const limiter = new RateLimiter(10, { name: "requests" });
    limiter.tryAcquire();
    await taskGroup(async (group) => {
      group.spawn(() => limiter.acquire());
      await waitAllTasksBlocked();
      const [caller] = inspect().children[0].children;
      assertEquals(named(caller.waitingFor), [{ kind: "rate limiter", name: "requests" }]);
    });
  });
});

Deno.test("A rate limiter refuses numbers and names that make no sense [E1]", () => {
  const make = (...args: [never, never]) => new RateLimiter(...args);
  for (const bad of [0, -1, NaN, Infinity, -Infinity]) {
    assertThrows(
      calling(make, bad),
      RangeError,
      `Cannot make a rate limiter as the rate must be above 0 and finite: received ${bad}`,
    );
    assertThrows(calling(make, 1, { per: bad }), RangeError, "'per' must be above 0 and finite");
  }
  for (const bad of ["3", null, 3n]) {
    assertThrows(calling(make, bad), TypeError, "the rate must be a number: received");
    assertThrows(calling(make, 1, { per: bad }), TypeError, "'per' must be a number: received");
    assertThrows(calling(make, 1, { burst: bad }), TypeError, "'burst' must be a number: received");
  }
  for (const bad of [0, -1, 1.5, NaN, Infinity]) {
    assertThrows(
      calling(make, 1, { burst: bad }),
      RangeError,
      "'burst' must be a whole number from 1",
    );
  }
  assertThrows(calling(make), TypeError, "the rate must be a number: received undefined");
  assertThrows(calling(make, 1, { name: 3 }), TypeError, "'name' must be a string: received 3");
  assertThrows(calling(make, 1, null), TypeError, "the options must be an object");
  const limiter = new RateLimiter(1, { burst: 5 });
  for (const method of ["acquire", "tryAcquire"] as const) {
    const call = limiter[method].bind(limiter);
    for (const bad of [0, -1, 1.5, NaN, Infinity]) {
      assertThrows(calling(call, bad), RangeError, "the number must be a whole number from 1 up");
    }
    for (const bad of ["3", null]) assertThrows(calling(call, bad), TypeError, "must be a number");
  }
  assertEquals(limiter.available, 5);
});
