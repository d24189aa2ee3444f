/**
 * The cluster: functions that run on other machines, over NATS JetStream; locks and semaphores that
 * all machines share.
 *
 * @module
 */

export type { ClusterPoolStats } from "./cluster_crew.ts";
export type { ClusterJobOptions } from "./cluster_job.ts";
export { ClusterPool, type ClusterPoolOptions } from "./cluster_pool.ts";
export type { ClusterWorker, ClusterWorkerStats } from "./cluster_worker.ts";
export { type ClusterConnection, connectCluster, type ConnectOptions } from "./connection.ts";
export type { DeadJob } from "./dead_jobs.ts";
export { Lease, LeaseLostError } from "./lease.ts";
export { Leased, type LeasedStats, type LeaseOptions } from "./leased.ts";
export { ClusterLock } from "./lock.ts";
export type { ClusterModules, ModuleEntry } from "./modules.ts";
export { ClusterSemaphore } from "./semaphore.ts";
export { serveCluster, type ServeClusterOptions } from "./serve_cluster.ts";
export type { ClusterOptions } from "./session.ts";
export type { StoreOptions } from "./setup.ts";
