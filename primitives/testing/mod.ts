/**
 * What tests of concurrent programs need: to know when everybody waits, to let time jump, to cancel
 * at every step, and to see what was left behind.
 *
 * @example A test that neither sleeps nor guesses
 * ```ts
 * import { sleep, taskGroup } from "@grove/grove";
 * import { waitAllTasksBlocked, withVirtualTime } from "@grove/grove/testing";
 *
 * await withVirtualTime(async (time) => {
 *   await taskGroup(async (group) => {
 *     const task = group.spawn(() => sleep(86_400_000), { name: "a day" });
 *     await waitAllTasksBlocked();
 *     console.log(task.state); // running
 *   });
 *   console.log(time.elapsed); // 86400000, after some milliseconds of real time
 * });
 * ```
 *
 * @module
 */

export { waitAllTasksBlocked } from "./blocked.ts";
export {
  type Interrupt,
  interruptAtEveryStep,
  type InterruptedRun,
  type InterruptOptions,
} from "./interrupt.ts";
export { withLeakCheck } from "./leaks.ts";
export { Sequencer } from "./sequencer.ts";
export { type VirtualTime, withVirtualTime } from "./virtual_time.ts";
