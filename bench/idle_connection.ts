/**
 * `idle-connection`: by how much a server's own memory grows with each connection that has sent one message, got it back, and
 * sends no more. A sample is a server of its own, as memory that was had once is not given back. Some connections come first, so
 * that what all of them share is there.
 *
 * @module
 */

import { Clients, collecting, type Command, commands, Server } from "./echo_servers.ts";
import type { Contender, Row } from "./row.ts";

const FIRST = 300;
const CONNECTIONS = 1_000;
const SIZE = 64;
/** How long a server may take to collect its garbage, in milliseconds. */
const PAUSE = 200;

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, PAUSE));
}

async function weigh(command: Command): Promise<number> {
  using server = await Server.start(collecting(command));
  using first = await Clients.start("echo", server.port, FIRST, SIZE);
  await first.run(10 * FIRST);
  await pause();
  const before = server.memory();
  using clients = await Clients.start("echo", server.port, CONNECTIONS, SIZE);
  await clients.run(CONNECTIONS);
  await pause();
  return (server.memory() - before) / CONNECTIONS;
}

function contender(name: string, command: Command): Contender {
  return { name, sample: () => weigh(command) };
}

const names: Readonly<Record<string, string>> = {
  "node:net (Deno)": "floor",
  "floor": "Deno.listen",
  "grove, deno": "grove",
};

export const rows: Row[] = [
  {
    id: "idle-connection",
    title: "memory of a connection that waits",
    unit: "bytes",
    long: true,
    contenders: [...commands("wait").servers].map(([name, command]) =>
      contender(names[name] ?? name, command)
    ),
    goals: [{ bytes: 9 * 1024 }],
  },
];
