/**
 * What goes wrong with machines, for real: servers and workers are processes that are killed, frozen and started anew while
 * jobs are on their way. Each job makes a mark in a file of its own when it has been run; so it can be told which were
 * run, and how often.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { jetstreamManager } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import type { NatsConnection } from "@nats-io/nats-core";
import { nursery, WorkerCrashedError } from "../../../mod.ts";
import {
  ClusterLock,
  ClusterPool,
  type ClusterWorker,
  type DeadJob,
  serveCluster,
} from "../../../pools/cluster/mod.ts";
import { decodeRoll } from "../../../pools/cluster/lease_roll.ts";
import { connect, NatsCluster, NatsServer, natsTest } from "./nats.ts";
import { modules } from "./modules.ts";
import { WorkerProcess } from "./worker_process.ts";
import * as jobs from "./jobs.ts";

const ACK_WAIT = ["--ack-wait", "1000"];

/** A folder for the marks of jobs, and what they say. */
class Marks implements AsyncDisposable {
  readonly folder: string = Deno.makeTempDirSync();
  /** The file that some of them wait for. */
  readonly gate: string = `${this.folder}/gate`;

  /** Lets those go on that wait. */
  async open(): Promise<void> {
    await Deno.writeTextFile(this.gate, "");
  }

  /** How often each job was run to its end. */
  async runs(): Promise<Map<string, number>> {
    const runs = new Map<string, number>();
    for await (const { name } of Deno.readDir(this.folder)) {
      if (name !== "gate") {
        runs.set(name, (await Deno.readTextFile(`${this.folder}/${name}`)).length);
      }
    }
    return runs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** Asserts that each of so many jobs was run; returns how many runs there were beyond one each. */
async function extraRuns(marks: Marks, count: number): Promise<number> {
  const runs = await marks.runs();
  assertEquals(runs.size, count, "a job was not run");
  return [...runs.values()].reduce((sum, n) => sum + n, 0) - count;
}

/** Waits until what was run again has been counted: the result of a second run may come late. */
async function counted(pool: ClusterPool, worker: ClusterWorker, extra: number): Promise<void> {
  // A pool that is on its way back does not hear of all that the worker sees.
  await until(() => {
    const { redelivered, duplicates } = pool.stats();
    return redelivered + duplicates + worker.stats().duplicates >= extra;
  });
}

/** Runs a worker in this process, so that it can be asked how it is doing. */
async function withWorker(
  servers: string | string[],
  fn: (worker: ClusterWorker) => Promise<void>,
): Promise<void> {
  await nursery(async (services) => {
    const worker = await services.start<ClusterWorker>((_task, started) =>
      serveCluster({ servers, modules, concurrency: 10, ackWait: 1000, started })
    );
    await fn(worker);
    services.cancel();
  });
}

/** Waits until something is the case in another process. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
}

function handIn(pool: ClusterPool, marks: Marks, count: number, ms: number): Promise<number[]> {
  const numbers = Array.from({ length: count }, (_, i) => i);
  return Promise.all(numbers.map((i) => pool.run(jobs.mark, marks.folder, i, ms)));
}

/** Hands in jobs none of which ends before the gate is open. */
function handInGated(pool: ClusterPool, marks: Marks, count: number): Promise<number[]> {
  const numbers = Array.from({ length: count }, (_, i) => i);
  return Promise.all(numbers.map((i) => pool.run(jobs.markOnce, marks.folder, i, marks.gate)));
}

natsTest("P12: a worker is killed with 100 jobs in flight: others do them", async () => {
  await using server = await NatsServer.start();
  await using marks = new Marks();
  await using victim = await WorkerProcess.start(server.url, "--concurrency", "100", ...ACK_WAIT);
  await using pool = await ClusterPool.connect({ servers: server.url, modules });
  const results = handInGated(pool, marks, 100);
  await until(() => pool.stats().running === 100);
  victim.kill();
  await marks.open();
  await using _other = await WorkerProcess.start(server.url, "--concurrency", "100", ...ACK_WAIT);
  assertEquals(await results, Array.from({ length: 100 }, (_, i) => i));
  assertEquals(await extraRuns(marks, 100), 0);
  assertEquals(pool.stats().redelivered, 100);
});

natsTest("P12: a server that is started anew goes on where it was", async () => {
  await using server = await NatsServer.start();
  await using marks = new Marks();
  await withWorker(server.url, async (worker) => {
    await using pool = await ClusterPool.connect({ servers: server.url, modules });
    const results = handIn(pool, marks, 200, 20);
    await until(() => pool.stats().succeeded >= 50);
    await server.kill();
    await server.restart();
    assertEquals(await results, Array.from({ length: 200 }, (_, i) => i));
    await counted(pool, worker, await extraRuns(marks, 200));
  });
});

natsTest("P12: a worker that was out of reach finds its jobs done by another", async () => {
  await using server = await NatsServer.start();
  await using marks = new Marks();
  await using frozen = await WorkerProcess.start(server.url, "--concurrency", "20", ...ACK_WAIT);
  await using pool = await ClusterPool.connect({ servers: server.url, modules });
  const keyed = pool.with({ key: "who" });
  const who = keyed.submit(jobs.whoAmIOnce, marks.gate);
  const results = handInGated(pool, marks, 19);
  await until(() => pool.stats().running === 20);
  frozen.freeze();
  await marks.open();
  await using other = await WorkerProcess.start(server.url, "--concurrency", "20", ...ACK_WAIT);
  await results;
  assertEquals(await who, other.pid);
  assertEquals(pool.stats().redelivered, 20);
  // It goes on, ends its jobs, and finds that they have been done: all have been run twice.
  frozen.thaw();
  await until(() => pool.stats().duplicates >= 19);
  assertEquals(await extraRuns(marks, 19), 19);
  // And what was there first is what counts.
  assertEquals(await keyed.run(jobs.whoAmIOnce, marks.gate), other.pid);
});

natsTest(
  "P12: three servers lose the one that leads: no job is lost, and a lock is its holder's",
  async () => {
    await using cluster = await NatsCluster.start();
    await using marks = new Marks();
    const servers = cluster.urls;
    await using connection = await connect({ servers, maxReconnectAttempts: -1 });
    const locks = [1, 2].map(() => new ClusterLock(connection, "it", { replicas: 3 }));
    await (await locks[0].acquire()).release();
    await withWorker(servers, async (worker) => {
      await using pool = await ClusterPool.connect({ servers, modules });
      const leader = await leaderOf(connection, "KV_grove_leases", "GROVE_default_JOBS");
      const lease = await locks[0].acquire();
      const waiting = locks[1].acquire();
      waiting.catch(() => {}); // What fails first is to be told.
      while (!await hasWaiter(connection));
      const results = handIn(pool, marks, 500, 10);
      await until(() => pool.stats().succeeded >= 50);
      await cluster.named(leader).kill();
      const [numbers] = await Promise.all([results, lease.release()]);
      assertEquals(numbers, Array.from({ length: 500 }, (_, i) => i));
      await counted(pool, worker, await extraRuns(marks, 500));
      const next = await waiting;
      assert(next.token > lease.token);
      await next.release();
    });
  },
);

/** Whether somebody waits for the lock, as the servers have it. */
async function hasWaiter(connection: NatsConnection): Promise<boolean> {
  const kv = await new Kvm(connection).open("grove_leases");
  const entry = await kv.get("lock.it");
  return decodeRoll(entry!.string()).waiting.length > 0;
}

/** Has one server lead two streams, and tells which. */
async function leaderOf(connection: NatsConnection, one: string, other: string): Promise<string> {
  const { streams } = await jetstreamManager(connection);
  // While they choose, nobody answers.
  const leads = (stream: string) =>
    streams.info(stream).then(({ cluster }) => cluster?.leader, () => undefined);
  for (;;) {
    const leader = await leads(one);
    if (leader !== undefined && leader === await leads(other)) return leader;
    await connection.request(`$JS.API.STREAM.LEADER.STEPDOWN.${one}`, "").catch(() => {});
  }
}

natsTest("P12: a job that takes its workers with it is put aside, and fails", async () => {
  await using server = await NatsServer.start();
  await using _worker = await WorkerProcess.start(
    server.url,
    ...["--on", "processes", "--concurrency", "1", "--max-deliver", "2"],
  );
  await using pool = await ClusterPool.connect({ servers: server.url, modules });
  const poisoned = pool.submit(jobs.dieWith, new Uint8Array(2_000_000).fill(9));
  const error = await poisoned.error();
  assert(error instanceof WorkerCrashedError, String(error));
  assert(error.message.includes("2 attempts") && error.message.includes("code 9"), error.message);
  assertEquals(await pool.run(jobs.add, 1, 1), 2);
  // It is there to be looked at, and to be tried again, with all its arguments.
  const dead = await Array.fromAsync(pool.deadJobs());
  assertEquals(dead.map(({ name, deliveries }) => [name, deliveries]), [["dieWith", 2]]);
  assert((dead[0].error as Error).message.includes("code 9"), String(dead[0].error));
  await dead[0].retry();
  assertEquals(await Array.fromAsync(pool.deadJobs()), []);
  let again: DeadJob[] = [];
  while (again.length === 0) again = await Array.fromAsync(pool.deadJobs());
  assert((again[0].error as Error).message.includes("code 9"), String(again[0].error));
  await again[0].remove();
  assertEquals(await Array.fromAsync(pool.deadJobs()), []);
});

natsTest(
  "P12: a job that takes a whole worker with it is given to so many, and no more",
  async () => {
    await using server = await NatsServer.start();
    await using pool = await ClusterPool.connect({ servers: server.url, modules });
    const flags = ["--max-deliver", "1", "--ack-wait", "300"];
    await using first = await WorkerProcess.start(server.url, ...flags);
    const poisoned = pool.submit(jobs.die, 9);
    await first.ended();
    await using _second = await WorkerProcess.start(server.url, ...flags);
    const error = await poisoned.error();
    assert(error instanceof WorkerCrashedError, String(error));
    assert(error.message.includes("given to a worker"), error.message);
    assertEquals(await pool.run(jobs.add, 1, 1), 2);
  },
);

natsTest(
  "P12: a stream whose worker is lost is not begun again where somebody has its items",
  async () => {
    await using server = await NatsServer.start();
    await using pool = await ClusterPool.connect({ servers: server.url, modules });
    // Of one name: the second may be the first, started anew.
    const flags = ["--ack-wait", "300", "--name", "elm"];
    await using first = await WorkerProcess.start(server.url, ...flags);
    const taken: number[] = [];
    await assertRejects(
      async () => {
        for await (const n of pool.stream(jobs.naturals)) {
          taken.push(n);
          if (n !== 500) continue;
          first.kill();
          await first.ended();
          await using _second = await WorkerProcess.start(server.url, ...flags);
          await until(() => pool.stats().failed > 0);
        }
      },
      WorkerCrashedError,
      "Start a stream of the rest",
    );
    assertEquals(taken, Array.from({ length: taken.length }, (_, i) => i));
  },
);

natsTest(
  "P12: a worker says of a job that it goes on with it, before it counts as lost",
  async () => {
    await using server = await NatsServer.start();
    await using marks = new Marks();
    await using connection = await connect({ servers: server.url });
    const answers: string[] = [];
    connection.subscribe("$JS.ACK.>", {
      callback: (_error, message) => {
        answers.push(message.string());
      },
    });
    await connection.flush();
    await withWorker(server.url, async () => {
      await using pool = await ClusterPool.connect({ servers: server.url, modules });
      const results = handInGated(pool, marks, 1);
      await until(() => answers.length >= 2);
      assertEquals(new Set(answers), new Set(["+WPI"]));
      await marks.open();
      assertEquals(await results, [0]);
      await until(() => answers.at(-1) === "+ACK");
    });
  },
);
