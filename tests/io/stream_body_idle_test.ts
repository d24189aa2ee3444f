import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  activeTasks,
  connect,
  currentTask,
  fetchHandler,
  isCancelled,
  nursery,
  sleep,
  streamBody,
} from "../../mod.ts";
import { withLeakCheck, withVirtualTime } from "../../primitives/testing/mod.ts";
import { printed, read, start, untilTask } from "./http_server.ts";
import { bytes, readAll } from "./pair.ts";

Deno.test("streamBody: a client that takes nothing for the idle timeout is taken for gone [I2]", async () => {
  const told: unknown[] = [];
  const ends: string[] = [];
  const chunk = new Uint8Array(64 * 1024);
  const lines = await printed(() =>
    withLeakCheck(() =>
      nursery(async (services) => {
        const { address, base } = await start(services, (request) => {
          if (request.url.endsWith("/other")) return new Response("served");
          return new Response(streamBody(async function* () {
            try {
              for (;;) yield chunk;
            } finally {
              ends.push(currentTask().name);
            }
          }, { idleTimeout: 50 }));
        }, { maxConcurrent: 1, onError: (error) => void told.push(error) });
        using client = await connect(address);
        await client.write(bytes("GET /flood HTTP/1.1\r\nhost: x\r\n\r\n"));
        await untilTask("GET /flood");
        await untilTask("GET /flood", false);
        assertEquals(await read(`${base}/other`), [200, "served"]);
        // What it takes now is cut short: it must not be taken for the whole.
        await client.closeWrite();
        const rest = await readAll(client).catch(() => "");
        assert(!rest.endsWith("\r\n0\r\n\r\n"));
        services.stop();
      })
    ).then(() => {})
  );
  assertEquals([ends, told, lines], [["GET /flood"], [], []]);
});

Deno.test("streamBody: a body that nobody takes ends, and one that makes its chunks slowly does not", async () => {
  await withVirtualTime(async () => {
    const handler = fetchHandler(() =>
      new Response(streamBody(async function* () {
        yield "slowly ";
        await sleep(10_000);
        yield "made";
      }, { idleTimeout: 1000 }))
    );
    assertEquals(await read(handler(new Request("http://localhost/"))), [200, "slowly made"]);
    const { body } = await handler(new Request("http://localhost/"));
    await sleep(1001);
    assertEquals(activeTasks(), []);
    const error = await assertRejects(() => new Response(body).text());
    assert(isCancelled(error));
    assertEquals(error.reason, "its client took nothing for 1000 ms");
  });
});
