/**
 * `pool-start`: make a pool of one worker, and have it do a tiny job; the figure is the time until the result is there. To end
 * the pool is not in it.
 *
 * The floor is a worker without a pool, from its start to its first answer. "grove" calls a portable function, whose module the
 * worker loads, and with it all of Grove; "grove, by source" a plain one, which travels as its source.
 *
 * @module
 */

import { WorkerPool } from "../mod.ts";
import { BareWorkers } from "./bare_workers.ts";
import { verify } from "./checked.ts";
import { clocked } from "./clock.ts";
import { peerPools } from "./peer_pools.ts";
import { double } from "./pool_portable.ts";
import type { Contender, Row } from "./row.ts";

/** Something with a worker that has been asked to double 21. */
interface Started {
  readonly result: PromiseLike<unknown>;
  end(): unknown;
}

function contender(name: string, start: () => Started, expected: unknown = 42): Contender {
  return clocked(name, { size: 1 }, async () => {
    const begun = performance.now();
    const { result, end } = start();
    verify(name, await result, expected);
    const ms = performance.now() - begun;
    await end();
    return ms;
  });
}

function bare(): Started {
  const bare = new BareWorkers(1);
  return { result: bare.ask("42"), end: () => bare.end() };
}

function grove(fn: (n: number) => number): Started {
  const pool = new WorkerPool({ size: 1 });
  return { result: pool.run(fn, 21), end: () => pool.shutdown() };
}

const peers = Object.entries(peerPools).map(([name, make]) =>
  contender(name, () => {
    const pool = make(1);
    return { result: pool.run("double", 21), end: () => pool.end() };
  })
);

export const rows: Row[] = [{
  id: "pool-start",
  title: "start a pool of 1 worker, up to its first result",
  unit: "ns",
  contenders: [
    contender("floor", bare, "42"),
    contender("grove", () => grove(double)),
    contender("grove, by source", () => grove((n) => n * 2)),
    ...peers,
  ],
  goals: [{ times: 1.5, of: "floor" }],
}];
