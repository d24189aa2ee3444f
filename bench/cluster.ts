/**
 * `cluster-64`, `cluster-latency`: a job that doubles a number, on a worker of a cluster; the figure is the time of one. In the
 * first row 64 loops each wait for one job after the other, in the second there is one such loop.
 *
 * The floor publishes a message to a stream, has it delivered and acknowledges it, by the client library alone: no result comes
 * back, and nothing is kept of it. The peer is BullMQ on Redis, where those are installed.
 *
 * @module
 */

import { checked } from "./checked.ts";
import { bareStream, type Doubler, groveCluster } from "./cluster_servers.ts";
import { inLoops } from "./in_loops.ts";
import { Lasting } from "./lasting.ts";
import { nodeBullMq } from "./node_bullmq.ts";
import type { Contender, Row } from "./row.ts";

function doubling(
  name: string,
  start: () => Promise<Doubler>,
  atOnce: number,
  size: number,
): Contender {
  const lasting = new Lasting(start, async (doubler) => await (await doubler).end());
  const run = async (size: number) => {
    const doubler = await lasting.thing;
    return await inLoops(atOnce, size, (n) => doubler.double(n));
  };
  return lasting.ended(checked(name, { size }, run, size * (size - 1)));
}

function row(id: string, title: string, atOnce: number, size: number): Row {
  const peers = nodeBullMq(atOnce, size);
  const floor = doubling("floor", bareStream, atOnce, size);
  const grove = doubling("grove", groveCluster, atOnce, size);
  const ahead = peers.map(({ name }) => ({ times: 1, of: name }));
  return {
    id,
    title,
    unit: "ns",
    contenders: [floor, grove, ...peers],
    goals: [{ times: 3, of: "floor" }, ...ahead],
  };
}

export const rows: Row[] = [
  row("cluster-latency", "a tiny job on a cluster, one at a time", 1, 200),
  row("cluster-64", "a tiny job on a cluster, 64 at a time", 64, 2_000),
];
