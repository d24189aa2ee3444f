/**
 * Cancelling at every step. An operation that suspends is right only if it is right wherever a
 * cancellation meets it; this runs it again and again and lets the cancellation come one step later
 * each time, until it is too late. The idea is Effect's.
 *
 * A step is a turn of the microtask queue; when nobody has moved for some of them, it is a turn of
 * the event loop.
 *
 * @module
 */

import { CancelScope } from "../cancel_scope.ts";
import { checkCount, checkFunction } from "../kernel/check.ts";
import { activityCount } from "../kernel/scope.ts";
import { nextTurn } from "../kernel/turn.ts";

/** What became of the operation in one run. */
export type InterruptedRun<T> =
  | { readonly interrupted: true; readonly value: undefined }
  | { readonly interrupted: false; readonly value: T };

/**
 * Runs the operation of a scenario in a scope that is cancelled at the step in turn. A scenario
 * calls it once.
 *
 * @typeParam T What the operation resolves to.
 * @param operation What is to be interrupted.
 * @returns Whether the cancellation cut it short, and its value where not.
 * @throws What the operation throws.
 */
export type Interrupt = <T>(operation: () => T | PromiseLike<T>) => Promise<InterruptedRun<T>>;

/** What {@linkcode interruptAtEveryStep} can be told. */
export interface InterruptOptions {
  /** After how many steps an operation that does not end counts as hanging. Default: 1000. */
  maxSteps?: number;
}

const QUIET = 16;

/**
 * Runs a scenario with a cancellation at step 0, 1, 2 … of its operation, until the operation ends
 * before the cancellation comes; the first run is cancelled before the operation begins. The
 * scenario sets the stage, calls `interrupt(operation)`, and asserts afterwards that nothing was
 * lost.
 *
 * @param scenario Called once for each step.
 * @param options How many steps are too many.
 * @returns In how many runs the operation was cut short, and how many runs there were.
 * @throws {TypeError | RangeError} At the call, when an argument makes no sense.
 * @throws {Error} When the scenario throws: it names the step, and its `cause` is what was thrown.
 * When the operation hangs: after `maxSteps`.
 *
 * @example
 * ```ts
 * import { sleep } from "@grove/grove";
 * import { interruptAtEveryStep } from "@grove/grove/testing";
 *
 * let begun = 0;
 * let cleaned = 0;
 * await interruptAtEveryStep(async (interrupt) => {
 *   await interrupt(async () => {
 *     begun++;
 *     try {
 *       await sleep(0);
 *     } finally {
 *       cleaned++;
 *     }
 *   });
 *   if (begun !== cleaned) throw new Error("the clean-up was skipped");
 * });
 * ```
 */
export function interruptAtEveryStep(
  scenario: (interrupt: Interrupt) => void | PromiseLike<void>,
  options: InterruptOptions = {},
): Promise<{ runs: number; interrupted: number }> {
  const { maxSteps = 1000 } = options;
  checkFunction(scenario, "interrupt at every step", "the scenario");
  checkCount(maxSteps, "interrupt at every step", "'maxSteps'", 1);
  return interruptAll(scenario, maxSteps);
}

async function interruptAll(
  scenario: (interrupt: Interrupt) => void | PromiseLike<void>,
  maxSteps: number,
): Promise<{ runs: number; interrupted: number }> {
  let interrupted = 0;
  for (let step = -1;; step++) {
    if (step > maxSteps) {
      throw new Error(
        `Cannot interrupt at every step as the operation has not ended after ${maxSteps} steps. Let the scenario end it`,
      );
    }
    const run = new Run(step);
    try {
      await scenario(run.interrupt);
    } catch (error) {
      throw new Error(`It went wrong with a cancellation at step ${step}`, { cause: error });
    }
    if (!run.called) {
      throw new TypeError("Cannot interrupt as the scenario did not call interrupt(operation)");
    }
    if (run.cut) interrupted++;
    if (!run.reached) return { runs: step + 2, interrupted };
  }
}

/** One run: the cancellation comes at one step. */
class Run {
  readonly #step: number;
  called = false;
  reached = false;
  cut = false;

  constructor(step: number) {
    this.#step = step;
  }

  readonly interrupt: Interrupt = async (operation) => {
    this.called = true;
    const scope = new CancelScope({ name: `interrupted at step ${this.#step}` });
    if (this.#step === -1) this.#cancel(scope);
    let ended = false;
    const outcome = scope.enter(operation).finally(() => ended = true);
    outcome.catch(() => {}); // It is awaited below, when the steps have been made.
    let activity = activityCount();
    let quiet = 0;
    for (let step = 0; !ended && !this.reached; step++) {
      if (step === this.#step) {
        this.#cancel(scope);
        break;
      }
      // Right here, and not in a function: a step is one turn of the microtask queue, no more.
      if (quiet < QUIET) await null;
      else await new Promise<void>(nextTurn);
      quiet = activityCount() === activity ? quiet + 1 : 0;
      activity = activityCount();
    }
    const value = await outcome;
    this.cut = scope.cancelledCaught;
    return this.cut
      ? { interrupted: true, value: undefined }
      : { interrupted: false, value: value! };
  };

  #cancel(scope: CancelScope): void {
    this.reached = true;
    scope.cancel("interrupted");
  }
}
