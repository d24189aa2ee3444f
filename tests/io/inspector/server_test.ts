import { assert, assertEquals, assertMatch, assertNotEquals, assertThrows } from "@std/assert";
import {
  connect,
  currentTask,
  inspect,
  listen,
  type Nursery,
  nursery,
  sleep,
  type Task,
  type TreeNode,
} from "../../../mod.ts";
import {
  inspector,
  type InspectorOptions,
  type InspectorServer,
} from "../../../io/inspector/mod.ts";
import { waitAllTasksBlocked } from "../../../primitives/testing/mod.ts";
import { read } from "../http_server.ts";
import { bytes, text } from "../pair.ts";

/** Starts an inspector, and asks it for things. */
async function inspecting(
  fn: (ask: Ask, url: URL, services: Nursery) => Promise<void>,
  options: Partial<InspectorOptions> = {},
): Promise<void> {
  await nursery(async (services) => {
    const { url } = await services.start<InspectorServer>(
      (_task, started) => inspector({ port: 0, ...options, started }),
      { name: "inspector" },
    );
    const base = new URL(url);
    await fn((path, init) => fetch(new URL(path, base), init), base, services);
    services.stop();
  });
}

type Ask = (path: string, init?: RequestInit) => Promise<Response>;

/** The status of what is asked for by a name of the server's; a `fetch` takes that from its URL. */
async function statusAt(
  { port }: URL,
  host: string,
  request = "GET /",
  headers: Record<string, string> = {},
): Promise<number> {
  using stream = await connect({ hostname: "127.0.0.1", port: Number(port) });
  const lines = Object.entries({ host, connection: "close", ...headers })
    .map(([name, value]) => `${name}: ${value}\r\n`);
  await stream.write(bytes(`${request} HTTP/1.1\r\n${lines.join("")}\r\n`));
  return Number(/^HTTP\/1.1 (\d+) /.exec(text((await stream.readUntil(bytes("\r\n")))!))![1]);
}

/** A request for the page with a header, and the status that it gets. */
async function status(ask: Ask, header: string, value: string, path = "/"): Promise<number> {
  const response = await ask(path, { headers: { [header]: value } });
  await response.body?.cancel();
  return response.status;
}

Deno.test("inspector() serves a page that needs nothing, keeps nothing and permits nothing from elsewhere", async () => {
  await inspecting(async (ask) => {
    const response = await ask("/");
    const html = await response.text();
    assertMatch(html, /^<!doctype html>\n<html lang="en">/);
    assertEquals(response.headers.get("content-type"), "text/html; charset=utf-8");
    assertEquals(response.headers.get("cache-control"), "no-store");
    assertEquals(response.headers.get("x-frame-options"), "DENY");
    assertEquals(response.headers.get("x-content-type-options"), "nosniff");
    const policy = response.headers.get("content-security-policy")!;
    for (const part of ["default-src 'none'", "frame-ancestors 'none'", "connect-src 'self'"]) {
      assert(policy.includes(part), part);
    }
    assert(!policy.includes("unsafe"));
    // All scripts and styles of the page have the nonce of this very answer.
    const [, nonce] = /script-src 'nonce-([^']+)'/.exec(policy)!;
    const marked = [...html.matchAll(/<(?:script|style)[^>]*>/g)].map(([tag]) => tag);
    assertEquals(marked.map((tag) => tag.includes(`nonce="${nonce}"`)), [true, true]);
    assert(!/\b(?:src|href)="(?!data:)/.test(html), "it loads nothing");
    const again = await ask("/");
    await again.body?.cancel();
    assertNotEquals(again.headers.get("content-security-policy"), policy);
  });
});

Deno.test("inspector() ends when it is asked to stop, with pages that look, and its port is free", async () => {
  await inspecting(async (ask, { hostname, port }, services) => {
    const events = await ask("/events");
    services.stop();
    assertMatch(await events.text(), /^data: /); // Which is read to its end.
    await waitAllTasksBlocked();
    listen({ hostname, port: Number(port) }).close();
  });
});

