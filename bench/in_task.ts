/**
 * Runs inside a task: reading the current scope costs more there than outside of all tasks, and there is where programs are.
 *
 * @module
 */

import { taskGroup } from "../mod.ts";

/** The same run, in a task of its own. Its spawn must not matter among the operations of a run. */
export function inTask<R>(run: (size: number) => Promise<R>): (size: number) => Promise<R> {
  return (size) => taskGroup((group) => group.spawn(() => run(size)));
}
