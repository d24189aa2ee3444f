/**
 * Broadcast under cancellation, signals and time-outs: an item comes to all or to none, and what was
 * not received stays. Rules C7 and C8 of the design.
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
  Broadcast,
  CancelScope,
  cancelScope,
  isCancelled,
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
import { outcomeOf, thrownBy } from "./outcome.ts";
import { collect } from "./probes.ts";
import { SpiedController } from "./spies.ts";

Deno.test("a publisher that is cancelled while it waits has published to nobody [C7]", async () => {
  const broadcast = new Broadcast<number>();
  const slow = broadcast.subscribe({ capacity: 1 });
  const quick = broadcast.subscribe({ capacity: 5 });
  await broadcast.publish(1);
  const scope = new CancelScope();
  const publishing = scope.enter(() => broadcast.publish(2));
  const behind = broadcast.publish(3);
  scope.cancel();
  assertEquals(broadcast.stats().publishers, 1);
  assertEquals(await slow.receive(), 1);
  await Promise.all([publishing, behind]);
  assert(scope.cancelledCaught);
  broadcast.close();
  assertEquals([await collect(slow), await collect(quick)], [[3], [1, 3]]);
  assertEquals(broadcast.stats().published, 2);
});

Deno.test("a publisher whose turn has come and that is cancelled in the same turn has published to all [C7]", async () => {
  const broadcast = new Broadcast<number>();
  const slow = broadcast.subscribe({ capacity: 1 });
  const quick = broadcast.subscribe({ capacity: 5 });
  await broadcast.publish(1);
  const scope = new CancelScope();
  let published = false;
  const publishing = scope.enter(async () => {
    await broadcast.publish(2);
    published = true;
  });
  const received = slow.receive();
  scope.cancel();
  await publishing;
  assert(published);
  broadcast.close();
  assertEquals([await received, await collect(slow), await collect(quick)], [1, [2], [1, 2]]);
});

Deno.test("an item published to a receiver who is cancelled in the same turn is delivered; to one cancelled before, it stays [C7]", async () => {
  const broadcast = new Broadcast<string>();
  const subscription = broadcast.subscribe();
  await taskGroup(async (group) => {
    const kept = group.spawn(() => subscription.receive());
    const other = group.spawn(() => subscription.receive());
    await waitAllTasksBlocked();
    void broadcast.publish("item");
    kept.cancel();
    other.cancel();
    void broadcast.publish("stays");
    assertEquals(await kept, "item");
    assert(isCancelled(await thrownBy(other)));
  });
  assertEquals(await subscription.receive(), "stays");
});

Deno.test("in a scope already cancelled neither publish() nor receive() has an effect [C7]", async () => {
  const broadcast = new Broadcast<number>();
  const subscription = broadcast.subscribe();
  await broadcast.publish(1);
  const thrown: unknown[] = [];
  await cancelScope(async (scope) => {
    scope.cancel();
    thrown.push(await thrownBy(broadcast.publish(2)), await thrownBy(subscription.receive()));
  });
  assert(thrown.every(isCancelled));
  assertEquals([subscription.size, broadcast.stats().published], [1, 1]);
});

Deno.test("publish() and receive() with a signal that has aborted throw its reason, and have no effect [C8]", async () => {
  const broadcast = new Broadcast<number>();
  const subscription = broadcast.subscribe();
  await broadcast.publish(1);
  const reason = new Error("enough");
  const signal = AbortSignal.abort(reason);
  assertStrictEquals(await thrownBy(broadcast.publish(2, { signal })), reason);
  assertStrictEquals(await thrownBy(subscription.receive({ signal })), reason);
  assertEquals([subscription.size, broadcast.stats().published], [1, 1]);
});

Deno.test("publish() and receive() end when the signal aborts, and let it go when they do not need it any more [C8]", async () => {
  const broadcast = new Broadcast<number>();
  const subscription = broadcast.subscribe({ capacity: 1 });
  const controller = new SpiedController();
  const { signal } = controller;
  const received = subscription.receive({ signal });
  assertEquals(controller.listeners, 1);
  await broadcast.publish(1);
  assertEquals([await received, controller.listeners], [1, 0]);
  await broadcast.publish(2);
  const publishing = thrownBy(broadcast.publish(3, { signal }));
  assertEquals(controller.listeners, 1);
  controller.abort("enough");
  assertEquals([await publishing, broadcast.stats().publishers], ["enough", 0]);
  assertEquals([await subscription.receive(), subscription.size], [2, 0]);
});

Deno.test("publish() and receive() end with a TimeoutError that names what they waited for [C8]", async () => {
  await withVirtualTime((time) =>
    withLeakCheck(async () => {
      const broadcast = new Broadcast<number>({ name: "news" });
      const reader = broadcast.subscribe({ name: "reader", capacity: 1 });
      for (const timeout of [0, 20]) {
        const start = time.elapsed;
        const received = await thrownBy(reader.receive({ timeout }));
        assertInstanceOf(received, TimeoutError);
        assertStringIncludes(received.message, 'subscription "reader"');
        await broadcast.publish(1, { timeout });
        const published = await thrownBy(broadcast.publish(2, { timeout }));
        assertInstanceOf(published, TimeoutError);
        assertStringIncludes(published.message, 'broadcast "news"');
        assertEquals(await reader.receive({ timeout }), 1);
        assertEquals([reader.size, reader.stats().receivers], [0, 0]);
        assertEquals([broadcast.stats().publishers, time.elapsed - start], [0, 2 * timeout]);
      }
    })
  );
});

Deno.test("a receiver that was given up does not swallow the next item [C7]", async () => {
  const broadcast = new Broadcast<number>();
  const subscription = broadcast.subscribe();
  await cancelScope(async (scope) => {
    const received = thrownBy(subscription.receive());
    scope.cancel();
    await received;
  });
  assertEquals(subscription.stats().receivers, 0);
  await broadcast.publish(1);
  assertEquals(await outcomeOf(subscription.receive()), { value: 1 });
});

// Cancelled at every step

for (const competing of [false, true]) {
  const title = competing ? "with a competing waiter" : "alone";

  Deno.test(`publish() cancelled at any step comes to all or to none: ${title} [C7]`, async () => {
    await withLeakCheck(async () => {
      const { interrupted } = await interruptAtEveryStep(async (interrupt) => {
        const broadcast = new Broadcast<string>();
        const published: string[] = [];
        const seen: string[][] = [[], [], []];
        await taskGroup(async (group) => {
          seen.forEach((list, index) => {
            const subscription = broadcast.subscribe({ capacity: 1 + index % 2 });
            group.spawn(async () => {
              for await (const item of subscription) {
                list.push(item);
                await yieldNow();
              }
            });
          });
          const publish = async (item: string) => {
            await broadcast.publish(item);
            published.push(item);
          };
          const rival = !competing ? undefined : group.spawn(async () => {
            for (const item of ["x", "y", "z"]) await publish(item);
          });
          await interrupt(async () => {
            for (const item of ["a", "b", "c", "d"]) await publish(item);
          });
          await rival;
          broadcast.close();
        });
        for (const list of seen) assertEquals(list, seen[0], "all the same, in the same order");
        assertEquals(seen[0].toSorted(), published.toSorted());
        const { publishers, subscribers } = broadcast.stats();
        assertEquals([publishers, subscribers, broadcast.stats().published], [
          0,
          0,
          published.length,
        ]);
      });
      assert(interrupted > 3);
    });
  });

  Deno.test(`receive() of a subscription cancelled at any step takes an item or leaves it: ${title} [C7]`, async () => {
    await withLeakCheck(async () => {
      const { interrupted } = await interruptAtEveryStep(async (interrupt) => {
        const broadcast = new Broadcast<number>();
        const subscription = broadcast.subscribe({ capacity: 1 });
        const other = broadcast.subscribe({ capacity: Infinity });
        const seen: number[] = [];
        const take = async () => {
          seen.push(await subscription.receive());
        };
        await taskGroup(async (group) => {
          const rival = competing ? group.spawn(take) : undefined;
          group.spawn(async () => {
            for (let item = 0; item < 5; item++) {
              await broadcast.publish(item);
              await yieldNow();
            }
            broadcast.close();
          });
          await interrupt(async () => {
            for (let n = 0; n < 3; n++) await take();
          });
          await rival;
          seen.push(...await collect(subscription));
        });
        assertEquals(seen, [0, 1, 2, 3, 4]);
        assertEquals(await collect(other), [0, 1, 2, 3, 4]);
        assertEquals([subscription.stats().receivers, broadcast.stats().publishers], [0, 0]);
      });
      assert(interrupted > 3);
    });
  });
}
