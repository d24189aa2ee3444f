import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  activeTasks,
  currentTask,
  fetchHandler,
  type FetchHandlerOptions,
  formatTree,
  nursery,
  shield,
  sleep,
  type Task,
  taskGroup,
  TaskLocal,
  TimeoutError,
} from "../../mod.ts";
import {
  waitAllTasksBlocked,
  withLeakCheck,
  withVirtualTime,
} from "../../primitives/testing/mod.ts";
import { printed, read } from "./http_server.ts";
import { bytes } from "./pair.ts";

const get = (path: string, init?: RequestInit) => new Request(`http://localhost${path}`, init);

Deno.test("fetchHandler: a request is a task, named after its method and path but not its query", async () => {
  let task: Task | undefined;
  const handler = fetchHandler(async () => {
    task = currentTask();
    await sleep(1);
    assertStrictEquals(currentTask(), task);
    return new Response(task.name);
  });
  assertEquals(await read(handler(get("/search/deep?q=secret"))), [200, "GET /search/deep"]);
  assertEquals(task?.state, "succeeded");
  assertEquals(await read(handler(get("", { method: "POST" }))), [200, "POST /"]);
});

Deno.test("fetchHandler: what the platform passes besides the request is passed on", async () => {
  const handler = fetchHandler((request, env: { name: string }, n: number) =>
    new Response(`${request.method} ${env.name} ${n}`)
  );
  assertEquals(await read(handler(get("/"), { name: "edge" }, 7)), [200, "GET edge 7"]);
});

Deno.test("fetchHandler: a handler may be synchronous, asynchronous, or give any thenable", async () => {
  const response = () => new Response("hi");
  const thenable = {
    then: (resolve: (response: Response) => void) => resolve(response()),
  } as unknown as PromiseLike<Response>;
  for (const fn of [response, () => Promise.resolve(response()), () => thenable]) {
    assertEquals(await read(fetchHandler(fn)(get("/"))), [200, "hi"]);
  }
});

Deno.test("fetchHandler: all that a request started has ended before its client gets the response", async () => {
  let cleanedUp = false;
  const handler = fetchHandler(() => {
    taskGroup((group) => {
      group.spawn(async () => {
        try {
          await sleep(60_000);
        } finally {
          await shield(() => sleep(1));
          cleanedUp = true;
        }
      });
    }).catch(() => {});
    return new Response("done");
  });
  await withLeakCheck(async () => {
    assertEquals(await read(handler(get("/"))), [200, "done"]);
    assert(cleanedUp);
  });
});

Deno.test("fetchHandler: a client that goes away cancels its request's tree [I5]", async () => {
  const ended: string[] = [];
  const leaving = new AbortController();
  const handler = fetchHandler(() =>
    taskGroup(async (group) => {
      for (const name of ["a", "b"]) {
        group.spawn(async () => {
          try {
            await sleep(60_000);
          } finally {
            ended.push(name);
          }
        });
      }
      await sleep(60_000);
      return new Response("never");
    })
  );
  await withLeakCheck(async () => {
    const response = handler(get("/", { signal: leaving.signal }));
    assertEquals(activeTasks().filter((task) => task.name === "GET /").length, 1);
    leaving.abort();
    assertEquals((await response).status, 499);
  });
  assertEquals(ended, ["a", "b"]);
});

Deno.test("fetchHandler: the signal of a request that is answered soon is not even looked at", async () => {
  await withVirtualTime(async () => {
    const looked: string[] = [];
    const watched = (path: string): Request => {
      const request = get(path);
      const { signal } = request;
      return Object.defineProperty(request, "signal", {
        get() {
          looked.push(path);
          return signal;
        },
      });
    };
    const handler = fetchHandler(async (request) => {
      if (request.url.endsWith("slow")) await sleep(150);
      else if (request.url.endsWith("soon")) await sleep(45);
      return new Response();
    });
    await withLeakCheck(() =>
      Promise.all(["/slow", "/at-once", "/soon", "/slow"].map((path) => handler(watched(path))))
    );
    assertEquals(looked, ["/slow", "/slow"]);
  });
});

Deno.test("fetchHandler: no listener stays on the signal of a request that was answered", async () => {
  await withVirtualTime(async () => {
    let listeners = 0;
    const request = get("/", { signal: new AbortController().signal });
    const { signal } = request;
    const counted = Object.create(signal, {
      aborted: { value: false },
      addEventListener: { value: () => void listeners++ },
      removeEventListener: { value: () => void listeners-- },
    });
    Object.defineProperty(request, "signal", { value: counted });
    const seen: number[] = [];
    const handler = fetchHandler(async () => {
      await sleep(150);
      seen.push(listeners);
      return new Response();
    });
    await handler(request);
    assertEquals([seen, listeners], [[1], 0]);
  });
});

