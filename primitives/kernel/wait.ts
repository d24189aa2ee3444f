/**
 * The one place where tasks are suspended. Every primitive is state, a fast path, and one call into
 * this file; so that fairness, cancellation, time-outs and signals are written, and right, once.
 *
 * A wait ends exactly once: it is woken from its queue, or its scope is cancelled, or its own
 * time-out or signal comes. Whichever is first takes it out of all the others, so the losers leave
 * no trace; a wake that came before a cancellation stands, and the value is delivered.
 *
 * Suspending allocates the promise and one {@linkcode Waiter}. A cancelled wait's promise is
 * rejected directly: letting it resolve with a token that an async function around it turns into a
 * throw took twice the time, and 350 bytes more.
 *
 * @module
 */

import { atOnce } from "./budget.ts";
import { checkOptions, checkSignal, checkTime } from "./check.ts";
import { currentClock } from "./clock.ts";
import { currentScope } from "./context.ts";
import { floats } from "./floating.ts";
import { type Cancelled, ClosedError, TimeoutError } from "./errors.ts";
import { labelOf, type Parked } from "./queue.ts";
import { block, Blocked, pendingIn, rejectionIn, type Scope, unblock } from "./scope.ts";
import { keepShape } from "./shapes.ts";
import { SignalWatch } from "./signals.ts";
import { Alarm } from "./timers.ts";

/** What every blocking call takes besides its operands. */
export interface WaitOptions {
  /** Ends the wait with the signal's reason when it aborts. */
  signal?: AbortSignal;
  /** Ends the wait with a `TimeoutError` after so many milliseconds. Default: `Infinity`. */
  timeout?: number;
  /** Ends the wait when its scope is asked to `stop()`. Default: `false`. */
  endOnStop?: boolean;
}

/**
 * What a {@linkcode Waitable} answers when there is nothing to take yet.
 *
 * @example
 * ```ts
 * import { Channel, notReady, poll } from "@grove/grove";
 *
 * const channel = new Channel<string>(1);
 * console.log(channel[poll]() === notReady); // true
 * await channel.send("news");
 * console.log(channel[poll]()); // news
 * ```
 */
export const notReady: unique symbol = Symbol("grove.notReady");

/**
 * Takes now, if it can be: returns the value, or {@linkcode notReady}.
 *
 * @example
 * ```ts
 * import { notReady, poll, Semaphore } from "@grove/grove";
 *
 * const seats = new Semaphore(1);
 * console.log(seats[poll]() === notReady, seats[poll]() === notReady); // false true
 * ```
 */
export const poll: unique symbol = Symbol("grove.poll");

/**
 * Puts a node where it will be woken with the value: see {@linkcode Waitable}.
 *
 * @example Something to wait for that is made of another
 * ```ts
 * import { enqueue, Event, type Parked, poll, select, type Waitable } from "@grove/grove";
 *
 * const ready = new Event();
 * const doubleChecked: Waitable<void> = {
 *   [poll]: () => ready[poll](),
 *   [enqueue]: (node: Parked<void>) => ready[enqueue](node),
 * };
 * setTimeout(() => ready.set());
 * await select({ doubleChecked });
 * ```
 */
export const enqueue: unique symbol = Symbol("grove.enqueue");

/**
 * What can be waited for. A plain wait is a wait for one of these; a `select` is a wait for
 * several. All primitives are made of it, and so can others be: some state, a {@linkcode WaitQueue},
 * and {@linkcode waitFor}, which sees to cancellation, time-outs and signals.
 *
 * @typeParam T What whoever waits gets.
 *
 * @example A primitive of one's own, also for `select`
 * ```ts
 * import {
 *   enqueue,
 *   notReady,
 *   type Parked,
 *   poll,
 *   taskGroup,
 *   type Waitable,
 *   waitFor,
 *   type WaitOptions,
 *   WaitQueue,
 * } from "@grove/grove";
 *
 * class CountDownLatch implements Waitable<void> {
 *   #left: number;
 *   readonly #waiting = new WaitQueue<void>({ kind: "latch", name: "" });
 *
 *   constructor(count: number) {
 *     this.#left = count;
 *   }
 *
 *   countDown(): void {
 *     if (--this.#left === 0) this.#waiting.wakeAll();
 *   }
 *
 *   wait(options?: WaitOptions): Promise<void> {
 *     return waitFor(this, options);
 *   }
 *
 *   [poll](): void | typeof notReady {
 *     if (this.#left > 0) return notReady;
 *   }
 *
 *   [enqueue](node: Parked<void>): void {
 *     this.#waiting.add(node);
 *   }
 * }
 *
 * const latch = new CountDownLatch(2);
 * await taskGroup((group) => {
 *   group.spawn(() => latch.wait({ timeout: 1000 }));
 *   latch.countDown();
 *   latch.countDown();
 * });
 * ```
 */
