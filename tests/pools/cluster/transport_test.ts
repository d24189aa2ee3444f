/**
 * The way to a server, over sockets. The sanitizers of the tests see to it that none is left open.
 *
 * @module
 */

import { type AddressInfo, createServer } from "node:net";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { ConnectionError, type NatsConnection, TimeoutError } from "@nats-io/nats-core";
import { cancelScope, ClosedError, taskGroup } from "../../../mod.ts";
import { ClusterPool, connectCluster } from "../../../pools/cluster/mod.ts";
import { FakeTime } from "@std/testing/time";
import { FIRST, SECOND } from "../../io/certificates.ts";
import { FakeNats, infoLine } from "./fake_nats.ts";
import * as jobs from "./jobs.ts";
import { connect, NatsServer, natsTest } from "./nats.ts";
import { modules, Setup } from "./with_worker.ts";

Deno.test("a server that accepts and closes is no server", async () => {
  using server = new FakeNats();
  const connecting = connectCluster({ servers: server.url });
  (await server.accept()).close();
  await assertRejects(() => connecting, ConnectionError, "closed the connection before it said");
});

Deno.test("what is no NATS server is told by what it says", async () => {
  for (const [said, told] of [["HTTP/1.1 400\r\n", "HTTP/1.1 400"], ["INFO {\r\n", "INFO {"]]) {
    using server = new FakeNats();
    const connecting = connectCluster({ servers: server.url });
    const client = await server.accept();
    await client.say(said);
    await assertRejects(() => connecting, ConnectionError, `it said "${told}"`);
    assertEquals(await client.end(), "");
  }
});

Deno.test("a server that says no end of something is given up", async () => {
  using server = new FakeNats();
  const connecting = connectCluster({ servers: server.url });
  const client = await server.accept();
  const saying = client.say("x".repeat(1 << 22)).catch(() => {});
  await assertRejects(() => connecting, ConnectionError, "262144");
  await saying;
});

Deno.test("a server that says nothing is given up when the time is up, and hung up on", async () => {
  using server = new FakeNats();
  const connecting = connect({ servers: server.url, timeout: 20 });
  const client = await server.accept();
  await assertRejects(() => connecting, TimeoutError);
  assertEquals(await client.end(), "");
});

Deno.test("what a server says first may come in pieces, and more along with it", async () => {
  using server = new FakeNats();
  const connecting = connectCluster({ servers: server.url });
  const client = await server.accept();
  const [half, rest] = [infoLine().slice(0, 20), infoLine().slice(20)];
  await client.say(half);
  await new Promise((resolve) => setTimeout(resolve));
  await client.say(`${rest}PING\r\n`);
  assertStringIncludes(await client.hears("PING\r\n"), "CONNECT {");
  assertEquals(await client.hears("PONG\r\n"), "");
  await client.say("PONG\r\n");
  await (await connecting).close();
});

Deno.test("a server that goes away before it has answered is given up", async () => {
  using server = new FakeNats();
  const connecting = connect({ servers: server.url, timeout: 100 });
  const client = await server.accept();
  await client.say(infoLine());
  client.close();
  await assertRejects(() => connecting);
});

