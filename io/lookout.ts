/**
 * What `main` sees of its program: it prints the tree of tasks when a signal asks for it, and looks
 * for deadlocks that no wait could see when it began, and for tasks that go on though they were
 * cancelled. The group around those waits for them, and nobody hears why it was cancelled: of the
 * failure of a task beside them, say.
 *
 * It reports and ends nothing, not even where all tasks are in one. Code that is no task's may
 * still come and set them free: a timer that cancels them, the call-back of a promise that one of
 * them has left behind with its lock. The platform does not tell whether there is any, and a program
 * that would have gone on must not be ended.
 *
 * @module
 */

import { formatTree } from "../primitives/format_tree.ts";
import { inspect, type TreeNode } from "../primitives/inspect.ts";
import { currentClock } from "../primitives/kernel/clock.ts";
import { activityCount, pendingIn } from "../primitives/kernel/scope.ts";
import { activeTasks, type Task } from "../primitives/kernel/task.ts";
import { pruneTree } from "../primitives/prune_tree.ts";
import { standstills } from "../primitives/standstill.ts";
import { stuckFor } from "../primitives/stuck.ts";
import type { TaskGroup } from "../primitives/task_group.ts";
import { watchAges } from "../primitives/trace_ages.ts";
import type { Host, StatusSignal } from "./host.ts";

/** How often it looks, in milliseconds. Who waits for others two times in a row is reported. */
const INTERVAL = 500;

/** For how many milliseconds a task goes on after it was cancelled before that is reported. */
const STUCK = 1000;

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
  // Whether a task has gone on, but not for long enough.
  #isPatient = false;
  // Once each: a server may have such tasks again and again.
  readonly #stuckReportedIn: Set<"running" | "ending"> = new Set();

  /** Looks after a program from now on. */
  constructor(host: Host, group: TaskGroup) {
    this.#host = host;
    this.#group = group;
    this.#listeners = host.statusSignals.map((signal) => [
      signal,
      () => this.#print(`The tasks at ${signal}`, inspect()),
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
    if (now < this.#notBefore || nobodyMoved && this.#isSettled && !this.#isPatient) return;
    this.#activity = activity;
    this.#isSettled = nobodyMoved;
    const tasks = activeTasks();
    this.#notBefore = now + PAUSE * tasks.length;
    this.#lookForDeadlocks(tasks);
    this.#lookForStuck(tasks);
  }

  #lookForDeadlocks(tasks: readonly Task[]): void {
    const standing = standstills(this.#group);
    const sure = [...standing].filter((task) => this.#suspects.has(task));
    const isNews = sure.some((task) => !this.#reported.has(task));
    this.#suspects = standing;
    this.#reported = new Set(sure);
    if (!isNews) return;
    const some = sure.length === tasks.length ? "All" : "Some";
    this.#print(
      `${some} tasks wait for each other, and nothing that Grove knows of will wake them`,
      pruneTree(inspect(), ({ deadlocked }) => deadlocked === true),
    );
  }

  #lookForStuck(tasks: readonly Task[]): void {
    const now = currentClock().now();
    let stuck: Task | undefined;
    this.#isPatient = false;
    for (const task of tasks) {
      const time = stuckFor(task, now);
      if (time === undefined) continue;
      if (time >= STUCK) stuck ??= task;
      else this.#isPatient = true;
    }
    const phase = pendingIn(this.#group) === null ? "running" : "ending";
    if (stuck === undefined || this.#stuckReportedIn.has(phase)) return;
    this.#stuckReportedIn.add(phase);
    const what = phase === "running"
      ? "Some tasks go on though they were cancelled"
      : "The program cannot end, as some tasks go on though they were cancelled";
    this.#print(
      `${what}: they await what does not know of it. Give it their signal, or await it by cancellable()`,
      pruneTree(inspect({ grace: STUCK }), ({ stuckFor }) => stuckFor !== undefined),
    );
    // The failure that began it: its own report waits for them, too. A cancel() may have no reason.
    const { reason } = pendingIn(stuck)!;
    if (reason !== undefined) console.error(`"${stuck.name}" was cancelled because of:`, reason);
  }

  #print(why: string, tree: TreeNode): void {
    const text = formatTree({ tree, color: this.#host.hasColors });
    console.error(`${why} (${activeTasks().length} in all):\n${text}`);
  }
}
