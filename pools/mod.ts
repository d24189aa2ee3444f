/**
 * The pools: one function, run on the event loop, on worker threads or in processes, called in the same way.
 *
 * @module
 */

export { defaultPool } from "./default_pool.ts";
export { NotPortableError, OverloadedError, RemoteError, WorkerCrashedError } from "./errors.ts";
export type {
  Executor,
  JobFunction,
  JobOptions,
  PoolOptions,
  PoolShutdownOptions,
  PoolStats,
  ProcessPoolStats,
  WorkerPoolStats,
  WorkerTree,
} from "./executor.ts";
export { Future } from "./future.ts";
export type { JobOrder } from "./job_queue.ts";
export { progress } from "./job_task.ts";
export type { DictKey } from "./link/collections.ts";
export { Pipe, type PipeOptions } from "./pipe.ts";
export { PipeEnd, type PipeEndStats } from "./pipe_end.ts";
export { Pool } from "./pool.ts";
export { portable } from "./portable.ts";
export { Process, type ProcessOptions } from "./process.ts";
export type { ProcessEnvironment } from "./process/environment.ts";
export type { ProcessPermissions } from "./process/permissions.ts";
export { ProcessPool, type ProcessPoolOptions } from "./process_pool.ts";
export type { ProcessQueueStats } from "./link/item_queue.ts";
export type {
  Remote,
  RemoteCounter,
  RemoteDict,
  RemoteKey,
  RemoteList,
  RemoteResult,
} from "./managed.ts";
export { Manager, type ManagerStats } from "./manager.ts";
export { ProcessQueue } from "./process_queue.ts";
export { RemotePool, type RemotePoolOptions } from "./remote_pool.ts";
export { TaskPool } from "./task_pool.ts";
export { transfer } from "./transfer.ts";
export type { WorkerPermissions } from "./worker/permissions.ts";
export { WorkerPool, type WorkerPoolOptions } from "./worker_pool.ts";
