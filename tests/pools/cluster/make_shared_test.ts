import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { JetStreamApiError } from "@nats-io/jetstream";
import { errors, type MsgHdrs, type NatsConnection } from "@nats-io/nats-core";
import { ClusterPool, ClusterSemaphore, serveCluster } from "../../../pools/cluster/mod.ts";
import { makeShared, type Site } from "../../../pools/cluster/make_shared.ts";
import { all, nursery } from "../../../mod.ts";
import * as jobs from "./jobs.ts";
import { connect, NatsServer, natsTest } from "./nats.ts";
import { modules } from "./with_worker.ts";

function refusal(code: number): JetStreamApiError {
  return new JetStreamApiError({ code: 400, err_code: code, description: "it is refused" });
}

/** A place whose stream answers so many questions by errors before it listens. */
function site(...failures: Error[]): Site & { asked: string[] } {
  const asked: string[] = [];
  const connection = {
    request(subject: string, _data: string, { headers }: { headers: MsgHdrs }) {
      asked.push(`${subject} ${headers.get("Nats-Expected-Last-Subject-Sequence")}`);
      const error = failures.shift();
      return error === undefined ? Promise.resolve() : Promise.reject(error);
    },
  } as unknown as NatsConnection;
  return { connection, probe: "probe", asked };
}

Deno.test("makeShared: what another machine makes in the same moment is asked for once more", async () => {
  const refusals = [refusal(10065)];
  const made = makeShared(site(), () => {
    const error = refusals.pop();
    return error === undefined ? Promise.resolve("made") : Promise.reject(error);
  });
  assertEquals(await made, "made");
});

Deno.test("makeShared: any other refusal stands, and so does one that comes again", async () => {
  for (const [code, times] of [[10052, 1], [10065, 2]]) {
    const error = refusal(code);
    let asked = 0;
    const making = () => {
      asked++;
      return Promise.reject(error);
    };
    assertStrictEquals(await assertRejects(() => makeShared(site(), making)), error);
    assertEquals(asked, times);
  }
});

Deno.test("makeShared: nobody goes on before the stream listens, and nothing is stored to see that", async () => {
  const late = site(new errors.RequestError("nobody listens"), new errors.TimeoutError());
  await makeShared(late, () => Promise.resolve());
  assertEquals(late.asked, Array(3).fill(`probe ${Number.MAX_SAFE_INTEGER}`));
  // What will not get better is for the next question to tell.
  const forbidden = site(new errors.ClosedConnectionError());
  await makeShared(forbidden, () => Promise.resolve());
  assertEquals(forbidden.asked.length, 1);
});

natsTest(
  "W1: many machines are the first to want a semaphore at the same time, again and again",
  async () => {
    await using server = await NatsServer.start();
    const connections = await Promise.all(
      Array.from({ length: 8 }, () => connect({ servers: server.url, reconnect: false })),
    );
    for (let round = 0; round < 20; round++) {
      await all(connections.map((connection) => async () => {
        const semaphore = new ClusterSemaphore(connection, "it", 8, { bucket: `bucket-${round}` });
        await using _ = await semaphore.acquire();
      }));
    }
    for (const connection of connections) {
      assert(!connection.isClosed(), "the server has crashed");
      await connection.close();
    }
  },
);

natsTest("P12: many pools and workers are the first in a cluster at the same time", async () => {
  await using server = await NatsServer.start();
  const watch = await connect({ servers: server.url, reconnect: false });
  for (let round = 0; round < 5; round++) {
    const where = { servers: server.url, cluster: `cluster-${round}`, modules };
    await nursery(async (services) => {
      for (let i = 0; i < 3; i++) {
        services.spawn(() => serveCluster({ ...where, concurrency: 2 }));
      }
      await all(Array.from({ length: 5 }, () => async () => {
        await using pool = await ClusterPool.connect(where);
        assertEquals(await pool.with({ key: "sum" }).run(jobs.add, 1, 1), 2);
      }));
      services.stop();
    });
  }
  assert(!watch.isClosed(), "the server has crashed");
  await watch.close();
});
