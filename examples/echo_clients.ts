#!/usr/bin/env -S deno run --allow-net=127.0.0.1
/**
 * Five hundred clients, all connected at once, and a server: on one thread.
 *
 * Of the course: the 100 threads, and "several hundred", that each connect to the gevent server and talk
 * to it.
 *
 * @module
 */

import { Barrier, connect, type Listener, main, nursery, serve, taskGroup } from "@grove/grove";

const CLIENTS = 500;
const LINES = 3;

/** Says some lines, and counts those that come back as they were. */
async function talk(client: number, server: Listener, all: Barrier): Promise<number> {
  using stream = await connect(server.addresses[0]);
  const answers = stream.lines({ max: 100 });
  const encoder = new TextEncoder();
  let right = 0;
  for (let n = 1; n <= LINES; n++) {
    const line = `line ${n} of client ${client}`;
    await stream.write(encoder.encode(`${line}\n`));
    if ((await answers.next()).value === line) right++;
    // Nobody goes on before all have had their first answer; the first of all looks around.
    if (n === 1 && await all.wait() === 0) {
      console.log(`${server.stats().active} connections are open`);
    }
  }
  return right;
}

await main(async () => {
  await nursery(async (services) => {
    const server = await services.start<Listener>((_task, started) =>
      serve({ hostname: "127.0.0.1", port: 0 }, async (stream) => {
        for await (const chunk of stream) await stream.write(chunk);
      }, { started })
    );

    const all = new Barrier(CLIENTS);
    const began = performance.now();
    let right = 0;
    await taskGroup((clients) => {
      for (let client = 1; client <= CLIENTS; client++) {
        clients.spawn(async () => {
          const answers = await talk(client, server, all);
          right += answers; // Added after the wait: else this would be a lost update.
        });
      }
    });
    const took = (performance.now() - began).toFixed();
    console.log(`${CLIENTS} clients have said ${CLIENTS * LINES} lines`);
    console.log(`${right} came back as they were, in ${took} ms`);
    services.stop();
  });
});
