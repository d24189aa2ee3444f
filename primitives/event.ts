/**
 * A flag to wait for: one sets it, all who wait go on.
 *
 * @module
 */

import { type Parked, WaitQueue, type WaitTarget } from "./kernel/queue.ts";
import {
  enqueue,
  notReady,
  poll,
  type Waitable,
  waitFor,
  type WaitOptions,
} from "./kernel/wait.ts";
import { checkNamed, type NamedOptions } from "./named.ts";

/** How an event is doing. */
export interface EventStats {
  /** Whether it is set. */
  readonly isSet: boolean;
  /** How many wait for it. */
  readonly waiters: number;
  /** How many waited for it at most. */
  readonly peakWaiters: number;
}

/**
 * A flag that is set and cleared, and waited for by any number of tasks.
 *
 * The name is that of the field (`threading.Event`, `trio.Event`); where a program also uses the
 * DOM's `Event`, import it under another one: `import { Event as Flag }`.
 *
 * @example
 * ```ts
 * import { Event, taskGroup } from "@grove/grove";
 *
 * const green = new Event();
 * await taskGroup((group) => {
 *   for (const car of ["first", "second"]) {
 *     group.spawn(async () => {
 *       await green.wait();
 *       console.log(car, "car goes");
 *     });
 *   }
 *   green.set();
 * });
 * ```
 */
export class Event implements Waitable<void>, WaitTarget {
  /** What errors and `inspect()` call it: the `name` option, or "". */
  readonly name: string;
  readonly #queue: WaitQueue<void> = new WaitQueue<void>(this);
  #set = false;

  /**
   * Makes an event that is not set.
   *
   * @param options `name`.
   * @throws {TypeError} When the name is no string.
   */
  constructor(options?: NamedOptions) {
    this.name = checkNamed(options, "make an event");
  }

  /** What a wait for it is shown as. */
  get kind(): "event" {
    return "event";
  }

  /** Whether it is set. */
  get isSet(): boolean {
    return this.#set;
  }

  /** Sets it: all who wait go on, and whoever waits later does so at once, until it is cleared. */
  set(): void {
    if (this.#set) return;
    this.#set = true;
    this.#queue.wakeAll();
  }

  /** Clears it. Those whom `set()` has let go on do go on. */
  clear(): void {
    this.#set = false;
  }

  /**
   * Waits until it is set.
   *
   * @param options `signal` and `timeout` in milliseconds, which end the wait.
   * @returns Resolves to nothing, when it is set; at once when it is set already.
   * @throws {TimeoutError} When the time is up.
   * @throws {Cancelled} When the scope is cancelled.
   */
  wait(options?: WaitOptions): Promise<void> {
    return waitFor(this, options);
  }

  /**
   * How it is doing.
   *
   * @returns A frozen snapshot.
   */
  stats(): EventStats {
    return Object.freeze({
      isSet: this.#set,
      waiters: this.#queue.size,
      peakWaiters: this.#queue.peak,
    });
  }

  /** @ignore */
  [poll](): void | typeof notReady {
    if (!this.#set) return notReady;
  }

  /** @ignore */
  [enqueue](node: Parked<void>): void {
    this.#queue.add(node);
  }
}
