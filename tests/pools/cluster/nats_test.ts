import { assertEquals, assertRejects } from "@std/assert";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { wsconnect } from "@nats-io/nats-core";
import { connect, NatsCluster, NatsServer, natsTest } from "./nats.ts";

natsTest("a server has what it had stored after it was killed and started anew", async () => {
  await using server = await NatsServer.start();
  const first = await connect({ servers: server.url, reconnect: false });
  const manager = await jetstreamManager(first);
  await manager.streams.add({ name: "S", subjects: ["s.>"] });
  await jetstream(first).publish("s.a", "kept");
  await server.kill();
  await first.closed();
  await assertRejects(() => connect({ servers: server.url }));
  await server.restart();
  const second = await wsconnect({ servers: server.websocketUrl });
  const { state } = await (await jetstreamManager(second)).streams.info("S");
  assertEquals(state.messages, 1);
  await second.close();
});

natsTest("three servers keep what was stored three times", async () => {
  await using cluster = await NatsCluster.start();
  const connection = await connect({ servers: cluster.urls });
  const manager = await jetstreamManager(connection);
  const { cluster: group } = await manager.streams.add({
    name: "S",
    subjects: ["s.>"],
    num_replicas: 3,
  });
  assertEquals(group?.replicas?.length, 2);
  await connection.close();
});