export interface Waitable<T> {
  /** Takes now, or answers {@linkcode notReady}; throws when what is waited for has failed. */
  [poll](): T | typeof notReady;
  /** Adds the node to the queue of those who wait; it must not be woken before this returns. */
  [enqueue](node: Parked<T>): void;
}

/** A suspended task: in the queue of what it waits for, and among the waits of its scope. */
export class Waiter<T> extends Blocked<T> {
  promise: Promise<T> | undefined;
  resolve!: (value: T) => void;
  reject!: (error: unknown) => void;
  limits: Limits | null = null;

  override wake(value: T): void {
    this.#leave();
    this.resolve(value);
  }

  override fail(error: unknown): void {
    this.#leave();
    this.reject(error);
    this.left();
  }

  override cancel(error: Cancelled): void {
    this.#leave();
    // Also where somebody will await it: when thousands are rejected before that, the platform
    // looks for each in its list of the unhandled (measured: 6.5 s for 50,000).
    floats(this.promise!);
    this.reject(error);
    this.left();
  }

  override stop(): void {
    if (this.limits?.endOnStop) this.fail(stopped());
  }

  override get isLimited(): boolean {
    return this.limits?.areSet ?? false;
  }

  /** The wait has ended without what it was for: others may have to be told. */
  protected left(): void {}

  #leave(): void {
    this.queue?.remove(this);
    unblock(this);
    if (this.limits !== null) this.limits.lift();
  }
}

keepShape(new Waiter());

/**
 * What can end a wait besides its queue and its scope. Only waits that were given options have one.
 */
class Limits {
  readonly endOnStop: boolean;
  readonly #alarm: Alarm | undefined;
  readonly #watch: SignalWatch | undefined;

  constructor(
    waiter: Blocked<unknown>,
    { signal, timeout = Infinity, endOnStop = false }: WaitOptions,
  ) {
    this.endOnStop = endOnStop;
    if (timeout !== Infinity) {
      this.#alarm = new Alarm(
        currentClock().now() + timeout,
        () => waiter.fail(timedOut(timeout, waiter)),
      );
    }
    if (signal !== undefined) {
      this.#watch = new SignalWatch(signal, () => waiter.fail(signal.reason));
    }
  }

  get areSet(): boolean {
    return this.#alarm !== undefined || this.#watch !== undefined || this.endOnStop;
  }

  lift(): void {
    this.#alarm?.lift();
    this.#watch?.release();
  }
}

/**
 * Waits for what is there or will be: the one function that suspends tasks.
 *
 * @typeParam T What it gives.
 * @param source What to wait for.
 * @param options `signal`, `timeout` in milliseconds, and `endOnStop`.
 * @returns What the source gives. Where that is there at once, the task is not suspended.
 * @throws {TypeError | RangeError} At the call, when the options make no sense.
 * @throws {Cancelled} When the scope is cancelled.
 * @throws {TimeoutError} When the time is up.
 *
 * @example
 * ```ts
 * import { Channel, waitFor } from "@grove/grove";
 *
 * const channel = new Channel<number>(1);
 * await channel.send(1);
 * console.log(await waitFor(channel, { timeout: 1000 })); // 1
 * ```
 */
