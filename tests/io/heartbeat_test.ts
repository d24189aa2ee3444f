import { assertEquals } from "@std/assert";
import "../../mod.ts";
import { beatOf, Heartbeat } from "../../io/heartbeat.ts";
import { HandTimers } from "./hand_timers.ts";

/** Looks until it is taken for silent, and gives how many looks that took. */
function looksUntilSilent(timers: HandTimers, isSilent: () => boolean): number {
  let looks = 0;
  while (!isSilent()) {
    timers.fire();
    looks++;
  }
  return looks;
}

Deno.test("Heartbeat: silence is so many looks in a row, however much time goes by", () => {
  using timers = new HandTimers(15);
  let silent = 0;
  new Heartbeat(15, () => silent++);
  // All of this takes no time at all; and had the process been suspended, one look would be overdue.
  assertEquals(looksUntilSilent(timers, () => silent > 0), 5);
  assertEquals([silent, timers.waiting], [1, 0]);
});

Deno.test("Heartbeat: a sign of life makes good all looks before it", () => {
  using timers = new HandTimers(15);
  let silent = 0;
  const heartbeat = new Heartbeat(15, () => silent++);
  for (let round = 0; round < 3; round++) {
    for (let look = 0; look < 4; look++) timers.fire();
    heartbeat.heard();
  }
  assertEquals(silent, 0);
  assertEquals(looksUntilSilent(timers, () => silent > 0), 5);
});

Deno.test("Heartbeat: what is overdue is one look and no more", () => {
  using timers = new HandTimers(15);
  const heartbeat = new Heartbeat(15, () => {});
  for (let look = 0; look < 3; look++) {
    assertEquals(timers.waiting, 1);
    timers.fire();
  }
  heartbeat.end();
});

Deno.test("Heartbeat: one that has ended leaves no timer", () => {
  using timers = new HandTimers(15);
  new Heartbeat(15, () => {}).end();
  assertEquals(timers.waiting, 0);
});

Deno.test("Heartbeat: the interval is one that a timer can take, or none", () => {
  assertEquals([60_000, 1e300, Infinity].map(beatOf), [15_000, 2 ** 31 - 1, Infinity]);
});
