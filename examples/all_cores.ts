#!/usr/bin/env -S deno run --unstable-net --unstable-no-legacy-abort --allow-run=deno --allow-net --allow-read=deno.json,mod.ts,primitives,io,pools,examples/all_cores.ts,/tmp --allow-write=/tmp
/**
 * All of it in one program: a server on all cores, and clients that are processes, with threads in
 * them, with tasks in those.
 *
 * Of the course: its closing advice, "processes, with threads in them, with coroutines in those".
 *
 * Each layer has its reason. A task is for what waits, and there can be hundreds of thousands. A thread
 * is for a core. A process is for what has to be shut in: these may talk to the server, and to nobody
 * else. For an end of all of it there is no code: whoever is cancelled ends what is in it.
 *
 * @module
 */

import {
  cancellable,
  type CoreServer,
  currentTask,
  main,
  map,
  nursery,
  portable,
  ProcessPool,
  serveOnCores,
  sleep,
  WorkerPool,
} from "@grove/grove";

const CORES = 2;
const PROCESSES = 2;
const THREADS = 2;
const TASKS = 100;

/** Who has answered how often. */
type Tally = Record<string, number>;

/** Each thread of the server loads this module anew, and has a number of its own here. */
const me = crypto.randomUUID();

/** What a thread of the server does with a request: each is a task. */
export async function answer(): Promise<Response> {
  await sleep(20);
  return new Response(me);
}

/** What a thread of the clients does: many tasks, which wait for the server all at once. */
export const ask = portable(import.meta, async function ask(url: string): Promise<Tally> {
  const tally: Tally = {};
  const answers = map(Array(TASKS).fill(url), async (url: string) => {
    const response = await fetch(url, { signal: currentTask().signal });
    return await cancellable(response.text());
  }, { concurrency: TASKS });
  for await (const server of answers) tally[server] = (tally[server] ?? 0) + 1;
  return tally;
});

/** What a process of the clients does: it has threads, and adds up what they report. */
export const askOnThreads = portable(
  import.meta,
  async function askOnThreads(url: string): Promise<Tally> {
    await using threads = new WorkerPool({ size: THREADS });
    return await sumUp(threads.map(ask, Array(THREADS).fill(url)));
  },
);

async function sumUp(tallies: AsyncIterable<Tally>): Promise<Tally> {
  const sum: Tally = {};
  for await (const tally of tallies) {
    for (const [who, count] of Object.entries(tally)) sum[who] = (sum[who] ?? 0) + count;
  }
  return sum;
}

if (import.meta.main) {
  await main(async () => {
    await nursery(async (services) => {
      const where = { hostname: "127.0.0.1", port: 0, workers: CORES, entry: "answer" };
      const server = await services.start<CoreServer>((_task, started) =>
        serveOnCores(import.meta.url, { ...where, started })
      );
      const [{ port }] = server.addresses;
      console.log(`${server.stats().serving} threads serve one port`);

      // The processes load Grove once more in their threads, so they have to read it.
      const read = ["mod.ts", "primitives", "io", "pools", "examples/all_cores.ts"];
      const permissions = { read, net: [`127.0.0.1:${port}`] };
      await using processes = new ProcessPool({ size: PROCESSES, permissions });
      const url = `http://127.0.0.1:${port}/`;
      const tally = await sumUp(processes.map(askOnThreads, Array(PROCESSES).fill(url)));

      const counts = Object.values(tally);
      const all = counts.reduce((sum, count) => sum + count, 0);
      console.log(`${PROCESSES} processes × ${THREADS} threads × ${TASKS} tasks: ${all} answers`);
      console.log(`from ${counts.length} threads: ${counts.join(" + ")}`);
      services.stop();
    });
  });
}