Deno.test("inspector() listens where other machines cannot reach it, and nowhere else", async () => {
  for (
    const hostname of [
      "0.0.0.0",
      "::",
      "192.168.1.1",
      "example.com",
      "localhost.example.com",
      "127.0.0.1.nip.io",
      "",
    ]
  ) {
    assertThrows(
      () => inspector({ port: 0, hostname }),
      RangeError,
      `Cannot inspect the program on ${hostname} as other machines could look, too`,
    );
  }
  for (const hostname of ["127.0.0.1", "localhost"]) {
    await inspecting(async (ask) => {
      assertEquals(await status(ask, "accept", "*/*"), 200, hostname);
    }, { hostname });
  }
});

Deno.test("inspector() throws at the call when an option makes no sense", () => {
  const call = (options: unknown) => () => inspector(options as InspectorOptions);
  assertThrows(call(undefined), TypeError, "Cannot inspect the program as");
  assertThrows(call({}), TypeError, "'port' must be a number");
  assertThrows(call({ port: 70_000 }), RangeError, "'port' must be a whole number");
  assertThrows(call({ port: 0, control: "yes" }), TypeError, "'control' must be a boolean");
  assertThrows(call({ port: 0, started: 1 }), TypeError, "'started'");
});

Deno.test("inspector() refuses what is asked for by another name of this machine: DNS rebinding", async () => {
  await inspecting(async (_ask, url) => {
    const { port } = url;
    for (
      const host of [
        `127.0.0.1:${port}`,
        `127.0.0.2:${port}`,
        `localhost:${port}`,
        `[::1]:${port}`,
      ]
    ) {
      assertEquals(await statusAt(url, host), 200, host);
    }
    for (
      const host of [
        "evil.example",
        `evil.example:${port}`,
        `localhost.evil.example:${port}`,
        "127.0.0.1",
        "127.0.0.1:1",
        `[::2]:${port}`,
        `127.0.0.1.:${port}`,
        "",
      ]
    ) {
      for (const path of ["/", "/events", "/nothing"]) {
        assertEquals(await statusAt(url, host, `GET ${path}`), 403, `${host} ${path}`);
      }
    }
  });
});

Deno.test("inspector() refuses what another page asks for, in whatever browser", async () => {
  await inspecting(async (ask, { origin, port }) => {
    for (const path of ["/", "/events"]) {
      assertEquals(await status(ask, "origin", origin, path), 200);
      for (
        const foreign of [
          "null",
          "https://evil.example",
          "http://127.0.0.1:1",
          `http://localhost:${port}`,
        ]
      ) {
        assertEquals(await status(ask, "origin", foreign, path), 403, foreign);
      }
      for (const site of ["none", "same-origin"]) {
        assertEquals(await status(ask, "sec-fetch-site", site, path), 200, site);
      }
      for (const site of ["cross-site", "same-site"]) {
        assertEquals(await status(ask, "sec-fetch-site", site, path), 403, site);
      }
    }
  });
});

Deno.test("inspector() refuses what a proxy on this machine forwards", async () => {
  await inspecting(async (ask) => {
    for (
      const [name, value] of [
        ["x-forwarded-for", "8.8.8.8"],
        ["x-forwarded-host", "example.com"],
        ["forwarded", "for=127.0.0.1"],
        ["x-real-ip", "8.8.8.8"],
        ["via", "1.1 proxy"],
      ]
    ) {
      for (const path of ["/", "/events"]) assertEquals(await status(ask, name, value, path), 403);
    }
  });
});

Deno.test("inspector() only shows, unless it is told otherwise", async () => {
  await inspecting(async (ask, url, services) => {
    assertEquals(url.hash, "");
    const task = services.spawn(() => sleep(Infinity), { name: "nap" });
    for (const order of ["cancel", "stop"]) {
      const [status, why] = await read(ask(`/tasks/${task.id}/${order}`, { method: "POST" }));
      assertEquals(status, 403);
      assertMatch(why, /start it with { control: true }/);
    }
    assertEquals([task.state, task.stopping], ["running", false]);
    assertMatch(await (await ask("/")).text(), /data-control="false"/);
    task.cancel();
  });
});

