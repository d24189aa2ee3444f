/**
 * Restarting a task that ended: the supervision of Erlang/OTP's supervisors, with their limit on
 * how often ("maximum restart intensity": https://www.erlang.org/doc/system/sup_princ.html).
 *
 * @module
 */

import { checkCount, checkTime, show } from "./kernel/check.ts";
import { currentClock } from "./kernel/clock.ts";
import { cancelledIn, suppress } from "./kernel/errors.ts";
import { drain, pendingIn } from "./kernel/scope.ts";
import { concerns, type TaskFunction } from "./kernel/task.ts";
import { sleep } from "./sleep.ts";

/** When and how often a task is started again. */
export interface RestartPolicy {
  /**
   * After which ends: of those that failed, or of all. Cancelled tasks are never started again; nor is
   * one that fails while its nursery stops or is cancelled: that failure is the nursery's.
   */
  on: "failure" | "always";
  /**
   * How many restarts `within` that time; one more end escalates: it fails the nursery. Default: 5.
   */
  max?: number;
  /** Over how many milliseconds restarts are counted. Default: 60,000. */
  within?: number;
  /**
   * Milliseconds to wait before a restart, or a function of how many were counted (1, 2, …).
   * Default: 0.
   */
  backoff?: number | ((restarts: number) => number);
}

/** Checks a policy at the call that was given it. */
export function checkRestart(policy: RestartPolicy, action: string): void {
  if (typeof policy !== "object" || policy === null) {
    throw new TypeError(
      `Cannot ${action} as 'restart' must be a policy, an object: received ${show(policy)}`,
    );
  }
  const { on, max, within, backoff } = policy;
  if (on !== "failure" && on !== "always") {
    throw new TypeError(
      `Cannot ${action} as 'restart.on' must be "failure" or "always": received ${show(on)}`,
    );
  }
  if (max !== undefined) checkCount(max, action, "'restart.max'", 0);
  if (within !== undefined) checkTime(within, action, "'restart.within'");
  if (backoff !== undefined && typeof backoff !== "function") {
    checkTime(backoff, action, "'restart.backoff'", false);
  }
}

/** A function that runs another again and again, as a policy says. */
export function supervise<T>(fn: TaskFunction<T>, policy: RestartPolicy): TaskFunction<T> {
  const { on, max = 5, within = 60_000, backoff = 0 } = policy;
  return async (task) => {
    let restarts: number[] = [];
    for (;;) {
      let failure: unknown;
      try {
        const value = await fn(task);
        if (on === "failure" || task.stopping) return value;
        failure = new Error(
          `Cannot keep "${task.name}" running as it returned more than ${max} times within ${within} ms`,
        );
      } catch (error) {
        const cancelled = cancelledIn(error);
        if (cancelled !== undefined && concerns(cancelled, task)) throw error;
        // Nobody is started again in a house that closes.
        if (task.stopping || pendingIn(task) !== null) throw error;
        failure = error;
      }
      // What the last run left open ends with it, as if it had been a task of its own.
      await drain(task);
      const now = currentClock().now();
      restarts = restarts.filter((time) => now - time <= within);
      if (restarts.length >= max) throw failure;
      restarts.push(now);
      await sleep(pause(backoff, restarts.length, failure));
    }
  };
}

function pause(
  backoff: number | ((restarts: number) => number),
  restarts: number,
  failure: unknown,
): number {
  if (typeof backoff === "number") return backoff;
  try {
    const ms = backoff(restarts);
    checkTime(ms, "restart a task", "what 'backoff' returned", false);
    return ms;
  } catch (error) {
    suppress(failure, error); // What the task died of comes first.
    throw failure;
  }
}
