import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  activeTasks,
  ClosedError,
  connect,
  currentTask,
  fetchHandler,
  formatTree,
  isCancelled,
  nursery,
  shield,
  sleep,
  streamBody,
  type StreamBodyOptions,
  type Task,
} from "../../mod.ts";
import { waitAllTasksBlocked, withLeakCheck } from "../../primitives/testing/mod.ts";
import { printed, read, start, untilTask } from "./http_server.ts";
import { bytes } from "./pair.ts";

const get = (path: string, init?: RequestInit) => new Request(`http://localhost${path}`, init);

Deno.test("streamBody: chunks are made in the request's task, which lives until all are sent", async () => {
  const tasks = new Set<Task>();
  const handler = fetchHandler(() => {
    tasks.add(currentTask());
    return new Response(streamBody(async function* () {
      yield "one ";
      await sleep(1);
      tasks.add(currentTask());
      yield bytes("two ");
      tasks.add(currentTask());
      yield "zwölf";
    }));
  });
  await withLeakCheck(async () => {
    const response = await handler(get("/numbers"));
    assertEquals(activeTasks().map((task) => task.name), ["GET /numbers"]);
    await waitAllTasksBlocked();
    assert(formatTree().includes('waits for event "the client takes more"'), formatTree());
    assertEquals(await read(response), [200, "one two zwölf"]);
  });
  assertEquals([...tasks].map((task) => task.state), ["succeeded"]);
});

Deno.test("streamBody: any iterable will do, and empty chunks are skipped", async () => {
  const sources = [["a", "", "b"], new Set(["a", "b"]), () => ["", "a", "b"], () => {
    const chunks = ["a", new Uint8Array(), bytes("b")];
    return { [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve(next(chunks)) }) };
  }];
  for (const source of sources) {
    const handler = fetchHandler(() => new Response(streamBody(source)));
    const chunks = await Array.fromAsync((await handler(get("/"))).body!);
    assertEquals(chunks.map((chunk) => new TextDecoder().decode(chunk)).join(), "a,b");
  }
});

function next<T>(items: T[]): IteratorResult<T> {
  const value = items.shift();
  return value === undefined ? { done: true, value } : { done: false, value };
}

Deno.test("streamBody: a chunk is made when the client has taken the one before, and none unasked", async () => {
  const made: number[] = [];
  const handler = fetchHandler(() =>
    new Response(streamBody(function* () {
      for (let n = 1; n <= 3; n++) {
        made.push(n);
        yield String(n);
      }
    }))
  );
  const { body } = await handler(get("/"));
  await waitAllTasksBlocked();
  assertEquals(made, []);
  const reader = body!.getReader();
  for (let n = 1; n <= 3; n++) {
    assertEquals((await reader.read()).value, bytes(String(n)));
    await waitAllTasksBlocked();
    assertEquals(made.length, n);
  }
  assertEquals((await reader.read()).done, true);
});

Deno.test("streamBody: who stops reading ends what makes the chunks, its clean-up awaited", async () => {
  const ends: unknown[] = [];
  const cleaned = Promise.withResolvers<void>();
  const handler = fetchHandler(() =>
    new Response(streamBody(async function* () {
      try {
        for (;;) yield "more ";
      } finally {
        await shield(() => cleaned.promise);
        ends.push("cleaned up");
      }
    }))
  );
  await withLeakCheck(async () => {
    const { body } = await handler(get("/"));
    const reader = body!.getReader();
    await reader.read();
    await reader.cancel();
    await waitAllTasksBlocked();
    assertEquals([activeTasks().length, ends], [1, []]);
    cleaned.resolve();
    await untilTask("GET /", false);
  });
  assertEquals(ends, ["cleaned up"]);
});

Deno.test("streamBody: a client that goes away while a chunk is being made cancels that [I5]", async () => {
  const ends: unknown[] = [];
  await withLeakCheck(() =>
    nursery(async (services) => {
      const { address } = await start(services, () =>
        new Response(streamBody(async function* () {
          try {
            yield "first";
            await sleep(60_000);
          } catch (error) {
            ends.push(isCancelled(error));
            throw error;
          }
        })));
      {
        using client = await connect(address);
        await client.write(bytes("GET /events HTTP/1.1\r\nhost: x\r\n\r\n"));
        await client.readUntil("first");
      }
      await untilTask("GET /events", false);
      services.stop();
    })
  );
  assertEquals(ends, [true]);
});

