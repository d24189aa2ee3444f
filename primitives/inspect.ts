/**
 * The tree of all tasks, as data and as text: what each is, what it waits for, and which do not end
 * although they were cancelled. It is read from the kernel's own lists when it is asked for;
 * nothing is recorded for it meanwhile.
 *
 * @module
 */

import { checkOptions, checkTime } from "./kernel/check.ts";
import { currentClock } from "./kernel/clock.ts";
import { rootScope } from "./kernel/context.ts";
import { type Held, heldBy } from "./kernel/deadlock.ts";
import { Hold } from "./kernel/hold.ts";
import {
  type Blocked,
  blockedIn,
  cancelledAt,
  children,
  pendingIn,
  type Scope,
} from "./kernel/scope.ts";
import { spawnSite } from "./kernel/call_site.ts";
import type { WaitTarget } from "./kernel/queue.ts";
import { Task, type TaskState } from "./kernel/task.ts";
import { TaskGroup } from "./task_group.ts";

/** A task, group or scope, with what is open in it; or a job that a task waits for. */
export interface TreeNode {
  /** Which of them it is. */
  readonly kind: "task" | "group" | "scope" | "job";
  /** Its name. */
  readonly name: string;
  /** A task's number. */
  readonly id?: number;
  /** How far a task or job has come. */
  readonly state?: TaskState;
  /** Whether it was asked to stop. */
  readonly stopping: boolean;
  /** Why it is cancelled, by itself or from outside; left out while it is not. */
  readonly cancelled?: string;
  /** What it waits for: usually one thing, more where it waits for several at once. */
  readonly waitingFor: readonly WaitingFor[];
  /**
   * For a task that goes on although it was cancelled longer ago than the grace: for how many
   * milliseconds. It awaits something foreign that does not know of the cancellation;
   * `cancellable()` or `currentTask().signal` is the cure.
   */
  readonly stuckFor?: number;
  /** Where a task was spawned, if `traceSpawns(true)` was called before. */
  readonly spawnedAt?: string;
  /** What is open in it, the oldest first. */
  readonly children: readonly TreeNode[];
}

/** Something waited for. */
export interface WaitingFor {
  /** What sort of thing: "sleep", "task", "lock". A foreign promise is a "promise". */
  readonly kind: string;
  /** Which one of them; "" where there are no names. */
  readonly name: string;
  /** The names of the tasks that have it, where somebody has: the owner of a lock, its readers. */
  readonly heldBy?: readonly string[];
}

/** What {@linkcode inspect} and {@linkcode formatTree} can be told. */
export interface InspectOptions {
  /** After how many milliseconds a cancelled task that goes on counts as stuck. Default: 1000. */
  grace?: number;
}

/**
 * The tree of everything that runs, from the root task down, as plain data: ready for
 * `JSON.stringify`.
 *
 * @param options After which time a cancelled task counts as stuck.
 * @returns The root, with its children.
 * @throws {TypeError | RangeError} When `grace` makes no sense.
 *
 * @example
 * ```ts
 * import { inspect, sleep, taskGroup } from "@grove/grove";
 *
 * await taskGroup((group) => {
 *   group.spawn(() => sleep(1), { name: "nap" });
 *   const [nap] = inspect().children[0].children;
 *   console.log(nap.name, nap.waitingFor); // nap [{ kind: "sleep", name: "" }]
 * });
 * ```
 */
export function inspect(options: InspectOptions = {}): TreeNode {
  checkOptions(options, "inspect");
  const { grace = 1000 } = options;
  checkTime(grace, "inspect", "'grace'");
  return node(rootScope(), currentClock().now() - grace);
}

/**
 * The tree of everything that runs, as text: a line for each task, group and scope.
 *
 * @param options After which time a cancelled task counts as stuck.
 * @returns Lines, the root first.
 * @throws {TypeError | RangeError} When `grace` makes no sense.
 *
 * @example
 * ```ts
 * import { formatTree, sleep, taskGroup } from "@grove/grove";
 *
 * await taskGroup((group) => {
 *   group.spawn(() => sleep(1), { name: "nap" });
 *   console.log(formatTree());
 *   // root: running
 *   // └─ group "group"
 *   //    └─ nap: running, waits for sleep
 * });
 * ```
 */
