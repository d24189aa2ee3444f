import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { connect, type ConnectOptions, listen, type ListenOptions, serve } from "../../mod.ts";
import { SocketStream } from "../../io/stream.ts";
import { waitAllTasksBlocked } from "../../primitives/testing/mod.ts";
import { FakeInflow } from "./fake_connection.ts";
import { bytes, text } from "./pair.ts";
import { program } from "./program.ts";

const HERE = { hostname: "127.0.0.1", port: 0 };
const KIBIBYTE = 1024;

Deno.test("backend: what it cannot be, or cannot do, throws at the call [I6]", () => {
  const calls = {
    listen: (options: object) => listen(options as ListenOptions),
    connect: (options: object) => connect(options as ConnectOptions),
    serve: (options: object) => serve(options as ListenOptions, () => {}),
  };
  for (const [action, call] of Object.entries(calls)) {
    assertThrows(
      () => call({ port: 1, backend: "bun" }),
      TypeError,
      `Cannot ${action} as 'backend' must be "deno" or "node": received "bun"`,
    );
    assertThrows(
      () => call({ path: "/tmp/x.sock", backend: "node" }),
      TypeError,
      `Cannot ${action} as the back-end "node" is for TCP, and the transport is "unix"`,
    );
    assertThrows(
      () => call({ transport: "tls", port: 1, backend: "node" }),
      TypeError,
      `the transport is "tls". Leave 'backend' out`,
    );
  }
});

Deno.test("backend: with either, listen tells its address at once, and the two can talk [I6]", async () => {
  for (const there of ["deno", "node"] as const) {
    for (const here of ["deno", "node"] as const) {
      using listener = listen({ ...HERE, backend: there });
      using client = await connect({ ...listener.addresses[0], backend: here });
      using server = await listener.accept();
      await client.write(bytes("hello"));
      assertEquals(text(await server.readExactly(5)), "hello");
      assertEquals(server.remoteAddress, client.localAddress);
    }
  }
});

Deno.test("backend: a name is no address for node:net, but localhost is [I6]", () => {
  using listener = listen({ hostname: "localhost", port: 0, backend: "node" });
  assertEquals(listener.addresses[0].hostname, "127.0.0.1");
  assertThrows(
    () => listen({ hostname: "example.com", port: 0, backend: "node" }),
    TypeError,
    `it must be an IP address, or "localhost": received example.com`,
  );
});

Deno.test("backend: without the permission node:net too is a NotCapable that names the flag [I6]", async () => {
  await using run = await program(`
    for (const action of [grove.listen, grove.connect]) {
      try {
        await action({ hostname: "127.0.0.1", port: 8000, backend: "node" });
      } catch (error) {
        console.log(error instanceof Deno.errors.NotCapable, error.message);
      }
    }
  `);
  const why =
    "127.0.0.1:8000 as the program is not permitted to. Run it with --allow-net=127.0.0.1:8000";
  assertEquals(
    (await run.end()).stdout,
    `true Cannot listen on ${why}\ntrue Cannot connect to ${why}\n`,
  );
});

Deno.test("backend: bytes that come by themselves and are not read are held back, and none is lost [I4, I6]", async () => {
  const native = new FakeInflow();
  const stream = new SocketStream(native);
  const pieces = Array.from({ length: 10 }, (_, i) => new Uint8Array(16 * KIBIBYTE).fill(i));
  native.give(...pieces);
  native.end();
  await waitAllTasksBlocked();
  assert(native.isPaused); // after 64 KiB
  for (const piece of pieces) assertEquals(await stream.readExactly(16 * KIBIBYTE), piece);
  assertEquals(await stream.read(new Uint8Array(1)), null);
});

Deno.test("backend: who waits for more than may lie unread gets it all [I6]", async () => {
  const native = new FakeInflow();
  const stream = new SocketStream(native);
  const line = stream.readUntil("\n", { max: 300 * KIBIBYTE });
  for (let i = 0; i < 20; i++) native.give("x".repeat(10 * KIBIBYTE));
  native.give("\nrest");
  assertEquals((await line)?.length, 200 * KIBIBYTE);
  assertEquals(text(await stream.readExactly(4)), "rest");
});

Deno.test("backend: a peer of node:net that nobody reads is held back by the system [I6]", async () => {
  using listener = listen({ ...HERE, backend: "node" });
  using client = await connect(listener.addresses[0]);
  using server = await listener.accept();
  const sent = new Uint8Array(32 * KIBIBYTE * KIBIBYTE).fill(7);
  const writing = client.write(sent);
  let done = false;
  writing.then(() => done = true);
  await waitAllTasksBlocked();
  assertEquals(done, false);
  let count = 0;
  while (count < sent.length) {
    for await (const chunk of server) {
      assert(chunk.every((byte) => byte === 7));
      count += chunk.length;
      break;
    }
  }
  await writing;
});

Deno.test("backend: connections that came and were not taken are closed with the listener of node:net [I3, I6]", async () => {
  const listener = listen({ ...HERE, backend: "node" });
  const clients = [];
  for (let i = 0; i < 5; i++) clients.push(await connect(listener.addresses[0]));
  await waitAllTasksBlocked();
  listener.close();
  for (const client of clients) {
    assertEquals(await client.read(new Uint8Array(1)).catch(() => null), null);
    client.close();
  }
  await assertRejects(() => connect(listener.addresses[0]), Deno.errors.ConnectionRefused);
});
