/**
 * The tree as the rows that a page shows: those of open nodes, and of many children the first only.
 * So a page has little to do, and little is sent to it, however many tasks there are.
 *
 * @module
 */

import type { Details } from "../../primitives/kernel/inspected.ts";
import type { TreeNode, WaitingFor } from "../../primitives/inspect.ts";
import { isAlarming, type Survey, waitsOf } from "./survey.ts";
import type { View } from "./view.ts";

/** A line of the tree. Times are those of the program's clock, in milliseconds. */
export interface Row {
  /** By which to know the node again: a task by its number, all else by its way from there. */
  readonly key: string;
  /** How deep it is; the root is 1. */
  readonly level: number;
  readonly kind: string;
  readonly name: string;
  readonly id?: number;
  readonly state?: string;
  readonly mark?: Mark;
  /** Of a task that is stuck: since when. */
  readonly stuckSince?: number;
  readonly since?: number;
  readonly waits: readonly RowWait[];
  /** How many more waits it is in. */
  readonly otherWaits?: number;
  readonly facts?: Details;
  readonly spawnedAt?: string;
  /** How many children it has; with `open`, whether they are shown. */
  readonly count: number;
  readonly open: boolean;
  /** Of a node that is not open: how many tasks in it are stuck or deadlocked, and what all do. */
  readonly alarms?: number;
  readonly summary?: readonly string[];
  /** Of the line that stands for the children that are not shown: how many of them are. */
  readonly shown?: number;
}

/** What is wrong with a task, or will soon be its end. */
export type Mark = "deadlocked" | "stuck" | "cancelled" | "stopping";

/** Something waited for, in a row. */
export interface RowWait {
  readonly kind: string;
  readonly name: string;
  readonly since?: number;
  /** Until when it sleeps. */
  readonly until?: number;
  /** The first of those who have it, and how many others do. */
  readonly holder?: string;
  readonly others?: number;
}

/** A node with more children than this is closed, unless it was opened. */
const FEW = 24;

/** So many children are shown of an open node, unless more were asked for. */
const SHOWN = 100;

/** So many waits are told of a node. */
const MOST_WAITS = 5;

/**
 * So deep nodes are shown. The key of a scope has in it those of all around it, and a nest of thousands
 * would be megabytes.
 */
const DEEPEST = 200;

/** So many nodes are shown of those that were looked for. */
const MOST_FOUND = 500;

/** The rows of a view. */
export function rowsOf(survey: Survey, view: View, times: Times): Row[] {
  return new Rows(survey, view, times).all();
}

/** Makes times out of ages. */
export interface Times {
  /** When it began what is so old now; about the same for the same key each time. */
  since(key: string, age: number): number;
}

class Rows {
  readonly #survey: Survey;
  readonly #view: View;
  readonly #times: Times;
  readonly #found: ReadonlySet<TreeNode> | null;
  readonly #way: ReadonlySet<TreeNode>;
  readonly #rows: Row[] = [];

  constructor(survey: Survey, view: View, times: Times) {
    this.#survey = survey;
    this.#view = view;
    this.#times = times;
    this.#found = view.find === "" ? null : find(survey, view.find);
    this.#way = survey.wayTo(view.why);
  }

  all(): Row[] {
    const { root } = this.#survey;
    this.#add(root, keyOf(root, "", new Map()), 1);
    return this.#rows;
  }

