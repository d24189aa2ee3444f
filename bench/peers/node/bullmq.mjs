/**
 * BullMQ where it is at home: measures it in Node for `node_bullmq.ts`, which gives the socket of a Redis server, says what to measure by
 * a line of JSON, and is answered by one with the milliseconds that it took. The end of its input ends this program.
 *
 * @module
 */

import console from "node:console";
import { createInterface } from "node:readline";
import process from "node:process";

// Not a name that Deno would look up: it does not find all of its packages that are optional.
const [path, bullmq] = process.argv.slice(2);
const { Queue, QueueEvents, Worker } = await import(bullmq);

const connection = { path, maxRetriesPerRequest: null };
const events = new QueueEvents("double", { connection });
const worker = new Worker("double", (job) => Promise.resolve(2 * job.data), {
  connection,
  concurrency: 64,
});
const queue = new Queue("double", {
  connection,
  // Those that have just ended have to be there for whoever begins to wait for them.
  defaultJobOptions: { removeOnComplete: 1000 },
});
for (const emitter of [events, queue]) emitter.setMaxListeners(0);
await Promise.all([events.waitUntilReady(), worker.waitUntilReady(), queue.waitUntilReady()]);

async function measure({ atOnce, size }) {
  const start = performance.now();
  let next = 0;
  let sum = 0;
  async function loop() {
    while (next < size) {
      const job = await queue.add("double", next++);
      const result = await job.waitUntilFinished(events);
      sum += result;
    }
  }
  await Promise.all(Array.from({ length: atOnce }, loop));
  if (sum !== size * (size - 1)) throw new Error(`The results are wrong: ${sum}`);
  return performance.now() - start;
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await measure(JSON.parse(line))));
}
process.exit(0);
