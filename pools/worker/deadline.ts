/**
 * A limit for synchronous code, which no timer can interrupt: in Deno only a call through `node:vm`
 * can.
 *
 * @module
 */

import { TimeoutError } from "../../primitives/kernel/errors.ts";

interface Vm {
  Script: new (code: string) => { runInThisContext(options: { timeout: number }): unknown };
}

interface Platform {
  process: { getBuiltinModule(name: "node:vm"): Vm };
}

const CALL: unique symbol = Symbol.for("grove.call");

const global = globalThis as unknown as Platform & { [CALL]?: () => unknown };

let script: InstanceType<Vm["Script"]> | undefined;

/**
 * Calls a function, and interrupts it when it has not returned in time.
 *
 * @throws {TimeoutError} When it was interrupted.
 */
export function callWithin<R>(ms: number, name: string, fn: () => R): R {
  const { Script } = global.process.getBuiltinModule("node:vm");
  script ??= new Script('globalThis[Symbol.for("grove.call")]()');
  // Not the result itself: what the script returns would go through its context.
  let result: R;
  global[CALL] = () => {
    delete global[CALL];
    result = fn();
  };
  try {
    script.runInThisContext({ timeout: Math.max(1, Math.ceil(ms)) });
  } catch (error) {
    if ((error as { code?: string })?.code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw error;
    throw new TimeoutError(
      `Cannot finish "${name}" as its time is up: it was interrupted after ${ms} ms. Give it more, or do less`,
    );
  }
  return result!;
}
