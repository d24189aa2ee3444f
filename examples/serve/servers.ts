/**
 * The two servers and the workers, in one nursery under `main`.
 *
 * @module
 */

import {
  type Listener,
  type Listening,
  main,
  nursery,
  serve,
  serveHttp,
  type SocketStream,
} from "../../mod.ts";
import { runWorkers } from "./jobs.ts";
import { answer, limits, servers } from "./routes.ts";

const HOSTNAME = "127.0.0.1";

/** A setting that makes no sense. Like a port in use, it is told in a line, and not by a stack. */
class BadSetting extends Error {}

/** Runs all of it until a signal stops it; sets the exit code. */
export function runServers(): Promise<void> {
  return main(async (task) => {
    const http = { hostname: HOSTNAME, port: portFrom("PORT", 8000) };
    const echo = { hostname: HOSTNAME, port: portFrom("ECHO_PORT", 8007) };
    await nursery(async (services) => {
      services.spawn(runWorkers, { name: "jobs" });
      const httpServer = await services.start<Listening>(
        (_task, started) => serveHttp(http, answer, { ...limits, started }),
        { name: "HTTP server" },
      );
      const echoServer = await services.start<Listener>(
        (_task, started) =>
          serve(echo, echoBack, {
            name: "echo",
            maxConnections: 1000,
            idleTimeout: 300_000,
            started,
          }),
        { name: "echo server" },
      );
      servers.push(
        ["HTTP", `http://${HOSTNAME}:${httpServer.addresses[0].port}/`],
        ["TCP echo", `${HOSTNAME}:${echoServer.addresses[0].port}`],
      );
      for (const [name, address] of servers) console.log(`${name} on ${address}`);
    }, { name: "services" });
    if (task.stopping) console.log("Stopped.");
  }, { report });
}

/** Sends back what comes. A client that says nothing does not hold up the end of the server. */
async function echoBack(stream: SocketStream): Promise<void> {
  const buffer = new Uint8Array(16 * 1024);
  for (;;) {
    const count = await stream.read(buffer, { endOnStop: true });
    if (count === null) return;
    await stream.write(buffer.subarray(0, count));
  }
}

function portFrom(name: string, otherwise: number): number {
  const text = Deno.env.get(name);
  if (text === undefined || text === "") return otherwise;
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65535) return port;
  throw new BadSetting(
    `Cannot listen as ${name} must be a whole number from 0 to 65535: ${text}. Set it to another, or unset it`,
  );
}

function report(error: unknown): void {
  const isExpected = error instanceof BadSetting ||
    error instanceof Deno.errors.AddrInUse ||
    error instanceof Deno.errors.AddrNotAvailable ||
    error instanceof Deno.errors.NotCapable ||
    error instanceof Deno.errors.PermissionDenied;
  console.error(isExpected ? error.message : error);
}
