/**
 * The library in workerd, the runtime of Cloudflare's Workers, with Node's modules and without.
 *
 * A timer belongs there to the request that set it, a request that waits for nothing of its own is
 * killed, and so is one whose client has gone away. The tests are about what follows from that.
 *
 * @module
 */

import { assertEquals, assertMatch } from "@std/assert";
import { until } from "../examples/app.ts";
import { ABSENT, ABSENT_BESIDE_NODE } from "./absent.ts";
import { withEcho } from "./echo.ts";
import { ANSWERS, askApp, chat, EVENTS } from "./programs/app_answers.ts";
import { expected, stops } from "./programs/tour.ts";
import { WITHOUT_NODE, workerd } from "./workerd.ts";

const module = "tests/edge/programs/worker.ts";

const kinds = { "with Node's modules": [], "without Node's modules": WITHOUT_NODE };

const ambient = (name: string) => !stops[name].ambient;

/** Asks a worker. */
function asks(port: number) {
  const ask = (path: string, init?: RequestInit) =>
    fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(20_000), ...init });
  const get = async (path: string) => {
    const response = await ask(path);
    const text = await response.text();
    return response.ok ? JSON.parse(text) : text;
  };
  /** Waits until so many requests for a path are under way. */
  const under = (path: string, count: number) =>
    until(
      () => get("/tasks"),
      (names: string[]) => names.filter((name) => name === `GET ${path}`).length === count,
    );
  return { ask, get, under };
}

/** Asks, and breaks the connection when told to. */
async function connect(port: number, path: string) {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  // Of two requests the first is answered; when that is not read, closing resets the connection. One
  // that is closed in an orderly way might just have nothing more to say.
  const requests = ["/log", path].map((path) => `GET ${path} HTTP/1.1\r\nHost: edge\r\n\r\n`);
  await connection.write(new TextEncoder().encode(requests.join("")));
  return connection;
}

for (const [kind, flags] of Object.entries(kinds)) {
  Deno.test(`workerd ${kind}`, async (t) => {
    await using workers = await workerd({
      one: { module, flags: [...flags, "enable_request_signal"] },
      app: { module: "examples/serve/main.ts", flags },
    });
    const { ask, get, under } = asks(workers.ports.one);
    const isBare = flags.length > 0;

    await t.step("runs the library", async () => {
      const names = Object.keys(stops).filter((name) => !isBare || ambient(name));
      assertEquals(await get("/tour"), expected(names));
    });

    await t.step("has what it lacks as an error when it is used", async () => {
      const { connect, ...missing } = await get("/missing");
      const { connect: _, ...absent } = isBare ? ABSENT : ABSENT_BESIDE_NODE;
      assertEquals(missing, { ...absent, upgradeWebSocket: "can be" });
      // Whereto it may connect is for its operator to say: by default, not to this machine.
      assertMatch(connect, isBare ? / no sockets/ : /^Error: Cannot connect to 127.0.0.1:9 as /);
    });

    await t.step("lets requests sleep side by side, the first to end first", async () => {
      let isOver = false;
      const short = get("/sleep?200").finally(() => isOver = true);
      // On a machine that is slow enough it may be over before anybody sees it.
      await until(() => get("/tasks"), (names) => isOver || names.includes("GET /sleep"));
      const long = get("/sleep?400");
      const turning = Promise.all([get("/turns?500"), get("/turns?500")]);
      assertEquals(await short, "slept 200");
      assertEquals(await long, "slept 400");
      assertEquals(await turning, ["turned", "turned"]);
    });

    await t.step("is not held up by what was killed with its request", async () => {
      await get("/careless");
      assertEquals(await get("/turns?2"), "turned");
      assertEquals(await get("/sleep?20"), "slept 20");
    });

    await t.step("lets requests wait for each other: for a lock, a place in a pool", async () => {
      const held = [get("/hold"), get("/hold")];
      const jobs = [get("/job"), get("/job")];
      await under("/hold", 2);
      await under("/job", 2);
      await get("/leave");
      assertEquals(await Promise.all(held), ["held", "held"]);
      assertEquals(await Promise.all(jobs), ["done", "done"]);
    });

    await t.step("lets requests send each other items", async () => {
      const letter = get("/letters");
      await under("/letters", 1);
      await get("/letter?hello");
      assertEquals(await letter, "hello");
    });

    if (!isBare) {
      await t.step(
        "connects by its own node:net",
        () => withEcho(async (port) => assertEquals(await get(`/hello?${port}`), "hello")),
      );
    }

    await t.step("streams bodies out of a request's task", async () => {
      assertEquals(await (await ask("/stream")).text(), "a\nb\nc\n");
    });

    await t.step("ends a body whose client went away", async () => {
      const client = await connect(workers.ports.one, "/endless");
      await under("/endless", 1);
      client.close();
      await until(() => get("/log"), (log: string[]) => log.includes("the body has ended"));
    });

    await t.step("talks over WebSockets", async () => {
      const socket = new WebSocket(`ws://127.0.0.1:${workers.ports.one}/socket`);
      const said: string[] = [];
      const { promise, resolve } = Promise.withResolvers<CloseEvent>();
      socket.onopen = () => socket.send("hello");
      socket.onmessage = ({ data }) => {
        said.push(data);
        socket.send("close");
      };
      socket.onclose = resolve;
      assertEquals([(await promise).code, said], [1000, ["hello, too"]]);
    });

    await t.step("goes on behind a request", async () => {
      assertEquals(await get("/behind"), "answered");
      await until(() => get("/log"), (log: string[]) => log.includes("done behind"));
    });

    await t.step("cancels a request whose client went away, which cleans up", async () => {
      const client = await connect(workers.ports.one, "/stay");
      await under("/stay", 1);
      client.close();
      const log = await until(() => get("/log"), (log: string[]) => log.includes("cleaned up"));
      assertEquals(log.slice(-2), ["left: its client went away", "cleaned up"]);
    });

    await t.step("leaves no task behind", async () => {
      const left = ["root", "pool", "requests", "GET /tasks"];
      await until(() => get("/tasks"), (names: string[]) => names.length === left.length);
      assertEquals(await get("/tasks"), left);
    });

    await t.step("serves the app's HTTP part", async () => {
      const app = asks(workers.ports.app);
      assertEquals(await askApp(app.ask), ANSWERS);
      assertEquals(await chat(app.ask), EVENTS);
    });

    workers.run.kill("SIGKILL");
    const { stderr } = await workers.run.end();
    // It tells of the connection that it does not allow, and of nothing else.
    const lines = stderr.split("\n").filter((line) => !/127\.0\.0\.1:9 |^stack: /.test(line));
    assertEquals(lines, [""]);
  });
}
