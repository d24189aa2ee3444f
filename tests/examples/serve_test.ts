import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { connect, listen } from "../../mod.ts";
import { Program } from "../io/program.ts";
import { bytes, text } from "../io/pair.ts";
import { app, FLAGS, FREE, MAIN, seen, windows } from "./app.ts";

/** Runs the app to its end. */
async function ended(env: Record<string, string>, flags = FLAGS) {
  await using program = new Program(["run", "--no-prompt", ...flags, MAIN, "start"], env);
  return await program.end();
}

Deno.test({
  name: "serve: all that it does, and Ctrl-C, which drains it and ends it with 0 [I3]",
  ignore: windows,
  fn: async (t) => {
    await using server = await app(["task", "serve"]);
    const { program, base, echo } = server;

    await t.step("the page says what is running", async () => {
      const response = await fetch(base);
      assertEquals(response.headers.get("content-type"), "text/html; charset=utf-8");
      const page = await response.text();
      for (const part of ['<html lang="en">', "<title>", base]) {
        assertStringIncludes(page, part);
      }
      assertMatch(page, /HTTP server +running/);
      assert(!/https?:\/\/(?!127\.0\.0\.1)/.test(page), "it needs nothing from elsewhere");
    });

    await t.step("the echo server sends back what comes, to many at once", async () => {
      const streams = await Promise.all(Array.from({ length: 50 }, () => connect(echo)));
      for (const [i, stream] of streams.entries()) await stream.write(bytes(`hello ${i}`));
      for (const [i, stream] of streams.entries()) {
        const expected = `hello ${i}`;
        assertEquals(text(await stream.readExactly(expected.length)), expected);
        stream.close();
      }
    });

    await t.step("/fanout runs a group of tasks, with a deadline", async () => {
      // One after the other they would take more than they have.
      const wide = await fetch(`${base}/fanout?n=1000&ms=60&within=50000`);
      const { took, ...result } = await wide.json();
      assertEquals(result, { n: 1000, ms: 60, finished: 1000, timedOut: false });
      assert(took >= 0);
      const late = await fetch(`${base}/fanout?n=2&ms=60000&within=50`);
      assertEquals(late.status, 504);
      assertEquals((await late.json()).finished, 0);
    });

    await t.step("/fanout refuses what makes no sense, and too much", async () => {
      for (
        const query of [
          "n=0",
          "n=1001",
          "n=-1",
          "n=1.5",
          "n=x",
          "n=",
          "n=1e2",
          "ms=-1",
          "ms=1e9",
          "within=x",
        ]
      ) {
        const response = await fetch(`${base}/fanout?${query}`);
        assertEquals(response.status, 400, query);
        assertMatch((await response.json()).error, /must be a whole number from/);
      }
      const most = await fetch(`${base}/fanout?n=1000&ms=0&within=60000`);
      assertEquals((await most.json()).finished, 1000);
    });

    await t.step("/slow ends when its client goes away, and /tasks shows it [I5]", async () => {
      const tasks = async () => await (await fetch(`${base}/tasks?format=text`)).text();
      const leaving = new AbortController();
      const slow = fetch(`${base}/slow`, { signal: leaving.signal }).catch(() => {});
      while (!/GET \/slow +running .* waits .*for sleep/.test(await tasks()));
      leaving.abort();
      await slow;
      await program.printed(/GET \/slow ended after .* s: its client went away/);
      assert(!(await tasks()).includes("GET /slow"));
    });

    await t.step("/tasks gives JSON or text, as it is asked to", async () => {
      const tasks = (query: string, accept?: string) =>
        fetch(`${base}/tasks${query}`, accept === undefined ? {} : { headers: { accept } });
      const json = await tasks("");
      assertEquals(json.headers.get("content-type"), "application/json");
      assertEquals((await json.json()).name, "root");
      for (
        const [query, accept] of [
          ["?format=text", "application/json"],
          ["", "text/plain"],
          ["", "application/json;q=0.5, text/plain"],
        ]
      ) {
        const response = await tasks(query, accept);
        assertEquals(response.headers.get("content-type"), "text/plain; charset=utf-8");
        assertMatch(await response.text(), /^root +running/);
      }
      for (const accept of ["text/html, */*", "text/plain;q=0.1, application/json"]) {
        assertEquals((await (await tasks("", accept)).json()).name, "root");
      }
      const unknown = await tasks("?format=xml");
      assertEquals(unknown.status, 400);
      await unknown.body?.cancel();
    });

    await t.step("/healthz says ok, other paths and methods are refused", async () => {
      assertEquals(await (await fetch(`${base}/healthz`)).text(), "ok\n");
      for (
        const [path, method, status] of [
          ["/nowhere", "GET", 404],
          ["/constructor", "GET", 404],
          ["/", "POST", 405],
          ["/", "HEAD", 200],
        ] as const
      ) {
        const response = await fetch(`${base}${path}`, { method });
        assertEquals([path, method, response.status], [path, method, status]);
        await response.body?.cancel();
      }
    });

    await t.step("a host that makes no sense is the client's mistake", async () => {
      const { hostname, port } = new URL(base);
      using client = await connect({ hostname, port: Number(port) });
      await client.write(bytes("GET / HTTP/1.1\r\nhost: a b\r\n\r\n"));
      assertEquals(text((await client.readUntil("\r\n"))!), "HTTP/1.1 400 Bad Request");
    });

    await t.step("Ctrl-C lets requests finish, closes idle peers, and ends with 0", async () => {
      const slow = fetch(`${base}/slow`);
      using idle = await connect(echo);
      await idle.write(bytes("x"));
      await idle.readExactly(1);
      const fanOut = await seen(
        () => fetch(`${base}/fanout?n=3&ms=300&within=60000`),
        async () => {
          const tree = await (await fetch(`${base}/tasks?format=text`)).text();
          return tree.includes("part 3") && tree.includes("GET /slow");
        },
      );
      program.kill("SIGINT");
      assertEquals((await (await fanOut.answer).json()).finished, 3);
      assertMatch(await (await slow).text(), /^That took/);
      assertEquals(await idle.read(new Uint8Array(1)), null);
      const { code, signal, stdout, stderr } = await program.end();
      assertEquals([code, signal], [0, null]);
      assertMatch(stdout, /Stopped\.\n$/);
      assertMatch(stderr, /^Task serve .*\n$/); // deno task says what it runs
      // Both ports are free again.
      listen({ hostname: "127.0.0.1", port: Number(new URL(base).port) }).close();
      listen(echo).close();
    });
  },
});

