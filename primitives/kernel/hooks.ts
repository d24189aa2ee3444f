/**
 * Where instruments are told what tasks do. Without one each place costs a comparison with `null`;
 * whether that can be measured is what the benchmark's row `instrument` is for.
 *
 * @module
 */

import type { Blocked, Scope } from "./scope.ts";
import type { Task } from "./task.ts";

/** What the kernel tells, at the moment it has happened. None of it may throw. */
export interface Hooks {
  /** A task stands in the tree. It starts now, or is queued. */
  spawned(task: Task): void;
  /** The function of a task is about to be called. */
  started(task: Task): void;
  /** Calls the function of a task. */
  call<R>(task: Task, fn: () => R): R;
  /** A wait is suspended in a scope. */
  blocked(scope: Scope, wait: Blocked<unknown>): void;
  /** A wait has ended that was suspended in a scope, in whatever way. */
  unblocked(scope: Scope, wait: Blocked<unknown>): void;
  /** A scope was cancelled itself, and not from outside. */
  cancelled(scope: Scope): void;
  /** A task has ended, and stands in the tree no more. */
  exited(task: Task): void;
}

/** Whom to tell; `null` when nobody listens. */
export let hooks: Hooks | null = null;

/** Puts others in their place. */
export function setHooks(next: Hooks | null): void {
  hooks = next;
}
