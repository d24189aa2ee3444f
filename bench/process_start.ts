/**
 * `process-start`: make a pool of one process, and have it do a tiny job; the figure is the time until the result is there. To
 * end the pool is not in it.
 *
 * The floor is a process without a pool, from its start to its first answer. "grove" calls a portable function, whose module the
 * process loads, and with it all of Grove; "grove, by source" a plain one, which travels as its source.
 *
 * @module
 */

import { ProcessPool } from "../mod.ts";
import { BareProcess } from "./bare_processes.ts";
import { verify } from "./checked.ts";
import { clocked } from "./clock.ts";
import { double } from "./pool_portable.ts";
import type { Contender, Row } from "./row.ts";

async function bare(): Promise<number> {
  const begun = performance.now();
  const process = await BareProcess.start();
  verify("floor", (await process.ask(new Uint8Array(16))).length, 16);
  const ms = performance.now() - begun;
  await process.end();
  return ms;
}

function grove(name: string, fn: (n: number) => number): Contender {
  return clocked(name, { size: 1 }, async () => {
    const begun = performance.now();
    const pool = new ProcessPool({ size: 1 });
    verify(name, await pool.run(fn, 21), 42);
    const ms = performance.now() - begun;
    await pool.shutdown();
    return ms;
  });
}

export const rows: Row[] = [{
  id: "process-start",
  title: "start a pool of 1 process, up to its first result",
  unit: "ns",
  contenders: [
    clocked("floor", { size: 1 }, bare),
    grove("grove", double),
    grove("grove, by source", (n) => n * 2),
  ],
  goals: [{ times: 2, of: "floor" }],
}];
