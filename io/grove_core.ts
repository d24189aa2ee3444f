/**
 * What runs in a thread of `serveOnCores`: nothing to import, but to bundle or compile into a program,
 * which without it starts no threads.
 *
 * It must not await anything at its top level, or the messages that are there already would be lost.
 *
 * @module
 */

import { openNursery } from "../primitives/nursery.ts";
import { threadId } from "../primitives/shared/threads.ts";
import { show } from "../primitives/kernel/check.ts";
import { type FromCore, type Opening, tell, type ToCore } from "./core_protocol.ts";
import { openRequests, type RequestGroup, requestsOf } from "./request_group.ts";
import { type ServeHttpInfo, serveRequests } from "./serve_http.ts";

interface ThreadGlobal {
  postMessage(message: FromCore): void;
  addEventListener(type: string, listener: (event: Event) => void): void;
  close(): void;
}

const thread = globalThis as unknown as ThreadGlobal;
const post = thread.postMessage.bind(thread);
const close = thread.close.bind(thread);
const services = openNursery({ name: "core" });

// Not by `onmessage`, which the module might set.
thread.addEventListener("message", (event) => {
  const { data } = event as MessageEvent<ToCore>;
  if (data.type === "start") start(data);
  else stop();
});

// Out here an error kills the thread, and comes out of it without its stack and its class.
for (const type of ["error", "unhandledrejection"]) {
  thread.addEventListener(type, (event) => {
    event.preventDefault();
    const { error, reason } = event as ErrorEvent & PromiseRejectionEvent;
    fail(type === "error" ? error : reason);
  });
}

function stop(): void {
  post({ core: "stopping" });
  services.stop({ grace: Infinity }); // Who asks sees to the end.
}

async function start(opening: Opening): Promise<void> {
  const { where, reusePort, name, drain, beat } = opening;
  // First of all: the module may end the thread while it is loaded.
  post({ core: "loading", thread: threadId() });
  if (beat < Infinity) setInterval(() => post({ core: "alive" }), beat);
  try {
    const requests = await load(opening);
    await services.spawn(() =>
      serveRequests(where, requests, {
        name,
        drain,
        reusePort,
        started: ({ addresses: [address] }) => post({ core: "serving", address }),
      })
    );
    post({ core: "stopped" });
  } catch (error) {
    fail(error);
  }
}

/** The requests that a module answers: by a fetch handler of ours, or by a function of any kind. */
async function load({ module, entry }: Opening): Promise<RequestGroup<ServeHttpInfo>> {
  const action = `serve on cores by "${entry}" of ${module}`;
  let exported: unknown;
  try {
    exported = (await import(module))[entry];
  } catch (cause) {
    throw new Error(`Cannot ${action} as the module cannot be loaded: ${tell(cause).message}`, {
      cause,
    });
  }
  const own = (exported as { fetch?: unknown } | undefined)?.fetch;
  const handler = typeof exported === "function" ? exported : own;
  if (typeof handler !== "function") {
    throw new TypeError(
      `Cannot ${action} as that must be a function, or an object with a method fetch: received ${
        show(exported)
      }`,
    );
  }
  const known = requestsOf(handler);
  if (known !== undefined) return known as unknown as RequestGroup<ServeHttpInfo>;
  return services.run(() =>
    openRequests(
      (request: Request, ...info: ServeHttpInfo) => handler.call(exported, request, ...info),
      {},
    )
  );
}

function fail(error: unknown): void {
  post({ core: "failed", error: tell(error) });
  close();
}
