import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  activeTasks,
  type Cancelled,
  ClosedError,
  connect,
  currentTask,
  formatTree,
  listen,
  nursery,
  serveHttp,
  shield,
  sleep,
  streamBody,
  TaskLocal,
  type TcpAddress,
  upgradeWebSocket,
} from "../../mod.ts";
import { waitAllTasksBlocked } from "../../primitives/testing/mod.ts";
import { FIRST } from "./certificates.ts";
import { HERE, read, start } from "./http_server.ts";
import { bytes, readAll } from "./pair.ts";
import { program } from "./program.ts";

const UPGRADE = "GET / HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n" +
  "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n";

Deno.test("serveHttp: requests are tasks of the server, and know their client", async () => {
  const place = new TaskLocal<string>();
  await nursery(async (services) => {
    const { base } = await place.run("here", () =>
      start(services, async (request, info) => {
        await sleep(1);
        const { pathname } = new URL(request.url);
        const host = info.remoteAddr.hostname;
        return new Response([pathname, host, currentTask().name, place.get()].join(" "));
      }));
    assertEquals(await read(`${base}/a?b`), [200, "/a 127.0.0.1 GET /a here"]);
    services.stop();
  });
});

Deno.test("serveHttp: when it is stopped, accepting ends at once, and a request may finish [I3]", async () => {
  await nursery(async (services) => {
    const gate = Promise.withResolvers<void>();
    const { address, base } = await start(services, async () => {
      await gate.promise;
      return new Response(`stopping: ${currentTask().stopping}`);
    }, { drain: 60_000 });
    const answer = read(base);
    while (!formatTree().includes("GET /")) await sleep(1);
    services.stop();
    await waitAllTasksBlocked();
    await assertRejects(() => connect(address), Deno.errors.ConnectionRefused);
    listen(address).close(); // the port is free
    gate.resolve();
    assertEquals(await answer, [200, "stopping: true"]);
  });
});

Deno.test("serveHttp: a stop does not wait for connections that are kept alive for nothing [I3]", async () => {
  await nursery(async (services) => {
    const { address } = await start(services, () => new Response("hi"));
    using idle = await connect(address);
    await idle.write(bytes("GET / HTTP/1.1\r\nhost: x\r\n\r\n"));
    await idle.readUntil("\r\n\r\nhi");
    services.stop();
    assertEquals(await readAll(idle), "");
  });
});

Deno.test("serveHttp: a request that outlasts the drain is cancelled and answered, and the server ends well [I3]", async () => {
  let reason: unknown;
  const value = await nursery(async (services) => {
    const { base } = await start(services, async () => {
      try {
        await sleep(60_000);
      } catch (error) {
        reason = (error as Cancelled).reason;
        throw error;
      }
      return new Response("never");
    }, { drain: 20 });
    const answer = read(base);
    while (!formatTree().includes("GET /")) await sleep(1);
    services.stop();
    assertEquals(await answer, [503, "Service Unavailable"]);
    return "ended well";
  });
  assertEquals([value, reason], ["ended well", "it did not stop within 20 ms"]);
});

Deno.test("serveHttp: a server that is cancelled while it drains listens no more [I3]", async () => {
  for (const kind of ["socket", "body", "plain"]) {
    let address!: TcpAddress;
    await nursery(async (services) => {
      const server = await start(services, (request) => {
        if (kind === "socket") return upgradeWebSocket(request, () => sleep(60_000));
        const forever = sleep(60_000).then(() => "never");
        return kind === "plain"
          ? forever.then((text) => new Response(text))
          : new Response(streamBody(async function* () {
            yield await forever;
          }));
      });
      address = server.address;
      using client = await connect(address);
      await client.write(bytes(UPGRADE));
      while (!/GET|WebSocket/.test(formatTree())) await sleep(1);
      services.stop();
      await waitAllTasksBlocked();
      services.cancel();
    });
    listen(address).close();
  }
});

Deno.test("serveHttp: a 'started' that throws a ClosedError is no stop", async () => {
  const error = new ClosedError("not the server's");
  const served = serveHttp(HERE, () => new Response(), {
    started: () => {
      throw error;
    },
  });
  assertStrictEquals(await assertRejects(() => served), error);
});

