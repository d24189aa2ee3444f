/**
 * `http`, `http-signal`: a request answered by five letters, on one of 100 connections that are kept; the figure is the processor
 * time of the server for it. In the second row the handler listens to a signal for its client's departure.
 *
 * The floor of both is `Deno.serve` without any signal: asking for `request.signal` is what costs there.
 *
 * @module
 */

import type { Contender, Row } from "./row.ts";
import { LineProcess, serverTimed } from "./server_process.ts";

const CONNECTIONS = 100;
const REQUESTS = 20_000;

function contender(name: string, kind: string, note?: string): Contender {
  return serverTimed(name, {
    // Without it Deno prints a line when a signal is asked for, and aborts each at the end.
    server: () => new LineProcess("http_server.ts", [kind], ["--unstable-no-legacy-abort"]),
    clients: () => new LineProcess("http_clients.ts", [String(CONNECTIONS)]),
    size: REQUESTS,
    note,
  });
}

export const rows: Row[] = [
  {
    id: "http",
    title: "an HTTP request answered, on one of 100 connections; processor time of the server",
    unit: "ns",
    contenders: [
      contender("floor", "bare", "`Deno.serve`"),
      contender("grove", "grove", "`fetchHandler` in `Deno.serve`"),
      contender("node:http", "node", "in Deno"),
    ],
    goals: [{ times: 1 / 0.8, of: "floor" }],
  },
  {
    id: "http-signal",
    title: "the same, with a listener on the signal for the client's departure",
    unit: "ns",
    contenders: [
      contender("floor", "bare", "`Deno.serve` without the listener"),
      contender("grove", "grove-signal", "`currentTask().signal`"),
      contender("Deno.serve", "bare-signal", "`request.signal`"),
    ],
    goals: [{ times: 1 / 0.4, of: "floor" }],
  },
];
