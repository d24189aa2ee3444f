import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import {
  Event,
  formatTree,
  MalformedError,
  nursery,
  TimeoutError,
  WorkerPool,
} from "../../../mod.ts";
import { type ClusterWorker, serveCluster } from "../../../pools/cluster/mod.ts";
import { Encoder } from "../../../primitives/codec/encoder.ts";
import { connect, natsTest } from "./nats.ts";
import { modules, Setup } from "./with_worker.ts";
import { WorkerProcess } from "./worker_process.ts";
import * as jobs from "./jobs.ts";

const servers = "nats://127.0.0.1:1";

Deno.test("serveCluster() refuses options that make no sense, at the call", () => {
  const nonsense: [object, string][] = [
    [{ modules: undefined }, "'modules' must be an object"],
    [{ modules: { jobs: "jobs.ts" } }, 'module "jobs" has no address'],
    [{ modules: { jobs: { url: modules.jobs, functions: "add" } } }, "must be a list of names"],
    [{ concurrency: 0 }, "'concurrency'"],
    [{ ackWait: Infinity }, "'ackWait'"],
    [{ ackWait: 99 }, "'ackWait' must be 100 ms or more"],
    [{ maxDeliver: 0.5 }, "'maxDeliver'"],
    [{ drain: -1 }, "'drain'"],
    [{ started: 1 }, "'started'"],
  ];
  for (const [options, message] of nonsense) {
    // deno-lint-ignore no-explicit-any -- what a program without types can write
    assertThrows(() => serveCluster({ servers, modules, ...options } as any), Error, message);
  }
});

Deno.test("serveCluster() fails where no server is, and where a list of servers is none", async () => {
  await assertRejects(() => serveCluster({ servers: [], modules }), TypeError, "'servers'");
  await assertRejects(
    () => serveCluster({ servers: ["nats://a:1", "ws://b:1"], modules }),
    TypeError,
    "partly for WebSockets",
  );
  await assertRejects(() => serveCluster({ servers, modules, cluster: "a.b" }), TypeError);
  await assertRejects(() => serveCluster({ servers, modules }), Error, "nobody listens there");
});