Deno.test("fetchHandler: a request that comes while others wait is watched in its turn [I5]", async () => {
  await withVirtualTime(async () => {
    const handler = fetchHandler(() => sleep(60_000).then(() => new Response()));
    const clients = [1, 2, 3].map(() => new AbortController());
    const responses: Promise<Response>[] = [];
    for (const { signal } of clients) {
      responses.push(handler(get("/", { signal })));
      await sleep(40);
    }
    for (const [i, client] of clients.reverse().entries()) {
      client.abort();
      assertEquals((await responses[2 - i]).status, 499);
    }
  });
});

Deno.test("fetchHandler: after the timeout the client gets a 504 at once, and the request is cancelled", async () => {
  let reason: unknown;
  const stuck = Promise.withResolvers<void>();
  const handler = fetchHandler(async (request) => {
    try {
      await (request.url.endsWith("stuck") ? stuck.promise : sleep(60_000));
    } catch (error) {
      reason = (error as { reason?: unknown }).reason;
      throw error;
    }
    return new Response("too late");
  }, { timeout: 5 });
  assertEquals(await read(handler(get("/"))), [504, "Gateway Timeout"]);
  assert(reason instanceof TimeoutError);
  assertEquals(await read(handler(get("/stuck"))), [504, "Gateway Timeout"]);
  assertEquals(activeTasks().map((task) => task.name), ["GET /stuck"]);
  stuck.resolve();
  await waitAllTasksBlocked();
  assertEquals(activeTasks(), []);
  const quick = fetchHandler(() => new Response("in time"), { timeout: 1000 });
  await withLeakCheck(async () => assertEquals(await read(quick(get("/"))), [200, "in time"]));
});

Deno.test("fetchHandler: over maxConcurrent the answer is a 503 with Retry-After [I5]", async () => {
  let calls = 0;
  const gate = Promise.withResolvers<void>();
  const handler = fetchHandler(async () => {
    calls++;
    await gate.promise;
    return new Response("served");
  }, { maxConcurrent: 2 });
  const served = [handler(get("/")), handler(get("/"))];
  const refused = await handler(get("/"));
  assertEquals([refused.status, refused.headers.get("retry-after"), calls], [503, "1", 2]);
  gate.resolve();
  for (const response of served) assertEquals(await read(response), [200, "served"]);
  assertEquals(await read(handler(get("/"))), [200, "served"]);
});

Deno.test("fetchHandler: a failed request gives its place back", async () => {
  const handler = fetchHandler(() => Promise.reject(new Error("boom")), {
    maxConcurrent: 1,
    onError: () => {},
  });
  for (let i = 0; i < 3; i++) assertEquals((await handler(get("/"))).status, 500);
});

Deno.test("fetchHandler: a failure goes to onError, and the client learns nothing of it", async () => {
  const failure = new Error("password=hunter2");
  const told: unknown[] = [];
  const request = get("/");
  const onError = (...args: unknown[]) => void told.push(...args);
  for (
    const fn of [() => Promise.reject(failure), () => {
      throw failure;
    }]
  ) {
    assertEquals(await read(fetchHandler(fn, { onError })(request)), [
      500,
      "Internal Server Error",
    ]);
    assertEquals(told.splice(0), [failure, request]);
  }
});

Deno.test("fetchHandler: onError may give the response", async () => {
  const handler = fetchHandler(() => Promise.reject(new Error("boom")), {
    onError: () => new Response("sorry", { status: 502 }),
  });
  assertEquals(await read(handler(get("/"))), [502, "sorry"]);
});

Deno.test("fetchHandler: a failure is printed where nobody asked for it, and where onError fails", async () => {
  const failure = new Error("boom");
  const fn = () => Promise.reject(failure);
  const lines = await printed(async () => {
    assertEquals((await fetchHandler(fn)(get("/x"))).status, 500);
  });
  assertEquals(lines, [`In "requests", GET /x:`, failure]);

  const worse = new Error("onError");
  const more = await printed(async () => {
    const handler = fetchHandler(fn, {
      name: "api",
      onError: () => {
        throw worse;
      },
    });
    assertEquals((await handler(get("/x"))).status, 500);
  });
  assertEquals(more, [`The onError of "api" failed:`, worse, `In "api", GET /x:`, failure]);
});

