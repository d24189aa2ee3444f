/**
 * `selector`: a server of 100 connections, each of which sends 64 bytes, waits for them to come back, and sends the next; the
 * figure is the processor time of the server for one message. The clients are a program of their own (`echo_clients.ts`), one for
 * each contender, and idle while the others are measured, as nobody answers them.
 *
 * The floor is a loop for each connection, which reads into a buffer of its own and writes; it has no selector. Grove's are one task
 * for all: `select()` tells of all that are ready, and `for await` gives one after the other.
 *
 * @module
 */

import process from "node:process";
import { listen, Selector, type SocketStream, type TcpAddress } from "../mod.ts";
import type { Contender, Row } from "./row.ts";

const CONNECTIONS = 100;
const SIZE = 64;
const MESSAGES = 20_000;

/** Answers so many messages. */
type Server = (messages: number) => Promise<void>;

/** Starts clients, and gives what accepts them. */
function clients(port: number): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--allow-net=127.0.0.1",
      new URL("echo_clients.ts", import.meta.url).href,
      ...[port, CONNECTIONS, SIZE].map(String),
    ],
    stdin: "null",
  }).spawn();
}

/** Messages to be answered: what is asked for by a sample, and given out one by one. */
class Ration {
  #left = 0;
  #answered = 0;
  #enough: (() => void) | undefined;
  #more = Promise.withResolvers<void>();

  /** Lets so many be answered, and waits until they are. */
  give(messages: number): Promise<void> {
    this.#left = this.#answered = messages;
    const { resolve } = this.#more;
    this.#more = Promise.withResolvers<void>();
    resolve();
    return new Promise((resolve) => this.#enough = resolve);
  }

  /** Takes one, if there is one. */
  take(): boolean {
    if (this.#left === 0) return false;
    this.#left--;
    return true;
  }

  more(): Promise<void> {
    return this.#more.promise;
  }

  answered(): void {
    if (--this.#answered === 0) this.#enough?.();
  }
}

async function bare(): Promise<[Server, () => void]> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const child = clients(listener.addr.port);
  const ration = new Ration();
  const connections: Deno.Conn[] = [];
  async function attend(connection: Deno.Conn): Promise<void> {
    const buffer = new Uint8Array(65_536);
    for (;;) {
      const count = await connection.read(buffer);
      if (count === null) return;
      while (!ration.take()) await ration.more();
      await connection.write(buffer.subarray(0, count));
      ration.answered();
    }
  }
  while (connections.length < CONNECTIONS) connections.push(await listener.accept());
  for (const connection of connections) attend(connection).catch(() => {});
  const end = () => {
    listener.close();
    for (const connection of connections) connection.close();
    child.kill("SIGKILL");
  };
  return [(messages) => ration.give(messages), end];
}

/** The same by Grove: `run` answers for ever, what is in the selector. */
async function grove(
  run: (selector: Selector, ration: Ration) => Promise<void>,
): Promise<[Server, () => void]> {
  const listener = listen({ hostname: "127.0.0.1", port: 0 });
  const child = clients(listener.addresses[0].port);
  const selector = new Selector();
  const ration = new Ration();
  const streams: SocketStream<TcpAddress>[] = [];
  while (streams.length < CONNECTIONS) streams.push(await listener.accept());
  for (const stream of streams) selector.register(stream, "read", undefined);
  run(selector, ration).catch(() => {});
  const end = () => {
    selector.close();
    listener.close();
    for (const stream of streams) stream.close();
    child.kill("SIGKILL");
  };
  return [(messages) => ration.give(messages), end];
}

async function answer(stream: SocketStream, bytes: Uint8Array, ration: Ration): Promise<void> {
  while (!ration.take()) await ration.more();
  await stream.write(bytes);
  ration.answered();
}

async function bySelect(selector: Selector, ration: Ration): Promise<void> {
  for (;;) {
    const answers: Promise<void>[] = [];
    for (const { key } of await selector.select()) {
      const stream = key.source as SocketStream;
      const buffer = new Uint8Array(SIZE);
      answers.push(stream.read(buffer).then(() => answer(stream, buffer, ration)));
    }
    await Promise.all(answers);
  }
}

async function byLoop(selector: Selector, ration: Ration): Promise<void> {
  for await (const { key, chunk } of selector) {
    // Not awaited: a peer that is slow to read must not hold up the others.
    answer(key.source as SocketStream, chunk as Uint8Array, ration).catch(() => {});
  }
}

/** Without a selector: what the streams cost. */
async function byStreams(selector: Selector, ration: Ration): Promise<void> {
  const streams = [...selector.keys.keys()] as SocketStream[];
  await Promise.all(streams.map(async (stream) => {
    const buffer = new Uint8Array(SIZE);
    while (await stream.read(buffer) !== null) {
      while (!ration.take()) await ration.more();
      await stream.write(buffer);
      ration.answered();
    }
  }));
}

function contender(
  name: string,
  start: () => Promise<[Server, () => void]>,
  note?: string,
): Contender {
  let started: Promise<[Server, () => void]> | undefined;
  return {
    name,
    note,
    async sample(repeats) {
      const [serve] = await (started ??= start());
      const messages = repeats * MESSAGES;
      const before = process.cpuUsage();
      await serve(messages);
      const { user, system } = process.cpuUsage(before);
      return (user + system) * 1000 / messages;
    },
    async end() {
      const [, end] = await started!;
      end();
    },
  };
}

export const rows: Row[] = [
  {
    id: "selector",
    title: "a message of 64 bytes answered, one of 100 connections; processor time",
    unit: "ns",
    contenders: [
      contender("floor", bare),
      contender("grove", () => grove(bySelect), "`select()`"),
      contender("grove, a loop each", () => grove(byStreams), "streams without a selector"),
      contender("grove, one by one", () => grove(byLoop), "`for await`"),
    ],
    goals: [{ times: 1.05, of: "floor" }],
  },
];
