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
const OWN: ReadonlySet<string> = new Set(["sleep", "promise", "task", "job", "connection to"]);

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
  /** How many tasks there are, without the root. */
  count = -1;
  /** How many of them wait. */
  waiting = 0;
  readonly root: TreeNode;
  readonly #hidden: ReadonlySet<number>;
  // Of nodes that have children: of ten thousand tasks hardly any.
  readonly #tallies: Map<TreeNode, Tally> = new Map();

  /**
   * Looks over a tree.
   *
   * @param root What `inspect()` has given.
   * @param hidden The tasks that are to be left out, with all that is in them.
   */
  constructor(root: TreeNode, hidden: ReadonlySet<number>) {
    this.root = root;
    this.#hidden = hidden;
    this.#look();
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
    return this.#tallies.get(node) ?? tallyOf(node);
  }

  /** A task and all that it is in. */
  wayTo(task: number | undefined): ReadonlySet<TreeNode> {
    const way = new Set<TreeNode>();
    const target = task === undefined ? undefined : this.tasks.get(task);
    if (target === undefined) return way;
    const around = new Map<TreeNode, TreeNode>();
    for (const node of this.nodes()) {
      for (const child of this.children(node)) around.set(child, node);
    }
    for (let node: TreeNode | undefined = target; node; node = around.get(node)) way.add(node);
    return way;
  }

  /** All nodes that are shown, parents before their children. In a loop: they may be nested deep. */
  *nodes(): Generator<TreeNode> {
    const open: TreeNode[] = [this.root];
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      yield node;
      const children = this.children(node);
      for (let i = children.length - 1; i >= 0; i--) open.push(children[i]);
    }
  }

  #look(): void {
    const parents: TreeNode[] = [];
    for (const node of this.nodes()) {
      if (node.kind === "task") this.#noteTask(node);
      else if (PLACES.has(node.kind)) this.places.push(node);
      for (const wait of node.waitingFor) this.#noteAwaited(wait);
      if (node.children.length > 0) parents.push(node);
    }
    // The innermost first.
    for (const node of parents.reverse()) {
      const tally = tallyOf(node);
      for (const child of this.children(node)) {
        const { tasks, alarms } = this.tally(child);
        tally.tasks += tasks;
        tally.alarms += alarms;
      }
      this.#tallies.set(node, tally);
    }
  }

  #noteTask(task: TreeNode): void {
    this.count++;
    this.tasks.set(task.id!, task);
    if (task !== this.root && waitsOf(task).length > 0) this.waiting++;
    if (isAlarming(task)) this.alarms.push(task);
  }

  #noteAwaited(wait: WaitingFor): void {
    if (OWN.has(wait.kind)) return;
    const key = `${wait.kind} ${wait.id ?? wait.name}`;
    const known = this.awaited.get(key);
    if (known === undefined) this.awaited.set(key, { target: wait, waiters: 1 });
    else known.waiters++;
  }
}

function tallyOf(node: TreeNode): Tally {
  return { tasks: node.kind === "task" ? 1 : 0, alarms: isAlarming(node) ? 1 : 0 };
}

/** Whether a task will not go on by itself. */
export function isAlarming({ stuckFor, deadlocked }: TreeNode): boolean {
  return stuckFor !== undefined || deadlocked === true;
}

/**
 * All that a task waits for, also in the scopes and groups in it; or, if that is nothing, the group
 * whose children it has to wait for.
 */
export function waitsOf(task: TreeNode): readonly WaitingFor[] {
  if (task.children.length === 0) return task.waitingFor;
  const waits = waitsIn(task);
  const closing = closingIn(task);
  return waits.length > 0 || closing === undefined
    ? waits
    : [{ kind: GROUP_END, name: closing.name }];
}

function waitsIn(task: TreeNode): WaitingFor[] {
  const waits: WaitingFor[] = [];
  const open: TreeNode[] = [task];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    waits.push(...node.waitingFor);
    for (const child of node.children.toReversed()) if (child.kind !== "task") open.push(child);
  }
  return waits;
}

/** The group of a task that has only to wait for its children. */
export function closingIn(task: TreeNode): TreeNode | undefined {
  return task.children.find(({ kind, state }) => kind === "group" && state === "closing");
}
