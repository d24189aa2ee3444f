/**
 * The task that a job runs in, wherever that is; and how the code in it reports on its way.
 *
 * @module
 */

import { type Account, inspected } from "../primitives/kernel/inspected.ts";
import { currentTask, Task, TaskOwner } from "../primitives/kernel/task.ts";

/** What has jobs run in tasks: it hears of their ends. */
export interface JobHost {
  /** What the scope of its jobs is called. */
  readonly name: string;
  /** A job has ended. */
  jobEnded(task: JobTask, outcome: unknown): void;
  /** A call-back that a job has put on its own task has thrown. */
  callbackFailed(error: unknown): void;
  /** The task that the host was made in has ended. */
  abandoned(): void;
  /** What `inspect()` tells of the scope of its jobs, besides the jobs that are tasks here. */
  account?(): Account;
}

/** The scope that the jobs of a host run in. */
export class JobScope extends TaskOwner {
  readonly #host: JobHost;

  constructor(host: JobHost) {
    super();
    this.#host = host;
  }

  override get name(): string {
    return this.#host.name;
  }

  override childEnded(task: Task, outcome: unknown): void {
    this.#host.jobEnded(task as JobTask, outcome);
  }

  override callbackFailed(error: unknown): void {
    this.#host.callbackFailed(error);
  }

  override abandoned(): void {
    this.#host.abandoned();
  }

  /** @ignore */
  [inspected](): Account {
    return this.#host.account?.() ?? {};
  }
}

/** Where a job's reports go. */
export interface Reporter {
  report(value: unknown): void;
}

/** The task that a job runs in. */
export class JobTask<J extends Reporter = Reporter> extends Task {
  /** The job. */
  job: J;

  constructor(name: string, job: J) {
    super(name);
    this.job = job;
  }
}

/**
 * Reports on the way of a job: the value comes out of `future.progress`. Called outside a job, it
 * does nothing, so that a function which reports can be called directly too.
 *
 * @param value What to report: what can be cloned, when the job runs on another thread. In a process
 * the second value leaves when the job comes to an `await`, not in the midst of synchronous code.
 *
 * @example
 * ```ts
 * import { progress, TaskPool } from "@grove/grove";
 *
 * await using pool = new TaskPool(1);
 * const copying = pool.submit(async (files: string[]) => {
 *   for (const file of files) {
 *     await Promise.resolve();
 *     progress(file);
 *   }
 * }, ["a.txt", "b.txt"]);
 * for await (const file of copying.progress) console.log(file); // a.txt, b.txt
 * ```
 */
export function progress(value: unknown): void {
  for (let task: Task | null = currentTask(); task !== null; task = task.parent) {
    if (task instanceof JobTask) {
      task.job.report(value);
      return;
    }
  }
}
