/**
 * Channels under cancellation, signals and time-outs: an item is delivered or it stays, whatever
 * ends the wait and at whatever step. Rules C7 and C8 of the design.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import {
  CancelScope,
  cancelScope,
  Channel,
  checkpoint,
  ClosedError,
  isCancelled,
  moveOnAfter,
  type Task,
  taskGroup,
  TimeoutError,
  type WaitOptions,
  yieldNow,
} from "../../mod.ts";
import { pendingTimers } from "../../primitives/kernel/timers.ts";
import {
  interruptAtEveryStep,
  waitAllTasksBlocked,
  withLeakCheck,
  withVirtualTime,
} from "../../primitives/testing/mod.ts";
import { outcomeOf, thrownBy } from "./outcome.ts";
import { SpiedController } from "./spies.ts";
import { unhandledRejections } from "./unhandled.ts";

/** Who waits in a channel, for items or room. */
function waiters(channel: Channel<unknown>): number {
  const { senders, receivers } = channel.stats();
  return senders + receivers;
}

/** All that a channel still has. */
function rest<T>(channel: Channel<T>): T[] {
  const items: T[] = [];
  for (let next = channel.tryReceive(); next !== undefined; next = channel.tryReceive()) {
    items.push(next.value);
  }
  return items;
}

// Cancelled in the same turn

Deno.test("an item sent to a waiting receiver who is cancelled in the same turn is delivered, and Cancelled comes at the next checkpoint [C7]", async () => {
  for (const capacity of [0, 1]) {
    const channel = new Channel<string>(capacity);
    const steps: string[] = [];
    await taskGroup(async (group) => {
      const receiver = group.spawn(async () => {
        steps.push(`received ${await channel.receive()}`);
        await checkpoint();
        steps.push("not reached");
      });
      await waitAllTasksBlocked();
      assert(channel.trySend("item"));
      receiver.cancel();
    });
    assertEquals(steps, ["received item"]);
    assertEquals(rest(channel), []);
  }
});

Deno.test("when the waiting receiver is cancelled first, the item sent in the same turn stays [C7]", async () => {
  const channel = new Channel<string>(1);
  await taskGroup(async (group) => {
    const receiver = group.spawn(() => channel.receive());
    await waitAllTasksBlocked();
    receiver.cancel();
    assertEquals(channel.stats().receivers, 0);
    assert(channel.trySend("item"));
    assert(isCancelled(await thrownBy(receiver)));
  });
  assertEquals(rest(channel), ["item"]);
});

Deno.test("when the first of two receivers is cancelled, the item goes to the second [C7]", async () => {
  const channel = new Channel<string>(0);
  await taskGroup(async (group) => {
    const [first, second] = [0, 1].map(() => group.spawn(() => channel.receive()));
    await waitAllTasksBlocked();
    first.cancel();
    assert(channel.trySend("item"));
    assertEquals(await second, "item");
  });
});

Deno.test("an item taken from a waiting sender who is cancelled in the same turn was sent [C7]", async () => {
  const channel = new Channel<string>(0);
  const steps: string[] = [];
  await taskGroup(async (group) => {
    const sender = group.spawn(async () => {
      await channel.send("item");
      steps.push("sent");
      await checkpoint();
      steps.push("not reached");
    });
    await waitAllTasksBlocked();
    assertEquals(channel.tryReceive(), { value: "item" });
    sender.cancel();
  });
  assertEquals(steps, ["sent"]);
});

Deno.test("when the waiting sender is cancelled first, its item is not received in the same turn, but the next one's is [C7]", async () => {
  const channel = new Channel<string>(0);
  await taskGroup(async (group) => {
    const first = group.spawn(() => channel.send("first"));
    const second = group.spawn(() => channel.send("second"));
    await waitAllTasksBlocked();
    first.cancel();
    assertEquals(channel.tryReceive(), { value: "second" });
    assertEquals(channel.tryReceive(), undefined);
    await second;
  });
});

Deno.test("a sender that has moved up into the buffer and is cancelled in the same turn has sent its item [C7]", async () => {
  const channel = new Channel<number>(1);
  await channel.send(1);
  const scope = new CancelScope();
  let sent = false;
  const sending = scope.enter(async () => {
    await channel.send(2);
    sent = true;
  });
  assertEquals(channel.tryReceive(), { value: 1 });
  scope.cancel();
  await sending;
  assert(sent);
  assertEquals(rest(channel), [2]);
});

Deno.test("a receive that was given up does not swallow the item that is sent later (trio#553) [C7]", async () => {
  await withVirtualTime(async () => {
    const channel = new Channel<string>(1);
    assert((await moveOnAfter(10, () => channel.receive())).timedOut);
    await channel.send("item");
    assertEquals(channel.size, 1);
    assertEquals(await channel.receive(), "item");
  });
});

