/**
 * `process-64`, `process-latency`: a job that doubles a number, on a pool of two processes; the figure is the time of one. In the
 * first row 64 loops each wait for one job after the other, in the second there is one such loop.
 *
 * The floor is processes without a pool, on Unix sockets: they send back what they get, one small frame at a time, or half of
 * what is on its way as one frame, and nobody waits for a job of his own. The goal of `process-64` is absolute.
 *
 * The peers start processes of Node, from Node: there they are at home, and in Deno most do not run.
 *
 * @module
 */

import { ProcessPool } from "../mod.ts";
import { BareProcesses } from "./bare_processes.ts";
import { checked, verify } from "./checked.ts";
import { timed } from "./clock.ts";
import { inLoops } from "./in_loops.ts";
import { Lasting } from "./lasting.ts";
import { nodePools } from "./node_pools.ts";
import { double } from "./pool_portable.ts";
import type { Contender, Row } from "./row.ts";

const PROCESSES = 2;

/** What the numbers below `size` add up to. */
function sumOf(size: number): number {
  return size * (size - 1) / 2;
}

const bare = new Lasting(() => new BareProcesses(PROCESSES), (processes) => processes.end());

const pool = new Lasting(
  () => new ProcessPool({ size: { min: PROCESSES, max: PROCESSES } }),
  (pool) => pool.shutdown(),
);

function grove(atOnce: number, size: number): Contender {
  const run = (size: number) => inLoops(atOnce, size, (n) => pool.thing.run(double, n));
  return pool.ended(checked("grove", { size }, run, 2 * sumOf(size)));
}

function peers(atOnce: number, size: number): Contender[] {
  const names = ["tinypool-process", "workerpool-process", "poolifier-cluster"] as const;
  return nodePools(names, { work: "double", atOnce }, { size });
}

async function echoes(size: number): Promise<void> {
  const [process] = await bare.thing.all();
  const frame = new Uint8Array(16);
  for (let i = 0; i < size; i++) verify("floor", (await process.ask(frame)).length, frame.length);
}

const MANY = 50_000;
const FEW = 2_000;

export const rows: Row[] = [
  {
    id: "process-64",
    title: "a tiny job on 2 processes, 64 at a time",
    unit: "ns",
    contenders: [
      bare.ended(
        checked("floor", { size: MANY }, (size) => bare.thing.batches(64, size), sumOf(MANY)),
      ),
      grove(64, MANY),
      ...peers(64, 4_000),
    ],
    goals: [{ ns: 3_333 }],
  },
  {
    id: "process-latency",
    title: "a tiny job on 2 processes, one at a time",
    unit: "ns",
    contenders: [
      bare.ended(timed("floor", { size: FEW }, echoes)),
      grove(1, FEW),
      ...peers(1, FEW),
    ],
    goals: [{ times: 2, of: "floor" }],
  },
];
