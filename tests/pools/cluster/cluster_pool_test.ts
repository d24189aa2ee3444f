import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  Cancelled,
  ClosedError,
  Event,
  NotPortableError,
  OverloadedError,
  portable,
  SharedLock,
  taskGroup,
  TimeoutError,
} from "../../../mod.ts";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect, natsTest } from "./nats.ts";
import { modules, Setup } from "./with_worker.ts";
import * as jobs from "./jobs.ts";

natsTest("P12: a job runs on a worker, and its result comes back", async () => {
  await using setup = await Setup.start();
  await setup.worker();
  await using pool = await setup.pool();
  assertEquals(await pool.run(jobs.add, 2, 3), 5);
  const value = {
    date: new Date(7),
    map: new Map([[1n, new Set(["a"])]]),
    bytes: new Uint8Array(3),
  };
  assertEquals(await pool.run(jobs.same, value), value);
  assertEquals(await pool.run(jobs.same, undefined), undefined);
  const { succeeded, queued, running } = pool.stats();
  assertEquals([succeeded, queued, running], [3, 0, 0]);
});

natsTest("P12: a job that was handed in before there was a worker waits for one", async () => {
  await using setup = await Setup.start();
  await using pool = await setup.pool();
  const future = pool.submit(jobs.add, 1, 1);
  assertEquals(future.state, "queued");
  await setup.worker();
  assertEquals(await future, 2);
});

natsTest("P12, P6: an error comes as it is, with the worker that it comes from", async () => {
  await using setup = await Setup.start();
  await setup.worker({ name: "oak" });
  await using pool = await setup.pool();
  const error = await assertRejects(() => pool.run(jobs.fail, "lost"), RangeError, "lost");
  assertEquals((error as RangeError & { code: number }).code, 7);
  assert(error.cause instanceof TypeError);
  assertStringIncludes(error.stack!, 'in worker "oak"');
  assertEquals(pool.stats().failed, 1);
});

natsTest("P12, P1: only portable functions of listed modules are sent", async () => {
  await using setup = await Setup.start();
  await using pool = await setup.pool();
  const stranger = portable(import.meta, function stranger() {});
  await assertRejects(() => pool.run(() => 1), NotPortableError, "as it is not portable");
  await assertRejects(() => pool.run(stranger), NotPortableError, "not in the list");
  const lock = new SharedLock();
  await assertRejects(() => pool.run(jobs.same, [lock]), NotPortableError, "arguments[0][0]");
  assertThrows(() => pool.submit(jobs.same, () => 1), NotPortableError, "to another machine");
});

natsTest("P12: a worker runs what its own list allows, and nothing else", async () => {
  await using setup = await Setup.start();
  await setup.worker({
    modules: { jobs: { url: modules.jobs, functions: ["add"] } },
  });
  await using pool = await setup.pool();
  await using other = await setup.pool({ modules: { elsewhere: modules.jobs } });
  assertEquals(await pool.run(jobs.add, 1, 2), 3);
  await assertRejects(() => pool.run(jobs.same, 1), NotPortableError, "its list does not allow");
  await assertRejects(() => other.run(jobs.add, 1, 2), NotPortableError, 'of "elsewhere"');
});

natsTest("P12, P3: a job has its name, its deadline and its locals there", async () => {
  await using setup = await Setup.start();
  await setup.worker();
  await using pool = await setup.pool();
  assertEquals(await pool.with({ name: "anna" }).run(jobs.name), "anna");
  assertEquals(await jobs.request.run("r7", () => pool.run(jobs.inRequest)), "r7");
  assertEquals(await pool.run(jobs.inRequest), "none");
  await assertRejects(() => pool.with({ timeout: 5 }).run(jobs.forever), TimeoutError);
});

natsTest("P12, P3: what a job reports comes out of its future", async () => {
  await using setup = await Setup.start();
  await setup.worker();
  await using pool = await setup.pool();
  const future = pool.submit(jobs.report, ["a", new Map([[1, 2]])]);
  const reported: unknown[] = [];
  for await (const value of future.progress) reported.push(value);
  assertEquals(reported, ["a", new Map([[1, 2]])]);
  assertEquals(await future, 2);
});

natsTest("P12: map keeps the order, whatever worker runs what", async () => {
  await using setup = await Setup.start();
  await setup.worker({ name: "a" });
  await setup.worker({ name: "b" });
  await using pool = await setup.pool();
  const items = Array.from({ length: 300 }, (_, i) => i);
  const results: unknown[] = [];
  for await (const result of pool.map(jobs.same, items)) results.push(result);
  assertEquals(results, items);
});

natsTest("P12, P4: a queued job that is cancelled leaves the server's queue", async () => {
  await using setup = await Setup.start();
  await using pool = await setup.pool();
  const kept = pool.submit(jobs.add, 1, 1);
  const future = pool.submit(jobs.note, "cancelled");
  await setup.stored(2);
  assert(future.cancel("changed my mind"));
  const error = await future.error() as Cancelled;
  assert(error instanceof Cancelled);
  assertEquals(error.reason, "changed my mind");
  await setup.stored(1);
  jobs.log.length = 0;
  await setup.worker();
  await kept;
  assertEquals(jobs.log, []);
});

