import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import {
  connect,
  type CoreServer,
  listen,
  type Nursery,
  nursery,
  serveOnCores,
  type ServeOnCoresOptions,
  sleep,
} from "../../mod.ts";
import { withLeakCheck } from "../../primitives/testing/mod.ts";
import { FIRST } from "./certificates.ts";
import { FakeWorkers } from "./fake_worker.ts";
import { HandTimers } from "./hand_timers.ts";
import { HERE, read } from "./http_server.ts";
import { bytes } from "./pair.ts";
import { program } from "./program.ts";

const APP = new URL("programs/cores_app.ts", import.meta.url);

/** One worker, which needs no flag. */
const ONE = { ...HERE, workers: 1 };

/** An interval of signs of life that no other timer has. */
const BEAT = 77_777;

/** Has ports be shared without the flag: what listens there is no real thread. */
function withSharedPorts(): Disposable {
  const platform = Deno as { listenDatagram?: unknown };
  const { listenDatagram: original } = platform;
  platform.listenDatagram ??= () => {};
  return { [Symbol.dispose]: () => platform.listenDatagram = original };
}

/** Starts a server in a nursery, and gives it and its base URL. */
async function start(services: Nursery, options: Partial<ServeOnCoresOptions> = {}) {
  const server = await services.start<CoreServer>((_task, started) =>
    serveOnCores(APP, { ...ONE, ...options, started })
  );
  return { server, base: `http://127.0.0.1:${server.addresses[0].port}` };
}

/** Runs a program with a server on two cores, and lets a function have it. */
async function onTwo(
  options: string,
  fn: (
    base: string,
    run: Awaited<ReturnType<typeof program>>,
  ) => Promise<void>,
): Promise<void> {
  await using run = await program(
    `
    await grove.main(() => grove.nursery(async (services) => {
      const server = await services.start((_task, started) => grove.serveOnCores("${APP}", {
        hostname: "127.0.0.1", port: 0, workers: 2, started, ...${options}
      }));
      console.log("port", server.addresses[0].port);
      for (let last = ""; !grove.currentTask().stopping; await grove.sleep(1, { endOnStop: true })) {
        const stats = JSON.stringify(server.stats());
        if (stats !== last) console.log(last = stats);
      }
    }), { grace: 60_000, report: (error) => console.log("failed:", error.message, "|", error.cause?.name) });
    `,
    { flags: ["--unstable-net", "--unstable-no-legacy-abort", "-A"] },
  );
  const [, port] = await run.printed(/port (\d+)/);
  await fn(`http://127.0.0.1:${port}`, run);
}

/** Asks on a connection of its own. */
function ask(url: string): Promise<string> {
  return fetch(url, { headers: { connection: "close" } }).then((response) => response.text());
}

Deno.test("serveOnCores: several workers answer behind one port; one that dies is replaced, and a stop lets all finish", async () => {
  await onTwo("{ drain: 30_000 }", async (base, run) => {
    await run.printed(/{"workers":2,"serving":2,"restarts":0}/);
    const seen = new Set<string>();
    for (let i = 0; seen.size < 2; i++) {
      assert(i < 200, "200 connections have all come to one worker");
      seen.add(await ask(base));
    }
    const first = [...seen];

    // Its own response may be lost with it.
    await ask(`${base}/close`).catch(() => {});
    await run.printed(/{"workers":2,"serving":2,"restarts":1}/);
    for (let i = 0; seen.size < 3; i++) {
      assert(i < 200, "nobody has taken the place of the one that died");
      seen.add(await ask(base));
    }
    const now = new Set([...seen].filter((id) => !first.includes(id)));
    assertEquals(now.size, 1);

    // Under load: what was begun is ended, and nothing begins any more.
    const responses = await Promise.all(
      Array.from({ length: 20 }, () => fetch(`${base}/slow`)),
    );
    const texts = responses.map((response) => response.text());
    run.kill("SIGTERM");
    for (const text of await Promise.all(texts)) assertMatch(text, /^begun by .*, done: true$/);
    await assertRejects(() => ask(base));
    const { code, stderr } = await run.end();
    assertEquals([code, stderr], [0, ""]);
  });
});

