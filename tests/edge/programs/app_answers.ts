/**
 * The HTTP part of the demonstration server, asked for a bit of everything.
 *
 * @module
 */

/** How it is asked, over a network or not: like `fetch`, by path. */
export type Ask = (path: string, init?: RequestInit) => Promise<Response>;

/** What it answers; it survives JSON. */
export async function askApp(ask: Ask): Promise<Record<string, unknown>> {
  const text = async (path: string) => await (await ask(path)).text();
  const json = async (path: string) => await (await ask(path)).json();
  const status = async (path: string, method: string) => {
    const response = await ask(path, { method });
    await response.body?.cancel();
    return response.status;
  };
  return {
    health: await text("/healthz"),
    page: (await text("/")).includes("served by the platform"),
    "a group of tasks": (await json("/fanout?n=3&ms=1")).finished,
    "a portable function": (await json("/fib?n=20")).value,
    "a stream of a pool": (await text("/primes?upto=12")).trim().split(/\s+/),
    pool: (await json("/pool")).kind,
    "who answers this": (await text("/tasks?format=text")).includes("GET /tasks"),
    "no workers for jobs": await status("/jobs", "POST"),
    "nothing there": await status("/nothing", "GET"),
  };
}

/** Has one request say something to another, and gives the events that this one gets. */
export async function chat(ask: Ask): Promise<string[]> {
  const { body } = await ask("/chat", { headers: { accept: "text/event-stream" } });
  const events = body!.pipeThrough(new TextDecoderStream()).getReader();
  const names: string[] = [];
  const next = async () => {
    const { value = "" } = await events.read();
    names.push(/^event: (.*)$/m.exec(value)?.[1] ?? value);
  };
  await next();
  await ask("/chat?from=ann", { method: "POST", body: "hello" });
  await next();
  await events.cancel();
  return names;
}

/** The events that it should get. */
export const EVENTS = ["hello", "message"];

/** What it should answer where there is no pool of threads. */
export const ANSWERS: Record<string, unknown> = {
  health: "ok\n",
  page: true,
  "a group of tasks": 3,
  "a portable function": 6765,
  "a stream of a pool": ["2", "3", "5", "7", "11"],
  pool: "TaskPool",
  "who answers this": true,
  "no workers for jobs": 503,
  "nothing there": 404,
};
