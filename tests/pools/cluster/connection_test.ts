import { assert, assertEquals, assertRejects } from "@std/assert";
import { Cancelled, cancelScope, ClosedError, Event, OverloadedError } from "../../../mod.ts";
import { jetstreamManager } from "@nats-io/jetstream";
import { ClusterPool } from "../../../pools/cluster/mod.ts";
import { connect, NatsServer, natsTest } from "./nats.ts";
import { Proxy } from "./proxy.ts";
import { modules, Setup } from "./with_worker.ts";
import * as jobs from "./jobs.ts";

natsTest("P12: a result that nobody could be told of is there when the way is again", async () => {
  await using setup = await Setup.start();
  await using proxy = new Proxy(setup.server.url);
  await using pool = await setup.pool({ servers: proxy.url });
  jobs.log.length = 0;
  jobs.gates.set("far", new Event());
  const future = pool.submit(jobs.passGate, "far");
  const worker = await setup.worker();
  while (jobs.log.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  proxy.cut();
  jobs.gates.get("far")!.set();
  while (worker.stats().done === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  assert(!future.done);
  // What is handed in meanwhile is sent later.
  const later = pool.submit(jobs.add, 1, 1);
  proxy.restore();
  assertEquals(await future, "far");
  assertEquals(await later, 2);
});

natsTest(
  "P12: a job that somebody takes out of the server's queue fails, and does not hang",
  async () => {
    await using setup = await Setup.start();
    await using proxy = new Proxy(setup.server.url);
    await using pool = await setup.pool({ servers: proxy.url });
    const futures = [pool.submit(jobs.add, 1, 1), pool.with({ key: "k" }).submit(jobs.add, 1, 1)];
    await setup.stored(2);
    const connection = await connect({ servers: setup.server.url });
    await (await jetstreamManager(connection)).streams.purge("GROVE_default_JOBS");
    await connection.close();
    proxy.cut(); // It looks when it comes back, and now and then.
    proxy.restore();
    for (const future of futures) {
      await assertRejects(() => future.result(), ClosedError, "is not in the cluster any more");
    }
  },
);

natsTest(
  "P12: a job that is cancelled while the server is out of reach does not run later",
  async () => {
    await using setup = await Setup.start();
    await using proxy = new Proxy(setup.server.url);
    await using pool = await setup.pool({ servers: proxy.url, grace: 0, maxJobs: 1 });
    const future = pool.submit(jobs.note, "too late");
    // It knows that the first is there when it is told that there is no room for another.
    await assertRejects(() => pool.submit(jobs.note, "no room").result(), OverloadedError);
    proxy.cut();
    future.cancel();
    assert(await future.error() instanceof Cancelled);
    proxy.restore();
    await setup.stored(0);
    assertEquals(pool.stats().abandoned, 1);
  },
);

natsTest("C8: a pool that nobody waits for any more is not connected", async () => {
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = silent.addr as Deno.NetAddr;
  const servers = `nats://127.0.0.1:${port}`;
  await cancelScope(async (scope) => {
    const connecting = ClusterPool.connect({ servers, modules });
    const peer = await silent.accept();
    scope.cancel();
    await assertRejects(() => connecting, Cancelled);
    peer.close();
  });
});

natsTest(
  "P12: a server that comes back with nothing is made ready again, and lost jobs fail",
  async () => {
    await using setup = await Setup.start();
    await using proxy = new Proxy(setup.server.url);
    await setup.worker({ servers: proxy.url });
    await using pool = await setup.pool({ servers: proxy.url });
    jobs.log.length = 0;
    jobs.gates.set("lost", new Event());
    const lost = pool.submit(jobs.passGate, "lost");
    while (jobs.log.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    await pool.run(jobs.add, 1, 1); // Now it knows that the first is there, and does not send it again.
    proxy.cut();
    const connection = await connect({ servers: setup.server.url });
    const { streams } = await jetstreamManager(connection);
    for (const name of ["JOBS", "RESULTS", "DEAD"]) await streams.delete(`GROVE_default_${name}`);
    await connection.close();
    proxy.restore();
    await assertRejects(() => lost.result(), ClosedError, "is not in the cluster any more");
    assertEquals(await pool.run(jobs.add, 1, 1), 2);
    jobs.gates.get("lost")!.set();
  },
);

natsTest("P12: a server without JetStream is refused, with what to do", async () => {
  await using server = await NatsServer.start({ jetstream: "false" });
  await assertRejects(
    () => ClusterPool.connect({ servers: server.url, modules }),
    Error,
    "as the server has no JetStream",
  );
});

natsTest("P12: a server that asks for a token gets it", async () => {
  await using setup = new Setup(await NatsServer.start({ token: "sesame" }));
  await assertRejects(() => setup.pool(), Error, "Authorization Violation");
  await assertRejects(() => setup.pool({ token: "barley" }), Error, "Authorization Violation");
  await setup.worker({ token: "sesame" });
  await using pool = await setup.pool({ token: "sesame" });
  assertEquals(await pool.run(jobs.add, 1, 1), 2);
});

natsTest("P12: ClusterPool.connect() refuses options that make no sense", async () => {
  const nonsense: [object, string][] = [
    [{ window: 0 }, "'window'"],
    [{ grace: -1 }, "'grace'"],
    [{ modules: null }, "'modules'"],
    [{ cluster: "a b" }, "'cluster'"],
    [{ replicas: 0 }, "'replicas'"],
    [{ maxJobs: 1.5 }, "'maxJobs'"],
    [{ keepResults: "long" }, "'keepResults'"],
    [{ keepResults: 0 }, "'keepResults' must be 100 ms or more"],
    [{ servers: "" }, "'servers'"],
    [{ name: 1 }, "'name'"],
    [{ order: "random" }, "'order'"],
  ];
  await using server = await NatsServer.start();
  for (const [options, message] of nonsense) {
    // deno-lint-ignore no-explicit-any -- what a program without types can write
    const connecting = ClusterPool.connect({ servers: server.url, modules, ...options } as any);
    await assertRejects(() => connecting, Error, message);
  }
});
