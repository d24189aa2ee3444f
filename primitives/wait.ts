/**
 * Waiting for some of many tasks or futures: `concurrent.futures.wait`.
 *
 * @module
 */

import { checkEndings, type End, type Ending, Ends, rest } from "./ends.ts";
import { show } from "./kernel/check.ts";
import { currentClock } from "./kernel/clock.ts";
import { TimeoutError } from "./kernel/errors.ts";
import { checkWaitOptions, notReady, poll, waitFor, type WaitOptions } from "./kernel/wait.ts";

/** What {@linkcode wait} can be told. */
export interface WaitUntilOptions extends WaitOptions {
  /**
   * What to wait for: the first end, the first failure (or all ends, if none fails), or all ends.
   * Default: "all".
   */
  until?: "first" | "first-error" | "all";
}

/** Which have ended and which have not. */
export interface WaitResult<E extends Ending> {
  /** Those that have ended, in the order of their ends. */
  readonly done: E[];
  /** Those that have not, in the order given. */
  readonly pending: E[];
}

/**
 * Waits until the first of some tasks or futures has ended, or the first has failed, or all have
 * ended. It throws none of their errors, cancels none of them, and a `timeout` is no error either:
 * what has not ended by then is `pending`.
 *
 * @typeParam E What is waited for: a `Task` or `Future` of some type.
 * @param endings The tasks or futures; one that is named twice is given once.
 * @param options `until`, `timeout` in milliseconds, and `signal`.
 * @returns Which have ended and which have not.
 * @throws {TypeError | RangeError} At the call, when an argument makes no sense.
 *
 * @example
 * ```ts
 * import { sleep, taskGroup, wait } from "@grove/grove";
 *
 * await taskGroup(async (group) => {
 *   const quick = group.spawn(() => sleep(1), { name: "quick" });
 *   const slow = group.spawn(() => sleep(1000), { name: "slow" });
 *   const { done, pending } = await wait([slow, quick], { until: "first" });
 *   console.log(done[0].name, pending[0].name); // quick slow
 *   slow.cancel();
 * });
 * ```
 */
export function wait<E extends Ending>(
  endings: Iterable<E>,
  options: WaitUntilOptions = {},
): Promise<WaitResult<E>> {
  const all = checkEndings(endings, "wait");
  checkWaitOptions(options);
  const { until = "all" } = options;
  if (until !== "all" && until !== "first" && until !== "first-error") {
    throw new TypeError(
      `Cannot wait as 'until' must be "first", "first-error" or "all": received ${show(until)}`,
    );
  }
  return waitUntil(all, until, options);
}

async function waitUntil<E extends Ending>(
  pending: Set<E>,
  until: "first" | "first-error" | "all",
  { timeout = Infinity, signal, endOnStop }: WaitOptions,
): Promise<WaitResult<E>> {
  const due = currentClock().now() + timeout;
  const done: E[] = [];
  const ends = new Ends(pending);
  const take = ({ ended }: End<E>) => {
    done.push(ended);
    pending.delete(ended);
    return until === "first" || (until === "first-error" && ended.state === "failed");
  };
  try {
    let enough = false;
    while (pending.size > 0 && !enough) {
      enough = take(await waitFor(ends, { signal, endOnStop, timeout: rest(due) }));
    }
    // What has ended by now is told, also where less was waited for.
    for (let end = ends[poll](); end !== notReady; end = ends[poll]()) take(end);
  } catch (error) {
    if (!(error instanceof TimeoutError) || error === signal?.reason) throw error;
  } finally {
    ends.forget();
  }
  return { done, pending: [...pending] };
}
