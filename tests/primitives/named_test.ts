/**
 * The option that every primitive takes.
 *
 * @module
 */

import { assertEquals, assertThrows } from "@std/assert";
import {
  Barrier,
  BoundedSemaphore,
  Deferred,
  Event,
  LifoQueue,
  type NamedOptions,
  PriorityQueue,
  Queue,
  RateLimiter,
  Semaphore,
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
