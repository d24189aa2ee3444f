/**
 * Deadlocks that announce themselves. Before a task is suspended for something that another task
 * has to give back, or for the end of another task, this follows the chain: what does that one wait
 * for, and who holds it? When the chain comes back to the task that asks, waiting would be for
 * ever, and the wait fails at once.
 *
 * It costs nothing when there is nothing to wait for, and otherwise as many steps as the chain is
 * long; mostly one, as whoever holds a lock is mostly at work.
 *
 * Better a deadlock missed than one that is none. A circle counts only if nobody in it may go on by
 * itself: with another wait that the task is in (`Promise.all`, a `select`), or as its wait has a
 * time limit or a signal, or is over when a stop is asked for. What cannot be told from here is a task that has asked for something,
 * awaits something foreign instead, and does not await what it has asked for yet.
 *
 * Not seen are: a task that waits for its own group to end, and so for children that want what it
 * holds; a child that awaits the task it is part of; and what `wait`, `asCompleted` and the
 * combinators wait for.
 *
 * @module
 */

import { type CallSite, callSite, formatSite } from "./call_site.ts";
import type { Cancelled } from "./errors.ts";
import { followsAwait } from "./context.ts";
import { held, Hold, type Holder, isAwaited, waiting } from "./hold.ts";
import type { WaitQueue, WaitTarget } from "./queue.ts";
import {
  type Blocked,
  blockedIn,
  children,
  isLimited,
  isTask,
  parentOf,
  type Scope,
} from "./scope.ts";
import { keepShape } from "./shapes.ts";
import { suspend, Waiter, type WaitOptions } from "./wait.ts";

/**
 * Thrown by a wait that would never end: for a lock that the task itself holds, or for one whose
 * owner waits, over however many others, for this task. The owners of locks are tasks: everything
 * that one task runs side by side with `Promise.all` is one owner, and so is all code outside any
 * task. The message names all of them, where each
 * lock was taken (see `traceLocks`) and where each task waits.
 *
 * @example
 * ```ts
 * import { checkpoint, DeadlockError, Lock, taskGroup } from "@grove/grove";
 *
 * const left = new Lock({ name: "left" });
 * const right = new Lock({ name: "right" });
 *
 * async function both(first: Lock, second: Lock) {
 *   using _first = await first.acquire();
 *   await checkpoint();
 *   using _second = await second.acquire();
 * }
 *
 * try {
 *   await taskGroup((group) => {
 *     group.spawn(() => both(left, right), { name: "one" });
 *     group.spawn(() => both(right, left), { name: "two" });
 *   });
 * } catch (error) {
 *   console.log(error instanceof DeadlockError); // true
 * }
 * ```
 */
export class DeadlockError extends Error {
  static {
    Object.defineProperty(this.prototype, "name", {
      value: "DeadlockError",
      configurable: true,
      writable: true,
    });
  }
}

/** What has to end before those go on who wait for something. */
export const heldBy: unique symbol = Symbol("grove.heldBy");

/** Something in the hands of a task, or a task itself, where it is its end that is waited for. */
export type Blocker = Hold | Holder;

/** Something that is waited for until others make way. */
export interface Held extends WaitTarget {
  /** See {@linkcode heldBy}. Whoever waits has to wait for all of them. */
  [heldBy](): Blocker | readonly Blocker[] | null;
}

/** One step of a chain: this keeps the one before from what it waits for. */
interface Step {
  readonly target: Held;
  readonly blocker: Blocker;
  readonly before: Step | null;
}

/**
 * Suspends a task for something that others hold, unless that closes a circle.
 *
 * @param scope Where the task is suspended.
 * @param me The task.
 * @param queue Where the wait will be woken; its target is what is waited for.
 * @param waiter The wait.
 * @param options As for every wait.
 * @returns As the wait ends; rejected with a `DeadlockError` when it never would.
 */
export function suspendFor<T>(
  scope: Scope,
  me: Holder,
  queue: WaitQueue<T> & { readonly target: Held },
  waiter: HoldWaiter<T>,
  options: WaitOptions | undefined,
): Promise<T> {
  const circle = mayBeWaitedFor(me, queue.target) ? findCircle(me, queue.target) : null;
  if (circle !== null) return Promise.reject(deadlock(me, circle));
  // Where somebody waits with a lock in the hands is what the report of a deadlock will be about.
  if (me[held] !== null) waiter.item ??= callSite();
  queue.add(waiter);
  waiter.begin(me);
  return suspend(scope, waiter, options);
}

/** A wait for something that others hold, which its task knows of as long as it is suspended. */
export class HoldWaiter<T> extends Waiter<T> {
  #holder: Holder | null = null;

  /** It is about to be suspended in a task. */
  begin(holder: Holder): void {
    this.#holder = holder;
    holder[waiting] = this as Waiter<unknown>;
  }

  override wake(value: T): void {
    this.#end();
    super.wake(value);
  }

  override fail(error: unknown): void {
    this.#end();
    super.fail(error);
  }

  override cancel(error: Cancelled): void {
    this.#end();
    super.cancel(error);
  }

  // What the wait has brought is not to live as long as the task.
  #end(): void {
    const holder = this.#holder;
    if (holder !== null && holder[waiting] === this as Waiter<unknown>) holder[waiting] = null;
  }
}

keepShape(new HoldWaiter());