natsTest(
  "P12: a worker that is asked to stop ends its jobs, and gives back the others",
  async () => {
    await using setup = await Setup.start();
    await using pool = await setup.pool();
    jobs.log.length = 0;
    for (const gate of ["a", "b"]) jobs.gates.set(gate, new Event());
    const first = pool.submit(jobs.passGate, "a");
    await setup.stored(1);
    await nursery(async (services) => {
      const worker = await services.start<ClusterWorker>((_task, started) =>
        serveCluster({ servers: setup.server.url, modules, concurrency: 1, started })
      );
      while (jobs.log.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      services.stop({ grace: 5000 });
      const second = pool.submit(jobs.passGate, "b");
      jobs.gates.get("a")!.set();
      assertEquals(await first, "a");
      assertEquals(worker.stats().running, 0);
      jobs.gates.get("b")!.set();
      await setup.worker();
      assertEquals(await second, "b");
    });
  },
);

natsTest("P12: the jobs of a worker that is cancelled are done by another", async () => {
  await using setup = await Setup.start();
  await using pool = await setup.pool();
  jobs.log.length = 0;
  jobs.gates.set("c", new Event());
  const future = pool.submit(jobs.passGate, "c");
  await nursery(async (services) => {
    await services.start<ClusterWorker>((_task, started) =>
      serveCluster({ servers: setup.server.url, modules, started, ackWait: 60_000 })
    );
    while (jobs.log.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    services.cancel();
  });
  assertEquals(jobs.log, ["at c", "left c"]);
  jobs.gates.get("c")!.set();
  // At once, and not when the time is up after which a worker counts as lost.
  await setup.worker({ ackWait: 60_000 });
  assertEquals(await future, "c");
});

natsTest("P12: jobs run on threads and in processes, where the worker says so", async () => {
  await using setup = await Setup.start();
  await using threads = new WorkerPool({ size: 1 });
  await setup.worker({ executor: threads, concurrency: 1 });
  await using pool = await setup.pool();
  await assertRejects(() => pool.with({ timeout: 20 }).run(jobs.spin), TimeoutError);
  assertEquals(await jobs.request.run("r8", () => pool.run(jobs.inRequest)), "r8");
  const future = pool.submit(jobs.report, [1, 2]);
  const reported: unknown[] = [];
  for await (const value of future.progress) reported.push(value);
  assertEquals(reported, [1, 2]);
  const taken: unknown[] = [];
  for await (const n of pool.stream(jobs.count, 5)) taken.push(n);
  assertEquals(taken, [0, 1, 2, 3, 4]);
  const running = pool.submit(jobs.forever);
  for await (const _ of running.progress) running.cancel();
  assert(running.cancelled);
});

natsTest(
  "P12: the program of a worker runs jobs in processes, and ends when it is told to",
  async () => {
    await using setup = await Setup.start();
    await using worker = await WorkerProcess.start(
      setup.server.url,
      ...["--on", "processes", "--concurrency", "1", "--name", "elm"],
    );
    await using pool = await setup.pool();
    const pid = await pool.run(jobs.whoAmI);
    assert(pid !== Deno.pid);
    const { code } = await worker.stop();
    assertEquals([code, worker.output], [0, 'The worker "elm" takes jobs.\n']);
  },
);

natsTest(
  "P12: inspect() shows the pool, and where its jobs run; and the worker with its jobs",
  async () => {
    await using setup = await Setup.start();
    await setup.worker({ name: "fir" });
    await using pool = await setup.pool({ name: "far" });
    const future = pool.with({ name: "long" }).submit(jobs.forever);
    for await (const _ of future.progress) break;
    const tree = formatTree();
    const server = new URL(setup.server.url).host;
    for (
      const part of [
        /pool "?far"?.*server.*running/,
        /machine "?fir"?/,
        /worker of a cluster "?fir"?/,
      ]
    ) {
      assertMatch(tree, part);
    }
    assertStringIncludes(tree, server);
    assertEquals(tree.match(/long/g)?.length, 2, tree);
    future.cancel();
    await future.error();
  },
);

natsTest("P12: what nobody can have sent who keeps to the rules does no harm", async () => {
  await using setup = await Setup.start();
  const worker = await setup.worker();
  await using pool = await setup.pool();
  const connection = await connect({ servers: setup.server.url });
  const encoder = new Encoder(() => new Error());
  const bytes = (value: unknown) => encoder.encode(value, "").slice();
  const polluted = JSON.parse('{"module":"jobs","fn":"add","name":"x","__proto__":{"args":[1]}}');
  const job = { module: "jobs", fn: "add", name: "x", args: bytes([1, 2]) };
  const nonsense = [
    new Uint8Array(),
    new TextEncoder().encode("{}"),
    bytes(7),
    bytes(null),
    bytes({}),
    bytes({ ...job, args: [1, 2] }),
    bytes({ ...job, args: undefined }),
    bytes({ ...job, timeout: "soon" }),
    bytes({ ...job, locals: [["a"]] }),
    bytes({ ...job, name: {} }),
    bytes({ ...job, args: bytes({ length: 1 }) }),
    bytes(polluted),
    bytes({ ...job, module: "__proto__" }),
    bytes({ ...job, fn: "constructor" }),
    new Uint8Array(900_000),
  ];
  for (const [i, data] of nonsense.entries()) {
    await jetstream(connection).publish(`grove.default.job.normal.evil.${i}`, data);
  }
  await setup.stored(0);
  assertEquals(worker.stats().buried, nonsense.length - 2);
  // And what comes to a pool, for a job of its own and for none.
  const future = pool.submit(jobs.forever);
  for await (const _ of future.progress) break;
  const { streams } = await jetstreamManager(connection);
  const { state } = await streams.info("GROVE_default_JOBS", { subjects_filter: ">" });
  const [id] = Object.keys(state.subjects ?? {}).map((one) => one.split(".").slice(-2).join("."));
  for (const kind of ["event", "result"]) {
    for (const data of nonsense) connection.publish(`grove.default.${kind}.a.b`, data);
  }
  connection.publish(`grove.default.cancel.evil.1`, nonsense[0]);
  connection.publish(`grove.default.demand.evil.1`, nonsense[0]);
  connection.publish(`grove.default.event.${id}`, bytes({ type: "items", from: 1n }));
  await connection.flush();
  await assertRejects(() => future.result(), MalformedError, '"worker"');
  assertEquals(pool.stats().malformed, 1);
  assertEquals(await pool.run(jobs.add, 1, 2), 3);
  await connection.close();
});