Deno.test("in a scope already cancelled neither send() nor receive() has an effect [C7]", async () => {
  for (const capacity of [0, 1]) {
    const channel = new Channel<string>(capacity);
    const thrown: unknown[] = [];
    await cancelScope(async (scope) => {
      scope.cancel();
      thrown.push(await thrownBy(channel.send("no")), await thrownBy(channel.receive()));
    });
    assert(thrown.every(isCancelled));
    assertEquals([channel.size, waiters(channel)], [0, 0]);
  }
  const channel = new Channel<string>(1);
  await channel.send("stays");
  await cancelScope((scope) => {
    scope.cancel();
    return channel.receive();
  });
  assertEquals(rest(channel), ["stays"]);
});

Deno.test("in a scope already cancelled a send does not go to a receiver who waits, nor a receive to a sender [C7]", async () => {
  const channel = new Channel<string>(0);
  const received = channel.receive();
  await cancelScope((scope) => {
    scope.cancel();
    return channel.send("no");
  });
  assertEquals(await outcomeOf(received), "pending");
  await channel.send("yes");
  assertEquals(await received, "yes");

  const sent = channel.send("kept");
  await cancelScope((scope) => {
    scope.cancel();
    return channel.receive();
  });
  assertEquals(await outcomeOf(sent), "pending");
  assertEquals(await channel.receive(), "kept");
});

Deno.test("trySend() and tryReceive() are no checkpoints: they work in a cancelled scope", async () => {
  const channel = new Channel<string>(1);
  await cancelScope((scope) => {
    scope.cancel();
    assert(channel.trySend("item"));
    assertEquals(channel.tryReceive(), { value: "item" });
  });
});

Deno.test("thousands who wait in one channel are cancelled at once, and leave nothing [C7]", async () => {
  await withLeakCheck(async () => {
    const channel = new Channel<number>(0);
    await cancelScope(async (scope) => {
      const waiting = Array.from({ length: 2_000 }, () => thrownBy(channel.receive()));
      scope.cancel();
      assertEquals(channel.stats().receivers, 0);
      assertEquals(new Set(await Promise.all(waiting)).size, 1);
      assert(isCancelled(await waiting[0]));
    });
  });
});

Deno.test("a cancelled wait that nobody awaits is no unhandled rejection", async () => {
  const reasons = await unhandledRejections(() =>
    cancelScope((scope) => {
      const channel = new Channel<number>(0);
      void channel.receive();
      void channel[Symbol.asyncIterator]().next();
      scope.cancel();
      void channel.send(1);
    })
  );
  assertEquals(reasons, []);
});

// Signal and time-out

const calls: [name: string, call: (channel: Channel<string>, options: WaitOptions) => unknown][] = [
  ["send", (channel, options) => channel.send("item", options)],
  ["receive", (channel, options) => channel.receive(options)],
];

for (const [name, call] of calls) {
  Deno.test(`${name}() with a signal that has aborted throws its reason, and has no effect even where it could [C8]`, async () => {
    const reason = new Error("enough");
    const signal = AbortSignal.abort(reason);
    const empty = new Channel<string>(1);
    const full = new Channel<string>(1);
    await full.send("there");
    for (const channel of [empty, full]) {
      const { size } = channel;
      assertStrictEquals(await thrownBy(call(channel, { signal }) as Promise<unknown>), reason);
      assertEquals([channel.size, waiters(channel)], [size, 0]);
    }
  });

  Deno.test(`${name}() ends with the signal's reason when that aborts while it waits [C8]`, async () => {
    const channel = new Channel<string>(0);
    const controller = new SpiedController();
    const thrown = thrownBy(call(channel, { signal: controller.signal }) as Promise<unknown>);
    assertEquals([waiters(channel), controller.listeners], [1, 1]);
    controller.abort("enough");
    assertEquals(waiters(channel), 0);
    assertEquals(await thrown, "enough");
  });

  Deno.test(`${name}() ends with a TimeoutError that names the channel when its time is up [C8]`, async () => {
    await withVirtualTime(async (time) => {
      const channel = new Channel<string>(0, { name: "orders" });
      const error = await thrownBy(call(channel, { timeout: 50 }) as Promise<unknown>);
      assertInstanceOf(error, TimeoutError);
      assertStringIncludes(error.message, 'channel "orders"');
      assertStringIncludes(error.message, "50 ms");
      assertEquals([time.elapsed, waiters(channel)], [50, 0]);
    });
  });

  Deno.test(`${name}() with a timeout of 0 does what can be done at once, and else throws at once [C8]`, async () => {
    await withVirtualTime(async (time) => {
      const channel = new Channel<string>(0, { name: "orders" });
      const thrown = thrownBy(call(channel, { timeout: 0 }) as Promise<unknown>);
      assertEquals([waiters(channel), pendingTimers()], [0, 0], "it is over when the call returns");
      const error = await thrown;
      assertInstanceOf(error, TimeoutError);
      assertStringIncludes(error.message, 'channel "orders"');

      const ready = new Channel<string>(2);
      await ready.send("there");
      await call(ready, { timeout: 0 });
      assertEquals(ready.size, name === "send" ? 2 : 0);
      assertEquals(time.elapsed, 0);
    });
  });

  Deno.test(`${name}() that gets what it waits for leaves neither listener nor timer [C8]`, async () => {
    await withVirtualTime(() =>
      withLeakCheck(async () => {
        const channel = new Channel<string>(0);
        const controller = new SpiedController();
        const options = { signal: controller.signal, timeout: 60_000 };
        const done = call(channel, options) as Promise<unknown>;
        if (name === "send") assertEquals(channel.tryReceive(), { value: "item" });
        else assert(channel.trySend("item"));
        assertEquals(await done, name === "send" ? undefined : "item");
        assertEquals(controller.listeners, 0);
        controller.abort();
      })
    );
  });

  Deno.test(`${name}() marked endOnStop ends with ClosedError when its scope is asked to stop [C10]`, async () => {
    const channel = new Channel<string>(0);
    await cancelScope(async (scope) => {
      const marked = thrownBy(call(channel, { endOnStop: true }) as Promise<unknown>);
      const unmarked = call(channel, {}) as Promise<unknown>;
      scope.stop({ grace: Infinity });
      assertInstanceOf(await marked, ClosedError);
      assertEquals(waiters(channel), 1);
      if (name === "send") rest(channel);
      else channel.trySend("item");
      await unmarked;
    });
  });
}

