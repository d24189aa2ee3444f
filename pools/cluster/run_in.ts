/**
 * Runs the job of a cluster in a pool of the worker: on a thread, or in a process.
 *
 * @module
 */

import type { Task } from "../../primitives/kernel/task.ts";
import { shield } from "../../primitives/shield.ts";
import type { Executor } from "../executor.ts";
import type { AnyFunction } from "../job.ts";
import { progress } from "../job_task.ts";
import type { JobMessage } from "./messages.ts";

/** Runs a job in another pool, for the task at hand: when that is cancelled it is, too. */
export async function runIn(
  executor: Executor,
  fn: AnyFunction,
  args: readonly unknown[],
  { name, timeout }: JobMessage,
  task: Task,
): Promise<unknown> {
  const future = executor.with({ name, timeout, signal: task.signal }).submit(fn, ...args);
  // What it reports is over when it is: it has ended before this task does.
  await shield(async () => {
    for await (const value of future.progress) progress(value);
  });
  return await future;
}
