/**
 * The primitives: tasks and their groups, cancellation, time, and ways to combine them.
 *
 * @module
 */

export {
  Cancelled,
  type CancelSource,
  ClosedError,
  isCancelled,
  suppressedErrors,
  TimeoutError,
} from "./kernel/errors.ts";
export { traceSpawns } from "./kernel/spawn_site.ts";
export type { Scope } from "./kernel/scope.ts";
export type { ScopeOptions, StopOptions } from "./kernel/scope_options.ts";
export {
  activeTasks,
  currentTask,
  type Task,
  type TaskFunction,
  type TaskOwner,
  type TaskState,
} from "./kernel/task.ts";
export type { Parked, WaitQueue, WaitTarget } from "./kernel/queue.ts";
export { enqueue, notReady, poll, type Waitable, type WaitOptions } from "./kernel/wait.ts";

export { type After, after } from "./after.ts";
export { all, type Results } from "./all.ts";
export { allSettled, type SettledResults } from "./all_settled.ts";
export { any } from "./any.ts";
export { asCompleted, type End } from "./as_completed.ts";
export { CancelScope, cancelScope, type CancelScopeOptions } from "./cancel_scope.ts";
export { cancellable } from "./cancellable.ts";
export { checkpoint, yieldNow } from "./checkpoint.ts";
export { failAfter } from "./fail_after.ts";
export {
  formatTree,
  inspect,
  type InspectOptions,
  type TreeNode,
  type WaitingFor,
} from "./inspect.ts";
export { interval } from "./interval.ts";
export { map, type MapOptions } from "./map.ts";
export { merge } from "./merge.ts";
export { moveOnAfter, type MoveOnResult } from "./move_on_after.ts";
export {
  type Nursery,
  nursery,
  type NurserySpawnOptions,
  type OpenNursery,
  openNursery,
  type ServiceFunction,
} from "./nursery.ts";
export { race } from "./race.ts";
export type { RestartPolicy } from "./restart.ts";
export { shield, type ShieldOptions } from "./shield.ts";
export { sleep, sleepUntil } from "./sleep.ts";
export {
  type GroupBody,
  type SpawnOptions,
  type TaskGroup,
  taskGroup,
  type TaskGroupOptions,
} from "./task_group.ts";
export { TaskLocal, type TaskLocalOptions } from "./task_local.ts";
export { wait, type WaitResult, type WaitUntilOptions } from "./wait.ts";