natsTest("P12, P2: a running job ends when the task ends that runs it", async () => {
  await using setup = await Setup.start();
  const worker = await setup.worker();
  await using pool = await setup.pool();
  jobs.log.length = 0;
  jobs.gates.set("shut", new Event());
  await taskGroup(async (group) => {
    const task = group.spawn(() => pool.run(jobs.passGate, "shut"));
    while (pool.stats().running === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    task.cancel();
    await assertRejects(() => Promise.resolve(task), Cancelled);
  });
  assertEquals(jobs.log, ["at shut", "left shut"]);
  assertEquals(pool.stats().cancelled, 1);
  assertEquals(worker.stats().running, 0);
  await setup.stored(0);
});

natsTest("P12, P7: the urgent jobs come first", async () => {
  await using setup = await Setup.start();
  await using pool = await setup.pool();
  jobs.log.length = 0;
  const futures = [
    pool.with({ priority: 1 }).submit(jobs.note, "low"),
    pool.submit(jobs.note, "normal 1"),
    pool.submit(jobs.note, "normal 2"),
    pool.with({ priority: -1 }).submit(jobs.note, "high"),
  ];
  await setup.stored(4);
  await setup.worker({ concurrency: 1 });
  await Promise.all(futures);
  assertEquals(jobs.log, ["high", "normal 1", "normal 2", "low"]);
});

natsTest("P12: what is larger than a message comes whole, there and back", async () => {
  await using setup = await Setup.start();
  await setup.worker();
  await using pool = await setup.pool();
  const large = new Uint8Array(3_000_000).map((_, i) => i * 7);
  // As texts: to compare so many elements takes seconds.
  const text = new TextDecoder("latin1").decode(large);
  for (const options of [{}, { key: "large" }, { key: "large" }]) {
    const result = await pool.with(options).run(jobs.same, large);
    assert(new TextDecoder("latin1").decode(result as Uint8Array) === text);
  }
});

natsTest("P12: a stream runs only so far ahead as somebody takes what it yields", async () => {
  await using setup = await Setup.start();
  await setup.worker();
  await using pool = await setup.pool();
  jobs.log.length = 0;
  const taken: number[] = [];
  for await (const n of pool.stream(jobs.naturals)) {
    taken.push(n);
    if (n === 1000) break;
  }
  assertEquals(taken, Array.from({ length: 1001 }, (_, i) => i));
  assertEquals(jobs.log.at(-1), "over");
  assert(jobs.log.length < 1300, `It ran ahead to ${jobs.log.length}`);
});

natsTest("P12: a stream ends as its generator does", async () => {
  await using setup = await Setup.start();
  await setup.worker();
  await using pool = await setup.pool();
  const taken: unknown[] = [];
  for await (const n of pool.stream(jobs.count, 200)) taken.push(n);
  assertEquals(taken.length, 200);
  taken.length = 0;
  await assertRejects(
    async () => {
      for await (const item of pool.stream(jobs.thenFail, [1, { a: 2 }])) taken.push(item);
    },
    RangeError,
    "no more",
  );
  assertEquals(taken, [1, { a: 2 }]);
});

natsTest("P12, P7: maxQueue bounds what waits here", async () => {
  await using setup = await Setup.start();
  await using pool = await setup.pool({ window: 1, maxQueue: 1 });
  const futures = [pool.submit(jobs.add, 1, 1), pool.submit(jobs.add, 2, 2)];
  assertThrows(() => pool.submit(jobs.add, 3, 3), OverloadedError, "maxQueue");
  const waiting = pool.run(jobs.add, 3, 3);
  await setup.worker();
  assertEquals(await Promise.all(futures), [2, 4]);
  assertEquals(await waiting, 6);
});

natsTest(
  "P12, P7: what is beyond the window of a pool waits here, behind the jobs of others",
  async () => {
    await using setup = await Setup.start();
    await using one = await setup.pool({ window: 1 });
    await using two = await setup.pool();
    jobs.log.length = 0;
    const futures = [one.submit(jobs.note, "first"), one.submit(jobs.note, "second")];
    await setup.stored(1);
    futures.push(two.submit(jobs.note, "another's"));
    await setup.stored(2);
    await setup.worker({ concurrency: 1 });
    await Promise.all(futures);
    assertEquals(jobs.log, ["first", "another's", "second"]);
  },
);

natsTest("P12, P7: maxJobs bounds what waits in the cluster: submit fails, run waits", async () => {
  await using setup = await Setup.start();
  await using pool = await setup.pool({ maxJobs: 1 });
  const first = pool.submit(jobs.add, 1, 1);
  await setup.stored(1);
  await assertRejects(() => pool.submit(jobs.add, 2, 2).result(), OverloadedError, "maxJobs");
  const waiting = pool.run(jobs.add, 3, 3);
  await setup.worker();
  assertEquals(await first, 2);
  assertEquals(await waiting, 6);
});

natsTest(
  "P12: a pool that was shut down takes no more, and leaves nothing of its own",
  async () => {
    await using setup = await Setup.start();
    await setup.worker();
    const pool = await setup.pool();
    await pool.run(jobs.add, 1, 1);
    await pool.shutdown();
    assertThrows(() => pool.submit(jobs.add, 1, 1), ClosedError);
    const connection = await connect({ servers: setup.server.url });
    const manager = await jetstreamManager(connection);
    for (const stream of ["JOBS", "RESULTS", "DEAD"]) {
      while ((await manager.streams.info(`GROVE_default_${stream}`)).state.messages > 0);
    }
    await connection.close();
  },
);
