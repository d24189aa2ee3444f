/**
 * Waiting for one of several things, and taking exactly that one. All arms are tried first, in
 * random order, so that none of those that are always ready can shut out the others; when none is
 * ready, a node is parked with each, and the first to be woken takes the rest out again.
 *
 * @module
 */

import { atOnce } from "./kernel/budget.ts";
import { checkOptions, show } from "./kernel/check.ts";
import { currentScope } from "./kernel/context.ts";
import type { Cancelled } from "./kernel/errors.ts";
import { Parked, type WaitQueue, type WaitTarget } from "./kernel/queue.ts";
import type { Scope } from "./kernel/scope.ts";
import { keepShape } from "./kernel/shapes.ts";
import {
  enqueue,
  entry,
  notReady,
  poll,
  suspend,
  type Waitable,
  Waiter,
  type WaitOptions,
} from "./kernel/wait.ts";

/** What a select waits for: named things, each of which can be waited for. */
export type SelectArms = Readonly<Record<string, Waitable<unknown>>>;

/** What a select resolves to: which arm has won, and what it gave. */
export type Selected<A extends SelectArms> = {
  [K in keyof A]-?: {
    readonly key: K;
    readonly value: Required<A>[K] extends Waitable<infer T> ? T : never;
  };
}[keyof A];

/** What {@linkcode select} can be told. */
export interface SelectOptions extends WaitOptions {
  /** Prefers the arms in the order in which they are named. Default: `false`. */
  biased?: boolean;
}

/** A suspended select. */
class Selection extends Waiter<unknown> {
  readonly arms: Arm[] = [];

  override wake(value: unknown): void {
    this.#withdraw();
    super.wake(value);
  }

  override fail(error: unknown): void {
    this.#withdraw();
    super.fail(error);
  }

  override cancel(error: Cancelled): void {
    this.#withdraw();
    super.cancel(error);
  }

  override get targets(): readonly WaitTarget[] {
    return this.arms.map((arm) => arm.queue?.target ?? arm);
  }

  // From all queues first, and only then is told that they are empty: that a writer has given up may
  // let readers in, and one of them may be another arm of this.
  #withdraw(): void {
    const left: WaitQueue<unknown>[] = [];
    for (const arm of this.arms) {
      if (arm.queue === null) continue;
      left.push(arm.queue);
      arm.queue.unlink(arm);
    }
    for (const queue of left) if (queue.size === 0) queue.emptied();
  }
}

/** What a select leaves with each of the things that it waits for. */
class Arm extends Parked<unknown> {
  readonly #selection: Selection;
  readonly #key: string;

  constructor(selection: Selection, key: string) {
    super();
    this.#selection = selection;
    this.#key = key;
  }

  // Who made what it waits for need not have a queue: then all that is known of that is its name here.
  get kind(): string {
    return "arm";
  }

  get name(): string {
    return this.#key;
  }

  /** Where the task that selects is suspended: a lock wants to know who its owner will be. */
  get scope(): Scope | null {
    return this.#selection.scope;
  }

  override wake(value: unknown): void {
    this.#selection.wake({ key: this.#key, value });
  }

  override fail(error: unknown): void {
    this.#selection.fail(error);
  }
}

