/**
 * Seeing what was left behind.
 *
 * @module
 */

import { formatTree } from "../format_tree.ts";
import { checkFunction } from "../kernel/check.ts";
import { rootScope } from "../kernel/context.ts";
import { blockedIn, children, type Scope } from "../kernel/scope.ts";
import { pendingTimers } from "../kernel/timers.ts";

interface Census {
  readonly scopes: number;
  readonly waits: number;
  readonly timers: number;
}

/**
 * Runs a function and fails when, after it, there are more live tasks, groups and scopes, suspended
 * waits or timers than before.
 *
 * @typeParam T What the function resolves to.
 * @param fn What to run.
 * @returns What the function returned.
 * @throws {TypeError} At the call, when `fn` is no function.
 * @throws {Error} When something was left behind, with the tree of what there is.
 *
 * @example
 * ```ts
 * import { sleep, taskGroup } from "@grove/grove";
 * import { withLeakCheck } from "@grove/grove/testing";
 *
 * await withLeakCheck(() =>
 *   taskGroup((group) => {
 *     group.spawn(() => sleep(1));
 *   })
 * );
 * ```
 */
export function withLeakCheck<T>(fn: () => T | PromiseLike<T>): Promise<T> {
  checkFunction(fn, "check for leaks", "the argument");
  return checked(fn);
}

async function checked<T>(fn: () => T | PromiseLike<T>): Promise<T> {
  const before = census();
  const value = await fn();
  const after = census();
  const left = [
    count(after.scopes - before.scopes, "task, group or scope", "tasks, groups or scopes"),
    count(after.waits - before.waits, "suspended wait", "suspended waits"),
    count(after.timers - before.timers, "timer", "timers"),
  ].filter((text) => text !== "");
  if (left.length > 0) throw new Error(`Left behind: ${left.join(", ")}\n${formatTree()}`);
  return value;
}

function census(): Census {
  let scopes = 0;
  let waits = 0;
  const open: Scope[] = [rootScope()];
  for (let scope = open.pop(); scope !== undefined; scope = open.pop()) {
    scopes++;
    waits += blockedIn(scope).length;
    for (const child of children(scope)) open.push(child);
  }
  return { scopes, waits, timers: pendingTimers() };
}

function count(more: number, one: string, many: string): string {
  return more <= 0 ? "" : `${more} ${more === 1 ? one : many}`;
}