Deno.test("inspector() with control takes orders from who has the token, by POST, and from nobody else", async () => {
  await inspecting(async (ask, url, services) => {
    const token = url.hash.slice(1);
    assertMatch(token, /^[\w-]{32}$/);
    assert(
      !(await (await ask("/")).text()).includes(token),
      "it is not in what anybody can ask for",
    );
    const task = services.spawn(() => sleep(Infinity), { name: "nap" });
    const order = async (
      given: string | null,
      init: RequestInit = {},
      path = `/tasks/${task.id}/cancel`,
    ) => {
      const headers = { ...init.headers, ...(given !== null && { authorization: given }) };
      const response = await ask(path, { method: "POST", ...init, headers });
      await response.body?.cancel();
      return response.status;
    };
    const right = `Bearer ${token}`;
    const wrong = [
      null,
      "",
      "Bearer",
      "Bearer ",
      token,
      `Basic ${token}`,
      `${right}x`,
      right.slice(0, -1),
      `bearer ${token}`,
    ];
    for (const given of wrong) assertEquals(await order(given), 401, String(given));
    for (const method of ["GET", "PUT", "DELETE"]) {
      assertEquals(await order(right, { method }), 405, method);
    }
    assertEquals(await order(right, { headers: { origin: "https://evil.example" } }), 403);
    assertEquals(
      await statusAt(url, "evil.example", `POST /tasks/${task.id}/cancel`, {
        authorization: right,
      }),
      403,
    );
    assertEquals(await order(right, {}, "/tasks/0/cancel"), 404, "the root task");
    assertEquals(await order(right, {}, "/tasks/999999999/cancel"), 404);
    assertEquals(await order(right, {}, `/tasks/${task.id}/spawn`), 405);
    assertEquals([task.state, task.stopping], ["running", false]);

    assertEquals(await order(right, {}, `/tasks/${task.id}/stop`), 204);
    assertEquals([task.state, task.stopping], ["running", true]);
    assertEquals(await order(right), 204);
    await task.join();
    assertEquals(task.state, "cancelled");
    assertEquals(await order(right), 404, "it has ended");
  }, { control: true });
});

Deno.test("inspector() gives each server a token of its own", async () => {
  const tokens = new Set<string>();
  for (let i = 0; i < 3; i++) {
    await inspecting((_ask, { hash }) => Promise.resolve(void tokens.add(hash)), { control: true });
  }
  assertEquals(tokens.size, 3);
});

Deno.test("inspector() answers nothing else", async () => {
  await inspecting(async (ask) => {
    for (
      const [path, method, expected] of [
        ["/nothing", "GET", 404],
        ["/events/", "GET", 404],
        ["/", "POST", 405],
        ["/events", "POST", 405],
      ] as const
    ) {
      const response = await ask(path, { method });
      await response.body?.cancel();
      assertEquals([path, method, response.status], [path, method, expected]);
    }
  });
});

Deno.test("inspector() shows the program, and none of its own tasks", async () => {
  const names = (tree: TreeNode): string[] => [tree.name, ...tree.children.flatMap(names)];
  await inspecting(async (ask, _url, services) => {
    let mine!: Task;
    services.spawn((task) => {
      mine = task;
      return sleep(Infinity);
    }, { name: "mine" });
    const events = await ask("/events");
    const reader = events.body!.pipeThrough(new TextDecoderStream()).getReader();
    const { value } = await reader.read();
    const { rows, tasks } = JSON.parse(value!.slice("data: ".length));
    const shown = rows.map(({ name }: { name: string }) => name);
    assertEquals(shown.slice(shown.indexOf("nursery")), [
      "nursery",
      "inspector",
      "inspector",
      "mine",
    ]);
    assertEquals(tasks, 2);
    // And there is more indeed.
    for (const own of ["server", "GET /events"]) assert(names(inspect()).includes(own), own);
    await reader.cancel();
    assertEquals(currentTask().isAlive, true);
    mine.cancel();
  });
});
