/**
 * A worker for workerd: the tour, and what requests have to do with each other there.
 *
 * @module
 */

import {
  Channel,
  currentTask,
  Event,
  fetchHandler,
  inspect,
  Semaphore,
  shield,
  sleep,
  streamBody,
  taskGroup,
  TaskPool,
  upgradeWebSocket,
  yieldNow,
} from "../../../mod.ts";
import { hello } from "./hello.ts";
import { missing } from "./missing.ts";
import { stops, tour } from "./tour.ts";

// Made while the module loads, when nothing may be started.
const door = new Semaphore(1, { name: "door" });
const leave = new Event({ name: "leave" });
const pool = new TaskPool(1, { name: "pool" });
const letters = new Channel<string>(0);
const log: string[] = [];

// Without an AsyncLocalStorage nobody knows the current task after an await.
const knowsTasks = "process" in globalThis;
const visited = Object.keys(stops).filter((name) => knowsTasks || !stops[name].ambient);

const routes: Record<string, (query: string, request: Request) => unknown> = {
  "/missing": missing,
  "/tour": () => tour(visited),
  "/log": () => log,
  "/tasks": () => namesIn(inspect()),

  "/sleep": async (ms) => {
    await sleep(Number(ms));
    return `slept ${ms}`;
  },

  "/turns": async (turns) => {
    for (let turn = 0; turn < Number(turns); turn++) await yieldNow();
    return "turned";
  },

  /** Holds the door until somebody says leave. */
  "/hold": async () => {
    using _ = await door.acquire();
    await leave.wait();
    return "held";
  },

  /** The same in a pool that runs one job at a time, with a timer in the job. */
  "/job": () =>
    pool.run(async () => {
      await leave.wait();
      await sleep(1);
      return "done";
    }),

  "/leave": () => leave.set(),

  "/hello": (port) => hello(Number(port)),

  "/letter": (text) => letters.send(text),
  "/letters": () => letters.receive(),

  "/stream": () =>
    new Response(streamBody(async function* () {
      for (const line of ["a", "b", "c"]) {
        yield `${line}\n`;
        await sleep(1);
      }
    })),

  "/endless": () =>
    new Response(streamBody(async function* () {
      try {
        for (;;) {
          yield "again and again\n";
          await sleep(1);
        }
      } finally {
        log.push("the body has ended");
      }
    })),

  "/socket": (_query, request) =>
    upgradeWebSocket(request, async (socket) => {
      for await (const message of socket) {
        if (message === "close") return;
        await socket.send(`${message}, too`);
      }
    }),

  "/behind": () => {
    currentTask().background(async () => {
      await sleep(20);
      log.push("done behind");
    });
    return "answered";
  },

  /** Waits for what does not come. */
  "/stay": async () => {
    const task = currentTask();
    try {
      await taskGroup((group) => {
        group.spawn(() => sleep(60_000), { name: "part" });
      });
    } catch (error) {
      log.push(`left: ${task.cancelled?.reason}`);
      throw error;
    } finally {
      await task.run(() => shield(() => sleep(20)));
      log.push("cleaned up");
    }
  },
};

/** The names of all tasks and scopes, outermost first. */
function namesIn({ name, children }: ReturnType<typeof inspect>): string[] {
  return [name, ...children.flatMap(namesIn)];
}

const handler = fetchHandler<unknown[]>(async (request) => {
  const { pathname, search } = new URL(request.url);
  const answer = await routes[pathname](search.slice(1), request) ?? null;
  return answer instanceof Response ? answer : Response.json(answer);
});

export default {
  fetch(request: Request, ...info: unknown[]): Response | Promise<Response> {
    if (!request.url.endsWith("/careless")) return handler(request, ...info);
    // Without `fetchHandler` nobody waits for what a request has started: it is killed.
    yieldNow();
    sleep(10);
    return new Response("null");
  },
};
