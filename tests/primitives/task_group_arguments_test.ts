/**
 * Rule E1 for task groups: bad arguments are errors at the call, before any effect.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { taskGroup } from "../../mod.ts";

// E1

const notFunctions: [unknown, string][] = [
  [undefined, "received undefined"],
  [null, "received null"],
  [42, "received 42"],
  ["work", 'received "work"'],
  [{}, "received an object"],
  [Promise.resolve(), "received a Promise. Pass the function itself"],
];

for (const [value, shown] of notFunctions) {
  Deno.test(`E1: a body that is no function is a TypeError at the call (${shown})`, () => {
    const error = assertThrows(() => taskGroup(value as never), TypeError, shown);
    assertStringIncludes(error.message, "Cannot open a task group as its body must be a function");
  });

  Deno.test(`E1: a child that is no function is a TypeError at the call (${shown})`, async () => {
    const result = await taskGroup((group) => {
      const error = assertThrows(() => group.spawn(value as never), TypeError, shown);
      assertStringIncludes(
        error.message,
        'Cannot spawn into "work" as the task must be a function',
      );
      assertEquals(group.tasks, []);
      assertThrows(() => group.run(value as never), TypeError, 'Cannot run in "work"');
      return "unharmed";
    }, { name: "work" });
    assertEquals(result, "unharmed");
  });
}

const badOptions: [string, unknown, typeof TypeError | typeof RangeError, string][] = [
  ["options", null, TypeError, "the options must be an object: received null"],
  ["options", "fast", TypeError, 'the options must be an object: received "fast"'],
  ["limit", 0, RangeError, "'limit' must be a whole number from 1 up, or Infinity: received 0"],
  ["limit", -1, RangeError, "received -1"],
  ["limit", 1.5, RangeError, "received 1.5"],
  ["limit", NaN, RangeError, "received NaN"],
  ["limit", "4", TypeError, "'limit' must be a number: received \"4\""],
  ["limit", null, TypeError, "received null"],
  ["limit", 4n, TypeError, "received 4n"],
  [
    "onFailure",
    "ignore",
    TypeError,
    '\'onFailure\' must be "cancel" or "continue": received "ignore"',
  ],
  ["onFailure", true, TypeError, "received true"],
  [
    "shutdown",
    "forward",
    TypeError,
    '\'shutdown\' must be "together" or "reverse": received "forward"',
  ],
  ["name", 5, TypeError, "'name' must be a string: received 5"],
  ["timeout", -1, RangeError, "'timeout' must be zero or more, in milliseconds: received -1"],
  ["timeout", NaN, RangeError, "received NaN"],
  ["timeout", "1s", TypeError, "'timeout' must be a number of milliseconds: received \"1s\""],
  ["deadline", "tomorrow", TypeError, "'deadline' must be a Date or milliseconds since 1970"],
  ["deadline", NaN, RangeError, "'deadline' must be a valid date: received NaN"],
  ["deadline", new Date(NaN), RangeError, "'deadline' must be a valid date: received Invalid Date"],
  ["signal", {}, TypeError, "'signal' must be an AbortSignal: received an object"],
  ["signal", new AbortController(), TypeError, "received an AbortController. Pass its 'signal'"],
];

for (const [option, value, errorClass, message] of badOptions) {
  Deno.test(`E1: a group's ${option} that makes no sense is an error at the call, and nothing starts: ${message}`, () => {
    const options = option === "options" ? value : { [option]: value };
    const body = () => assert(false, "the body was called");

    const error = assertThrows(() => taskGroup(body, options as never), errorClass, message);

    assertStringIncludes(error.message, "Cannot open a task group as ");
  });
}

Deno.test("E1: a child's name that is no string is a TypeError at the call, and nothing starts", async () => {
  await taskGroup((group) => {
    assertThrows(
      () => group.spawn(() => assert(false, "it was started"), { name: 5 as never }),
      TypeError,
      "Cannot spawn into \"group\" as 'name' must be a string: received 5",
    );
    assertEquals(group.tasks, []);
  });
});
