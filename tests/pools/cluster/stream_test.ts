/**
 * The two ends of a stream, with nothing between them but messages that get lost.
 *
 * @module
 */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import fc from "fast-check";
import { MalformedError, taskGroup, TimeoutError, WorkerCrashedError } from "../../../mod.ts";
import { withVirtualTime } from "../../../primitives/testing/mod.ts";
import { readDemand } from "../../../pools/cluster/messages.ts";
import { packValues } from "../../../pools/cluster/packing.ts";
import { CREDIT, StreamIn } from "../../../pools/cluster/stream_in.ts";
import { StreamOut } from "../../../pools/cluster/stream_out.ts";

const LARGEST = 1000;

async function* numbers(count: number): AsyncGenerator<number> {
  for (let i = 0; i < count; i++) {
    yield i;
    if (i % 7 === 0) await Promise.resolve();
  }
}

/** Sends numbers through a channel of which some messages get lost, and returns what comes out. */
async function sendThrough(count: number, losses: boolean[]): Promise<unknown[]> {
  let message = 0;
  const isLost = () => losses[message++] ?? false;
  const taken: unknown[] = [];
  const input = new StreamIn("s", (items, grant) => {
    taken.push(...items);
    grant();
  });
  const output = new StreamOut("s", CREDIT, LARGEST, (from, items) => {
    if (!isLost()) queueMicrotask(() => input.take("run", from, items));
  });
  input.open((demand) => {
    if (!isLost()) queueMicrotask(() => output.told(readDemand(demand)));
  });
  try {
    await output.run(numbers(count));
  } finally {
    input.close();
  }
  return taken;
}

Deno.test("P12: of a stream nothing gets lost, whatever messages do", async () => {
  using time = new FakeTime();
  const run = async (count: number, losses: boolean[]) => {
    let isOver = false;
    const sending = sendThrough(count, losses).finally(() => isOver = true);
    while (!isOver) await time.tickAsync(100);
    const expected = Array.from({ length: count }, (_, i) => i);
    assertEquals(await sending, expected);
  };
  await fc.assert(
    fc.asyncProperty(
      fc.nat(300),
      fc.array(fc.boolean(), { maxLength: 12 }),
      run,
    ),
    { numRuns: 25 },
  );
});

Deno.test("P12: a stream that nobody takes any more ends", async () => {
  await withVirtualTime(async () => {
    const output = new StreamOut("s", 2, LARGEST, () => {});
    let isOver = false;
    async function* endless() {
      try {
        for (;;) yield 1;
      } finally {
        isOver = true;
        await Promise.resolve();
      }
    }
    await taskGroup(async () => {
      await assertRejects(() => output.run(endless()), TimeoutError, "nobody has asked");
    });
    assertEquals(isOver, true);
  });
});

Deno.test("P12: an item that is too large for a message is an error of the generator", async () => {
  const output = new StreamOut("s", 2, LARGEST, () => {});
  async function* large() {
    yield await Promise.resolve(new Uint8Array(2 * LARGEST));
  }
  await assertRejects(() => output.run(large()), RangeError, "Yield it in parts");
});

Deno.test("P12: items of another run are refused once there are some, and so is nonsense", () => {
  const input = new StreamIn("s", () => {});
  const items = packValues([packValues([1], String)], String);
  input.take("first", 0, items);
  assertEquals(input.received, 1);
  assertThrows(() => input.begun("second"), WorkerCrashedError, "after 1 items");
  assertThrows(() => input.take("second", 0, items), WorkerCrashedError);
  assertThrows(() => input.take("first", 1, packValues([1], String)), MalformedError);
});
