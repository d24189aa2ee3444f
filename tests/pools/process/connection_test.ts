/**
 * Messages over a socket: all of them, in their order, however long, until either side has closed it.
 *
 * @module
 */

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { MalformedError } from "../../../primitives/codec/malformed_error.ts";
import { Connection } from "../../../pools/process/connection.ts";
import { Folder } from "./shared.ts";

/** Both ends of a socket. */
async function pair(folder: Folder): Promise<[Deno.UnixConn, Deno.UnixConn]> {
  const path = folder.file("socket");
  using listener = Deno.listen({ transport: "unix", path });
  const [one, two] = await Promise.all([
    Deno.connect({ transport: "unix", path }),
    listener.accept(),
  ]);
  return [one, two];
}

Deno.test("messages come as they were sent, in their order, also those that a socket does not take at once", async () => {
  using folder = new Folder();
  const [here, there] = await pair(folder);
  const [sender, receiver] = [
    new Connection<unknown, never>(here),
    new Connection<never, unknown>(there),
  ];
  const large = new Uint8Array(3_000_000).fill(5);
  const sent = ["[1]", { date: new Date(1) }, large, "x".repeat(100_000), [], "end"];
  const came: unknown[] = [];

  const received = receiver.receive((message) => {
    came.push(message);
    if (message === "end") receiver.close();
  });
  for (const message of sent) {
    sender.put(message);
    sender.flush();
  }
  await received;

  assertEquals(came, sent);
  sender.close();
});

Deno.test("what was sent has left in the microtasks after it, where the socket has room", async () => {
  using folder = new Folder();
  const [here, there] = await pair(folder);
  const connection = new Connection<unknown, never>(here);
  assertEquals(connection.sending, undefined);
  connection.flush();
  assertEquals(connection.sending, undefined, "there was nothing to be sent");

  connection.put("one");
  connection.flush();
  const { sending } = connection;
  assert(sending !== undefined);
  connection.put("two");
  connection.flush();
  assertStrictEquals(connection.sending, sending, "it goes with it");
  await sending;
  assertEquals(connection.sending, undefined);

  connection.close();
  const bytes = new Uint8Array(100);
  assertEquals(await there.read(bytes), 2 * (5 + 3));
  there.close();
});

Deno.test("what is sent last goes at once, even if something is being sent", async () => {
  using folder = new Folder();
  const [here, there] = await pair(folder);
  const [sender, receiver] = [
    new Connection<unknown, never>(here),
    new Connection<never, unknown>(there),
  ];
  sender.put("one");
  sender.flush();
  sender.put("two");
  sender.flushLast();
  sender.close(); // At once, as a process does that exits.
  const came: unknown[] = [];
  await receiver.receive((message) => came.push(message));
  assertEquals(came, ["one", "two"]);
  receiver.close();
});

Deno.test("receive() ends when either side has closed the connection, and nothing is sent after that", async () => {
  using folder = new Folder();
  for (const side of [0, 1]) {
    const connections = (await pair(folder)).map((socket) =>
      new Connection<string, string>(socket)
    );
    const received = connections[0].receive(() => {});
    connections[side].close();
    connections[side].close();
    await received;
    for (const connection of connections) {
      connection.put("too late");
      connection.flush();
      connection.flushLast();
      connection.close();
    }
  }
});

Deno.test("a message that makes no sense ends receive() with an error; a part of one at the end is no message", async () => {
  using folder = new Folder();
  const cases: [bytes: number[], isMalformed: boolean][] = [
    [[1, 0, 0, 0, 7, 0], true],
    [[255, 255, 255, 255, 0], true],
    [[9, 0, 0, 0, 0, 65], false],
    [[9, 0], false],
  ];
  for (const [bytes, isMalformed] of cases) {
    const [here, there] = await pair(folder);
    const connection = new Connection<never, unknown>(there);
    await here.write(new Uint8Array(bytes));
    here.close();
    const came: unknown[] = [];
    const received = connection.receive((message) => came.push(message));
    if (isMalformed) await assertRejects(() => received, MalformedError);
    else await received;
    assertEquals(came, []);
    connection.close();
  }
});
