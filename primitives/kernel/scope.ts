/**
 * The tree of scopes, and how cancellation travels through it.
 *
 * Each scope keeps two facts apart: whether it was cancelled itself (`cancelled`), and which
 * cancellation is in force in it (`pending`): the outermost one that reaches it, with no shield
 * between. The second is worked out when something changes, by one walk over the scopes below, and
 * not when it is asked for; so a checkpoint reads one field however deep it stands.
 *
 * What a scope holds is linked to it directly: the scopes opened in it, and the waits suspended in
 * it. Nothing here listens to an `AbortSignal`, and none exists until somebody asks a scope for
 * one. (Measured: a listener between scopes costs twice a whole spawn, and adding the next takes
 * time in proportion to those there are.)
 *
 * Members that only the kernel may use are functions over private fields, assigned in the class's
 * static block, so that users see none of them on a task or group. That is why all of them stand in
 * this one file, which is longer than files here should be.
 *
 * @module
 */

import { coarseNow } from "./ages.ts";
import { Cancelled, type CancelSource, TimeoutError } from "./errors.ts";
import { checkDate, checkOptions, checkTime } from "./check.ts";
import { currentClock } from "./clock.ts";
import { floats } from "./floating.ts";
import { hooks } from "./hooks.ts";
import { Parked, type WaitTarget } from "./queue.ts";
import type { ScopeOptions, StopOptions } from "./scope_options.ts";
import { SignalWatch } from "./signals.ts";
import { Alarm } from "./timers.ts";
import { nextTurn } from "./turn.ts";

/**
 * A value of a `TaskLocal`, in front of those set before it: an immutable list that children share.
 */
export interface Locals {
  readonly key: object;
  readonly value: unknown;
  readonly rest: Locals | null;
}

/** A suspended wait, as its scope sees it. */
export abstract class Blocked<T> extends Parked<T> {
  /** The scope it is suspended in, `null` when it is not suspended. */
  scope: Scope | null = null;
  /** When it was suspended: see `ages.ts`. */
  since = 0;
  /** Its neighbors among the waits of that scope: a ring. */
  blockedNext: Blocked<unknown> = this;
  blockedPrev: Blocked<unknown> = this;

  /** Ends the wait, as a cancellation has reached its scope. */
  abstract cancel(error: Cancelled): void;
  /** The scope was asked to stop: ends the wait if it was marked with `endOnStop`. */
  abstract stop(): void;

  /**
   * Its task has ended and has not waited for it. Returns whether that is the end of it; else it goes
   * on, in the scope around.
   */
  abandon(): boolean {
    return false;
  }

  /** Whether it ends by itself in time: it has a time-out, or listens to a signal. */
  get isLimited(): boolean {
    return false;
  }

  /** What it waits for: one thing, several in a `select`, none of ours for a foreign promise. */
  get targets(): readonly WaitTarget[] {
    return this.queue === null ? [] : [this.queue.target];
  }
}

const SHIELDED = 1;
const STOPPING = 2;
const NOTIFIED = 4;
const ENDED = 8;
const TASK = 16;

/** Why a scope was cancelled, for those who answer each in its own way. */
export type CancelCause = "call" | "deadline" | "signal";

/** What few scopes need, kept apart so that the many stay small. */
class Extras {
  cancelled: Cancelled | undefined;
  cause: CancelCause = "call";
  cancelledAt = 0;
  controller: AbortController | undefined;
  reached: (() => void) | undefined;
  rejection: Promise<never> | undefined;
  due = Infinity;
  deadlineAlarm: Alarm | undefined;
  graceDue = Infinity;
  graceAlarm: Alarm | undefined;
  watch: SignalWatch | undefined;
  drained: (() => void) | undefined;
  joined: ((child: Scope) => void) | undefined;
}

// Counts everything that tasks do: who saw it twice the same knows that nobody moved in between.
let activity = 0;

/** A number that changes whenever a task starts, ends, is suspended or woken. */
export function activityCount(): number {
  return activity;
}

const RESOLVED = Promise.resolve();

// The kernel's own view of a scope.

