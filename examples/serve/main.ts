/**
 * The demonstration server: an HTTP server, with jobs, a chat and a pool of workers, and a TCP echo
 * server side by side, under one `main`.
 *
 *     deno task serve                        both, on the ports 8000 and 8007
 *     PORT=9000 ECHO_PORT=0 deno task serve  both, on other ports (0 takes a free one)
 *     deno serve examples/serve/main.ts      the HTTP part alone, as on an edge runtime
 *
 * Ctrl-C drains both and ends with exit code 0; what goes wrong at the start is one line and a 1.
 *
 * @module
 */

import { fetchHandler } from "../../mod.ts";
import { answer, limits } from "./routes.ts";
import { runServers } from "./servers.ts";

/** `deno task serve` says `start`. Without it, Deno decides what becomes of this module: see below. */
const told = import.meta.main && Deno.args[0] === "start";

let servedByDeno = false;

/** The HTTP part, as `deno serve` and edge runtimes take it. */
function httpPart() {
  return {
    fetch: fetchHandler(answer, limits),
    onListen({ hostname, port }: Deno.NetAddr): void {
      servedByDeno = true;
      console.log(`HTTP on http://${hostname}:${port}/`);
    },
  };
}

// A program that is told to start its own servers exports no `fetch`: `deno run` would print a
// warning about it.
export default (told ? {} : httpPart()) as ReturnType<typeof httpPart>;

if (told) {
  await runServers();
} else if (import.meta.main) {
  // The module is the main one for `deno run` and for `deno serve`. The latter has called `onListen`
  // by the next turn of the event loop (in all but the further threads of --parallel).
  setTimeout(() => {
    if (!servedByDeno) runServers();
  });
}
