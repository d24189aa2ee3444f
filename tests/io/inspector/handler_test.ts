import { assert, assertEquals, assertFalse, assertMatch, assertThrows } from "@std/assert";
import { currentTask, fetchHandler, nursery } from "../../../mod.ts";
import { inspectorHandler } from "../../../io/inspector/mod.ts";
import { isAwaited } from "../../../primitives/kernel/hold.ts";
import { read, start } from "../http_server.ts";

Deno.test("inspectorHandler() answers in a server that is there, below its path", async () => {
  await nursery(async (services) => {
    const inspect = inspectorHandler("/tools/inspector");
    const { base } = await start(
      services,
      (request, info) =>
        new URL(request.url).pathname.startsWith("/tools")
          ? inspect(request, info)
          : new Response("the app"),
    );
    assertEquals(await read(base), [200, "the app"]);
    for (const path of ["/tools/inspector", "/tools/inspector/"]) {
      const [status, html] = await read(base + path);
      assertEquals(status, 200);
      // From there the page knows where its events are.
      assertMatch(html, /<body data-base="\/tools\/inspector" data-control="false">/);
    }
    const events = await fetch(`${base}/tools/inspector/events`);
    assertEquals(events.headers.get("content-type"), "text/event-stream");
    assertEquals(events.headers.get("cache-control"), "no-store");
    const reader = events.body!.pipeThrough(new TextDecoderStream()).getReader();
    const { value } = await reader.read();
    assert(value!.includes(`"name":"server"`));
    assert(!value!.includes("/events"), "not the task that tells");
    await reader.cancel();
    for (const path of ["/tools", "/tools/inspectors", "/tools/inspector/other"]) {
      assertEquals((await read(base + path))[0], 404, path);
    }
    const [status, text] = await read(
      fetch(`${base}/tools/inspector/tasks/1/cancel`, { method: "POST" }),
    );
    assertEquals(status, 403);
    assertMatch(text, /^The inspector only looks/);
    services.stop();
  });
});

Deno.test("inspectorHandler() ends its events when the server is asked to stop", async () => {
  await nursery(async (services) => {
    const inspect = inspectorHandler("");
    const { base } = await start(services, (request, info) => inspect(request, info));
    const events = await fetch(`${base}/events`);
    services.stop();
    assert((await events.text()).endsWith("\n\n"));
  });
});

Deno.test("inspectorHandler() answers to this machine alone, whatever the server listens on", async () => {
  const inspect = inspectorHandler("");
  const ask = fetchHandler((request, client?: { remoteAddr?: { hostname?: string } }) =>
    inspect(request, client)
  );
  const status = async (client?: { remoteAddr?: { hostname?: string } }) => {
    const request = new Request("http://localhost/", { headers: { host: "localhost" } });
    return (await read(ask(request, client)))[0];
  };
  for (const hostname of ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"]) {
    assertEquals(await status({ remoteAddr: { hostname } }), 200, hostname);
  }
  for (const hostname of ["192.168.1.7", "8.8.8.8", "fe80::1", "::ffff:10.0.0.1", "1270.0.0.1"]) {
    assertEquals(await status({ remoteAddr: { hostname } }), 403, hostname);
  }
  // Where nobody knows: on the edge, say.
  assertEquals(await status(undefined), 403);
  assertEquals(await status({}), 403);
});

Deno.test("inspectorHandler() outside all tasks hides nobody, and the root keeps nothing of it", async () => {
  const inspect = inspectorHandler("");
  const client = { remoteAddr: { hostname: "127.0.0.1" } };
  const request = () => new Request("http://localhost/", { headers: { host: "localhost" } });
  assertEquals((await read(inspect(request(), client)))[0], 200);
  assertFalse(currentTask()[isAwaited]);
});

Deno.test("inspectorHandler() throws at the call when the path makes no sense", () => {
  for (const path of ["inspector", "/", "/inspector/", "//", "/a b", `/"`, undefined, 1]) {
    assertThrows(
      () => inspectorHandler(path as string),
      TypeError,
      "Cannot show the inspector at",
      String(path),
    );
  }
});
