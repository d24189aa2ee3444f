/**
 * A pool on the event loop: so many functions at a time, and no more.
 *
 * @module
 */

import { checkCount, checkOptions } from "../primitives/kernel/check.ts";
import type { PoolOptions } from "./executor.ts";
import { Pool } from "./pool.ts";
import { TaskCrew } from "./task_crew.ts";

/**
 * Runs functions on the event loop, so many at a time: what bounds the requests to a service, the
 * files that are open, the connections. It takes functions of any kind, and copies nothing.
 *
 * @example
 * ```ts
 * import { sleep, TaskPool } from "@grove/grove";
 *
 * await using pool = new TaskPool(2, { name: "downloads" });
 * const lengths = await Promise.all(["ash", "birch", "cedar"].map((name) =>
 *   pool.run(async () => {
 *     await sleep(1);
 *     return name.length;
 *   })
 * ));
 * console.log(lengths); // [3, 5, 5]
 * ```
 */
export class TaskPool extends Pool {
  /** @ignore */
  protected readonly crew: TaskCrew;

  /**
   * Makes a pool, in the scope of the running task: it is shut down with it at the latest.
   *
   * @param concurrency How many jobs may run at a time: a whole number from 1 up, or `Infinity`.
   * @param options `name`, `order` and `maxQueue`.
   * @throws {TypeError | RangeError} When an argument makes no sense.
   */
  constructor(concurrency: number, options: PoolOptions = {}) {
    checkCount(concurrency, "make a TaskPool", "its concurrency", 1);
    checkOptions(options, "make a TaskPool");
    super();
    this.crew = new TaskCrew(concurrency, options);
  }
}