export function formatTree(options: InspectOptions = {}): string {
  const lines: string[] = [];
  print(inspect(options), "", "", lines);
  return lines.join("\n");
}

function node(scope: Scope, cancelledBefore: number): TreeNode {
  const pending = pendingIn(scope);
  const waiting = blockedIn(scope);
  const below = children(scope);
  const isTask = scope instanceof Task;
  const stuckSince =
    isTask && scope.state === "running" && pending !== null && awaitsNothingOfOurs(scope)
      ? cancelledAt(pending.scope as Scope)
      : Infinity;
  return {
    kind: isTask ? "task" : scope instanceof TaskGroup ? "group" : "scope",
    name: scope.name,
    ...(isTask && { id: scope.id, state: scope.state }),
    stopping: scope.stopping,
    ...(pending !== null && { cancelled: pending.message }),
    waitingFor: waiting.flatMap(waitingFor),
    ...(stuckSince <= cancelledBefore && { stuckFor: currentClock().now() - stuckSince }),
    ...(isTask && spawnSite(scope) !== undefined && { spawnedAt: spawnSite(scope) }),
    children: [...below.map((child) => node(child, cancelledBefore)), ...waiting.flatMap(jobs)],
  };
}

// What its task waits for runs elsewhere, and stands in no scope of this thread.
function jobs({ targets }: Blocked<unknown>): TreeNode[] {
  return targets.filter((target) => target.kind === "job").map((job) => ({
    kind: "job",
    name: job.name,
    state: (job as WaitTarget & { state: TaskState }).state,
    stopping: false,
    waitingFor: [],
    children: [],
  }));
}

function waitingFor({ targets }: Blocked<unknown>): WaitingFor[] {
  if (targets.length === 0) return [{ kind: "promise", name: "" }];
  return targets.map((target) => {
    const { kind, name } = target;
    const blockers = heldBy in target ? [(target as Held)[heldBy]() ?? []].flat() : [];
    const holds = blockers.filter((blocker) => blocker instanceof Hold);
    if (holds.length === 0) return { kind, name };
    return { kind, name, heldBy: holds.map((hold) => hold.owner!.name) };
  });
}

// Whoever waited in Grove was woken by the cancellation, and whoever has children waits for them; a
// shield is there to be waited for. What is left awaits something foreign.
function awaitsNothingOfOurs(scope: Scope): boolean {
  if (blockedIn(scope).length > 0) return false;
  return children(scope).every((child) =>
    !(child instanceof Task) && pendingIn(child) !== null && awaitsNothingOfOurs(child)
  );
}

function print(tree: TreeNode, first: string, rest: string, lines: string[]): void {
  lines.push(first + describe(tree));
  tree.children.forEach((child, index) => {
    const last = index === tree.children.length - 1;
    print(child, rest + (last ? "└─ " : "├─ "), rest + (last ? "   " : "│  "), lines);
  });
}

function describe(tree: TreeNode): string {
  const facts: string[] = [];
  if (tree.state !== undefined) facts.push(tree.state);
  if (tree.stuckFor !== undefined) {
    facts.push(`STUCK for ${Math.round(tree.stuckFor)} ms after it was cancelled`);
  } else if (tree.cancelled !== undefined) {
    facts.push("cancelled");
  } else if (tree.stopping) {
    facts.push("stopping");
  }
  for (const { kind, name, heldBy } of tree.waitingFor) {
    const holders = heldBy?.map((holder) => `"${holder}"`).join(", ");
    facts.push(
      `waits for ${kind}${name === "" ? "" : ` "${name}"`}${
        holders === undefined ? "" : `, held by ${holders}`
      }`,
    );
  }
  if (tree.spawnedAt !== undefined) facts.push(`spawned at ${tree.spawnedAt}`);
  const label = tree.kind === "task" ? tree.name : `${tree.kind} "${tree.name}"`;
  return facts.length === 0 ? label : `${label}: ${facts.join(", ")}`;
}
