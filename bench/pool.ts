/**
 * `pool-64`, `pool-1024`, `pool-latency`: a job that doubles a number, on a pool of two workers; the figure is the time of one.
 * In the first two rows 64 or 1,024 loops each wait for one job after the other; in the third there is one such loop.
 *
 * The floor of the first two is two workers without a pool: each gets half of what is on its way as one message, a list of
 * objects, and gives a list of objects back. Nobody waits there for a job of his own. The floor of `pool-latency` sends text to a
 * worker that sends it back. The goals of the first two are absolute, and what a good pool must be ahead of all others by.
 *
 * "grove" calls `run`, outside of all tasks; "grove, submit" awaits the future that `submit` gives.
 *
 * @module
 */

import { WorkerPool } from "../mod.ts";
import { BareWorkers } from "./bare_workers.ts";
import { checked, verify } from "./checked.ts";
import { timed } from "./clock.ts";
import { inLoops } from "./in_loops.ts";
import { inTask } from "./in_task.ts";
import { Lasting } from "./lasting.ts";
import { nodePools } from "./node_pools.ts";
import { peerPools } from "./peer_pools.ts";
import { double } from "./pool_portable.ts";
import type { Contender, Goal, Row } from "./row.ts";

const WORKERS = 2;

/** What the numbers below `size` add up to when they are doubled. */
function doubled(size: number): number {
  return size * (size - 1);
}

const bare = new Lasting(() => new BareWorkers(WORKERS), (workers) => workers.end());

const pool = new Lasting(
  () => new WorkerPool({ size: { min: WORKERS, max: WORKERS } }),
  (pool) => pool.shutdown(),
);

function grove(name: string, size: number, run: (size: number) => Promise<number>): Contender {
  return pool.ended(checked(name, { size }, run, doubled(size)));
}

function groves(atOnce: number, size: number): Contender[] {
  const run = (size: number) => inLoops(atOnce, size, (n) => pool.thing.run(double, n));
  const submit = (size: number) => inLoops(atOnce, size, (n) => pool.thing.submit(double, n));
  // The pool first, which else would belong to the task, and end with it.
  const inside = (size: number) => pool.thing && inTask(run)(size);
  return [
    grove("grove", size, run),
    grove("grove (in a task)", size, inside),
    grove("grove, submit", size, submit),
  ];
}

function peers(atOnce: number, size: number): Contender[] {
  const load = { size };
  const inDeno = Object.entries(peerPools).map(([name, make]) => {
    const pool = new Lasting(() => make(WORKERS), (pool) => pool.end());
    const run = (size: number) => inLoops(atOnce, size, (n) => pool.thing.run("double", n));
    return pool.ended(checked(name, load, run, doubled(size)));
  });
  return [
    ...inDeno,
    ...nodePools(["piscina", "tinypool", "workerpool"], { work: "double", atOnce }, load),
  ];
}

/** 15 times as fast as each of them: which one is the best depends on the machine. */
function ahead(contenders: readonly Contender[]): Goal[] {
  return contenders.map(({ name }) => ({ times: 0.067, of: name }));
}

function throughput(atOnce: number, size: number, ns: number): Row {
  const others = peers(atOnce, 4_000);
  return {
    id: `pool-${atOnce}`,
    title: `a tiny job on 2 workers, ${atOnce.toLocaleString("en-US")} at a time`,
    unit: "ns",
    contenders: [
      bare.ended(
        checked("floor", { size }, (size) => bare.thing.batches(atOnce, size), doubled(size)),
      ),
      ...groves(atOnce, size),
      ...others,
    ],
    goals: [{ ns }, { subject: "grove (in a task)", ns }, ...ahead(others)],
  };
}

async function echoes(size: number): Promise<void> {
  for (let i = 0; i < size; i++) {
    const text = JSON.stringify([i]);
    verify("floor", await bare.thing.ask(text), text);
  }
}

const FEW = 2_000;

export const rows: Row[] = [
  throughput(64, 100_000, 1667),
  throughput(1024, 200_000, 833),
  {
    id: "pool-latency",
    title: "a tiny job on 2 workers, one at a time",
    unit: "ns",
    contenders: [
      bare.ended(timed("floor", { size: FEW }, echoes)),
      ...groves(1, FEW),
      ...peers(1, FEW),
    ],
    goals: [{ times: 1.15, of: "floor" }],
  },
];