Deno.test("streamBody: a client that does not read, and goes away, ends it too [I5]", async () => {
  let made = 0;
  let ended = false;
  await withLeakCheck(() =>
    nursery(async (services) => {
      const chunk = new Uint8Array(64 * 1024);
      const { address } = await start(services, () =>
        new Response(streamBody(async function* () {
          try {
            for (;; made++) yield chunk;
          } finally {
            ended = true;
          }
        })));
      {
        using client = await connect(address);
        await client.write(bytes("GET /flood HTTP/1.1\r\nhost: x\r\n\r\n"));
        await untilTask("GET /flood");
        for (let before = -1; made === 0 || before < made;) {
          before = made;
          await sleep(30);
        }
        assert(made < 1000, `${made} chunks of 64 KiB`);
      }
      await untilTask("GET /flood", false);
      services.stop();
    })
  );
  assert(ended);
});

Deno.test("streamBody: what comes from something foreign when the client has left is dropped, and no failure [I5]", async () => {
  const foreign = Promise.withResolvers<string>();
  const failures: unknown[] = [];
  let closed = false;
  const handler = fetchHandler(() =>
    new Response(streamBody(async function* () {
      try {
        yield "one";
        yield await foreign.promise;
        yield "three";
      } finally {
        closed = true;
      }
    })), { onError: (error) => void failures.push(error) });
  await withLeakCheck(async () => {
    const reader = (await handler(get("/"))).body!.getReader();
    await reader.read();
    const rest = reader.read();
    await waitAllTasksBlocked();
    await reader.cancel();
    assertEquals((await rest).done, true);
    foreign.resolve("two");
    await untilTask("GET /", false);
  });
  assertEquals([closed, failures], [true, []]);
});

Deno.test("streamBody: a request for HEAD starts nothing that it does not end", async () => {
  await withLeakCheck(() =>
    nursery(async (services) => {
      const { base } = await start(services, () =>
        new Response(streamBody(async function* () {
          yield "x";
          await sleep(60_000);
        })));
      const response = await fetch(base, { method: "HEAD" });
      assertEquals([response.status, await response.text()], [200, ""]);
      await untilTask("HEAD /", false);
      services.stop();
    })
  );
});

Deno.test("streamBody: its failure cuts the response short, and goes to onError once", async () => {
  const failure = new Error("boom");
  const told: unknown[] = [];
  const lines = await printed(() =>
    nursery(async (services) => {
      const { base } = await start(services, () =>
        new Response(streamBody(async function* () {
          yield "some";
          await sleep(1);
          throw failure;
        })), { onError: (error) => void told.push(error) });
      const response = await fetch(base);
      await assertRejects(() => response.text());
      await untilTask("GET /", false);
      services.stop();
    }).then(() => {})
  );
  assertEquals([told, lines], [[failure], []]);
});

Deno.test("streamBody: what is no chunk is a failure, and closes what gave it", async () => {
  const told: Error[] = [];
  let closed = false;
  const handler = fetchHandler(() =>
    new Response(streamBody(function* () {
      try {
        yield 1 as unknown as string;
      } finally {
        closed = true;
      }
    })), { onError: (error) => void told.push(error as Error) });
  const response = await handler(get("/"));
  await assertRejects(
    () => response.text(),
    TypeError,
    "must be a string or a Uint8Array: received 1",
  );
  await untilTask("GET /", false);
  assertEquals([told.length, closed], [1, true]);
});

Deno.test("streamBody: the timeout is for the response, not for the body", async () => {
  const gate = Promise.withResolvers<void>();
  const handler = fetchHandler(() =>
    new Response(streamBody(async function* () {
      yield "a";
      await gate.promise;
      await sleep(1);
      yield "b";
    })), { timeout: 20 });
  const response = await handler(get("/"));
  const reader = response.body!.getReader();
  await reader.read();
  await sleep(40);
  gate.resolve();
  assertEquals((await reader.read()).value, bytes("b"));
  await reader.read();
});

Deno.test("streamBody: while its body is sent, a request counts for maxConcurrent", async () => {
  const handler = fetchHandler(() => new Response(streamBody(["a"])), { maxConcurrent: 1 });
  const first = await handler(get("/"));
  assertEquals((await handler(get("/"))).status, 503);
  assertEquals(await read(first), [200, "a"]);
  await untilTask("GET /", false);
  const second = await handler(get("/"));
  assertEquals(await read(second), [200, "a"]);
});

