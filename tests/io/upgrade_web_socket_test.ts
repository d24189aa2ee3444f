import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import {
  BrokenResourceError,
  cancellable,
  ClosedError,
  connect,
  currentTask,
  moveOnAfter,
  nursery,
  sleep,
  TaskLocal,
  type TcpAddress,
  TimeoutError,
  TooLongError,
  upgradeWebSocket,
  type WebSocketClose,
  type WebSocketMessage,
} from "../../mod.ts";
import { waitAllTasksBlocked, withLeakCheck } from "../../primitives/testing/mod.ts";
import { printed, read, start, untilTask } from "./http_server.ts";
import { bytes } from "./pair.ts";
import { echo, open, openRaw, serving, sockets } from "./web_socket_server.ts";

Deno.test("upgradeWebSocket: messages go both ways, as text and bytes, in order", async () => {
  await serving(echo, async ({ url }) => {
    const { socket, received, closed } = await open(url);
    const sent = ["one", bytes("two"), "", "zwölf 🌳", new Uint8Array(100_000).fill(7)];
    for (const message of sent) socket.send(message);
    while (received.length < sent.length) await sleep(1);
    assertEquals(received, sent);
    socket.close(1000, "bye");
    assertEquals(await closed, [1000, "bye"]);
  });
});

Deno.test("upgradeWebSocket: the handler is a task of the server, with the task-locals of its request", async () => {
  const user = new TaskLocal<string>();
  const seen: unknown[] = [];
  await withLeakCheck(() =>
    nursery(async (services) => {
      const { base } = await start(services, (request) =>
        user.run("ann", () =>
          upgradeWebSocket(request, async (socket, task) => {
            assertStrictEquals(currentTask(), task);
            seen.push(task.name, task.parent?.name, user.get(), socket.name);
            await sleep(1);
          })));
      const { closed } = await open(`${base.replace("http", "ws")}/chat?token=secret`);
      assertEquals(await closed, [1000, ""]);
      services.stop();
    })
  );
  assertEquals(seen, ["WebSocket /chat", "server", "ann", "WebSocket /chat"]);
});

Deno.test("upgradeWebSocket: a handler that fails closes with 1011, and onError is told", async () => {
  const failure = new Error("password=hunter2");
  const told: unknown[] = [];
  await serving(() => Promise.reject(failure), async ({ url }) => {
    const { closed } = await open(url);
    assertEquals(await closed, [1011, ""]);
    await untilTask("WebSocket /", false);
  }, { onError: (error, { url }) => void told.push(error, new URL(url).pathname) });
  assertEquals(told, [failure, "/"]);
});

Deno.test("upgradeWebSocket: the client's end is the loop's, and says why", async () => {
  const ends: (WebSocketClose | undefined)[] = [];
  await serving(async (socket) => {
    for await (const _ of socket);
    ends.push(socket.closed);
  }, async ({ url, address }) => {
    const first = await open(url);
    first.socket.close(4000, "done");
    await first.closed;
    (await openRaw(address)).close();
    while (ends.length < 2) await sleep(1);
  });
  assertEquals(ends, [{ code: 4000, reason: "done" }, { code: 1006, reason: "" }]);
});

Deno.test("upgradeWebSocket: what was sent before the end is received, then ClosedError, which is no failure", async () => {
  const got: unknown[] = [];
  const gate = Promise.withResolvers<void>();
  const lines = await printed(() =>
    serving(async (socket) => {
      await gate.promise;
      got.push(await socket.receive(), await socket.receive());
      got.push((await assertRejects(() => socket.send("x"), ClosedError)).message);
      await socket.receive();
    }, async ({ url }) => {
      const { socket, closed } = await open(url);
      socket.send("a");
      socket.send("b");
      socket.close(4001, "tired");
      await closed;
      gate.resolve();
      await untilTask("WebSocket /", false);
    })
  );
  assertEquals(got, ["a", "b", 'Cannot use WebSocket / as it is closed, with code 4001: "tired"']);
  assertEquals(lines, []);
});

Deno.test("upgradeWebSocket: no message is lost when a receive is cancelled [C7]", async () => {
  const got: WebSocketMessage[] = [];
  await serving(async (socket) => {
    while (got.length < 24) {
      await moveOnAfter(1, async () => void got.push(await socket.receive()));
    }
  }, async ({ url }) => {
    const { socket, closed } = await open(url);
    for (let n = 0; n < 24; n++) {
      socket.send(String(n));
      if (n % 5 === 0) await sleep(1);
    }
    await closed;
  });
  assertEquals(got, Array.from({ length: 24 }, (_, n) => String(n)));
});