  #add(node: TreeNode, key: string, level: number): void {
    const children = this.#childrenOf(node);
    const open = children.length > 0 && level < DEEPEST &&
      this.#isOpen(node, key, children.length);
    const { id, state, details, spawnedAt, stuckFor } = node;
    const waits = node.kind === "task" ? waitsOf(node) : node.waitingFor;
    const mark = markOf(node);
    const alarms = open ? 0 : this.#survey.tally(node).alarms - (isAlarming(node) ? 1 : 0);
    this.#rows.push({
      key,
      level,
      kind: node.kind,
      name: node.name,
      ...(id !== undefined && { id }),
      ...(state !== undefined && { state }),
      ...(mark !== undefined && { mark }),
      ...(stuckFor !== undefined && { stuckSince: this.#times.since(`${key} stuck`, stuckFor) }),
      ...(node.age !== undefined && { since: this.#times.since(key, node.age) }),
      ...rowWaits(waits, key, this.#times),
      ...(details !== undefined && { facts: details }),
      ...(spawnedAt !== undefined && { spawnedAt }),
      count: children.length,
      open,
      ...(alarms > 0 && { alarms }),
      ...(!open && children.length > 1 && { summary: summaryOf(children) }),
    });
    if (open) this.#addChildren(children, key, level + 1);
  }

  #isOpen(node: TreeNode, key: string, count: number): boolean {
    const { opened, closed, why } = this.#view;
    if (this.#found !== null) return true;
    if (closed.has(key)) return false;
    return count <= FEW || opened.has(key) || (this.#way.has(node) && node.id !== why);
  }

  #addChildren(children: readonly TreeNode[], parent: string, level: number): void {
    const shown = Math.max(this.#view.shown.get(parent) ?? 0, SHOWN);
    const alike = new Map<string, number>();
    for (const [index, child] of children.entries()) {
      const childKey = keyOf(child, parent, alike);
      if (index >= shown && !this.#way.has(child)) continue;
      this.#add(child, childKey, level);
    }
    if (children.length <= shown) return;
    this.#rows.push({
      key: `${parent}/…`,
      level,
      kind: "more",
      name: "",
      waits: [],
      count: children.length - shown,
      open: false,
      shown,
    });
  }

  #childrenOf(node: TreeNode): readonly TreeNode[] {
    const children = this.#survey.children(node);
    const found = this.#found;
    return found === null ? children : children.filter((child) => found.has(child));
  }
}

/** The nodes whose name, or what they wait for, contains a text, and those around them. */
function find(survey: Survey, text: string): ReadonlySet<TreeNode> {
  const found = new Set<TreeNode>();
  const nodes = [...survey.nodes()];
  let count = 0;
  for (const node of nodes) {
    if (contains(node, text) && count++ < MOST_FOUND) found.add(node);
  }
  // Those around them: the innermost first.
  for (const node of nodes.reverse()) {
    if (survey.children(node).some((child) => found.has(child))) found.add(node);
  }
  return found;
}

function contains({ kind, name, state, waitingFor }: TreeNode, text: string): boolean {
  const words = [kind, name, state ?? "", ...waitingFor.flatMap(({ kind, name }) => [kind, name])];
  return words.some((word) => word.toLowerCase().includes(text));
}

/** A key for a node; `alike` counts those beside it that are called the same. */
function keyOf(node: TreeNode, parent: string, alike: Map<string, number>): string {
  if (node.kind === "task") return `t${node.id}`;
  const name = `${parent}/${node.kind} ${node.name}`;
  const before = alike.get(name) ?? 0;
  alike.set(name, before + 1);
  return before === 0 ? name : `${name}~${before}`;
}

function markOf({ deadlocked, stuckFor, cancelled, stopping }: TreeNode): Mark | undefined {
  if (deadlocked) return "deadlocked";
  if (stuckFor !== undefined) return "stuck";
  if (cancelled !== undefined) return "cancelled";
  return stopping ? "stopping" : undefined;
}

/** Waits as a row has them. */
export function rowWaits(
  all: readonly WaitingFor[],
  key: string,
  times: Times,
): Pick<Row, "waits" | "otherWaits"> {
  const waits = all.slice(0, MOST_WAITS).map((wait, index) => {
    const { kind, name, heldBy = [] } = wait;
    const since = `${key} ${index}`;
    return {
      kind,
      name,
      ...(wait.for !== undefined && { since: times.since(since, wait.for) }),
      ...(wait.left !== undefined && { until: times.since(`${since} left`, -wait.left) }),
      ...(heldBy.length > 0 && { holder: heldBy[0].name }),
      ...(heldBy.length > 1 && { others: heldBy.length - 1 }),
    };
  });
  const otherWaits = all.length - waits.length;
  return { waits, ...(otherWaits > 0 && { otherWaits }) };
}

/** What many do: the commonest first. */
function summaryOf(nodes: readonly TreeNode[]): string[] {
  const counts = new Map<string, number>();
  for (const { waitingFor: [wait], state, kind } of nodes) {
    const does = wait === undefined
      ? state ?? kind
      : wait.name === ""
      ? wait.kind
      : `${wait.kind} "${wait.name}"`;
    counts.set(does, (counts.get(does) ?? 0) + 1);
  }
  const sorted = [...counts].sort(([, a], [, b]) => b - a);
  return sorted.slice(0, 3).map(([does, count]) => `${count.toLocaleString("en")} ${does}`);
}