export function waitFor<T>(source: Waitable<T>, options?: WaitOptions): Promise<T> {
  const scope = currentScope();
  const barred = entry(scope, options);
  if (barred !== undefined) return barred;
  try {
    const value = source[poll]();
    if (value !== notReady) return atOnce(Promise.resolve(value));
  } catch (error) {
    return Promise.reject(error);
  }
  const waiter = new Waiter<T>();
  source[enqueue](waiter);
  return suspend(scope, waiter, options);
}

/** Waits for a promise that Grove did not make, and abandons it when the wait is cancelled. */
export function waitForPromise<T>(promise: PromiseLike<T>, options?: WaitOptions): Promise<T> {
  const scope = currentScope();
  const barred = entry(scope, options);
  if (barred !== undefined) {
    // A promise that rejects later has been handled; anything else is not to be touched: `then` may
    // be what starts it.
    if (promise instanceof Promise) promise.then(ignore, ignore);
    return barred;
  }
  const waiter = new Waiter<T>();
  // A promise of our own: a foreign `then` may call back at once, when nobody is suspended yet, or
  // throw.
  (promise instanceof Promise ? promise : new Promise<T>((resolve) => resolve(promise))).then(
    (value) => {
      if (waiter.scope !== null) waiter.wake(value);
    },
    (error) => {
      if (waiter.scope !== null) waiter.fail(error);
    },
  );
  return suspend(scope, waiter, options);
}

/**
 * The door of every checkpoint: `undefined` when the wait may begin, a rejected promise when the
 * scope is cancelled or the call's own signal has aborted. Nothing has happened by then.
 */
export function entry(scope: Scope, options?: WaitOptions): Promise<never> | undefined {
  if (options === undefined) return pendingIn(scope) === null ? undefined : rejectionIn(scope);
  checkWaitOptions(options);
  if (pendingIn(scope) !== null) return rejectionIn(scope);
  if (options.signal?.aborted) return Promise.reject(options.signal.reason);
  return undefined;
}

/**
 * Suspends the running task: the waiter is in its queue already, and this puts it into its scope.
 */
export function suspend<T>(
  scope: Scope,
  waiter: Waiter<T>,
  options: WaitOptions | undefined,
): Promise<T> {
  capturing = waiter as Waiter<unknown>;
  const promise = waiter.promise = new Promise<T>(capture as Executor<T>);
  capturing = undefined!; // It would keep alive what the wait will bring.
  if (options === undefined || limit(waiter, scope, options)) block(scope, waiter);
  return promise;
}

/** Sets the limits of a wait; `false` when they have ended it. */
function limit<T>(waiter: Waiter<T>, scope: Scope, options: WaitOptions): boolean {
  // What cannot be had at once is not to be had within no time: no turn of the loop is spent on it.
  if (options.timeout === 0) waiter.fail(timedOut(0, waiter));
  else if (options.endOnStop && scope.stopping) waiter.fail(stopped());
  else {
    waiter.limits = new Limits(waiter as Blocked<unknown>, options);
    return true;
  }
  return false;
}

/** Checks the options of a wait, at the call that was given them. */
export function checkWaitOptions(options: WaitOptions, action = "wait"): void {
  checkOptions(options, action);
  if (options.timeout !== undefined) checkTime(options.timeout, action, "'timeout'");
  if (options.signal !== undefined) checkSignal(options.signal, action);
}

function timedOut<T>(timeout: number, { targets }: Blocked<T>): TimeoutError {
  return new TimeoutError(
    `Cannot wait for ${
      targets.map(labelOf).join(" or ") || "a promise"
    } any longer as the time is up: ${timeout} ms. Give it more, or go on without`,
  );
}

function stopped(): ClosedError {
  return new ClosedError(
    "Cannot wait any longer as the scope is stopping, and the wait was marked 'endOnStop'. Finish the work at hand",
  );
}

type Executor<T> = (resolve: (value: T) => void, reject: (error: unknown) => void) => void;

// One executor for all promises, and not a closure each: a variable tells it whose turn it is.
let capturing: Waiter<unknown>;
const capture: Executor<unknown> = (resolve, reject) => {
  capturing.resolve = resolve;
  capturing.reject = reject;
};

function ignore(): void {}
