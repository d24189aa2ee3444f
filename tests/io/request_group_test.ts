import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  activeTasks,
  ClosedError,
  currentTask,
  fetchHandler,
  nursery,
  sleep,
  streamBody,
  type Task,
  taskGroup,
  TaskLocal,
} from "../../mod.ts";
import { waitAllTasksBlocked, withLeakCheck } from "../../primitives/testing/mod.ts";
import { printed, read, start } from "./http_server.ts";

const get = (path: string) => new Request(`http://localhost${path}`);

Deno.test("background: it goes on after the response [I5]", async () => {
  const gate = Promise.withResolvers<void>();
  let behind: Task<number> | undefined;
  const handler = fetchHandler(() => {
    behind = currentTask().background(async function count() {
      await gate.promise;
      return 42;
    });
    return new Response("answered");
  });
  await withLeakCheck(async () => {
    assertEquals(await read(handler(get("/"))), [200, "answered"]);
    assertEquals(activeTasks().map((task) => task.name), ["count"]);
    gate.resolve();
    assertEquals(await behind, 42);
  });
});

Deno.test("background: a client that goes away does not end it, as it ends its request [I5]", async () => {
  const leaving = new AbortController();
  const gate = Promise.withResolvers<void>();
  let behind!: Task<string>;
  const handler = fetchHandler(async () => {
    behind = currentTask().background(() => gate.promise.then(() => "done"));
    await sleep(60_000);
    return new Response();
  });
  const response = handler(new Request("http://localhost/", { signal: leaving.signal }));
  leaving.abort();
  assertEquals((await response).status, 499);
  gate.resolve();
  assertEquals(await behind, "done");
});

Deno.test("background: it is asked for anywhere below a request, and in what is behind one", async () => {
  const names: string[] = [];
  const handler = fetchHandler(async () => {
    await taskGroup((group) => {
      group.spawn(async () => {
        await sleep(1);
        currentTask().background(async function first() {
          await sleep(1);
          names.push(currentTask().name);
          currentTask().background(() => void names.push(currentTask().name), { name: "second" });
        });
      });
    });
    return new Response();
  });
  await withLeakCheck(async () => {
    await handler(get("/"));
    while (activeTasks().length > 0) await sleep(1);
  });
  assertEquals(names, ["first", "second"]);
});

Deno.test("background: task-locals are those of the place where it was started", async () => {
  const user = new TaskLocal<string>();
  let behind!: Task<string>;
  const handler = fetchHandler(() =>
    user.run("ann", () => {
      behind = currentTask().background(() => sleep(1).then(() => user.get()!));
      return new Response();
    })
  );
  await handler(get("/"));
  assertEquals(await behind, "ann");
});

Deno.test("background: its failure goes to onError with the request, and is never left unhandled", async () => {
  const failure = new Error("boom");
  const told: unknown[] = [];
  const request = get("/x");
  const fn = () => {
    currentTask().background(async () => {
      await sleep(1);
      throw failure;
    }, { name: "log" });
    return new Response();
  };
  const onError = (...args: unknown[]) => void told.push(...args);
  const handler = fetchHandler(fn, { onError });
  await withLeakCheck(async () => {
    await handler(request);
    while (activeTasks().length > 0) await sleep(1);
  });
  assertStrictEquals(told[0], failure);
  assertStrictEquals(told[1], request);

  const lines = await printed(async () => {
    await fetchHandler(fn)(request);
    while (activeTasks().length > 0) await sleep(1);
  });
  assertEquals(lines, [`In "requests", log:`, failure]);
});

Deno.test("background: what onError gives for a failure behind a response is nobody's", async () => {
  let calls = 0;
  const handler = fetchHandler(() => {
    currentTask().background(() => Promise.reject(new Error("boom")));
    return new Response("fine");
  }, {
    onError: () => {
      calls++;
      return new Response("sorry", { status: 502 });
    },
  });
  const [answer] = await Promise.all([read(handler(get("/"))), sleep(5)]);
  assertEquals([answer, calls], [[200, "fine"], 1]);
});

Deno.test("background: a platform with waitUntil is told to wait for it, and never of its failure [I5]", async () => {
  const waited: Promise<unknown>[] = [];
  const context = {
    waitUntil(promise: Promise<unknown>) {
      assertStrictEquals(this, context);
      waited.push(promise);
    },
  };
  const gate = Promise.withResolvers<void>();
  const handler = fetchHandler((_request, _env: unknown, _context: unknown) => {
    currentTask().background(async () => {
      await gate.promise;
      throw new Error("boom");
    });
    return new Response();
  }, { onError: () => {} });
  await handler(get("/"), {}, context);
  assertEquals(waited.length, 1);
  let isOver = false;
  waited[0].then(() => isOver = true);
  await waitAllTasksBlocked();
  assertEquals(isOver, false);
  gate.resolve();
  assertEquals(await waited[0], undefined);
});

Deno.test("background: it does not count as a request under way", async () => {
  const gate = Promise.withResolvers<void>();
  const handler = fetchHandler(() => {
    currentTask().background(() => gate.promise);
    return new Response();
  }, { maxConcurrent: 1 });
  for (let i = 0; i < 3; i++) assertEquals((await handler(get("/"))).status, 200);
  gate.resolve();
  await waitAllTasksBlocked();
});

