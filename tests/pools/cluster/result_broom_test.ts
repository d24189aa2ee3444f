import { assertEquals } from "@std/assert";
import { ResultBroom } from "../../../pools/cluster/result_broom.ts";
import { Session } from "../../../pools/cluster/session.ts";
import { natsTest } from "./nats.ts";
import { Setup } from "./with_worker.ts";
import * as jobs from "./jobs.ts";

natsTest(
  "P12: results that a pool has taken are let go some minutes later, and no others",
  async () => {
    await using setup = await Setup.start();
    await setup.worker();
    await using pool = await setup.pool();
    const session = await Session.open({ servers: setup.server.url }, "test");
    try {
      const { streams } = session.manager;
      const kept = async () => (await streams.info(session.layout.results)).state.messages;
      const minutes = (n: number) => n * 60_000;
      let now = minutes(1);
      // As the pool sees to its own, but for all that have no key.
      const broom = new ResultBroom(session, "*.*", () => now);
      for (let i = 0; i < 3; i++) await pool.run(jobs.add, i, i);
      await broom.sweep();
      for (let i = 0; i < 2; i++) await pool.run(jobs.add, i, i);
      now += minutes(1);
      await broom.sweep();
      assertEquals(await kept(), 5);
      now += minutes(1);
      await broom.sweep();
      assertEquals(await kept(), 2);
      now += minutes(1);
      await broom.sweep();
      assertEquals(await kept(), 0);
    } finally {
      await session.close();
    }
  },
);

natsTest("P12: the results of others are theirs", async () => {
  await using setup = await Setup.start();
  await setup.worker();
  await using pool = await setup.pool();
  const session = await Session.open({ servers: setup.server.url }, "test");
  try {
    let now = 0;
    const broom = new ResultBroom(session, "somebody.*", () => now);
    await pool.with({ key: "k" }).run(jobs.add, 1, 1);
    for (let i = 0; i < 3; i++) {
      await broom.sweep();
      now += 600_000;
    }
    const { state } = await session.manager.streams.info(session.layout.results);
    assertEquals(state.messages, 1);
  } finally {
    await session.close();
  }
});
