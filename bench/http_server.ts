/**
 * A program that says hello over HTTP: `http_server.ts KIND`, where the kind says by what. It prints its port.
 *
 * @module
 */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { currentTask, fetchHandler } from "../mod.ts";

const HERE = { hostname: "127.0.0.1", port: 0, onListen };

function onListen({ port }: { port: number }): void {
  console.log(port);
}

const hello = () => new Response("hello");

function ignore(): void {}

const servers: Record<string, () => void> = {
  "bare": () => void Deno.serve(HERE, hello),
  "bare-signal": () =>
    void Deno.serve(HERE, ({ signal }) => {
      signal.addEventListener("abort", ignore);
      return hello();
    }),
  "grove": () => void Deno.serve(HERE, fetchHandler(hello)),
  "grove-signal": () =>
    void Deno.serve(
      HERE,
      fetchHandler(() => {
        currentTask().signal.addEventListener("abort", ignore);
        return hello();
      }),
    ),
  "node": () => {
    const server = createServer((_request, response) => {
      response.setHeader("content-length", 5);
      response.end("hello");
    });
    server.listen(0, "127.0.0.1", () => onListen(server.address() as AddressInfo));
  },
};

servers[Deno.args[0]]();
