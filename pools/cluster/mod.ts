/**
 * The cluster: functions that run on other machines, over NATS JetStream.
 *
 * @module
 */

export type { ClusterPoolStats } from "./cluster_crew.ts";
export type { ClusterJobOptions } from "./cluster_job.ts";
export { ClusterPool, type ClusterPoolOptions } from "./cluster_pool.ts";
export type { ClusterWorker, ClusterWorkerStats } from "./cluster_worker.ts";
export type { ConnectOptions } from "./connection.ts";
export type { ClusterModules, ModuleEntry } from "./modules.ts";
export { serveCluster, type ServeClusterOptions } from "./serve_cluster.ts";
export type { ClusterOptions } from "./session.ts";
export type { StoreOptions } from "./setup.ts";