Deno.test("serveHttp: when it is cancelled, all its connections are closed at once [I3]", async () => {
  await nursery(async (services) => {
    const { address, base } = await start(services, async () => {
      await sleep(60_000);
      return new Response("never");
    });
    const answer = fetch(base).then(() => "answered", () => "closed");
    while (!formatTree().includes("GET /")) await sleep(1);
    using idle = await connect(address);
    const end = readAll(idle).catch(() => "");
    services.cancel();
    await Promise.all([answer, end]).then((ends) => assertEquals(ends, ["closed", ""]));
  });
});

Deno.test("serveHttp: a client that goes away cancels its request [I5]", async () => {
  await nursery(async (services) => {
    const cancelled = Promise.withResolvers<unknown>();
    const { base } = await start(services, async () => {
      try {
        await sleep(60_000);
      } catch (error) {
        cancelled.resolve(error);
        throw error;
      }
      return new Response("never");
    });
    const leaving = new AbortController();
    const answer = fetch(base, { signal: leaving.signal }).catch((error) => error.name);
    while (!formatTree().includes("GET /")) await sleep(1);
    leaving.abort();
    assertEquals(await answer, "AbortError");
    const { reason } = await cancelled.promise as { reason: unknown };
    assertEquals(reason, "its client went away");
    services.stop();
  });
});

Deno.test("serveHttp: a client that had gone away before its request was watched is noticed, too [I5]", async () => {
  await nursery(async (services) => {
    const { address } = await start(services, async () => {
      await sleep(60_000);
      return new Response("never");
    });
    {
      using stream = await connect(address);
      await stream.write(bytes("GET /gone HTTP/1.1\r\nhost: x\r\n\r\n"));
      while (!formatTree().includes("GET /gone")) await sleep(1);
    }
    while (formatTree().includes("GET /gone")) await sleep(1);
    services.stop();
  });
});

Deno.test("serveHttp: a streamed body is sent to its end, and a stop waits for it [I3]", async () => {
  await nursery(async (services) => {
    const gate = Promise.withResolvers<void>();
    const body = async function* () {
      yield bytes("one ");
      await gate.promise;
      await sleep(1);
      yield bytes("two");
    };
    const { base } = await start(services, () => new Response(ReadableStream.from(body())), {
      drain: 60_000,
    });
    const response = await fetch(base);
    services.stop();
    await waitAllTasksBlocked();
    gate.resolve();
    assertEquals(await response.text(), "one two");
  });
});

Deno.test("serveHttp: a streamed body that outlasts the drain does not hold the server up [I3]", async () => {
  const gate = Promise.withResolvers<void>();
  const body = async function* () {
    yield bytes("one ");
    await gate.promise;
    yield bytes("two");
  };
  let response!: Response;
  await nursery(async (services) => {
    const { base } = await start(services, () => new Response(ReadableStream.from(body())), {
      drain: 20,
    });
    response = await fetch(base);
    services.stop();
  });
  gate.resolve();
  assertEquals(await response.text(), "one two");
});

Deno.test("serveHttp: a server that is cancelled cancels the streams it sends [I3]", async () => {
  const cancelled = Promise.withResolvers<void>();
  await nursery(async (services) => {
    const { base } = await start(services, () =>
      new Response(
        new ReadableStream({
          start: (controller) => controller.enqueue(bytes("one ")),
          cancel: () => cancelled.resolve(),
        }),
      ));
    const response = await fetch(base);
    services.spawn(() => shield(() => assertRejects(() => response.text())));
    services.cancel();
  });
  await cancelled.promise;
});

Deno.test("serveHttp: a client that does not read holds the end up no longer than the drain and a little [I3]", async () => {
  // In a process of its own: the connection stays until the process ends.
  await using run = await program(
    `
    await grove.main(async () => {
      await grove.nursery(async (services) => {
        const { addresses: [address] } = await services.start((_task, started) =>
          grove.serveHttp({ hostname: "127.0.0.1", port: 0 }, () => new Response(new Uint8Array(2 ** 26)), {
            drain: 20,
            started,
          }));
        console.log("port", address.port);
      });
      console.log("ended");
    });
    `,
    { flags: ["--allow-net=127.0.0.1"] },
  );
  const [, port] = await run.printed(/port (\d+)/);
  using stream = await connect({ port: Number(port) });
  await stream.write(bytes("GET / HTTP/1.1\r\nhost: x\r\n\r\n"));
  await stream.read(new Uint8Array(1));
  run.kill("SIGINT");
  const { code, stdout, stderr } = await run.end();
  assertEquals([code, stdout.split("\n")[1], stderr], [0, "ended", ""]);
});