Deno.test("of a scope, a signal and a time-out in one call the first to come ends it, and the others leave nothing [C8]", async () => {
  for (const first of ["scope", "signal", "timeout", "item"] as const) {
    await withVirtualTime(() =>
      withLeakCheck(async () => {
        const channel = new Channel<string>(0);
        const controller = new SpiedController();
        const { signal } = controller;
        const scope = new CancelScope();
        let outcome: unknown;
        const entered = scope.enter(async () => {
          const received = channel.receive({ signal, timeout: first === "timeout" ? 10 : 20 });
          outcome = await received.catch((error) => error);
        });
        if (first === "scope") scope.cancel();
        if (first === "signal") controller.abort("enough");
        if (first === "item") assert(channel.trySend("item"));
        await entered;
        assertEquals(waiters(channel), 0);
        // A signal that has aborted has no use for its listeners.
        if (first !== "signal") assertEquals(controller.listeners, 0);
        scope.cancel();
        controller.abort("too late");
        if (first === "scope") assert(isCancelled(outcome));
        else if (first === "timeout") assertInstanceOf(outcome, TimeoutError);
        else assertEquals(outcome, first === "signal" ? "enough" : "item");
      })
    );
  }
});

// Cancelled at every step

for (const capacity of [0, 1, 3]) {
  for (const competing of [false, true]) {
    const title = `capacity ${capacity}${competing ? ", with a competing waiter" : ""}`;

    Deno.test(`receive() cancelled at any step takes an item or leaves it: ${title} [C7]`, async () => {
      await withLeakCheck(async () => {
        const { interrupted } = await interruptAtEveryStep(async (interrupt) => {
          const channel = new Channel<number>(capacity);
          const received: number[] = [];
          const take = async () => {
            received.push(await channel.receive());
          };
          await taskGroup(async (group) => {
            const rival = competing ? group.spawn(take) : undefined;
            const sender = group.spawn(async () => {
              for (let item = 0; item < 5; item++) {
                await yieldNow();
                await channel.send(item);
              }
            });
            await interrupt(async () => {
              for (let n = 0; n < 3; n++) await take();
            });
            if (rival !== undefined) await rival;
            while (sender.isAlive) {
              received.push(...rest(channel));
              await yieldNow();
            }
          });
          received.push(...rest(channel));
          assertEquals(received, [0, 1, 2, 3, 4], "each once, and in order");
          assertEquals(waiters(channel), 0);
        });
        assert(interrupted > 3);
      });
    });

    Deno.test(`send() cancelled at any step has sent its item or not: ${title} [C7]`, async () => {
      await withLeakCheck(async () => {
        const { interrupted } = await interruptAtEveryStep(async (interrupt) => {
          const channel = new Channel<string>(capacity);
          const sent: string[] = [];
          const send = async (item: string) => {
            await channel.send(item);
            sent.push(item);
          };
          const received: string[] = [];
          await taskGroup(async (group) => {
            const rivals: Task<void>[] = [];
            if (competing) rivals.push(group.spawn(() => send("rival")));
            const receiver = group.spawn(async () => {
              for (;;) {
                await yieldNow();
                received.push(await channel.receive());
              }
            }, { daemon: true });
            await interrupt(async () => {
              for (let n = 0; n < 5; n++) await send(`item ${n}`);
            });
            for (const rival of rivals) await rival;
            receiver.cancel();
          });
          received.push(...rest(channel));
          assertEquals(received.toSorted(), sent.toSorted(), "what was sent, and nothing else");
          const own = received.filter((item) => item !== "rival");
          assertEquals(own, own.toSorted(), "in the order in which it was sent");
          assertEquals(waiters(channel), 0);
        });
        assert(interrupted > 3);
      });
    });
  }
}
