import { assert, assertEquals } from "@std/assert";
import { cancellable, connect, nursery, serveHttp, sleep, streamBody } from "../../mod.ts";
import { withLeakCheck } from "../../primitives/testing/mod.ts";
import { HERE, printed, read, start, untilTask } from "./http_server.ts";
import { bytes, readAll, text } from "./pair.ts";

/** How a promise has ended. */
function endOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(() => "ended", (error) => (error as Error).name);
}

Deno.test("serveHttp: a client that goes away in the middle of its request is no failure, and the server lives [I5]", async () => {
  const ends: string[] = [];
  const lines = await printed(() =>
    withLeakCheck(() =>
      nursery(async (services) => {
        const { address, base } = await start(services, async (request) => {
          if (request.method === "GET") return new Response("alive");
          const body = request.text();
          ends.push(await endOf(body));
          return new Response(await body);
        });
        for (let i = 0; i < 3; i++) {
          using client = await connect(address);
          await client.write(
            bytes(`POST /${i} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nonly this`),
          );
          await untilTask(`POST /${i}`);
        }
        while (ends.length < 3) await sleep(1);
        assertEquals(await read(base), [200, "alive"]);
        services.stop();
      }).then(() => {})
    )
  );
  assert(!ends.includes("ended"), ends.join());
  assertEquals(lines, []);
});

Deno.test("serveHttp: clients that draw out their bodies keep no place, where the reading is cancellable [I2]", async () => {
  const told: unknown[] = [];
  await withLeakCheck(() =>
    nursery(async (services) => {
      const { address, base } = await start(
        services,
        // What has no body is answered at once, however slow the machine is.
        async (request) =>
          new Response(request.body === null ? "served" : await cancellable(request.text())),
        { timeout: 20, maxConcurrent: 2, onError: (error) => void told.push(error) },
      );
      const clients = [];
      for (let i = 0; i < 2; i++) {
        const client = await connect(address);
        clients.push(client);
        await client.write(bytes("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nab"));
        assertEquals(text((await client.readUntil("\r\n"))!), "HTTP/1.1 504 Gateway Timeout");
      }
      assertEquals(await read(base), [200, "served"]);
      for (const client of clients) client.close();
      services.stop();
    })
  );
  assertEquals(told, []);
});

Deno.test("serveHttp: a body that is cut short when its time is up is no failure", async () => {
  const told: unknown[] = [];
  await withLeakCheck(() =>
    nursery(async (services) => {
      const { address } = await start(services, async (request) => {
        return new Response(await request.text());
      }, { timeout: 5, onError: (error) => void told.push(error) });
      {
        using client = await connect(address);
        await client.write(bytes("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nab"));
        assertEquals(text((await client.readUntil("\r\n"))!), "HTTP/1.1 504 Gateway Timeout");
      }
      await untilTask("POST /", false);
      services.stop();
    })
  );
  assertEquals(told, []);
});

const WAYS_TO_READ: Record<string, (request: Request) => Promise<unknown>> = {
  text: (request) => request.text(),
  json: (request) => request.json(),
  bytes: (request) => request.bytes(),
  loop: async (request) => {
    for await (const _ of request.body!);
  },
  pipe: (request) => request.body!.pipeTo(new WritableStream()),
  transform: (request) =>
    new Response(request.body!.pipeThrough(new TransformStream())).arrayBuffer(),
};

Deno.test("serveHttp: a client that goes away in the middle of its body is no failure, however that is read", async () => {
  const told: unknown[] = [];
  const read: string[] = [];
  await nursery(async (services) => {
    const { address } = await start(services, async (request) => {
      const way = new URL(request.url).pathname.slice(1);
      try {
        await WAYS_TO_READ[way](request);
      } catch (error) {
        read.push(way);
        throw error;
      }
      return new Response();
    }, { onError: (error) => void told.push(error) });
    for (const way of Object.keys(WAYS_TO_READ)) {
      {
        using client = await connect(address);
        await client.write(
          bytes(`POST /${way} HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nab`),
        );
        await untilTask(`POST /${way}`);
      }
      await untilTask(`POST /${way}`, false);
    }
    services.stop();
  });
  assertEquals(read, Object.keys(WAYS_TO_READ));
  assertEquals(told, []);
});

Deno.test("serveHttp: an error that only looks like a body that was cut short is told of", async () => {
  const told: unknown[] = [];
  const failure = new Deno.errors.BadResource("Bad resource ID");
  await nursery(async (services) => {
    const { base } = await start(services, async (request) => {
      await request.text();
      throw failure;
    }, { onError: (error) => void told.push(error) });
    const response = await fetch(base, { method: "POST", body: "whole" });
    assertEquals(await read(response), [500, "Internal Server Error"]);
    services.stop();
  });
  assertEquals(told, [failure]);
});

Deno.test("serveHttp: a client that goes away in the middle of a response is no failure, and the server lives [I5]", async () => {
  const lines = await printed(() =>
    withLeakCheck(() =>
      nursery(async (services) => {
        const big = new Uint8Array(2 ** 24);
        const { address, base } = await start(
          services,
          (request) => request.url.endsWith("big") ? new Response(big) : new Response("alive"),
        );
        for (let i = 0; i < 5; i++) {
          using client = await connect(address);
          await client.write(bytes("GET /big HTTP/1.1\r\nhost: x\r\n\r\n"));
          await client.readExactly(1000);
        }
        assertEquals(await read(base), [200, "alive"]);
        services.stop();
      }).then(() => {})
    )
  );
  assertEquals(lines, []);
});

