import { assertEquals } from "@std/assert";
import { natsTest } from "./nats.ts";
import { Setup } from "./with_worker.ts";
import { add } from "./jobs.ts";

natsTest("P12: a job runs on a worker, and its result comes back", async () => {
  await using setup = await Setup.start();
  await setup.worker();
  await using pool = await setup.pool();
  assertEquals(await pool.run(add, 2, 3), 5);
});