Deno.test("serveHttp: limits, failures and their answers are those of fetchHandler", async () => {
  const errors: unknown[] = [];
  await nursery(async (services) => {
    const { base } = await start(services, async (request) => {
      if (request.url.endsWith("slow")) await sleep(60_000);
      throw new Error("boom");
    }, { timeout: 5, onError: (error) => void errors.push(error) });
    assertEquals(await read(`${base}/slow`), [504, "Gateway Timeout"]);
    assertEquals(await read(base), [500, "Internal Server Error"]);
    assertEquals(errors.length, 1);
    services.stop();
  });
});

Deno.test("serveHttp: a request that goes on after its 504 keeps its name", async () => {
  const stuck = Promise.withResolvers<never>();
  const told = Promise.withResolvers<unknown>();
  await nursery(async (services) => {
    const { base } = await start(services, () => stuck.promise, {
      timeout: 5,
      onError: (error) => told.resolve(error),
    });
    assertEquals(await read(`${base}/stuck?secret`), [504, "Gateway Timeout"]);
    // The platform has closed the request when its client has read the response.
    assertStringIncludes(formatTree(), "GET /stuck ");
    stuck.reject(new Error("boom"));
    assertEquals((await told.promise as Error).message, "boom");
    services.stop();
  });
});

Deno.test("serveHttp: a request that goes on without its client keeps its name", async () => {
  const stuck = Promise.withResolvers<never>();
  const isCancelled = Promise.withResolvers<void>();
  const told = Promise.withResolvers<unknown>();
  await nursery(async (services) => {
    const { base } = await start(services, () => {
      currentTask().signal.addEventListener("abort", () => isCancelled.resolve());
      return stuck.promise;
    }, { onError: (error) => told.resolve(error) });
    const client = new AbortController();
    const answer = fetch(`${base}/left?secret`, { signal: client.signal });
    while (activeTasks().length < 2) await sleep(1);
    client.abort();
    await assertRejects(() => answer, DOMException);
    await isCancelled.promise;
    assertStringIncludes(formatTree(), "GET /left ");
    stuck.reject(new Error("boom"));
    assertEquals((await told.promise as Error).message, "boom");
    services.stop();
  });
});

Deno.test("serveHttp: a port in use fails the start with the error of listen", async () => {
  using taken = listen(HERE);
  const { port } = taken.addresses[0];
  await assertRejects(
    () => serveHttp({ hostname: "127.0.0.1", port }, () => new Response()),
    Deno.errors.AddrInUse,
    `Cannot listen on 127.0.0.1:${port} as the port is in use`,
  );
});

Deno.test("serveHttp: a 'started' that fails closes the server", async () => {
  let address!: TcpAddress;
  await assertRejects(
    () =>
      serveHttp(HERE, () => new Response(), {
        started: (server) => {
          address = server.addresses[0];
          throw new Error("boom");
        },
      }),
    Error,
    "boom",
  );
  listen(address).close();
  assert(address.port > 0);
});

Deno.test("serveHttp: a bad argument throws at the call", () => {
  const given = (...args: unknown[]) => () =>
    (serveHttp as (...args: unknown[]) => Promise<void>)(...args);
  assertThrows(given({ port: 70000 }, () => {}), RangeError, "Cannot serve HTTP as 'port'");
  assertThrows(given({ port: 0, backlog: 0 }, () => {}), RangeError, "'backlog'");
  // None of these is to be served by plain HTTP over TCP, as if nothing had been asked for.
  const { cert, key } = FIRST;
  assertThrows(given({ port: 0, transport: "tls", cert, key }, () => {}), TypeError, '"tls"');
  assertThrows(given({ port: 0, cert, key }, () => {}), TypeError, "there is a certificate");
  assertThrows(given({ path: "/tmp/x" }, () => {}), TypeError, '"unix"');
  assertThrows(given({ port: 0, backend: "node" }, () => {}), TypeError, "'backend'");
  assertThrows(given(HERE), TypeError, "the second argument must be a function");
  assertThrows(given(HERE, () => {}, { drain: -1 }), RangeError, "'drain'");
  assertThrows(given(HERE, () => {}, { started: 1 }), TypeError, "'started'");
});
