/**
 * Events.
 *
 * @module
 */

import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { Event, inspect, select, taskGroup, TimeoutError } from "../../mod.ts";
import { waitAllTasksBlocked, withVirtualTime } from "../../primitives/testing/mod.ts";
import { testHandOver, testLimits } from "./blocking_call.ts";
import { outcomeOf } from "./outcome.ts";
import { calling } from "./probes.ts";
import { named } from "./waits.ts";

function unset() {
  const event = new Event({ name: "green" });
  return {
    target: 'event "green"',
    call: (options?: Parameters<Event["wait"]>[0]) => event.wait(options),
    satisfy: () => event.set(),
    waiters: () => event.stats().waiters,
    state: () => event.isSet,
    conserved: () => assert(event.isSet),
  };
}

testLimits("Event.wait()", unset);
testHandOver("Event.wait()", unset);

Deno.test("An event is set and cleared, each as often as one likes (CPython: test_is_set)", () => {
  const event = new Event();
  assertEquals(event.isSet, false);
  for (const action of ["set", "set", "clear", "clear", "set"] as const) {
    event[action]();
    assertEquals(event.isSet, action === "set");
  }
});

Deno.test("Setting an event wakes all who wait, in the order in which they came (CPython: test_notify)", async () => {
  const event = new Event();
  for (let round = 0; round < 2; round++) {
    const woken: number[] = [];
    await taskGroup(async (group) => {
      for (let child = 0; child < 5; child++) {
        group.spawn(async () => {
          await event.wait();
          woken.push(child);
          await event.wait(); // It stays set, so that is no wait.
          woken.push(child);
        });
      }
      await waitAllTasksBlocked();
      assertEquals(woken, []);
      event.set();
    });
    assertEquals(woken, [0, 1, 2, 3, 4, 0, 1, 2, 3, 4]);
    event.clear();
  }
});

Deno.test("Who waits for an event that is set goes on at once, and is never among the waiters (Trio: test_Event)", async () => {
  const event = new Event();
  event.set();
  const waiting = event.wait({ timeout: 0 });
  assertEquals(event.stats(), { isSet: true, waiters: 0, peakWaiters: 0 });
  assertStrictEquals(await waiting, undefined);
});

Deno.test("Set and cleared in the same turn, an event still lets go on all who waited (CPython: test_set_and_clear)", async () => {
  const event = new Event();
  const waiting = [event.wait(), event.wait(), event.wait()];
  event.set();
  event.clear();
  const late = event.wait();
  assertEquals(await Promise.all(waiting), [undefined, undefined, undefined]);
  assertEquals(event.isSet, false);
  assertEquals(await outcomeOf(late), "pending");
  assertEquals(event.stats().waiters, 1);
  event.set();
  await late;
});

Deno.test("A cleared event is waited for anew", async () => {
  const event = new Event();
  event.set();
  event.clear();
  const waiting = event.wait();
  assertEquals(await outcomeOf(waiting), "pending");
  event.set();
  await waiting;
});

Deno.test("A timeout for an event tells only whom it was given to (CPython: test_timeout)", async () => {
  await withVirtualTime(async (time) => {
    const event = new Event();
    const ends: [who: number, at: number][] = [];
    await taskGroup(async (group) => {
      for (const timeout of [30, 10, 20]) {
        group.spawn(async () => {
          await assertRejects(() => event.wait({ timeout: 0 }), TimeoutError);
          await assertRejects(() => event.wait({ timeout }), TimeoutError);
          ends.push([timeout, time.elapsed]);
        });
      }
      const patient = group.spawn(() => event.wait());
      await assertRejects(() => event.wait({ timeout: 40 }), TimeoutError);
      assertEquals(event.stats().waiters, 1);
      event.set();
      await patient;
    });
    assertEquals(ends, [[10, 10], [20, 20], [30, 30]]);
  });
});

Deno.test("In a select an event wins as soon as it is set, and a lost one keeps no trace [W8]", async () => {
  const [red, green] = [new Event(), new Event()];
  const selecting = select({ red, green });
  assertEquals([red.stats().waiters, green.stats().waiters], [1, 1]);
  green.set();
  assertEquals([red.stats().waiters, green.stats().waiters], [0, 0]);
  assertEquals(await selecting, { key: "green", value: undefined });
  assertEquals((await select({ red, green })).key, "green");
});

Deno.test("An event tells how it is doing, in a frozen snapshot [W9]", async () => {
  const event = new Event();
  const before = event.stats();
  assert(Object.isFrozen(before));
  assertEquals(before, { isSet: false, waiters: 0, peakWaiters: 0 });
  const waiting = [event.wait(), event.wait()];
  assertEquals(event.stats(), { isSet: false, waiters: 2, peakWaiters: 2 });
  event.set();
  assertEquals(event.stats(), { isSet: true, waiters: 0, peakWaiters: 2 });
  assertEquals(before.waiters, 0);
  await Promise.all(waiting);
});

Deno.test("A wait for an event shows in inspect() by its name", async () => {
  const event = new Event({ name: "green" });
  await taskGroup((group) => {
    group.spawn(() => event.wait(), { name: "car" });
    const [car] = inspect().children[0].children;
    assertEquals(named(car.waitingFor), [{ kind: "event", name: "green" }]);
    event.set();
  });
});

Deno.test("An event refuses a name that is none [E1]", () => {
  assertThrows(
    calling((options: never) => new Event(options), { name: 3 }),
    TypeError,
    "Cannot make an event as 'name' must be a string: received 3",
  );
  assertThrows(
    calling((options: never) => new Event(options), "green"),
    TypeError,
    "must be an object",
  );
  assertEquals(new Event().name, "");
  assertEquals(new Event({}).name, "");
});
