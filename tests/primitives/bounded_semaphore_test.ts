/**
 * Bounded semaphores: what they do beyond semaphores.
 *
 * @module
 */

import { assert, assertEquals, assertFalse, assertInstanceOf, assertThrows } from "@std/assert";
import { BoundedSemaphore, Semaphore, taskGroup, type WaitOptions } from "../../mod.ts";
import { waitAllTasksBlocked } from "../../primitives/testing/mod.ts";
import { testHandOver, testLimits } from "./blocking_call.ts";
import { calling } from "./probes.ts";

function allTaken() {
  const places = new BoundedSemaphore(3, { name: "places" });
  for (let i = 0; i < 3; i++) places.tryAcquire();
  return {
    target: 'semaphore "places"',
    call: (options?: WaitOptions) => places.acquire(options),
    satisfy: () => places.release(),
    waiters: () => places.stats().waiters,
    state: () => [places.available, places.stats().holders],
    conserved(released: number, taken: number) {
      assertEquals(places.available, released - taken);
      assertEquals(places.stats().holders, 3 - released + taken);
    },
  };
}

testLimits("BoundedSemaphore.acquire()", allTaken);
testHandOver("BoundedSemaphore.acquire()", allTaken);

Deno.test("A release beyond the bound is an error, and changes nothing (CPython: test_release_unacquired)", async () => {
  const places = new BoundedSemaphore(1, { name: "places" });
  assertThrows(
    () => places.release(),
    RangeError,
    'Cannot release semaphore "places" as no more than 0 of its 1 permits are taken: received 1. Release what was acquired, once',
  );
  assertEquals(places.available, 1);
  await places.acquire();
  places.release();
  assertThrows(() => places.release(), RangeError);
  assertEquals(places.stats(), {
    available: 1,
    waiters: 0,
    peakWaiters: 0,
    bound: 1,
    holders: 0,
  });
});

Deno.test("release(n) gives all back or nothing", async () => {
  const places = new BoundedSemaphore(3);
  for (let i = 0; i < 2; i++) await places.acquire();
  assertThrows(() => places.release(3), RangeError, "no more than 2 of its 3");
  assertThrows(() => places.release(Infinity), RangeError, "received Infinity");
  assertEquals(places.available, 1);
  places.release(2);
  assertEquals(places.available, 3);
});

Deno.test("A handed-over permit counts as taken: a release beyond is an error with nobody waiting", async () => {
  const places = new BoundedSemaphore(1);
  assert(places.tryAcquire());
  const waiting = places.acquire();
  places.release();
  assertEquals(places.stats().holders, 1);
  places.release();
  assertThrows(() => places.release(), RangeError);
  await waiting;
});

Deno.test("Those who wait cannot be given more permits than there are", async () => {
  const places = new BoundedSemaphore(2);
  await taskGroup(async (group) => {
    for (let i = 0; i < 5; i++) group.spawn(() => places.acquire());
    await waitAllTasksBlocked();
    assertThrows(() => places.release(3), RangeError, "no more than 2");
    assertEquals(places.stats().waiters, 3);
    places.release(2);
    assertEquals([places.stats().waiters, places.stats().holders], [1, 2]);
    places.release();
  });
  assertEquals(places.available, 0);
});

Deno.test("A guard goes through the bound as well: disposing after a release by hand is noticed [W4]", async () => {
  const places = new BoundedSemaphore(1);
  const guard = await places.acquire();
  guard[Symbol.dispose]();
  guard[Symbol.dispose]();
  assertEquals(places.available, 1);
  const other = await places.acquire();
  places.release();
  assertThrows(() => other[Symbol.dispose](), RangeError);
  assertEquals(places.available, 1);
});

Deno.test("A guard of a hand-over and one of withLock() respect the bound as well", async () => {
  const places = new BoundedSemaphore(1);
  const first = await places.acquire();
  const waiting = places.acquire();
  first[Symbol.dispose]();
  (await waiting)[Symbol.dispose]();
  assertEquals(await places.withLock(() => places.stats().holders), 1);
  assertEquals(places.stats().holders, 0);
});

Deno.test("A bounded semaphore of 0 permits cannot be released at all", () => {
  const places = new BoundedSemaphore(0);
  assertFalse(places.tryAcquire());
  assertThrows(() => places.release(), RangeError);
  assert(places.locked);
});

Deno.test("A bounded semaphore is a semaphore, and tells its bound and holders in a frozen snapshot [W9]", async () => {
  const places = new BoundedSemaphore(3);
  assertInstanceOf(places, Semaphore);
  const before = places.stats();
  assert(Object.isFrozen(before));
  await places.acquire();
  assertEquals(places.stats(), {
    available: 2,
    waiters: 0,
    peakWaiters: 0,
    bound: 3,
    holders: 1,
  });
  assertEquals(before.holders, 0);
});

Deno.test("A bounded semaphore refuses numbers and names that make no sense [E1]", () => {
  const make = (...args: [never, never]) => new BoundedSemaphore(...args);
  for (const permits of [-1, 1.5, NaN]) assertThrows(calling(make, permits), RangeError);
  for (const permits of ["3", undefined]) assertThrows(calling(make, permits), TypeError);
  assertThrows(calling(make, 1, { name: 3 }), TypeError, "'name' must be a string: received 3");
  const places = new BoundedSemaphore(5, { name: "places" });
  for (let i = 0; i < 5; i++) places.tryAcquire();
  const release = (count: never) => places.release(count);
  for (const count of [0, -1, 1.5, NaN]) {
    assertThrows(calling(release, count), RangeError, 'Cannot release semaphore "places" as the');
  }
  assertThrows(calling(release, "3"), TypeError, 'received "3"');
  assertEquals(places.available, 0);
});
