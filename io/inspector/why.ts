/**
 * Why a task waits: the chain from it over what it waits for to who holds that, and what they wait
 * for in turn, up to somebody who goes on by itself, or back to where it began.
 *
 * @module
 */

import type { TreeNode, WaitingFor } from "../../primitives/inspect.ts";
import { type RowWait, rowWaits, type Times } from "./rows.ts";
import { closingIn, GROUP_END, isAlarming, type Survey, waitsOf } from "./survey.ts";

/** The answer. */
export interface Chain {
  /** The task that was asked about. */
  readonly id: number;
  /** It, whom it waits for, whom that waits for, and so on. */
  readonly links: readonly Link[];
  /** How it ends. */
  readonly end: ChainEnd;
}

/**
 * How a chain ends: with a task that has ended meanwhile ("gone"); one that waits for nothing of
 * Grove's ("running"), although it was cancelled ("stuck"); one that waits for its children
 * ("children"), for time to pass ("time"), for nothing but to be asked to end ("forever"), for
 * something foreign ("foreign"), or for something that nobody has, who could be asked to hurry
 * ("nobody"); or with one that is in the chain already ("circle"), which is no deadlock where one of
 * them has another way to go on, a time limit say ("way out").
 */
export type ChainEnd =
  | "gone"
  | "running"
  | "stuck"
  | "children"
  | "time"
  | "forever"
  | "foreign"
  | "nobody"
  | "circle"
  | "way out";

/** A task in a chain. */
export interface Link {
  readonly id: number;
  readonly name: string;
  readonly state: string;
  readonly spawnedAt?: string;
  /** All that it waits for; the chain goes on from the first that somebody has. */
  readonly waits: readonly RowWait[];
  readonly otherWaits?: number;
  /** How many tasks are in it. */
  readonly tasks: number;
  /** How many others have, too, what it waits for. */
  readonly others: number;
}

/** Answers why a task waits. */
export function whyOf(survey: Survey, id: number, times: Times): Chain {
  const links: Link[] = [];
  const seen = new Set<number>();
  for (let next = id;;) {
    if (seen.has(next)) {
      const circle = links.slice(links.findIndex(({ id }) => id === next));
      const isClosed = circle.every(({ id }) => survey.tasks.get(id)!.deadlocked);
      return { id, links, end: isClosed ? "circle" : "way out" };
    }
    const task = survey.tasks.get(next);
    if (task === undefined) return { id, links, end: "gone" };
    seen.add(next);
    const waits = waitsOf(task);
    const holders = waits.map((wait) => holdersOf(wait, task))
      .find((holders) => holders.length > 0) ?? [];
    const { name, state, spawnedAt } = task;
    links.push({
      id: next,
      name,
      state: state!,
      ...(spawnedAt !== undefined && { spawnedAt }),
      ...rowWaits(waits, `why ${next}`, times),
      tasks: survey.tally(task).tasks - 1,
      others: Math.max(0, holders.length - 1),
    });
    if (holders.length === 0) return { id, links, end: endOf(task, waits) };
    next = holders[0].id!;
  }
}

type Blocker = Pick<TreeNode, "id" | "name">;

/**
 * Whose doing it is that a wait goes on: who has it, or the task whose end is waited for; of a
 * group's children those who keep it open for ever, as the others will end in time.
 */
function holdersOf({ kind, id, name, heldBy }: WaitingFor, task: TreeNode): readonly Blocker[] {
  if (kind === GROUP_END) return closingIn(task)!.children.filter(isAlarming);
  return kind === "task" && id !== undefined ? [{ id, name }] : heldBy ?? [];
}

function endOf(task: TreeNode, waits: readonly WaitingFor[]): ChainEnd {
  if (waits.some(({ left }) => left !== undefined)) return "time";
  const kinds = waits.map(({ kind }) => kind);
  if (kinds.includes("sleep")) return "forever";
  if (kinds.includes("promise")) return "foreign";
  if (kinds.includes(GROUP_END)) return "children";
  if (kinds.length > 0) return "nobody";
  return task.stuckFor === undefined ? "running" : "stuck";
}
