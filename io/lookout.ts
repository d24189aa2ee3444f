/**
 * What `main` sees of its program: it prints the tree of tasks when a signal asks for it, and looks
 * for deadlocks that no wait could see when it began.
 *
 * @module
 */

import { formatTree } from "../primitives/format_tree.ts";
import { DeadlockError } from "../primitives/kernel/deadlock.ts";
import { activityCount } from "../primitives/kernel/scope.ts";
import { activeTasks, type Task } from "../primitives/kernel/task.ts";
import { standstills } from "../primitives/standstill.ts";
import type { TaskGroup } from "../primitives/task_group.ts";
import { watchAges } from "../primitives/trace_ages.ts";
import type { Host, StatusSignal } from "./host.ts";

/** How often it looks, in milliseconds. Whoever moved in between was not stuck. */
const INTERVAL = 500;

/** For how many times as long as a look took there is no other: of many tasks it takes milliseconds. */
const PAUSE = 100;

/** See above. */
export class Lookout {
  readonly #host: Host;
  readonly #group: TaskGroup;
  readonly #listeners: readonly [StatusSignal, () => void][];
  readonly #unwatchAges: () => void = watchAges();
  // It also keeps the process alive: a program may wait for nothing but its signal, which does not.
  readonly #timer: ReturnType<typeof setInterval>;
  #activity = -1;
  #examined = -1;
  #notBefore = 0;
  #reported: ReadonlySet<Task> = new Set();
  /** The error that it has ended the program with, if it had to. */
  deadlock: DeadlockError | undefined;

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
    const before = this.#activity;
    this.#activity = activityCount();
    if (this.#activity !== before || this.#examined === before) return;
    const start = performance.now();
    if (start < this.#notBefore) return;
    this.#examined = before;
    const stuck = standstills(this.#group);
    this.#notBefore = start + PAUSE * (performance.now() - start);
    if (stuck.size === 0) return;
    if (activeTasks().length === stuck.size) this.#end(stuck.size);
    else if ([...stuck].some((task) => !this.#reported.has(task))) {
      this.#reported = stuck;
      this.#print(`${stuck.size} tasks wait for each other, and will not go on`);
    }
  }

  #end(count: number): void {
    this.deadlock = new DeadlockError(
      `Cannot go on as all of the program waits for itself: ${count} tasks, DEADLOCKED below. Take locks in the same order everywhere, and none of them into a group whose tasks want it\n${formatTree()}`,
    );
    this.#group.cancel(this.deadlock);
  }

  #print(why: string): void {
    const count = activeTasks().length;
    console.error(`${why} (${count} in all):\n${formatTree({ color: this.#host.hasColors })}`);
  }
}
