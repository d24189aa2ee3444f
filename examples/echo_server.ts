#!/usr/bin/env -S deno run --allow-run=deno --allow-net --allow-read=/tmp --allow-write=/tmp
/**
 * An echo server with a task for each connection; and one with a process for each, and why not.
 *
 * Of the course: the TCP server with gevent, one thread and many sockets; the TCP server that starts a
 * process for each connection.
 *
 * @module
 */

import {
  connect,
  type ConnectionHandler,
  type Listener,
  main,
  nursery,
  Pipe,
  type PipeEnd,
  Process,
  serve,
  type SocketStream,
  taskGroup,
  type TcpAddress,
} from "@grove/grove";

const CLIENTS = 10;

/** What a connection gets: whatever it has said. `serve` runs it in a task, and closes the stream. */
async function echo(stream: SocketStream): Promise<void> {
  for await (const chunk of stream) await stream.write(chunk);
}

/**
 * The same, with the answers from a process of the connection's own. A process takes thousands of
 * times as long to start as a task, and some 50 MB. And it does not have the socket: each chunk has to
 * be sent over and back. It is worth that only where the work is not to be trusted, or may not end;
 * and then a `ProcessPool` keeps its processes, and hands them one job after the other.
 */
async function echoFromProcess(stream: SocketStream): Promise<void> {
  const [here, there] = new Pipe<Uint8Array>().ends;
  await using _process = new Process(async (end: PipeEnd<Uint8Array>) => {
    for await (const chunk of end) await end.send(chunk);
  }, [there]).start();
  for await (const chunk of stream) {
    await here.send(chunk);
    await stream.write(await here.receive());
  }
}

/** A client that says a word, and reads it back. */
async function call(address: TcpAddress, word: string): Promise<string> {
  using stream = await connect(address);
  await stream.write(new TextEncoder().encode(word));
  return new TextDecoder().decode(await stream.readExactly(word.length));
}

/** Serves some clients that come all at once, and stops. */
async function run(how: string, handler: ConnectionHandler<TcpAddress>): Promise<void> {
  await nursery(async (services) => {
    const server = await services.start<Listener>((_task, started) =>
      serve({ hostname: "127.0.0.1", port: 0 }, handler, { started })
    );
    const began = performance.now();
    await taskGroup((clients) => {
      for (let i = 1; i <= CLIENTS; i++) {
        clients.spawn(async () => {
          const answer = await call(server.addresses[0], `hello ${i}`);
          console.log(`  client ${i} hears: ${answer}`);
        });
      }
    });
    const took = (performance.now() - began).toFixed();
    console.log(`${how}: ${server.stats().accepted} connections, ${took} ms`);
    services.stop(); // It accepts no more, and is over when its handlers are.
  });
}

await main(async () => {
  await run("a task for each", echo);
  await run("a process for each", echoFromProcess);
});
