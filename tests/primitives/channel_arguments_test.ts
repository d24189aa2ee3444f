/**
 * What a channel takes for arguments: rule E1 of the design.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { cancelScope, Channel } from "../../mod.ts";
import { withLeakCheck } from "../../primitives/testing/mod.ts";

Deno.test("a capacity that is no whole number from 0 up, or Infinity, is an error that shows it [E1]", () => {
  for (const capacity of [NaN, -1, 1.5, -Infinity, -0.1]) {
    const error = assertThrows(() => new Channel(capacity), RangeError);
    assertStringIncludes(error.message, "Cannot make a channel as the capacity must be");
    assertStringIncludes(error.message, String(capacity));
  }
  for (const capacity of ["3", undefined, null, {}, 3n, [3]]) {
    const error = assertThrows(() => new Channel(capacity as number), TypeError);
    assertStringIncludes(error.message, "Cannot make a channel as the capacity must be a number");
  }
});

Deno.test("an overflow that there is not, and dropping the oldest of none, are errors [E1]", () => {
  for (const overflow of ["x", "", null, 1, "drop_oldest"]) {
    const error = assertThrows(() => new Channel(1, { overflow: overflow as "wait" }), TypeError);
    assertStringIncludes(error.message, `"wait", "drop-oldest" or "drop-newest"`);
  }
  const error = assertThrows(() => new Channel(0, { overflow: "drop-oldest" }), RangeError);
  assertStringIncludes(error.message, "capacity of 0");
  assertEquals(new Channel(1, { overflow: undefined }).capacity, 1);
});

Deno.test("options that are none, and a name that is no string, are errors [E1]", () => {
  for (const options of [null, 1, "wait"]) {
    assertThrows(
      () => new Channel(1, options as never),
      TypeError,
      "the options must be an object",
    );
  }
  for (const name of [1, null, {}, Symbol("x")]) {
    assertThrows(
      () => new Channel(1, { name: name as string }),
      TypeError,
      "Cannot make a channel as 'name' must be a string",
    );
  }
});

Deno.test("wrong options of a send or receive are errors at the call, and have no effect [E1]", async () => {
  await withLeakCheck(() => {
    for (const capacity of [0, 2]) {
      const channel = new Channel<number>(capacity);
      for (
        const options of [null, 1, { timeout: -1 }, { timeout: "1" }, { timeout: NaN }, {
          signal: new AbortController(),
        }]
      ) {
        const thrown = [
          assertThrows(() => void channel.send(1, options as never)),
          assertThrows(() => void channel.receive(options as never)),
        ];
        for (const error of thrown) {
          assert(error instanceof TypeError || error instanceof RangeError);
        }
      }
      const { size, senders, receivers } = channel.stats();
      assertEquals([size, senders, receivers], [0, 0, 0]);
    }
  });
});

Deno.test("wrong options are errors also where the channel is closed or the scope cancelled [E1]", async () => {
  const channel = new Channel<number>(0);
  channel.close();
  assertInstanceOf(assertThrows(() => void channel.send(1, { timeout: -1 })), RangeError);
  await cancelScope((scope) => {
    scope.cancel();
    assertInstanceOf(assertThrows(() => void channel.receive({ timeout: -1 })), RangeError);
  });
});
