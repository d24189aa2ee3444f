/**
 * What the tests ask of `FakeTime`, so that JSR's and the one that stands in for it answer alike.
 *
 * @module
 */

import { assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { deadline, delay } from "@std/async";
import { FakeTime } from "@std/testing/time";

Deno.test("FakeTime stands still until it is told to move", () => {
  const before = Date.now();
  {
    using time = new FakeTime(1_000);
    assertEquals(Date.now(), 1_000);
    assertEquals(time.now, 1_000);
    time.tick(50);
    assertEquals(Date.now(), 1_050);
    assertEquals(new Date().valueOf(), 1_050);
    assertInstanceOf(new Date(), Date);
    assertEquals(time.start, 1_000);
  }
  assertEquals(Date.now() >= before, true);
});

Deno.test("FakeTime runs timers in the order they are due, at the time they are due", () => {
  using time = new FakeTime(0);
  const record: string[] = [];
  setTimeout(() => record.push(`late at ${Date.now()}`), 20);
  setTimeout((name: string) => record.push(`${name} at ${Date.now()}`), 10, "early");
  clearTimeout(setTimeout(() => record.push("never"), 15));
  time.tick(9);
  assertEquals(record, []);
  time.tick(11);
  assertEquals(record, ["early at 10", "late at 20"]);
});

Deno.test("FakeTime.next() runs all that is due at the next moment and says whether there was any", () => {
  using time = new FakeTime(0);
  const record: number[] = [];
  setTimeout(() => record.push(1), 5);
  setTimeout(() => record.push(2), 5);
  setTimeout(() => record.push(3), 6);
  assertEquals(time.next(), true);
  assertEquals([record, time.now], [[1, 2], 5]);
  assertEquals(time.next(), true);
  assertEquals(time.next(), false);
  assertEquals(record, [1, 2, 3]);
});

Deno.test("FakeTime repeats an interval until it is cleared", () => {
  using time = new FakeTime(0);
  let count = 0;
  const interval = setInterval(() => {
    if (++count === 3) clearInterval(interval);
  }, 10);
  time.runAll();
  assertEquals([count, time.now], [3, 30]);
});

Deno.test("FakeTime moves those that await a timer, one after the other", async () => {
  using time = new FakeTime(0);
  const record: number[] = [];
  const sleeper = (async () => {
    await delay(10);
    record.push(Date.now());
    await delay(10);
    record.push(Date.now());
  })();
  await time.runAllAsync();
  await sleeper;
  assertEquals(record, [10, 20]);
});

Deno.test("FakeTime fakes AbortSignal.timeout() too", async () => {
  using time = new FakeTime();
  const late = deadline(Promise.withResolvers().promise, 100);
  time.tick(100);
  const error = await assertRejects(() => late, DOMException);
  assertEquals(error.name, "TimeoutError");
});

Deno.test("FakeTime.restoreFor() runs a function in real time", async () => {
  using _time = new FakeTime(0);
  const now = await FakeTime.restoreFor(() => Date.now());
  assertEquals(now > 0, true);
  assertEquals(Date.now(), 0);
});

Deno.test("FakeTime.restore() gives real time back, once", () => {
  const realSetTimeout = setTimeout;
  const time = new FakeTime(0);
  time.restore();
  assertEquals(setTimeout, realSetTimeout);
  assertThrows(() => time.restore());
});
