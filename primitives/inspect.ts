/**
 * The tree of all tasks, as data: what each is, what it waits for and since when, and which do not
 * end although they were cancelled. It is read from the kernel's own lists when it is asked for;
 * nothing is recorded for it meanwhile but, if anybody wants them, ages.
 *
 * @module
 */

import { ageSince } from "./kernel/ages.ts";
import { spawnSite } from "./kernel/call_site.ts";
import { checkOptions, checkTime } from "./kernel/check.ts";
import { currentClock } from "./kernel/clock.ts";
import { rootScope } from "./kernel/context.ts";
import {
  type Account,
  accountOf,
  type Details,
  type Inspected,
  inspected,
  registrations,
} from "./kernel/inspected.ts";
import type { WaitTarget } from "./kernel/queue.ts";
import {
  type Blocked,
  blockedIn,
  children,
  isStopping,
  openedAt,
  pendingIn,
  type Scope,
} from "./kernel/scope.ts";
import { Task } from "./kernel/task.ts";
import { Moment } from "./kernel/timers.ts";
import { holdersOf, standstills } from "./standstill.ts";
import { stuckFor } from "./stuck.ts";
import { isClosing, TaskGroup } from "./task_group.ts";

/**
 * A task, group or scope, with what is open in it; or a pool, a worker, a job, a listener. Of one
 * shape for all; what does not apply is left out.
 */
export interface TreeNode {
  /**
   * What it is: "task", "group" or "scope"; "job", which a task waits for and which runs elsewhere;
   * "pool", "worker", "process", "listener"; there may be more.
   */
  readonly kind: string;
  /** Its name. */
  readonly name: string;
  /** A task's number. */
  readonly id?: number;
  /**
   * How far it has come: of a task or job a `TaskState`; of a group "closing" when its body has ended,
   * and it only waits for its children.
   */
  readonly state?: string;
  /** Whether it was asked to stop. */
  readonly stopping: boolean;
  /** Why it is cancelled, by itself or from outside; left out while it is not. */
  readonly cancelled?: string;
  /** For how many milliseconds it is there, if ages are noted: see `traceAges`. */
  readonly age?: number;
  /** What it waits for: usually one thing, more where it waits for several at once. */
  readonly waitingFor: readonly WaitingFor[];
  /**
   * For a task that goes on although it was cancelled longer ago than the grace: for how many
   * milliseconds. It awaits something foreign that does not know of the cancellation;
   * `cancellable()` or `currentTask().signal` is the cure.
   */
  readonly stuckFor?: number;
  /**
   * `true` for a task that does not go on by itself, as all those do not that it waits for: part of a
   * circle, or behind one. Code that is no task's may still set it free: a timer that cancels it, the
   * call-back of a promise that it has left behind with its lock.
   */
  readonly deadlocked?: true;
  /** Where a task was spawned, if `traceSpawns(true)` was called before. */
  readonly spawnedAt?: string;
  /** More about it, by names of its own: how many jobs of a pool wait, how many connections are open. */
  readonly details?: Details;
  /** What is open in it, the oldest first. */
  readonly children: readonly TreeNode[];
}

/** Something waited for. */
export interface WaitingFor {
  /** What sort of thing: "sleep", "task", "lock". A foreign promise is a "promise". */
  readonly kind: string;
  /** Which one of them; "" where there are no names. */
  readonly name: string;
  /**
   * Its number, by which to know it again: the `id` of a task; or one that no other thing of this
   * thread has. Left out for what is waited for by one alone: a sleep, a foreign promise.
   */
  readonly id?: number;
  /** For how many milliseconds the wait lasts, if ages are noted: see `traceAges`. */
  readonly for?: number;
  /** Of a sleep: how many milliseconds are left of it. */
  readonly left?: number;
  /** The tasks that have it, where somebody has: the owner of a lock, its readers. */
  readonly heldBy?: readonly TaskReference[];
  /** What its `stats()` say: sizes, holders, how many wait. */
  readonly details?: Details;
}

/** A task, by the facts that tell which one. */
export interface TaskReference {
  /** Its number, as {@linkcode TreeNode.id}. */
  readonly id: number;
  /** Its name. */
  readonly name: string;
}