Deno.test("serveOnCores: a worker that dies too often ends the server with its error, and all workers", async () => {
  await onTwo("{ restart: { max: 1, backoff: 0 } }", async (base, run) => {
    // Of three deaths two are the same one's: that has used up its restarts.
    for (let died = 0; died < 3; died++) {
      await run.printed(new RegExp(`"serving":2,"restarts":${died}}`)).catch(() => {});
      await ask(`${base}/throw`).catch(() => {});
    }
    const { code, stdout } = await run.end();
    assertEquals(code, 1);
    assertMatch(
      stdout,
      /failed: Cannot keep cores \d serving as it has thrown TypeError: thrown on purpose \| TypeError/,
    );
    await assertRejects(() => ask(base));
  });
});

Deno.test("serveOnCores: without the flag, several workers are an error at the call, which names it", async () => {
  await using run = await program(
    `
    try {
      grove.serveOnCores("${APP}", { port: 0, workers: 2 });
    } catch (error) {
      console.log(error.message);
    }
    `,
    { flags: ["-A"] },
  );
  const { code, stdout } = await run.end();
  assertEquals([code, stdout], [
    0,
    "Cannot serve on cores with 2 workers as Deno shares a port behind a flag only. Run it with --unstable-net, or set 'workers' to 1\n",
  ]);
});

Deno.test("serveOnCores: one worker needs no flag; it serves, and is stopped as its module's own handler is", async () => {
  await withLeakCheck(async () => {
    await nursery(async (services) => {
      const { server, base } = await start(services, { drain: 60_000 });
      const stats = server.stats();
      assert(Object.isFrozen(stats));
      assertEquals(stats.workers, 1);
      assertMatch(await ask(base), /^[\da-f-]{36}$/);
      const response = await fetch(`${base}/slow`);
      services.stop({ grace: Infinity });
      assertMatch(await response.text(), /done: true$/);
    });
  });
});

Deno.test("serveOnCores: another entry may be a plain function, whose requests are tasks all the same", async () => {
  await nursery(async (services) => {
    const { base } = await start(services, { entry: "plain" });
    assertEquals(await read(`${base}/x`), [200, "plain GET /x 127.0.0.1"]);
    services.stop();
  });
});

Deno.test("serveOnCores: a worker that dies without a word is missed, and replaced", async () => {
  await nursery(async (services) => {
    const { server, base } = await start(services, { restart: { backoff: 0 } });
    const ids = new Set<string>();
    for (const [restarts, way] of ["close", "exit", "reject"].entries()) {
      while (server.stats().serving === 0) await sleep(1);
      ids.add(await ask(base));
      await ask(`${base}/${way}`).catch(() => {});
      while (server.stats().restarts === restarts) await sleep(1);
    }
    while (server.stats().serving === 0) await sleep(1);
    ids.add(await ask(base));
    assertEquals([ids.size, server.stats()], [4, { workers: 1, serving: 1, restarts: 3 }]);
    services.stop();
  });
});

Deno.test("serveOnCores: a worker that is blocked does not hold up a stop, which tells of it", async () => {
  // In a process of its own: nothing but its end ends that thread.
  await using run = await program(
    `
    await grove.main(async () => {
      await grove.nursery(async (services) => {
        const server = await services.start((_task, started) => grove.serveOnCores("${APP}", {
          hostname: "127.0.0.1", port: 0, workers: 1, drain: 0, started
        }));
        console.log("port", server.addresses[0].port);
      });
      console.log("over");
    }, { grace: 60_000 });
    `,
    { flags: ["--unstable-no-legacy-abort", "-A"] },
  );
  const [, port] = await run.printed(/port (\d+)/);
  using client = await connect({ port: Number(port) });
  await client.write(bytes("GET /spin HTTP/1.1\r\nhost: x\r\n\r\n"));
  await run.printed(/spinning/);
  run.kill("SIGTERM");
  const { code, stdout, stderr } = await run.end();
  assertEquals([code, stdout.split("\n")[2]], [0, "over"]);
  assertEquals(
    stderr,
    "Cannot end cores 1 as it is blocked by code that does not wait: it keeps its port, and the process. What computes for long goes to a pool\n",
  );
});

