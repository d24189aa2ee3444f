/**
 * What the rows of the cluster have their jobs run on: a NATS server on this machine, with a pool and a worker in this process,
 * or with nothing but the client library.
 *
 * @module
 */

import { AckPolicy, jetstream, type JetStreamClient, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";
import { connect } from "@nats-io/transport-node";
import { nursery } from "../mod.ts";
import { ClusterPool, type ClusterWorker, serveCluster } from "../pools/cluster/mod.ts";
import { NatsServer } from "../tests/pools/cluster/nats.ts";
import { double } from "./pool_portable.ts";

const CONCURRENCY = 64;

/** What does jobs that double a number. */
export interface Doubler {
  double(n: number): Promise<number>;
  end(): Promise<void>;
}

/** A message published to a stream, delivered by a consumer and acknowledged: what a job on JetStream is at least. */
export async function bareStream(): Promise<Doubler> {
  const server = await NatsServer.start();
  const connection: NatsConnection = await connect({ servers: server.url });
  const manager = await jetstreamManager(connection);
  await manager.streams.add({ name: "BARE", subjects: ["bare.*"], retention: "workqueue" });
  await manager.consumers.add("BARE", {
    durable_name: "bare",
    ack_policy: AckPolicy.Explicit,
    max_ack_pending: -1,
  });
  const client: JetStreamClient = jetstream(connection);
  const waiting = new Map<number, (n: number) => void>();
  const consumer = await client.consumers.get("BARE", "bare");
  const messages = await consumer.consume({
    max_messages: 1000,
    callback: (message) => {
      const n = Number(message.string());
      message.ack();
      waiting.get(n)!(2 * n);
      waiting.delete(n);
    },
  });
  return {
    double: async (n) => {
      const { promise, resolve } = Promise.withResolvers<number>();
      waiting.set(n, resolve);
      await client.publish("bare.job", `${n}`);
      return await promise;
    },
    end: async () => {
      await messages.close();
      await connection.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** A `ClusterPool`, and a worker that `serveCluster` runs. */
export async function groveCluster(): Promise<Doubler> {
  const server = await NatsServer.start();
  const modules = { jobs: import.meta.resolve("./pool_portable.ts") };
  const servers = server.url;
  const ending = Promise.withResolvers<void>();
  const ready = Promise.withResolvers<ClusterWorker>();
  const serving = nursery(async (services) => {
    ready.resolve(
      await services.start<ClusterWorker>((_task, started) =>
        serveCluster({ servers, modules, concurrency: CONCURRENCY, started })
      ),
    );
    await ending.promise;
    services.cancel();
  });
  await ready.promise;
  const pool = await ClusterPool.connect({ servers, modules });
  return {
    double: (n) => pool.run(double, n),
    end: async () => {
      await pool.shutdown();
      ending.resolve();
      await serving;
      await server[Symbol.asyncDispose]();
    },
  };
}