Deno.test({
  name: "serve: SIGTERM ends it with 0, too",
  ignore: windows,
  fn: async () => {
    await using program = new Program(["run", ...FLAGS, MAIN, "start"], FREE);
    await program.printed(/^TCP echo on/m);
    program.kill("SIGTERM");
    const { code, stderr } = await program.end();
    assertEquals([code, stderr], [0, ""]);
  },
});

Deno.test("serve: a port in use is one line on stderr, and exit code 1", async () => {
  using taken = listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addresses[0];
  for (
    const env of [{ PORT: `${port}`, ECHO_PORT: "0" }, { PORT: "0", ECHO_PORT: `${port}` }]
  ) {
    assertEquals(await ended(env), {
      code: 1,
      signal: null,
      stdout: "",
      stderr: `Cannot listen on 127.0.0.1:${port} as the port is in use. ` +
        "Stop the program that uses it, or take another port (0 takes a free one)\n",
    });
  }
});

Deno.test("serve: a port out of range is one line on stderr, and exit code 1", async () => {
  for (const [name, value] of [["PORT", "70000"], ["ECHO_PORT", "-1"], ["PORT", "http"]]) {
    assertEquals(await ended({ ...FREE, [name]: value }), {
      code: 1,
      signal: null,
      stdout: "",
      stderr: `Cannot listen as ${name} must be a whole number from 0 to 65535: ${value}. ` +
        "Set it to another, or unset it\n",
    });
  }
});

Deno.test("serve: a missing permission is one line on stderr, and exit code 1", async () => {
  const noNet = await ended({ PORT: "8000" }, ["--allow-env=PORT,ECHO_PORT"]);
  assertEquals([noNet.code, noNet.stderr], [
    1,
    "Cannot listen on 127.0.0.1:8000 as the program is not permitted to. " +
    "Run it with --allow-net=127.0.0.1:8000\n",
  ]);
  const noEnv = await ended({}, ["--allow-net=127.0.0.1"]);
  assertEquals(noEnv.code, 1);
  assertMatch(noEnv.stderr, /^Requires env access to "PORT", .*\n$/);
});

Deno.test("serve: deno run without a word starts nothing, and Deno says what may be meant", async () => {
  await using program = new Program(["run", ...FLAGS, MAIN], FREE);
  const { code, stdout, stderr } = await program.end();
  assertEquals([code, stdout], [0, ""]);
  assertStringIncludes(stderr, 'did you mean to run "deno serve"?');
});

Deno.test("serve: deno serve runs the HTTP part alone, from the same module", async () => {
  // With all it would need to start the other servers, which it must not.
  await using program = new Program(
    ["serve", "--port=0", "--host=127.0.0.1", ...FLAGS, MAIN],
    FREE,
  );
  const [, base] = await program.printed(/^HTTP on (http:.*)\/$/m);
  assertStringIncludes(await (await fetch(base)).text(), "served by the platform");
  assertEquals((await (await fetch(`${base}/fanout?n=3&ms=1`)).json()).finished, 3);
  assertEquals(
    await (await fetch(`${base}/tasks?format=text`)).text(),
    [
      "root              running",
      '└─ scope "http"',
      "   └─ GET /tasks  running",
      "",
    ].join("\n"),
  );
  if (!windows) {
    program.kill("SIGINT");
    const { stdout } = await program.end();
    assert(!stdout.includes("TCP echo"));
  }
});

Deno.test("serve: imported, as by an edge runtime, it answers requests and starts nothing", async () => {
  const { default: { fetch: answer } } = await import("../../examples/serve/main.ts");
  const get = (path: string) => answer(new Request(`https://edge.example${path}`));
  assertEquals(await (await get("/healthz")).text(), "ok\n");
  assertEquals((await get("/fanout?n=0")).status, 400);
  assertEquals((await (await get("/fanout?n=2&ms=1")).json()).finished, 2);
  assertStringIncludes(await (await get("/")).text(), "served by the platform");
});
