/**
 * Tests with one server and connections to it, which end with the test; and a look at what is stored.
 *
 * @module
 */

import { Kvm } from "@nats-io/kv";
import type { NatsConnection } from "@nats-io/nats-core";
import { decodeRoll, emptyRoll, type Roll } from "../../../pools/cluster/lease_roll.ts";
import { connect, NatsServer, natsTest } from "./nats.ts";

/** What a test gets. */
export interface Stage {
  readonly server: NatsServer;
  /** Opens another connection. */
  connect(): Promise<NatsConnection>;
  /** Who holds a lock or semaphore and who waits, as the server has it: `lock.it`. */
  roll(key?: string): Promise<Roll>;
}

/** A test with a server. */
export function lockTest(name: string, fn: (stage: Stage) => Promise<void>): void {
  natsTest(name, async () => {
    await using server = await NatsServer.start();
    const connections: NatsConnection[] = [];
    const open = async () => {
      const connection = await connect({ servers: server.url, reconnectTimeWait: 20 });
      connections.push(connection);
      return connection;
    };
    const stage: Stage = {
      server,
      connect: open,
      async roll(key = "lock.it") {
        const kv = await new Kvm(connections[0]).open("grove_leases");
        const entry = await kv.get(key);
        return entry === null ? emptyRoll(1) : decodeRoll(entry.string());
      },
    };
    try {
      await fn(stage);
    } finally {
      await Promise.all(connections.map((connection) => connection.close()));
    }
  });
}
