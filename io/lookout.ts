/**
 * What `main` sees of its program: it prints the tree of tasks when a signal asks for it, and looks
 * for deadlocks that no wait could see when it began.
 *
 * It reports those and ends nothing, not even where all tasks are in one. Code that is no task's may
 * still come and set them free: a timer that cancels them, the call-back of a promise that one of
 * them has left behind with its lock. The platform does not tell whether there is any, and a program
 * that would have gone on must not be ended.
 *
 * @module
 */

import { formatTree } from "../primitives/format_tree.ts";
import { activityCount } from "../primitives/kernel/scope.ts";
import { activeTasks, type Task } from "../primitives/kernel/task.ts";
import { standstills } from "../primitives/standstill.ts";
import type { TaskGroup } from "../primitives/task_group.ts";
import { watchAges } from "../primitives/trace_ages.ts";
import type { Host, StatusSignal } from "./host.ts";

/** How often it looks, in milliseconds. Who waits for others two times in a row is reported. */
const INTERVAL = 500;

/**
 * For how many milliseconds a task there is no other look, which takes some 3 µs of it. By their number
 * and not by how long it took: the first look is the slowest, and a busy machine may have halted it.
 */
const PAUSE = 2;

/** See above. */
export class Lookout {
  readonly #host: Host;
  readonly #group: TaskGroup;
  readonly #listeners: readonly [StatusSignal, () => void][];
  readonly #unwatchAges: () => void = watchAges();
  // It also keeps the process alive: a program may wait for nothing but its signal, which does not.
  readonly #timer: ReturnType<typeof setInterval>;
  #activity = -1;
  #isSettled = false;
  #notBefore = 0;
  #suspects: ReadonlySet<Task> = new Set();
  #reported: ReadonlySet<Task> = new Set();

  /** Looks after a program from now on. */
  constructor(host: Host, group: TaskGroup) {
    this.#host = host;
    this.#group = group;
    this.#listeners = host.statusSignals.map((signal) => [
      signal,
      () => this.#print(`The tasks at ${signal}`),
    ]);
    for (const [signal, listener] of this.#listeners) host.on(signal, listener);
    this.#timer = setInterval(() => this.#look(), INTERVAL);
  }

  /** Looks no more. */
  leave(): void {
    clearInterval(this.#timer);
    this.#unwatchAges();
    for (const [signal, listener] of this.#listeners) this.#host.off(signal, listener);
  }

  #look(): void {
    const now = performance.now();
    const activity = activityCount();
    const nobodyMoved = activity === this.#activity;
    if (now < this.#notBefore || nobodyMoved && this.#isSettled) return;
    this.#activity = activity;
    this.#isSettled = nobodyMoved;
    const stuck = standstills(this.#group);
    const count = activeTasks().length;
    this.#notBefore = now + PAUSE * count;
    const sure = [...stuck].filter((task) => this.#suspects.has(task));
    const isNews = sure.some((task) => !this.#reported.has(task));
    this.#suspects = stuck;
    this.#reported = new Set(sure);
    if (!isNews) return;
    const some = sure.length === count ? "All" : "Some";
    this.#print(
      `${some} tasks wait for each other, and nothing that Grove knows of will wake them`,
    );
  }

  #print(why: string): void {
    const count = activeTasks().length;
    console.error(`${why} (${count} in all):\n${formatTree({ color: this.#host.hasColors })}`);
  }
}
