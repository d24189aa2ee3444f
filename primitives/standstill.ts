/**
 * Who will not go on by itself. A `DeadlockError` is thrown by the wait that would close a circle,
 * where the circle can be seen then. This looks at all tasks together, when somebody asks, and sees
 * the rest: circles that lead through groups, whose tasks wait for their children; and who waits
 * behind one.
 *
 * It begins with those who may go on by themselves, and adds whoever waits for something that these
 * may give. What is left waits for itself. A task that awaits something foreign or has a limit may
 * go on, and so may the root task: better one missed than a false alarm. That is not all there may
 * be: a call-back of the platform's may cancel a task, or run in it and give back what it has.
 * Nobody can tell from here, so what is left is to be shown, and not to be acted upon.
 *
 * It takes as long as there are tasks, and ways between them: a line of a hundred thousand of which
 * each awaits the one before is nothing unusual.
 *
 * @module
 */

import { type Blocker, type Held, heldBy } from "./kernel/deadlock.ts";
import { Hold } from "./kernel/hold.ts";
import type { WaitTarget } from "./kernel/queue.ts";
import { blockedIn, children, isLimited, parentOf, type Scope } from "./kernel/scope.ts";
import { Task } from "./kernel/task.ts";
import { awaitedBy, isClosing, TaskGroup } from "./task_group.ts";

/** A way for somebody to go on: open when all of these may. */
class Way {
  readonly after: readonly Scope[];
  /** How many of these may not, as far as is known yet. */
  closed = 0;
  /** Who may go on by it. */
  readonly users: Dependent[] = [];

  constructor(after: readonly Scope[]) {
    this.after = after;
  }
}

/** Who can go on only when others do. */
class Dependent {
  isStuck = true;
  /** The ways that are closed for as long as it is stuck; for most there is none. */
  closes: Way[] | undefined;
}

/** The tasks under a scope that wait for each other, or behind such. */
export function standstills(root: Scope): ReadonlySet<Task> {
  const { dependents, ways } = new Search(root);
  for (const way of ways) {
    for (const scope of way.after) {
      const dependent = dependents.get(scope);
      if (dependent === undefined) continue;
      (dependent.closes ??= []).push(way);
      way.closed++;
    }
  }
  const open = ways.filter(({ closed }) => closed === 0);
  for (let way = open.pop(); way !== undefined; way = open.pop()) {
    for (const user of way.users) {
      if (!user.isStuck) continue;
      user.isStuck = false;
      for (const next of user.closes ?? []) if (--next.closed === 0) open.push(next);
    }
  }
  const stuck = new Set<Task>();
  for (const [scope, { isStuck }] of dependents) {
    if (isStuck && scope instanceof Task) stuck.add(scope);
  }
  return stuck;
}

/** All who depend on others. */
class Search {
  /** The tasks, parents before their children; and groups, where it is room in them that depends. */
  readonly dependents: Map<Scope, Dependent> = new Map();
  /** The ways of all, each once. */
  readonly ways: Way[] = [];
  // Thousands may wait for one thing, or be queued in one group: those it depends on are looked up
  // once.
  readonly #waysPast: Map<WaitTarget, Way | null> = new Map();
  readonly #room: Map<Scope, Way | null> = new Map();

  constructor(root: Scope) {
    const open = children(root).reverse();
    for (let scope = open.pop(); scope !== undefined; scope = open.pop()) {
      if (scope instanceof Task) this.#add(scope, this.#waysOf(scope));
      for (const child of children(scope).reverse()) open.push(child);
    }
  }

  #add(scope: Scope, ways: readonly Way[]): void {
    if (ways.length === 0) return;
    const dependent = new Dependent();
    this.dependents.set(scope, dependent);
    for (const way of ways) way.users.push(dependent);
  }

  #way(after: readonly Scope[]): Way {
    const way = new Way(after);
    this.ways.push(way);
    return way;
  }

  /** The ways for a task to go on; none where it may by itself. */
  #waysOf(task: Task): readonly Way[] {
    if (task.state === "queued") {
      const room = this.#roomIn(parentOf(task)!);
      return room === null ? [] : [room];
    }
    const ways: Way[] = [];
    const own: Scope[] = [task];
    for (let scope = own.pop(); scope !== undefined; scope = own.pop()) {
      if (isLimited(scope)) return [];
      for (const { isLimited, targets } of blockedIn(scope)) {
        if (isLimited || targets.length === 0) return [];
        for (const target of targets) {
          const way = this.#wayPast(target);
          // Nobody has it, so the task may go on: as nearly all may, who need not be kept.
          if (way === null) return [];
          ways.push(way);
        }
      }
      for (const child of children(scope)) if (!(child instanceof Task)) own.push(child);
      if (scope instanceof TaskGroup && isClosing(scope)) ways.push(this.#way(awaitedBy(scope)));
    }
    return ways;
  }

  /** A queued task starts when one of those ends that have the room; by itself where nobody has. */
  #roomIn(group: Scope): Way | null {
    let room = this.#room.get(group);
    if (room === undefined) {
      const running = children(group).filter((child) =>
        child instanceof Task && child.state === "running"
      );
      this.#add(group, running.map((task) => this.#way([task])));
      room = running.length === 0 ? null : this.#way([group]);
      this.#room.set(group, room);
    }
    return room;
  }

  /** Who has to make way for those who wait: who has the thing, who is ahead, or what is to end. */
  #wayPast(target: WaitTarget): Way | null {
    let way = this.#waysPast.get(target);
    if (way === undefined) {
      const tasks = blockers(target).map((blocker) =>
        (blocker instanceof Hold ? blocker.owner : blocker) as Scope
      );
      way = tasks.length === 0 ? null : this.#way(tasks);
      this.#waysPast.set(target, way);
    }
    return way;
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