/** A circle leads through a task only if somebody can wait for it: for its end, or what it holds. */
function mayBeWaitedFor(me: Holder, target: WaitTarget): boolean {
  // Where nobody knows which task it is, all would be taken for one.
  return followsAwait && (me[held] !== null || me[isAwaited] || target === me);
}

function findCircle(me: Holder, target: Held): Step | null {
  const blockers = target[heldBy]();
  // Nearly always: one owner, who is at work.
  if (blockers === null || (isOne(blockers) && isAtWork(holderOf(blockers), me))) return null;
  const free = new Set<Holder>();
  for (;;) {
    const circle = search(me, target, free);
    if (circle === null) return null;
    const unbound = whoMayGoOn(circle, me);
    if (unbound === undefined) return circle;
    if (unbound === me) return null;
    free.add(unbound); // There may be another way round, without that one.
  }
}

/** The chain from `me` back to itself that leads through none of the `free`. */
function search(me: Holder, target: Held, free: ReadonlySet<Holder>): Step | null {
  const open: Step[] = [];
  // Those who were come by. A circle among them does not lead through here: it is one that could
  // not be seen when it was closed.
  const seen = new Set(free);
  const follow = (target: Held, before: Step | null): Step | null => {
    const blockers = target[heldBy]() ?? [];
    for (const blocker of isOne(blockers) ? [blockers] : blockers) {
      const step: Step = { target, blocker, before };
      const holder = holderOf(blocker);
      if (holder === me) return step;
      if (seen.has(holder)) continue;
      seen.add(holder);
      open.push(step);
    }
    return null;
  };
  let circle = follow(target, null);
  for (let step = open.pop(); circle === null && step !== undefined; step = open.pop()) {
    const next = awaited(holderOf(step.blocker));
    if (next !== undefined) circle = follow(next, step);
  }
  return circle;
}

function isOne(blockers: Blocker | readonly Blocker[]): blockers is Blocker {
  return !Array.isArray(blockers);
}

function holderOf(blocker: Blocker): Holder {
  return blocker instanceof Hold ? blocker.owner! : blocker;
}

function isAtWork(holder: Holder, me: Holder): boolean {
  return holder !== me && awaited(holder) === undefined;
}

/** What a holder waits for, if it is something that others hold. */
function awaited(holder: Holder): Held | undefined {
  const wait = holder[waiting];
  if (wait === null || wait.scope === null) return undefined;
  const target = wait.queue?.target;
  return target !== undefined && heldBy in target ? target as Held : undefined;
}

/** Who in a circle may go on by itself. */
function whoMayGoOn(last: Step, me: Holder): Holder | undefined {
  if (last.before === null) return undefined; // What it holds itself it cannot get again.
  if (countWaits(me) > 0) return me;
  for (let step: Step | null = last.before; step !== null; step = step.before) {
    const holder = holderOf(step.blocker);
    if (countWaits(holder) > 1 || mayEndByItself(holder[waiting]!, holder)) return holder;
  }
  return undefined;
}

function mayEndByItself(wait: Blocked<unknown>, task: Holder): boolean {
  if (wait.isLimited) return true;
  for (let scope = wait.scope!; scope !== task; scope = parentOf(scope)!) {
    if (isLimited(scope)) return true;
  }
  return isLimited(task);
}

/** In how many waits a task is. This walks all scopes of the task: it is for a circle found. */
function countWaits(task: Holder): number {
  let count = 0;
  const open: Scope[] = [task];
  for (let scope = open.pop(); scope !== undefined; scope = open.pop()) {
    count += blockedIn(scope).length;
    for (const child of children(scope)) if (!isTask(child)) open.push(child);
  }
  return count;
}

function deadlock(me: Holder, last: Step): DeadlockError {
  const steps: Step[] = [];
  for (let step: Step | null = last; step !== null; step = step.before) steps.unshift(step);
  const lines = steps.map(({ target, blocker }, index) => {
    const waits = index === 0 ? me : holderOf(steps[index - 1].blocker);
    const site = index === 0 ? callSite() : waits[waiting]!.item as CallSite | undefined;
    return `  ${nameOf(waits)} waits for ${nameOf(target)}${at(site)}${because(target, blocker)}`;
  });
  const advice = steps.every(({ blocker }) => !(blocker instanceof Hold))
    ? "Let one of them end without the other"
    : steps.length > 1
    ? `Take locks in the same order everywhere${
      lines.some((line) => line.endsWith(" took")) ? "; traceLocks(true) notes where" : ""
    }`
    : `Release it first${
      steps[0].target.kind === "lock" ? ", or use an RLock" : ""
    }; what is to exclude each other needs a task each`;
  return new DeadlockError(
    `Cannot wait for ${nameOf(steps[0].target)} as ${nameOf(me)} would wait for itself:\n${
      lines.join("\n")
    }\n${advice}`,
  );
}

/** Why a wait goes on: somebody took it; somebody is ahead; it is a task, and runs. */
function because(target: WaitTarget, blocker: Blocker): string {
  if (!(blocker instanceof Hold)) {
    return target === blocker ? "" : `, behind ${nameOf(blocker)}, who waits for its other side`;
  }
  const taken = blocker.target === target ? "took" : `took as a ${blocker.target.kind}`;
  return `, which ${nameOf(blocker.owner!)} ${taken}${at(blocker.site)}`;
}

function at(site: CallSite | undefined): string {
  const place = site && formatSite(site);
  return place === undefined ? "" : ` at ${place}`;
}

function nameOf({ kind, name }: WaitTarget): string {
  return name === "" ? `a ${kind}` : `${kind} "${name}"`;
}
