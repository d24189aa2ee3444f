import { assert, assertEquals } from "@std/assert";
import { linesOf } from "./example.ts";

Deno.test("lost_update: a lock keeps every update, among tasks and among threads", async () => {
  const [tasks, tasksWithLock, threads, threadsWithLock, ...more] = await linesOf("lost_update");
  assertEquals(tasks, "100 tasks, without a lock: 99 are left");
  assertEquals(tasksWithLock, "100 tasks, with a Lock: 0 are left");
  // How many get lost between threads, the machine decides.
  const [, sum] = threads.match(/^2 threads, without a lock: (\d+) of 20000000$/) ?? [];
  assert(Number(sum) > 0 && Number(sum) <= 20_000_000, threads);
  assertEquals(threadsWithLock, "2 threads, with a SharedLock: 20000000 of 20000000");
  assertEquals(more, []);
});