Deno.test("upgradeWebSocket: a send waits for a client that does not read, and ends as it is told to", async () => {
  const ends: unknown[] = [];
  const chunk = new Uint8Array(256 * 1024);
  let sent = 0;
  await serving(async (socket) => {
    // Three times in a row, as once may be this machine and not the client.
    let late = 0;
    while (late < 3 && sent < 400) {
      try {
        await socket.send(chunk, { timeout: 50 });
        sent++;
        late = 0;
      } catch (error) {
        if (!(error instanceof TimeoutError)) throw error;
        late++;
      }
    }
    ends.push(late === 3);
    // One that is cancelled sends nothing, and holds up nobody after it.
    ends.push((await moveOnAfter(5, () => socket.send("cancelled"))).timedOut);
    await socket.send("last");
    ends.push(socket.closed);
  }, async ({ address }) => {
    using client = await openRaw(address);
    while (ends.length < 2) await sleep(5);
    assert(sent < 400, "100 MiB are more than any system holds for a connection");
    let bytesRead = 0;
    let tail = "";
    const buffer = new Uint8Array(1024 * 1024);
    while (!tail.includes("last")) {
      const count = await client.read(buffer);
      assert(count !== null);
      bytesRead += count;
      tail = new TextDecoder().decode(buffer.subarray(Math.max(0, count - 20), count));
      assert(!tail.includes("cancelled"));
    }
    assert(bytesRead >= sent * chunk.length);
  });
  assertEquals(ends, [true, true, undefined]);
});

Deno.test("upgradeWebSocket: a message that is too long closes with 1009, and is a TooLongError", async () => {
  const errors: unknown[] = [];
  await serving(echo, async ({ url }) => {
    for (const message of ["x".repeat(101), "ö".repeat(51), new Uint8Array(101)]) {
      const { socket, closed, received } = await open(url);
      socket.send("ö".repeat(50));
      socket.send(message);
      assertEquals(await closed, [1009, ""]);
      assertEquals(received, ["ö".repeat(50)]);
    }
    await untilTask("WebSocket /", false);
  }, { max: 100, onError: (error) => void errors.push(error) });
  assertEquals(errors.length, 3);
  assert(errors.every((error) => error instanceof TooLongError));
});

Deno.test("upgradeWebSocket: a flood that nobody receives closes with 1013, and what fitted is received", async () => {
  const got: unknown[] = [];
  const gate = Promise.withResolvers<void>();
  await serving(async (socket) => {
    await cancellable(gate.promise);
    got.push(await socket.receive(), await socket.receive());
    got.push(await socket.receive().catch((error) => error));
  }, async ({ url }) => {
    const { socket, closed } = await open(url);
    for (const message of ["a", "b", "c"]) socket.send(message);
    gate.resolve(closed.then((end) => assertEquals(end, [1013, ""])));
    await closed;
  }, { capacity: 2 });
  assertEquals(got.slice(0, 2), ["a", "b"]);
  assert(got[2] instanceof BrokenResourceError);
  assert(got[2].message.includes("more than 2 messages that nobody has received"));
});

Deno.test("upgradeWebSocket: a server that is stopped ends the loops, and closes with 1001 [I3]", async () => {
  const ends: string[] = [];
  await serving(async (socket, task) => {
    for await (const message of socket) await socket.send(message);
    await socket.send("goodbye");
    ends.push(`stopping: ${task.stopping}`);
  }, async ({ url }, services) => {
    const { closed, received } = await open(url);
    await untilTask("WebSocket /");
    services.stop();
    assertEquals(await closed, [1001, "the server is stopping"]);
    assertEquals(received, ["goodbye"]);
  }, { drain: 60_000 });
  assertEquals(ends, ["stopping: true"]);
});