/** Opens a scope under a parent: from now on the parent's cancellation reaches it. */
export let link: (scope: Scope, parent: Scope, locals: Locals | null) => void;
/** Takes a scope that has ended out of the tree, with its timers and listeners. */
export let unlink: (scope: Scope) => void;
/** Notes a suspended wait in a scope. */
export let block: (scope: Scope, wait: Blocked<unknown>) => void;
/** Takes a wait out of its scope again; does nothing when it is in none. */
export let unblock: (wait: Blocked<unknown>) => void;
/** The cancellation in force in a scope, `null` when there is none. */
export let pendingIn: (scope: Scope) => Cancelled | null;
/** The scope around a scope. */
export let parentOf: (scope: Scope) => Scope | null;
/** The task-local values that hold in a scope. */
export let localsOf: (scope: Scope) => Locals | null;
/** Marks a scope as a task, for a check that is quicker than `instanceof`. */
export let markTask: (scope: Scope) => void;
/** Whether a scope is a task. */
export let isTask: (scope: Scope) => boolean;
/** Whether a scope is over. */
export let hasEnded: (scope: Scope) => boolean;
/**
 * Whether nothing has come of a scope: none is open in it, no wait is suspended in it, and nobody
 * has asked for its signal, cancelled or limited it.
 */
export let isUntouched: (scope: Scope) => boolean;
/** Whether scopes are open in a scope. */
export let hasChildren: (scope: Scope) => boolean;
/** The scopes open in a scope, the oldest first. */
export let children: (scope: Scope) => Scope[];
/** The waits suspended in a scope. */
export let blockedIn: (scope: Scope) => Blocked<unknown>[];
/** What a cancelled scope was cancelled by. */
export let causeOf: (scope: Scope) => CancelCause | undefined;
/** When a scope was cancelled, on the current clock. */
export let cancelledAt: (scope: Scope) => number;
/** When a scope was opened: see `ages.ts`. */
export let openedAt: (scope: Scope) => number;
/**
 * The promise that a checkpoint in a cancelled scope returns: one for all, and handled, so that
 * none can be left over.
 */
export let rejectionIn: (scope: Scope) => Promise<never>;
/** Calls back when a cancellation reaches a scope, once all scopes below know of it. */
export let onReached: (scope: Scope, reached: () => void) => void;
/** The scope opened last in a scope of those that still are, and satisfy a condition. */
export let youngest: <S extends Scope>(scope: Scope, is: (child: Scope) => child is S) => S | null;
/** Sets or lifts a shield; when it is lifted, a cancellation outside is delivered at once. */
export let shieldScope: (scope: Scope, shielded: boolean) => void;
/** Whether a scope may be cancelled by itself: it has a time limit or a grace, or follows a signal. */
export let isLimited: (scope: Scope) => boolean;
/** Whether a scope was asked to stop itself, and not one around it. */
export let isStopping: (scope: Scope) => boolean;
/** Whether a scope is shielded from those outside. */
export let isShielded: (scope: Scope) => boolean;
/** Sets the time limit and the signal of a scope that is about to be opened. */
export let limitScope: (scope: Scope, options: ScopeOptions) => void;
/**
 * Cancels the scopes still open in a scope, but for those that may stay, and those that are opened
 * meanwhile; resolves when the last has ended.
 */
export let drain: (scope: Scope, mayStay?: (child: Scope) => boolean) => Promise<void>;
/** Resolves when no scope is open in a scope any more. */
export let drained: (scope: Scope) => Promise<void>;

let refresh: (top: Scope) => void;
let walk: (top: Scope, visit: (scope: Scope) => boolean) => void;
let endMarkedWaits: (scope: Scope) => boolean;
let rehome: (scope: Scope, parent: Scope) => void;

/**
 * A node of the tree that cancellation travels through. Tasks, groups and `CancelScope`s are
 * scopes; this is what they have in common.
 *
 * @example Every scope can be cancelled, and has a signal for APIs that take one
 * ```ts
 * import { taskGroup } from "@grove/grove";
 *
 * await taskGroup(async (group) => {
 *   const task = group.spawn(async (task) => {
 *     await fetch("http://127.0.0.1:9/", { signal: task.signal }).catch(() => {});
 *   });
 *   task.cancel("not needed any more");
 *   await task.join();
 * });
 * ```
 */
export abstract class Scope implements CancelSource {
  #parent: Scope | null = null;
  // A ring of siblings, and the first of the children: append, remove and walk without a last
  // pointer or a Set.
  #next: Scope = this;
  #prev: Scope = this;
  #children: Scope | null = null;
  #blocked: Blocked<unknown> | null = null;
  #pending: Cancelled | null = null;
  #flags = 0;
  #openedAt = 0;
  #locals: Locals | null = null;
  #extras: Extras | null = null;

  /** What errors and `inspect()` call it. */
  abstract readonly name: string;

  /**
   * The error that this scope's checkpoints throw since it was cancelled itself: by a call, its
   * deadline or its signal. `undefined` while it was not; a cancellation that comes from a scope
   * outside does not show here.
   */
  get cancelled(): Cancelled | undefined {
    return this.#extras?.cancelled;
  }

