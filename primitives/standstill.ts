/**
 * Who will not go on. A `DeadlockError` is thrown by the wait that would close a circle, where the
 * circle can be seen then. This looks at all tasks together, when somebody asks, and sees the rest:
 * circles that lead through groups, whose tasks wait for their children; and who waits behind one.
 *
 * It begins with those who may go on by themselves, and adds whoever waits for something that these
 * may give. What is left waits for itself. A task that awaits something foreign or has a time limit
 * may go on, and so may the root task: better one missed than a false alarm.
 *
 * @module
 */

import { type Blocker, type Held, heldBy } from "./kernel/deadlock.ts";
import { Hold } from "./kernel/hold.ts";
import type { WaitTarget } from "./kernel/queue.ts";
import { blockedIn, children, hasDeadline, parentOf, type Scope } from "./kernel/scope.ts";
import { Task } from "./kernel/task.ts";
import { awaitedBy, isClosing, TaskGroup } from "./task_group.ts";

/** How a task may come to go on: for each of its waits, and each arm of one, who has to before. */
type Ways = readonly (readonly Task[])[];

/** A task that can go on only when others do. */
interface Dependent {
  readonly task: Task;
  readonly ways: Ways;
}

/** The tasks under a scope that wait for each other, or behind such, and so for ever. */
export function standstills(root: Scope): ReadonlySet<Task> {
  const dependents = new Search().under(root);
  const stuck = new Set(dependents.map(({ task }) => task));
  const isFree = (task: Task) => !stuck.has(task);
  for (let before = -1; before !== stuck.size;) {
    before = stuck.size;
    // Children first: whole nests come free in one round.
    for (let i = dependents.length - 1; i >= 0; i--) {
      const { task, ways } = dependents[i];
      if (stuck.has(task) && ways.some((way) => way.every(isFree))) stuck.delete(task);
    }
  }
  return stuck;
}

class Search {
  // Thousands may wait for one thing, or be queued in one group: those it depends on are looked up
  // once.
  readonly #blockers: Map<WaitTarget, readonly Task[]> = new Map();
  readonly #running: Map<Scope, Ways | undefined> = new Map();

  /** The tasks under a scope that depend on others, parents before their children. */
  under(root: Scope, found: Dependent[] = []): Dependent[] {
    for (const child of children(root)) {
      if (child instanceof Task) {
        const ways = this.#waysOn(child);
        if (ways !== undefined) found.push({ task: child, ways });
      }
      this.under(child, found);
    }
    return found;
  }

  /** On whom it depends that a task goes on; `undefined` where it may by itself. */
  #waysOn(task: Task): Ways | undefined {
    if (task.state === "queued") return this.#waysToStart(parentOf(task)!);
    const ways: (readonly Task[])[] = [];
    const own: Scope[] = [task];
    for (let scope = own.pop(); scope !== undefined; scope = own.pop()) {
      if (hasDeadline(scope)) return undefined;
      for (const { isLimited, targets } of blockedIn(scope)) {
        if (isLimited || targets.length === 0) return undefined;
        for (const target of targets) {
          const blockers = this.#blockersOf(target);
          // Nobody has it, so the task may go on: as nearly all may, who need not be kept in a list.
          if (blockers.length === 0) return undefined;
          ways.push(blockers);
        }
      }
      for (const child of children(scope)) if (!(child instanceof Task)) own.push(child);
      if (scope instanceof TaskGroup && isClosing(scope)) ways.push(awaitedBy(scope));
    }
    return ways.length === 0 ? undefined : ways;
  }

  /** A queued task starts when one of those ends that have the room; by itself where nobody has. */
  #waysToStart(group: Scope): Ways | undefined {
    if (!this.#running.has(group)) {
      const running = children(group).filter((child) =>
        child instanceof Task && child.state === "running"
      );
      const ways = running.map((task) => [task as Task]);
      this.#running.set(group, ways.length === 0 ? undefined : ways);
    }
    return this.#running.get(group);
  }

  /** Who has to make way for those who wait: who has the thing, who is ahead, or what is to end. */
  #blockersOf(target: WaitTarget): readonly Task[] {
    let tasks = this.#blockers.get(target);
    if (tasks === undefined) {
      tasks = blockers(target).map((blocker) =>
        (blocker instanceof Hold ? blocker.owner : blocker) as Scope as Task
      );
      this.#blockers.set(target, tasks);
    }
    return tasks;
  }
}

/** The tasks that have what is waited for. */
export function holdersOf(target: WaitTarget): Task[] {
  const holds = blockers(target).filter((blocker) => blocker instanceof Hold);
  return holds.map(({ owner }) => owner as Scope as Task);
}

function blockers(target: WaitTarget): readonly Blocker[] {
  const blockers = heldBy in target ? (target as Held)[heldBy]() : null;
  if (blockers === null) return [];
  return Array.isArray(blockers) ? blockers : [blockers as Blocker];
}
