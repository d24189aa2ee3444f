/**
 * The tree of all tasks, as text: for a terminal, a log, or a page.
 *
 * @module
 */

import { checkBoolean, checkOptions } from "./kernel/check.ts";
import { labelOf } from "./kernel/queue.ts";
import { printable } from "./printable.ts";
import { inspect, type InspectOptions, type TreeNode, type WaitingFor } from "./inspect.ts";

/** What {@linkcode formatTree} can be told. */
export interface FormatTreeOptions extends InspectOptions {
  /** Whether to color it, for a terminal. Default: `false`. */
  color?: boolean;
  /** Of what: a tree that `inspect()` has given, here or elsewhere. Default: the one of now. */
  tree?: TreeNode;
}

// What is nested deeper, or has a longer name, does not push all the others to the right.
const WIDEST = 56;

// What is nested deeper is not indented further but numbered: of a nest of thousands the blanks alone
// would be millions.
const DEEPEST = 50;

/**
 * The tree of everything that runs, as text: a line for each task, group and scope, with what it
 * waits for, for how long, and who holds that.
 *
 * @param options `grace`, after which a cancelled task counts as stuck; `color`; `tree`.
 * @returns Lines, the root first. What is nested more than 50 levels deep is numbered, and not indented
 * further. What could harm a terminal, in a name say, is shown as an escape.
 * @throws {TypeError | RangeError} When an option makes no sense.
 *
 * @example
 * ```ts
 * import { formatTree, sleep, taskGroup } from "@grove/grove";
 *
 * await taskGroup((group) => {
 *   group.spawn(() => sleep(10), { name: "nap" });
 *   console.log(formatTree());
 *   // root            running
 *   // └─ group "group"
 *   //    └─ nap       running  waits for sleep, 10 ms left
 * });
 * ```
 */
export function formatTree(options: FormatTreeOptions = {}): string {
  checkOptions(options, "format the tree");
  const { tree = inspect(options), color = false } = options;
  checkBoolean(color, "format the tree", "'color'");
  const lines = draw(tree);
  const width = Math.min(WIDEST, widest(lines, ({ first, label }) => first.length + label.length));
  const stateWidth = widest(lines, ({ state }) => state.length);
  const ageWidth = widest(lines, ({ age }) => age.length);
  const paint = color ? colored : plain;
  return lines.map(({ first, label, state, age, facts }) => {
    const columns = [
      paint(first, "dim") + paint(label, "bold") +
      " ".repeat(Math.max(0, width - first.length - label.length)),
    ];
    if (stateWidth > 0) columns.push(state.padEnd(stateWidth));
    if (ageWidth > 0) columns.push(paint(age.padStart(ageWidth), "dim"));
    columns.push(
      facts.map(({ text, alarming }) => alarming ? paint(text, "red") : text).join(", "),
    );
    return columns.join("  ").trimEnd();
  }).join("\n");
}

// Not `Math.max(...)`: there are more tasks than a call can have arguments.
function widest(lines: readonly Line[], width: (line: Line) => number): number {
  return lines.reduce((most, line) => Math.max(most, width(line)), 0);
}

interface Line {
  readonly first: string;
  readonly label: string;
  readonly state: string;
  readonly age: string;
  readonly facts: readonly Fact[];
}

interface Fact {
  readonly text: string;
  readonly alarming?: boolean;
}

/** A node, and how the lines of it and of what is in it begin. */
interface Branch {
  readonly node: TreeNode;
  readonly first: string;
  readonly rest: string;
  readonly depth: number;
}

function draw(tree: TreeNode): Line[] {
  const lines: Line[] = [];
  const open: Branch[] = [{ node: tree, first: "", rest: "", depth: 0 }];
  for (let branch = open.pop(); branch !== undefined; branch = open.pop()) {
    const { node, first, rest, depth } = branch;
    lines.push(lineOf(node, first));
    const inner = node.children.map((child, index): Branch => {
      const below = { node: child, depth: depth + 1 };
      if (depth >= DEEPEST) return { ...below, first: `${rest}${depth + 1}: `, rest };
      return index === node.children.length - 1
        ? { ...below, first: `${rest}└─ `, rest: `${rest}   ` }
        : { ...below, first: `${rest}├─ `, rest: `${rest}│  ` };
    });
    for (const child of inner.reverse()) open.push(child);
  }
  return lines;
}

function lineOf(node: TreeNode, first: string): Line {
  const { kind, name, state = "", age } = node;
  return {
    first,
    label: printable(kind === "task" ? name : `${kind} "${name}"`),
    state: printable(state),
    age: age === undefined ? "" : formatTime(age),
    facts: factsOf(node).map(({ text, ...fact }) => ({ text: printable(text), ...fact })),
  };
}

function factsOf(tree: TreeNode): Fact[] {
  const { deadlocked, stuckFor, cancelled, stopping, waitingFor, details = {}, spawnedAt } = tree;
  const facts: Fact[] = [];
  if (deadlocked) facts.push({ text: "DEADLOCKED", alarming: true });
  if (stuckFor !== undefined) {
    const text = `STUCK for ${formatTime(stuckFor)} after it was cancelled`;
    facts.push({ text, alarming: true });
  } else if (cancelled !== undefined) facts.push({ text: "cancelled" });
  else if (stopping) facts.push({ text: "stopping" });
  for (const wait of waitingFor) facts.push({ text: describe(wait) });
  for (const [name, value] of Object.entries(details)) facts.push({ text: `${name} ${value}` });
  if (spawnedAt !== undefined) facts.push({ text: `spawned at ${spawnedAt}` });
  return facts;
}

function describe(wait: WaitingFor): string {
  const { for: lasts, left, heldBy, details = {} } = wait;
  const time = lasts === undefined ? "" : ` ${formatTime(lasts)}`;
  const holders = heldBy?.map(({ id, name }) => `"${name}" (${id})`).join(", ");
  const facts = Object.entries(details)
    .filter(([name, value]) => TOLD.has(name) && value !== undefined)
    .map(([name, value]) => `${name} ${value}`);
  return [
    `waits${time} for ${labelOf(wait)}${facts.length === 0 ? "" : ` (${facts.join(", ")})`}`,
    ...(left === undefined ? [] : [`${formatTime(left)} left`]),
    ...(holders === undefined ? [] : [`held by ${holders}`]),
  ].join(", ");
}

// Of the statistics of what is waited for: what explains the wait. The others are in the data.
const TOLD: ReadonlySet<string> = new Set(["size", "capacity", "maxsize", "available", "parties"]);

/** A time in words: "0 ms", "950 ms", "1.5 s", "12 min", "3 h", "5 d". */
function formatTime(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min`;
  if (ms < 86_400_000) return `${Math.floor(ms / 3_600_000)} h`;
  return `${Math.floor(ms / 86_400_000)} d`;
}

type Color = "dim" | "bold" | "red";

const CODES: Record<Color, [on: number, off: number]> = {
  dim: [2, 22],
  bold: [1, 22],
  red: [31, 39],
};

function colored(text: string, color: Color): string {
  const [on, off] = CODES[color];
  return text.trim() === "" ? text : `\x1b[${on}m${text}\x1b[${off}m`;
}

function plain(text: string): string {
  return text;
}
