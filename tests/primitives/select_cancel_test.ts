/**
 * `select` under cancellation, signals and time-outs: what it has taken it keeps, and what it has
 * not taken is there for others. Rules C7 and C8 of the design.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertFalse,
  assertInstanceOf,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import {
  after,
  CancelScope,
  cancelScope,
  Channel,
  checkpoint,
  ClosedError,
  Event,
  isCancelled,
  Lock,
  moveOnAfter,
  Queue,
  select,
  Semaphore,
  taskGroup,
  TimeoutError,
  yieldNow,
} from "../../mod.ts";
import {
  interruptAtEveryStep,
  waitAllTasksBlocked,
  withLeakCheck,
  withVirtualTime,
} from "../../primitives/testing/mod.ts";
import { thrownBy } from "./outcome.ts";
import { collect } from "./probes.ts";
import { SpiedController } from "./spies.ts";
import { unhandledRejections } from "./unhandled.ts";

Deno.test("a select that was woken and is cancelled in the same turn keeps its value [C7]", async () => {
  const channel = new Channel<string>(0);
  const event = new Event();
  const steps: string[] = [];
  await taskGroup(async (group) => {
    const chooser = group.spawn(async () => {
      const selected = await select({ channel, event });
      steps.push(`${selected.key}: ${selected.value}`);
      await checkpoint();
      steps.push("not reached");
    });
    await waitAllTasksBlocked();
    assert(channel.trySend("item"));
    chooser.cancel();
    event.set();
  });
  assertEquals(steps, ["channel: item"]);
});

Deno.test("a select that is cancelled first takes nothing of what comes in the same turn [C7]", async () => {
  const channel = new Channel<string>(1);
  const semaphore = new Semaphore(0);
  await taskGroup(async (group) => {
    const chooser = group.spawn(() => select({ channel, semaphore }));
    await waitAllTasksBlocked();
    chooser.cancel();
    assertEquals([channel.stats().receivers, semaphore.stats().waiters], [0, 0]);
    assert(channel.trySend("item"));
    semaphore.release();
    assert(isCancelled(await thrownBy(chooser)));
  });
  assertEquals([channel.size, semaphore.available], [1, 1]);
});

Deno.test("a lock that was handed to a select is held, though the task is cancelled in the same turn [C7] [W2]", async () => {
  const lock = new Lock();
  const scope = new CancelScope();
  await taskGroup(async (group) => {
    const go = new Event();
    const holder = group.spawn(async () => {
      using _ = await lock.acquire();
      await go.wait();
    });
    await waitAllTasksBlocked();
    const chooser = group.spawn((task) =>
      scope.enter(async () => {
        const { value } = await select({ lock, never: after(Infinity) });
        assertStrictEquals(lock.owner, task);
        value![Symbol.dispose]();
      })
    );
    await waitAllTasksBlocked();
    go.set();
    await holder;
    scope.cancel();
    await chooser;
  });
  assertFalse(scope.cancelledCaught);
  assertFalse(lock.locked);
});

Deno.test("in a scope already cancelled a select takes nothing, though all is ready [C7]", async () => {
  const channel = new Channel<string>(1);
  const empty = new Channel<string>(1);
  const semaphore = new Semaphore(1);
  const lock = new Lock();
  channel.trySend("item");
  let thrown: unknown;
  await cancelScope(async (scope) => {
    scope.cancel();
    thrown = await thrownBy(select({ channel, out: empty.sending("no"), semaphore, lock }));
  });
  assert(isCancelled(thrown));
  assertEquals([channel.size, empty.size, semaphore.available], [1, 0, 1]);
  assertFalse(lock.locked);
});

Deno.test("a select that nobody awaits and that is cancelled is no unhandled rejection", async () => {
  const unhandled = await unhandledRejections(() =>
    cancelScope((scope) => {
      void select({ channel: new Channel<number>(0), never: after(Infinity) });
      scope.cancel();
      void select({ channel: new Channel<number>(0) });
    })
  );
  assertEquals(unhandled, []);
});

// Signal and time-out

Deno.test("with a signal that has aborted it throws its reason, and takes nothing of what is ready [C8]", async () => {
  const channel = new Channel<string>(1);
  channel.trySend("item");
  const reason = new Error("enough");
  const signal = AbortSignal.abort(reason);
  assertStrictEquals(await thrownBy(select({ channel }, { signal })), reason);
  assertEquals(channel.size, 1);
});

Deno.test("when the signal aborts while it waits it throws its reason, and waits for nothing any more [C8]", async () => {
  const a = new Channel<string>(1);
  const b = new Channel<string>(1);
  const controller = new SpiedController();
  const thrown = thrownBy(select({ a, b }, { signal: controller.signal }));
  assertEquals([a.stats().receivers, b.stats().receivers, controller.listeners], [1, 1, 1]);
  controller.abort("enough");
  assertEquals([a.stats().receivers, b.stats().receivers], [0, 0]);
  assertEquals(await thrown, "enough");
});

Deno.test("when its time is up it throws a TimeoutError that names all it waited for [C8]", async () => {
  await withVirtualTime((time) =>
    withLeakCheck(async () => {
      const orders = new Channel<string>(0, { name: "orders" });
      const jobs = new Queue<number>(0, { name: "jobs" });
      const thrown = await thrownBy(
        select({ orders, jobs, late: after(100) }, { timeout: 50, biased: true }),
      );
      assertInstanceOf(thrown, TimeoutError);
      assertStringIncludes(thrown.message, 'channel "orders" or queue "jobs" or sleep');
      assertStringIncludes(thrown.message, "50 ms");
      assertEquals([orders.stats().receivers, jobs.stats().getters, time.elapsed], [0, 0, 50]);
    })
  );
});

Deno.test("with a timeout of 0 it takes what is ready, and else throws at once [C8]", async () => {
  await withVirtualTime((time) =>
    withLeakCheck(async () => {
      const channel = new Channel<string>(1, { name: "orders" });
      const event = new Event();
      const thrown = await thrownBy(select({ channel, event, late: after(9) }, { timeout: 0 }));
      assertInstanceOf(thrown, TimeoutError);
      assertStringIncludes(thrown.message, 'channel "orders"');
      assertEquals([channel.stats().receivers, event.stats().waiters], [0, 0]);
      channel.trySend("item");
      assertEquals((await select({ channel, event }, { timeout: 0 })).value, "item");
      assertEquals(time.elapsed, 0);
    })
  );
});

Deno.test("an arm that is due in the same millisecond as the time-out wins [C8]", async () => {
  await withVirtualTime(async () => {
    assertEquals((await select({ moment: after(10) }, { timeout: 10 })).key, "moment");
  });
});

Deno.test("when an arm wins the signal and the time-out are let go [C8]", async () => {
  await withVirtualTime(() =>
    withLeakCheck(async () => {
      const channel = new Channel<string>(0);
      const controller = new SpiedController();
      const selected = select({ channel, late: after(90) }, {
        signal: controller.signal,
        timeout: 60,
      });
      assert(channel.trySend("item"));
      assertEquals(controller.listeners, 0);
      assertEquals((await selected).value, "item");
      controller.abort();
    })
  );
});

Deno.test("marked endOnStop it ends with ClosedError when its scope is asked to stop, and waits for nothing [C10]", async () => {
  const channel = new Channel<string>(0);
  await cancelScope(async (scope) => {
    const waiting = thrownBy(select({ channel, never: after(Infinity) }, { endOnStop: true }));
    scope.stop({ grace: Infinity });
    assertInstanceOf(await waiting, ClosedError);
    assertEquals(channel.stats().receivers, 0);
    assertInstanceOf(await thrownBy(select({ channel }, { endOnStop: true })), ClosedError);
    assertEquals(channel.stats().receivers, 0);
  });
});

Deno.test("a select in a moveOnAfter leaves nothing when the time is up [C6] [C7]", async () => {
  await withVirtualTime(() =>
    withLeakCheck(async () => {
      const a = new Channel<number>(1);
      const b = new Channel<number>(1);
      assert((await moveOnAfter(10, () => select({ a, b }))).timedOut);
      assert(a.trySend(1) && b.trySend(2));
      assertEquals([a.size, b.size], [1, 1]);
    })
  );
});

// Cancelled at every step

for (const competing of [false, true]) {
  const title = competing ? "with competing waiters" : "alone";

  Deno.test(`a select that receives, cancelled at any step, has taken one item or none: ${title} [C7] [W8]`, async () => {
    await withLeakCheck(async () => {
      const { interrupted } = await interruptAtEveryStep(async (interrupt) => {
        const a = new Channel<string>(0);
        const b = new Queue<string>(1);
        const seen: string[] = [];
        await taskGroup(async (group) => {
          if (competing) {
            group.spawn(async () => {
              seen.push(await a.receive());
            });
            group.spawn(async () => {
              const { value } = await select({ b, a });
              seen.push(value);
            });
          }
          const sender = group.spawn(async () => {
            for (let n = 0; n < 4; n++) {
              await yieldNow();
              await a.send(`a${n}`);
            }
            a.close();
          });
          const putter = group.spawn(async () => {
            for (let n = 0; n < 4; n++) {
              await b.put(`b${n}`);
              await yieldNow();
            }
            b.shutdown();
          });
          await interrupt(async () => {
            for (let n = 0; n < 3; n++) seen.push((await select({ a, b })).value);
          });
          seen.push(...await collect(a), ...await collect(b));
          await sender;
          await putter;
        });
        assertEquals(seen.toSorted(), ["a0", "a1", "a2", "a3", "b0", "b1", "b2", "b3"]);
        for (const from of ["a", "b"]) assertEquals(new Set(seen).size, 8, from);
        assertEquals([a.stats().receivers, b.stats().getters], [0, 0]);
      });
      assert(interrupted > 3);
    });
  });

  Deno.test(`a select over locks and semaphores, cancelled at any step, holds one or none: ${title} [C7] [W8]`, async () => {
    await withLeakCheck(async () => {
      const { interrupted } = await interruptAtEveryStep(async (interrupt) => {
        const lock = new Lock();
        const semaphore = new Semaphore(1);
        let inside = 0;
        const use = async () => {
          const { value } = await select({ lock, semaphore });
          using _ = value;
          assert(++inside <= 2, "one for the lock, one for the permit");
          try {
            await yieldNow();
          } finally {
            inside--;
          }
        };
        await taskGroup(async (group) => {
          for (let holder = 0; holder < (competing ? 4 : 2); holder++) group.spawn(use);
          await interrupt(async () => {
            await use();
            await use();
          });
        });
        assertEquals([inside, lock.locked, semaphore.available], [0, false, 1]);
        assertEquals([lock.stats().waiters, semaphore.stats().waiters], [0, 0]);
      });
      assert(interrupted > 2);
    });
  });
}

Deno.test("a select over a time, an event and a task, cancelled at any step, leaves nothing [C7] [W8]", async () => {
  await withVirtualTime(() =>
    withLeakCheck(async () => {
      const { interrupted } = await interruptAtEveryStep(async (interrupt) => {
        const event = new Event();
        const controller = new SpiedController();
        await taskGroup(async (group) => {
          const task = group.spawn(() => event.wait());
          group.spawn(async () => {
            for (let turn = 0; turn < 3; turn++) await yieldNow();
            event.set();
          });
          await interrupt(() =>
            select({ task, late: after(60) }, { timeout: 90, signal: controller.signal })
          );
        });
        assertEquals([event.stats().waiters, controller.listeners], [0, 0]);
      });
      assert(interrupted > 2);
    })
  );
});
