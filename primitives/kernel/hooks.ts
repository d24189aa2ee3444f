/**
 * Where instruments are told what tasks do. Without one each place costs a comparison with `null`;
 * whether that can be measured is what the benchmark's row `instrument` is for.
 *
 * Scopes, tasks and waits are but objects here: their files use this one, and `instrument.ts`, which
 * is told of them, knows what they are.
 *
 * @module
 */

/** What the kernel tells, at the moment it has happened. None of it may throw. */
export interface Hooks {
  /** A task stands in the tree. It starts now, or is queued. */
  spawned(task: object): void;
  /** The function of a task is about to be called. */
  started(task: object): void;
  /** Calls the function of a task. */
  call<R>(task: object, fn: () => R): R;
  /** A wait is suspended in a scope. */
  blocked(scope: object, wait: object): void;
  /** A wait has ended that was suspended in a scope, in whatever way. */
  unblocked(scope: object, wait: object): void;
  /** A scope was cancelled itself, and not from outside. */
  cancelled(scope: object): void;
  /** A task has ended, and stands in the tree no more. */
  exited(task: object): void;
}

/** Whom to tell; `null` when nobody listens. */
export let hooks: Hooks | null = null;

/** Puts others in their place. */
export function setHooks(next: Hooks | null): void {
  hooks = next;
}