  /**
   * A signal for foreign APIs: it aborts when a cancellation reaches this scope, its own or one
   * from outside, with the `Cancelled` as its reason. Made on the first call.
   */
  get signal(): AbortSignal {
    const extras = this.#extra();
    if (extras.controller === undefined) {
      extras.controller = new AbortController();
      this.#flags |= NOTIFIED;
      if (this.#pending !== null) extras.controller.abort(this.#pending);
    }
    return extras.controller.signal;
  }

  /** Whether this scope, or one around it, was asked to {@linkcode Scope.stop}. */
  get stopping(): boolean {
    // deno-lint-ignore no-this-alias
    for (let scope: Scope | null = this; scope !== null; scope = scope.#parent) {
      if ((scope.#flags & STOPPING) !== 0) return true;
    }
    return false;
  }

  /**
   * When this scope is cancelled, in milliseconds since 1970; `Infinity` when it has no deadline.
   * It can be set at any time before it has passed, to give more time or less.
   */
  get deadline(): number {
    const due = this.#extras?.due ?? Infinity;
    const clock = currentClock();
    return due === Infinity ? Infinity : clock.wall() + (due - clock.now());
  }

  set deadline(date: Date | number) {
    const time = checkDate(date, `set the deadline of "${this.name}"`, "it");
    const clock = currentClock();
    this.#extra().due = clock.now() + (time - clock.wall());
    if (this.#parent !== null && (this.#flags & ENDED) === 0) this.#arm();
  }

  /**
   * Cancels everything in this scope: all waits in it and below it end with the same
   * {@linkcode Cancelled}, and so does every later checkpoint. Shielded scopes below go on. Does
   * nothing when it is cancelled already: the first reason stays.
   *
   * @param reason Why; becomes the `reason` of the `Cancelled`.
   */
  cancel(reason?: unknown): void {
    this.#cancel(reason, "call");
  }

  /**
   * Asks for a graceful end: {@linkcode Scope.stopping} turns true here and below, and the waits
   * marked `endOnStop` (accept loops, consumers) end. Whatever still runs after `grace` is
   * cancelled. Asking again can only shorten the grace.
   *
   * @param options How long the grace is, in milliseconds.
   * @throws {RangeError} When `grace` is negative or not a number.
   *
   * @example
   * ```ts
   * import { sleep, taskGroup } from "@grove/grove";
   *
   * await taskGroup(async (group) => {
   *   group.spawn(async (task) => {
   *     while (!task.stopping) await sleep(1000, { endOnStop: true });
   *     console.log("finished the work at hand");
   *   });
   *   await sleep(1);
   *   group.stop({ grace: 500 });
   * });
   * ```
   */
  stop(options: StopOptions = {}): void {
    checkOptions(options, `stop "${this.name}"`);
    const { grace = 4000 } = options;
    checkTime(grace, `stop "${this.name}"`, "'grace'");
    if ((this.#flags & ENDED) !== 0) return;
    this.#flags |= STOPPING;
    walk(this, endMarkedWaits);
    const extras = this.#extra();
    const due = currentClock().now() + grace;
    if (due >= extras.graceDue) return;
    extras.graceDue = due;
    extras.graceAlarm?.lift();
    extras.graceAlarm = new Alarm(
      due,
      () => this.#cancel(`it did not stop within ${grace} ms`, "call"),
    );
  }

  /**
   * Called when the scope around this one has ended, and waits for this one to end.
   *
   * @ignore
   */
  abandoned(): void {}

  #extra(): Extras {
    return this.#extras ??= new Extras();
  }

  #cancel(reason: unknown, cause: CancelCause): void {
    if ((this.#flags & ENDED) !== 0) return;
    const extras = this.#extra();
    if (extras.cancelled !== undefined) return;
    extras.cancelled = new Cancelled(this, reason);
    extras.cause = cause;
    extras.cancelledAt = currentClock().now();
    disarm(extras);
    if (hooks !== null) hooks.cancelled(this);
    refresh(this);
  }

  #arm(): void {
    const extras = this.#extras;
    if (extras === null) return;
    extras.deadlineAlarm?.lift();
    if (extras.due === Infinity || extras.cancelled !== undefined) return;
    // A deadline that has passed holds from the first checkpoint on, not from the next turn of the
    // loop on.
    if (extras.due <= currentClock().now()) this.#expire();
    else extras.deadlineAlarm = new Alarm(extras.due, () => this.#expire());
  }

  #expire(): void {
    this.#cancel(
      new TimeoutError(`Cannot finish "${this.name}" as its time is up. Give it more, or do less`),
      "deadline",
    );
  }

  // What follows is for the kernel alone.

  static {
    link = (scope, parent, locals) => {
      scope.#parent = parent;
      scope.#openedAt = coarseNow;
      scope.#locals = locals;
      const first = parent.#children;
      if (first === null) {
        parent.#children = scope;
      } else {
        const last = first.#prev;
        scope.#next = first;
        scope.#prev = last;
        last.#next = scope;
        first.#prev = scope;
      }
      activity++;
      if (parent.#extras !== null) parent.#extras.joined?.(scope);
      if (scope.#extras !== null) {
        scope.#arm();
        refresh(scope);
      } else if ((scope.#flags & SHIELDED) === 0) {
        scope.#pending = parent.#pending;
      }
      if (hooks !== null && (scope.#flags & TASK) !== 0) hooks.spawned(scope);
    };

    unlink = (scope) => {
      const parent = scope.#parent!;
      const next = scope.#next;
      if (next === scope) {
        parent.#children = null;
      } else {
        const prev = scope.#prev;
        prev.#next = next;
        next.#prev = prev;
        if (parent.#children === scope) parent.#children = next;
        scope.#next = scope.#prev = scope;
      }
      scope.#flags |= ENDED;
      activity++;
      if (scope.#extras !== null) disarm(scope.#extras);
      if (scope.#blocked !== null) rehome(scope, parent);
      if (hooks !== null && (scope.#flags & TASK) !== 0) hooks.exited(scope);
      if (parent.#children === null && parent.#extras !== null) parent.#extras.drained?.();
    };

    block = (scope, wait) => {
      wait.scope = scope;
      wait.since = coarseNow;
      activity++;
      const first = scope.#blocked;
      if (first === null) {
        scope.#blocked = wait;
      } else {
        const last = first.blockedPrev;
        wait.blockedNext = first;
        wait.blockedPrev = last;
        last.blockedNext = wait;
        first.blockedPrev = wait;
      }
      // When all is in place: what a tool does then, and be it a cancellation, finds the wait.
      if (hooks !== null) hooks.blocked(scope, wait);
    };

    unblock = (wait) => {
      const scope = wait.scope;
      if (scope === null) return;
      wait.scope = null;
      activity++;
      const next = wait.blockedNext;
      if (next === wait) {
        scope.#blocked = null;
      } else {
        const prev = wait.blockedPrev;
        prev.blockedNext = next;
        next.blockedPrev = prev;
        if (scope.#blocked === wait) scope.#blocked = next;
        wait.blockedNext = wait.blockedPrev = wait;
      }
      if (hooks !== null) hooks.unblocked(scope, wait);
    };

    pendingIn = (scope) => scope.#pending;
    parentOf = (scope) => scope.#parent;
    localsOf = (scope) => scope.#locals;
    markTask = (scope) => {
      scope.#flags |= TASK;
    };
    isTask = (scope) => (scope.#flags & TASK) !== 0;
    hasEnded = (scope) => (scope.#flags & ENDED) !== 0;
    isUntouched = (scope) =>
      scope.#children === null && scope.#blocked === null && scope.#extras === null &&
      scope.#pending === null;
    hasChildren = (scope) => scope.#children !== null;
    causeOf = (scope) => scope.#extras?.cause;
    cancelledAt = (scope) => scope.#extras?.cancelledAt ?? 0;
    openedAt = (scope) => scope.#openedAt;

    children = (scope) => {
      const list: Scope[] = [];
      const first = scope.#children;
      let child = first;
      while (child !== null) {
        list.push(child);
        child = child.#next === first ? null : child.#next;
      }
      return list;
    };

    blockedIn = (scope) => {
      const list: Blocked<unknown>[] = [];
      const first = scope.#blocked;
      let wait = first;
      while (wait !== null) {
        list.push(wait);
        wait = wait.blockedNext === first ? null : wait.blockedNext;
      }
      return list;
    };

    rejectionIn = (scope) => {
      const pending = scope.#pending!;
      // A loop that swallows every `Cancelled` must not keep the event loop from turning.
      if (++refusals % 1024 === 0) return refuseInNextTurn(pending);
      const source = (pending.scope as Scope).#extras!;
      if (source.rejection === undefined) {
        source.rejection = Promise.reject(pending);
        floats(source.rejection);
      }
      return source.rejection;
    };

    onReached = (scope, reached) => {
      scope.#extra().reached = reached;
      scope.#flags |= NOTIFIED;
    };

    youngest = (scope, is) => {
      const first = scope.#children;
      if (first === null) return null;
      for (let child = first.#prev;; child = child.#prev) {
        if (is(child)) return child;
        if (child === first) return null;
      }
    };

    shieldScope = (scope, shielded) => {
      scope.#flags = shielded ? scope.#flags | SHIELDED : scope.#flags & ~SHIELDED;
      if (scope.#parent !== null) refresh(scope);
    };

    isLimited = (scope) => {
      const extras = scope.#extras;
      return extras !== null &&
        (extras.due !== Infinity || extras.graceDue !== Infinity || extras.watch !== undefined);
    };

    isStopping = (scope) => (scope.#flags & STOPPING) !== 0;

    isShielded = (scope) => (scope.#flags & SHIELDED) !== 0;

    limitScope = (scope, options) => {
      const { timeout, deadline, signal } = options;
      if (timeout === undefined && deadline === undefined && signal === undefined) return;
      const clock = currentClock();
      const extras = scope.#extra();
      if (timeout !== undefined) extras.due = Math.min(extras.due, clock.now() + timeout);
      if (deadline !== undefined) {
        extras.due = Math.min(extras.due, clock.now() + (Number(deadline) - clock.wall()));
      }
      if (signal === undefined || extras.cancelled !== undefined) return;
      if (signal.aborted) scope.#cancel(signal.reason, "signal");
      else {
        extras.watch = new SignalWatch(signal, () => scope.#cancel(signal.reason, "signal"));
      }
    };

    drain = (scope, mayStay = nobody) => {
      const end = (child: Scope) => {
        if (hasEnded(child) || mayStay(child)) return;
        // A shield keeps this out too, as it would one level further down; it is waited for.
        if ((child.#flags & SHIELDED) === 0) {
          child.cancel(`"${scope.name}", which it is part of, has ended`);
        }
        child.abandoned();
      };
      for (const child of children(scope)) end(child);
      // What is opened meanwhile, by code that was left behind, comes too late, and is ended too.
      scope.#extra().joined = (child) => void RESOLVED.then(() => end(child));
      return drained(scope);
    };

    drained = (scope) => {
      if (scope.#children === null) return RESOLVED;
      return new Promise((resolve) => {
        const extras = scope.#extra();
        const others = extras.drained;
        extras.drained = () => {
          extras.drained = extras.joined = undefined;
          others?.();
          resolve();
        };
      });
    };

    refresh = (top) => {
      let notified: Scope[] | undefined;
      walk(top, (scope) => {
        const parent = (scope.#flags & SHIELDED) === 0 ? scope.#parent : null;
        const outer = parent === null ? null : parent.#pending;
        const pending = outer ?? scope.#extras?.cancelled ?? null;
        if (pending === scope.#pending) return false;
        scope.#pending = pending;
        if (pending === null) return true;
        while (scope.#blocked !== null) scope.#blocked.cancel(pending);
        if ((scope.#flags & NOTIFIED) !== 0) (notified ??= []).push(scope);
        return true;
      });
      if (notified === undefined) return;
      // Only now, when every scope below knows: listeners are foreign code, and may look around and
      // act.
      for (const scope of notified) {
        // A listener before this one may have shielded it, or brought it to its end.
        if (scope.#pending === null) continue;
        scope.#extras!.controller?.abort(scope.#pending);
        scope.#extras!.reached?.();
      }
    };

    walk = (top, visit) => {
      let scope = top;
      for (;;) {
        if (visit(scope) && scope.#children !== null) {
          scope = scope.#children;
          continue;
        }
        while (scope !== top && scope.#next === scope.#parent!.#children) scope = scope.#parent!;
        if (scope === top) return;
        scope = scope.#next;
      }
    };

    endMarkedWaits = (scope) => {
      // The end of one may be that of another.
      for (const wait of blockedIn(scope)) if (wait.scope === scope) wait.stop();
      return true;
    };

    rehome = (scope, parent) => {
      // Waits that their task did not wait for: they go on, and the next scope outside answers for
      // them.
      for (const wait of blockedIn(scope)) {
        if (wait.scope !== scope) continue;
        const { since } = wait;
        unblock(wait);
        if (wait.abandon()) continue;
        if (parent.#pending === null) {
          block(parent, wait);
          wait.since = since;
        } else {
          wait.cancel(parent.#pending);
        }
      }
    };
  }
}

let refusals = 0;

function refuseInNextTurn(pending: Cancelled): Promise<never> {
  const refusal = new Promise<never>((_, reject) => nextTurn(() => reject(pending)));
  floats(refusal);
  return refusal;
}

function nobody(): boolean {
  return false;
}

function disarm(extras: Extras): void {
  extras.deadlineAlarm?.lift();
  extras.graceAlarm?.lift();
  extras.watch?.release();
  extras.deadlineAlarm = extras.graceAlarm = extras.watch = undefined;
}
