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
import { page } from "./page.ts";

/** The limits of the HTTP part. */
export const limits: FetchHandlerOptions = { name: "http", timeout: 60_000, maxConcurrent: 1000 };

/** The servers that run here, by name and address; none where the platform does the serving. */
export const servers: [name: string, address: string][] = [];

/** How many milliseconds the tasks of a fan-out have, all together. */
const FANOUT_DEADLINE = 2000;

/** How long `/slow` takes. */
const SLOW = 30_000;

type Route = (url: URL, request: Request) => Response | Promise<Response>;

const routes: Record<string, Route> = {
  "/": () => html(page({ servers, tree: formatTree(), deadline: FANOUT_DEADLINE, slow: SLOW })),
  "/fanout": fanOut,
  "/slow": slow,
  "/tasks": tasks,
  "/healthz": () => currentTask().stopping ? text("stopping\n", 503) : text("ok\n"),
};

/** Answers a request. */
export function answer(request: Request): Response | Promise<Response> {
  const url = new URL(request.url);
  if (!Object.hasOwn(routes, url.pathname)) {
    return text(`There is nothing at ${url.pathname}; see / for what there is.\n`, 404);
  }
  if (request.method !== "GET" && request.method !== "HEAD") {
    const response = text(`${url.pathname} answers GET only.\n`, 405);
    response.headers.set("allow", "GET, HEAD");
    return response;
  }
  return routes[url.pathname](url, request);
}

/** A group of `n` tasks that take `ms` milliseconds each, with a deadline for all of them. */
async function fanOut(url: URL): Promise<Response> {
  const n = numberFrom(url, "n", { least: 1, most: 1000, otherwise: 10 });
  if (n instanceof Response) return n;
  const ms = numberFrom(url, "ms", { least: 0, most: 10_000, otherwise: 100 });
  if (ms instanceof Response) return ms;
  const began = performance.now();
  let finished = 0;
  const { timedOut } = await moveOnAfter(FANOUT_DEADLINE, () =>
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
  const format = url.searchParams.get("format") ?? preferredFormat(request);
  switch (format) {
    case "json":
      return json(inspect());
    case "text":
      return text(`${formatTree()}\n`);
    default:
      return json({ error: `'format' must be "json" or "text": received "${format}"` }, 400);
  }
}

/** Whether a request would rather have text or JSON, by its Accept header. */
function preferredFormat(request: Request): "json" | "text" {
  let best: "json" | "text" = "json";
  let bestQuality = 0;
  for (const range of (request.headers.get("accept") ?? "*/*").split(",")) {
    const [type, ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
    const format = type === "text/plain" || type === "text/*"
      ? "text"
      : type === "application/json" || type === "application/*" || type === "*/*"
      ? "json"
      : undefined;
    const quality = Number(parameters.find((p) => p.startsWith("q="))?.slice(2) ?? 1);
    if (format !== undefined && quality > bestQuality) {
      best = format;
      bestQuality = quality;
    }
  }
  return best;
}

/** A whole number from the query; a 400 that says what is wrong with it. */
function numberFrom(
  url: URL,
  name: string,
  { least, most, otherwise }: { least: number; most: number; otherwise: number },
): number | Response {
  const value = url.searchParams.get(name);
  if (value === null) return otherwise;
  const number = Number(value);
  if (/^\d+$/.test(value) && number >= least && number <= most) return number;
  return json({
    error: `'${name}' must be a whole number from ${least} to ${most}: received "${value}"`,
  }, 400);
}

function text(body: string, status = 200): Response {
  return new Response(body, {
    status,
    headers: { "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff" },
  });
}

function json(body: unknown, status = 200): Response {
  return Response.json(body, { status, headers: { "cache-control": "no-store" } });
}

function html(body: string): Response {
  return new Response(body, {
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
      "cache-control": "no-store",
    },
  });
}
