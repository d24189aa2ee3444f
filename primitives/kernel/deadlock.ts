/**
 * Deadlocks that announce themselves. Before a task is suspended for something that another task
 * has to give back, or for the end of another task, this follows the chain: what does that one wait
 * for, and who holds it? When the chain comes back to the task that asks, waiting would be for
 * ever, and the wait fails at once.
 *
 * It costs nothing when there is nothing to wait for, and otherwise as many steps as the chain is
 * long; mostly one, as whoever holds a lock is mostly at work.
 *
 * A task that is in several waits at once (`Promise.all` of two, say) may go on with any of them as
 * far as one can see from here, so no chain leads through it: better a deadlock missed than one
 * that is none. The same holds for a `select`.
 *
 * @module
 */

import { type CallSite, callSite, formatSite } from "./call_site.ts";
import { held, type Holder, waiting } from "./hold.ts";
import type { WaitQueue, WaitTarget } from "./queue.ts";
import type { Scope } from "./scope.ts";
import { suspend, type Waiter, type WaitOptions } from "./wait.ts";

/**
 * Thrown by a wait that would never end: for a lock that the task itself holds, or for one whose
 * owner waits, over however many others, for this task. The message names all of them, where each
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

/** Who has to act before those go on who wait for something. */
export const heldBy: unique symbol = Symbol("grove.heldBy");

/** Something that is waited for until its holders give it back. */
export interface Held extends WaitTarget {
  /** See {@linkcode heldBy}. Whoever waits has to wait for all of them. */
  [heldBy](): Holder | readonly Holder[] | null;
}

/** One step of a chain: this holder holds what the one before waits for. */
interface Step {
  readonly target: Held;
  readonly holder: Holder;
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
  waiter: Waiter<T>,
  options: WaitOptions | undefined,
): Promise<T> {
  const circle = findCircle(me, queue.target);
  if (circle !== null) return Promise.reject(deadlock(me, circle));
  // Where somebody waits with a lock in the hands is what the report of a deadlock will be about.
  if (me[held] !== null) waiter.item ??= callSite();
  queue.add(waiter);
  me[waiting] = waiter as Waiter<unknown>;
  return suspend(scope, waiter, options);
}

function findCircle(me: Holder, target: Held): Step | null {
  const holders = target[heldBy]();
  // Nearly always: one owner, who is at work.
  if (holders === null || (isOne(holders) && holders !== me && awaited(holders) === undefined)) {
    return null;
  }
  const open: Step[] = [];
  const seen = new Set<Holder>();
  const follow = (target: Held, before: Step | null): Step | null => {
    const holders = target[heldBy]() ?? [];
    for (const holder of isOne(holders) ? [holders] : holders) {
      const step: Step = { target, holder, before };
      if (holder === me) return step;
      // A circle that does not lead through here: one that could not be seen when it was closed.
      if (seen.has(holder)) continue;
      seen.add(holder);
      open.push(step);
    }
    return null;
  };
  let circle = follow(target, null);
  for (let step = open.pop(); circle === null && step !== undefined; step = open.pop()) {
    const next = awaited(step.holder);
    if (next !== undefined) circle = follow(next, step);
  }
  return circle;
}

function isOne(holders: Holder | readonly Holder[]): holders is Holder {
  return !Array.isArray(holders);
}

/** What a holder waits for, if it is something that others hold, and the one thing it waits for. */
function awaited(holder: Holder): Held | undefined {
  const wait = holder[waiting];
  if (wait === null || wait.scope === null || wait.blockedNext !== wait) return undefined;
  const target = wait.queue?.target;
  return target !== undefined && heldBy in target ? target as Held : undefined;
}

function deadlock(
  me: Holder,
  last: Step,
): DeadlockError {
  const steps: Step[] = [];
  for (let step: Step | null = last; step !== null; step = step.before) steps.unshift(step);
  const wanted = nameOf(steps[0].target);
  const lines = steps.map(({ target, holder }, index) => {
    const waits = index === 0 ? me : steps[index - 1].holder;
    const site = index === 0 ? callSite() : waits[waiting]!.item as CallSite | undefined;
    return `  ${nameOf(waits)} waits for ${nameOf(target)}${at(site)}` +
      (isItself(target, holder) ? "" : `, which ${nameOf(holder)} took${takenAt(target, holder)}`);
  });
  const advice = steps.every(({ target, holder }) => isItself(target, holder))
    ? "Let one of them end without the other"
    : steps.length > 1
    ? `Take locks in the same order everywhere${
      lines.some((line) => line.endsWith(" took")) ? "; traceLocks(true) notes where" : ""
    }`
    : "Release it first, or use an RLock; what is to exclude each other needs a task each";
  return new DeadlockError(
    `Cannot wait for ${wanted} as ${nameOf(me)} would wait for itself:\n${
      lines.join("\n")
    }\n${advice}`,
  );
}

/** Whether it is the holder itself that is waited for: a task that is to end. */
function isItself(target: WaitTarget, holder: WaitTarget): boolean {
  return target === holder;
}

function takenAt(target: WaitTarget, holder: Holder): string {
  for (let hold = holder[held]; hold !== null; hold = hold.next) {
    if (hold.target === target) return at(hold.site);
  }
  return "";
}

function at(site: CallSite | undefined): string {
  const place = site && formatSite(site);
  return place === undefined ? "" : ` at ${place}`;
}

function nameOf({ kind, name }: WaitTarget): string {
  return name === "" ? `a ${kind}` : `${kind} "${name}"`;
}
