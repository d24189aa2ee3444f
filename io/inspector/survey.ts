/**
 * One look over the whole tree: what there is in it, and what is wrong. From it come the rows that a
 * page shows of the tree, the answer to a question about a task, and all the counts.
 *
 * @module
 */

import type { TreeNode, WaitingFor } from "../../primitives/inspect.ts";

/** What is in and below a node. */
export interface Tally {
  /** How many tasks. */
  tasks: number;
  /** How many of them are stuck or deadlocked. */
  alarms: number;
}

/** Something that tasks wait for, and who does. */
export interface Awaited {
  readonly target: WaitingFor;
  waiters: number;
}

/** What is told in a list of its own, wherever it stands in the tree. */
const PLACES: ReadonlySet<string> = new Set(["pool", "listener", "process"]);

/** What a task waits for that has only to wait for its children. */
export const GROUP_END = "the end of group";

/** What is waited for by one task alone, and is no thing that others have. */
const OWN: ReadonlySet<string> = new Set(["sleep", "promise", "task", "job"]);

/** See above. */
export class Survey {
  /** The tasks, by their numbers. */
  readonly tasks: Map<number, TreeNode> = new Map();
  /** The tasks that are stuck or deadlocked. */
  readonly alarms: TreeNode[] = [];
  /** Pools and listeners. */
  readonly places: TreeNode[] = [];
  /** Locks, queues, events that somebody waits for. */
  readonly awaited: Map<string, Awaited> = new Map();
  /** How many tasks there are, without the root, and how many of them wait. */
  readonly count: number;
  readonly waiting: number;
  readonly root: TreeNode;
  readonly #hidden: ReadonlySet<number>;
  readonly #tallies: Map<TreeNode, Tally> = new Map();
  readonly #waits: Map<TreeNode, WaitingFor[]> = new Map();
  readonly #parents: Map<TreeNode, TreeNode> = new Map();

  /**
   * Looks over a tree.
   *
   * @param root What `inspect()` has given.
   * @param hidden The tasks that are to be left out, with all that is in them.
   */
  constructor(root: TreeNode, hidden: ReadonlySet<number>) {
    this.root = root;
    this.#hidden = hidden;
    this.#look(root, root);
    const all = [...this.#waits].filter(([task]) => task !== root);
    this.count = all.length;
    this.waiting = all.filter(([, waits]) => waits.length > 0).length;
  }

  /** The children of a node that are shown. */
  children(node: TreeNode): readonly TreeNode[] {
    const isHidden = ({ id }: TreeNode) => id !== undefined && this.#hidden.has(id);
    return node.children.some(isHidden)
      ? node.children.filter((child) => !isHidden(child))
      : node.children;
  }

  /** What is in and below a node. */
  tally(node: TreeNode): Tally {
    return this.#tallies.get(node)!;
  }

  /**
   * All that a task waits for, also in the scopes and groups in it; or, if that is nothing, the group
   * whose children it has to wait for.
   */
  waitsOf(task: TreeNode): readonly WaitingFor[] {
    return this.#waits.get(task) ?? [];
  }

  /** A task and all that it is in. */
  wayTo(task: number | undefined): ReadonlySet<TreeNode> {
    const way = new Set<TreeNode>();
    let node = task === undefined ? undefined : this.tasks.get(task);
    for (; node !== undefined; node = this.#parents.get(node)) way.add(node);
    return way;
  }

  #look(node: TreeNode, around: TreeNode): Tally {
    const isTask = node.kind === "task";
    const task = isTask ? node : around;
    const tally: Tally = { tasks: isTask ? 1 : 0, alarms: 0 };
    if (isTask) {
      this.tasks.set(node.id!, node);
      this.#waits.set(node, []);
      if (isAlarming(node)) {
        this.alarms.push(node);
        tally.alarms = 1;
      }
    } else if (PLACES.has(node.kind)) {
      this.places.push(node);
    }
    for (const wait of node.waitingFor) {
      this.#waits.get(task)!.push(wait);
      this.#noteAwaited(wait);
    }
    for (const child of this.children(node)) {
      this.#parents.set(child, node);
      const { tasks, alarms } = this.#look(child, task);
      tally.tasks += tasks;
      tally.alarms += alarms;
    }
    if (isTask && this.#waits.get(node)!.length === 0) this.#noteClosing(node);
    this.#tallies.set(node, tally);
    return tally;
  }

  #noteClosing(task: TreeNode): void {
    const group = closingIn(task);
    if (group !== undefined) {
      this.#waits.get(task)!.push({ kind: GROUP_END, name: group.name });
    }
  }

  #noteAwaited(wait: WaitingFor): void {
    if (OWN.has(wait.kind)) return;
    const key = `${wait.kind} ${wait.id ?? wait.name}`;
    const known = this.awaited.get(key);
    if (known === undefined) this.awaited.set(key, { target: wait, waiters: 1 });
    else known.waiters++;
  }
}

/** Whether a task will not go on by itself. */
export function isAlarming({ stuckFor, deadlocked }: TreeNode): boolean {
  return stuckFor !== undefined || deadlocked === true;
}

/** The group of a task that has only to wait for its children. */
export function closingIn(task: TreeNode): TreeNode | undefined {
  return task.children.find(({ kind, state }) => kind === "group" && state === "closing");
}