Deno.test("serveOnCores: a worker that falls silent is not replaced, and ends the server with an error once the others have stopped", async () => {
  using workers = new FakeWorkers();
  using timers = new HandTimers(BEAT);
  using _ = withSharedPorts();
  let isOver = false;
  const { promise: all, resolve: started } = Promise.withResolvers<CoreServer>();
  const over = assertRejects(
    () => serveOnCores(APP, { ...HERE, workers: 2, unresponsiveAfter: 4 * BEAT, started }),
    Error,
    "Cannot keep cores 2 serving as it is blocked by code that does not wait",
  ).finally(() => isOver = true);
  for (let number = 1; number <= 2; number++) {
    const worker = await workers.nth(number);
    worker.say({ core: "loading", thread: 0 });
    worker.say({ core: "serving", address: { transport: "tcp", hostname: "127.0.0.1", port: 1 } });
  }
  await all;
  const [first, second] = workers.all;
  const isAskedToStop = () => first.told.some(({ type }) => type === "stop");
  for (let look = 0; !isAskedToStop(); look++) {
    assert(look < 10, "nobody minds that the second one is silent");
    timers.fire();
    first.say({ core: "alive" });
    await sleep(1);
  }
  assertEquals([isOver, second.isTerminated], [false, true]);
  first.say({ core: "stopped" });
  await over;
  assertEquals(workers.all.map((worker) => worker.isTerminated), [true, true]);
});

Deno.test("serveOnCores: a program whose worker is blocked ends with that error, though nothing ends the thread", async () => {
  await using run = await program(
    `
    await grove.serveOnCores("data:text/javascript,for (;;);", {
      hostname: "127.0.0.1", port: 0, workers: 1, unresponsiveAfter: 40
    });
    `,
    { flags: ["-A"] },
  );
  const { code, stderr } = await run.end();
  assertEquals(code, 1);
  assertMatch(stderr, /Error: Cannot start cores 1 as it is blocked by code that does not wait/);
});

Deno.test("serveOnCores: a worker whose requests heed no cancellation is ended", async () => {
  await nursery(async (services) => {
    const { base } = await start(services, { drain: 0 });
    const response = fetch(`${base}/stuck`).then(() => "answered", () => "cut short");
    while (await ask(`${base}/are-stuck`) === "0") await sleep(1);
    services.stop({ grace: Infinity });
    assertEquals(await response, "cut short");
  });
});

Deno.test("serveOnCores: when it is cancelled, its workers end at once, with their connections", async () => {
  await withLeakCheck(async () => {
    await nursery(async (services) => {
      const { base } = await start(services);
      const response = await fetch(`${base}/slow`);
      const text = response.text().then(() => "whole", () => "cut short");
      services.cancel();
      assertEquals(await text, "cut short");
    });
  });
});

Deno.test("serveOnCores: a start that is cancelled leaves no worker", async () => {
  await withLeakCheck(async () => {
    await nursery(async (services) => {
      services.spawn(() => serveOnCores(APP, ONE));
      await sleep(1);
      services.cancel();
    });
  });
});

Deno.test("serveOnCores: a module that cannot be loaded ends it with that error, and no crash loop", async () => {
  const broken = new URL("programs/cores_broken.ts", import.meta.url);
  await assertRejects(
    () => serveOnCores(broken, ONE),
    Error,
    `cores_broken.ts as the module cannot be loaded: not today`,
  );
  await assertRejects(
    () => serveOnCores(new URL("programs/none.ts", import.meta.url), ONE),
    Error,
    "none.ts as the module cannot be loaded: Module not found",
  );
});

Deno.test("serveOnCores: a module that ends its worker while it is loaded is an error, and no hang", async () => {
  for (const end of ["self.close()", "Deno.exit(3)"]) {
    const module = `data:text/javascript,await 0; ${end}; await new Promise(() => {});`;
    await assertRejects(
      () => serveOnCores(module, ONE),
      Error,
      "Cannot start cores 1 as it has exited without a word",
    );
  }
});

