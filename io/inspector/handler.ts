/**
 * The inspector as a function from a request to a response: its page, the events that the page
 * shows, and, where that is permitted, what its buttons ask for.
 *
 * @module
 */

import { show } from "../../primitives/kernel/check.ts";
import { activeTasks, currentTask, type Task } from "../../primitives/kernel/task.ts";
import { watchAges } from "../../primitives/trace_ages.ts";
import { streamBody } from "../stream_body.ts";
import { type Client, hasToken, refusalOf } from "./access.ts";
import { eventsFor } from "./events.ts";
import { page } from "./page.ts";
import { Timeline } from "./timeline.ts";
import { viewFrom } from "./view.ts";

/** What {@linkcode inspectorHandler} gives: it is called in a request, with what Deno tells of it. */
export type InspectorHandler = (request: Request, client?: Client) => Response;

/**
 * Shows the inspector's page in a server that is there already, below a path of its own. It answers
 * to this machine alone, whatever the server listens on, and the page can change nothing: to cancel
 * tasks from it, use `inspector({ control: true })`.
 *
 * Behind a proxy that runs on this machine too, everybody comes from this machine. What such a proxy
 * says that it forwards is refused; but one may keep that to itself, as nginx does unless it is told
 * otherwise: have it not forward this path, or use `inspector()`, which has a port of its own.
 *
 * The page tells for how long tasks are there and wait, if that is noted when they start: `main` sees
 * to it, and so does `traceAges(true)`.
 *
 * @param prefix The path, "/inspector" say; "" for a server that shows nothing else.
 * @returns What answers the requests for that path and those below. It is called in the function of
 * `serveHttp` or `fetchHandler`, with the request and what Deno tells of the client.
 * @throws {TypeError} When the path makes no sense.
 *
 * @example
 * ```ts
 * import { type Listening, nursery, serveHttp } from "@grove/grove";
 * import { inspectorHandler } from "@grove/grove/inspector";
 *
 * const inspect = inspectorHandler("/inspector");
 *
 * await nursery(async (services) => {
 *   const { addresses: [{ port }] } = await services.start<Listening>((_task, started) =>
 *     serveHttp({ hostname: "127.0.0.1", port: 0 }, (request, info) =>
 *       new URL(request.url).pathname.startsWith("/inspector")
 *         ? inspect(request, info)
 *         : new Response("hello"), { started })
 *   );
 *   const page = await fetch(`http://127.0.0.1:${port}/inspector`);
 *   console.log(page.status, (await page.text()).includes("Grove")); // 200 true
 *   services.stop();
 * });
 * ```
 */
export function inspectorHandler(prefix: string): InspectorHandler {
  if (typeof prefix !== "string" || !/^(\/[\w.~-]+)*$/.test(prefix)) {
    throw new TypeError(
      `Cannot show the inspector at ${show(prefix)} as a path begins with a slash and ends without`,
    );
  }
  const inspector = new Inspector(prefix);
  return (request, client) => inspector.answer(request, client);
}

/** What answers requests; and the state behind it, which is the timeline. */
export class Inspector {
  /** The port that requests must name, once it is known. */
  port: number | undefined;
  readonly #prefix: string;
  readonly #token: string | undefined;
  readonly #hidden = new Set<number>();
  readonly #timeline: Timeline = new Timeline(this.#hidden);

  /**
   * Makes one that answers below a path.
   *
   * @param prefix The path.
   * @param token What a request must know to change anything; without one, none can.
   */
  constructor(prefix: string, token?: string) {
    this.#prefix = prefix;
    this.#token = token;
  }

  /** Leaves a task out of what is shown, with all that is in it: it is the inspector's own. */
  hide(task: Task): void {
    // One may answer many requests; and where no request has a task of its own, it is the root.
    if (task.parent === null || this.#hidden.has(task.id)) return;
    this.#hidden.add(task.id);
    task.onDone(() => this.#hidden.delete(task.id));
  }

  /** Answers a request. */
  answer(request: Request, client: Client | undefined): Response {
    this.hide(currentTask());
    const refusal = refusalOf(request, client, this.port);
    if (refusal !== undefined) return text(`The inspector does not answer. ${refusal}`, 403);
    const { pathname, searchParams } = new URL(request.url);
    const path = pathname.startsWith(this.#prefix) ? pathname.slice(this.#prefix.length) : "?";
    const order = /^\/tasks\/(\d+)\/(cancel|stop)$/.exec(path);
    if (order !== null) return this.#obey(request, Number(order[1]), order[2]);
    if (request.method !== "GET") return text("The inspector answers GET here.", 405, "GET");
    switch (path) {
      case "":
      case "/":
        return page(this.#prefix, this.#token !== undefined);
      case "/events":
        return this.#events(searchParams);
      default:
        return text("There is nothing here.", 404);
    }
  }

  #events(query: URLSearchParams): Response {
    const view = viewFrom(query);
    const body = streamBody(() => watched(eventsFor(view, this.#hidden, this.#timeline)));
    return new Response(body, {
      headers: { "content-type": "text/event-stream", ...PRIVATE },
    });
  }

  #obey(request: Request, id: number, order: string): Response {
    if (request.method !== "POST") return text("This is asked for by POST.", 405, "POST");
    if (this.#token === undefined) {
      return text("The inspector only looks. To act, start it with { control: true }.", 403);
    }
    if (!hasToken(request, this.#token)) {
      return text("This takes the token: open the address that the inspector has told.", 401);
    }
    const task = activeTasks().find((task) => task.id === id);
    if (task === undefined) return text(`There is no task ${id} that could be asked to end.`, 404);
    if (order === "stop") task.stop();
    else task.cancel("asked for in the inspector");
    return new Response(null, { status: 204, headers: PRIVATE });
  }
}

/** Has ages noted as long as somebody looks. */
async function* watched(events: AsyncGenerator<string>): AsyncGenerator<string> {
  const unwatch = watchAges();
  try {
    yield* events;
  } finally {
    unwatch();
  }
}

const PRIVATE = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "cross-origin-resource-policy": "same-origin",
};

function text(body: string, status: number, allow?: string): Response {
  return new Response(`${body}\n`, {
    status,
    headers: { "content-type": "text/plain; charset=utf-8", ...PRIVATE, ...(allow && { allow }) },
  });
}