Deno.test("fetchHandler: an onError that gives anything but a Response is told of, and nothing is lost", async () => {
  const failure = new Error("boom");
  const answered = async (given: unknown) => {
    const handler = fetchHandler(() => Promise.reject(failure), {
      onError: () => given as Response,
    });
    return await printed(async () => {
      assertEquals(await read(handler(get("/x"))), [500, "Internal Server Error"]);
      await sleep(1);
    });
  };
  for (const given of ["text", 0, {}]) {
    const [what, error, ...rest] = await answered(given);
    assertEquals([what, ...rest], [
      `The onError of "requests" failed:`,
      `In "requests", GET /x:`,
      failure,
    ]);
    assert(error instanceof TypeError);
    assert(error.message.includes("it must return a Response, or nothing: received"));
  }
  const worse = new Error("asynchronous");
  const lines = await answered(Promise.reject(worse));
  assertEquals(lines.filter((line) => line === failure || line === worse), [failure, worse]);
  for (const given of [undefined, null]) assertEquals(await answered(given), []);
});

Deno.test("fetchHandler: a request without a path is named all the same", async () => {
  const names: string[] = [];
  const handler = fetchHandler(() => {
    names.push(currentTask().name);
    return new Response();
  });
  // As `CONNECT host:80` is given by Deno.serve.
  const request = Object.defineProperty(get("/"), "url", { value: "http://host:80" });
  await handler(request);
  assertEquals(names, ["GET /"]);
});

Deno.test("fetchHandler: a function that returns no Response is a failure", async () => {
  const errors: unknown[] = [];
  const handler = fetchHandler(() => "text" as unknown as Response, {
    onError: (error) => void errors.push(error),
  });
  assertEquals((await handler(get("/"))).status, 500);
  assert(errors[0] instanceof TypeError);
  assertEquals(
    errors[0].message,
    `Cannot answer "GET /" as its function returned no Response: received "text"`,
  );
});

Deno.test("fetchHandler: its requests belong to the scope it was called in, and end with it", async () => {
  let ended = false;
  let handler!: (request: Request) => Promise<Response>;
  let response!: Promise<Response>;
  await withLeakCheck(async () => {
    await nursery(async (services) => {
      handler = fetchHandler(async () => {
        try {
          await sleep(60_000);
        } finally {
          ended = true;
        }
        return new Response("never");
      }, { name: "api" });
      response = handler(get("/"));
      assert(formatTree().includes(`"api"`));
      await waitAllTasksBlocked();
      services.cancel();
    });
    assert(ended);
    assertEquals((await response).status, 503);
    // The scope is over: the handler still answers, and starts nothing.
    assertEquals((await handler(get("/"))).status, 503);
  });
});

Deno.test("fetchHandler: a request has the task-locals of the place where the handler was made", async () => {
  const place = new TaskLocal<string>();
  const answer = await place.run("here", async () => {
    const handler = fetchHandler(async () => {
      await sleep(1);
      return new Response(place.get());
    });
    // As a server calls it: from outside all tasks.
    const { promise, resolve } = Promise.withResolvers<Response>();
    queueMicrotask(() => resolve(handler(get("/"))));
    return await read(promise);
  });
  assertEquals(answer, [200, "here"]);
});

Deno.test("fetchHandler: a streamed body is sent after its request has ended", async () => {
  const body = async function* () {
    yield bytes("one ");
    await sleep(1);
    yield bytes("two");
  };
  const handler = fetchHandler(() => new Response(ReadableStream.from(body())));
  const response = await handler(get("/"));
  assertEquals(activeTasks(), []);
  assertEquals(await read(response), [200, "one two"]);
});

Deno.test("fetchHandler: it keeps nothing of requests that have ended [G7]", async () => {
  const handler = fetchHandler(() => new Response());
  await withLeakCheck(async () => {
    for (let i = 0; i < 1000; i++) await handler(get("/"));
    assertEquals(activeTasks(), []);
  });
});

Deno.test("fetchHandler: a bad argument throws at the call", () => {
  const given = (fn: unknown, options?: unknown) => () =>
    fetchHandler(fn as () => Response, options as FetchHandlerOptions);
  assertThrows(given("x"), TypeError, "Cannot handle requests as the first argument must be");
  assertThrows(given(() => {}, { timeout: -1 }), RangeError, "'timeout'");
  assertThrows(given(() => {}, { maxConcurrent: 0 }), RangeError, "'maxConcurrent'");
  assertThrows(given(() => {}, { onError: 1 }), TypeError, "'onError'");
  assertThrows(given(() => {}, { name: 1 }), TypeError, "'name'");
});
