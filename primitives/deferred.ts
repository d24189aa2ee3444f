/**
 * A value that comes later, set from outside.
 *
 * @module
 */

import { mayFloat } from "./kernel/floating.ts";
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

/** How a deferred value is doing. */
export interface DeferredStats {
  /** Whether it has come, as a value or as an error. */
  readonly settled: boolean;
  /** How many wait for it. */
  readonly waiters: number;
  /** How many waited for it at most. */
  readonly peakWaiters: number;
}

type Outcome<T> = { readonly value: T } | { readonly error: unknown };

/**
 * A value that one task sets once, and any number of tasks wait for. Unlike
 * `Promise.withResolvers()`, awaiting it is a checkpoint: the wait ends when its scope is cancelled,
 * and the value stays for the others. An error that nobody waits for is kept, and disturbs nobody.
 *
 * @typeParam T What it becomes.
 *
 * @example
 * ```ts
 * import { Deferred, taskGroup } from "@grove/grove";
 *
 * const port = new Deferred<number>();
 * await taskGroup(async (group) => {
 *   group.spawn(() => port.resolve(8080));
 *   console.log(await port); // 8080
 * });
 * ```
 */
export class Deferred<T> implements PromiseLike<T>, Waitable<T>, WaitTarget {
  /** What errors and `inspect()` call it: the `name` option, or "". */
  readonly name: string;
  readonly #queue: WaitQueue<T> = new WaitQueue<T>(this);
  #outcome: Outcome<T> | undefined;
  #promise: Promise<T> | undefined;
  // Of `never`: of `T`, a deferred string would be no deferred unknown.
  #resolve: ((value: never) => void) | undefined;
  #reject: ((error: unknown) => void) | undefined;

  /**
   * Makes one that has not come.
   *
   * @param options `name`.
   * @throws {TypeError} When the name is no string.
   */
  constructor(options?: NamedOptions) {
    this.name = checkNamed(options, "make a deferred value");
  }

  /** What a wait for it is shown as. */
  get kind(): "deferred" {
    return "deferred";
  }

  /** Whether it has come, as a value or as an error. */
  get settled(): boolean {
    return this.#outcome !== undefined;
  }

  /**
   * A plain promise of it, for APIs that take one: it knows of no cancellation, and an error that
   * nobody handles is an unhandled rejection of it. Made on the first call.
   */
  get promise(): Promise<T> {
    if (this.#promise === undefined) {
      // Not by `Promise.withResolvers`, which Node 20 does not have.
      this.#promise = new Promise<T>((resolve, reject) => {
        this.#resolve = resolve;
        this.#reject = reject;
      });
      if (this.#outcome !== undefined) this.#settlePromise(this.#outcome);
    }
    return this.#promise;
  }

  /**
   * Sets the value. Does nothing when it has come already.
   *
   * @param value What those who wait get.
   * @returns Whether this was the first time.
   */
  resolve(value: T): boolean {
    if (!this.#settle({ value })) return false;
    this.#queue.wakeAll(value);
    return true;
  }

  /**
   * Makes it fail. Does nothing when it has come already.
   *
   * @param error What those who wait have thrown at them.
   * @returns Whether this was the first time.
   */
  reject(error: unknown): boolean {
    if (!this.#settle({ error })) return false;
    this.#queue.failAll(error);
    return true;
  }

  /**
   * Waits for it, with the limits of this one wait.
   *
   * @param options `signal` and `timeout` in milliseconds, which end the wait.
   * @returns Resolves to the value.
   * @throws What it was rejected with.
   * @throws {TimeoutError} When the time is up.
   * @throws {Cancelled} When the scope is cancelled.
   */
  wait(options?: WaitOptions): Promise<T> {
    return waitFor(this, options);
  }

  /**
   * Waits for it: what `await` calls. A checkpoint.
   *
   * @param onfulfilled Called with the value.
   * @param onrejected Called with the error; with the `Cancelled` when the task that waits is
   * cancelled.
   * @returns A promise of what the call-back returns.
   */
  then<A = T, B = never>(
    onfulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onrejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    const settled = waitFor(this).then(onfulfilled, onrejected);
    return onrejected ? settled : mayFloat(settled);
  }

  /**
   * How it is doing.
   *
   * @returns A frozen snapshot.
   */
  stats(): DeferredStats {
    return Object.freeze({
      settled: this.settled,
      waiters: this.#queue.size,
      peakWaiters: this.#queue.peak,
    });
  }

  /** @ignore */
  [poll](): T | typeof notReady {
    const outcome = this.#outcome;
    if (outcome === undefined) return notReady;
    if ("error" in outcome) throw outcome.error;
    return outcome.value;
  }

  /** @ignore */
  [enqueue](node: Parked<T>): void {
    this.#queue.add(node);
  }

  #settle(outcome: Outcome<T>): boolean {
    if (this.#outcome !== undefined) return false;
    this.#outcome = outcome;
    this.#settlePromise(outcome);
    return true;
  }

  #settlePromise(outcome: Outcome<T>): void {
    if ("error" in outcome) this.#reject?.(outcome.error);
    else this.#resolve?.(outcome.value as never);
  }
}
