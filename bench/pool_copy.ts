/**
 * `pool-copy`, `pool-transfer`: a job that gets 1 MiB and gives it back, copied or moved both ways; the figure is the time of one.
 * There is one job at a time, and each leaves its mark on the bytes.
 *
 * The floor is a worker without a pool. Of the peers those that use `node:worker_threads` run in Node: in Deno it takes these
 * bytes apart one by one, which is some 70 ms a job. poolifier-web-worker cannot move what a job returns: that way it copies.
 *
 * @module
 */

import { transfer, WorkerPool } from "../mod.ts";
import { BareWorkers } from "./bare_workers.ts";
import { verify } from "./checked.ts";
import { timed } from "./clock.ts";
import { Lasting } from "./lasting.ts";
import { nodePools } from "./node_pools.ts";
import { poolifier } from "./peer_pools.ts";
import { stamp, stampMoved } from "./pool_portable.ts";
import type { Contender, Row } from "./row.ts";

const MEBIBYTE = 1 << 20;
const load = { size: 100 };
const inNode = ["piscina", "tinypool", "workerpool"] as const;

const bare = new Lasting(() => new BareWorkers(1), (bare) => bare.end());
const pool = new Lasting(() => new WorkerPool({ size: 2 }), (pool) => pool.shutdown());
const poolified = new Lasting(() => poolifier(2), (pool) => pool.end());

/** Sends the same bytes again and again. */
function copying(name: string, send: (bytes: Uint8Array) => PromiseLike<unknown>): Contender {
  const bytes = new Uint8Array(MEBIBYTE);
  return timed(name, load, async (size) => {
    for (let i = 0; i < size; i++) {
      const { length, 0: first } = await send(bytes) as Uint8Array;
      verify(name, length, MEBIBYTE);
      verify(name, first, 1);
    }
  });
}

/** Sends on the bytes that came back. */
function moving(
  name: string,
  send: (bytes: Uint8Array<ArrayBuffer>) => PromiseLike<unknown>,
  note?: string,
): Contender {
  return timed(name, { ...load, note }, async (size) => {
    let bytes = new Uint8Array(MEBIBYTE);
    for (let i = 1; i <= size; i++) {
      const sent = bytes;
      bytes = await send(sent) as Uint8Array<ArrayBuffer>;
      verify(name, sent.length, 0);
      verify(name, bytes.length, MEBIBYTE);
      verify(name, bytes[0], i & 255);
    }
  });
}

export const rows: Row[] = [
  {
    id: "pool-copy",
    title: "a job that gets 1 MiB and gives it back, copied",
    unit: "ns",
    contenders: [
      bare.ended(copying("floor", (bytes) => bare.thing.ask(bytes))),
      pool.ended(copying("grove", (bytes) => pool.thing.run(stamp, bytes))),
      poolified.ended(
        copying("poolifier-web-worker", (bytes) => poolified.thing.run("stamp", bytes)),
      ),
      ...nodePools(inNode, { work: "copy", bytes: MEBIBYTE }, load),
    ],
    goals: [{ times: 1.3, of: "floor" }],
  },
  {
    id: "pool-transfer",
    title: "a job that gets 1 MiB and gives it back, moved",
    unit: "ns",
    contenders: [
      bare.ended(moving("floor", async ({ buffer }) => {
        return new Uint8Array(await bare.thing.ask(buffer, [buffer]) as ArrayBuffer);
      })),
      pool.ended(moving("grove", (bytes) => pool.thing.run(stampMoved, transfer(bytes)))),
      poolified.ended(moving(
        "poolifier-web-worker",
        (bytes) => poolified.thing.run("stamp", bytes, [bytes.buffer]),
        "copied on the way back, as a job has no way to move what it returns",
      )),
      ...nodePools(inNode, { work: "transfer", bytes: MEBIBYTE }, load),
    ],
    goals: [{ times: 1.3, of: "floor" }],
  },
];
