/**
 * Who will not go on. A `DeadlockError` is thrown by the wait that would close a circle, where the
 * circle can be seen then. This looks at all tasks together, when somebody asks, and sees the rest:
 * circles that lead through groups, whose tasks wait for their children; and who waits behind one.
 *
 * It begins with those who may go on by themselves, and adds whoever waits for something that these
 * may give. What is left waits for itself. A task that awaits something foreign, has a time limit or
 * was cancelled may go on, and so may the root task: better one missed than a false alarm.
 *
 * @module
 */

import { type Blocker, type Held, heldBy } from "./kernel/deadlock.ts";
import { Hold } from "./kernel/hold.ts";
import type { WaitTarget } from "./kernel/queue.ts";
import {
  type Blocked,
  blockedIn,
  children,
  hasDeadline,
  parentOf,
  pendingIn,
  type Scope,
} from "./kernel/scope.ts";
import { Task } from "./kernel/task.ts";
import { awaitedBy, isClosing, TaskGroup } from "./task_group.ts";

/** A task that can go on only when others do. */
interface Dependent {
  readonly task: Task;
  /** For each of its waits, and each arm of one: who has to go on. */
  readonly ways: readonly (readonly Task[])[];
}

/** The tasks under a scope that wait for each other, or behind such, and so for ever. */
export function standstills(root: Scope): ReadonlySet<Task> {
  const dependents: Dependent[] = [];
  collect(root, dependents);
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

function collect(scope: Scope, dependents: Dependent[]): void {
  for (const child of children(scope)) {
    if (child instanceof Task) {
      const ways = waysOn(child);
      if (ways !== undefined) dependents.push({ task: child, ways });
    }
    collect(child, dependents);
  }
}

/** On whom it depends that a task goes on; `undefined` where it may by itself. */
function waysOn(task: Task): (readonly Task[])[] | undefined {
  if (pendingIn(task) !== null) return undefined;
  if (task.state === "queued") return waysToStart(task);
  const ways: (readonly Task[])[] = [];
  const own: Scope[] = [task];
  for (let scope = own.pop(); scope !== undefined; scope = own.pop()) {
    if (hasDeadline(scope)) return undefined;
    for (const wait of blockedIn(scope)) {
      const way = holdersFor(wait);
      if (way === undefined) return undefined;
      ways.push(...way);
    }
    own.push(...children(scope).filter((child) => !(child instanceof Task)));
    if (scope instanceof TaskGroup && isClosing(scope)) ways.push(awaitedBy(scope));
  }
  return ways.length === 0 ? undefined : ways;
}

/** A queued task starts when one of those ends that have the room; `undefined` where nobody has. */
function waysToStart(task: Task): (readonly Task[])[] | undefined {
  const siblings = children(parentOf(task)!).filter((child) => child instanceof Task);
  const running = siblings.filter(({ state }) => state === "running");
  return running.length === 0 ? undefined : running.map((sibling) => [sibling]);
}

/** Who has to give way before a wait ends, for each of its arms; `undefined` where nobody has to. */
function holdersFor(wait: Blocked<unknown>): (readonly Task[])[] | undefined {
  if (wait.isLimited || wait.targets.length === 0) return undefined;
  const ways: (readonly Task[])[] = [];
  for (const target of wait.targets) {
    const way = blockersOf(target);
    if (way.length === 0) return undefined;
    ways.push(way);
  }
  return ways;
}

/** Whoever has to make way for those who wait: who has the thing, who is ahead, or what is to end. */
function blockersOf(target: WaitTarget): Task[] {
  return blockers(target).map((blocker) =>
    (blocker instanceof Hold ? blocker.owner : blocker) as Scope as Task
  );
}

/** The tasks that have what is waited for. */
export function holdersOf(target: WaitTarget): Task[] {
  const holds = blockers(target).filter((blocker) => blocker instanceof Hold);
  return holds.map(({ owner }) => owner as Scope as Task);
}

function blockers(target: WaitTarget): Blocker[] {
  return heldBy in target ? [(target as Held)[heldBy]() ?? []].flat() : [];
}
