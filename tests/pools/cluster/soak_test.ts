/**
 * Many jobs, while workers come and go and callers change their minds: everything ends, as it should.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { Cancelled, openNursery, sleep } from "../../../mod.ts";
import { serveCluster } from "../../../pools/cluster/mod.ts";
import { natsTest } from "./nats.ts";
import { modules, Setup } from "./with_worker.ts";
import * as jobs from "./jobs.ts";

const JOBS = 1500;

/** Numbers that look random, the same each time. */
function* lots(seed: number): Generator<number> {
  for (let n = seed;;) yield (n = n * 48271 % 2147483647) / 2147483647;
}

natsTest("P12: jobs end as they should while workers come and go", async () => {
  await using setup = await Setup.start();
  await using pool = await setup.pool({ window: 200, grace: 600_000 });
  await setup.worker({ name: "steady" });
  const lot = lots(7);
  const next = () => lot.next().value as number;
  let isOver = false;
  const comings = (async () => {
    while (!isOver) {
      const workers = openNursery();
      workers.spawn(() => serveCluster({ servers: setup.server.url, modules, ackWait: 2000 }));
      await sleep(20 + 60 * next());
      if (next() < 0.5) workers.cancel();
      else workers.stop({ grace: 100 });
      await workers[Symbol.asyncDispose]();
    }
  })();
  const futures = Array.from({ length: JOBS }, (_, i) => {
    const options = { priority: Math.floor(3 * next()) - 1 };
    const kind = next();
    if (kind < 0.1) return pool.with({ ...options, key: `k${i % 5}` }).submit(jobs.later, 3, i % 5);
    if (kind < 0.6) return pool.with(options).submit(jobs.same, i);
    return pool.with(options).submit(jobs.later, 10 * next(), i);
  });
  for (const future of futures) {
    if (next() > 0.3) continue;
    future.cancel();
    if (next() < 0.2) await sleep(1);
  }
  const ends = await Promise.all(futures.map(async (future, i) => {
    const error = await future.error();
    if (error !== undefined) return error instanceof Cancelled ? "cancelled" : error;
    const value = await future;
    return value === i || value === i % 5 ? "done" : value;
  }));
  isOver = true;
  await comings;
  assertEquals(ends.filter((end) => end !== "done" && end !== "cancelled"), []);
  const { succeeded, failed, cancelled, queued, malformed, abandoned } = pool.stats();
  assertEquals(
    { done: succeeded, failed, cancelled, queued, malformed, abandoned },
    {
      done: ends.filter((end) => end === "done").length,
      failed: 0,
      cancelled: ends.filter((end) => end === "cancelled").length,
      queued: 0,
      malformed: 0,
      abandoned: 0,
    },
  );
  await setup.stored(0);
});