Deno.test("a connection that is reset ends with an error", async () => {
  // Only Node's sockets can reset a connection at will.
  const server = createServer((socket) => {
    socket.write(infoLine());
    socket.on("error", () => {});
    socket.on("data", (data: Uint8Array) => {
      const said = new TextDecoder().decode(data);
      if (said.includes("PING")) socket.write("PONG\r\n");
      if (said.includes("PUB")) socket.resetAndDestroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const connection = await connect({ servers: `127.0.0.1:${port}`, reconnect: false });
  connection.publish("a");
  const error = await connection.closed();
  assert(error instanceof ConnectionError, String(error));
  await new Promise((resolve) => server.close(resolve));
});

Deno.test("a connection that the server closes ends without an error", async () => {
  using server = new FakeNats();
  const connecting = connect({ servers: server.url, reconnect: false });
  const client = await server.welcome();
  const connection = await connecting;
  client.close();
  assertEquals(await connection.closed(), undefined);
});

Deno.test("a connection that is lost is made anew, over servers that do not want to at first", async () => {
  using server = new FakeNats();
  const connecting = connect({ servers: server.url, reconnectTimeWait: 1 });
  const first = await server.welcome();
  await using connection = closing(await connecting);
  const isBack = reconnected(connection.it);
  first.close();
  (await server.accept()).close();
  await (await server.accept()).say("SMTP ready\r\n");
  const last = await server.welcome();
  await isBack;
  connection.it.publish("a", "b");
  await last.hears("PUB a 1\r\nb\r\n");
});

Deno.test("an end while a connection is made anew hangs up", async () => {
  using server = new FakeNats();
  const connecting = connect({ servers: server.url, reconnectTimeWait: 1 });
  const first = await server.welcome();
  const connection = await connecting;
  first.close();
  const silent = await server.accept();
  await connection.close();
  assertEquals(await silent.end(), "");
});

Deno.test("a server that talks nonsense in between is hung up on", async () => {
  using server = new FakeNats();
  const connecting = connect({ servers: server.url, reconnect: false });
  const client = await server.welcome();
  const connection = await connecting;
  // The client library writes what it cannot read to the console.
  const { log } = console;
  console.log = () => {};
  try {
    await client.say("NONSENSE\r\n");
    const error = await connection.closed();
    assert(error instanceof ConnectionError, String(error));
    await client.end();
  } finally {
    console.log = log;
  }
});

Deno.test("all is sent in the order in which it was handed in, and before an end", async () => {
  using server = new FakeNats();
  const connecting = connectCluster({ servers: server.url });
  const client = await server.welcome();
  const connection = await connecting;
  // Some of them are joined, some are larger than what is joined, and all more than the system takes.
  const sizes = Array.from({ length: 300 }, (_, i) => i % 50 === 0 ? 200_000 : i * 37 % 3000);
  const reading = client.end();
  for (const [i, size] of sizes.entries()) {
    connection.publish(`s.${i}`, "x".repeat(size));
    if (i % 7 === 0) await Promise.resolve();
  }
  await connection.close();
  const expected = sizes.map((size, i) => `PUB s.${i} ${size}\r\n${"x".repeat(size)}\r\n`).join("");
  assertEquals(await reading === expected, true);
});

Deno.test("an end does not wait for a server that takes nothing for longer than the time", async () => {
  using time = new FakeTime();
  using server = new FakeNats();
  const connecting = connect({ servers: server.url, timeout: 60_000 });
  await server.welcome();
  const connection = await connecting;
  for (let i = 0; i < 40; i++) connection.publish("a", "x".repeat(1_000_000));
  let isOver = false;
  const closing = connection.close().then(() => isOver = true);
  await time.tickAsync(59_000);
  assertEquals(isOver, false);
  await time.tickAsync(1000);
  await closing;
});

natsTest(
  "a connection belongs to nobody: not to who has asked, and not to who publishes",
  async () => {
    await using server = await NatsServer.start();
    const connection = await taskGroup((group) =>
      group.spawn(() => connectCluster({ servers: server.url })).then((connection) => connection)
    );
    const subscription = connection.subscribe("a", { max: 1 });
    await connection.flush();
    await cancelScope((scope) => {
      scope.cancel();
      connection.publish("a", "b");
    });
    for await (const message of subscription) assertEquals(message.string(), "b");
    await connection.close();
  },
);

natsTest("P12: a pool outlives crashes of its server, one after the other", async () => {
  await using setup = await Setup.start();
  await setup.worker();
  await using pool = await setup.pool();
  for (let i = 0; i < 3; i++) {
    await setup.server.kill();
    const sum = pool.run(jobs.add, i, 1);
    await setup.server.restart();
    assertEquals(await sum, i + 1);
  }
});

natsTest("P12: a pool ends while its server is away", async () => {
  await using server = await NatsServer.start();
  const pool = await ClusterPool.connect({ servers: server.url, modules });
  await server.kill();
  await pool.shutdown();
  assertThrows(() => pool.submit(jobs.add, 1, 1), ClosedError);
});

natsTest(
  "jobs go encrypted to a server that proves its name, and again after a crash",
  async () => {
    await using setup = new Setup(await NatsServer.start({ tls: FIRST }));
    const tls = { ca: FIRST.authority };
    await setup.worker({ tls });
    await using pool = await setup.pool({ tls });
    assertEquals(await pool.run(jobs.add, 1, 1), 2);
    await setup.server.kill();
    await setup.server.restart();
    assertEquals(await pool.run(jobs.add, 2, 1), 3);
  },
);

natsTest("a server whose name nobody vouches for is not talked to", async () => {
  await using server = await NatsServer.start({ tls: FIRST });
  const trusting = (tls?: { ca: string }) => connectCluster({ servers: server.url, tls });
  await assertRejects(() => trusting(), ConnectionError, "Cannot shake hands");
  await assertRejects(() => trusting({ ca: SECOND.authority }), ConnectionError, "UnknownIssuer");
  await (await trusting({ ca: FIRST.authority })).close();
});

natsTest("certificates may be in files", async () => {
  await using server = await NatsServer.start({ tls: FIRST });
  const caFile = new URL("../../io/certificates/first.authority.pem", import.meta.url).pathname;
  const connection = await connect({ servers: server.url, tls: { caFile } });
  await connection.flush();
  await connection.close();
});

Deno.test("who wants to show a certificate is told that it cannot", async () => {
  using server = new FakeNats();
  for (const tls of [{ cert: FIRST.cert, key: FIRST.key }, { certFile: "a.pem" }]) {
    const connecting = connect({ servers: server.url, tls });
    await assertRejects(() => connecting, ConnectionError, "by a certificate");
  }
});

Deno.test("an address that asks for TLS is not talked to without", async () => {
  using server = new FakeNats();
  const servers = server.url.replace("nats:", "tls:");
  const connecting = connectCluster({ servers });
  const client = await server.accept();
  await client.say(infoLine());
  await assertRejects(() => connecting, ConnectionError, "does not support 'tls'");
  assertEquals(await client.end(), "");
});

Deno.test("what comes before a connection is encrypted is not taken for what comes after", async () => {
  using server = new FakeNats();
  const connecting = connectCluster({ servers: server.url });
  const client = await server.accept();
  await client.say(`${infoLine({ tls_required: true })}PONG\r\n`);
  await assertRejects(() => connecting, ConnectionError, "sent more than was asked for");
  assertEquals(await client.end(), "");
});

Deno.test("a server may want the hand-shake first", async () => {
  using server = new FakeNats(FIRST);
  const tls = { handshakeFirst: true, ca: FIRST.authority };
  const connecting = connect({ servers: server.url, tls });
  const client = await server.accept();
  await client.say(infoLine({ tls_required: true }));
  await client.hears("PING\r\n");
  await client.say("PONG\r\n");
  await (await connecting).close();
});

Deno.test("a server that goes away while it should shake hands is given up", async () => {
  using server = new FakeNats();
  const connecting = connectCluster({ servers: server.url });
  const client = await server.accept();
  await client.say(infoLine({ tls_required: true }));
  client.close();
  await assertRejects(() => connecting, ConnectionError);
});

/** Closes a connection at the end of a test. */
function closing(it: NatsConnection): AsyncDisposable & { readonly it: NatsConnection } {
  return { it, [Symbol.asyncDispose]: () => it.close() };
}

/** Waits until a connection was made anew. */
async function reconnected(connection: NatsConnection): Promise<void> {
  for await (const { type } of connection.status()) if (type === "reconnect") return;
}
