/**
 * The errors of queues.
 *
 * @module
 */

import { assert, assertEquals, assertFalse } from "@std/assert";
import { QueueEmpty, QueueFull, QueueShutDown } from "../../mod.ts";

const ERRORS = { QueueEmpty, QueueFull, QueueShutDown };

Deno.test("The errors of queues are errors, each with its name, on its prototype alone [E1]", () => {
  for (const [name, Kind] of Object.entries(ERRORS)) {
    const cause = new Error("cause");
    const error = new Kind("text", { cause });
    assert(error instanceof Error);
    assertEquals([error.name, error.message, error.cause], [name, "text", cause]);
    assertEquals(String(error), `${name}: text`);
    assertFalse(Object.hasOwn(error, "name"));
    assertEquals(Object.keys(error), []);
    assert(error.stack?.startsWith(`${name}: text`));
  }
});

Deno.test("None of the errors of queues is an instance of another", () => {
  for (const [name, Kind] of Object.entries(ERRORS)) {
    for (const [other, Other] of Object.entries(ERRORS)) {
      assertEquals(new Kind("") instanceof Other, name === other);
    }
  }
});
