/**
 * Runs jobs in tasks of this thread.
 *
 * @module
 */

import { currentScope } from "../primitives/kernel/context.ts";
import { causeOf, limitScope, link, localsOf } from "../primitives/kernel/scope.ts";
import { startTask } from "../primitives/kernel/task.ts";
import { yieldNow } from "../primitives/checkpoint.ts";
import { GroupIterator } from "../primitives/group_iterator.ts";
import { Crew } from "./crew.ts";
import type { JobOptions, PoolOptions } from "./executor.ts";
import { cancelledJob, type JobEnd } from "./future.ts";
import { type AnyFunction, Job, keepShapesOf, NO_POOL } from "./job.ts";
import { JobTask } from "./job_task.ts";

// So long does a stream whose generator never waits keep the event loop from turning, in milliseconds.
const LONGEST_TURN = 10;

// How many jobs `map` keeps on their way where nothing else limits them.
const APPETITE = 1024;

/** See above. */
export class TaskCrew extends Crew<TaskJob> {
  readonly #concurrency: number;
  readonly #tasks: Set<JobTask<TaskJob>> = new Set();
  // Those on the way from the queue to their start: they have a place, and have not started.
  readonly #coming: Set<TaskJob> = new Set();
  // How many places are taken, by those that run and those that come.
  #taken = 0;

  constructor(concurrency: number, options: PoolOptions) {
    super(options);
    this.#concurrency = concurrency;
  }

  protected override get places(): number {
    return this.#concurrency;
  }

  override get appetite(): number {
    return Math.min(this.#concurrency, APPETITE);
  }

  protected override get running(): number {
    return this.#tasks.size;
  }

  protected override prepare(
    fn: AnyFunction,
    args: readonly unknown[],
    options: JobOptions,
  ): TaskJob {
    return new TaskJob(this, fn, args, options, localsOf(currentScope()));
  }

  protected override admit(job: TaskJob): void {
    if (this.#taken < this.#concurrency) {
      this.#taken++;
      this.#start(job);
    } else {
      job.awaitTurn(() => this.#start(job));
      this.queue.add(job);
    }
  }

  protected override cancelPlaced(job: TaskJob, reason: unknown): void {
    if (job.task !== undefined) job.task.cancel(reason);
    else {
      this.#coming.delete(job);
      job.settle("cancelled", cancelledJob(job.name, reason));
    }
  }

  protected override cancelAllPlaced(reason: unknown, onlyUnstarted: boolean): void {
    for (const job of this.#coming) this.cancelPlaced(job, reason);
    if (!onlyUnstarted) { for (const task of this.#tasks) task.cancel(reason); }
  }

  protected override close(): void {}

  override stream<T>(
    options: JobOptions,
    fn: AnyFunction,
    args: readonly unknown[],
  ): AsyncIterable<T> {
    const named = { ...options, name: options.name ?? (fn.name || "job") };
    return new GroupIterator<T>("stream", 1, (group, outlet) => {
      group.spawn(() =>
        this.run(named, async () => {
          let cut: { error: unknown } | undefined;
          let turned = performance.now();
          for await (const item of fn(...args) as AsyncIterable<T>) {
            try {
              await outlet.offer(item);
              if (performance.now() - turned < LONGEST_TURN) continue;
              await yieldNow();
              turned = performance.now();
            } catch (error) {
              cut = { error };
              break; // What is thrown out of the loop would hide what a clean-up throws.
            }
          }
          if (cut !== undefined) throw cut.error;
        }, []), { name: "stream" });
    });
  }

  override jobEnded(task: JobTask<TaskJob>, outcome: unknown): void {
    const { job, state } = task;
    this.#tasks.delete(task);
    this.#leave();
    if (state === "cancelled" && task.cancelled !== undefined && causeOf(task) === "deadline") {
      job.settle("failed", task.cancelled.reason);
    } else {
      job.settle(state as JobEnd, outcome);
    }
  }

  #start(job: TaskJob): void {
    this.#coming.delete(job);
    if (job.isOver) {
      this.#leave();
      return;
    }
    const task = job.task = new JobTask(job.name, job);
    limitScope(task, { timeout: job.options.timeout });
    link(task, this.scope, job.locals);
    this.#tasks.add(task);
    const { fn, args } = job; // Not as its method: the job is no concern of the function.
    startTask(task, () => fn(...args));
  }

  #leave(): void {
    const next = this.queue.shift();
    if (next === undefined) this.#taken--;
    else {
      this.#coming.add(next);
      next.come();
    }
  }
}

/** A job that runs in a task of this thread. */
class TaskJob extends Job {
  task: JobTask<TaskJob> | undefined;
  /** Its turn has come: starts it. */
  come!: () => void;

  override get hasStarted(): boolean {
    return this.task !== undefined;
  }

  /** Called before it is queued. */
  awaitTurn(start: () => void): void {
    // A reaction keeps the context of the place where it was made, so that the job has the stores
    // of who handed it in, and not those of the job whose end makes room.
    new Promise<void>((resolve) => this.come = resolve).then(start);
  }
}

keepShapesOf(new TaskJob(NO_POOL, () => {}, [], {}, null));
