import { assertEquals, assertThrows } from "@std/assert";
import { connect, fetchHandler, nursery, upgradeWebSocket } from "../../mod.ts";
import { withLeakCheck } from "../../primitives/testing/mod.ts";
import { read, start } from "./http_server.ts";
import { bytes } from "./pair.ts";
import { echo, HANDSHAKE, open, openRaw, serving } from "./web_socket_server.ts";

Deno.test("upgradeWebSocket: of the subprotocols the first that the client asks for too is taken", async () => {
  const agreed: string[] = [];
  await serving((socket) => void agreed.push(socket.protocol), async ({ url }) => {
    for (const asked of [["v1", "v2"], ["v1"], []]) {
      const { socket, closed } = await open(url, asked);
      await closed;
      agreed.push(socket.protocol);
    }
  }, { protocols: ["v2", "v1"] });
  assertEquals(agreed, ["v2", "v2", "v1", "v1", "", ""]);
});

Deno.test("upgradeWebSocket: what does not ask for a WebSocket is answered by 426", async () => {
  await serving(echo, async ({ base }) => {
    assertEquals(await read(base), [426, "Upgrade Required"]);
  });
});

Deno.test("upgradeWebSocket: a handshake that lacks something is answered by 400, and is no failure", async () => {
  const told: unknown[] = [];
  await serving(echo, async ({ address }) => {
    for (
      const header of [
        "connection: upgrade",
        "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
        "connection: close\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
      ]
    ) {
      using client = await connect(address);
      await client.write(bytes(
        `GET / HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\n${header}\r\n\r\n`,
      ));
      const head = new TextDecoder().decode((await client.readUntil("\r\n"))!);
      assertEquals(head, "HTTP/1.1 400 Bad Request");
    }
  }, { onError: (error) => void told.push(error) });
  assertEquals(told, []);
});

Deno.test("upgradeWebSocket: a client may offer WebSockets among other protocols", async () => {
  await serving((socket) => socket.send("hi"), async ({ address }) => {
    using client = await openRaw(address, "h2c, WebSocket");
    assertEquals(await client.readExactly(4), new Uint8Array([0x81, 2, 104, 105]));
  });
});

Deno.test("upgradeWebSocket: the server outlives a request that fails on its way to a WebSocket", async () => {
  const told: unknown[] = [];
  await withLeakCheck(() =>
    nursery(async (services) => {
      const { base } = await start(services, (request) => {
        const response = upgradeWebSocket(request, echo);
        if (request.url.endsWith("fails")) throw new Error("boom");
        if (request.url.endsWith("other")) return new Response("another");
        return response;
      }, { onError: (error) => void told.push((error as Error).message) });
      const url = base.replace("http", "ws");
      for (const path of ["fails", "other"]) {
        const { socket } = await open(`${url}/${path}`);
        assertEquals(socket.readyState, WebSocket.CLOSED);
      }
      const { socket, closed } = await open(url);
      socket.close();
      await closed;
      assertEquals(told, ["boom"]);
      services.stop();
    })
  );
});

Deno.test("upgradeWebSocket: what is cancelled on its way to a WebSocket opens none", async () => {
  const told: unknown[] = [];
  let response!: Promise<Response>;
  await nursery((services) => {
    const handler = fetchHandler((request) => {
      services.cancel();
      return upgradeWebSocket(request, echo);
    }, { onError: (error) => void told.push(error) });
    response = handler(new Request("http://localhost/", { headers: HANDSHAKE }));
  });
  assertEquals([(await response).status, told], [503, []]);
});

Deno.test("upgradeWebSocket: bad arguments throw at the call; without fetchHandler nothing is opened", async () => {
  const request = new Request("http://localhost/", { headers: HANDSHAKE });
  const given = (...args: unknown[]) => () =>
    (upgradeWebSocket as (...args: unknown[]) => Response)(...args);
  assertThrows(given({}, echo), TypeError, "the first argument must be a Request");
  assertThrows(given(request), TypeError, "the handler must be a function");
  assertThrows(given(request, echo, 1), TypeError, "options");
  assertThrows(given(request, echo, { protocols: "x" }), TypeError, "'protocols'");
  assertThrows(given(request, echo, { max: 0 }), RangeError, "'max'");
  assertThrows(given(request, echo, { capacity: 0 }), RangeError, "'capacity'");
  assertThrows(given(request, echo, { idleTimeout: -1 }), RangeError, "'idleTimeout'");
  const response = upgradeWebSocket(request, echo);
  assertEquals(await read(response), [
    500,
    "A WebSocket is opened by fetchHandler() or serveHttp() alone",
  ]);
});

Deno.test("upgradeWebSocket: a request that the platform cannot upgrade is a failure of its own", async () => {
  const told: unknown[] = [];
  const { upgradeWebSocket: original } = Deno;
  const failure = new TypeError("not this one");
  Object.assign(Deno, {
    upgradeWebSocket: () => {
      throw failure;
    },
  });
  try {
    const handler = fetchHandler((request) => upgradeWebSocket(request, echo), {
      onError: (error) => void told.push(error),
    });
    const response = await handler(new Request("http://localhost/", { headers: HANDSHAKE }));
    assertEquals([response.status, told], [500, [failure]]);
  } finally {
    Object.assign(Deno, { upgradeWebSocket: original });
  }
});

Deno.test("upgradeWebSocket: the idle timeout is given to Deno in whole seconds, and none as 0", async () => {
  const { upgradeWebSocket: original } = Deno;
  const given: unknown[] = [];
  Object.assign(Deno, {
    upgradeWebSocket: (_request: Request, options: unknown) => {
      given.push(options);
      throw new Error("that will do");
    },
  });
  try {
    for (const idleTimeout of [undefined, 1, 1001, Infinity]) {
      const handler = fetchHandler(
        (request) => upgradeWebSocket(request, echo, { idleTimeout, protocols: ["v1"] }),
        { onError: () => {} },
      );
      const headers = { ...HANDSHAKE, "sec-websocket-protocol": "v2, v1" };
      await handler(new Request("http://localhost/", { headers }));
    }
  } finally {
    Object.assign(Deno, { upgradeWebSocket: original });
  }
  assertEquals(given, [30, 1, 2, 0].map((idleTimeout) => ({ idleTimeout, protocol: "v1" })));
});

Deno.test("upgradeWebSocket: where there is no way to it, the error says so", () => {
  const { upgradeWebSocket: original } = Deno;
  const request = new Request("http://localhost/", { headers: HANDSHAKE });
  Object.assign(Deno, { upgradeWebSocket: undefined });
  try {
    const error = assertThrows(() => upgradeWebSocket(request, echo), Error);
    assertEquals(
      error.message,
      "Cannot upgrade to a WebSocket as this platform has no way to it from a Request. Run it under Deno or workerd",
    );
  } finally {
    Object.assign(Deno, { upgradeWebSocket: original });
  }
});
