/**
 * The entry of a program: it turns signals into an orderly end, and the end into an exit code.
 *
 * @module
 */

import { currentScope } from "../primitives/kernel/context.ts";
import { checkFunction, checkTime } from "../primitives/kernel/check.ts";
import { ClosedError, suppressedErrors } from "../primitives/kernel/errors.ts";
import { pendingIn } from "../primitives/kernel/scope.ts";
import type { TaskFunction } from "../primitives/kernel/task.ts";
import { type TaskGroup, taskGroup } from "../primitives/task_group.ts";
import { currentHost, type EndSignal, type Host } from "./host.ts";
import { Lookout } from "./lookout.ts";

/** What {@linkcode main} can be told. */
export interface MainOptions {
  /**
   * Milliseconds that the program has to end after the first signal, before it is cancelled. Default:
   * 4000, as Deno Deploy kills a process 5 seconds after its signal, and the clean-up needs some time.
   */
  grace?: number;
  /** Tells of the error that the program failed with. Default: it is printed, with its stack. */
  report?: (error: unknown) => void;
}

const NUMBERS: Record<EndSignal, number> = { SIGINT: 2, SIGTERM: 15 };

/**
 * Signals so soon after the first are the first one again. A Ctrl-C reaches every process of the
 * terminal's group, and `deno task` (as `npm` does) passes the one it gets on to its child, which
 * so gets two within some milliseconds. Nobody presses Ctrl-C twice that fast.
 */
const SAME_SIGNAL = 200;

/**
 * How long the process may live on after the body has failed, or a signal has ended it. What keeps it
 * alive then is foreign and was not asked to end: a connection of `Deno.serve` whose client does not
 * read, say, or a thread that is blocked.
 */
const LINGER = 1000;

/**
 * Runs a program: `body`, in a task of its own. When that has ended, the process ends with
 *
 * - 0 when the body returned, also if it did so because a signal had asked it to;
 * - 1 when it failed; the error is printed to stderr, with its stack;
 * - 130 (SIGINT) or 143 (SIGTERM) when the grace ran out, and the body had to be cancelled.
 *
 * The first SIGINT (Ctrl-C) or SIGTERM asks the body to stop, as `scope.stop()` does: its waits
 * marked `endOnStop` end, `task.stopping` turns true, listeners stop accepting, servers drain. What
 * has not ended after `grace` is cancelled. A second signal ends the process at once.
 *
 * A `ClosedError` that a marked wait throws may leave the body: after a signal it counts as the end
 * that was asked for.
 *
 * The exit code is set, and the process ends when nothing is left to do, so that no output is cut
 * off; after a signal or a failure, in a second at the latest, as a thread that is blocked would keep
 * it for ever. While the body runs, the process stays alive.
 *
 * SIGQUIT (Ctrl-\\) and SIGUSR1, and SIGINFO (Ctrl-T) where there is one, print the tree of tasks to
 * stderr, and the program goes on. The part that it is about is printed, too, when tasks are in a
 * deadlock that no `DeadlockError` was thrown for: once, and the program is not ended, as code outside
 * all tasks may still resolve it. And when a task goes on for over a second after it was cancelled:
 * once, and once more when that keeps the program from ending. It waits for such tasks, until a second
 * signal comes.
 *
 * At SIGUSR1 Deno opens its debugger besides, at port 9229 of this machine. Where that is not wanted,
 * send SIGQUIT.
 *
 * @param body The program; it is called with its task.
 * @param options `grace` and `report`.
 * @returns Resolves to nothing when all is over, whatever the outcome.
 * @throws {TypeError | RangeError} At the call, when an argument makes no sense.
 *
 * @example
 * ```ts
 * import { main, sleep } from "@grove/grove";
 *
 * await main(async (task) => {
 *   for (let round = 1; round <= 3 && !task.stopping; round++) {
 *     console.log("round", round);
 *     await sleep(5, { endOnStop: true });
 *   }
 * });
 * ```
 */
export function main(body: TaskFunction<unknown>, options: MainOptions = {}): Promise<void> {
  checkFunction(body, "run the program", "its body");
  const { grace = 4000, report = print } = options;
  checkTime(grace, "run the program", "'grace'");
  checkFunction(report, "run the program", "'report'");
  return run(body, grace, report);
}

async function run(
  body: TaskFunction<unknown>,
  grace: number,
  report: (error: unknown) => void,
): Promise<void> {
  const host = currentHost();
  const ending = new Ending(host, grace);
  let lookout: Lookout | undefined;
  let code = 0;
  try {
    await taskGroup((group) => {
      ending.watch(group);
      lookout = new Lookout(host, group);
      group.spawn(body, { name: "main" });
    }, { name: "program" });
    code = ending.forced ? ending.code : 0;
  } catch (error) {
    if (error === pendingIn(currentScope())) throw error; // Cancelled from outside.
    if (!ending.wasAskedFor(error)) {
      code = 1;
      tell(report, error);
    }
  } finally {
    lookout?.leave();
    ending.leave();
  }
  // A program that ended well may have set a code of its own.
  if (code !== 0) host.setExitCode(code);
  if (code !== 0 || ending.signal !== undefined) host.unlessEnded(LINGER, () => host.exit());
}

/** What the signals do. */
class Ending {
  readonly #host: Host;
  readonly #grace: number;
  readonly #listeners: [EndSignal, () => void][];
  #group: TaskGroup | undefined;
  /** The first signal, once it has come. */
  signal: EndSignal | undefined;
  #since = 0;

  constructor(host: Host, grace: number) {
    this.#host = host;
    this.#grace = grace;
    this.#listeners = host.endSignals.map((signal) => [signal, () => this.#come(signal)]);
  }

  /** Whether the grace ran out. */
  get forced(): boolean {
    return this.signal !== undefined && this.#group?.cancelled !== undefined;
  }

  /** The exit code of a program that its signal has cut short. */
  get code(): number {
    return 128 + NUMBERS[this.signal!];
  }

  /** Whether an error is but the end that a signal has asked for. */
  wasAskedFor(error: unknown): boolean {
    return this.signal !== undefined && error instanceof ClosedError &&
      suppressedErrors(error).length === 0;
  }

  watch(group: TaskGroup): void {
    this.#group = group;
    for (const [signal, listener] of this.#listeners) this.#host.on(signal, listener);
  }

  leave(): void {
    for (const [signal, listener] of this.#listeners) this.#host.off(signal, listener);
  }

  #come(signal: EndSignal): void {
    const now = performance.now();
    if (this.signal === undefined) {
      this.signal = signal;
      this.#since = now;
      this.#group!.stop({ grace: this.#grace });
    } else if (now - this.#since > SAME_SIGNAL) {
      this.#host.exit(128 + NUMBERS[signal]);
    }
  }
}

function tell(report: (error: unknown) => void, error: unknown): void {
  try {
    report(error);
  } catch (failure) {
    print(error);
    print(failure);
  }
}

function print(error: unknown): void {
  console.error(error);
  for (const later of suppressedErrors(error)) console.error("and, while it ended:", later);
}
