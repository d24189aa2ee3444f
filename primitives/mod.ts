/**
 * The primitives: tasks and their groups, cancellation, time, and ways to combine them; locks,
 * events, channels and queues.
 *
 * @module
 */

export { MalformedError } from "./codec/malformed_error.ts";
export { DeadlockError } from "./kernel/deadlock.ts";
export {
  BrokenResourceError,
  Cancelled,
  type CancelSource,
  ClosedError,
  isCancelled,
  suppressedErrors,
  TimeoutError,
} from "./kernel/errors.ts";
export { traceLocks, traceSpawns } from "./kernel/call_site.ts";
export type { Details } from "./kernel/inspected.ts";
export type { Scope } from "./kernel/scope.ts";
export type { ScopeOptions, StopOptions } from "./kernel/scope_options.ts";
export {
  activeTasks,
  type BackgroundOptions,
  currentTask,
  type Task,
  type TaskFunction,
  type TaskOwner,
  type TaskState,
} from "./kernel/task.ts";
export { type Parked, WaitQueue, type WaitTarget } from "./kernel/queue.ts";
export {
  enqueue,
  notReady,
  poll,
  type Waitable,
  waitFor,
  type WaitOptions,
} from "./kernel/wait.ts";

export { type After, after } from "./after.ts";
export { all, type Results } from "./all.ts";
export { allSettled, type SettledResults } from "./all_settled.ts";
export { any } from "./any.ts";
export { asCompleted } from "./as_completed.ts";
export { Barrier, type BarrierStats } from "./barrier.ts";
export { BoundedSemaphore, type BoundedSemaphoreStats } from "./bounded_semaphore.ts";
export { Broadcast, type BroadcastStats } from "./broadcast.ts";
export { CancelScope, cancelScope, type CancelScopeOptions } from "./cancel_scope.ts";
export { cancellable } from "./cancellable.ts";
export { Channel, type ChannelOptions, type ChannelStats, type Overflow } from "./channel.ts";
export { checkpoint, yieldNow } from "./checkpoint.ts";
export { Condition, type ConditionStats } from "./condition.ts";
export { Deferred, type DeferredStats } from "./deferred.ts";
export type { End, Ending } from "./ends.ts";
export { Event, type EventStats } from "./event.ts";
export { failAfter } from "./fail_after.ts";
export { formatTree, type FormatTreeOptions } from "./format_tree.ts";
export { Guard } from "./guard.ts";
export {
  inspect,
  type InspectOptions,
  type TaskReference,
  type TreeNode,
  type WaitingFor,
} from "./inspect.ts";
export { type Instrument, instrument, type Wait } from "./instrument.ts";
export { interval } from "./interval.ts";
export { LifoQueue } from "./lifo_queue.ts";
export { Lock, type LockStats } from "./lock.ts";
export type { LockSide } from "./lock_side.ts";
export { map, type MapOptions } from "./map.ts";
export { merge } from "./merge.ts";
export { moveOnAfter, type MoveOnResult } from "./move_on_after.ts";
export type { NamedOptions } from "./named.ts";
export {
  type Nursery,
  nursery,
  type NurserySpawnOptions,
  type OpenNursery,
  openNursery,
  type ServiceFunction,
} from "./nursery.ts";
export { PriorityQueue, type PriorityQueueOptions } from "./priority_queue.ts";
export { Queue, type QueueShutdownOptions, type QueueStats } from "./queue.ts";
export { QueueEmpty, QueueFull, QueueShutDown } from "./queue_errors.ts";
export { race } from "./race.ts";
export { RateLimiter, type RateLimiterOptions, type RateLimiterStats } from "./rate_limiter.ts";
export type { RestartPolicy } from "./restart.ts";
export { RLock, type RLockStats } from "./rlock.ts";
export { RWLock, type RWLockStats } from "./rwlock.ts";
export { select, type SelectArms, type Selected, type SelectOptions } from "./select.ts";
export { Semaphore, type SemaphoreStats } from "./semaphore.ts";
export type { BlockingOptions } from "./shared/blocking.ts";
export { FileLock } from "./shared/file_lock.ts";
export { SharedBarrier } from "./shared/shared_barrier.ts";
export { SharedEvent } from "./shared/shared_event.ts";
export { SharedLock, type SharedLockStats } from "./shared/shared_lock.ts";
export type { Posted, SharedMemory } from "./shared/shared_memory.ts";
export {
  SharedQueue,
  type SharedQueueOptions,
  type SharedQueueStats,
} from "./shared/shared_queue.ts";
export { SharedSemaphore } from "./shared/shared_semaphore.ts";
export { shield, type ShieldOptions } from "./shield.ts";
export { sleep, sleepUntil } from "./sleep.ts";
export type { SubscribeOptions, Subscription, SubscriptionStats } from "./subscription.ts";
export {
  type GroupBody,
  type SpawnOptions,
  type TaskGroup,
  taskGroup,
  type TaskGroupOptions,
} from "./task_group.ts";
export { TaskLocal, type TaskLocalOptions } from "./task_local.ts";
export { traceAges } from "./trace_ages.ts";
export { Trace, type TraceEvent, traceEvents, type TraceOptions } from "./trace_events.ts";
export {
  type SpanOptions,
  type TelemetryApi,
  type TelemetrySpan,
  traceSpans,
} from "./trace_spans.ts";
export { wait, type WaitResult, type WaitUntilOptions } from "./wait.ts";
export { type LoopBlock, watchdog, type WatchdogOptions } from "./watchdog.ts";