Deno.test("serveHttp: a host that makes no sense is the client's mistake, and not a failure of the handler", async () => {
  const told: unknown[] = [];
  await withLeakCheck(() =>
    nursery(async (services) => {
      const { address } = await start(services, async (request) => {
        await sleep(1);
        if (request.url.endsWith("/throws")) throw new Error("another");
        const { pathname } = new URL(request.url);
        if (pathname === "/fails") throw new TypeError("of its own");
        return new Response("alive");
      }, { onError: (error) => void told.push((error as Error).message) });
      const answers: string[] = [];
      for (const [path, host] of [["/", "a b"], ["/throws", "a b"], ["/fails", "x"], ["/", "x"]]) {
        using client = await connect(address);
        await client.write(bytes(`GET ${path} HTTP/1.1\r\nhost: ${host}\r\n\r\n`));
        answers.push(text((await client.readUntil("\r\n"))!).slice(9));
      }
      assertEquals(answers, [
        "400 Bad Request",
        "500 Internal Server Error",
        "500 Internal Server Error",
        "200 OK",
      ]);
      services.stop();
    })
  );
  assertEquals(told, ["another", "of its own"]);
});

Deno.test("serveHttp: what is no HTTP is refused, and nobody else notices", async () => {
  await withLeakCheck(() =>
    nursery(async (services) => {
      const { address, base } = await start(services, () => new Response("alive"));
      for (const text of ["\x16\x03\x01 hello\r\n\r\n", "GET / HTTP/9\r\n\r\n", ""]) {
        using client = await connect(address);
        await client.write(bytes(text));
        await client.closeWrite();
        await readAll(client).catch(() => {});
      }
      assertEquals(await read(base), [200, "alive"]);
      services.stop();
    })
  );
});

Deno.test("serveHttp: under overload so many run at once, the others are told, and nobody is forgotten [I5]", async () => {
  let running = 0;
  let most = 0;
  await withLeakCheck(() =>
    nursery(async (services) => {
      // Until each of them either runs or was refused.
      const gate = Promise.withResolvers<void>();
      let settled = 0;
      const settle = () => ++settled === 60 && gate.resolve();
      const { base } = await start(services, async () => {
        most = Math.max(most, ++running);
        settle();
        await gate.promise;
        running--;
        return new Response("served");
      }, { maxConcurrent: 5 });
      const statuses = await Promise.all(Array.from({ length: 60 }, async () => {
        const [status] = await read(base);
        if (status === 503) settle();
        return status;
      }));
      assertEquals(statuses.filter((status) => status === 200).length, 5);
      assertEquals(statuses.filter((status) => status === 503).length, 55);
      assertEquals(await read(base), [200, "served"]);
      services.stop();
    })
  );
  assertEquals([most, running], [5, 0]);
});

Deno.test("serveHttp: when it is stopped under load, whatever has begun is answered whole [I3]", async () => {
  let begun = 0;
  let whole = 0;
  const cut: string[] = [];
  await withLeakCheck(() =>
    nursery(async (clients) => {
      const server = clients.spawn(() =>
        nursery(async (services) => {
          const { base } = await start(services, async (request) => {
            begun++;
            await sleep(begun % 7);
            if (request.url.endsWith("plain")) return new Response("12345");
            return new Response(streamBody(async function* () {
              for (let n = 1; n <= 5; n++) {
                yield String(n);
                await sleep(1);
              }
            }));
          }, { drain: 30_000 });
          for (let i = 0; i < 20; i++) {
            clients.spawn(async () => {
              for (;;) {
                let response: Response;
                try {
                  response = await fetch(`${base}/${i % 2 ? "plain" : "stream"}`);
                } catch {
                  return; // It was not let in any more.
                }
                const text = await response.text().catch((error) => String(error));
                if (text === "12345") whole++;
                else cut.push(text);
              }
            });
          }
          while (whole < 200) await sleep(1);
          services.stop();
        })
      );
      await server;
    })
  );
  assertEquals(cut, []);
  assertEquals(whole, begun);
});

Deno.test("serveHttp: handlers that fail in every way leave the server as it was", async () => {
  const told: unknown[] = [];
  await withLeakCheck(() =>
    nursery(async (services) => {
      const ways: Record<string, () => Response | Promise<Response>> = {
        "/throws": () => {
          throw new Error("thrown");
        },
        "/rejects": () => Promise.reject("a text"),
        "/nothing": () => undefined as unknown as Response,
        "/locked": () => {
          const response = new Response("x");
          response.body!.getReader();
          return response;
        },
        "/alive": () => new Response("alive"),
      };
      const { base } = await start(services, (request) => ways[new URL(request.url).pathname](), {
        onError: (error) => void told.push(error),
      });
      for (const path of ["/throws", "/rejects", "/nothing"]) {
        assertEquals(await read(base + path), [500, "Internal Server Error"]);
      }
      assertEquals(told.length, 3);
      await printed(() => endOf(read(`${base}/locked`)).then(() => {}));
      assertEquals(await read(`${base}/alive`), [200, "alive"]);
      services.stop();
    })
  );
});

Deno.test("serveHttp: many servers, started and ended in every way, leave nothing", async () => {
  await withLeakCheck(async () => {
    for (let i = 0; i < 20; i++) {
      await nursery(async (services) => {
        services.spawn(() => serveHttp(HERE, () => new Response()));
        const { base } = await start(services, () => sleep(i % 3).then(() => new Response("x")));
        const answer = read(base).catch(() => {});
        if (i % 4 > 0) await answer;
        if (i % 2) services.stop();
        else services.cancel();
      });
    }
  });
});
