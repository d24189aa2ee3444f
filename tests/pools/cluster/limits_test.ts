/**
 * What the server does not take, and what is left there: nothing is lost by the one, and nothing grows by the other.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { DiscardPolicy, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { OverloadedError } from "../../../mod.ts";
import { connect, natsTest } from "./nats.ts";
import { Setup } from "./with_worker.ts";
import * as jobs from "./jobs.ts";

const LARGE = new Uint8Array(2_000_000).fill(1);

const turn = (ms = 0) => new Promise((resolve) => setTimeout(resolve, ms));

/** A connection beside those of the pool and the workers. */
async function beside(setup: Setup) {
  const connection = await connect({ servers: setup.server.url });
  const { streams } = await jetstreamManager(connection);
  return {
    connection,
    streams,
    /** How many messages a stream has. */
    async size(stream: string): Promise<number> {
      return (await streams.info(stream)).state.messages;
    },
    [Symbol.asyncDispose]: () => connection.close(),
  };
}

natsTest(
  "P12: a job whose result the server refuses is not acknowledged until it is stored",
  async () => {
    await using setup = await Setup.start();
    await using pool = await setup.pool();
    await using other = await beside(setup);
    const full = { max_msgs: 1, discard: DiscardPolicy.New };
    await other.streams.update("GROVE_default_RESULTS", full);
    await jetstream(other.connection).publish("grove.default.result.some.other", "x");
    const worker = await setup.worker();
    jobs.log.length = 0;
    await pool.run(jobs.note, "ran"); // It has been told to those who listen, but nobody else will find it.
    for (let i = 0; i < 10; i++) assertEquals(await other.size("GROVE_default_JOBS"), 1);
    assertEquals(worker.stats().done, 0);
    await other.streams.update("GROVE_default_RESULTS", { max_msgs: -1 });
    await setup.stored(0);
    assertEquals(await other.size("GROVE_default_RESULTS"), 2);
    assertEquals(jobs.log, ["ran"]);
  },
);

natsTest(
  "P12: a worker whose results the server refuses takes no more jobs in the end",
  async () => {
    await using setup = await Setup.start();
    await using pool = await setup.pool({ window: 2000 });
    await using other = await beside(setup);
    const full = { max_msgs: 1, discard: DiscardPolicy.New };
    await other.streams.update("GROVE_default_RESULTS", full);
    await jetstream(other.connection).publish("grove.default.result.some.other", "x");
    jobs.log.length = 0;
    const futures = Array.from({ length: 1500 }, (_, i) => pool.submit(jobs.note, i));
    await setup.stored(1500);
    await setup.worker({ concurrency: 10 });
    while (jobs.log.length < 1024) await turn(1);
    for (let i = 0; i < 10; i++) assertEquals(await other.size("GROVE_default_JOBS"), 1500);
    assert(jobs.log.length < 1050, `It went on, to ${jobs.log.length}`);
    await other.streams.update("GROVE_default_RESULTS", { max_msgs: -1 });
    await Promise.all(futures);
    assertEquals(new Set(jobs.log).size, 1500);
  },
);

natsTest("P12: what is refused leaves no arguments in the store", async () => {
  await using setup = await Setup.start();
  await using pool = await setup.pool({ maxJobs: 1 });
  await using other = await beside(setup);
  const first = pool.submit(jobs.add, 1, 1);
  await setup.stored(1);
  await assertRejects(() => pool.submit(jobs.same, LARGE).result(), OverloadedError);
  while (await other.size("OBJ_grove_default_inputs") > 0) await turn(1);
  await setup.worker();
  assertEquals(await first, 2);
});

natsTest(
  "P12: of large arguments and results nothing is left when they have been used",
  async () => {
    await using setup = await Setup.start();
    await setup.worker();
    await using pool = await setup.pool();
    await using other = await beside(setup);
    for (let i = 0; i < 3; i++) await pool.run(jobs.same, LARGE);
    for (const bucket of ["inputs", "outputs"]) {
      while (await other.size(`OBJ_grove_default_${bucket}`) > 0) await turn(1);
    }
  },
);

natsTest(
  "P12: a dead job for which there is no room again stays where it is, else it is as urgent as it was",
  async () => {
    await using setup = await Setup.start();
    await using pool = await setup.pool({ maxJobs: 1 });
    await using other = await beside(setup);
    await jetstream(other.connection).publish("grove.default.job.low.some.job", "nonsense");
    const worker = await setup.worker();
    while (worker.stats().buried === 0) await turn(1);
    await setup.stored(0);
    const [dead] = await Array.fromAsync(pool.deadJobs());
    await setup.endWorkers();
    const blocking = pool.submit(jobs.add, 1, 1);
    await setup.stored(1);
    await assertRejects(() => dead.retry(), OverloadedError, "maxJobs");
    assertEquals((await Array.fromAsync(pool.deadJobs())).length, 1);
    blocking.cancel();
    await blocking.error();
    await setup.stored(0);
    // With room it is where it was, among those that are not urgent.
    await dead.retry();
    const { state } = await other.streams.info("GROVE_default_JOBS", { subjects_filter: ">" });
    assertEquals(Object.keys(state.subjects!), ["grove.default.job.low.some.job"]);
    assertEquals(await Array.fromAsync(pool.deadJobs()), []);
  },
);

natsTest("P12: what nobody can read is put aside, however large it is", async () => {
  await using setup = await Setup.start();
  const worker = await setup.worker();
  await using pool = await setup.pool();
  await using other = await beside(setup);
  const most = other.connection.info!.max_payload;
  await jetstream(other.connection).publish("grove.default.job.low.some.job", new Uint8Array(most));
  while (worker.stats().buried === 0) await turn(1);
  await setup.stored(0);
  const dead = await Array.fromAsync(pool.deadJobs());
  assertEquals(dead.map(({ id }) => id), ["some.job"]);
});

natsTest("P12: what a job reports and no message can hold is an error of the job", async () => {
  await using setup = await Setup.start();
  await setup.worker();
  await using pool = await setup.pool();
  await assertRejects(() => pool.run(jobs.report, [LARGE]), RangeError, "Cannot report");
  assertEquals(await pool.run(jobs.add, 1, 1), 2);
});
