/**
 * A worker of a cluster, as others see it.
 *
 * @module
 */

/** How a worker of a cluster is doing. */
export interface ClusterWorkerStats {
  /** How many jobs run. */
  readonly running: number;
  /** How many wait here, as more came than there is room for. */
  readonly queued: number;
  /** How many jobs have ended, in whatever way, with their results stored. */
  readonly done: number;
  /** How many jobs have come that had been given to a worker before. */
  readonly redelivered: number;
  /** How many jobs were found to have been done already, before or after they were run here. */
  readonly duplicates: number;
  /** How many jobs were put aside, as nobody could end them. */
  readonly buried: number;
}

/**
 * A worker of a cluster, as `serveCluster` hands it out.
 *
 * @example
 * ```ts ignore
 * import { nursery } from "@grove/grove";
 * import { type ClusterWorker, serveCluster } from "@grove/grove/cluster";
 *
 * await nursery(async (services) => {
 *   const worker = await services.start<ClusterWorker>((_task, started) =>
 *     serveCluster({ servers: "nats://127.0.0.1:4222", modules, started })
 *   );
 *   console.log(worker.stats().running); // 0
 * });
 * ```
 */
export interface ClusterWorker {
  /** What it is called. */
  readonly name: string;
  /** How it is doing: a frozen snapshot. */
  stats(): ClusterWorkerStats;
}
