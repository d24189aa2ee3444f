/**
 * Barriers: a number of tasks wait for each other, and go on together.
 *
 * @module
 */

import { checkCount } from "./kernel/check.ts";
import { currentScope } from "./kernel/context.ts";
import { BrokenResourceError, type Cancelled } from "./kernel/errors.ts";
import { labelOf, WaitQueue, type WaitTarget } from "./kernel/queue.ts";
import { isShielded, parentOf, type Scope } from "./kernel/scope.ts";
import { entry, suspend, Waiter, type WaitOptions } from "./kernel/wait.ts";
import { checkNamed, type NamedOptions } from "./named.ts";

/** How a barrier is doing. */
export interface BarrierStats {
  /** How many tasks it takes. */
  readonly parties: number;
  /** How many of them wait. */
  readonly waiters: number;
  /** Whether it is broken. */
  readonly broken: boolean;
}

/** One who has arrived, and whose leaving breaks the barrier. */
class Arrival extends Waiter<number> {
  readonly #leave: (cancelled: Cancelled | undefined) => void;
  #cancelled: Cancelled | undefined;

  constructor(index: number, leave: (cancelled: Cancelled | undefined) => void) {
    super(index);
    this.#leave = leave;
  }

  override cancel(error: Cancelled): void {
    this.#cancelled = error;
    super.cancel(error);
  }

  protected override left(): void {
    this.#leave(this.#cancelled);
  }
}

/**
 * A place where a number of tasks wait for each other: when the last has arrived all go on, and the
 * barrier can be used again. When one of those who wait is cancelled or runs out of time, the
 * others would wait for ever: the barrier is broken, and they get a `BrokenResourceError`.
 *
 * @example
 * ```ts
 * import { Barrier, taskGroup } from "@grove/grove";
 *
 * const start = new Barrier(3);
 * await taskGroup((group) => {
 *   for (const runner of ["a", "b", "c"]) {
 *     group.spawn(async () => {
 *       const index = await start.wait();
 *       if (index === 0) console.log("they are off");
 *       console.log(runner, "runs");
 *     });
 *   }
 * });
 * ```
 */
export class Barrier implements WaitTarget {
  /** What errors and `inspect()` call it: the `name` option, or "". */
  readonly name: string;
  readonly #parties: number;
  readonly #queue: WaitQueue<number> = new WaitQueue<number>(this);
  #broken = false;
  // While those who wait are told, they leave one by one.
  #telling = false;

  /**
   * Makes a barrier.
   *
   * @param parties How many tasks it takes: a whole number from 1 up.
   * @param options `name`.
   * @throws {TypeError | RangeError} When an argument makes no sense.
   */
  constructor(parties: number, options?: NamedOptions) {
    checkCount(parties, "make a barrier", "the number of parties", 1, false);
    this.name = checkNamed(options, "make a barrier");
    this.#parties = parties;
  }

  /** What a wait for it is shown as. */
  get kind(): "barrier" {
    return "barrier";
  }

  /** How many tasks it takes. */
  get parties(): number {
    return this.#parties;
  }

  /** How many of them wait. */
  get waiting(): number {
    return this.#queue.size;
  }

  /** Whether it is broken: whoever waits, now or later, gets an error until it is reset. */
  get broken(): boolean {
    return this.#broken;
  }

  /**
   * Waits until as many have arrived as there are parties.
   *
   * @param options `signal` and `timeout` in milliseconds, which end the wait and break the barrier.
   * @returns Resolves to the place in the order of arrival: 0 for the first. Each value comes once,
   * so it can tell who does what is to be done once.
   * @throws {BrokenResourceError} When another one has left, or `abort()` or `reset()` was called.
   * @throws {TimeoutError} When the time is up.
   * @throws {Cancelled} When the scope is cancelled.
   */
  wait(options?: WaitOptions): Promise<number> {
    const scope = currentScope();
    const barred = entry(scope, options);
    if (barred !== undefined) return barred;
    if (this.#broken) return Promise.reject(this.#breach("it is broken"));
    const index = this.#queue.size;
    if (index === this.#parties - 1) {
      for (let first = this.#queue.first; first !== null; first = this.#queue.first) {
        this.#queue.wakeFirst(first.item as number);
      }
      return Promise.resolve(index);
    }
    const arrival = new Arrival(index, (cancelled) => this.#left(cancelled));
    this.#queue.add(arrival);
    return suspend(scope, arrival, options);
  }

  /** Breaks the barrier: all who wait, and all who come, get a `BrokenResourceError`. */
  abort(): void {
    this.#broken = true;
    this.#tell("it was aborted");
  }

  /** Makes it as new. Those who wait get a `BrokenResourceError`. */
  reset(): void {
    this.#tell("it was reset");
    this.#broken = false;
  }

  /**
   * How it is doing.
   *
   * @returns A frozen snapshot.
   */
  stats(): BarrierStats {
    return Object.freeze({
      parties: this.#parties,
      waiters: this.#queue.size,
      broken: this.#broken,
    });
  }

  #left(cancelled: Cancelled | undefined): void {
    // Once it is broken, whoever still is here is about to be cancelled too.
    if (this.#telling || this.#broken) return;
    this.#broken = true;
    this.#tell("another task has left it", cancelled);
  }

  /** Tells all who wait, but for those whom the same cancellation reaches: they did not fail. */
  #tell(reason: string, cancelled?: Cancelled): void {
    this.#telling = true;
    for (let node = this.#queue.first; node !== null;) {
      const arrival = node as Arrival;
      node = node.next;
      if (cancelled !== undefined && reaches(cancelled, arrival.scope)) continue;
      this.#queue.remove(arrival);
      arrival.fail(this.#breach(reason));
    }
    this.#telling = false;
  }

  #breach(reason: string): BrokenResourceError {
    return new BrokenResourceError(
      `Cannot wait at ${labelOf(this)} as ${reason}. Let all parties begin again after reset()`,
    );
  }
}

/** Whether a cancellation reaches a scope below: no shield is in between. */
function reaches(cancelled: Cancelled, scope: Scope | null): boolean {
  for (; scope !== null && scope !== cancelled.scope; scope = parentOf(scope)) {
    if (isShielded(scope)) return false;
  }
  return scope !== null;
}
