/**
 * A server, a worker and a pool in one process: what most tests of the cluster need.
 *
 * @module
 */

import { jetstreamManager } from "@nats-io/jetstream";
import {
  ClusterPool,
  type ClusterPoolOptions,
  type ClusterWorker,
  serveCluster,
  type ServeClusterOptions,
} from "../../../pools/cluster/mod.ts";
import { openNursery } from "../../../mod.ts";
import { connect, NatsServer } from "./nats.ts";

/** The list of modules of both sides. */
export const modules = { jobs: import.meta.resolve("./jobs.ts") };

/** See above. */
export class Setup implements AsyncDisposable {
  readonly server: NatsServer;
  #services = openNursery();

  static async start(): Promise<Setup> {
    return new Setup(await NatsServer.start());
  }

  constructor(server: NatsServer) {
    this.server = server;
  }

  /** Starts a worker, which ends with this. However slow the machine is, it does not count as lost. */
  worker(options: Partial<ServeClusterOptions> = {}): Promise<ClusterWorker> {
    const { url: servers } = this.server;
    return this.#services.start<ClusterWorker>((_task, started) =>
      serveCluster({ servers, modules, concurrency: 4, ackWait: 60_000, started, ...options })
    );
  }

  /** Makes a pool. */
  pool(options: Partial<ClusterPoolOptions> = {}): Promise<ClusterPool> {
    return ClusterPool.connect({ servers: this.server.url, modules, ...options });
  }

  /** Waits until the server has so many jobs that wait or run. */
  async stored(count: number): Promise<void> {
    const connection = await connect({ servers: this.server.url });
    try {
      const { streams } = await jetstreamManager(connection);
      while ((await streams.info("GROVE_default_JOBS")).state.messages !== count);
    } finally {
      await connection.close();
    }
  }

  /** Ends its workers. */
  async endWorkers(): Promise<void> {
    await this.#services[Symbol.asyncDispose]();
    this.#services = openNursery();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#services[Symbol.asyncDispose]();
    await this.server[Symbol.asyncDispose]();
  }
}
