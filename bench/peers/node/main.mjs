/**
 * The pools of npm where they are at home: measures them in Node for `node_pools.ts`, which says what by a line of JSON, and is
 * answered by one with the milliseconds that it took. What the jobs return is looked at here, as in Deno; what is wrong ends
 * this program. So does the end of its input.
 *
 * @module
 */

import console from "node:console";
import { createInterface } from "node:readline";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { Piscina } from "npm:piscina@5.3.2";
import { FixedClusterPool } from "npm:poolifier@5.3.2";
import { Tinypool } from "npm:tinypool@2.2.0";
import workerpool from "npm:workerpool@10.0.3";

const jobs = fileURLToPath(new URL("./jobs.mjs", import.meta.url));
const ofPoolifier = fileURLToPath(new URL("./poolifier_worker.cjs", import.meta.url));
const ofWorkerpool = fileURLToPath(new URL("./workerpool_worker.mjs", import.meta.url));
const limits = { minThreads: 2, maxThreads: 2 };

function tinypool(runtime) {
  const pool = new Tinypool({ filename: jobs, runtime, ...limits });
  return (name, argument, transferList) => pool.run(argument, { name, transferList });
}

function workerpools(workerType) {
  const pool = workerpool.pool(ofWorkerpool, { minWorkers: 2, maxWorkers: 2, workerType });
  return (name, argument, transfer) => pool.exec(name, [argument], transfer && { transfer });
}

const makers = {
  "piscina"() {
    const pool = new Piscina({ filename: jobs, ...limits });
    return (name, argument, transferList) => pool.run(argument, { name, transferList });
  },
  "tinypool": () => tinypool("worker_threads"),
  "tinypool-process": () => tinypool("child_process"),
  "workerpool": () => workerpools("thread"),
  "workerpool-process": () => workerpools("process"),
  "poolifier-cluster"() {
    const pool = new FixedClusterPool(2, ofPoolifier);
    return (name, argument) => pool.execute(argument, name);
  },
};

const works = {
  async double({ atOnce, size }, run) {
    let next = 0;
    let sum = 0;
    async function loop() {
      while (next < size) {
        const result = await run("double", next++);
        sum += result;
      }
    }
    await Promise.all(Array.from({ length: atOnce }, loop));
    verify(sum, size * (size - 1));
  },
  async copy({ size, bytes }, run) {
    const sent = new Uint8Array(bytes);
    for (let i = 0; i < size; i++) {
      const { length, 0: first } = await run("stamp", sent);
      verify(length, bytes);
      verify(first, 1);
    }
  },
  async transfer({ pool, size, bytes }, run) {
    let moved = new Uint8Array(bytes);
    for (let i = 1; i <= size; i++) {
      moved = await run(`${pool}Moved`, moved, [moved.buffer]);
      verify(moved.length, bytes);
      verify(moved[0], i & 255);
    }
  },
};

function verify(result, expected) {
  if (result === expected) return;
  throw new Error(
    `Cannot trust a pool in Node as its result is wrong: received ${result} in place of ${expected}`,
  );
}

const pools = {};

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  const run = pools[request.pool] ??= makers[request.pool]();
  const start = performance.now();
  await works[request.work](request, run);
  console.log(JSON.stringify(performance.now() - start));
}
process.exit(0);
