/**
 * `echo-100-64`, `echo-100-16k`, `echo-1000-64`, `echo-5000-64`: a message is sent back, on one of so many connections that all
 * have one under way; the figure is the processor time of the server.
 *
 * The floor is a loop for each connection over `Deno.listen`. With a thousand connections and more it serves some of them much
 * sooner than others: that is quick, as what they need is in the processor's cache, and the others wait. So the notes tell the
 * 99th percentile of what a message takes.
 *
 * @module
 */

import { Clients, type Command, commands, type Manner, Server } from "./echo_servers.ts";
import { Lasting } from "./lasting.ts";
import type { Contender, Goal, Row } from "./row.ts";
import { median } from "./statistics.ts";

/** What the clients of a row do. */
export interface Talk {
  readonly mode: "echo" | "accept";
  readonly connections: number;
  readonly size: number;
  /** How many messages make a sample. */
  readonly messages: number;
}

interface Running {
  readonly server: Server;
  readonly clients: Clients;
}

async function start(command: Command, talk: Talk): Promise<Running> {
  const server = await Server.start(command);
  const clients = await Clients.start(talk.mode, server.port, talk.connections, talk.size);
  await clients.run(talk.messages); // it warms up
  return { server, clients };
}

function contender(name: string, command: Command, talk: Talk, remark?: string): Contender {
  const latencies: number[] = [];
  const running = new Lasting(() => start(command, talk), async (running) => {
    const { server, clients } = await running;
    clients[Symbol.dispose]();
    server[Symbol.dispose]();
  });
  return Object.defineProperty(
    running.ended({
      name,
      async sample() {
        const { server, clients } = await running.thing;
        const before = server.processorTime();
        latencies.push(await clients.run(talk.messages));
        return (server.processorTime() - before) / talk.messages;
      },
    }),
    "note",
    {
      get: () =>
        [`99 % within ${median(latencies).toFixed(1)} ms`, remark].filter((part) => part).join(
          "; ",
        ),
    },
  );
}

/** The contenders of a row. The back-end that is the better one for it is "grove". */
export function contenders(talk: Talk, manner: Manner, better: "deno" | "node"): Contender[] {
  const { servers, missing } = commands(manner);
  return [...servers].map(([name, command]) => {
    if (name === "floor" && missing.length > 0) {
      return contender(name, command, talk, `not installed here: ${missing.join(", ")}`);
    }
    const isBetter = name === `grove, ${better}`;
    return contender(
      isBetter ? "grove" : name,
      command,
      talk,
      isBetter ? `back-end "${better}"` : undefined,
    );
  });
}

function row(
  id: string,
  talk: Omit<Talk, "mode">,
  better: "deno" | "node",
  goals: Goal[],
): Row {
  const { connections, size } = talk;
  return {
    id,
    title: `a message of ${size.toLocaleString("en-US")} bytes sent back, ` +
      `${connections.toLocaleString("en-US")} connections; processor time`,
    unit: "ns",
    long: true,
    contenders: contenders({ mode: "echo", ...talk }, "stay", better),
    goals,
  };
}

export const rows: Row[] = [
  row("echo-100-64", { connections: 100, size: 64, messages: 25_000 }, "deno", [
    { times: 1.075, of: "floor" },
  ]),
  row("echo-100-16k", { connections: 100, size: 16_384, messages: 12_000 }, "deno", [
    { times: 1.05, of: "floor" },
  ]),
  row("echo-1000-64", { connections: 1000, size: 64, messages: 25_000 }, "node", [
    { times: 0.91, of: "floor" },
  ]),
  row("echo-5000-64", { connections: 5000, size: 64, messages: 20_000 }, "node", [
    { times: 0.67, of: "floor" },
  ]),
];
