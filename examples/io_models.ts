#!/usr/bin/env -S deno run --allow-net=127.0.0.1
/**
 * Five ways to wait for sockets, with the same clients: what each of them waits for, and how often.
 *
 * Of the course: the models of IO: blocking, non-blocking, `select.select`, `selectors` with call-backs,
 * asynchronous.
 *
 * @module
 */

import {
  connect,
  listen,
  type Listener,
  main,
  Selector,
  serve,
  sleep,
  type SocketStream,
  taskGroup,
  type TcpAddress,
  TimeoutError,
} from "@grove/grove";

const CLIENTS = 3;
const LINES = 2;

/** Serves until all clients have left; gives what is to be told of it. */
type Server = (listener: Listener) => Promise<string>;

/** Sends back what there is; gives `false` when the peer sends no more. */
async function answer(stream: SocketStream, timeout = Infinity): Promise<boolean> {
  const buffer = new Uint8Array(1024);
  const count = await stream.read(buffer, { timeout });
  if (count === null) stream.close();
  else await stream.write(buffer.subarray(0, count));
  return count !== null;
}

/** Blocking: it waits in one read, and whoever else has something to say waits for its end. */
async function blocking(listener: Listener): Promise<string> {
  for (let client = 1; client <= CLIENTS; client++) {
    using stream = await listener.accept();
    while (await answer(stream));
  }
  return "one client after the other";
}

/** Non-blocking: it never waits. It asks all of them, again and again, mostly in vain. */
async function polling(listener: Listener): Promise<string> {
  const streams = new Set<SocketStream>();
  let left = CLIENTS;
  let asked = 0;
  let vain = 0;

  async function ask<T>(operation: () => Promise<T>): Promise<T | undefined> {
    asked++;
    try {
      return await operation();
    } catch (error) {
      if (!(error instanceof TimeoutError)) throw error;
      vain++;
      return undefined;
    }
  }

  while (left > 0) {
    const stream = await ask(() => listener.accept({ timeout: 0 }));
    if (stream !== undefined) streams.add(stream);
    for (const stream of streams) {
      if (await ask(() => answer(stream, 0)) === false) {
        streams.delete(stream);
        left--;
      }
    }
    await sleep(0);
  }
  return `asked ${asked} times, ${vain} of them in vain`;
}

/** `select`: one wait for all, which tells who is ready; then nobody has to wait. */
async function selecting(listener: Listener): Promise<string> {
  using selector = new Selector<"door" | SocketStream>();
  selector.register(listener, "read", "door");
  let left = CLIENTS;
  let waits = 0;
  while (left > 0) {
    waits++;
    for (const { data } of await selector.select()) {
      if (data === "door") {
        const stream = await listener.accept();
        selector.register(stream, "read", stream);
      } else if (!await answer(data)) {
        selector.unregister(data);
        left--;
      }
    }
  }
  return `${waits} waits for ${CLIENTS + 1} sources`;
}

/** `selectors`: the same, and each source comes with what is to be done about it. */
async function calling(listener: Listener): Promise<string> {
  using selector = new Selector<() => Promise<void>>();
  let left = CLIENTS;
  let calls = 0;
  selector.register(listener, "read", async () => {
    const stream = await listener.accept();
    selector.register(stream, "read", async () => {
      if (await answer(stream)) return;
      selector.unregister(stream);
      left--;
    });
  });
  while (left > 0) {
    for (const { data: callback } of await selector.select()) {
      await callback();
      calls++;
    }
  }
  return `${calls} call-backs`;
}

/** Asynchronous: each client has a task, which reads as if it blocked, and blocks nobody. */
async function asynchronous(listener: Listener): Promise<string> {
  let left = CLIENTS;
  await serve(listener, async (stream) => {
    while (await answer(stream));
    if (--left === 0) listener.close();
  });
  return "a task for each client";
}

/** A client that takes its time between its lines. */
async function talk(client: number, address: TcpAddress): Promise<void> {
  using stream = await connect(address);
  const answers = stream.lines();
  for (let line = 1; line <= LINES; line++) {
    await sleep(10);
    await stream.write(new TextEncoder().encode(`line ${line} of client ${client}\n`));
    console.log(`  back: ${(await answers.next()).value}`);
  }
}

async function run(server: Server): Promise<void> {
  using listener = listen({ hostname: "127.0.0.1", port: 0 });
  await taskGroup(async (group) => {
    const serving = group.spawn(() => server(listener));
    for (let client = 1; client <= CLIENTS; client++) {
      group.spawn(() => talk(client, listener.addresses[0]));
    }
    console.log(`${server.name}: ${await serving}`);
  });
}

await main(async () => {
  for (const server of [blocking, polling, selecting, calling, asynchronous]) await run(server);
});
