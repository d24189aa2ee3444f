/**
 * The HTTP part: what answers a request, on every platform.
 *
 * @module
 */

import {
  currentTask,
  type FetchHandlerOptions,
  formatTree,
  inspect,
  isCancelled,
  moveOnAfter,
  sleep,
  taskGroup,
} from "../../mod.ts";
import { type Client, inspectorHandler } from "../../io/inspector/mod.ts";
import { publish, showChat } from "./chat.ts";
import { showFib, showPool, showPrimes } from "./computing.ts";
import { jobsState, putJob } from "./jobs.ts";
import { page } from "./page.ts";
import { BadRequest, numberFrom, preferred } from "./queries.ts";
import { html, json, text } from "./replies.ts";

/** The limits of the HTTP part. */
export const limits: FetchHandlerOptions = { name: "http", timeout: 60_000, maxConcurrent: 1000 };

/** The servers that run here, by name and address; none where the platform does the serving. */
export const servers: [name: string, address: string][] = [];

/** How many milliseconds the tasks of a fan-out have, all together, if their client says nothing else. */
const FANOUT_DEADLINE = 2000;

/** How long `/slow` takes. */
const SLOW = 30_000;

type Answer = (url: URL, request: Request) => Response | Promise<Response>;

/** What is at each path, for each method; GET stands for HEAD, too. */
const routes: Record<string, { GET: Answer; POST?: Answer }> = {
  "/": { GET: home },
  "/chat": { GET: showChat, POST: publish },
  "/fanout": { GET: fanOut },
  "/fib": { GET: showFib },
  "/jobs": { GET: () => json(jobsState()), POST: putJob },
  "/pool": { GET: showPool },
  "/primes": { GET: showPrimes },
  "/slow": { GET: slow },
  "/tasks": { GET: tasks },
  "/healthz": { GET: () => currentTask().stopping ? text("stopping\n", 503) : text("ok\n") },
};

/** The page of the live task tree, for whoever sits at this machine. */
const inspector = inspectorHandler("/inspector");

/** Answers a request; `client` is what Deno tells of who asks. */
export async function answer(request: Request, client?: Client): Promise<Response> {
  const url = new URL(request.url);
  if (/^\/inspector(\/|$)/.test(url.pathname)) return inspector(request, client);
  if (!Object.hasOwn(routes, url.pathname)) {
    return text(`There is nothing at ${url.pathname}; see / for what there is.\n`, 404);
  }
  const { GET, POST } = routes[url.pathname];
  const method = request.method === "HEAD" ? "GET" : request.method;
  const asked = method === "GET" ? GET : method === "POST" ? POST : undefined;
  if (asked === undefined) {
    const methods = POST === undefined ? "GET" : "GET and POST";
    const response = text(`${url.pathname} answers ${methods} only.\n`, 405);
    response.headers.set("allow", POST === undefined ? "GET, HEAD" : "GET, HEAD, POST");
    return response;
  }
  try {
    return await asked(url, request);
  } catch (error) {
    if (error instanceof BadRequest) return json({ error: error.message }, error.status);
    throw error;
  }
}

function home(): Response {
  const jobs = jobsState();
  return html(page({ servers, jobs, tree: formatTree(), deadline: FANOUT_DEADLINE, slow: SLOW }));
}

/** A group of `n` tasks that take `ms` milliseconds each, with `within` milliseconds for all of them. */
async function fanOut(url: URL): Promise<Response> {
  const n = numberFrom(url, "n", { least: 1, most: 1000, otherwise: 10 });
  const ms = numberFrom(url, "ms", { least: 0, most: 60_000, otherwise: 100 });
  const within = numberFrom(url, "within", { least: 0, most: 60_000, otherwise: FANOUT_DEADLINE });
  const began = performance.now();
  let finished = 0;
  const { timedOut } = await moveOnAfter(within, () =>
    taskGroup((group) => {
      for (let i = 1; i <= n; i++) {
        group.spawn(async () => {
          await sleep(ms);
          finished++;
        }, { name: `part ${i}` });
      }
    }, { name: "fan-out" }));
  const took = Math.round(performance.now() - began);
  return json({ n, ms, finished, timedOut, took }, timedOut ? 504 : 200);
}

/** Takes its time, ends when its client goes away, and answers early when the server is stopped. */
async function slow(): Promise<Response> {
  const began = performance.now();
  const seconds = () => ((performance.now() - began) / 1000).toFixed(1);
  try {
    await sleep(SLOW, { endOnStop: true });
  } catch (error) {
    if (isCancelled(error)) console.log(`GET /slow ended after ${seconds()} s: ${error.reason}`);
    throw error;
  }
  return text(`That took ${seconds()} s.\n`);
}

/** All live tasks: as JSON, or as text to whoever prefers it. */
function tasks(url: URL, request: Request): Response {
  const preference = preferred(request, "application/json", "text/plain");
  const format = url.searchParams.get("format") ?? (preference === "text/plain" ? "text" : "json");
  switch (format) {
    case "json":
      return json(inspect());
    case "text":
      return text(`${formatTree()}\n`);
    default:
      throw new BadRequest(`'format' must be "json" or "text": received "${format}"`);
  }
}
