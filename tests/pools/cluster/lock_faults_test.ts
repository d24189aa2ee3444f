import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";
import { LeaseLostError } from "../../../pools/cluster/lease.ts";
import { ClusterLock } from "../../../pools/cluster/lock.ts";
import { LockProcess } from "./lock_process.ts";
import { connect, NatsServer, natsTest } from "./nats.ts";

function connected(servers: string): Promise<NatsConnection> {
  return connect({ servers, maxReconnectAttempts: -1, reconnectTimeWait: 20 });
}

/** What a lock protects: it lets nobody write whose token is lower than one that it has seen. */
class Fenced {
  readonly written: number[] = [];

  write(token: number): void {
    if (token < (this.written.at(-1) ?? 0)) throw new Error("The token is out of date");
    this.written.push(token);
  }
}

natsTest("P12: when its holder is killed, a lock goes to the next after the lease", async () => {
  await using server = await NatsServer.start();
  await using holder = await LockProcess.start(server.url, "it", 1000);
  const connection = await connected(server.url);
  await using lock = new ClusterLock(connection, "it");
  const token = await holder.ask("acquire") as number;
  await holder.kill();
  const lease = await lock.acquire();
  assert(lease.token > token);
  await lease.release();
  await lock[Symbol.asyncDispose]();
  await connection.close();
});

natsTest(
  "P12: who was frozen for longer than the lease cannot write any more, nor disturb the next",
  async () => {
    await using server = await NatsServer.start();
    await using holder = await LockProcess.start(server.url, "it", 1000);
    const connection = await connected(server.url);
    await using lock = new ClusterLock(connection, "it");
    const resource = new Fenced();
    resource.write(await holder.ask("acquire") as number);
    holder.freeze();
    const lease = await lock.acquire();
    resource.write(lease.token);
    await holder.tell("token");
    holder.thaw();
    const outdated = await holder.answer() as number;
    assert(outdated < lease.token);
    await assertRejects(async () => resource.write(outdated), Error, "out of date");
    assertEquals(await holder.ask("isLost"), true);
    assertEquals(
      await holder.ask("release"),
      `LeaseLostError: Cannot hold cluster lock "it" any longer as it was not renewed in time: token ${outdated}. Others may hold it; undo what is half done, or acquire it again`,
    );
    const next = holder.ask("acquire");
    lease.check();
    resource.write(lease.token);
    await lease.release();
    assert(await next as number > lease.token);
    await lock[Symbol.asyncDispose]();
    await connection.close();
  },
);

natsTest("P12: a lock is held and waited for while the server is started anew", async () => {
  await using server = await NatsServer.start();
  const connections = [await connected(server.url), await connected(server.url)];
  const [mine, yours] = connections.map((connection) => new ClusterLock(connection, "it"));
  const lease = await mine.acquire();
  const waiting = yours.acquire();
  while (await tickets(connections[0]) < 2);
  await server.kill();
  await server.restart();
  lease.check();
  await lease.release();
  const next = await waiting;
  assert(next.token > lease.token);
  await next.release();
  await Promise.all(connections.map((connection) => connection.close()));
});

natsTest(
  "P12: a server that is away for longer than the lease ends it, and who waits gets it later",
  async () => {
    await using server = await NatsServer.start();
    const connections = [await connected(server.url), await connected(server.url)];
    const mine = new ClusterLock(connections[0], "it", { lease: 400 });
    const yours = new ClusterLock(connections[1], "it", { lease: 2000 });
    let token = 0;
    const error = await assertRejects(() =>
      mine.withLock(async (lease) => {
        token = lease.token;
        await server.kill();
        await new Promise((resolve) => lease.signal.addEventListener("abort", resolve));
        lease.check();
      })
    );
    assertInstanceOf(error, LeaseLostError);
    const waiting = yours.acquire();
    await server.restart();
    const lease = await waiting;
    assert(lease.token > token);
    await lease.release();
    await mine[Symbol.asyncDispose]();
    await Promise.all(connections.map((connection) => connection.close()));
  },
);

natsTest("P12: 24 tasks in three processes add up without one lost", async () => {
  await using server = await NatsServer.start();
  const path = await Deno.makeTempFile();
  await Deno.writeTextFile(path, "0");
  const start = () => LockProcess.start(server.url, "it", 60_000);
  const processes = await Promise.all([start(), start(), start()]);
  try {
    const answers = await Promise.all(processes.map((process) => process.ask(`count ${path}`)));
    assertEquals(answers, ["counted", "counted", "counted"]);
    assertEquals(await Deno.readTextFile(path), "96");
  } finally {
    await Promise.all(processes.map((process) => process[Symbol.asyncDispose]()));
    await Deno.remove(path);
  }
});

/** How many hold the lock or wait for it, as the server has it. */
async function tickets(connection: NatsConnection): Promise<number> {
  const manager = await jetstreamManager(connection);
  const message = await manager.streams.getMessage("KV_grove_leases", {
    last_by_subj: "$KV.grove_leases.lock.it",
  });
  const { holders, waiting } = message!.json<{ holders: unknown[]; waiting: unknown[] }>();
  return holders.length + waiting.length;
}