Deno.test("background: the scope around is cancelled: so is it [I5]", async () => {
  let reason: unknown;
  await withLeakCheck(() =>
    nursery(async (services) => {
      const handler = fetchHandler(() => {
        currentTask().background(async () => {
          try {
            await sleep(60_000);
          } catch (error) {
            reason = error;
            throw error;
          }
        });
        return new Response();
      });
      await handler(get("/"));
      services.cancel("enough");
    })
  );
  assertEquals((reason as { reason: unknown }).reason, "enough");
});

Deno.test("background: a server that is stopped gives it the drain [I3, I5]", async () => {
  const ends: string[] = [];
  await withLeakCheck(() =>
    nursery(async (services) => {
      const gate = Promise.withResolvers<void>();
      const { base } = await start(services, () => {
        currentTask().background(async (task) => {
          await sleep(60_000, { endOnStop: true }).catch(() => {});
          ends.push(`stopping: ${task.stopping}`);
          await gate.promise;
          await sleep(1);
          ends.push("finished");
        });
        return new Response();
      }, { drain: 60_000 });
      await read(base);
      services.stop();
      await waitAllTasksBlocked();
      gate.resolve();
    })
  );
  assertEquals(ends, ["stopping: true", "finished"]);
});

Deno.test("background: what outlasts the drain is cancelled [I3, I5]", async () => {
  let reason: unknown;
  await withLeakCheck(() =>
    nursery(async (services) => {
      const { base } = await start(services, () => {
        currentTask().background(() =>
          sleep(60_000).catch((error) => {
            reason = error.reason;
            throw error;
          })
        );
        return new Response();
      }, { drain: 10 });
      await read(base);
      services.stop();
    })
  );
  assertEquals(reason, "it did not stop within 10 ms");
});

Deno.test("background: outside any request it is an error that says what to do", () => {
  const error = assertThrows(() => currentTask().background(() => {}), Error);
  assertEquals(
    error.message,
    `Cannot go on in the background of "root" as it is not part of a request. Spawn into a nursery that outlives it`,
  );
});

Deno.test("background: when the request or its group has ended, it starts nothing", async () => {
  let request!: Task;
  let behind!: Task<void>;
  await nursery(async () => {
    const gate = Promise.withResolvers<void>();
    const handler = fetchHandler(() => {
      request = currentTask();
      behind = request.background(() => gate.promise);
      return new Response();
    });
    await handler(get("/"));
    assertThrows(
      () => request.background(() => {}),
      ClosedError,
      `background of "GET /" as it has ended`,
    );
    gate.resolve();
  });
  assert(!behind.isAlive);
  assertThrows(() => behind.background(() => {}), ClosedError, `"requests" as that has ended`);
});

Deno.test("background: bad arguments throw at the call", () => {
  const given = (...args: unknown[]) => () =>
    (currentTask().background as (...args: unknown[]) => unknown).apply(currentTask(), args);
  assertThrows(given(1), TypeError, "must be a function");
  assertThrows(given(() => {}, 1), TypeError, "options");
  assertThrows(given(() => {}, { name: 1 }), TypeError, "'name' must be a string");
});

Deno.test("fetchHandler: a response that comes too late is not kept open", async () => {
  const gate = Promise.withResolvers<void>();
  const told: unknown[] = [];
  const failure = new Error("cannot be cancelled");
  const ends: string[] = [];
  const bodies: Record<string, () => ReadableStream> = {
    "/cancelled": () => new ReadableStream({ cancel: () => void ends.push("cancelled") }),
    "/fails": () => new ReadableStream({ cancel: () => Promise.reject(failure) }),
    "/locked": () => new ReadableStream({ cancel: () => void ends.push("locked") }),
    "/another": () => {
      streamBody(["not this one"]);
      return new ReadableStream({ cancel: () => void ends.push("another") });
    },
    "/made": () => streamBody(() => (ends.push("made"), ["x"])),
  };
  const handler = fetchHandler(async (request) => {
    const { pathname } = new URL(request.url);
    const response = new Response(bodies[pathname]());
    if (pathname === "/locked") response.body!.getReader();
    await gate.promise;
    return response;
  }, { timeout: 5, onError: (error) => void told.push(error) });
  await withLeakCheck(async () => {
    for (const path of Object.keys(bodies)) assertEquals((await handler(get(path))).status, 504);
    gate.resolve();
    await waitAllTasksBlocked();
  });
  assertEquals([ends, told], [["cancelled", "another"], [failure]]);
});

Deno.test("fetchHandler: what is answered in time is left open", async () => {
  let cancelled = false;
  const handler = fetchHandler(
    () => new Response(new ReadableStream({ cancel: () => void (cancelled = true) })),
    { timeout: 1000 },
  );
  const response = await handler(get("/"));
  await waitAllTasksBlocked();
  assertEquals(cancelled, false);
  await response.body!.cancel();
});

Deno.test("fetchHandler: that a body is cancelled before anybody reads it is no failure", async () => {
  const told: unknown[] = [];
  await withLeakCheck(async () => {
    await nursery(async (services) => {
      const handler = fetchHandler(() => new Response(streamBody(["x"])), {
        onError: (error) => void told.push(error),
      });
      await handler(get("/"));
      services.cancel();
    });
    await waitAllTasksBlocked();
  });
  assertEquals(told, []);
});