/**
 * Waits for the first of several things and takes it; of the others nothing is taken, and they do
 * not notice. What can be an arm: a channel (receives) and `channel.sending(item)`, a queue (gets)
 * and `queue.putting(item)`, a subscription, an event, a lock or semaphore (acquires, and gives the
 * guard), a task, a `Deferred`, `after(ms)`. An arm that has failed, a closed channel say, counts as
 * ready. As a select can go on with any of its arms, it is never
 * reported as a deadlock.
 *
 * @typeParam A The arms.
 * @param arms What to wait for, each by a name of your choice.
 * @param options `signal`, `timeout` in milliseconds, `biased`.
 * @returns Resolves to the name of the arm that has won and the value that it gave: `switch` over
 * `key` gives `value` its type.
 * @throws {TypeError} At the call, when there is no arm, or one that cannot be waited for.
 * @throws What the arm throws that ends first: the error of a task, `ClosedError` of a channel.
 * @throws {TimeoutError} When the time is up.
 * @throws {Cancelled} When the scope is cancelled. Nothing is taken then.
 *
 * @example
 * ```ts
 * import { after, Channel, select } from "@grove/grove";
 *
 * const orders = new Channel<string>(4);
 * const returns = new Channel<number>(4);
 * await returns.send(7);
 *
 * const next = await select({ orders, returns, quiet: after(1000) });
 * switch (next.key) {
 *   case "orders":
 *     console.log("order", next.value.toUpperCase());
 *     break;
 *   case "returns":
 *     console.log("return", next.value.toFixed()); // return 7
 *     break;
 *   case "quiet":
 *     console.log("nothing to do");
 * }
 * ```
 *
 * @example An arm that is there only sometimes
 * ```ts
 * import { after, Channel, select } from "@grove/grove";
 *
 * const keys = new Channel<string>(4);
 * await keys.send("a");
 *
 * let last: string | undefined;
 * for (;;) {
 *   const next = await select({ keys, ...(last && { quiet: after(5) }) });
 *   if (next.key === "quiet") break;
 *   last = next.value;
 * }
 * console.log("typed", last); // typed a
 * ```
 */
export function select<A extends SelectArms>(
  arms: A,
  options?: SelectOptions,
): Promise<Selected<A>> {
  checkArms(arms);
  if (options !== undefined) checkSelectOptions(options);
  const keys = Object.keys(arms);
  const sources = Object.values(arms);
  if (keys.length === 0) {
    throw new TypeError("Cannot select as there is nothing to wait for. Name one arm at least");
  }
  for (let i = 0; i < keys.length; i++) checkArm(sources[i], keys[i]);
  const scope = currentScope();
  const barred = entry(scope, options);
  if (barred !== undefined) return barred;

  try {
    for (let i = 0; i < keys.length; i++) {
      if (options?.biased !== true) drawNext(keys, sources, i);
      const value = sources[i][poll]();
      if (value !== notReady) {
        return atOnce(Promise.resolve({ key: keys[i], value } as Selected<A>));
      }
    }
  } catch (error) {
    return Promise.reject(error);
  }

  const selection = new Selection();
  for (const [key, source] of Object.entries(arms)) {
    const arm = new Arm(selection, key);
    selection.arms.push(arm);
    source[enqueue](arm);
  }
  return suspend(scope, selection, options) as Promise<Selected<A>>;
}

function checkArms(arms: unknown): void {
  if (typeof arms === "object" && arms !== null) return;
  throw new TypeError(
    `Cannot select as the arms must be an object of things to wait for, by name: received ${
      show(arms)
    }`,
  );
}

function checkSelectOptions(options: SelectOptions): void {
  checkOptions(options, "select");
  const { biased } = options;
  if (biased === undefined || typeof biased === "boolean") return;
  throw new TypeError(`Cannot select as 'biased' must be a boolean: received ${show(biased)}`);
}

function checkArm(arm: unknown, key: string): void {
  if (
    typeof arm === "object" && arm !== null &&
    typeof (arm as Partial<Waitable<unknown>>)[poll] === "function"
  ) return;
  throw new TypeError(
    `Cannot select as "${key}" cannot be waited for: received ${
      show(arm)
    }. Give it a channel, queue, event, lock, semaphore, task or after(ms)`,
  );
}

/** Draws the arm to be tried next of those that were not, and brings it to `place`. */
function drawNext(keys: string[], sources: Waitable<unknown>[], place: number): void {
  const drawn = place + random(keys.length - place);
  const key = keys[drawn];
  const source = sources[drawn];
  keys[drawn] = keys[place];
  sources[drawn] = sources[place];
  keys[place] = key;
  sources[place] = source;
}

// Of our own and with a fixed seed, so that a program that is repeated selects the same.
let state = 0x9E3779B9;

/** A number from 0 up to and without `below`: G. Marsaglia, "Xorshift RNGs" (2003). */
function random(below: number): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  // Scaled and not by `%`, which is a division in floating point here.
  return ((state >>> 16) * below) >>> 16;
}

keepShape(new Selection());
keepShape(new Arm(new Selection(), ""));
