/**
 * A watchdog for the event loop: it tells when code has kept it from turning for too long, and which
 * task that was most likely.
 *
 * How it knows: a timer fires ten times as often as it would matter, and an instrument hears of all
 * that tasks do. When neither was heard of for too long, something ran all the time. Whoever does
 * something next, be it to wait or to end, is who has run until then: unless that one awaits
 * something foreign, which nobody hears of, and another acts behind it. So those are told as well
 * who had been woken, in the order in which they go on: it is one of them.
 *
 * A loop that is still blocked tells nothing: nothing of this thread can. It is told when it is over.
 *
 * @module
 */

import { checkFunction, checkOptions, checkTime } from "./kernel/check.ts";
import { outside } from "./kernel/context.ts";
import { currentTask, type Task } from "./kernel/task.ts";
import { letProcessEnd } from "./kernel/unref.ts";
import { instrument } from "./instrument.ts";
import { printable } from "./printable.ts";

/** What {@linkcode watchdog} can be told. */
export interface WatchdogOptions {
  /** After how many milliseconds it counts as blocked. Default: 100. */
  threshold?: number;
  /**
   * Called when it is over. Default: a line is printed to stderr. One that throws is called no more,
   * and its error printed.
   */
  onBlocked?: (block: LoopBlock) => void;
}

/** A time in which the event loop could not turn. */
export interface LoopBlock {
  /** How long it was, in milliseconds; by up to a tenth of the threshold less. */
  readonly duration: number;
  /**
   * The task that was the first to do anything after that: the one that ran, unless that awaits
   * something foreign now. `undefined` where none has done anything, or it was no task's code.
   */
  readonly task: Task | undefined;
  /** The tasks that were about to go on when it began, the next one first. */
  readonly suspects: readonly Task[];
}

/**
 * Watches the event loop of this thread: synchronous code that runs for too long holds up all other
 * tasks, timers and sockets. It costs a call into the platform for each thing that tasks do.
 *
 * Where the whole process was stopped, or the machine slept, the loop has not turned either.
 *
 * @param options `threshold` and `onBlocked`.
 * @returns What ends it: `using`, or `[Symbol.dispose]()`. It does not keep the process alive.
 * @throws {TypeError | RangeError} When an option makes no sense.
 *
 * @example
 * ```ts
 * import { sleep, taskGroup, watchdog } from "@grove/grove";
 *
 * using _ = watchdog({
 *   threshold: 20,
 *   onBlocked: ({ task, duration }) => console.log(task?.name, duration >= 20), // busy true
 * });
 * await taskGroup((group) => {
 *   group.spawn(async function busy() {
 *     const end = performance.now() + 50;
 *     while (performance.now() < end);
 *     await sleep(10);
 *   });
 * });
 * ```
 */
export function watchdog(options: WatchdogOptions = {}): Disposable {
  const action = "watch the event loop";
  checkOptions(options, action);
  const { threshold = 100, onBlocked = print } = options;
  checkTime(threshold, action, "'threshold'", false);
  if (threshold === 0) {
    throw new RangeError(`Cannot ${action} as 'threshold' must be over 0: received 0`);
  }
  checkFunction(onBlocked, action, "'onBlocked'");
  return new Watchdog(threshold, onBlocked);
}

class Watchdog implements Disposable {
  readonly #threshold: number;
  readonly #onBlocked: (block: LoopBlock) => void;
  readonly #instrument: Disposable;
  readonly #timer: ReturnType<typeof setInterval>;
  // Those who are to go on, since the timer has fired: who has awaited something foreign since is
  // not told from them.
  readonly #awake: Set<Task> = new Set();
  readonly #blocks: LoopBlock[] = [];
  // When the loop was heard of last.
  #heardAt: number = performance.now();

  constructor(threshold: number, onBlocked: (block: LoopBlock) => void) {
    this.#threshold = threshold;
    this.#onBlocked = onBlocked;
    this.#instrument = instrument({
      started: (task) => this.#wakes(task, currentTask()),
      unblocked: (task) => this.#wakes(task, currentTask()),
      blocked: (task) => this.#rests(task),
      cancelled: () => this.#heard(currentTask()),
      exited: (task) => this.#rests(task),
    });
    this.#timer = outside(() => setInterval(() => this.#beat(), Math.max(1, threshold / 10)));
    letProcessEnd(this.#timer);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#instrument[Symbol.dispose]();
  }

  #wakes(task: Task, by: Task): void {
    this.#heard(by);
    this.#awake.add(task);
  }

  #rests(task: Task): void {
    this.#heard(task);
    this.#awake.delete(task);
  }

  #beat(): void {
    this.#heard(undefined);
    this.#awake.clear();
    try {
      for (const block of this.#blocks.splice(0)) this.#onBlocked(block);
    } catch (error) {
      // Out of a timer's call-back it would end the process.
      this[Symbol.dispose]();
      console.error("The watchdog was removed as its onBlocked() failed:", error);
    }
  }

  #heard(task: Task | undefined): void {
    const now = performance.now();
    const duration = now - this.#heardAt;
    this.#heardAt = now;
    if (duration < this.#threshold) return;
    // What runs outside all tasks is the root's, but nobody is to look for it there.
    const known = task?.parent === null ? undefined : task;
    this.#blocks.push({ duration, task: known, suspects: [...this.#awake] });
  }
}

function print({ duration, task, suspects }: LoopBlock): void {
  const names = (task === undefined ? suspects : [task]).map(({ name, id }) =>
    `"${printable(name)}" (${id})`
  );
  const who = names.length === 0
    ? "code outside all tasks, or one that awaits something foreign now"
    : names.join(" or ");
  console.error(
    `The event loop was blocked for ${
      Math.round(duration)
    } ms by ${who}. Let it turn with yieldNow(), or run that in a WorkerPool`,
  );
}
