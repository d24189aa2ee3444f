/**
 * The demonstration server: an HTTP server, with jobs, a chat and a pool of workers, and a TCP echo
 * server side by side, under one `main`.
 *
 *     deno task serve                        both, on the ports 8000 and 8007
 *     PORT=9000 ECHO_PORT=0 deno task serve  both, on other ports (0 takes a free one)
 *     deno serve examples/serve/main.ts      the HTTP part alone, as on an edge runtime; with
 *                                            --parallel, on all processors
 *
 * Ctrl-C drains both and ends with exit code 0; what goes wrong at the start is one line and a 1.
 *
 * @module
 */

import { fetchHandler } from "../../mod.ts";
import { answer, limits } from "./routes.ts";
import { runServers } from "./servers.ts";

/**
 * `deno task serve` says `start`. Nothing else will do: in the further threads of `deno serve
 * --parallel` nothing tells the module that it is not run by `deno run`.
 */
const told = import.meta.main && Deno.args[0] === "start";

/** The HTTP part, as `deno serve` and edge runtimes take it. */
function httpPart() {
  return {
    fetch: fetchHandler(answer, limits),
    onListen({ hostname, port }: Deno.NetAddr): void {
      console.log(`HTTP on http://${hostname}:${port}/`);
    },
  };
}

// A program that is told to start its own servers exports no `fetch`: `deno run` would print a
// warning about it.
export default (told ? {} : httpPart()) as ReturnType<typeof httpPart>;

if (told) await runServers();
