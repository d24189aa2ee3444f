/**
 * What a `select` takes, and the types of what it gives: rules E1 and W8 of the design.
 *
 * @module
 */

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  after,
  Broadcast,
  Channel,
  Deferred,
  Event,
  type Guard,
  PriorityQueue,
  Queue,
  RLock,
  select,
  type Selected,
  Semaphore,
  type Task,
} from "../../mod.ts";
import { withLeakCheck } from "../../primitives/testing/mod.ts";
import { assertType, type Same } from "./probes.ts";

Deno.test("to select of nothing is a TypeError at the call [E1]", () => {
  assertThrows(() => void select({}), TypeError, "there is nothing to wait for");
  for (const arms of [null, undefined, 1, "arms"]) {
    assertThrows(() => void select(arms as never), TypeError, "Cannot select");
  }
});

Deno.test("an arm that cannot be waited for is a TypeError at the call that names its key, and nothing has happened [E1]", async () => {
  await withLeakCheck(() => {
    const things = [null, undefined, 1, "x", {}, [], () => 1, Promise.resolve(1), Symbol("s")];
    for (const thing of things) {
      for (const biased of [false, true]) {
        const ready = new Channel<number>(1);
        ready.trySend(1);
        const empty = new Channel<number>(1);
        const error = assertThrows(
          () => void select({ ready, empty, orders: thing as never }, { biased }),
          TypeError,
        );
        assertStringIncludes(error.message, `"orders" cannot be waited for`);
        assertEquals([ready.size, ready.stats().receivers, empty.stats().receivers], [1, 0, 0]);
      }
    }
  });
});

Deno.test("wrong options of a select are errors at the call, and nothing is taken [E1]", () => {
  const ready = new Channel<number>(1);
  ready.trySend(1);
  for (const options of [null, 1, { timeout: -1 }, { timeout: "1" }, { signal: {} }]) {
    assertThrows(() => void select({ ready }, options as never));
  }
  assertEquals([ready.size, ready.stats().receivers], [1, 0]);
});

Deno.test("`switch` over the key narrows the value [W8]", async () => {
  const channel = new Channel<string>(1);
  await channel.send("item");
  const next = await select({
    channel,
    queue: new Queue<number>(),
    sorted: new PriorityQueue<[number, string]>(),
    news: new Broadcast<bigint>().subscribe(),
    deferred: new Deferred<boolean>(),
    out: new Channel<number>(0).sending(1),
    event: new Event(),
    lock: new RLock(),
    semaphore: new Semaphore(0),
    soon: after(60_000),
  }, { biased: true });
  switch (next.key) {
    case "channel":
      assertType<Same<typeof next.value, string>>();
      assertEquals(next.value, "item");
      break;
    case "queue":
      assertType<Same<typeof next.value, number>>();
      break;
    case "sorted":
      assertType<Same<typeof next.value, [number, string]>>();
      break;
    case "news":
      assertType<Same<typeof next.value, bigint>>();
      break;
    case "deferred":
      assertType<Same<typeof next.value, boolean>>();
      break;
    case "lock":
    case "semaphore":
      assertType<Same<typeof next.value, Guard>>();
      break;
    default:
      assertType<Same<typeof next.key, "out" | "event" | "soon">>();
      assertType<Same<typeof next.value, void>>();
  }
  type Arms = { task: Task<Date>; channel: Channel<string> };
  assertType<
    Same<
      Selected<Arms>,
      | { readonly key: "task"; readonly value: Date }
      | { readonly key: "channel"; readonly value: string }
    >
  >();
  type Sometimes = { channel: Channel<string>; quiet?: Task<Date> };
  assertType<
    Same<
      Selected<Sometimes>,
      | { readonly key: "channel"; readonly value: string }
      | { readonly key: "quiet"; readonly value: Date }
    >
  >();
  // @ts-expect-error A promise cannot be waited for: only `cancellable` makes it so.
  assertThrows(() => void select({ promise: Promise.resolve(1) }), TypeError);
});
