/**
 * The option that every primitive takes.
 *
 * @module
 */

import { assertEquals, assertThrows } from "@std/assert";
import {
  Barrier,
  BoundedSemaphore,
  Condition,
  Deferred,
  Event,
  LifoQueue,
  Lock,
  type NamedOptions,
  PriorityQueue,
  Queue,
  QueueEmpty,
  RateLimiter,
  RWLock,
  Semaphore,
  SharedLock,
  SharedQueue,
} from "../../mod.ts";
import { checkNamed } from "../../primitives/named.ts";
import { calling } from "./probes.ts";

const MAKE: Record<string, (options?: NamedOptions) => { readonly name: string }> = {
  "make a barrier": (options) => new Barrier(2, options),
  "make a semaphore": (options) => new Semaphore(1, options),
  "make a queue": (options) => new Queue(0, options),
  "make an event": (options) => new Event(options),
  "make a deferred value": (options) => new Deferred(options),
  "make a rate limiter": (options) => new RateLimiter(1, options),
};

Deno.test("checkNamed() gives the name, which is empty when there is none [E1]", () => {
  assertEquals(checkNamed(undefined, "try"), "");
  assertEquals(checkNamed({}, "try"), "");
  assertEquals(checkNamed({ name: undefined }, "try"), "");
  assertEquals(checkNamed({ name: "" }, "try"), "");
  assertEquals(checkNamed({ name: "it" }, "try"), "it");
});

Deno.test("checkNamed() refuses what is no name, and what are no options [E1]", () => {
  const cases: [options: unknown, message: string][] = [
    [{ name: 3 }, "Cannot try as 'name' must be a string: received 3"],
    [{ name: null }, "Cannot try as 'name' must be a string: received null"],
    [{ name: Symbol("it") }, "Cannot try as 'name' must be a string: received Symbol(it)"],
    [null, "Cannot try as the options must be an object: received null"],
    ["it", 'Cannot try as the options must be an object: received "it"'],
  ];
  for (const [options, message] of cases) {
    assertThrows(calling(checkNamed, options, "try"), TypeError, message);
  }
});

Deno.test("Every primitive has its name, and says what could not be made when it is none [E1]", () => {
  for (const [action, make] of Object.entries(MAKE)) {
    assertEquals([make().name, make({}).name, make({ name: "it" }).name], ["", "", "it"]);
    assertThrows(
      calling(make, { name: 3 }),
      TypeError,
      `Cannot ${action} as 'name' must be a string: received 3`,
    );
  }
  for (const Kind of [BoundedSemaphore, LifoQueue, PriorityQueue]) {
    assertEquals(new Kind(1, { name: "it" }).name, "it");
    assertThrows(calling((options: never) => new Kind(1, options), { name: 3 }), TypeError);
  }
});

Deno.test("An error names what has a name, and no empty name [E1]", () => {
  const cases: [name: string, label: string][] = [["", "queue"], ["jobs", 'queue "jobs"']];
  for (const [name, label] of cases) {
    const queue = new Queue<number>(0, { name });
    assertThrows(() => queue.getNowait(), QueueEmpty, `Cannot get from ${label} as it is empty`);
  }
  const uses: [use: () => unknown, message: string][] = [
    [() => new Semaphore(1).release(0), "Cannot release semaphore as"],
    [() => new BoundedSemaphore(1).release(), "Cannot release semaphore as"],
    [() => new RateLimiter(1).acquire(2), "Cannot acquire from rate limiter as"],
    [() => new Lock().release(), "Cannot release lock as"],
    [() => new RWLock().read.release(), "Cannot release read lock as"],
    [() => new Condition().notify(), "Cannot notify condition as"],
    [() => new SharedQueue(1).getNowait(), "Cannot get from shared queue as"],
    [() => new SharedLock().release(), "Cannot release shared lock as"],
  ];
  for (const [use, message] of uses) assertThrows(use, Error, message);
});