Deno.test("upgradeWebSocket: a handler may use the drain to say something; what comes meanwhile is answered by 503 [I3]", async () => {
  const gate = Promise.withResolvers<void>();
  await serving(async (socket) => {
    for await (const _ of socket);
    await cancellable(gate.promise);
    await socket.send("goodbye");
  }, async ({ url, base, address }, services) => {
    const { closed, received } = await open(url);
    await untilTask("WebSocket /");
    services.stop();
    assertEquals(await read(base), [503, "Service Unavailable"]);
    gate.resolve();
    assertEquals(await closed, [1001, "the server is stopping"]);
    assertEquals(received, ["goodbye"]);
    // It is shut down when the last of them has ended.
    while (await connects(address)) await sleep(1);
  }, { drain: 60_000 });
});

/** Whether somebody listens. */
async function connects(address: TcpAddress): Promise<boolean> {
  try {
    (await connect(address)).close();
    return true;
  } catch {
    return false;
  }
}

Deno.test("upgradeWebSocket: none is opened any more when the server has been asked to stop [I3]", async () => {
  let opened = 0;
  await withLeakCheck(() =>
    nursery(async (services) => {
      const gate = Promise.withResolvers<void>();
      const { base } = await start(services, async (request) => {
        await gate.promise;
        return upgradeWebSocket(request, () => void opened++);
      }, { drain: 60_000 });
      const client = open(base.replace("http", "ws"));
      await untilTask("GET /");
      services.stop();
      await waitAllTasksBlocked();
      gate.resolve();
      assertEquals((await client).socket.readyState, WebSocket.CLOSED);
    })
  );
  assertEquals(opened, 0);
});

Deno.test("upgradeWebSocket: a handler that outlasts the drain is cancelled, and closed with 1001 [I3]", async () => {
  const ends: unknown[] = [];
  await serving(async (socket) => {
    try {
      await socket.receive();
    } catch (error) {
      ends.push((error as { reason?: unknown }).reason);
      throw error;
    }
  }, async ({ url }, services) => {
    const { closed } = await open(url);
    await untilTask("WebSocket /");
    services.stop();
    assertEquals(await closed, [1001, "the server is stopping"]);
  }, { drain: 10 });
  assertEquals(ends, ["it did not stop within 10 ms"]);
});

Deno.test("upgradeWebSocket: a server that is cancelled cancels the handlers [I3]", async () => {
  let ended = false;
  await withLeakCheck(() =>
    nursery(async (services) => {
      const { url } = await sockets(services, async () => {
        try {
          await sleep(60_000);
        } finally {
          ended = true;
        }
      });
      const { closed } = await open(url);
      await untilTask("WebSocket /");
      services.cancel();
      const [code] = await closed;
      assertEquals(code, 1001);
    })
  );
  assert(ended);
});

Deno.test("upgradeWebSocket: a client that gives no sign of life is taken for gone [I2]", async () => {
  const ends: (WebSocketClose | undefined)[] = [];
  await serving(async (socket) => {
    for await (const _ of socket);
    ends.push(socket.closed);
  }, async ({ address }) => {
    using _client = await openRaw(address);
    await untilTask("WebSocket /raw");
    await untilTask("WebSocket /raw", false);
  }, { idleTimeout: 1 });
  assertEquals(ends, [{ code: 1001, reason: "No response from ping frame." }]);
});

Deno.test("upgradeWebSocket: a client that answers nothing does not hold up the end", async () => {
  await serving((socket) => socket.send("hi"), async ({ address }) => {
    using client = await openRaw(address);
    await untilTask("WebSocket /raw", false);
    assertEquals(await client.readExactly(8), new Uint8Array([0x81, 2, 104, 105, 0x88, 2, 3, 232]));
  });
});

Deno.test("upgradeWebSocket: it does not count for maxConcurrent, and no timeout of requests ends it", async () => {
  await serving(echo, async ({ url }) => {
    const clients = [await open(url), await open(url)];
    await sleep(20);
    for (const { socket, received, closed } of clients) {
      socket.send("still here");
      while (received.length === 0) await sleep(1);
      socket.close();
      await closed;
    }
  }, { maxConcurrent: 1, timeout: 10 });
});

Deno.test("upgradeWebSocket: a handler may close with a code of its own, and goes on", async () => {
  const seen: unknown[] = [];
  await serving(async (socket) => {
    socket.close(4002, "enough");
    await sleep(1);
    seen.push(socket.closed);
  }, async ({ url }) => {
    const { closed } = await open(url);
    assertEquals(await closed, [4002, "enough"]);
    await untilTask("WebSocket /", false);
  });
  assertEquals(seen, [{ code: 4002, reason: "enough" }]);
});