Deno.test("streamBody: it may be piped through a compression", async () => {
  const handler = fetchHandler(() =>
    new Response(streamBody(["zip ", "zap"]).pipeThrough(new CompressionStream("gzip")))
  );
  await withLeakCheck(async () => {
    const { body } = await handler(get("/"));
    const text = await new Response(body!.pipeThrough(new DecompressionStream("gzip"))).text();
    assertEquals(text, "zip zap");
    await untilTask("GET /", false);
  });
});

Deno.test("streamBody: a body that is not returned is not made, and holds nobody up", async () => {
  let started = false;
  let body!: ReadableStream;
  const handler = fetchHandler((request) => {
    body = streamBody(function* () {
      started = true;
      yield "x";
    });
    if (request.url.endsWith("fails")) throw new Error("boom");
    return new Response("another");
  }, { onError: () => {} });
  await withLeakCheck(async () => {
    assertEquals(await read(handler(get("/"))), [200, "another"]);
    await assertRejects(() => new Response(body).text(), ClosedError, "body of GET /");
    assertEquals((await handler(get("/fails"))).status, 500);
    await assertRejects(() => new Response(body).text(), ClosedError, "body of GET /fails");
  });
  assertEquals(started, false);
});

Deno.test("streamBody: a server that is stopped gives it the drain, and then cuts it short [I3]", async () => {
  const ends: string[] = [];
  let response!: Response;
  await withLeakCheck(() =>
    nursery(async (services) => {
      const { base } = await start(services, () =>
        new Response(streamBody(async function* () {
          yield "first ";
          try {
            await sleep(60_000, { endOnStop: true });
          } catch { /* It was asked to stop. */ }
          ends.push("asked");
          try {
            yield "last"; // Which may be taken in time, or not.
            await sleep(60_000);
          } finally {
            ends.push("cancelled");
          }
        })), { drain: 30 });
      response = await fetch(base);
      const text = response.text().then(() => "whole", () => "cut short");
      await untilTask("GET /");
      services.stop();
      assertEquals(await text, "cut short");
    })
  );
  assertEquals(ends, ["asked", "cancelled"]);
});

Deno.test("streamBody: outside a request, or after its response, it is an error", async () => {
  const error = assertThrows(() => streamBody(["x"]), Error);
  assertEquals(
    error.message,
    "Cannot stream a body as the running code is not part of a request. Call it in the function of fetchHandler() or serveHttp()",
  );
  let late: unknown;
  const handler = fetchHandler(() =>
    new Response(streamBody(async function* () {
      try {
        streamBody([]);
      } catch (error) {
        late = error;
      }
      yield "x";
    }))
  );
  await read(handler(get("/")));
  assert(late instanceof ClosedError);
});

Deno.test("streamBody: bad arguments throw at the call, and what a function returns when it is sent", async () => {
  for (const source of [undefined, 1, {}, "text", bytes("bytes")]) {
    assertThrows(
      () => streamBody(source as Iterable<string>),
      TypeError,
      "must be an iterable of chunks",
    );
  }
  assertThrows(() => streamBody([], { idleTimeout: -1 }), RangeError, "'idleTimeout'");
  assertThrows(() => streamBody([], 1 as unknown as StreamBodyOptions), TypeError, "options");
  const told: unknown[] = [];
  const handler = fetchHandler(() => new Response(streamBody(() => "text")), {
    onError: (error) => void told.push(error),
  });
  const response = await handler(get("/"));
  const failure = await assertRejects(() => response.text(), TypeError, "returned no iterable");
  await untilTask("GET /", false);
  assertStrictEquals(told[0], failure);
});

Deno.test("streamBody: a platform with waitUntil is told to wait for the end of the body [I5]", async () => {
  const waited: Promise<unknown>[] = [];
  const context = { waitUntil: (promise: Promise<unknown>) => waited.push(promise) };
  const handler = fetchHandler((_request, _env: unknown, _context: unknown) =>
    new Response(streamBody(["x"]))
  );
  await read(handler(get("/"), {}, context));
  assertEquals(await Promise.all(waited), [undefined]);
});