/** What {@linkcode inspect} can be told. */
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
 *   group.spawn(() => sleep(10), { name: "nap" });
 *   const [nap] = inspect().children[0].children;
 *   console.log(nap.name, nap.waitingFor); // nap [{ kind: "sleep", name: "", left: 10 }]
 * });
 * ```
 */
export function inspect(options: InspectOptions = {}): TreeNode {
  checkOptions(options, "inspect");
  const { grace = 1000 } = options;
  checkTime(grace, "inspect", "'grace'");
  return new Inspection(grace).tree(rootScope());
}

/** A node that is being made. */
type Draft = { -readonly [K in keyof TreeNode]: TreeNode[K] } & {
  children: Draft[];
  waitingFor: WaitingFor[];
};

class Inspection {
  readonly #now: number = currentClock().now();
  readonly #grace: number;
  readonly #standstills: ReadonlySet<Task> = standstills(rootScope());
  readonly #registered: Map<Scope, Inspected[]> = registrations();
  // Thousands may wait for one thing, which has to say only once how it is.
  readonly #described: Map<WaitTarget, WaitingFor> = new Map();

  constructor(grace: number) {
    this.#grace = grace;
  }

  // In a loop: tasks that each open a group for the next are nested deeper than calls can be.
  tree(root: Scope): TreeNode {
    const tree = this.#node(root, false);
    const open: [Scope, Draft][] = [[root, tree]];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const [scope, node] = next;
      const inner = children(scope);
      const nodes = inner.map((child) => this.#node(child, node.stopping));
      node.children = nodes.length === 0 ? node.children : [...nodes, ...node.children];
      for (const [index, child] of inner.entries()) open.push([child, nodes[index]]);
    }
    return tree;
  }

  // Without the scopes in it. Facts are added where they apply, and not by spreading objects that may
  // be empty: that takes three times as long.
  #node(scope: Scope, stopping: boolean): Draft {
    const pending = pendingIn(scope);
    const { kind, state = stateOf(scope), details, parts } = accountOf(scope);
    const node: Draft = {
      kind: kind ?? kindOf(scope),
      name: scope.name,
      stopping: stopping || isStopping(scope),
      waitingFor: [],
      children: [],
    };
    if (state !== undefined) node.state = state;
    if (pending !== null) node.cancelled = pending.message;
    const age = ageSince(openedAt(scope), this.#now);
    if (age !== undefined) node.age = age;
    if (details !== undefined) node.details = details;
    if (scope instanceof Task) this.#addTask(node, scope);
    if (parts !== undefined) node.children.push(...parts.map(part));
    for (const thing of this.#registered.get(scope) ?? []) {
      node.children.push(part(thing[inspected]()));
    }
    for (const wait of blockedIn(scope)) {
      node.waitingFor.push(...this.#waitingFor(wait));
      node.children.push(...jobs(wait));
    }
    return node;
  }

  #addTask(node: Draft, task: Task): void {
    node.id = task.id;
    const goneOn = stuckFor(task, this.#now);
    if (goneOn !== undefined && goneOn >= this.#grace) node.stuckFor = goneOn;
    if (this.#standstills.has(task)) node.deadlocked = true;
    const spawnedAt = spawnSite(task);
    if (spawnedAt !== undefined) node.spawnedAt = spawnedAt;
  }

  #waitingFor({ since, targets, queue }: Blocked<unknown>): WaitingFor[] {
    const lasts = ageSince(since, this.#now);
    if (targets.length === 0) return [{ kind: "promise", name: "", ...timed(lasts) }];
    if (queue instanceof Moment) {
      const left = Math.max(0, Math.round(queue.due - this.#now));
      return [{ ...namesOf(queue.target), ...timed(lasts), left }];
    }
    return targets.map((target) => {
      const description = this.#describe(target);
      return lasts === undefined ? description : { ...description, for: lasts };
    });
  }

  #describe(target: WaitTarget): WaitingFor {
    let description = this.#described.get(target);
    if (description === undefined) {
      const holders = holdersOf(target);
      const details = detailsOf(target);
      description = {
        ...namesOf(target),
        ...(target.kind !== "sleep" && { id: numberOf(target) }),
        ...(holders.length > 0 && { heldBy: holders.map(({ id, name }) => ({ id, name })) }),
        ...(details !== undefined && { details }),
      };
      this.#described.set(target, description);
    }
    return description;
  }
}

function timed(lasts: number | undefined): { for?: number } {
  return lasts === undefined ? {} : { for: lasts };
}

function kindOf(scope: Scope): string {
  return scope instanceof Task ? "task" : scope instanceof TaskGroup ? "group" : "scope";
}

function stateOf(scope: Scope): string | undefined {
  if (scope instanceof Task) return scope.state;
  return scope instanceof TaskGroup && isClosing(scope) ? "closing" : undefined;
}

/** What no scope stands for. */
function part({ kind = "", name = "", state, details, parts = [] }: Account): Draft {
  return {
    kind,
    name,
    ...(state !== undefined && { state }),
    stopping: false,
    waitingFor: [],
    ...(details !== undefined && { details }),
    children: parts.map(part),
  };
}

// What its task waits for runs elsewhere, and stands in no scope of this thread.
function jobs({ targets }: Blocked<unknown>): Draft[] {
  return targets.filter(({ kind }) => kind === "job")
    .map((job) => part({ ...namesOf(job), ...accountOf(job) }));
}

function namesOf({ kind, name }: WaitTarget): { kind: string; name: string } {
  return { kind, name };
}

const numbers = new WeakMap<WaitTarget, number>();
let counter = 0;

function numberOf(target: WaitTarget): number {
  if (target instanceof Task) return target.id;
  let number = numbers.get(target);
  if (number === undefined) numbers.set(target, number = ++counter);
  return number;
}

/**
 * The numbers and names that its statistics consist of; none where it does not give any, though it has
 * such a method: it may be anybody's, and who looks is not to fail by it.
 */
function detailsOf(target: WaitTarget & { stats?(): unknown }): Details | undefined {
  let { details } = accountOf(target);
  try {
    details ??= target.stats?.() as Details | undefined;
  } catch {
    return undefined;
  }
  if (typeof details !== "object" || details === null) return undefined;
  const facts = Object.entries(details).filter(([, value]) =>
    ["number", "string", "boolean"].includes(typeof value)
  );
  return Object.fromEntries(facts);
}
