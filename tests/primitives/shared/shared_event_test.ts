/**
 * Events that threads share, in one thread. Over several threads they are in `threads_test.ts`.
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  inspect,
  select,
  SharedEvent,
  taskGroup,
  TimeoutError,
  type WaitOptions,
} from "../../../mod.ts";
import { waitAllTasksBlocked, withLeakCheck } from "../../../primitives/testing/mod.ts";
import { testHandOver, testLimits } from "../blocking_call.ts";
import { outcomeOf } from "../outcome.ts";
import { calling } from "../probes.ts";
import { named } from "../waits.ts";

function unset(call: (event: SharedEvent, options?: WaitOptions) => Promise<unknown>) {
  return () => {
    const event = new SharedEvent({ name: "green" });
    return {
      target: 'shared event "green"',
      call: (options?: WaitOptions) => call(event, options),
      satisfy: () => event.set(),
      waiters: () => event.stats().waiters,
      state: () => event.isSet,
      conserved: () => assert(event.isSet),
    };
  };
}

const waiting = unset((event, options) => event.wait(options));
testLimits("SharedEvent.wait()", waiting);
testHandOver("SharedEvent.wait()", waiting);
testHandOver("select() of a SharedEvent", unset((event, options) => select({ event }, options)));

Deno.test("SharedEvent: it is set and cleared, each as often as one likes", () => {
  const event = new SharedEvent();
  assertEquals(event.isSet, false);
  for (const action of ["set", "set", "clear", "clear", "set"] as const) {
    event[action]();
    assertEquals(event.isSet, action === "set");
  }
});

Deno.test("SharedEvent: setting it wakes all who wait, in the order in which they came", async () => {
  const event = new SharedEvent();
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
  assertEquals(event.stats(), { isSet: false, waiters: 0, peakWaiters: 5 });
});

Deno.test("SharedEvent: those whom it has let go do go on, though it is cleared in the same turn; later ones wait", async () => {
  await withLeakCheck(async () => {
    const event = new SharedEvent();
    const early = event.wait();
    event.set();
    event.clear();
    const late = event.wait();
    await early;
    assertEquals(await outcomeOf(late), "pending");
    event.set();
    await late;
  });
});

Deno.test("SharedEvent: waitSync() goes on at once when it is set, and gives up when the time is up", () => {
  const event = new SharedEvent({ name: "green" });
  assertThrows(
    () => event.waitSync({ timeout: 1 }),
    TimeoutError,
    'Cannot wait for shared event "green" any longer as the time is up: 1 ms',
  );
  assertEquals(event.stats().waiters, 0);
  event.set();
  event.waitSync();
});

Deno.test("SharedEvent: inspect() shows who waits for it", async () => {
  const event = new SharedEvent({ name: "green" });
  await taskGroup((group) => {
    group.spawn(() => event.wait());
    const child = inspect().children.at(-1)!.children[0];
    assertEquals(named(child.waitingFor), [{ kind: "shared event", name: "green" }]);
    event.set();
  });
});

Deno.test("SharedEvent: bad arguments are refused at the call [E1]", () => {
  const make = (options: unknown) => calling((o: never) => new SharedEvent(o), options);
  assertThrows(make({ name: 5 }), TypeError, "'name' must be a string: received 5");
  assertThrows(make("green"), TypeError, "the options must be an object");
  const event = new SharedEvent();
  assertThrows(calling(event.waitSync.bind(event), { timeout: "1" }), TypeError);
});

Deno.test("SharedEvent.stats() is frozen [W9]", () => {
  assert(Object.isFrozen(new SharedEvent().stats()));
});
