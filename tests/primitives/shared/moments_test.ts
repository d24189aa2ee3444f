/**
 * What happens to what threads share at moments that are rarely met by chance.
 *
 * @module
 */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import {
  FileLock,
  isCancelled,
  SharedBarrier,
  SharedLock,
  SharedQueue,
  WorkerPool,
} from "../../../mod.ts";
import { pass } from "../../../primitives/kernel/passing.ts";
import * as threads from "../../../primitives/shared/threads.ts";
import { thrownBy } from "../outcome.ts";
import {
  acquireBlocked,
  breakAndMeetAgain,
  come,
  holdAndDie,
  moments,
  spinUntil,
  takeTwo,
  waitAndDie,
} from "./moments.ts";
import { eventually } from "./stage.ts";

Deno.test("what a thread puts while it has room, and others of it wait for that, comes after those", async () => {
  await using pool = new WorkerPool({ size: 1 });
  const queue = new SharedQueue<string>(2);
  queue.putNowait("a");
  queue.putNowait("b");
  const cells = moments(3);
  const job = pool.submit(takeTwo, queue, cells);
  await eventually(() => cells[2] === 1, "the other is there");
  const first = queue.put("first");
  come(cells, 0);
  spinUntil(cells, 1);
  await Promise.all([first, queue.put("second"), job]);
  assertEquals([await queue.get(), await queue.get()], ["first", "second"]);
});

Deno.test("who waits at a barrier gets what becomes of his own wait, however late the thread gets to know", async () => {
  await using pool = new WorkerPool({ size: 1 });
  const barrier = new SharedBarrier(2);
  const cells = moments(7);
  const job = pool.submit(breakAndMeetAgain, barrier, cells);
  await eventually(() => cells[6] === 1, "the other is there");
  const outcome = (wait: Promise<number>) => wait.then(() => "passed", ({ name }) => name);
  const outcomes: Promise<string>[] = [];
  for (const moment of [0, 2, 4]) {
    outcomes.push(outcome(barrier.wait()));
    come(cells, moment);
    spinUntil(cells, moment + 1);
  }
  assertEquals(await Promise.all(outcomes), ["passed", "BrokenResourceError", "passed"]);
  await job;
});

Deno.test("a thread that is blocked notices the death of another again and again", async () => {
  await using dying = new WorkerPool({ size: 1 });
  await using pool = new WorkerPool({ size: 1 });
  const locks = [new SharedLock(), new SharedLock()];
  const cells = moments(2);
  const death = dying.submit(holdAndDie, locks, cells);
  await eventually(() => Atomics.load(cells, 0) === 1, "both locks are held");
  const job = pool.submit(acquireBlocked, locks);
  await eventually(() => locks[0].stats().waiters === 1, "a thread is blocked");
  come(cells, 1);
  assertEquals(await job, ["BrokenResourceError", "BrokenResourceError"]);
  await thrownBy(death.result());
});

Deno.test("C7: a job that has blocked its thread is cancelled, leaves the line, and the worker lives", async () => {
  await using pool = new WorkerPool({ size: 1, grace: Infinity });
  const lock = new SharedLock();
  using guard = await lock.acquire();
  const job = pool.submit(acquireBlocked, [lock]);
  await eventually(() => lock.stats().waiters === 1, "its thread is blocked");
  job.cancel("enough");
  assert(isCancelled(await thrownBy(job.result())));
  assertEquals([lock.stats().waiters, pool.stats().crashed], [0, 0]);
  guard[Symbol.dispose]();
  assertEquals(await pool.run(acquireBlocked, [lock]), ["acquired"]);
});

Deno.test("what a thread had been given as it died can still be got after a shutdown", async () => {
  await using pool = new WorkerPool({ size: 1 });
  const queue = new SharedQueue<number>();
  const cells = moments(2);
  const job = pool.submit(waitAndDie, queue, cells);
  await eventually(() => Atomics.load(cells, 0) === 1, "somebody waits");
  queue.putNowait(7);
  queue.shutdown();
  const got = queue.get();
  come(cells, 1);
  assertEquals(await got, 7);
  await thrownBy(job.result());
});

Deno.test("two releases of Grove in one thread are two users", async () => {
  const url = new URL("../../../primitives/shared/threads.ts?another", import.meta.url).href;
  const another: typeof threads = await import(url);
  assertNotEquals(another.threadId(), threads.threadId());
});

Deno.test("a FileLock of a relative path is one of the same file in another folder", () => {
  const { data } = new FileLock("some.lock")[pass]();
  assertEquals((data as { path: string }).path, `${Deno.cwd()}/some.lock`);
});