Deno.test("serveOnCores: a worker that ends while it is loaded anew is replaced once more", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await nursery(async (services) => {
      const app = new URL("programs/cores_reborn.ts", import.meta.url);
      app.search = folder;
      const server = await services.start<CoreServer>((_task, started) =>
        serveOnCores(app, { ...ONE, restart: { backoff: 0 }, started })
      );
      const base = `http://127.0.0.1:${server.addresses[0].port}`;
      assertEquals(await read(base), [200, "life 1"]);
      // Its own response may be lost with it.
      await ask(`${base}/die`).catch(() => {});
      // The second life ends before it serves.
      while (server.stats().restarts < 2 || server.stats().serving === 0) await sleep(1);
      assertEquals(await read(base), [200, "life 3"]);
      services.stop();
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("serveOnCores: what the module posts to the thread that has started it is not taken for the worker's", async () => {
  const module = `data:text/javascript,
    for (const said of [null, "x", { type: "stopped" }, { type: "failed" }]) postMessage(said);
    export default () => new Response("alive");`;
  await nursery(async (services) => {
    const server = await services.start<CoreServer>((_task, started) =>
      serveOnCores(module, { ...ONE, started })
    );
    const [{ port }] = server.addresses;
    assertEquals(await read(`http://127.0.0.1:${port}`), [200, "alive"]);
    assertEquals(server.stats(), { workers: 1, serving: 1, restarts: 0 });
    services.stop();
  });
});

Deno.test("serveOnCores: asked to stop while its module is loaded, it ends at once", async () => {
  const module = `data:text/javascript,
    new BroadcastChannel("loading").postMessage(1);
    await new Promise((resolve) => setTimeout(resolve, 60_000));`;
  const started: unknown[] = [];
  await withLeakCheck(async () => {
    await nursery(async (services) => {
      const channel = new BroadcastChannel("loading");
      const loading = new Promise((resolve) => channel.onmessage = resolve);
      services.spawn(() =>
        serveOnCores(module, { ...ONE, started: (server) => started.push(server) })
      );
      await loading;
      channel.close();
      services.stop({ grace: Infinity });
    });
  });
  assertEquals(started, []);
});

Deno.test("serveOnCores: an entry that answers no requests is an error that says what it is", async () => {
  for (
    const [entry, received] of [["nothing", /{ fetch: 1 }|an object|\[object/], [
      "none",
      /undefined/,
    ]] as const
  ) {
    const error = await assertRejects(() => serveOnCores(APP, { ...ONE, entry }), TypeError);
    assertMatch(error.message, new RegExp(`by "${entry}" of .*must be a function, or an object`));
    assertMatch(error.message, received);
  }
});

Deno.test("serveOnCores: a port in use is the error of listen", async () => {
  using taken = listen(HERE);
  const { port } = taken.addresses[0];
  await assertRejects(
    () => serveOnCores(APP, { ...ONE, port }),
    Deno.errors.AddrInUse,
    `Cannot listen on 127.0.0.1:${port} as the port is in use`,
  );
});

Deno.test("serveOnCores: where there are no workers, or only one can share the port, the error says so", () => {
  const { Worker: original } = globalThis;
  try {
    Object.assign(globalThis, { Worker: undefined });
    assertThrows(() => serveOnCores(APP, ONE), Error, "as this platform has no workers");
  } finally {
    Object.assign(globalThis, { Worker: original });
  }
});

Deno.test("serveOnCores: a bad argument throws at the call", () => {
  const given = (module: unknown, options?: unknown) => () =>
    serveOnCores(module as URL, options as ServeOnCoresOptions);
  assertThrows(given("./app.ts", ONE), TypeError, 'received "./app.ts". Pass new URL(');
  assertThrows(given(APP, { port: 0, transport: "tls", ...FIRST }), TypeError, '"tls"');
  assertThrows(given(APP, { port: 0, ...FIRST }), TypeError, "there is a certificate");
  assertThrows(given(APP, { port: 70_000 }), RangeError, "Cannot serve on cores as 'port'");
  assertThrows(given(APP), TypeError, "options");
  assertThrows(given(APP, { ...ONE, workers: 0 }), RangeError, "'workers'");
  assertThrows(given(APP, { ...ONE, workers: 1.5 }), RangeError, "'workers'");
  assertThrows(given(APP, { ...ONE, entry: 1 }), TypeError, "'entry'");
  assertThrows(given(APP, { ...ONE, name: 1 }), TypeError, "'name'");
  assertThrows(given(APP, { ...ONE, drain: Infinity }), RangeError, "'drain'");
  assertThrows(given(APP, { ...ONE, unresponsiveAfter: -1 }), RangeError, "'unresponsiveAfter'");
  assertThrows(given(APP, { ...ONE, unresponsiveAfter: 0 }), RangeError, "Set it to Infinity");
  assertThrows(given(APP, { ...ONE, backlog: 0 }), RangeError, "'backlog'");
  assertThrows(given(APP, { ...ONE, restart: { max: -1 } }), RangeError, "'restart.max'");
  assertThrows(given(APP, { ...ONE, started: 1 }), TypeError, "'started'");
});
