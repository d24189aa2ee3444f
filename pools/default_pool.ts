/**
 * The pool for those who have none of their own.
 *
 * @module
 */

import { rootScope, runIn } from "../primitives/kernel/context.ts";
import type { Executor } from "./executor.ts";
import { TaskPool } from "./task_pool.ts";
import { WorkerPool } from "./worker_pool.ts";
import { mainModule } from "./worker/thread.ts";

// On the edge, where nothing runs beside the event loop: how many jobs take turns on it.
const TASKS = 64;

let pool: Executor | undefined;

/**
 * The pool that all of a program shares. Where there are worker threads it is a `WorkerPool`, with
 * as many workers as the machine has processors; where there are none, as on the edge, or where the
 * program may not start them, it is a `TaskPool`. The calling code is the same.
 *
 * It is made when it is first asked for, belongs to no task, and does not keep the program from
 * ending: it need not be shut down, but for a test that looks for what was left behind. It is made
 * anew when somebody asks for it after that.
 *
 * @returns The pool.
 *
 * @example
 * ```ts
 * import { defaultPool } from "@grove/grove";
 *
 * const sum = await defaultPool().run((a: number, b: number) => a + b, 1, 2);
 * console.log(sum); // 3
 * await defaultPool().shutdown(); // in a test
 * ```
 */
export function defaultPool(): Executor {
  if (pool === undefined || pool.stats().isShutDown) {
    pool = runIn(
      rootScope(),
      () =>
        mayStartWorkers()
          ? new WorkerPool({ name: "default" })
          : new TaskPool(TASKS, { name: "default" }),
    );
  }
  return pool;
}

function mayStartWorkers(): boolean {
  if (typeof Worker === "undefined" || typeof Deno === "undefined") return false;
  const path = mainModule();
  if (path.protocol !== "file:") return true;
  return Deno.permissions.querySync({ name: "read", path }).state === "granted";
}
