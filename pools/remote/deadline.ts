/**
 * A limit for synchronous code, which no timer can interrupt: in Deno only a call through `node:vm`
 * can.
 *
 * @module
 */

import { LONGEST_DELAY } from "../../primitives/kernel/clock.ts";
interface Vm {
  Script: new (code: string) => { runInThisContext(options: { timeout: number }): unknown };
}

interface Platform {
  process: { getBuiltinModule(name: "node:vm"): Vm };
}

const CALL: unique symbol = Symbol.for("grove.call");

const global = globalThis as unknown as Platform & { [CALL]?: () => unknown };

let script: InstanceType<Vm["Script"]> | undefined;

/** What is thrown by a call that was interrupted. */
export const INTERRUPTED: unique symbol = Symbol("grove.interrupted");

/**
 * Calls a function, and interrupts it when it has not returned within so many milliseconds.
 *
 * @throws {INTERRUPTED} When it was interrupted.
 */
export function callWithin<R>(ms: number, fn: () => R): R {
  const { Script } = global.process.getBuiltinModule("node:vm");
  script ??= new Script('globalThis[Symbol.for("grove.call")]()');
  // Not the result itself: what the script returns would go through its context.
  let result: R;
  global[CALL] = () => {
    delete global[CALL];
    result = fn();
  };
  try {
    script.runInThisContext({ timeout: Math.min(Math.max(1, Math.ceil(ms)), LONGEST_DELAY) });
  } catch (error) {
    const { code } = error as { code?: string } ?? {};
    throw code === "ERR_SCRIPT_EXECUTION_TIMEOUT" ? INTERRUPTED : error;
  }
  return result!;
}
